// Expression nodes: values without effects.
//
// `make` builds the node as it is said and checks the types of its operands (an `InternalError` otherwise:
// callers check what users wrote). Operands of an operator have one type, lanes included. The functions at
// the end build the same nodes but fold constants and drop neutral elements of type index, so that programs
// print as people would write.
#pragma once

#include <limits>
#include <optional>

#include "ir/buffer.h"
#include "ir/node.h"
#include "ir/ops.h"

namespace tw {

/// An integer constant of a scalar integer type, bool included (0 or 1). uint64 holds its bit pattern.
struct IntImm : ExprNode {
  static constexpr Kind kKind = Kind::kIntImm;
  IntImm(DType type, int64_t v) : ExprNode(kKind, type), value(v) {}
  /// `value` must be in the range of `type`.
  static Expr make(DType type, int64_t value);
  int64_t value;
  TW_FIELDS(dtype, value)
};

/// A floating constant of a scalar type; `value` is exactly representable in it (make rounds). NaN is quiet.
struct FloatImm : ExprNode {
  static constexpr Kind kKind = Kind::kFloatImm;
  FloatImm(DType type, double v) : ExprNode(kKind, type), value(v) {}
  static Expr make(DType type, double value);
  double value;
  TW_FIELDS(dtype, value)
};

inline constexpr int64_t kNoMin = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kNoMax = std::numeric_limits<int64_t>::max();

/// A named value: a loop variable, a size, a parameter, or what a Let binds. Sizes and parameters carry what
/// is known of them for ever: min <= value <= max, and value is a multiple of `multiple_of`. A loop
/// variable's range stands in its loop.
struct Variable : ExprNode {
  static constexpr Kind kKind = Kind::kVariable;
  Variable(DType type, std::string n, int64_t lo = kNoMin, int64_t hi = kNoMax, int64_t multiple = 1)
      : ExprNode(kKind, type), name(std::move(n)), min(lo), max(hi), multiple_of(multiple) {}
  static Var make(std::string name, DType type = kIndex, int64_t min = kNoMin, int64_t max = kNoMax,
                  int64_t multiple_of = 1);
  Label name;
  int64_t min, max, multiple_of;
  TW_FIELDS(dtype, name, min, max, multiple_of)
};

/// Negation of a number, of a truth value, of bits.
struct Unary : ExprNode {
  static constexpr Kind kKind = Kind::kUnary;
  Unary(UnaryOp o, Expr x) : ExprNode(kKind, x.dtype()), op(o), a(std::move(x)) {}
  static Expr make(UnaryOp op, Expr a);
  UnaryOp op;
  Expr a;
  DType infer_dtype() const { return a.dtype(); }
  TW_FIELDS(dtype, op, a)
};

/// a op b. Comparisons give bool; And and Or take bool and evaluate both sides; Div takes floats only;
/// bitwise operators take integers and bool (shifts: integers).
struct Binary : ExprNode {
  static constexpr Kind kKind = Kind::kBinary;
  Binary(BinaryOp o, Expr x, Expr y);
  static Expr make(BinaryOp op, Expr a, Expr b);
  BinaryOp op;
  Expr a, b;
  DType infer_dtype() const { return is_comparison(op) ? kBool.with_lanes(a.dtype().lanes) : a.dtype(); }
  TW_FIELDS(dtype, op, a, b)
};

/// `on_true` where `cond` holds, else `on_false`. Only the branch taken is evaluated, lane by lane: reads in
/// the other may be out of range. `cond` has as many lanes as the branches.
struct Select : ExprNode {
  static constexpr Kind kKind = Kind::kSelect;
  Select(Expr c, Expr t, Expr f)
      : ExprNode(kKind, t.dtype()), cond(std::move(c)), on_true(std::move(t)), on_false(std::move(f)) {}
  static Expr make(Expr cond, Expr on_true, Expr on_false);
  Expr cond, on_true, on_false;
  DType infer_dtype() const { return on_true.dtype(); }
  TW_FIELDS(dtype, cond, on_true, on_false)
};

/// Conversion of value: integers wrap, floats round to nearest even, a float becomes an integer by truncation
/// and saturates, NaN gives 0, bool is "not zero". int64 to index and back keeps the value.
struct Cast : ExprNode {
  static constexpr Kind kKind = Kind::kCast;
  Cast(DType type, Expr x) : ExprNode(kKind, type), value(std::move(x)) {}
  static Expr make(DType type, Expr value);
  Expr value;
  DType infer_dtype() const { return dtype.with_lanes(value.dtype().lanes); }
  TW_FIELDS(dtype, value)
};

/// A read of an element, or of one element a lane when subscripts are vectors. Subscripts have type index and
/// are as many as the buffer has dimensions. Lanes whose `predicate` is false are not read and give 0.
struct Load : ExprNode {
  static constexpr Kind kKind = Kind::kLoad;
  Load(Buffer b, std::vector<Expr> i, Expr p = {});
  static Expr make(Buffer buffer, std::vector<Expr> indices, Expr predicate = {});
  Buffer buffer;
  std::vector<Expr> indices;
  Expr predicate;  // null: always
  DType infer_dtype() const;
  TW_FIELDS(dtype, buffer, indices, predicate)
};

/// A mathematical function of operands of one type, which is also the result's.
struct Call : ExprNode {
  static constexpr Kind kKind = Kind::kCall;
  Call(Intrinsic o, std::vector<Expr> x) : ExprNode(kKind, x.front().dtype()), op(o), args(std::move(x)) {}
  static Expr make(Intrinsic op, std::vector<Expr> args);
  Intrinsic op;
  std::vector<Expr> args;
  DType infer_dtype() const { return args.front().dtype(); }
  TW_FIELDS(dtype, op, args)
};

/// The vector base, base + stride, …, of scalar integer operands.
struct Ramp : ExprNode {
  static constexpr Kind kKind = Kind::kRamp;
  Ramp(Expr b, Expr s, int n)
      : ExprNode(kKind, b.dtype().with_lanes(n)), base(std::move(b)), stride(std::move(s)) {}
  static Expr make(Expr base, Expr stride, int lanes);
  Expr base, stride;
  DType infer_dtype() const { return base.dtype().with_lanes(dtype.lanes); }
  TW_FIELDS(dtype, base, stride)
};

/// A scalar in every lane.
struct Broadcast : ExprNode {
  static constexpr Kind kKind = Kind::kBroadcast;
  Broadcast(Expr x, int n) : ExprNode(kKind, x.dtype().with_lanes(n)), value(std::move(x)) {}
  static Expr make(Expr value, int lanes);
  Expr value;
  DType infer_dtype() const { return value.dtype().with_lanes(dtype.lanes); }
  TW_FIELDS(dtype, value)
};

/// A reduction's variable, ranging over begin <= var < begin + extent.
struct ReduceAxis {
  VarDef var;
  Expr begin, extent;
  TW_FIELDS(begin, extent, var)
};

/// Component `which` of the reduction of `sources` over `axes`. Stands in tensor expressions only: the first
/// loop program turns each into a block.
struct Reduce : ExprNode {
  static constexpr Kind kKind = Kind::kReduce;
  Reduce(Reducer r, std::vector<ReduceAxis> x, std::vector<Expr> s, int64_t w);
  static Expr make(Reducer reducer, std::vector<ReduceAxis> axes, std::vector<Expr> sources,
                   int64_t which = 0);
  Reducer reducer;
  std::vector<ReduceAxis> axes;
  std::vector<Expr> sources;
  int64_t which;
  DType infer_dtype() const;
  TW_FIELDS(dtype, reducer, axes, sources, which)
};

/// How partial results combine: results = f(lhs, rhs), associative and commutative, with its identity.
/// Several components reduce together (argmax). The expressions use no variable but lhs and rhs.
struct ReducerNode : Node {
  static constexpr Kind kKind = Kind::kReducerNode;
  ReducerNode() : Node(kKind) {}
  static Reducer make(std::string name, std::vector<Var> lhs, std::vector<Var> rhs, std::vector<Expr> results,
                      std::vector<Expr> identities);
  /// f with these values in place of lhs and rhs.
  std::vector<Expr> combine(const std::vector<Expr>& a, const std::vector<Expr>& b) const;
  Label name;
  std::vector<VarDef> lhs, rhs;
  std::vector<Expr> results, identities;
  TW_FIELDS(name, lhs, rhs, results, identities)
};

inline const Variable* Var::operator->() const {
  return static_cast<const Variable*>(get());
}

/// The value of an integer constant, or of a broadcast of one.
std::optional<int64_t> as_int(const Expr& e);
/// The value of a floating constant, or of a broadcast of one.
std::optional<double> as_float(const Expr& e);
bool is_int(const Expr& e, int64_t value);

/// A constant of any type, in every lane: integers wrap, floats round.
Expr make_const(DType type, int64_t value);
Expr make_const(DType type, double value);
inline Expr make_zero(DType type) {
  return make_const(type, int64_t{0});
}
Expr make_bool(bool value);

// Builders. Both sides have one type; constants fold and neutral elements go away for type index and bool.
// Only arithmetic is spelled with operators: `a == b` or `!a` of handles would read as a test of the handles.
Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
Expr operator*(Expr a, Expr b);
Expr operator/(Expr a, Expr b);  // floats only
Expr floordiv(Expr a, Expr b);
Expr floormod(Expr a, Expr b);
Expr ceildiv(Expr a, Expr b);  // floordiv(a + b - 1, b), for b > 0
Expr min(Expr a, Expr b);
Expr max(Expr a, Expr b);
Expr eq(Expr a, Expr b);
Expr ne(Expr a, Expr b);
Expr lt(Expr a, Expr b);
Expr le(Expr a, Expr b);
Expr gt(Expr a, Expr b);  // lt(b, a)
Expr ge(Expr a, Expr b);  // le(b, a)
Expr logical_and(Expr a, Expr b);
Expr logical_or(Expr a, Expr b);
Expr logical_not(Expr a);
Expr operator-(Expr a);
Expr select(Expr cond, Expr on_true, Expr on_false);
Expr cast(DType type, Expr value);
Expr call(Intrinsic op, std::vector<Expr> args);

}  // namespace tw
