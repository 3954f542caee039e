// Values of tensor expressions, through their first loop program and the interpreter.
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"
#include "support/half.h"
#include "te/evaluate.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::te {
namespace {

using Point = std::vector<Var>;
using Values = std::vector<Value>;
using testing::ElementsAre;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Values, MatrixProduct) {
  const Tensor a = placeholder({2, 3}, kFloat32, "A"), b = placeholder({3, 2}, kFloat32, "B");
  const ReduceAxis k = reduce_axis(3);
  const Tensor c = compute(
      {2, 2},
      [&](const Point& p) {
        return sum(multiply(a({p[0], k}), b({k, p[1]})), {k});
      },
      "C");
  EXPECT_THAT(evaluate(c, {{"A", iota(6)}, {"B", iota(6)}}), ElementsAre(10, 13, 28, 40));
}

TEST(Values, RankZero) {
  const Tensor x = placeholder({}, kFloat32, "x");
  const Tensor y = compute(
      {}, [&](const Point&) { return add(x, 1); }, "y");
  const Tensor z = compute(
      {}, [&](const Point&) { return multiply(y, 2); }, "z");
  EXPECT_THAT(evaluate(z, {{"x", {3}}}), ElementsAre(8));
}

TEST(Values, SymbolicDimensionsAndSeveralOutputs) {
  const Var n = te::var("n", 1, 100);
  const Tensor x = placeholder({n}, kFloat64, "x");
  const ReduceAxis k = reduce_axis(n);
  const Tensor total = compute(
      {}, [&](const Point&) { return sum(x({k}), {k}); }, "total");
  const Tensor share = compute(
      {n}, [&](const Point& p) { return divide(x({p[0]}), total); }, "share");
  const auto results = evaluate_all({share, total}, {{"x", {1, 3, 4}}}, {{"n", 3}});
  EXPECT_THAT(results[0], ElementsAre(0.125, 0.375, 0.5));
  EXPECT_THAT(results[1], ElementsAre(8));
}

TEST(Values, SizeThatNoShapeShowsIsAnArgument) {
  const Var n = te::var("n", 1, 100), m = te::var("m");
  const Tensor x = placeholder({n}, kFloat32, "x");
  const Tensor y = compute(
      {n, m}, [&](const Point& p) { return add(x({p[0]}), p[1]); }, "y");
  EXPECT_THAT(evaluate(y, {{"x", {10, 20}}}, {{"n", 2}, {"m", 2}}), ElementsAre(10, 11, 20, 21));
}

TEST(Values, WhereReadsOnlyTheBranchTaken) {
  const Tensor x = placeholder({4}, kFloat32, "x");
  const Tensor padded = compute(
      {6},
      [&](const Point& p) {
        const Expr inside = logical_and(greater_equal(p[0], 1), less(p[0], 5));
        return where(inside, x({subtract(p[0], 1)}), 0);
      },
      "padded");
  EXPECT_THAT(evaluate(padded, {{"x", {1, 2, 3, 4}}}), ElementsAre(0, 1, 2, 3, 4, 0));
}

TEST(Values, ReductionUnderWhereReadsOnlyWhereTaken) {
  const Tensor x = placeholder({4}, kFloat32, "x");
  const ReduceAxis r = reduce_axis(-1, 2, "r");
  const Tensor y = compute(
      {4},
      [&](const Point& p) {
        const Expr inside = logical_and(greater_equal(p[0], 1), less(p[0], 3));
        return where(inside, sum(x({add(p[0], r)}), {r}), -1);
      },
      "y");
  EXPECT_THAT(evaluate(y, {{"x", {1, 2, 3, 4}}}), ElementsAre(-1, 6, 9, -1));
}

