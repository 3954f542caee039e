#include "ir/analysis/access_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"

namespace tw {
namespace {

using testing::ElementsAre;

class AccessMapTest : public testing::Test {
 protected:
  Var i{"i"}, j{"j"}, k{"k"}, x{"x"}, y{"y"};
  Var n = Variable::make("n", kIndex, 1), stride = Variable::make("stride", kIndex, 1);

  static std::vector<std::string> names(const std::vector<Var>& vars) {
    std::vector<std::string> result;
    for (const Var& var : vars) result.push_back(var->name.text);
    return result;
  }
};

TEST_F(AccessMapTest, AffineFormsHaveSymbolicCoefficients) {
  const AccessMap map = access_map({i * stride + j - 1, (i + i) * n - i * n}, {i, j});
  EXPECT_TRUE(map.is_affine());
  EXPECT_EQ(to_text(coefficient(map.subscripts[0], i)), "stride");
  EXPECT_EQ(to_text(coefficient(map.subscripts[0], j)), "1");
  EXPECT_EQ(to_text(map.subscripts[0].affine.base), "-1");
  EXPECT_EQ(to_text(coefficient(map.subscripts[1], i)), "n");
  EXPECT_TRUE(is_int(coefficient(map.subscripts[1], j), 0));
}

TEST_F(AccessMapTest, TermsThatCancelAreGone) {
  const AccessMap map = access_map({i * n - n * i + j}, {i, j});
  EXPECT_FALSE(uses_var(map.subscripts[0], i));
  EXPECT_EQ(to_text(to_expr(map.subscripts[0])), "j");
}

TEST_F(AccessMapTest, QuotientsStandApart) {
  const AccessMap map = access_map({floordiv(i + 3, 2) * 5 + j + floormod(j, n)}, {i, j});
  const SubscriptForm& form = map.subscripts[0];
  EXPECT_FALSE(form.is_affine());
  EXPECT_FALSE(form.opaque);
  ASSERT_EQ(form.quotients.size(), 2u);
  EXPECT_EQ(to_text(form.quotients[0].scale), "5");
  EXPECT_EQ(to_text(to_expr(form.quotients[0].operand)), "i + 3");
  EXPECT_EQ(to_text(to_expr(form.affine)), "j");
}

TEST_F(AccessMapTest, ProductsOfVariablesAndDataAreOpaque) {
  const Buffer index = BufferNode::make("index", kInt64, {n});
  const AccessMap map = access_map({i * j + k, cast(kIndex, Load::make(index, {i})) + j}, {i, j, k});
  EXPECT_EQ(to_text(map.subscripts[0].opaque), "i * j");
  EXPECT_EQ(to_text(coefficient(map.subscripts[0], k)), "1");
  EXPECT_TRUE(map.subscripts[1].opaque);
  EXPECT_TRUE(uses_var(map.subscripts[1], i));
}

TEST_F(AccessMapTest, StridesFollowTheBuffer) {
  const Buffer a = BufferNode::make("A", kFloat32, {n, n, 8});
  const AccessMap map = access_map({k, i, j * 2 + k}, {i, j, k});
  EXPECT_EQ(to_text(*stride_of(map, a, i)), "8");
  EXPECT_EQ(to_text(*stride_of(map, a, j)), "2");
  EXPECT_EQ(to_text(*stride_of(map, a, k)), "n * 8 + 1");
  EXPECT_THAT(contiguous_vars(map, a), ElementsAre());
  EXPECT_THAT(names(contiguous_vars(access_map({k, j, i}, {i, j, k}), a)), ElementsAre("i"));
  EXPECT_FALSE(stride_of(access_map({k, j, floordiv(i, 2)}, {i, j, k}), a, i));
}

TEST_F(AccessMapTest, InjectiveByRankWhateverTheRanges) {
  EXPECT_TRUE(is_injective(access_map({i + j, i - j}, {i, j})));
  EXPECT_TRUE(is_injective(access_map({i * stride}, {i})));
  EXPECT_TRUE(is_injective(access_map({i + j, j}, {i, j})));
  EXPECT_FALSE(is_injective(access_map({i + j}, {i, j})));
  EXPECT_FALSE(is_injective(access_map({i + j, i + j}, {i, j})));
}

TEST_F(AccessMapTest, InjectiveAsDigitsOfTheRanges) {
  Context context;
  context.bind(i, 0, n);
  context.bind(j, 0, stride);
  EXPECT_TRUE(is_injective(access_map({i * stride + j}, {i, j}), context));
  EXPECT_FALSE(is_injective(access_map({i * stride + j * 2}, {i, j}), context));
  EXPECT_TRUE(is_injective(access_map({floordiv(i, 4), floormod(i, 4), j}, {i, j}), context));
}

TEST_F(AccessMapTest, InjectiveWhereAPredicateHolds) {
  Context context;
  context.bind(i, 0, ceildiv(n, stride));
  context.bind(j, 0, stride);
  const Expr sum = i * stride + j;
  EXPECT_TRUE(is_injective(access_map({sum}, {i, j}), context, lt(sum, n)));
  EXPECT_TRUE(is_injective(access_map({floordiv(sum, 4), floormod(sum, 4)}, {i, j}), context, lt(sum, n)));
  EXPECT_FALSE(is_injective(access_map({floordiv(sum, 4)}, {i, j}), context, lt(sum, n)));
  Context overlapping;
  overlapping.bind(i, 0, n);
  overlapping.bind(j, 0, 3);
  const AccessMap steps = access_map({i * 2 + j}, {i, j});
  EXPECT_FALSE(is_injective(steps, overlapping));
  EXPECT_TRUE(is_injective(steps, overlapping, lt(j, 2)));
}

TEST_F(AccessMapTest, UnimodularMapsHaveInverses) {
  const auto back = inverse(access_map({i + j * 3 - 1, j}, {i, j}), {x, y});
  ASSERT_TRUE(back);
  EXPECT_EQ(to_text(back->values[0]), "x - y * 3 + 1");
  EXPECT_EQ(to_text(back->values[1]), "y");
  EXPECT_TRUE(back->conditions.empty());
  EXPECT_FALSE(inverse(access_map({i * 2}, {i}), {x}));
  EXPECT_FALSE(inverse(access_map({i + j}, {i, j}), {x}));
}

TEST_F(AccessMapTest, InverseOfATallMapHasConditions) {
  const auto back = inverse(access_map({i, i + 1}, {i}), {x, y});
  ASSERT_TRUE(back);
  EXPECT_EQ(to_text(back->values[0]), "x");
  ASSERT_EQ(back->conditions.size(), 1u);
  EXPECT_EQ(to_text(back->conditions[0]), "y - x - 1 == 0");
}

}  // namespace
}  // namespace tw
