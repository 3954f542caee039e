#include "ir/analysis/iter_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "enumerate.h"
#include "ir/text.h"

namespace tw {
namespace {

using testing::HasSubstr;

class IterMapTest : public testing::Test {
 protected:
  Var i{"i"}, j{"j"}, k{"k"}, io{"io"}, ii{"ii"}, f{"f"};
  Var n = Variable::make("n", kIndex, 0), m = Variable::make("m", kIndex, 1, 4096);
  Var mc = Variable::make("mc", kIndex, 1, 1024), nc = Variable::make("nc", kIndex, 1);

  static IterMap map_of(const std::vector<Expr>& bindings, const std::vector<LoopRange>& loops,
                        const Expr& predicate = {}) {
    IterMapResult result = detect_iter_map(bindings, loops, predicate);
    EXPECT_TRUE(result) << result.reason;
    return result ? *result : IterMap();
  }
  static std::string reason_of(const std::vector<Expr>& bindings, const std::vector<LoopRange>& loops) {
    const IterMapResult result = detect_iter_map(bindings, loops);
    EXPECT_FALSE(result);
    return result.reason;
  }
};

TEST_F(IterMapTest, ParametricSplitIsExactUnderItsPredicate) {
  const Expr x = io * mc + ii;
  const std::vector<LoopRange> loops{{io, ceildiv(m, mc)}, {ii, mc}};
  const IterMap map = map_of({x}, loops, lt(x, m));
  EXPECT_TRUE(is_bijective(map, {m}).yes) << is_bijective(map, {m}).reason;
  const auto back = inverse(map, {k});
  ASSERT_TRUE(back);
  EXPECT_EQ(to_text((*back)[0]), "k // mc");
  EXPECT_EQ(to_text((*back)[1]), "k % mc");
}

TEST_F(IterMapTest, SplitsByWhatASizeIsAMultipleOfNeedNoPredicate) {
  const Var tile = Variable::make("tile", kIndex, 14, 512, 14), iii("iii");
  const Expr inner = ii * 14 + iii, x = io * tile + inner;
  const std::vector<LoopRange> loops{{io, ceildiv(m, tile)}, {ii, ceildiv(tile, 14)}, {iii, 14}};
  const IterMap map = map_of({x}, loops, lt(x, m));
  EXPECT_TRUE(is_bijective(map, {m}).yes) << is_bijective(map, {m}).reason;
  const IterMap of_tile = map_of({inner}, {loops[1], loops[2]});
  EXPECT_TRUE(is_bijective(of_tile, {tile}).yes) << is_bijective(of_tile, {tile}).reason;
  const IterMap fused = map_of({floordiv(f, 14), floormod(f, 14)}, {{f, tile}});
  EXPECT_TRUE(is_bijective(fused, {floordiv(tile, 14), 14}));
}

TEST_F(IterMapTest, SplitOfASizeThatMayBeEmptyIsExact) {
  const Var small = Variable::make("small", kIndex, 0, 64);
  const Expr x = io * 64 + ii;
  const IterMap map = map_of({x}, {{io, ceildiv(small, 64)}, {ii, 64}}, lt(x, small));
  EXPECT_TRUE(is_bijective(map, {small}).yes) << is_bijective(map, {small}).reason;
  const IterMap repeated = map_of({x}, {{io, ceildiv(small, 64)}, {ii, 64}, {k, n}}, lt(x, small));
  EXPECT_FALSE(is_surjective(repeated, {small}));
}

TEST_F(IterMapTest, ConditionOnOtherLoopsLeavesNoPointOut) {
  const Expr x = io * mc + ii;
  const std::vector<LoopRange> loops{{i, n}, {io, ceildiv(m, mc)}, {ii, mc}};
  EXPECT_TRUE(is_surjective(map_of({i}, loops, lt(x, m)), {n}));  // m is at least 1
  const std::vector<LoopRange> idle{{i, m}, {io, ceildiv(n, mc)}, {ii, mc}};
  EXPECT_FALSE(is_surjective(map_of({i}, idle, lt(x, n)), {m}));     // n may be 0
  EXPECT_FALSE(is_surjective(map_of({ii}, loops, lt(x, m)), {mc}));  // m may be less than mc
}

TEST_F(IterMapTest, ParametricSplitWithoutPredicateReachesBeyond) {
  const IterMap map = map_of({io * mc + ii}, {{io, ceildiv(m, mc)}, {ii, mc}});
  EXPECT_TRUE(is_injective(map));
  EXPECT_FALSE(is_surjective(map, {m}));
  EXPECT_TRUE(is_bijective(map, {ceildiv(m, mc) * mc}));
}

TEST_F(IterMapTest, NestedSplitsThatDoNotDivideAreExact) {
  const Var iii("iii");
  const Expr inner = ii * 7 + iii, x = io * mc + inner;
  const IterMap map = map_of({x}, {{io, ceildiv(m, mc)}, {ii, ceildiv(mc, 7)}, {iii, 7}},
                             logical_and(lt(x, m), lt(inner, mc)));
  EXPECT_TRUE(is_bijective(map, {m}).yes) << is_bijective(map, {m}).reason;
  const auto back = inverse(map, {k});
  ASSERT_TRUE(back);
  EXPECT_EQ(to_text((*back)[1]), "k % mc // 7");
}

TEST_F(IterMapTest, NestedSplitsWithoutTheInnerPredicateOverlap) {
  const Var iii("iii");
  const Expr x = io * mc + (ii * 7 + iii);
  const IterMap map = map_of({x}, {{io, ceildiv(m, mc)}, {ii, ceildiv(mc, 7)}, {iii, 7}}, lt(x, m));
  EXPECT_FALSE(is_injective(map));
}

TEST_F(IterMapTest, FusedLoopGivesItsDigits) {
  const IterMap map = map_of({floordiv(f, nc), floormod(f, nc)}, {{f, m * nc}});
  EXPECT_TRUE(is_bijective(map, {m, nc}).yes) << is_bijective(map, {m, nc}).reason;
  const auto back = inverse(map, {i, j});
  ASSERT_TRUE(back);
  EXPECT_EQ(to_text((*back)[0]), "i * nc + j");
}

TEST_F(IterMapTest, FuseAfterSplitTakesTheDigitsApartAgain) {
  // f is io fused with j; io*8 + ii < m.
  const Expr outer = floordiv(f, nc), x = outer * 8 + ii;
  const IterMap map = map_of({x, floormod(f, nc)}, {{f, ceildiv(m, 8) * nc}, {ii, 8}}, lt(x, m));
  EXPECT_TRUE(is_bijective(map, {m, nc}).yes) << is_bijective(map, {m, nc}).reason;
}

TEST_F(IterMapTest, DigitsThatAreJoinedAreTheLoop) {
  const IterMap map = map_of({floordiv(f, nc) * nc + floormod(f, nc)}, {{f, m * nc}});
  ASSERT_EQ(map.axes[0].terms.size(), 1u);
  EXPECT_EQ(to_text(to_expr(map, map.axes[0])), "f");
}

TEST_F(IterMapTest, QuotientOfASumCutsADigit) {
  const Expr x = i * 12 + j;
  const IterMap map = map_of({floordiv(x, 4), floormod(x, 4)}, {{i, n}, {j, 12}});
  EXPECT_TRUE(is_bijective(map, {n * 3, 4}).yes) << is_bijective(map, {n * 3, 4}).reason;
}

TEST_F(IterMapTest, QuotientThatFallsBetweenNoDigitsMakesASource) {
  const Expr x = i * 6 + j;  // 30 values, cut by 4
  const IterMap map = map_of({floordiv(x, 4), floormod(x, 4)}, {{i, 5}, {j, 6}});
  EXPECT_TRUE(is_injective(map).yes) << is_injective(map).reason;
  EXPECT_FALSE(is_surjective(map, {8, 4}));
}

TEST_F(IterMapTest, FallingDigitsCountDown) {
  const IterMap map = map_of({n - 1 - i}, {{i, n}});
  EXPECT_TRUE(is_bijective(map, {n}).yes) << is_bijective(map, {n}).reason;
}

TEST_F(IterMapTest, ConstantAxisHasExtentOne) {
  const IterMap map = map_of({Expr(0), i + j}, {{i, n}, {j, 1}});
  EXPECT_TRUE(is_bijective(map, {1, n}));
  EXPECT_FALSE(is_bijective(map, {2, n}));
}

TEST_F(IterMapTest, UnusedLoopIsNotDetermined) {
  const IterMap map = map_of({i}, {{i, n}, {j, 4}});
  EXPECT_THAT(is_injective(map).reason, HasSubstr("turns that differ in loop 'j' may have the same axes"));
  EXPECT_TRUE(is_surjective(map, {n}));
}

TEST_F(IterMapTest, UnusedLoopThatMayBeEmptyReachesNothing) {
  const IterMap map = map_of({i}, {{i, 4}, {j, n}});
  EXPECT_THAT(is_surjective(map, {4}).reason, HasSubstr("'j' are not independent"));
}

TEST_F(IterMapTest, OneDigitInTwoAxesIsNotIndependent) {
  const IterMap map = map_of({i, i}, {{i, n}});
  EXPECT_TRUE(is_injective(map));
  EXPECT_THAT(is_surjective(map, {n, n}).reason,
              HasSubstr("the digits that are taken of 'i' are not independent"));
}

TEST_F(IterMapTest, GapsAreNotReached) {
  const IterMap map = map_of({i * 4 + j}, {{i, n}, {j, 3}});
  EXPECT_TRUE(is_injective(map));
  EXPECT_THAT(is_surjective(map, {n * 4}).reason, HasSubstr("without gaps"));
}

TEST_F(IterMapTest, OverlapIsNotInjective) {
  EXPECT_FALSE(is_injective(map_of({i * 2 + j}, {{i, n}, {j, 3}})));
}

TEST_F(IterMapTest, OtherConditionsMayLeavePointsOut) {
  const IterMap map = map_of({i}, {{i, n}}, ne(i, 2));
  EXPECT_TRUE(is_injective(map));
  EXPECT_THAT(is_surjective(map, {n}).reason, HasSubstr("may leave points out"));
}

TEST_F(IterMapTest, ReasonsNameTheBinding) {
  EXPECT_THAT(reason_of({i, i * j}, {{i, n}, {j, 4}}), HasSubstr("binding 1"));
  EXPECT_THAT(reason_of({i, i * j}, {{i, n}, {j, 4}}),
              HasSubstr("'i * j' multiplies loop variables with each other"));
  EXPECT_THAT(reason_of({floordiv(i, n)}, {{i, 8}}), HasSubstr("not known to be positive"));
  EXPECT_THAT(reason_of({floordiv(i + j, 4)}, {{i, 8}, {j, 8}}), HasSubstr("no gap-free number of digits"));
  EXPECT_THAT(reason_of({min(i, 3)}, {{i, 8}}),
              HasSubstr("is not made of sums, multiples, quotients and remainders"));
  const Buffer index = BufferNode::make("index", kInt64, {8});
  EXPECT_THAT(reason_of({cast(kIndex, Load::make(index, {i}))}, {{i, 8}}),
              HasSubstr("depends on the contents of a buffer"));
  EXPECT_THAT(reason_of({i}, {{i, n}, {j, Expr(i) + 1}}),
              HasSubstr("the extent 'i + 1' of loop 'j' depends on loop 'i'"));
}

TEST_F(IterMapTest, AxesKnowTheirLoops) {
  const IterMap map = map_of({io * 4 + ii, j}, {{io, n}, {ii, 4}, {j, m}}, lt(io * 4 + ii, n));
  EXPECT_THAT(loops_of_axis(map, 0), testing::ElementsAre(0, 1));
  EXPECT_THAT(loops_of_axis(map, 1), testing::ElementsAre(2));
}

TEST_F(IterMapTest, LoopsOfOneAxisFusePlainly) {
  const IterMap map =
      map_of({io * mc + ii, j}, {{io, ceildiv(m, mc)}, {ii, mc}, {j, n}}, lt(io * mc + ii, m));
  EXPECT_TRUE(fuses_plainly(map, 0, 1));
  EXPECT_FALSE(fuses_plainly(map, 1, 0));
  EXPECT_FALSE(fuses_plainly(map, 1, 2));
}

TEST_F(IterMapTest, DeterminedLoopsAreGivenByTheAxesThatHoldThem) {
  const IterMap map = map_of({i + j, k}, {{i, n}, {j, 4}, {k, m}});
  const auto values = determined_loops(map, {io, ii});
  EXPECT_FALSE(values[0]);
  EXPECT_FALSE(values[1]);
  EXPECT_EQ(to_text(values[2]), "ii");
}

TEST_F(IterMapTest, SubspacesOfATrimmedSplit) {
  const Expr x = io * mc + ii;
  const auto spaces = divide_subspaces({x, j}, {{io, ceildiv(m, mc)}, {j, n}, {ii, mc}}, {ii}, lt(x, m));
  ASSERT_TRUE(spaces) << spaces.reason;
  EXPECT_EQ(to_text(spaces->axes[0].outer), "io");
  EXPECT_EQ(to_text(spaces->axes[0].inner), "ii");
  EXPECT_EQ(to_text(spaces->axes[0].inner_extent), "mc");
  EXPECT_EQ(to_text(spaces->axes[1].inner_extent), "1");
  EXPECT_EQ(spaces->inner_conditions.size(), 1u);
  EXPECT_TRUE(spaces->outer_conditions.empty());
}

TEST_F(IterMapTest, SubspacesAreRefusedWhereInnerLoopsStepOver) {
  const auto spaces = divide_subspaces({io * 4 + ii}, {{io, n}, {ii, 4}}, {io});
  EXPECT_THAT(spaces.reason, HasSubstr("binding 0 'io * 4 + ii' has no inner part"));
}

}  // namespace
}  // namespace tw
