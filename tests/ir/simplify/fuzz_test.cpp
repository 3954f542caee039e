// Random expressions keep their values. TW_FUZZ_COUNT=N and TW_FUZZ_SEED=S say how many and which.
#include <functional>

#include <gtest/gtest.h>

#include "common/fuzzing.h"
#include "common/random_expr.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"

namespace tw::test {
namespace {

std::string describe(const Values& values, const Expr& e) {
  std::string text;
  for (const Var& var : free_vars(e)) {
    const Scalar& value = values.at(&*var);
    text += var->name.text + "=" +
            (value.type.is_float() ? std::to_string(value.f) : std::to_string(value.i)) + " ";
  }
  return text;
}

std::string describe(const Context& context) {
  std::string text;
  for (const auto& range : context.ranges())
    text += "  " + to_text(range.var) + " from " + to_text(range.begin) + ", " + to_text(range.extent) +
            " values\n";
  for (const Expr& fact : context.facts()) text += "  " + to_text(fact) + "\n";
  return text;
}

/// What is wrong with a simplified expression; empty when nothing is.
using Check = std::function<std::string(const Expr&, RandomScope&)>;

std::vector<Expr> operands(const Expr& e) {
  std::vector<Expr> found;
  for_each_node(e, [&](const Node* node) {
    if (node != e.get() && node->kind <= Kind::kReduce)
      found.emplace_back(static_cast<const ExprNode*>(node));
  });
  return found;
}

/// The smallest subexpression that fails too.
Expr shrink(Expr e, RandomScope& scope, const Check& check) {
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (const Expr& operand : operands(e))
      if (!check(operand, scope).empty()) {
        e = operand;
        smaller = true;
        break;
      }
  }
  return e;
}

/// Runs `check` on random expressions; on a failure prints the seed and the shrunk expression.
void fuzz(const Check& check, uint64_t share, const std::function<Expr(RandomExpr&, Random&)>& make) {
  const uint64_t count = fuzz_count(20000) / share, first = fuzz_seed();
  for (uint64_t seed = first; seed < first + count; ++seed) {
    Random random(seed * 7919);
    RandomScope scope(random);
    RandomExpr generator(random, scope);
    generator.loads = false;
    for (int facts = random.below(3); facts > 0; --facts) {
      const Expr fact = generator.make(kBool, 2);
      RandomScope trial = scope;
      trial.assume(fact);
      Values values;
      if (trial.draw(values)) scope.assume(fact);
    }
    generator.loads = true;
    const Expr e = make(generator, random);
    if (check(e, scope).empty()) continue;
    const Expr small = shrink(e, scope, check);
    std::string why = check(small, scope);
    if (why.empty()) why = check(e, scope);
    FAIL() << "seed " << seed << " (TW_FUZZ_SEED=" << seed << " TW_FUZZ_COUNT=" << share << ")\n"
           << to_text(small) << "\nwhere\n"
           << describe(scope.context) << why;
  }
}

Expr any_expr(RandomExpr& generator, Random& random) {
  return generator.make(generator.type(), 2 + random.below(4));
}
Expr index_expr(RandomExpr& generator, Random& random) {
  return generator.make(kIndex, 2 + random.below(4));
}
Expr condition(RandomExpr& generator, Random& random) {
  return generator.make(kBool, 2 + random.below(4));
}

std::string check_value(const Expr& e, RandomScope& scope) {
  const Expr simpler = simplify(e, scope.context);
  if (simpler.dtype() != e.dtype()) return "changed type to " + to_string(simpler.dtype());
  if (simpler.same_as(e)) return "";
  for (int sample = 0; sample < 12; ++sample) {
    Values values;
    if (!scope.draw(values)) continue;
    for (int lane = 0; lane < e.dtype().lanes; ++lane) {
      const Outcome before = evaluate_lane(e, values, lane), after = evaluate_lane(simpler, values, lane);
      if (!before.ok() || after.state == Outcome::State::kOverflow) continue;
      if (!after.ok() || !before.value.identical(after.value))
        return "becomes " + to_text(simpler) + "\nlane " + std::to_string(lane) + " at " +
               describe(values, e) + "was " + to_text(constant_of(before.value)) + ", is " +
               (after.ok() ? to_text(constant_of(after.value)) : "a bad read");
    }
  }
  return "";
}

std::string check_idempotent(const Expr& e, RandomScope& scope) {
  const Expr once = simplify(e, scope.context);
  const Expr twice = simplify(once, scope.context);
  return twice.same_as(once) ? "" : "becomes " + to_text(once) + "\nthen " + to_text(twice);
}

std::string check_bounds(const Expr& e, RandomScope& scope) {
  const DType type = e.dtype().element();
  if (type.is_float()) return "";
  const Interval range = bounds(e, scope.context);
  for (int sample = 0; sample < 12; ++sample) {
    Values values;
    if (!scope.draw(values)) continue;
    for (int lane = 0; lane < e.dtype().lanes; ++lane) {
      const Outcome outcome = evaluate_lane(e, values, lane);
      if (!outcome.ok()) continue;
      const int64_t value = outcome.value.i;
      const bool beyond = type == kUInt64 && value < 0;
      if (beyond ? range.max != kNoMax : !range.contains(value))
        return "bounds [" + std::to_string(range.min) + ", " + std::to_string(range.max) + "] miss " +
               std::to_string(value) + " at " + describe(values, e);
    }
  }
  return "";
}

std::string check_prove(const Expr& e, RandomScope& scope) {
  if (e.dtype() != kBool || !prove(e, scope.context)) return "";
  for (int sample = 0; sample < 40; ++sample) {
    Values values;
    if (!scope.draw(values)) continue;
    const Outcome outcome = evaluate_lane(e, values, 0);
    if (outcome.ok() && !outcome.value.i) return "proved, but false at " + describe(values, e);
  }
  return "";
}

std::string check_symbolic_bounds(const Expr& e, RandomScope& scope) {
  if (e.dtype() != kIndex) return "";
  std::vector<Var> over{scope.i, scope.j};
  if (scope.context.range_of(&*scope.k)) over.push_back(scope.k);
  const auto range = symbolic_bounds(e, over, scope.context);
  if (!range) return "";
  for (const Var& var : over)
    if (uses_var(range->min, var) || uses_var(range->max, var)) return "bounds use " + var->name.text;
  for (int sample = 0; sample < 12; ++sample) {
    Values values;
    if (!scope.draw(values)) continue;
    const Outcome value = evaluate_lane(e, values, 0), low = evaluate_lane(range->min, values, 0),
                  high = evaluate_lane(range->max, values, 0);
    if (!value.ok()) continue;
    if ((low.ok() && low.value.i > value.value.i) || (high.ok() && high.value.i < value.value.i))
      return "bounds " + to_text(range->min) + " and " + to_text(range->max) + " miss " +
             std::to_string(value.value.i) + " at " + describe(values, e);
  }
  return "";
}

TEST(SimplifyFuzz, KeepsValues) {
  fuzz(check_value, 1, any_expr);
}
TEST(SimplifyFuzz, KeepsValuesOfIndexExpressions) {
  fuzz(check_value, 2, index_expr);
}
TEST(SimplifyFuzz, KeepsValuesOfConditions) {
  fuzz(check_value, 4, condition);
}
TEST(SimplifyFuzz, IsIdempotent) {
  fuzz(check_idempotent, 1, any_expr);
}
TEST(SimplifyFuzz, BoundsContainEveryValue) {
  fuzz(check_bounds, 4, any_expr);
}
TEST(SimplifyFuzz, ProvesNothingFalse) {
  fuzz(check_prove, 2, condition);
}
TEST(SimplifyFuzz, SymbolicBoundsEnclose) {
  fuzz(check_symbolic_bounds, 4, index_expr);
}

}  // namespace
}  // namespace tw::test
