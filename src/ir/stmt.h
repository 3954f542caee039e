// Statement nodes: loops, blocks, stores, and what GPUs need.
//
// A block is the unit that a schedule moves: an iteration domain of its own, and bindings that say which
// point of the domain each turn of the loops around it computes. The loops are only an enumeration order.
#pragma once

#include "ir/expr.h"

namespace tw {

// X(Name, text): how the turns of a loop run.
#define TW_LOOP_KINDS(X)                                        \
  X(Serial, "serial")                                           \
  X(Parallel, "parallel")     /* turns in any order, at once */ \
  X(Vectorized, "vectorized") /* turns are lanes */             \
  X(Unrolled, "unrolled")                                       \
  X(Bound, "bind") /* turns are a GPU index */

// X(Name, text): what a bound loop is bound to.
#define TW_GPU_INDICES(X)   \
  X(BlockX, "blockIdx.x")   \
  X(BlockY, "blockIdx.y")   \
  X(BlockZ, "blockIdx.z")   \
  X(ThreadX, "threadIdx.x") \
  X(ThreadY, "threadIdx.y") \
  X(ThreadZ, "threadIdx.z")

// X(Name, text): kinds of a block's axes.
#define TW_AXIS_KINDS(X)                                                  \
  X(Spatial, "spatial")  /* points are independent */                     \
  X(Reduction, "reduce") /* points combine with an associative reducer */ \
  X(Ordered, "ordered")  /* points run in increasing order (scan, rolling buffer) */

// X(Name, text): who waits at a barrier.
#define TW_BARRIERS(X) \
  X(Warp, "warp")      \
  X(Block, "block")

// X(Name, text): what a program's parameter is.
#define TW_PARAM_KINDS(X)                                                       \
  X(Input, "in")                                                                \
  X(Constant, "const") /* an input that may be prepared beforehand: a weight */ \
  X(Output, "out")                                                              \
  X(InOut, "inout")                                                             \
  X(Size, "size")     /* an integer argument */                                 \
  X(Shape, "shape")   /* an integer known from the shapes of other arguments */ \
  X(Tunable, "param") /* an integer of the schedule, with a default */

// X(Name, text): what is wrong where an assertion does not hold.
#define TW_ASSERT_KINDS(X)                     \
  X(Value, "value") /* a value, of any sort */ \
  X(Index, "index") /* a subscript: an element that is not there */

TW_DECLARE_ENUM(AssertKind, TW_ASSERT_KINDS)
TW_DECLARE_ENUM(LoopKind, TW_LOOP_KINDS)
TW_DECLARE_ENUM(GpuIndex, TW_GPU_INDICES)
TW_DECLARE_ENUM(AxisKind, TW_AXIS_KINDS)
TW_DECLARE_ENUM(BarrierScope, TW_BARRIERS)
TW_DECLARE_ENUM(ParamKind, TW_PARAM_KINDS)

inline bool is_thread(GpuIndex index) {
  return index >= GpuIndex::kThreadX;
}

/// min <= x < min + extent.
struct Range {
  Expr min, extent;
  TW_FIELDS(min, extent)
};

/// A box of a buffer.
struct Region {
  Buffer buffer;
  std::vector<Range> ranges;
  TW_FIELDS(buffer, ranges)
};

/// for 0 <= var < extent. An ordered loop must run its turns in increasing order (it carries a scan or a
/// rolling buffer): no primitive may reorder or parallelise it.
struct For : StmtNode {
  static constexpr Kind kKind = Kind::kFor;
  For() : StmtNode(kKind) {}
  static Stmt make(Var var, Expr extent, Stmt body, LoopKind loop_kind = LoopKind::kSerial,
                   bool ordered = false);
  /// A loop whose turns are a GPU index.
  static Stmt bind(Var var, Expr extent, GpuIndex index, Stmt body);
  Expr extent;
  VarDef var;
  LoopKind loop_kind = LoopKind::kSerial;
  GpuIndex gpu_index = GpuIndex::kBlockX;  // of a bound loop
  bool ordered = false;
  Attrs annotations;
  Stmt body;
  TW_FIELDS(extent, var, loop_kind, gpu_index, ordered, annotations, body)
};

/// One axis of a block's domain, 0 <= var < extent, and the expression of the loop variables that it is bound
/// to.
struct BlockAxis {
  AxisKind axis_kind = AxisKind::kSpatial;
  Expr extent, binding;
  VarDef var;
  TW_FIELDS(axis_kind, extent, binding, var)
};

/// One instance of a computation for each point of its domain. `predicate` (of the loop variables) says which
/// turns of the loops run an instance: splits that do not divide leave some over. The body and the regions
/// use the block's own axes and sizes, no loop variable. `init` runs before the first instance of each point
/// of the spatial axes. The body of a block with a `reducer` stores reducer.combine(loads of the written
/// elements, sources).
struct Block : StmtNode {
  static constexpr Kind kKind = Kind::kBlock;
  Block() : StmtNode(kKind) {}
  Label name;
  BlockId id;
  Expr predicate;  // null: always
  std::vector<BlockAxis> axes;
  std::vector<Region> reads, writes;
  Reducer reducer;  // null: none
  Attrs annotations;
  Stmt init;  // null: none
  Stmt body;
  TW_FIELDS(name, id, predicate, axes, reads, writes, reducer, annotations, init, body)
};

/// Writes an element, or one a lane: all loads of `value` come before all writes. Lanes whose `predicate` is
/// false write nothing.
struct Store : StmtNode {
  static constexpr Kind kKind = Kind::kStore;
  Store() : StmtNode(kKind) {}
  static Stmt make(Buffer buffer, std::vector<Expr> indices, Expr value, Expr predicate = {});
  Buffer buffer;
  std::vector<Expr> indices;
  Expr value;
  Expr predicate;       // null: always
  bool atomic = false;  // a read-modify-write of one element that no other turn may cut in two
  TW_FIELDS(buffer, indices, value, predicate, atomic)
};

struct If : StmtNode {
  static constexpr Kind kKind = Kind::kIf;
  If() : StmtNode(kKind) {}
  static Stmt make(Expr cond, Stmt then_body, Stmt else_body = {});
  Expr cond;
  Stmt then_body;
  Stmt else_body;  // null: nothing
  TW_FIELDS(cond, then_body, else_body)
};

/// A value computed once for `body`.
struct Let : StmtNode {
  static constexpr Kind kKind = Kind::kLet;
  Let() : StmtNode(kKind) {}
  static Stmt make(Var var, Expr value, Stmt body);
  Expr value;
  VarDef var;
  Stmt body;
  TW_FIELDS(value, var, body)
};

/// A buffer that lives while `body` runs, uninitialised each time.
struct Allocate : StmtNode {
  static constexpr Kind kKind = Kind::kAllocate;
  Allocate() : StmtNode(kKind) {}
  static Stmt make(Buffer buffer, Stmt body);
  BufferDef buffer;
  Stmt body;
  TW_FIELDS(buffer, body)
};

/// One after the other. Never holds a Seq; never has just one element (make sees to both).
struct Seq : StmtNode {
  static constexpr Kind kKind = Kind::kSeq;
  Seq() : StmtNode(kKind) {}
  /// Flattens; drops null statements. An empty list gives an empty Seq: no operation.
  static Stmt make(std::vector<Stmt> stmts);
  std::vector<Stmt> stmts;
  TW_FIELDS(stmts)
};

/// Stops the program with `message` when `cond` is false, in any lane if it has several.
struct Assert : StmtNode {
  static constexpr Kind kKind = Kind::kAssert;
  Assert() : StmtNode(kKind) {}
  static Stmt make(Expr cond, std::string message, AssertKind assert_kind = AssertKind::kValue);
  Expr cond;
  std::string message;
  AssertKind assert_kind = AssertKind::kValue;
  TW_FIELDS(cond, message, assert_kind)
};

/// Something a later pass or the code generator should know of `body`.
struct Attr : StmtNode {
  static constexpr Kind kKind = Kind::kAttr;
  Attr() : StmtNode(kKind) {}
  static Stmt make(std::string key, AttrValue value, Stmt body);
  std::string key;
  AttrValue value;
  Stmt body;
  TW_FIELDS(key, value, body)
};

/// A hint that the element will be used soon. May be out of range.
struct Prefetch : StmtNode {
  static constexpr Kind kKind = Kind::kPrefetch;
  Prefetch() : StmtNode(kKind) {}
  static Stmt make(Buffer buffer, std::vector<Expr> indices, bool write, int64_t locality);
  Buffer buffer;
  std::vector<Expr> indices;
  bool write = false;
  int64_t locality = 3;  // 3: keep in all caches, 0: used once
  TW_FIELDS(buffer, indices, write, locality)
};

/// Every thread of the warp or block arrives before any goes on, and sees what the others wrote.
struct Barrier : StmtNode {
  static constexpr Kind kKind = Kind::kBarrier;
  Barrier() : StmtNode(kKind) {}
  static Stmt make(BarrierScope scope);
  BarrierScope scope = BarrierScope::kBlock;
  TW_FIELDS(scope)
};

/// Starts to copy `count` elements that follow each other in the last dimension. The destination is undefined
/// until the group that the copy was committed to has been waited for.
struct AsyncCopy : StmtNode {
  static constexpr Kind kKind = Kind::kAsyncCopy;
  AsyncCopy() : StmtNode(kKind) {}
  static Stmt make(Buffer to, std::vector<Expr> to_indices, Buffer from, std::vector<Expr> from_indices,
                   int64_t count);
  Buffer to;
  std::vector<Expr> to_indices;
  Buffer from;
  std::vector<Expr> from_indices;
  int64_t count = 1;
  TW_FIELDS(to, to_indices, from, from_indices, count)
};

/// Makes a group of the thread's copies since the last commit.
struct AsyncCommit : StmtNode {
  static constexpr Kind kKind = Kind::kAsyncCommit;
  AsyncCommit() : StmtNode(kKind) {}
  static Stmt make();
  auto fields() { return std::tuple<>(); }
  auto fields() const { return std::tuple<>(); }
};

/// Waits until at most `pending` of the thread's groups are unfinished.
struct AsyncWait : StmtNode {
  static constexpr Kind kKind = Kind::kAsyncWait;
  AsyncWait() : StmtNode(kKind) {}
  static Stmt make(int64_t pending);
  int64_t pending = 0;
  TW_FIELDS(pending)
};

/// A call of a tensor intrinsic on boxes of buffers, one for each parameter of the program that declares what
/// it computes (program.h). Unit dimensions of a box may be dropped to match the parameter's rank; a box of a
/// buffer of one dimension may be a run of all the parameter's elements, row by row.
struct TensorCall : StmtNode {
  static constexpr Kind kKind = Kind::kTensorCall;
  TensorCall() : StmtNode(kKind) {}
  static Stmt make(std::string intrinsic, std::vector<Region> operands);
  std::string intrinsic;
  std::vector<Region> operands;
  TW_FIELDS(intrinsic, operands)
};

/// Which dimension of an intrinsic's parameter each dimension of a box stands for, -1 for dropped unit
/// dimensions. Nothing: the box does not fit, but for what is_run_of says.
std::optional<std::vector<int>> dimensions_of_box(const Region& box, const BufferNode& parameter);

/// Whether a box of one dimension holds all elements of an intrinsic's parameter of several, row by row.
bool is_run_of(const Region& box, const BufferNode& parameter);

}  // namespace tw
