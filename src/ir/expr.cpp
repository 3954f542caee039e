#include "ir/expr.h"

#include <cmath>

#include "ir/scalar.h"
#include "ir/visit.h"
#include "ir/well_formed.h"
#include "support/error.h"

namespace tw {
namespace {

/// The node, which must be well formed.
template <class Handle = Expr, class T>
Handle checked(const T* node) {
  Handle made(node);
  const std::string fault = node_fault(*node);
  check_internal(fault.empty(), "{}", fault);
  return made;
}

bool folds(const Expr& e) {
  return e.dtype().is_index() || e.dtype().is_bool();
}

/// The operator's value when both sides are scalar constants of type index or bool and the result is in
/// range.
Expr fold(BinaryOp op, const Expr& a, const Expr& b) {
  const auto* x = as<IntImm>(a);
  const auto* y = as<IntImm>(b);
  if (!x || !y || !folds(a)) return {};
  const auto value = index_binary(op, x->value, y->value);
  if (!value) return {};
  return IntImm::make(is_comparison(op) ? kBool : a.dtype(), *value);
}

}  // namespace

Expr::Expr(int value) : Expr(IntImm::make(kIndex, value)) {}
Expr::Expr(int64_t value) : Expr(IntImm::make(kIndex, value)) {}
Var::Var(const Variable* node) : Expr(node) {}
Var::Var(std::string name, DType type) : Expr(new Variable(type, std::move(name))) {}

Expr IntImm::make(DType type, int64_t value) {
  return checked(new IntImm(type, value));
}

Expr FloatImm::make(DType type, double value) {
  // One NaN: its sign and payload depend on the machine.
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  return checked(new FloatImm(type, round_to(type, value)));
}

Var Variable::make(std::string name, DType type, int64_t min, int64_t max, int64_t multiple_of) {
  return checked<Var>(new Variable(type, std::move(name), min, max, multiple_of));
}

Expr Unary::make(UnaryOp op, Expr a) {
  return checked(new Unary(op, std::move(a)));
}

Binary::Binary(BinaryOp o, Expr x, Expr y)
    : ExprNode(kKind, is_comparison(o) ? kBool.with_lanes(x.dtype().lanes) : x.dtype()),
      op(o),
      a(std::move(x)),
      b(std::move(y)) {}

Expr Binary::make(BinaryOp op, Expr a, Expr b) {
  return checked(new Binary(op, std::move(a), std::move(b)));
}

Expr Select::make(Expr cond, Expr on_true, Expr on_false) {
  return checked(new Select(std::move(cond), std::move(on_true), std::move(on_false)));
}

Expr Cast::make(DType type, Expr value) {
  return checked(new Cast(type, std::move(value)));
}

DType Load::infer_dtype() const {
  int lanes = predicate ? predicate.dtype().lanes : 1;
  for (const Expr& index : indices) lanes = std::max<int>(lanes, index.dtype().lanes);
  return buffer->dtype.with_lanes(lanes);
}

Load::Load(Buffer b, std::vector<Expr> i, Expr p)
    : ExprNode(kKind, b->dtype), buffer(std::move(b)), indices(std::move(i)), predicate(std::move(p)) {
  dtype = infer_dtype();
}

Expr Load::make(Buffer buffer, std::vector<Expr> indices, Expr predicate) {
  return checked(new Load(std::move(buffer), std::move(indices), std::move(predicate)));
}

Expr Call::make(Intrinsic op, std::vector<Expr> args) {
  check_internal(!args.empty(), "{} of nothing", info(op).text);
  return checked(new Call(op, std::move(args)));
}

Expr Ramp::make(Expr base, Expr stride, int lanes) {
  check_internal(lanes > 1 && lanes <= UINT16_MAX, "ramp of {} lanes", lanes);
  return checked(new Ramp(std::move(base), std::move(stride), lanes));
}

Expr Broadcast::make(Expr value, int lanes) {
  check_internal(lanes > 1 && lanes <= UINT16_MAX, "broadcast to {} lanes", lanes);
  return checked(new Broadcast(std::move(value), lanes));
}

DType Reduce::infer_dtype() const {
  return sources.at(static_cast<std::size_t>(which)).dtype();
}

Reduce::Reduce(Reducer r, std::vector<ReduceAxis> x, std::vector<Expr> s, int64_t w)
    : ExprNode(kKind, s.at(static_cast<std::size_t>(w)).dtype()),
      reducer(std::move(r)),
      axes(std::move(x)),
      sources(std::move(s)),
      which(w) {}

Expr Reduce::make(Reducer reducer, std::vector<ReduceAxis> axes, std::vector<Expr> sources, int64_t which) {
  check_internal(which >= 0 && which < static_cast<int64_t>(sources.size()), "component {} of {}", which,
                 sources.size());
  return checked(new Reduce(std::move(reducer), std::move(axes), std::move(sources), which));
}

Reducer ReducerNode::make(std::string name, std::vector<Var> lhs, std::vector<Var> rhs,
                          std::vector<Expr> results, std::vector<Expr> identities) {
  auto* node = new ReducerNode();
  Reducer made(node);
  node->name = std::move(name);
  node->lhs.assign(lhs.begin(), lhs.end());
  node->rhs.assign(rhs.begin(), rhs.end());
  node->results = std::move(results);
  node->identities = std::move(identities);
  return checked<Reducer>(node);
}

std::vector<Expr> ReducerNode::combine(const std::vector<Expr>& a, const std::vector<Expr>& b) const {
  VarMap values;
  for (std::size_t i = 0; i < lhs.size(); ++i) {
    values[&*lhs[i]] = a[i];
    values[&*rhs[i]] = b[i];
  }
  std::vector<Expr> combined;
  for (const Expr& result : results) combined.push_back(substitute(result, values));
  return combined;
}

std::optional<int64_t> as_int(const Expr& e) {
  if (const auto* imm = as<IntImm>(e)) return imm->value;
  if (const auto* broadcast = as<Broadcast>(e)) return as_int(broadcast->value);
  return std::nullopt;
}

std::optional<double> as_float(const Expr& e) {
  if (const auto* imm = as<FloatImm>(e)) return imm->value;
  if (const auto* broadcast = as<Broadcast>(e)) return as_float(broadcast->value);
  return std::nullopt;
}

bool is_int(const Expr& e, int64_t value) {
  return as_int(e) == value;
}

Expr make_const(DType type, int64_t value) {
  const DType element = type.element();
  Expr scalar = element.is_float() ? FloatImm::make(element, static_cast<double>(value))
                                   : IntImm::make(element, wrap_to(element, value));
  return type.is_scalar() ? scalar : Broadcast::make(scalar, type.lanes);
}

Expr make_const(DType type, double value) {
  const DType element = type.element();
  Expr scalar = element.is_float() ? FloatImm::make(element, value)
                                   : IntImm::make(element, wrap_to(element, saturate_to(element, value)));
  return type.is_scalar() ? scalar : Broadcast::make(scalar, type.lanes);
}

Expr make_bool(bool value) {
  return IntImm::make(kBool, value);
}

Expr operator+(Expr a, Expr b) {
  if (Expr folded = fold(BinaryOp::kAdd, a, b)) return folded;
  if (folds(a) && is_int(b, 0)) return a;
  if (folds(a) && is_int(a, 0)) return b;
  return Binary::make(BinaryOp::kAdd, std::move(a), std::move(b));
}

Expr operator-(Expr a, Expr b) {
  if (Expr folded = fold(BinaryOp::kSub, a, b)) return folded;
  if (folds(a) && is_int(b, 0)) return a;
  return Binary::make(BinaryOp::kSub, std::move(a), std::move(b));
}

Expr operator*(Expr a, Expr b) {
  if (Expr folded = fold(BinaryOp::kMul, a, b)) return folded;
  if (folds(a) && (is_int(b, 1) || is_int(a, 0))) return a;
  if (folds(a) && (is_int(a, 1) || is_int(b, 0))) return b;
  return Binary::make(BinaryOp::kMul, std::move(a), std::move(b));
}

Expr operator/(Expr a, Expr b) {
  return Binary::make(BinaryOp::kDiv, std::move(a), std::move(b));
}

Expr floordiv(Expr a, Expr b) {
  if (Expr folded = fold(BinaryOp::kFloorDiv, a, b)) return folded;
  if (folds(a) && is_int(b, 1)) return a;
  return Binary::make(BinaryOp::kFloorDiv, std::move(a), std::move(b));
}

Expr floormod(Expr a, Expr b) {
  if (Expr folded = fold(BinaryOp::kFloorMod, a, b)) return folded;
  if (folds(a) && is_int(b, 1)) return make_zero(a.dtype());
  return Binary::make(BinaryOp::kFloorMod, std::move(a), std::move(b));
}

Expr ceildiv(Expr a, Expr b) {
  const Expr one = make_const(b.dtype(), int64_t{1});
  return floordiv(a + (b - one), b);
}

#define TW_FOLDING_BUILDER(Name, Op)                               \
  Expr Name(Expr a, Expr b) {                                      \
    if (Expr folded = fold(BinaryOp::Op, a, b)) return folded;     \
    return Binary::make(BinaryOp::Op, std::move(a), std::move(b)); \
  }
TW_FOLDING_BUILDER(min, kMin)
TW_FOLDING_BUILDER(max, kMax)
TW_FOLDING_BUILDER(eq, kEq)
TW_FOLDING_BUILDER(ne, kNe)
TW_FOLDING_BUILDER(lt, kLt)
TW_FOLDING_BUILDER(le, kLe)
#undef TW_FOLDING_BUILDER

Expr gt(Expr a, Expr b) {
  return lt(std::move(b), std::move(a));
}
Expr ge(Expr a, Expr b) {
  return le(std::move(b), std::move(a));
}

Expr logical_and(Expr a, Expr b) {
  if (is_int(a, 1) || is_int(b, 0)) return b;
  if (is_int(b, 1) || is_int(a, 0)) return a;
  return Binary::make(BinaryOp::kAnd, std::move(a), std::move(b));
}

Expr logical_or(Expr a, Expr b) {
  if (is_int(a, 0) || is_int(b, 1)) return b;
  if (is_int(b, 0) || is_int(a, 1)) return a;
  return Binary::make(BinaryOp::kOr, std::move(a), std::move(b));
}

Expr logical_not(Expr a) {
  if (const auto value = as_int(a)) return make_const(a.dtype(), int64_t{*value == 0});
  return Unary::make(UnaryOp::kNot, std::move(a));
}

Expr operator-(Expr a) {
  const auto* imm = as<IntImm>(a);
  if (imm && a.dtype().is_index() && imm->value != INT64_MIN) return Expr(-imm->value);
  return Unary::make(UnaryOp::kNeg, std::move(a));
}

Expr select(Expr cond, Expr on_true, Expr on_false) {
  if (const auto value = as_int(cond)) return *value ? on_true : on_false;
  return Select::make(std::move(cond), std::move(on_true), std::move(on_false));
}

Expr cast(DType type, Expr value) {
  if (value.dtype() == type) return value;
  return Cast::make(type, std::move(value));
}

Expr call(Intrinsic op, std::vector<Expr> args) {
  return Call::make(op, std::move(args));
}

}  // namespace tw
