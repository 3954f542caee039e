// Every rule of every table by itself, on random and extreme values of each type it claims.
#include <gtest/gtest.h>

#include "common/random_expr.h"
#include "ir/simplify/simplify_cast.h"
#include "ir/simplify/simplify_rules.h"
#include "ir/text.h"

namespace tw::test {
namespace {

using PatternKind = PatternNode::Kind;

/// Stands variables and constants in for the names of a rule and reads its texts as expressions.
class Instance {
 public:
  Instance(const Rule& rule, DType operand, int lanes, Random& random)
      : rule_(rule), operand_(operand), lanes_(lanes), random_(random) {}

  /// The pattern; draws constants and makes variables on the way. Null when the types do not fit together.
  Expr pattern(DType root) { return build(rule_.pattern, root); }
  Expr result(DType root) { return build(rule_.result, root); }
  Expr condition() {
    // A condition speaks of scalars where its names stand in a ramp, of vectors elsewhere.
    const int slot = first_slot(rule_.condition);
    const int lanes = slot < 0 ? 1 : slots_[static_cast<std::size_t>(slot)].dtype().lanes;
    return build(rule_.condition, kBool.with_lanes(lanes));
  }

  void draw(Values& values) {
    for (const Expr& slot : slots_)
      if (slot && slot->kind == Kind::kVariable)
        values[as<Variable>(slot)] = random_scalar(random_, slot.dtype().element());
  }

 private:
  int first_slot(int at) const {
    if (at < 0) return -1;
    const PatternNode& node = rule_.nodes[static_cast<std::size_t>(at)];
    if (node.kind == PatternKind::kAny || node.kind == PatternKind::kConstant) return node.slot;
    for (int child : {node.a, node.b, node.c})
      if (const int slot = first_slot(child); slot >= 0) return slot;
    return -1;
  }

  Expr build(int at, DType type) {
    const PatternNode& node = rule_.nodes[static_cast<std::size_t>(at)];
    switch (node.kind) {
      case PatternKind::kAny: {
        Expr& slot = slots_[node.slot];
        if (!slot) slot = Var(std::string(1, "xyzw"[node.slot]), type);
        return fits(slot, type);
      }
      case PatternKind::kConstant: {
        Expr& slot = slots_[node.slot];
        if (!slot) {
          const Scalar value = random_scalar(random_, type.element());
          slot = type.is_float() ? make_const(type, value.f) : make_const(type, value.i);
        }
        return fits(slot, type);
      }
      case PatternKind::kNumber:
        return type.is_float() ? make_const(type, node.real) : make_const(type, node.number);
      case PatternKind::kTruth: return make_const(kBool.with_lanes(type.lanes), node.number);
      case PatternKind::kLanes: return make_const(type, int64_t{lanes_});
      case PatternKind::kUnary: return Unary::make(static_cast<UnaryOp>(node.op), build(node.a, type));
      case PatternKind::kBinary: {
        const auto op = static_cast<BinaryOp>(node.op);
        const DType operands = is_comparison(op) ? operand_.with_lanes(type.lanes) : type;
        Expr a = build(node.a, operands);
        return Binary::make(op, std::move(a), build(node.b, operands));
      }
      case PatternKind::kCall: {
        std::vector<Expr> args{build(node.a, type)};
        if (node.b >= 0) args.push_back(build(node.b, type));
        return Call::make(static_cast<Intrinsic>(node.op), std::move(args));
      }
      case PatternKind::kSelect: {
        Expr cond = build(node.a, kBool.with_lanes(type.lanes));
        Expr on_true = build(node.b, type);
        return Select::make(std::move(cond), std::move(on_true), build(node.c, type));
      }
      case PatternKind::kRamp: {
        Expr base = build(node.a, type.element());
        return Ramp::make(std::move(base), build(node.b, type.element()), lanes_);
      }
      case PatternKind::kBroadcast: return Broadcast::make(build(node.a, type.element()), lanes_);
      case PatternKind::kNoLoads: return make_const(type, int64_t{1});
    }
    return {};
  }

  static Expr fits(const Expr& slot, DType type) {
    EXPECT_EQ(slot.dtype(), type);
    return slot;
  }

