#include "ir/analysis/index_algebra.h"

#include <gtest/gtest.h>

#include "common/random_expr.h"
#include "enumerate.h"
#include "ir/text.h"

namespace tw {
namespace {

class IndexAlgebraTest : public testing::Test {
 protected:
  Var i{"i"}, j{"j"};
  Var n = Variable::make("n", kIndex, 0), mc = Variable::make("mc", kIndex, 1, 4096, 14);
  Context context;
};

TEST_F(IndexAlgebraTest, OneFormForAllThatAreEqual) {
  IndexAlgebra algebra(context);
  EXPECT_TRUE(algebra.equal(mc * (i + 1) - mc, i * mc));
  EXPECT_TRUE(algebra.equal(floordiv(i * 6 + 9, 4), floordiv(i * 6 + 8, 4)));
  EXPECT_TRUE(algebra.equal(floordiv(floordiv(i, 4) + 1, 3), floordiv(i + 4, 12)));
  EXPECT_FALSE(algebra.equal(floordiv(i, 4), floordiv(i, 2)));
  EXPECT_EQ(to_text(algebra.normal(i * mc + mc - i * mc)), "mc");
}

TEST_F(IndexAlgebraTest, MultiplesDivideExactly) {
  IndexAlgebra algebra(context);
  EXPECT_TRUE(algebra.equal(ceildiv(mc, 14) * 14, mc));
  EXPECT_TRUE(algebra.equal(floormod(mc * 3, 7), 0));
  EXPECT_TRUE(algebra.equal(floordiv(mc, 28), floordiv(floordiv(mc, 7), 4)));
  EXPECT_TRUE(algebra.is_multiple(i * mc + 28, 14));
  EXPECT_FALSE(algebra.is_multiple(mc, 4));
  EXPECT_EQ(to_text(algebra.normal(floordiv(mc * i + 13, 14))), "mc // 14 * i");
  EXPECT_EQ(to_text(algebra.normal(floordiv(mc * 2 + i, 7) - floordiv(i, 7))), "mc // 7 * 2");
  EXPECT_TRUE(algebra.le(14, mc));
  EXPECT_TRUE(algebra.le(mc, 4088));
  EXPECT_FALSE(algebra.le(mc, 4087 - 14));
  context.bind(i, 0, floordiv(mc, 14));
  context.bind(j, 0, 14);
  EXPECT_TRUE(algebra.lt(i * 14 + j, mc));
  EXPECT_FALSE(algebra.lt(i * 14 + j, mc - 1));
}

/// Random index expressions, sizes that are multiples among them: forms keep values, proofs hold.
TEST(IndexAlgebraFuzz, FormsKeepValuesAndProofsHold) {
  const uint64_t seed = test::fuzz_seed(6);
  const int64_t count = test::fuzz_count(4000);
  int64_t proved = 0;
  for (int64_t number = 0; number < count && !testing::Test::HasFailure(); ++number) {
    test::Random random(seed * 1000003 + static_cast<uint64_t>(number));
    test::RandomScope scope(random);
    test::RandomExpr generator(random, scope);
    generator.loads = false;
    if (random.chance(40)) {
      const Expr fact = generator.make(kBool, 2);
      test::RandomScope trial = scope;
      trial.assume(fact);
      test::Values values;
      if (trial.draw(values)) scope.assume(fact);
    }
    const Expr e = generator.make(kIndex, 4), condition = generator.make(kBool, 3);
    IndexAlgebra algebra(scope.context);
    const Expr normal = algebra.normal(e);
    const bool holds = algebra.holds(condition), never = algebra.refutes(condition);
    proved += holds || never;
    for (int sample = 0; sample < 20; ++sample) {
      test::Values values;
      if (!scope.draw(values)) continue;
      const auto before = test::evaluate_lane(e, values, 0), after = test::evaluate_lane(normal, values, 0);
      if (before.ok() && after.ok()) {
        EXPECT_EQ(before.value.i, after.value.i) << to_text(e) << "\nbecomes " << to_text(normal)
                                                 << "\nTW_FUZZ_SEED=" << seed << " case " << number;
      }
      const auto truth = test::evaluate_lane(condition, values, 0);
      if (truth.ok()) {
        EXPECT_TRUE(truth.value.i ? !never : !holds)
            << to_text(condition) << "\nTW_FUZZ_SEED=" << seed << " case " << number;
      }
    }
  }
  std::cout << "conditions " << count << ", decided " << proved << "\n";
}

}  // namespace
}  // namespace tw
