#include <exception>
#include <unordered_set>

#include "ir/interpret/compiler.h"
#include "support/error.h"

namespace tw::interpreter {

Compiler::Temporaries::~Temporaries() {
  c_.forget(known_);
  c_.free_.insert(c_.free_.end(), c_.temporaries_.begin() + static_cast<std::ptrdiff_t>(registers_),
                  c_.temporaries_.end());
  c_.temporaries_.resize(registers_);
}

Compiler::InScope::InScope(Compiler& c, const Node* node)
    : c_(c), outer_(c.site_), exceptions_(std::uncaught_exceptions()) {
  c_.site_.node = node;
  c_.site_index_ = kNone;
}

Compiler::InScope::~InScope() {
  if (std::uncaught_exceptions() > exceptions_ && !c_.fault_) c_.fault_ = c_.site_.node;
  c_.site_ = outer_;
  c_.site_index_ = kNone;
}

void Compiler::show(const std::string& name, Reg reg) {
  code_.scopes.push_back({name, reg, site_.scope});
  site_.scope = static_cast<uint32_t>(code_.scopes.size() - 1);
  site_index_ = kNone;
}

Pc Compiler::emit(Instr instr) {
  if (site_index_ == kNone) {
    site_index_ = static_cast<uint32_t>(code_.sites.size());
    code_.sites.push_back(site_);
  }
  code_.instrs.push_back(instr);
  code_.site_of.push_back(site_index_);
  return here() - 1;
}

Reg Compiler::make_register() {
  Reg reg = code_.registers;
  if (free_.empty()) {
    ++code_.registers;
  } else {
    reg = free_.back();
    free_.pop_back();
  }
  temporaries_.push_back(reg);
  return reg;
}

Reg Compiler::make_registers(int count) {
  if (count == 1) return make_register();
  const Reg first = code_.registers;
  for (int i = 0; i < count; ++i) temporaries_.push_back(code_.registers++);
  return first;
}

Reg Compiler::constant(Slot value) {
  const auto [at, fresh] = constants_.try_emplace(value, code_.registers);
  if (fresh) code_.constants.emplace_back(code_.registers++, value);
  return at->second;
}

uint32_t Compiler::message(std::string text) {
  code_.messages.push_back(std::move(text));
  return static_cast<uint32_t>(code_.messages.size() - 1);
}

uint32_t Compiler::add_operands(const std::vector<Reg>& regs) {
  const auto first = static_cast<uint32_t>(code_.operands.size());
  code_.operands.insert(code_.operands.end(), regs.begin(), regs.end());
  return first;
}

Reg Compiler::apply(Operator op, Reg a, Reg b) {
  check_internal(op != nullptr, "an operator is not defined for its type");
  const auto [at, fresh] = operators_.try_emplace(op, static_cast<uint16_t>(code_.operators.size()));
  if (fresh) code_.operators.push_back(op);
  const Reg out = make_register();
  fresh_ = emit({Op::kApply, at->second, out, a, b});
  return out;
}

Reg Compiler::result(Op op, Reg a, Reg b) {
  const Reg out = make_register();
  fresh_ = emit({op, 0, out, a, b});
  return out;
}

void Compiler::know(const ExprNode* e, Reg reg) {
  if (known_.try_emplace(e, reg).second) known_log_.push_back(e);
}

void Compiler::forget(const Mark& mark) {
  for (std::size_t i = mark.values; i < known_log_.size(); ++i) known_.erase(known_log_[i]);
  known_log_.resize(mark.values);
  known_offsets_.resize(mark.offsets);
}

Reg Compiler::value(const Expr& e, Reg lane) {
  guard_.check();
  if (e.dtype().is_scalar()) {
    lane = kNone;
  } else if (lane == kNone) {
    raise_value("a vector of type {} stands where one value is needed", to_string(e.dtype()));
  }
  if (const auto* imm = as<IntImm>(e)) return integer(imm->value);
  if (const auto* var = as<Variable>(e)) return variable(*var, lane);
  if (const auto* imm = as<FloatImm>(e))
    return constant(with_lane_type(imm->dtype, [&]<class T>() -> Slot {
      if constexpr (std::same_as<T, double>) return Lane<double>::write(imm->value);
      return Lane<float>::write(static_cast<float>(imm->value));
    }));
  if (const auto known = known_.find(e.get()); known != known_.end()) return known->second;
  const Reg reg = compute(e, lane);
  know(e.get(), reg);
  return reg;
}

Reg Compiler::compute(const Expr& e, Reg lane) {
  switch (e->kind) {
    case Kind::kUnary: return unary(static_cast<const Unary&>(*e), lane);
    case Kind::kBinary: return binary(static_cast<const Binary&>(*e), lane);
    case Kind::kSelect: return select(static_cast<const Select&>(*e), lane);
    case Kind::kLoad: return load(static_cast<const Load&>(*e), lane);
    case Kind::kCall: return call(static_cast<const Call&>(*e), lane);
    case Kind::kBroadcast: return value(static_cast<const Broadcast&>(*e).value, lane);
    case Kind::kCast: {
      const auto& cast = static_cast<const Cast&>(*e);
      return apply(find_cast(e.dtype().element(), cast.value.dtype().element()), value(cast.value, lane));
    }
    case Kind::kRamp: {
      const auto& ramp = static_cast<const Ramp&>(*e);
      const DType type = e.dtype().element();
      const Reg base = value(ramp.base), stride = value(ramp.stride);
      return binary(BinaryOp::kAdd, type, base, binary(BinaryOp::kMul, type, stride, lane));
    }
    default:
      raise_value(
          "a {} cannot be computed in a loop program; the first loop program turns each reduction into a "
          "block",
          kind_name(e->kind));
  }
}

Reg Compiler::variable(const Variable& e, Reg lane) {
  const auto found = variables_.find(&e);
  if (found == variables_.end())
    raise_value(
        "variable '{}' has no value here: it is neither a parameter of the program nor introduced around its "
        "use",
        e.name.text);
  if (e.dtype.is_scalar()) return found->second.reg;
  const Reg out = make_register();
  fresh_ = emit({Op::kGetLane, 0, out, found->second.reg, lane});
  return out;
}

Reg Compiler::unary(const Unary& e, Reg lane) {
  const Reg a = value(e.a, lane);
  if (e.op == UnaryOp::kNeg && e.dtype.is_index()) return result(Op::kIndexNeg, a);
  if (e.op == UnaryOp::kNot) return result(Op::kNot, a);
  return apply(find_operator(e.op, e.dtype.element()), a);
}

Reg Compiler::binary(const Binary& e, Reg lane) {
  const Reg a = value(e.a, lane), b = value(e.b, lane);
  return binary(e.op, e.a.dtype().element(), a, b);
}

namespace {

struct DirectOp {
  BinaryOp op;
  DType type;
  Op instruction;
};

/// Operators frequent enough for an instruction of their own, and those of type index that are checked.
constexpr DirectOp kDirectOps[] = {
    {BinaryOp::kAdd, kIndex, Op::kIndexAdd},
    {BinaryOp::kSub, kIndex, Op::kIndexSub},
    {BinaryOp::kMul, kIndex, Op::kIndexMul},
    {BinaryOp::kFloorDiv, kIndex, Op::kIndexFloorDiv},
    {BinaryOp::kFloorMod, kIndex, Op::kIndexFloorMod},
    {BinaryOp::kMin, kIndex, Op::kIndexMin},
    {BinaryOp::kMax, kIndex, Op::kIndexMax},
    {BinaryOp::kEq, kIndex, Op::kIndexEq},
    {BinaryOp::kNe, kIndex, Op::kIndexNe},
    {BinaryOp::kLt, kIndex, Op::kIndexLt},
    {BinaryOp::kLe, kIndex, Op::kIndexLe},
    {BinaryOp::kAnd, kBool, Op::kAnd},
    {BinaryOp::kOr, kBool, Op::kOr},
    {BinaryOp::kAdd, kFloat32, Op::kF32Add},
    {BinaryOp::kSub, kFloat32, Op::kF32Sub},
    {BinaryOp::kMul, kFloat32, Op::kF32Mul},
    {BinaryOp::kAdd, kFloat64, Op::kF64Add},
    {BinaryOp::kSub, kFloat64, Op::kF64Sub},
    {BinaryOp::kMul, kFloat64, Op::kF64Mul},
    {BinaryOp::kAdd, kInt32, Op::kI32Add},
    {BinaryOp::kSub, kInt32, Op::kI32Sub},
    {BinaryOp::kMul, kInt32, Op::kI32Mul},
};

}  // namespace

Reg Compiler::binary(BinaryOp op, DType type, Reg a, Reg b) {
  for (const DirectOp& direct : kDirectOps)
    if (direct.op == op && direct.type == type) return result(direct.instruction, a, b);
  return apply(find_operator(op, type), a, b);
}

Reg Compiler::call(const Call& e, Reg lane) {
  const DType type = e.dtype.element();
  const Reg a = value(e.args[0], lane);
  const Reg b = e.args.size() > 1 ? value(e.args[1], lane) : a;
  if (type.is_index() && e.op == Intrinsic::kAbs) return result(Op::kIndexAbs, a);
  return apply(find_operator(e.op, type), a, b);
}

Reg Compiler::select(const Select& e, Reg lane) {
  const Reg cond = value(e.cond, lane);
  const Reg out = make_register();
  const Pc to_false = emit({Op::kJumpIfNot, 0, cond});
  const Mark before = mark();
  const Reg on_true = value(e.on_true, lane);
  emit({Op::kMove, 0, out, on_true});
  forget(before);  // the other branch does not come by here
  const Pc to_end = emit({Op::kJump});
  land(to_false);
  const Reg on_false = value(e.on_false, lane);
  emit({Op::kMove, 0, out, on_false});
  forget(before);
  land(to_end);
  return out;
}

void Compiler::compute_scalars(const Expr& e) {
  std::unordered_set<const ExprNode*> met;
  auto walk = [&](auto&& self, const Expr& x) -> void {
    guard_.check();
    if (!x || !met.insert(x.get()).second) return;
    if (x.dtype().is_scalar()) {
      value(x);
      return;
    }
    switch (x->kind) {
      case Kind::kUnary: return self(self, static_cast<const Unary&>(*x).a);
      case Kind::kBinary:
        self(self, static_cast<const Binary&>(*x).a);
        return self(self, static_cast<const Binary&>(*x).b);
      case Kind::kSelect: return self(self, static_cast<const Select&>(*x).cond);
      case Kind::kCast: return self(self, static_cast<const Cast&>(*x).value);
      case Kind::kBroadcast: return self(self, static_cast<const Broadcast&>(*x).value);
      case Kind::kRamp:
        self(self, static_cast<const Ramp&>(*x).base);
        return self(self, static_cast<const Ramp&>(*x).stride);
      case Kind::kCall:
        for (const Expr& arg : static_cast<const Call&>(*x).args) self(self, arg);
        return;
      case Kind::kLoad:
        for (const Expr& index : static_cast<const Load&>(*x).indices) self(self, index);
        return self(self, static_cast<const Load&>(*x).predicate);
      default: return;
    }
  };
  walk(walk, e);
}

Reg Compiler::kept(const Expr& e) {
  if (as<IntImm>(e) || as<FloatImm>(e) || (as<Variable>(e) && e.dtype().is_scalar())) return value(e);
  const Reg out = make_register();
  const Temporaries temporaries(*this);
  const Reg reg = value(e);
  if (fresh_ != kNone && fresh_ + 1 == here() && code_.instrs[fresh_].a == reg)
    code_.instrs[fresh_].a = out;
  else
    emit({Op::kMove, 0, out, reg});
  return out;
}

Reg Compiler::scalar(const Expr& e, DType type, const char* what) {
  if (e.dtype() != type)
    raise_value("{} has type {}; it must be {}", what, to_string(e.dtype()), to_string(type));
  return kept(e);
}

}  // namespace tw::interpreter