  const Rule& rule_;
  const DType operand_;
  const int lanes_;
  Random& random_;
  std::array<Expr, Rule::kSlots> slots_;
};

bool uses_lanes(const Rule& rule) {
  for (const PatternNode& node : rule.nodes)
    if (node.kind == PatternKind::kRamp || node.kind == PatternKind::kBroadcast) return true;
  return false;
}

/// Whether the pattern's root gives bool whatever the type the rule speaks of.
DType root_type(const Rule& rule, DType operand, int lanes) {
  const PatternNode& root = rule.nodes[static_cast<std::size_t>(rule.pattern)];
  const bool truth = (root.kind == PatternKind::kBinary && (is_comparison(static_cast<BinaryOp>(root.op)) ||
                                                            is_logical(static_cast<BinaryOp>(root.op)))) ||
                     (root.kind == PatternKind::kUnary && static_cast<UnaryOp>(root.op) == UnaryOp::kNot);
  return (truth ? kBool : operand).with_lanes(lanes);
}

/// Samples that the rule's condition let through.
int try_rule(const Rule& rule, DType operand, int lanes, Random& random, int instances) {
  int tried = 0;
  const DType root = root_type(rule, operand, lanes);
  for (int n = 0; n < instances; ++n) {
    Instance instance(rule, operand, lanes, random);
    const Expr before = instance.pattern(root);
    Match match;
    EXPECT_TRUE(matches(rule, *before, match)) << to_text(before);
    const Expr after = instance.result(root);
    const Expr condition = rule.condition >= 0 ? instance.condition() : make_bool(true);
    for (int sample = 0; sample < 4; ++sample) {
      Values values;
      instance.draw(values);
      bool holds = true;
      for (int lane = 0; lane < condition.dtype().lanes; ++lane) {
        const Outcome outcome = evaluate_lane(condition, values, lane);
        holds = holds && outcome.ok() && outcome.value.i;
      }
      if (!holds) continue;
      for (int lane = 0; lane < lanes; ++lane) {
        const Outcome x = evaluate_lane(before, values, lane), y = evaluate_lane(after, values, lane);
        if (!x.ok() || (!y.ok() && operand.is_index())) continue;
        ++tried;
        EXPECT_TRUE(y.ok() && x.value.identical(y.value))
            << rule.text->pattern << " -> " << rule.text->result << " of " << to_string(operand) << "\n"
            << to_text(before) << " is " << to_text(constant_of(x.value)) << ", but " << to_text(after)
            << " is " << to_text(constant_of(y.value));
        if (testing::Test::HasFailure()) return tried;
      }
    }
  }
  return tried;
}

TEST(SimplifyRules, KeepEveryValueOfEveryTypeTheyClaim) {
  Random random(1);
  for (const RuleRow& row : all_rules()) {
    ASSERT_FALSE(row.rules.empty()) << row.text->pattern;
    for (DType type : kScalarTypes) {
      if (!(row.text->types & type_set_of(type))) continue;
      int tried = 0;
      for (const Rule* rule : row.rules) {
        if (!(rule->types & type_set_of(type))) continue;
        // min of bool is no expression; the condition or the result says so by failing to fold.
        tried += try_rule(*rule, type, uses_lanes(*rule) ? 4 : 1, random, rule->condition >= 0 ? 400 : 60);
        if (HasFailure()) return;
      }
      EXPECT_GT(tried, 0) << "no value reaches " << row.text->pattern << " -> " << row.text->result << " of "
                          << to_string(type);
    }
  }
}

/// A row is dead when rows above it always take what it matches.
TEST(SimplifyRules, NoRowIsHiddenByThoseAbove) {
  Random random(3);
  for (const RuleRow& row : all_rules()) {
    bool reached = false;
    for (DType type : kScalarTypes)
      for (const Rule* rule : row.rules) {
        if (reached || !(rule->types & type_set_of(type))) continue;
        const int lanes = uses_lanes(*rule) || type.is_index() ? 4 : 1;
        for (int n = 0; n < 200 && !reached; ++n) {
          Instance instance(*rule, type, lanes, random);
          const Expr e = instance.pattern(root_type(*rule, type, lanes));
          for (const Rule& first : rules_for(*e)) {
            Match match;
            if (!matches(first, *e, match)) continue;
            if (first.condition >= 0 && first.text != row.text) {
              const auto value = constant_value(first, first.condition, match);
              if (!value || !value->i) continue;
            }
            reached = first.text == row.text;
            break;
          }
        }
      }
    EXPECT_TRUE(reached) << row.text->pattern << " -> " << row.text->result;
  }
}

TEST(SimplifyRules, NoRowStandsTwice) {
  for (const RuleRow& a : all_rules())
    for (const RuleRow& b : all_rules()) {
      if (&a == &b || std::string(a.text->pattern) != b.text->pattern) continue;
      const bool same_condition =
          !a.text->condition || !b.text->condition || std::string(a.text->condition) == b.text->condition;
      EXPECT_FALSE(same_condition && (a.text->types & b.text->types)) << a.text->pattern;
    }
}

TEST(SimplifyRules, CastChainsThatDropKeepEveryValue) {
  Random random(2);
  int dropped = 0;
  for (DType from : kScalarTypes)
    for (DType through : kScalarTypes)
      for (DType to : kScalarTypes) {
        if (!inner_cast_drops(from, through, to)) continue;
        ++dropped;
        for (int sample = 0; sample < 60; ++sample) {
          Scalar value = random_scalar(random, from);
          if (from.is_index() && sample % 2) value.i = static_cast<int64_t>(random.bits());
          const auto inner = evaluate_cast(through, value);
          const auto chain = evaluate_cast(to, *inner), direct = evaluate_cast(to, value);
          ASSERT_TRUE(chain->identical(*direct)) << to_string(from) << " " << to_string(through) << " "
                                                 << to_string(to) << " of " << to_text(constant_of(value));
        }
      }
  EXPECT_GT(dropped, 400);
}

}  // namespace
}  // namespace tw::test
