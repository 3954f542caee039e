#include "ir/simplify.h"

#include "ir/simplify/simplify_expr.h"

namespace tw {
namespace {

constexpr int kMaxNesting = 16;
constexpr int kMaxPasses = 4;
constexpr std::size_t kMaxCompared = 8;  // parts of a condition compared with each other

Expr constant_expr(const Scalar& value, int lanes) {
  Expr scalar =
      value.type.is_float() ? FloatImm::make(value.type, value.f) : IntImm::make(value.type, value.i);
  return lanes == 1 ? scalar : Broadcast::make(std::move(scalar), lanes);
}

/// The constant that an expression is, in every lane.
std::optional<Scalar> scalar_of(const Expr& e) {
  if (const auto* imm = as<IntImm>(e)) return Scalar{imm->dtype, imm->value, 0};
  if (const auto* imm = as<FloatImm>(e)) return Scalar{imm->dtype, 0, imm->value};
  if (const auto* broadcast = as<Broadcast>(e)) return scalar_of(broadcast->value);
  return std::nullopt;
}

bool is_constant(const Expr& e) {
  const ExprNode* node = e.get();
  if (node->kind == Kind::kBroadcast) node = static_cast<const Broadcast*>(node)->value.get();
  return node->kind == Kind::kIntImm || node->kind == Kind::kFloatImm;
}

/// Whether constants go to the right: both orders give the same bits.
bool constant_goes_right(BinaryOp op, DType type) {
  switch (op) {
    case BinaryOp::kAdd:
    case BinaryOp::kMul:
    case BinaryOp::kEq:
    case BinaryOp::kNe:
    case BinaryOp::kAnd:
    case BinaryOp::kOr:
    case BinaryOp::kBitAnd:
    case BinaryOp::kBitOr:
    case BinaryOp::kBitXor: return true;
    case BinaryOp::kMin:
    case BinaryOp::kMax: return !type.is_float();
    default: return false;
  }
}

/// Whether folding the function keeps every bit on every target.
bool folds_exactly(Intrinsic op, DType type) {
  return type.is_integer() || op == Intrinsic::kSqrt || op >= Intrinsic::kAbs;
}

/// The operands of a chain of one logical operator, from left to right.
void flatten(BinaryOp op, const Expr& e, std::vector<Expr>& parts) {
  const auto* binary = as<Binary>(e);
  if (!binary || binary->op != op) return parts.push_back(e);
  flatten(op, binary->a, parts);
  flatten(op, binary->b, parts);
}

}  // namespace

bool reads_memory(const Expr& e) {
  switch (e->kind) {
    case Kind::kIntImm:
    case Kind::kFloatImm:
    case Kind::kVariable: return false;
    case Kind::kUnary: return reads_memory(as<Unary>(e)->a);
    case Kind::kBinary: return reads_memory(as<Binary>(e)->a) || reads_memory(as<Binary>(e)->b);
    case Kind::kSelect: {
      const auto& x = *as<Select>(e);
      return reads_memory(x.cond) || reads_memory(x.on_true) || reads_memory(x.on_false);
    }
    case Kind::kCast: return reads_memory(as<Cast>(e)->value);
    case Kind::kCall:
      for (const Expr& arg : as<Call>(e)->args)
        if (reads_memory(arg)) return true;
      return false;
    case Kind::kRamp: return reads_memory(as<Ramp>(e)->base) || reads_memory(as<Ramp>(e)->stride);
    case Kind::kBroadcast: return reads_memory(as<Broadcast>(e)->value);
    default: return true;
  }
}

/// Facts and ranges added while one lives go away with it.
class Simplifier::Scope {
 public:
  explicit Scope(Simplifier& simplifier) : scope_(simplifier.writable()), scopes_(simplifier.scopes_) {
    ++scopes_;
  }
  ~Scope() { --scopes_; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  ContextScope scope_;
  int& scopes_;
};

Context& Simplifier::writable() {
  if (!own_) {
    own_ = *context_;
    context_ = &*own_;
  }
  return *own_;
}

Expr Simplifier::simplify(const Expr& e) {
  Expr result = visit(e);
  if (result.same_as(e)) return e;
  for (int pass = 1; pass < kMaxPasses; ++pass) {
    Expr next = visit(result);
    if (next.same_as(result)) break;
    result = std::move(next);
  }
  return same_expr(result, e) ? e : result;
}

Expr Simplifier::visit(const Expr& e) {
  switch (e->kind) {
    case Kind::kIntImm:
    case Kind::kFloatImm: return e;
    case Kind::kVariable: return known_value(e);
    case Kind::kUnary: {
      const auto& x = *as<Unary>(e);
      if (x.op == UnaryOp::kNeg && x.dtype == kIndex) return index_sum(e);
      return unary(x.op, visit(x.a), e.get());
    }
    case Kind::kBinary: return visit_binary(*as<Binary>(e));
    case Kind::kSelect: return visit_select(*as<Select>(e));
    case Kind::kCast: return cast(e.dtype(), visit(as<Cast>(e)->value), e.get());
    case Kind::kLoad: return visit_load(*as<Load>(e));
    case Kind::kCall: return visit_call(*as<Call>(e));
    case Kind::kRamp: {
      const auto& x = *as<Ramp>(e);
      return ramp(visit(x.base), visit(x.stride), x.dtype.lanes, e.get());
    }
    case Kind::kBroadcast: return broadcast(visit(as<Broadcast>(e)->value), e.dtype().lanes, e.get());
    case Kind::kReduce: return visit_reduce(*as<Reduce>(e));
    default: return e;
  }
}

/// The constant that ranges and facts leave an expression, else itself.
Expr Simplifier::known_value(const Expr& e) {
  const DType type = e.dtype();
  if (type.is_float() || !type.is_scalar()) return e;
  if (type.is_bool() ? context_->facts().empty() : context_->facts().empty() && e->kind != Kind::kVariable)
    return e;
  const Interval range = bounds(e, *context_);
  if (range.is_point() && range.min != kNoMin && range.min != kNoMax) return IntImm::make(type, range.min);
  return e;
}

/// Subscripts of neighbouring accesses share most of their parts.
Expr Simplifier::visit_index(const Binary& e) {
  const Expr whole(&e);
  const bool shared = scopes_ == 0 && nesting_ == 0 && !reads_memory(whole);
  if (shared) {
    if (!knowledge_) knowledge_ = Knowledge::of(*context_);
    if (const Expr* known = knowledge_->find(whole)) return same_expr(*known, whole) ? whole : *known;
  }
  const Expr simpler = e.op <= BinaryOp::kMul ? index_sum(whole) : binary(e.op, visit(e.a), visit(e.b), &e);
  if (shared) knowledge_->remember(whole, simpler);
  return simpler;
}

Expr Simplifier::visit_binary(const Binary& e) {
  if (e.dtype == kIndex) return visit_index(e);
  if (is_logical(e.op) && e.dtype.is_scalar()) return visit_logic(e);
  return binary(e.op, visit(e.a), visit(e.b), &e);
}

/// Each part of a chain is simplified knowing that those before it hold (of ||: do not), and goes away when
/// those after it imply it. Parts that read memory stay as they are: both sides are evaluated, and a read
/// must not leave a guard.
Expr Simplifier::visit_logic(const Binary& e) {
  const bool conjunction = e.op == BinaryOp::kAnd;
  std::vector<Expr> given, parts;
  flatten(e.op, Expr(&e), given);
  const auto say = [&](const Expr& part) { writable().assume(conjunction ? part : logical_not(part)); };
  {
    const Scope scope(*this);
    for (const Expr& part : given) {
      if (reads_memory(part)) {
        parts.push_back(part);
        continue;
      }
      Expr simpler = visit(part);
      if (const auto value = as_int(simpler)) {
        if ((*value != 0) == conjunction) continue;
        return make_bool(!conjunction);
      }
      say(simpler);
      parts.push_back(std::move(simpler));
    }
  }
  for (Expr& part : parts)
    if (reads_memory(part)) part = visit(part);
  for (std::size_t i = 0; i + 1 < parts.size() && parts.size() <= kMaxCompared;) {
    const Scope scope(*this);
    for (std::size_t j = 0; j < parts.size(); ++j)
      if (j != i) say(parts[j]);
    const bool implied = conjunction ? prover().holds(parts[i]) : prover().never_holds(parts[i]);
    if (implied)
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
  if (parts.empty()) return make_bool(conjunction);
  Expr result = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) result = binary(e.op, result, parts[i], nullptr);
  return same_expr(result.get(), &e) ? Expr(&e) : result;
}

Expr Simplifier::visit_select(const Select& e) {
  const Expr cond = visit(e.cond);
  if (const auto value = as_int(cond)) return visit(*value ? e.on_true : e.on_false);
  if (!cond.dtype().is_scalar()) return select(cond, visit(e.on_true), visit(e.on_false), &e);
  Expr on_true, on_false;
  {
    const Scope scope(*this);
    writable().assume(cond);
    on_true = visit(e.on_true);
  }
  {
    const Scope scope(*this);
    writable().assume(logical_not(cond));
    on_false = visit(e.on_false);
  }
  return select(cond, on_true, on_false, &e);
}

Expr Simplifier::visit_load(const Load& e) {
  std::vector<Expr> indices;
  indices.reserve(e.indices.size());
  bool changed = false;
  for (const Expr& index : e.indices) {
    indices.push_back(visit(index));
    changed |= !indices.back().same_as(index);
  }
  Expr predicate = e.predicate ? visit(e.predicate) : Expr();
  if (predicate) {
    const auto value = as_int(predicate);
    if (value && !*value) return make_zero(e.dtype);
    // The predicate may be all that makes the read a vector.
    if (value && Load::make(e.buffer, indices).dtype() == e.dtype) predicate = Expr();
    changed |= !predicate.same_as(e.predicate);
  }
  return known_value(changed ? Load::make(e.buffer, std::move(indices), std::move(predicate)) : Expr(&e));
}

Expr Simplifier::visit_call(const Call& e) {
  std::vector<Expr> args;
  for (const Expr& arg : e.args) args.push_back(visit(arg));
  return call(e.op, std::move(args), &e);
}

Expr Simplifier::visit_reduce(const Reduce& e) {
  const Scope scope(*this);
  auto* copy = new Reduce(e);
  const Expr result(copy);
  bool changed = false;
  const auto replace = [&](Expr& field) {
    Expr simpler = visit(field);
    changed |= !simpler.same_as(field);
    field = std::move(simpler);
  };
  for (ReduceAxis& axis : copy->axes) {
    replace(axis.begin);
    replace(axis.extent);
  }
  for (const ReduceAxis& axis : copy->axes) writable().bind(axis.var, axis.begin, axis.extent);
  for (Expr& source : copy->sources) replace(source);
  return changed ? result : Expr(&e);
}

Expr Simplifier::unary(UnaryOp op, const Expr& a, const ExprNode* original) {
  if (const auto value = scalar_of(a))
    if (const auto folded = evaluate(op, *value)) return constant_expr(*folded, a.dtype().lanes);
  if (op == UnaryOp::kNeg && a.dtype() == kIndex) return canonical(Sum() - Sum(a), original);
  if (const auto* lanes = as<Broadcast>(a))
    return broadcast(unary(op, lanes->value, nullptr), a.dtype().lanes, original);
  const auto* given = static_cast<const Unary*>(original);
  return with_rules(given && given->a.same_as(a) ? Expr(given) : Unary::make(op, a));
}

Expr Simplifier::binary(BinaryOp op, const Expr& a, const Expr& b, const ExprNode* original) {
  const bool constant_a = is_constant(a);
  if (constant_a && is_constant(b))
    if (const auto folded = evaluate(op, *scalar_of(a), *scalar_of(b)))
      return constant_expr(*folded, a.dtype().lanes);
  const DType type = a.dtype();
  if (!type.is_scalar()) {
    const auto *x = as<Broadcast>(a), *y = as<Broadcast>(b);
    if (x && y) return broadcast(binary(op, x->value, y->value, nullptr), type.lanes, original);
  }
  if (constant_a && !is_constant(b) && constant_goes_right(op, type)) return binary(op, b, a, original);
  if (type == kIndex) {
    if (Expr result = index_binary(op, a, b, original)) return result;
  } else if (is_comparison(op) && !type.is_float()) {
    const Expr cmp = Binary::make(op, a, b);
    if (prover().holds(cmp)) return make_const(cmp.dtype(), int64_t{1});
    if (prover().never_holds(cmp)) return make_const(cmp.dtype(), int64_t{0});
    if (!type.is_scalar() && type.is_index())
      if (Expr result = vector_comparison(op, a, b)) return result;
  }
  const auto* given = as<Binary>(static_cast<const Node*>(original));
  const bool same = given && given->op == op && given->a.same_as(a) && given->b.same_as(b);
  Expr result = with_rules(same ? Expr(given) : Binary::make(op, a, b));
  return result.dtype().is_bool() ? known_value(result) : result;
}

Expr Simplifier::select(const Expr& cond, const Expr& on_true, const Expr& on_false,
                        const ExprNode* original) {
  if (const auto value = as_int(cond)) return *value ? on_true : on_false;
  const auto* given = static_cast<const Select*>(original);
  const bool same = given && given->cond.same_as(cond) && given->on_true.same_as(on_true) &&
                    given->on_false.same_as(on_false);
  return with_rules(same ? Expr(given) : Select::make(cond, on_true, on_false));
}

Expr Simplifier::call(Intrinsic op, std::vector<Expr> args, const ExprNode* original) {
  const DType type = args[0].dtype();
  const auto a = scalar_of(args[0]), b = args.size() > 1 ? scalar_of(args[1]) : Scalar{};
  if (a && b && folds_exactly(op, type))
    if (const auto folded = evaluate(op, *a, *b)) return constant_expr(*folded, type.lanes);
  const auto* given = static_cast<const Call*>(original);
  bool same = given != nullptr, scalar = true;
  for (std::size_t i = 0; i < args.size(); ++i) {
    same = same && given->args[i].same_as(args[i]);
    scalar = scalar && as<Broadcast>(args[i]);
  }
  if (scalar) {
    for (Expr& arg : args) arg = as<Broadcast>(arg)->value;
    return broadcast(call(op, std::move(args), nullptr), type.lanes, original);
  }
  return with_rules(same ? Expr(given) : Call::make(op, std::move(args)));
}

Expr Simplifier::ramp(const Expr& base, const Expr& stride, int lanes, const ExprNode* original) {
  const auto* given = as<Ramp>(static_cast<const Node*>(original));
  const bool same = given && given->base.same_as(base) && given->stride.same_as(stride);
  return with_rules(same ? Expr(given) : Ramp::make(base, stride, lanes));
}

Expr Simplifier::broadcast(const Expr& value, int lanes, const ExprNode* original) {
  const auto* given = as<Broadcast>(static_cast<const Node*>(original));
  return given && given->value.same_as(value) ? Expr(given) : Broadcast::make(value, lanes);
}

Expr Simplifier::with_rules(Expr e) {
  if (nesting_ >= kMaxNesting) return e;
  Match match;
  for (const Rule& rule : rules_for(*e)) {
    if (!matches(rule, *e, match) || (rule.condition >= 0 && !allows(rule, rule.condition, match))) continue;
    ++nesting_;
    Expr result = build(rule, rule.result, match, e.dtype());
    --nesting_;
    return result;
  }
  return e;
}

namespace {

/// The first slot of kAny below a node of a pattern; -1 if there is none.
int first_slot(const Rule& rule, int at) {
  if (at < 0) return -1;
  const PatternNode& node = rule.nodes[static_cast<std::size_t>(at)];
  if (node.kind == PatternNode::Kind::kAny) return node.slot;
  for (int child : {node.a, node.b, node.c})
    if (const int slot = first_slot(rule, child); slot >= 0) return slot;
  return -1;
}

}  // namespace

bool Simplifier::allows(const Rule& rule, int condition, const Match& match) {
  const PatternNode& node = rule.nodes[static_cast<std::size_t>(condition)];
  using PatternKind = PatternNode::Kind;
  if (node.kind == PatternKind::kBinary && static_cast<BinaryOp>(node.op) == BinaryOp::kAnd)
    return allows(rule, node.a, match) && allows(rule, node.b, match);
  if (node.kind == PatternKind::kNoLoads)
    return !reads_memory(Expr(match.slots[rule.nodes[static_cast<std::size_t>(node.a)].slot]));
  const int slot = first_slot(rule, condition);
  if (slot < 0) {
    const auto value = constant_value(rule, condition, match);
    return value && value->i != 0;
  }
  if (nesting_ >= kMaxNesting) return false;
  ++nesting_;
  const int lanes = match.slots[static_cast<std::size_t>(slot)]->dtype.lanes;
  const Expr claim = build(rule, condition, match, kBool.with_lanes(lanes));
  --nesting_;
  return is_int(claim, 1);
}

Expr Simplifier::build(const Rule& rule, int at, const Match& match, DType type) {
  const PatternNode& node = rule.nodes[static_cast<std::size_t>(at)];
  using PatternKind = PatternNode::Kind;
  switch (node.kind) {
    case PatternKind::kAny:
    case PatternKind::kConstant: return Expr(match.slots[node.slot]);
    case PatternKind::kNumber:
      return type.is_float() ? make_const(type, node.real) : make_const(type, node.number);
    case PatternKind::kTruth: return make_const(kBool.with_lanes(type.lanes), node.number);
    case PatternKind::kLanes: return make_const(type, int64_t{match.lanes});
    case PatternKind::kUnary:
      return unary(static_cast<UnaryOp>(node.op), build(rule, node.a, match, type), nullptr);
    case PatternKind::kBinary: {
      const auto op = static_cast<BinaryOp>(node.op);
      const DType operands = is_comparison(op) ? match.operand.with_lanes(type.lanes) : type;
      return binary(op, build(rule, node.a, match, operands), build(rule, node.b, match, operands), nullptr);
    }
    case PatternKind::kCall: {
      std::vector<Expr> args{build(rule, node.a, match, type)};
      if (node.b >= 0) args.push_back(build(rule, node.b, match, type));
      return call(static_cast<Intrinsic>(node.op), std::move(args), nullptr);
    }
    case PatternKind::kSelect: {
      const DType truth = kBool.with_lanes(type.lanes);
      return select(build(rule, node.a, match, truth), build(rule, node.b, match, type),
                    build(rule, node.c, match, type), nullptr);
    }
    case PatternKind::kRamp:
      return ramp(build(rule, node.a, match, type.element()), build(rule, node.b, match, type.element()),
                  type.lanes, nullptr);
    case PatternKind::kBroadcast:
      return broadcast(build(rule, node.a, match, type.element()), type.lanes, nullptr);
    default: return {};
  }
}

Expr simplify(const Expr& e, const Context& context) {
  if (e->kind == Kind::kIntImm || e->kind == Kind::kFloatImm) return e;
  return Simplifier(context).simplify(e);
}

}  // namespace tw
