// Counts of elements, lines and pages against plain enumeration.
#include "autotune/model/digits.h"

#include <set>

#include <gtest/gtest.h>

#include "common/random_expr.h"

namespace tw::autotune {
namespace {

/// Loops l0, l1, … of these extents, outermost first.
struct Loops {
  explicit Loops(std::vector<int64_t> extents) : turns(std::move(extents)) {
    for (std::size_t d = 0; d < turns.size(); ++d) {
      vars.emplace_back("l" + std::to_string(d));
      digits.define_loop(vars.back().operator->(), static_cast<int>(d), static_cast<double>(turns[d]));
    }
  }

  /// How many values a function of the loops has from a depth on, the others at 0.
  template <class F>
  double distinct(std::size_t from, const F& value) const {
    std::set<int64_t> seen;
    std::vector<int64_t> at(turns.size());
    for (;;) {
      seen.insert(value(at));
      std::size_t d = turns.size();
      while (d > from && ++at[d - 1] == turns[d - 1]) at[--d] = 0;
      if (d == from) break;
    }
    return static_cast<double>(seen.size());
  }

  double counted(const Expr& e, int from) { return count_of(digits.progressions(digits.sum_of(e), from)); }

  std::vector<int64_t> turns;
  std::vector<Var> vars;
  Digits digits;
};

TEST(Digits, counts_affine_subscripts_exactly) {
  Loops loops({3, 5, 4});
  const Var &i = loops.vars[0], &j = loops.vars[1], &k = loops.vars[2];
  for (int from = 0; from <= 3; ++from) {
    const auto at = static_cast<std::size_t>(from);
    EXPECT_EQ(loops.counted(i * 20 + j * 4 + k, from),
              loops.distinct(at, [](const auto& l) { return l[0] * 20 + l[1] * 4 + l[2]; }));
    // Windows that overlap, and such that leave gaps.
    EXPECT_EQ(loops.counted(j * 2 + k, from),
              loops.distinct(at, [](const auto& l) { return l[1] * 2 + l[2]; }));
    EXPECT_EQ(loops.counted(j * 7 + k, from),
              loops.distinct(at, [](const auto& l) { return l[1] * 7 + l[2]; }));
    EXPECT_EQ(loops.counted(Expr(9) - j, from), loops.distinct(at, [](const auto& l) { return 9 - l[1]; }));
  }
}

TEST(Digits, panels_fall_into_their_digits) {
  Loops loops({4, 3, 32});
  const Expr column = loops.vars[0] * 96 + loops.vars[1] * 32 + loops.vars[2];
  EXPECT_EQ(loops.counted(floordiv(column, 32), 0), 12);
  EXPECT_EQ(loops.counted(floordiv(column, 32), 1), 3);
  EXPECT_EQ(loops.counted(floordiv(column, 32), 2), 1);
  EXPECT_EQ(loops.counted(floormod(column, 32), 0), 32);
  EXPECT_EQ(loops.counted(floormod(column, 32), 3), 1);
  EXPECT_EQ(loops.counted(floordiv(column, 96), 1), 1);
}

TEST(Digits, quotients_and_remainders_of_fused_loops) {
  Loops loops({784, 4});
  const Expr& fused = loops.vars[0];
  EXPECT_EQ(loops.counted(floordiv(fused, 14), 0), 56);
  EXPECT_EQ(loops.counted(floormod(fused, 14), 0), 14);
  EXPECT_EQ(loops.counted(floordiv(fused, 14), 1), 1);
  EXPECT_EQ(loops.counted(floormod(fused, 14) * 4 + loops.vars[1], 0), 56);
  EXPECT_EQ(loops.counted(floordiv(floormod(fused, 28), 14), 0), 2);
}

TEST(Digits, random_sums_are_counted_about_right) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    test::Random random(seed);
    Loops loops({random.between(1, 5), random.between(1, 6), random.between(1, 4)});
    std::vector<int64_t> factors;
    Expr sum(random.between(0, 5));
    const int64_t base = *as_int(sum);
    for (const Var& var : loops.vars) {
      factors.push_back(random.between(1, 12));
      sum = sum + var * Expr(factors.back());
    }
    const int64_t divisor = random.between(2, 9);
    const auto value = [&](const std::vector<int64_t>& l) {
      return base + l[0] * factors[0] + l[1] * factors[1] + l[2] * factors[2];
    };
    const auto near = [&](double found, double wanted, double factor) {
      EXPECT_LE(found, wanted * factor + 1) << "seed " << seed;
      EXPECT_GE(found, wanted / factor - 1) << "seed " << seed;
    };
    near(loops.counted(sum, 0), loops.distinct(0, value), 2);
    near(loops.counted(floordiv(sum, divisor), 0),
         loops.distinct(0, [&](const auto& l) { return value(l) / divisor; }), 2.5);
    near(loops.counted(floormod(sum, divisor), 0),
         loops.distinct(0, [&](const auto& l) { return value(l) % divisor; }), 2.5);
  }
}

TEST(Digits, lines_of_rows_and_columns) {
  // 16 rows of 8 floats: apart, they begin in a line each; without gaps they fill 8.
  EXPECT_EQ(granules({{4, 8}, {4096, 16}}, 4, 64), 16);
  EXPECT_EQ(granules({{4, 8}, {32, 16}}, 4, 64), 8);
  EXPECT_EQ(granules({{4096, 16}}, 4, 64), 16);
  EXPECT_EQ(granules({{4, 1024}}, 4, 64), 64);
  EXPECT_EQ(granules({}, 4, 64), 1);
  // Rows of 24 floats that begin anywhere in a line meet more than 1.5 lines each.
  EXPECT_GT(granules({{4, 24}, {100, 50}}, 4, 64), 50 * 1.5);
}

TEST(Digits, sets_of_strides_of_a_page) {
  EXPECT_EQ(sets_of({{4096, 100}}, 4), 1);
  EXPECT_EQ(sets_of({{2048, 100}}, 4), 2);
  EXPECT_EQ(sets_of({{4096 + 64, 100}}, 4), 64);
  EXPECT_EQ(sets_of({{4, 4096}}, 4), 64);
}

TEST(Digits, sizes_of_nothing_are_finite) {
  Loops loops({0, 4});
  EXPECT_GE(loops.counted(loops.vars[0] * 4 + loops.vars[1], 0), 0);
  EXPECT_EQ(loops.digits.number(Expr(7)), 7);
}

}  // namespace
}  // namespace tw::autotune
