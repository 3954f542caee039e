// From programs to code: declared here, defined in compile_statements.cpp, compile_expressions.cpp,
// compile_accesses.cpp and compile_threads.cpp.
//
// A vector is computed lane by lane, by a loop around scalar code: so Select is lazy in each lane, and a
// predicate masks each. Scalars inside vectors (the base of a ramp, a broadcast value) are computed once
// before that loop, except in the branches of a Select.
#pragma once

#include <functional>
#include <unordered_map>
#include <vector>

#include "ir/interpret/buffer_uses.h"
#include "ir/interpret/bytecode.h"
#include "ir/interpret/race_clock.h"

namespace tw::interpreter {

/// The code of a program, and the registers that the caller sets before it runs.
struct Compiled {
  Code code;
  std::unordered_map<const Variable*, Reg> variables;  // sizes, shapes and tunables
  std::vector<Reg> buffers;                            // of each parameter with a buffer, in order
};

/// Raises a value error where the program has no meaning (an unbound variable, a barrier that some never
/// reach, …).
Compiled compile(const Program& program, bool check_races);

/// Code that computes the extents of the parameters, one register each, in order.
struct CompiledExtents {
  Code code;
  std::unordered_map<const Variable*, Reg> variables;
  std::vector<std::vector<Reg>> extents;  // of each parameter with a buffer
  std::vector<std::vector<Reg>> strides;
};
CompiledExtents compile_extents(const Program& program);

class Compiler {
 public:
  explicit Compiler(const Program& program) : program_(program) {}
  Compiled compile(bool check_races);
  CompiledExtents compile_extents();
  const Node* fault() const { return fault_; }

 private:
  struct BoundVar {
    Reg reg = 0;
    int lanes = 1;
    Expr extent;  // 0 <= var < extent; null: unknown
  };
  struct BufferInfo {
    Reg reg = 0;
    BufferUse use;
    bool always_defined = false;
    std::size_t allocation = 0;  // in Code::allocations
  };
  /// A parameter of a tensor intrinsic: a box of a buffer.
  struct View {
    Buffer buffer;
    std::vector<Reg> begin;         // of each dimension of the buffer
    std::vector<int> dimension_of;  // the parameter's dimension, -1: dropped; empty: a run of all elements
    std::vector<Reg> extents;       // of the parameter
    uint32_t name = 0;              // in Code::messages
  };
  /// Where an access goes: a buffer's register and the offset there.
  struct Place {
    const BufferInfo* info;
    Reg offset;
  };
  /// What has been computed up to a point.
  struct Mark {
    std::size_t values, offsets;
  };
  struct KnownOffset {
    Reg buffer;
    std::vector<Reg> subscripts;
    Reg offset;
  };
  /// Frees, at the end of a C++ scope, the registers allocated in it and forgets the values known in it.
  class Temporaries {
   public:
    explicit Temporaries(Compiler& c) : c_(c), registers_(c.temporaries_.size()), known_(c.mark()) {}
    ~Temporaries();
    Temporaries(const Temporaries&) = delete;
    Temporaries& operator=(const Temporaries&) = delete;

   private:
    Compiler& c_;
    std::size_t registers_;
    Mark known_;
  };
  /// The variables of messages, and what is known of values, in a C++ scope.
  class InScope {
   public:
    InScope(Compiler& c, const Node* node);
    ~InScope();
    InScope(const InScope&) = delete;
    InScope& operator=(const InScope&) = delete;

   private:
    Compiler& c_;
    Site outer_;
    int exceptions_;
  };

  // Emission.
  Pc emit(Instr instr);
  Pc here() const { return static_cast<Pc>(code_.instrs.size()); }
  void land(Pc jump) { code_.instrs[jump].c = here(); }
  Reg make_register();
  Reg make_registers(int count);
  Reg constant(Slot value);
  Reg integer(int64_t value) { return constant(static_cast<Slot>(value)); }
  uint32_t message(std::string text);
  uint32_t add_operands(const std::vector<Reg>& regs);
  Reg apply(Operator op, Reg a, Reg b = 0);
  Reg result(Op op, Reg a, Reg b = 0);
  void show(const std::string& name, Reg reg);