TEST(Values, ReductionUnderNestedWhereIsGuardedInOrder) {
  // The inner condition reads out of range unless the outer one holds.
  const Tensor x = placeholder({4}, kFloat32, "x");
  const ReduceAxis r = reduce_axis(2, "r");
  const Tensor y = compute(
      {6},
      [&](const Point& p) {
        return where(less(p[0], 3), where(less(x({p[0]}), 3), sum(x({add(p[0], r)}), {r}), -1), -2);
      },
      "y");
  EXPECT_THAT(evaluate(y, {{"x", {1, 2, 3, 4}}}), ElementsAre(3, 5, -1, -2, -2, -2));
}

TEST(Values, ReductionInsideReductionAndIndex) {
  const Tensor x = placeholder({3, 2}, kFloat32, "x"), table = placeholder({8}, kFloat32, "table");
  const ReduceAxis i = reduce_axis(3, "i"), j = reduce_axis(2, "j");
  const Tensor y = compute(
      {},
      [&](const Point&) {
        return max(sum(x({i, j}), {j}), {i});
      },
      "y");
  EXPECT_THAT(evaluate(y, {{"x", {1, 2, 9, 8, 3, 4}}}), ElementsAre(17));
  const Tensor z = compute(
      {2},
      [&](const Point& p) {
        return multiply(table({astype(sum(x({i, p[0]}), {i}), kInt64)}), sum(table({i}), {i}));
      },
      "z");
  EXPECT_THAT(evaluate(z, {{"x", {1, 2, 1, 0, 1, 1}}, {"table", iota(8)}}), ElementsAre(9, 9));
}

TEST(Values, ReductionThatBeginsElsewhere) {
  const Tensor x = placeholder({5}, kInt32, "x");
  const ReduceAxis r = reduce_axis(2, 5, "r");
  const Tensor y = compute(
      {}, [&](const Point&) { return sum(multiply(x({r}), subtract(r, 2)), {r}); }, "y");
  EXPECT_THAT(evaluate(y, {{"x", {9, 9, 1, 2, 3}}}), ElementsAre(8));
}

TEST(Values, EmptyReductionsGiveTheirIdentity) {
  const Var n = te::var("n");
  const Tensor x = placeholder({n}, kFloat32, "x");
  const ReduceAxis r = reduce_axis(n, "r");
  auto whole = [&](const Expr& e) { return compute({}, [&](const Point&) { return e; }); };
  const auto results = evaluate_all(
      {whole(sum(x({r}), {r})), whole(prod(x({r}), {r})), whole(max(x({r}), {r})), whole(min(x({r}), {r})),
       whole(any(x({r}), {r})), whole(all(x({r}), {r})), whole(argmax(x({r}), {r}))},
      {{"x", {}}}, {{"n", 0}});
  EXPECT_THAT(results,
              ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(-kInf), ElementsAre(kInf),
                          ElementsAre(0), ElementsAre(1), ElementsAre(static_cast<double>(INT64_MAX))));
}

TEST(Values, ExtremesPropagateNaN) {
  const Tensor x = placeholder({2, 3}, kFloat16, "x");
  const ReduceAxis r = reduce_axis(3, "r");
  const Tensor most = compute(
      {2},
      [&](const Point& p) {
        return max(x({p[0], r}), {r});
      },
      "most");
  const Tensor least = compute(
      {2},
      [&](const Point& p) {
        return min(x({p[0], r}), {r});
      },
      "least");
  const auto results = evaluate_all({most, least}, {{"x", {1, kNaN, 3, 4, -kInf, 6}}});
  EXPECT_THAT(results[0], ElementsAre(testing::IsNan(), 6));
  EXPECT_THAT(results[1], ElementsAre(testing::IsNan(), -kInf));
}

