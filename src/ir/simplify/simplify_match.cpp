// Matches expressions against patterns.
#include <bit>

#include "ir/simplify/linear.h"
#include "ir/simplify/simplify_rules.h"

namespace tw {
namespace {

using PatternKind = PatternNode::Kind;

/// The scalar constant that an expression is, in every lane; null if it is none.
const ExprNode* constant_of(const ExprNode* e) {
  if (e->kind == tw::Kind::kBroadcast) e = static_cast<const Broadcast*>(e)->value.get();
  return e->kind == tw::Kind::kIntImm || e->kind == tw::Kind::kFloatImm ? e : nullptr;
}

Scalar scalar_of(const ExprNode& constant) {
  if (const auto* imm = as<IntImm>(&constant)) return Scalar{imm->dtype, imm->value, 0};
  return Scalar{constant.dtype, 0, static_cast<const FloatImm&>(constant).value};
}

bool is_number(const PatternNode& node, const ExprNode* e) {
  const ExprNode* constant = constant_of(e);
  if (!constant || constant->dtype.is_bool()) return false;
  if (const auto* imm = as<IntImm>(constant)) return imm->value == wrap_to(imm->dtype, node.number);
  return std::bit_cast<uint64_t>(static_cast<const FloatImm*>(constant)->value) ==
         std::bit_cast<uint64_t>(node.real);
}

bool match_node(const Rule& rule, int at, const ExprNode* e, Match& match) {
  const PatternNode& node = rule.nodes[static_cast<std::size_t>(at)];
  switch (node.kind) {
    case PatternKind::kConstant:
      if (!constant_of(e)) return false;
      [[fallthrough]];
    case PatternKind::kAny: {
      const ExprNode*& slot = match.slots[node.slot];
      if (slot) return same_expr(slot, e);
      slot = e;
      return true;
    }
    case PatternKind::kNumber: return is_number(node, e);
    case PatternKind::kTruth: {
      const ExprNode* constant = constant_of(e);
      const auto* imm = constant ? as<IntImm>(constant) : nullptr;
      return imm && imm->dtype.is_bool() && imm->value == node.number;
    }
    case PatternKind::kUnary: {
      if (e->kind != tw::Kind::kUnary) return false;
      const auto& x = *static_cast<const Unary*>(e);
      return static_cast<int>(x.op) == node.op && match_node(rule, node.a, x.a.get(), match);
    }
    case PatternKind::kBinary: {
      if (e->kind != tw::Kind::kBinary) return false;
      const auto& x = *static_cast<const Binary*>(e);
      if (static_cast<int>(x.op) != node.op) return false;
      if (is_comparison(x.op) && !match.compared) {
        match.compared = true;
        match.operand = x.a.dtype().element();
      }
      return match_node(rule, node.a, x.a.get(), match) && match_node(rule, node.b, x.b.get(), match);
    }
    case PatternKind::kCall: {
      if (e->kind != tw::Kind::kCall) return false;
      const auto& x = *static_cast<const Call*>(e);
      return static_cast<int>(x.op) == node.op && match_node(rule, node.a, x.args[0].get(), match) &&
             (node.b < 0 || match_node(rule, node.b, x.args[1].get(), match));
    }
    case PatternKind::kSelect: {
      if (e->kind != tw::Kind::kSelect) return false;
      const auto& x = *static_cast<const Select*>(e);
      return match_node(rule, node.a, x.cond.get(), match) &&
             match_node(rule, node.b, x.on_true.get(), match) &&
             match_node(rule, node.c, x.on_false.get(), match);
    }
    case PatternKind::kRamp: {
      if (e->kind != tw::Kind::kRamp) return false;
      const auto& x = *static_cast<const Ramp*>(e);
      return match_node(rule, node.a, x.base.get(), match) && match_node(rule, node.b, x.stride.get(), match);
    }
    case PatternKind::kBroadcast:
      return e->kind == tw::Kind::kBroadcast &&
             match_node(rule, node.a, static_cast<const Broadcast*>(e)->value.get(), match);
    default: return false;
  }
}

}  // namespace

TypeSet type_set_of(DType type) {
  switch (type.code) {
    case TypeCode::kBool: return kBools;
    case TypeCode::kInt: return kSigned;
    case TypeCode::kUInt: return kUnsigned;
    case TypeCode::kIndex: return kIndices;
    default: return kFloats;
  }
}

bool matches(const Rule& rule, const ExprNode& e, Match& match) {
  match.slots = {};
  match.operand = e.dtype.element();
  match.compared = false;
  match.lanes = e.dtype.lanes;
  return match_node(rule, rule.pattern, &e, match) && (rule.types & type_set_of(match.operand));
}

std::optional<Scalar> constant_value(const Rule& rule, int at, const Match& match) {
  const PatternNode& node = rule.nodes[static_cast<std::size_t>(at)];
  switch (node.kind) {
    case PatternKind::kConstant: return scalar_of(*constant_of(match.slots[node.slot]));
    case PatternKind::kNumber:
      if (match.operand.is_float()) return Scalar::of_float(match.operand, node.real);
      return Scalar::of_int(match.operand, node.number);
    case PatternKind::kTruth: return Scalar::of_int(kBool, node.number);
    case PatternKind::kLanes: return Scalar::of_int(match.operand, match.lanes);
    case PatternKind::kUnary: {
      const auto a = constant_value(rule, node.a, match);
      return a ? evaluate(static_cast<UnaryOp>(node.op), *a) : std::nullopt;
    }
    case PatternKind::kBinary: {
      const auto a = constant_value(rule, node.a, match);
      if (!a) return std::nullopt;
      const auto op = static_cast<BinaryOp>(node.op);
      if (op == BinaryOp::kAnd && !a->i) return a;
      if (op == BinaryOp::kOr && a->i) return a;
      const auto b = constant_value(rule, node.b, match);
      return b ? evaluate(op, *a, *b) : std::nullopt;
    }
    default: return std::nullopt;
  }
}

}  // namespace tw