  // Expressions. `lane` is the register that counts lanes, kNone outside vectors.
  Reg value(const Expr& e, Reg lane = kNone);
  Reg compute(const Expr& e, Reg lane);
  Reg binary(const Binary& e, Reg lane);
  Reg binary(BinaryOp op, DType type, Reg a, Reg b);
  Reg unary(const Unary& e, Reg lane);
  Reg call(const Call& e, Reg lane);
  Reg select(const Select& e, Reg lane);
  Reg variable(const Variable& e, Reg lane);
  Reg load(const Load& e, Reg lane);
  void compute_scalars(const Expr& e);
  Reg kept(const Expr& e);  // a scalar in a register that outlives its temporaries
  Reg scalar(const Expr& e, DType type, const char* what);
  void for_lanes(int lanes, const std::function<void(Reg lane)>& body);
  void know(const ExprNode* e, Reg reg);
  Mark mark() const { return {known_log_.size(), known_offsets_.size()}; }
  void forget(const Mark& mark);

  // Accesses.
  BufferInfo& find(const Buffer& buffer);
  Place place(const Buffer& buffer, std::vector<Reg> subscripts, bool write);
  Place place_in_view(const View& view, const std::vector<Reg>& subscripts, bool write);
  void check_owner(const BufferInfo& info, const std::vector<Reg>& subscripts);
  void race(const Place& place, AccessKind kind);
  Reg read(const Place& place);
  void write(const Place& place, Reg value);
  std::vector<Reg> subscripts(const std::vector<Expr>& indices, Reg lane);
  bool raced(const BufferInfo& info) const {
    return check_races_ && info.use.raced && depth_ > info.use.depth;
  }

  // Statements. `body` compiles what stands inside.
  using Inside = std::function<void()>;
  void statement(const Stmt& stmt);
  void dispatch(const Stmt& stmt);
  void loop(const For& stmt);
  void loop_around(const For& stmt, bool concurrent, const Inside& body);
  void block(const Block& stmt);
  void axes(const Block& stmt, InitSite& init);
  void first_instance(const Block& stmt, InitSite init);
  void store(const Store& stmt);
  void store_vector(const Store& stmt, int lanes);
  void branch(const If& stmt);
  void let(const Let& stmt, const Inside& body);
  void allocate(const Allocate& stmt, bool enumerating, const Inside& body);
  void check(const Assert& stmt);
  bool within(const Expr& binding, const Expr& extent) const;
  std::optional<std::pair<int64_t, int64_t>> constant_range(const Expr& e) const;

  // Threads, copies and tensor intrinsics.
  void group(const For& stmt);
  void group_level(const Stmt& stmt, uint32_t index);
  void group_body(const Stmt& stmt, uint32_t index);
  void barrier(const Barrier& stmt);
  void async_copy(const AsyncCopy& stmt);
  void tensor_call(const TensorCall& stmt);
  View view(const TensorCall& stmt, const Region& region, const Buffer& param);
  bool threads_are_lanes() const;
  Reg lane_of_thread();
  Reg id_of_thread(const For& innermost, Reg var);
  void check_lane_map(const BufferInfo& info);
  void declare_params();
  void declare(const Buffer& buffer, BufferInfo info, Allocation allocation);

  /// A loop over a thread index around.
  struct ThreadLoop {
    GpuIndex index;
    Reg var, extent;
    Reg id;  // of the thread, as Op::kOwner has it; kNone where no buffer asks
  };

  Program program_;
  Code code_;
  StackGuard guard_;
  bool check_races_ = false;
  bool threads_own_ = false;  // some buffer asks which thread wrote an element
  BufferUses uses_;
  std::unordered_map<const Variable*, BoundVar> variables_;
  std::unordered_map<const BufferNode*, BufferInfo> buffers_;
  std::unordered_map<const BufferNode*, View> views_;
  std::unordered_map<Slot, Reg> constants_;
  std::unordered_map<Operator, uint16_t> operators_;
  std::vector<Reg> free_, temporaries_;
  std::unordered_map<const ExprNode*, Reg> known_;  // values computed before on every way to here
  std::vector<const ExprNode*> known_log_;
  std::vector<KnownOffset> known_offsets_;
  Pc fresh_ = kNone;             // the last instruction whose only effect is on its register a
  const Node* fault_ = nullptr;  // the innermost node that an error left
  Site site_;
  uint32_t site_index_ = kNone;
  int depth_ = 0;          // of concurrent loops
  int calls_ = 0;          // of tensor intrinsics around
  int thread_depth_ = -1;  // concurrent loops around the body of a group's threads; -1: not in one
  std::vector<ThreadLoop> threads_;
  const Store* atomic_ = nullptr;  // the atomic store whose value is being computed
};

}  // namespace tw::interpreter