TEST(Values, ArgmaxTakesTheFirstOfTiesAndOfNaN) {
  const Tensor x = placeholder({5, 4}, kFloat32, "x");
  const ReduceAxis r = reduce_axis(4, "r");
  const Tensor at = compute(
      {5},
      [&](const Point& p) {
        return argmax(x({p[0], r}), {r});
      },
      "at");
  EXPECT_THAT(
      evaluate(
          at, {{"x", {1, 5, 5, 2, 1, kNaN, 9, kNaN, -kInf, -kInf, -kInf, -kInf, 3, 2, 1, 0, kNaN, 1, 2, 3}}}),
      ElementsAre(1, 1, 0, 0, 0));
  const Tensor least = compute(
      {5},
      [&](const Point& p) {
        return argmin(x({p[0], r}), {r});
      },
      "least");
  EXPECT_THAT(
      evaluate(least,
               {{"x", {1, 5, 5, 1, 1, kNaN, 9, kNaN, kInf, kInf, kInf, kInf, 3, 2, 1, 0, 9, 1, kNaN, 3}}}),
      ElementsAre(0, 1, 0, 3, 2));
}

TEST(Values, ArgmaxOverSeveralAxesIsTheRowMajorPosition) {
  const Tensor x = placeholder({3, 4}, kInt8, "x");
  const ReduceAxis i = reduce_axis(1, 3, "i"), j = reduce_axis(4, "j");
  const Tensor at = compute(
      {},
      [&](const Point&) {
        return argmax(x({i, j}), {i, j});
      },
      "at");
  EXPECT_THAT(evaluate(at, {{"x", {99, 0, 0, 0, 0, 0, 0, 1, 0, 0, 7, 0}}}), ElementsAre(6));
  const ReduceAxis late = reduce_axis(1, 4, "late");
  const Tensor one = compute(
      {},
      [&](const Point&) {
        return argmin(x({0, late}), {late});
      },
      "one");
  EXPECT_THAT(evaluate(one, {{"x", {0, 5, 4, 4, 0, 0, 0, 1, 0, 0, 7, 0}}}), ElementsAre(2));
}

TEST(Values, ArgmaxOfBool) {
  const Tensor x = placeholder({4}, kInt32, "x");
  const ReduceAxis r = reduce_axis(4, "r");
  const Tensor at = compute(
      {}, [&](const Point&) { return argmax(greater(x({r}), 2), {r}); }, "at");
  EXPECT_THAT(evaluate(at, {{"x", {1, 2, 3, 4}}}), ElementsAre(2));
}

TEST(Values, HalfSumsAccumulateInFloat32AndRoundOnce) {
  // In float16 steps 2048 + 1 stays 2048; and 0.1 * 0.1 rounded first would lose bits.
  const Tensor x = placeholder({4}, kFloat16, "x");
  const ReduceAxis r = reduce_axis(4, "r");
  const Tensor total = compute(
      {}, [&](const Point&) { return sum(x({r}), {r}); }, "total");
  EXPECT_THAT(evaluate(total, {{"x", {2048, 1, 1, 1}}}), ElementsAre(2052));
  const Tensor square = compute(
      {}, [&](const Point&) { return sum(multiply(x({r}), x({r})), {r}); }, "square");
  const float a = static_cast<float>(Float16::to_double(Float16::from_double(0.1)));
  EXPECT_THAT(evaluate(square, {{"x", {0.1, 0.1, 0.1, 64}}}),
              ElementsAre(Float16::to_double(Float16::from_double(a * a + a * a + a * a + 4096.0f))));
}

TEST(Values, CustomReducerOfOneComponent) {
  const Tensor x = placeholder({3}, kInt32, "x");
  const ReduceAxis r = reduce_axis(3, "r");
  const CustomReducer gathered = make_reducer(
      [](const std::vector<Expr>& a, const std::vector<Expr>& b) { return Values{bitwise_or(a[0], b[0])}; },
      {0}, "bits");
  const Tensor y = compute(
      {}, [&](const Point&) { return reduce(gathered, {x({r})}, {r})[0]; }, "y");
  EXPECT_THAT(evaluate(y, {{"x", {1, 4, 8}}}), ElementsAre(13));
}

