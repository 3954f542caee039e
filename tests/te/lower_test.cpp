// First loop programs, as text.
#include "te/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/equal.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "te/math.h"
#include "te/pieces.h"
#include "te/reduce.h"
#include "te/scan.h"
#include "te/scatter.h"

namespace tw::te {
namespace {

using Point = std::vector<Var>;
using Values = std::vector<Value>;

/// The program's text, after checks that hold of every one.
std::string text_of(const std::vector<Tensor>& outputs,
                    const std::optional<std::vector<ProgramArgument>>& args = std::nullopt) {
  const Program program = first_program(outputs, args);
  verify(program, Stage::kSchedule);
  const std::string text = to_text(program);
  EXPECT_TRUE(structural_equal(parse_program(text), program)) << text;
  return "\n" + text;
}

std::string head_of(const std::vector<Tensor>& outputs,
                    const std::optional<std::vector<ProgramArgument>>& args = std::nullopt) {
  const std::string text = text_of(outputs, args).substr(1);
  return text.substr(0, text.find('\n'));
}

struct Lowering : testing::Test {
  Tensor a = placeholder({64, 32}, kFloat32, "A");
  Tensor b = placeholder({32, 16}, kFloat32, "B");
  ReduceAxis k = reduce_axis(32, "k");
  Var n = te::var("n", 1, 512);
  Tensor x = placeholder({n}, kFloat32, "x");
};

TEST_F(Lowering, MatrixProductIsOneBlock) {
  const Tensor c = compute({64, 16},
                           [&](const Point& p) {
                             return sum(multiply(a({p[0], k}), b({k, p[1]})), {k});
                           },
                           "C", {"i", "j"});
  EXPECT_EQ(text_of({c}), R"(
program main(A: in float32[64, 32], B: in float32[32, 16], C: out float32[64, 16]):
  for i in 64:
    for j in 16:
      for k in 32:
        block C#0(vi: spatial(64) = i, vj: spatial(16) = j, vk: reduce(32) = k):
          reads A[vi, vk], B[vk, vj]
          writes C[vi, vj]
          reducer sum(float32)
          init:
            C[vi, vj] = 0.0f32
          C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
)");
}

TEST_F(Lowering, ReductionInALargerValueIsLiftedOverTheAxesItUses) {
  const Tensor c =
      compute({64, 32},
              [&](const Point& p) {
                return divide(a({p[0], p[1]}), add(sum(a({p[0], k}), {k}), sum(a({p[0], k}), {k})));
              },
              "C", {"i", "j"});
  EXPECT_EQ(text_of({c}), R"(
program main(A: in float32[64, 32], C: out float32[64, 32]):
  allocate C_sum: float32[64]
  for i in 64:
    for k in 32:
      block C_sum#0(vi: spatial(64) = i, vk: reduce(32) = k):
        reads A[vi, vk]
        writes C_sum[vi]
        reducer sum(float32)
        init:
          C_sum[vi] = 0.0f32
        C_sum[vi] = C_sum[vi] + A[vi, vk]
  for i_1 in 64:
    for j in 32:
      block C#1(vi_1: spatial(64) = i_1, vj: spatial(32) = j):
        reads A[vi_1, vj], C_sum[vi_1]
        writes C[vi_1, vj]
        C[vi_1, vj] = A[vi_1, vj] / (C_sum[vi_1] + C_sum[vi_1])
)");
}

TEST_F(Lowering, HalfSumsWidenTheirProducts) {
  const Tensor h = placeholder({32}, kBFloat16, "h");
  const Tensor c = compute(
      {}, [&](const Point&) { return sum(multiply(h({k}), h({k})), {k}); }, "C");
  const std::string text = text_of({c});
  EXPECT_THAT(text, testing::HasSubstr("C_sum[] = C_sum[] + float32(h[vk]) * float32(h[vk])\n"));
  EXPECT_THAT(text, testing::HasSubstr("C[] = bfloat16(C_sum[])\n"));
}

TEST_F(Lowering, GuardStandsOnlyWhereReadsMayLeaveTheirBuffer) {
  const Tensor inside = compute(
      {64},
      [&](const Point& p) {
        return where(less(p[0], 3), sum(a({p[0], k}), {k}), 0);
      },
      "C");
  EXPECT_THAT(text_of({inside}), testing::HasSubstr("C_sum[vi0] = C_sum[vi0] + A[vi0, vk]\n"));
  const Tensor outside = compute(
      {65},
      [&](const Point& p) {
        return where(less(p[0], 64), sum(a({p[0], k}), {k}), 0);
      },
      "C");
  EXPECT_THAT(text_of({outside}),
              testing::HasSubstr("C_sum[vi0] = C_sum[vi0] + select(vi0 < 64, A[vi0, vk], 0.0f32)\n"));
}

TEST_F(Lowering, ReductionThatMayBeEmptyHasItsInitApart) {
  const Var m = te::var("m");
  const Tensor y = placeholder({m}, kFloat32, "y");
  const ReduceAxis r = reduce_axis(m, "r");
  EXPECT_EQ(
      text_of({compute({2}, [&](const Point& p) { return sum(multiply(y({r}), p[0]), {r}); }, "C", {"i"})}),
      R"(
program main(m: shape in [0, ], y: in float32[m], C: out float64[2]):
  for i in 2:
    block C_init#0(vi: spatial(2) = i):
      writes C[vi]
      C[vi] = 0.0f64
  for i_1 in 2:
    for r in m:
      block C#1(vi_1: spatial(2) = i_1, vr: reduce(m) = r):
        reads y[vr]
        writes C[vi_1]
        reducer sum(float64)
        C[vi_1] = C[vi_1] + float64(y[vr]) * float64(vi_1)
)");
}

TEST_F(Lowering, TupleReductionBindsOperandsAndResults) {
  const Tensor d = placeholder({8}, kInt32, "d");
  const ReduceAxis r = reduce_axis(8, "r");
  const CustomReducer extremes = make_reducer(
      [](const std::vector<Expr>& l, const std::vector<Expr>& m) {
        return Values{minimum(l[0], m[0]), maximum(l[1], m[1])};
      },
      {1000, -1000}, "extremes");
  const auto both = compute_several(
      {},
      [&](const Point&) {
        const auto parts = reduce(extremes, {d({r}), d({r})}, {r});
        return Values{parts[0], parts[1]};
      },
      "E");
  EXPECT_EQ(text_of(both), R"(
program main(d: in int32[8], E_0: out int32[], E_1: out int32[]):
  for r in 8:
    block E#0(vr: reduce(8) = r):
      reads d[vr]
      writes E_0[], E_1[]
      reducer extremes(lhs0: int32, lhs1: int32; rhs0: int32, rhs1: int32) -> (min(lhs0, rhs0), max(lhs1, rhs1)) from (1000i32, -1000i32)
      init:
        E_0[] = 1000i32
        E_1[] = -1000i32
      let x0: int32 = d[vr]
      let x1: int32 = d[vr]
      let r0: int32 = min(E_0[], x0)
      let r1: int32 = max(E_1[], x1)
      E_0[] = r0
      E_1[] = r1
)");
}

TEST_F(Lowering, PiecesAreLoopsOverTheirParts) {
  const Tensor z = placeholder({64}, kFloat32, "z");
  const Tensor y =
      pieces({add(n, 64)},
             {{[&](const Point& p) { return less(p[0], n); }, [&](const Point& p) { return x({p[0]}); }},
              {nullptr, [&](const Point& p) { return z({subtract(p[0], n)}); }}},
             "y", {"i"});
  EXPECT_EQ(text_of({y}), R"(
program main(n: shape in [1, 512], x: in float32[n], z: in float32[64], y: out float32[n + 64]):
  for i in n:
    block y#0(vi: spatial(n) = i):
      reads x[vi]
      writes y[vi]
      y[vi] = x[vi]
  for i_1 in 64:
    block y#1(vi_1: spatial(64) = i_1):
      reads z[vi_1]
      writes y[vi_1 + n]
      y[vi_1 + n] = z[vi_1]
)");
}

TEST_F(Lowering, ResidueClassesAreLoopsOverTheirElements) {
  const Tensor y = pieces({n},
                          {{[&](const Point& p) { return equal(remainder(p[0], 2), 0); },
                            [&](const Point& p) { return x({floor_divide(p[0], 2)}); }},
                           {nullptr, [](const Point&) { return 0; }}},
                          "y", {"i"});
  EXPECT_EQ(text_of({y}), R"(
program main(n: shape in [1, 512], x: in float32[n], y: out float32[n]):
  for i in (n + 1) // 2:
    block y#0(vi: spatial((n + 1) // 2) = i):
      reads x[vi]
      writes y[vi * 2]
      y[vi * 2] = x[vi]
  for i_1 in n // 2:
    block y#1(vi_1: spatial(n // 2) = i_1):
      writes y[vi_1 * 2 + 1]
      y[vi_1 * 2 + 1] = 0.0f32
)");
}

TEST_F(Lowering, PiecesOfLargeAndSymbolicDomainsAreDecided) {
  const auto is = [](int r) { return [r](const Point& p) { return equal(remainder(p[1], 3), r); }; };
  const auto value = [](const Point&) { return 0; };
  auto checked = [&](const std::vector<Value>& shape, const std::vector<PieceFunctions>& parts) {
    return as_operation<PiecesNode>(pieces(shape, parts, "y").operation())->checked;
  };
  EXPECT_FALSE(checked({100000, 3000}, {{is(0), value}, {is(1), value}, {is(2), value}}));
  EXPECT_FALSE(checked({n, n}, {{is(0), value}, {nullptr, value}}));
}

TEST_F(Lowering, UndecidedPiecesAreAsserted) {
  const Tensor y =
      pieces({n},
             {{[&](const Point& p) { return less(x({p[0]}), 1); }, [](const Point&) { return 1.0; }},
              {[&](const Point& p) { return greater(x({p[0]}), 1); }, [](const Point&) { return 2.0; }}},
             "y", {"i"});
  EXPECT_THAT(text_of({y}), testing::HasSubstr("exactly one condition must hold"));
}

TEST_F(Lowering, ScatterIsACopyAndAnUpdate) {
  const Tensor ids = placeholder({8}, kInt32, "ids"), v = placeholder({8}, kFloat32, "v");
  auto scattered = [&](ScatterCombine combine) {
    return scatter(
        x, {8}, [&](const Point& p) { return Values{ids({p[0]})}; },
        [&](const Point& p) { return v({p[0]}); }, combine, "y", {"i"});
  };
  EXPECT_EQ(text_of({scattered(ScatterCombine::kSum)}), R"(
program main(n: shape in [1, 512], x: in float32[n], ids: in int32[8], v: in float32[8], y: out float32[n]):
  for i0 in n:
    block y_init#0(vi0: spatial(n) = i0):
      reads x[vi0]
      writes y[vi0]
      y[vi0] = x[vi0]
  for i in 8:
    block y_update#1(vi: reduce(8) = i):
      reads ids[vi], v[vi]
      writes y[0:+n]
      reducer sum(float32)
      y[index(ids[vi])] = y[index(ids[vi])] + v[vi]
)");
  EXPECT_THAT(text_of({scattered(ScatterCombine::kSet)}),
              testing::HasSubstr("  ordered for i in 8:\n    block y_update#1(vi: ordered(8) = i):\n"));
}

TEST_F(Lowering, ScanIsAnOrderedLoopWithItsReductionsInside) {
  const Tensor w = placeholder({4, 4}, kFloat32, "W"), h0 = placeholder({4}, kFloat32, "h0");
  const ReduceAxis r = reduce_axis(4, "r"), q = reduce_axis(4, "q");
  const Tensor h = scan({h0},
                        [&](const std::vector<Tensor>& s, const Var& t, const Point& p) {
                          const Expr fed = sum(multiply(w({p[0], r}), s[0]({subtract(t, 1), r})), {r});
                          return Values{add(fed, sum(w({p[0], q}), {q}))};
                        },
                        n, "H", {"t", "i"})
                       .front();
  EXPECT_EQ(text_of({h}), R"(
program main(W: in float32[4, 4], h0: in float32[4], n: size in [1, 512], H: out float32[n, 4]):
  allocate H_sum: float32[4]
  for i in 4:
    for q in 4:
      block H_sum#0(vi: spatial(4) = i, vq: reduce(4) = q):
        reads W[vi, vq]
        writes H_sum[vi]
        reducer sum(float32)
        init:
          H_sum[vi] = 0.0f32
        H_sum[vi] = H_sum[vi] + W[vi, vq]
  ordered for t in n:
    allocate H_sum_1: float32[4]
    for i_1 in 4:
      for r in 4:
        block H_sum#1(vt: ordered(n) = t, vi_1: spatial(4) = i_1, vr: reduce(4) = r):
          reads W[vi_1, vr], h0[vr], H[vt - 1, vr]
          writes H_sum_1[vi_1]
          reducer sum(float32)
          init:
            H_sum_1[vi_1] = 0.0f32
          H_sum_1[vi_1] = H_sum_1[vi_1] + W[vi_1, vr] * select(vt <= 0, h0[vr], H[vt - 1, vr])
    for i_2 in 4:
      block H#2(vt_1: ordered(n) = t, vi_2: spatial(4) = i_2):
        reads H_sum_1[vi_2], H_sum[vi_2]
        writes H[vt_1, vi_2]
        H[vt_1, vi_2] = H_sum_1[vi_2] + H_sum[vi_2]
)");
}

TEST_F(Lowering, ArgumentsAreInputsInTheOrderMadeThenSizesThenOutputs) {
  const Var m = te::var("m");
  const Tensor w = placeholder({4}, kFloat32, "w", true);
  const Tensor y = compute(
      {n, m}, [&](const Point& p) { return add(w({0}), x({p[0]})); }, "y");
  const Tensor z = compute(
      {n},
      [&](const Point& p) {
        return add(y({p[0], 0}), a({0, 0}));
      },
      "z");
  EXPECT_EQ(
      head_of({z, y}),
      "program main(n: shape in [1, 512], A: in float32[64, 32], x: in float32[n], w: const float32[4], "
      "m: size in [0, ], z: out float32[n], y: out float32[n, m]):");
}

TEST_F(Lowering, ArgumentsMayBeListed) {
  const Tensor y = compute(
      {n},
      [&](const Point& p) {
        return add(a({0, 0}), x({p[0]}));
      },
      "y");
  EXPECT_EQ(head_of({y}, std::vector<ProgramArgument>{x, n, y, a, b}),
            "program main(n: size in [1, 512], x: in float32[n], y: out float32[n], A: in float32[64, 32], "
            "B: in float32[32, 16]) {argument_order = \"1 0 2 3 4\"}:");
}

TEST_F(Lowering, SizesStandBeforeShapesThatUseThem) {
  const Tensor d = placeholder({multiply(n, 2)}, kFloat32, "d");
  const Tensor y = compute(
      {n}, [&](const Point& p) { return d({add(p[0], n)}); }, "y");
  EXPECT_THAT(
      head_of({y}),
      testing::StartsWith("program main(n: size in [1, 512], d: in float32[n * 2], y: out float32[n])"));
  EXPECT_EQ(argument_order(first_program({y})), (std::vector<std::size_t>{1, 0, 2}));
  const Tensor z = compute(
      {n}, [&](const Point& p) { return x({p[0]}); }, "z");
  EXPECT_EQ(argument_order(first_program({z})), (std::vector<std::size_t>{0, 1}));
}

TEST_F(Lowering, NamesThatNobodyGaveAreMadeDifferent) {
  const Tensor p0 = placeholder({4}), p1 = placeholder({4});
  EXPECT_EQ(
      head_of({compute({4}, [&](const Point& p) { return add(p0({p[0]}), p1({p[0]})); })}),
      "program main(placeholder: in float32[4], placeholder_1: in float32[4], compute: out float32[4]):");
}

TEST_F(Lowering, NamesDoNotChangeTheProgram) {
  auto build = [&](const std::string& first, const std::string& second) {
    const Tensor p0 = placeholder({4}, kFloat32, first), p1 = placeholder({4}, kFloat32, second);
    const Tensor t =
        compute({4}, [&](const Point& p) { return exp(p0({p[0]})); }, second + "t", {first + "i"});
    const Tensor u = compute(
        {4}, [&](const Point& p) { return sqrt(p1({p[0]})); }, first + "u");
    return first_program({compute(
        {4}, [&](const Point& p) { return add(t({p[0]}), u({p[0]})); }, "y")});
  };
  const Program one = build("a", "z"), other = build("z", "a");
  EXPECT_TRUE(structural_equal(one, other));
  EXPECT_EQ(structural_hash(one), structural_hash(other));
}

}  // namespace
}  // namespace tw::te
