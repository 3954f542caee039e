// Values of pieces, scatter and scan, through their first loop program and the interpreter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"
#include "support/half.h"
#include "te/evaluate.h"
#include "te/math.h"
#include "te/pieces.h"
#include "te/reduce.h"
#include "te/scan.h"
#include "te/scatter.h"

namespace tw::te {
namespace {

using Point = std::vector<Var>;
using Values = std::vector<Value>;
using testing::ElementsAre;

PieceFunctions piece(const PointFunction& condition, const PointFunction& value) {
  return {condition, value};
}

TEST(Values, PiecesConcatenate) {
  const Var n = te::var("n"), m = te::var("m");
  const Tensor x = placeholder({n}, kFloat32, "x"), y = placeholder({m}, kFloat32, "y");
  const Tensor both =
      pieces({add(n, m)},
             {piece([&](const Point& p) { return less(p[0], n); }, [&](const Point& p) { return x({p[0]}); }),
              piece(nullptr, [&](const Point& p) { return y({subtract(p[0], n)}); })},
             "both");
  EXPECT_THAT(evaluate(both, {{"x", {1, 2}}, {"y", {3}}}, {{"n", 2}, {"m", 1}}), ElementsAre(1, 2, 3));
  EXPECT_THAT(evaluate(both, {{"x", {}}, {"y", {3}}}, {{"n", 0}, {"m", 1}}), ElementsAre(3));
}

TEST(Values, PiecesOfResidueClasses) {
  const Var n = te::var("n");
  const Tensor x = placeholder({n}, kInt32, "x");
  for (const int64_t size : {0, 1, 5, 6, 7}) {
    const auto is = [](int r) {
      return [r](const Point& p) { return equal(remainder(add(p[0], 1), 3), r); };
    };
    const Tensor y = pieces({n},
                            {piece(is(0), [&](const Point& p) { return x({p[0]}); }),
                             piece(is(1), [&](const Point& p) { return multiply(x({p[0]}), 10); }),
                             piece(nullptr, [&](const Point& p) { return add(x({p[0]}), 100); })},
                            "y");
    Elements wanted;
    for (int64_t i = 0; i < size; ++i)
      wanted.push_back(static_cast<double>((i + 1) % 3 == 0 ? i : (i + 1) % 3 == 1 ? i * 10 : i + 100));
    EXPECT_EQ(evaluate(y, {{"x", iota(size)}}, {{"n", size}}), wanted);
  }
}

TEST(Values, PiecesOfASymbolicResidueClass) {
  const Var n = te::var("n"), s = te::var("s", 1, 8);
  const Tensor x = placeholder({n}, kInt32, "x");
  const Tensor y = pieces({multiply(n, s)},
                          {piece([&](const Point& p) { return equal(remainder(p[0], s), 0); },
                                 [&](const Point& p) { return x({floor_divide(p[0], s)}); }),
                           piece(nullptr, [](const Point&) { return -1; })},
                          "y");
  EXPECT_THAT(evaluate(y, {{"x", {7, 8}}}, {{"n", 2}, {"s", 3}}), ElementsAre(7, -1, -1, 8, -1, -1));
}

TEST(Values, PiecesThatUpdateABox) {
  const Tensor x = placeholder({4, 4}, kInt32, "x");
  const Tensor y = pieces({4, 4},
                          {piece(
                               [](const Point& p) {
                                 return logical_and(logical_and(greater_equal(p[0], 1), less(p[0], 3)),
                                                    greater_equal(p[1], 2));
                               },
                               [](const Point&) { return 9; }),
                           piece(nullptr,
                                 [&](const Point& p) {
                                   return x({p[0], p[1]});
                                 })},
                          "y");
  EXPECT_THAT(evaluate(y, {{"x", iota(16)}}),
              ElementsAre(0, 1, 2, 3, 4, 5, 9, 9, 8, 9, 9, 9, 12, 13, 14, 15));
}

TEST(Values, PiecesThatReduce) {
  const Tensor x = placeholder({3, 4}, kInt32, "x");
  const ReduceAxis r = reduce_axis(4, "r");
  const Tensor y = pieces({6},
                          {piece([](const Point& p) { return less(p[0], 3); },
                                 [&](const Point& p) {
                                   return sum(x({p[0], r}), {r});
                                 }),
                           piece(nullptr,
                                 [&](const Point& p) {
                                   return add(max(x({subtract(p[0], 3), r}), {r}), 1);
                                 })},
                          "y");
  EXPECT_THAT(evaluate(y, {{"x", iota(12)}}), ElementsAre(6, 22, 38, 4, 8, 12));
}

TEST(Values, PiecesThatCannotBeDecidedAreCheckedWhenTheyRun) {
  const Tensor x = placeholder({3}, kInt32, "x");
  const Tensor y =
      pieces({3},
             {piece([&](const Point& p) { return less(x({p[0]}), 1); }, [](const Point&) { return 1; }),
              piece([&](const Point& p) { return greater(x({p[0]}), 1); }, [](const Point&) { return 2; })},
             "y");
  EXPECT_THAT(evaluate(y, {{"x", {0, 2, 5}}}), ElementsAre(1, 2, 2));
  EXPECT_THROW(evaluate(y, {{"x", {0, 1, 5}}}), UserError);
}

TEST(Values, ScatterCombines) {
  const Tensor init = placeholder({4}, kInt32, "init"), ids = placeholder({4}, kInt64, "ids");
  const Inputs inputs = {{"init", {100, 100, 100, 100}}, {"ids", {1, 3, 1, 3}}};
  auto scattered = [&](ScatterCombine combine) {
    return evaluate(
        scatter(
            init, {4}, [&](const Point& p) { return Values{ids({p[0]})}; },
            [&](const Point& p) { return astype(multiply(add(p[0], 1), 60), kInt32); }, combine, "S"),
        inputs);
  };
  EXPECT_THAT(scattered(ScatterCombine::kSet), ElementsAre(100, 180, 100, 240));
  EXPECT_THAT(scattered(ScatterCombine::kSum), ElementsAre(100, 340, 100, 460));
  EXPECT_THAT(scattered(ScatterCombine::kMax), ElementsAre(100, 180, 100, 240));
  EXPECT_THAT(scattered(ScatterCombine::kMin), ElementsAre(100, 60, 100, 100));
}

TEST(Values, ScatterOfHalvesRoundsOnce) {
  const Tensor init = placeholder({1}, kFloat16, "init"), x = placeholder({3}, kFloat16, "x");
  const Tensor y = scatter(
      init, {3}, [](const Point&) { return Values{0}; }, [&](const Point& p) { return x({p[0]}); },
      ScatterCombine::kSum, "y");
  EXPECT_THAT(evaluate(y, {{"init", {2048}}, {"x", {1, 1, 1}}}), ElementsAre(2052));
}

TEST(Values, ScatterOverAPoint) {
  const Tensor init = placeholder({2}, kInt32, "init");
  const Tensor y = scatter(
      init, {}, [](const Point&) { return Values{1}; }, [](const Point&) { return 5; }, ScatterCombine::kSum,
      "y");
  EXPECT_THAT(evaluate(y, {{"init", {1, 2}}}), ElementsAre(1, 7));
}

using States = std::vector<Tensor>;

TEST(Values, ScanIsACumulativeSum) {
  const Var n = te::var("n");
  const Tensor x = placeholder({n}, kFloat32, "x");
  const Tensor y = scan(
                       {0.0},
                       [&](const States& h, const Var& t, const Point&) {
                         return Values{add(h[0]({subtract(t, 1)}), x({t}))};
                       },
                       n, "y")
                       .front();
  EXPECT_EQ(y.dtype(), kFloat32);
  EXPECT_THAT(evaluate(y, {{"x", {1, 2, 3}}}, {{"n", 3}}), ElementsAre(1, 3, 6));
}

TEST(Values, ScanReadsItsInitAtEveryNegativeTime) {
  const Tensor fibonacci = scan(
                               {1},
                               [](const States& h, const Var& t, const Point&) {
                                 return Values{add(h[0]({subtract(t, 1)}), h[0]({subtract(t, 2)}))};
                               },
                               5, "F")
                               .front();
  EXPECT_EQ(fibonacci.dtype(), kInt64);
  EXPECT_THAT(evaluate(fibonacci, {}), ElementsAre(2, 3, 5, 8, 13));
}

TEST(Values, ScanTakesTheTypeItsStepGivesAPlainInit) {
  const StepFunction step = [](const States& h, const Var& t, const Point&) {
    return Values{add(h[0]({subtract(t, 1)}), read(placeholder({}, kBFloat16), {}))};
  };
  EXPECT_EQ(scan({0.0}, step, 5).front().dtype(), kBFloat16);
  auto dtype_with = [](const ScanInit& init, DType type) {
    return scan(
               {init},
               [&](const States& h, const Var& t, const Point&) {
                 return Values{add(h[0]({subtract(t, 1)}), read(placeholder({}, type), {}))};
               },
               5)
        .front()
        .dtype();
  };
  for (const DType type :
       {kInt8, kInt16, kInt32, kInt64, kUInt8, kUInt16, kUInt32, kUInt64, kFloat16, kFloat32, kFloat64})
    EXPECT_EQ(dtype_with(0, type), type) << to_string(type);
  EXPECT_EQ(dtype_with(0.5, kInt32), kFloat64);
}

TEST(Values, ScanWithAReductionInItsStep) {
  // Forward substitution: L z = b with a lower triangle.
  const Tensor l = placeholder({3, 3}, kFloat64, "L"), b = placeholder({3}, kFloat64, "b");
  const ReduceAxis k = reduce_axis(3, "k");
  const Tensor z = scan(
                       {0.0},
                       [&](const States& h, const Var& t, const Point&) {
                         const Expr known = sum(where(less(k, t), multiply(l({t, k}), h[0]({k})), 0), {k});
                         return Values{divide(subtract(b({t}), known), l({t, t}))};
                       },
                       3, "z")
                       .front();
  EXPECT_THAT(evaluate(z, {{"L", {2, 0, 0, 1, 4, 0, 3, 5, 8}}, {"b", {4, 10, 32}}}), ElementsAre(2, 2, 2));
}

TEST(Values, ScanOfSeveralStates) {
  const Tensor a0 = placeholder({2}, kFloat32, "a0"), b0 = placeholder({2}, kFloat32, "b0");
  const auto both = scan(
      {a0, b0},
      [](const States& s, const Var& t, const Point& p) {
        const Expr before = subtract(t, 1);
        return Values{add(s[0]({before, p[0]}), s[1]({before, p[0]})), multiply(s[0]({t, p[0]}), 2)};
      },
      2, "S");
  EXPECT_EQ(both[1].name(), "S_1");
  const auto results = evaluate_all(both, {{"a0", {1, 2}}, {"b0", {10, 20}}});
  EXPECT_THAT(results[0], ElementsAre(11, 22, 33, 66));
  EXPECT_THAT(results[1], ElementsAre(22, 44, 66, 132));
}

}  // namespace
}  // namespace tw::te