TEST(Values, CustomReducerOfTwoComponentsIsOneBlock) {
  // Sum of exponentials with a running maximum.
  const Tensor x = placeholder({2, 3}, kFloat64, "x");
  const ReduceAxis r = reduce_axis(3, "r");
  const CustomReducer online = make_reducer(
      [](const std::vector<Expr>& a, const std::vector<Expr>& b) {
        const Expr top = maximum(a[0], b[0]);
        return Values{
            top, add(multiply(a[1], exp(subtract(a[0], top))), multiply(b[1], exp(subtract(b[0], top))))};
      },
      {-1e30, 0}, "online");
  const auto both = compute_several(
      {2},
      [&](const Point& p) {
        const auto parts = reduce(online, {x({p[0], r}), constant(Weak::of_int(1), kFloat64)}, {r});
        return Values{parts[0], parts[1]};
      },
      "both");
  const auto results = evaluate_all(both, {{"x", {1, 2, 3, 0, 0, 0}}});
  EXPECT_THAT(results[0], ElementsAre(3, 0));
  EXPECT_THAT(results[1], ElementsAre(testing::DoubleNear(std::exp(-2) + std::exp(-1) + 1, 1e-12), 3));
}

TEST(Values, GatherAndOneHot) {
  const Tensor table = placeholder({3, 2}, kFloat32, "table"), ids = placeholder({2}, kInt8, "ids");
  const Tensor rows = compute(
      {2, 2},
      [&](const Point& p) {
        return table({ids({p[0]}), p[1]});
      },
      "rows");
  EXPECT_THAT(evaluate(rows, {{"table", iota(6)}, {"ids", {2, 0}}}), ElementsAre(4, 5, 0, 1));
  const Tensor hot = compute(
      {2, 3}, [&](const Point& p) { return astype(equal(ids({p[0]}), p[1]), kFloat32); }, "hot");
  EXPECT_THAT(evaluate(hot, {{"ids", {2, 0}}}), ElementsAre(0, 0, 1, 1, 0, 0));
  EXPECT_THROW(evaluate(rows, {{"table", iota(6)}, {"ids", {3, 0}}}), UserError);
}

TEST(Values, OutputThatIsAlsoRead) {
  const Tensor x = placeholder({2}, kFloat32, "x");
  const Tensor y = compute(
      {2}, [&](const Point& p) { return add(x({p[0]}), 1); }, "y");
  const Tensor z = compute(
      {2}, [&](const Point& p) { return multiply(y({p[0]}), y({p[0]})); }, "z");
  const auto results = evaluate_all({z, y}, {{"x", {1, 2}}});
  EXPECT_THAT(results[0], ElementsAre(4, 9));
  EXPECT_THAT(results[1], ElementsAre(2, 3));
}

TEST(Values, IntegerRules) {
  const Tensor x = placeholder({4}, kInt8, "x"), y = placeholder({4}, kInt8, "y");
  auto apply = [&](const std::function<Expr(Expr, Expr)>& f) {
    return evaluate(compute(
                        {4}, [&](const Point& p) { return f(x({p[0]}), y({p[0]})); }, "z"),
                    {{"x", {-7, 7, 127, -128}}, {"y", {2, -2, 0, -1}}});
  };
  EXPECT_THAT(apply([](Expr a, Expr b) { return floor_divide(a, b); }), ElementsAre(-4, -4, 0, -128));
  EXPECT_THAT(apply([](Expr a, Expr b) { return remainder(a, b); }), ElementsAre(1, -1, 0, 0));
  EXPECT_THAT(apply([](Expr a, Expr) { return add(a, 1); }), ElementsAre(-6, 8, -128, -127));
  EXPECT_THAT(apply([](Expr a, Expr b) { return divide(a, b); }), ElementsAre(-3.5, -3.5, kInf, 128));
  EXPECT_THAT(apply([](Expr a, Expr) { return abs(a); }), ElementsAre(7, 7, 127, -128));
}

}  // namespace
}  // namespace tw::te
