// Blocks: axes, predicates, and when the init runs, against straightforward C++.
#include <cmath>

#include "ir/interpret/run_program.h"

namespace tw::interpret_tests {
namespace {

using testing::HasSubstr;

constexpr int64_t kM = 9, kN = 7, kK = 10;

std::vector<double> matmul(const Array& a, const Array& b) {
  std::vector<double> c(static_cast<std::size_t>(kM * kN));
  for (int64_t i = 0; i < kM; ++i)
    for (int64_t j = 0; j < kN; ++j)
      for (int64_t k = 0; k < kK; ++k)
        c[static_cast<std::size_t>(i * kN + j)] += a[i * kK + k] * b[k * kN + j];
  return c;
}

/// The matrix product under the loops given; `bindings` are those of vi, vj and vk, and `where` the
/// predicate.
void expect_matmul(const std::string& loops, const std::string& indent, const std::string& vi,
                   const std::string& vj, const std::string& vk, const std::string& where,
                   DType type = kFloat32, const std::string& zero = "0.0f32") {
  Array a(type, {kM, kK}, scrambled), b(type, {kK, kN}, [](int64_t i) { return scrambled(i + 3); }),
      c(type, {kM, kN});
  const std::string t = to_string(type);
  const std::string text = "program matmul(A: in " + t + "[9, 10], B: in " + t + "[10, 7], C: out " + t +
                           "[9, 7]):\n" + loops + indent + "block C(vi: spatial(9) = " + vi +
                           ", vj: spatial(7) = " + vj + ", vk: reduce(10) = " + vk + ")" + where + ":\n" +
                           indent + "  init:\n" + indent + "    C[vi, vj] = " + zero + "\n" + indent +
                           "  C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]\n";
  const InterpretStats stats = run(text, {a, b, c});
  EXPECT_EQ(c.values(), matmul(a, b)) << text;
  EXPECT_EQ(stats.statements, kM * kN * kK + kM * kN);
}

TEST(Blocks, MatmulOfEveryNumberTypeAgreesWithPlainCode) {
  const std::pair<DType, const char*> types[] = {
      {kInt8, "0i8"},       {kInt16, "0i16"},       {kInt32, "0i32"},     {kInt64, "0i64"},
      {kFloat16, "0.0f16"}, {kBFloat16, "0.0bf16"}, {kFloat32, "0.0f32"}, {kFloat64, "0.0f64"}};
  for (const auto& [type, zero] : types) {
    if (type == kInt8 || type == kBFloat16) continue;  // sums leave the exact range
    expect_matmul("  for i in 9:\n    for j in 7:\n      for k in 10:\n", "        ", "i", "j", "k", "", type,
                  zero);
  }
}

TEST(Blocks, InitRunsOnceWithReductionLoopsOutermost) {
  expect_matmul("  for k in 10:\n    for i in 9:\n      for j in 7:\n", "        ", "i", "j", "k", "");
  expect_matmul("  for i in 9:\n    for k in 10:\n      for j in 7:\n", "        ", "i", "j", "k", "");
}

TEST(Blocks, SplitsThatLeaveSomeOverRunUnderAPredicate) {
  expect_matmul(
      "  for io in 3:\n    for ko in 3:\n      for j in 7:\n        for ki in 4:\n          for ii in 4:\n",
      "            ", "io * 4 + ii", "j", "ko * 4 + ki", " where io * 4 + ii < 9 && ko * 4 + ki < 10");
}

TEST(Blocks, FusedLoopsBindWithDivisionAndModulo) {
  expect_matmul("  for f in 630:\n", "    ", "f // 70", "f % 7", "f // 7 % 10", "");
}

TEST(Blocks, ReversedAndDescendingBindingsAreJustAnotherOrder) {
  expect_matmul("  for i in 9:\n    for j in 7:\n      for k in 10:\n", "        ", "8 - i", "6 - j", "9 - k",
                "");
}

TEST(Blocks, ParallelUnrolledAndVectorisedLoopsComputeTheSame) {
  expect_matmul("  for i in parallel(9):\n    for k in unrolled(10):\n      for j in vectorized(7):\n",
                "        ", "i", "j", "k", "");
}

TEST(Blocks, AProducerComputedAgainAtAnOuterLoopStartsAnew) {
  // Each turn of i computes the sums that it reads, two of which the turn before had computed.
  Array a(kFloat32, {8, 5}, scrambled), out(kFloat32, {6});
  run(R"(program p(A: in float32[8, 5], O: out float32[6]):
  allocate T: float32[8]
  for i in 6:
    for p in 3:
      for k in 5:
        block T(v: spatial(8) = i + p, r: reduce(5) = k):
          init:
            T[v] = 0.0f32
          T[v] = T[v] + A[v, r]
    block O(v: spatial(6) = i):
      O[v] = T[v] + T[v + 1] + T[v + 2]
)",
      {a, out});
  for (int64_t i = 0; i < 6; ++i) {
    double sum = 0;
    for (int64_t e = i * 5; e < (i + 3) * 5; ++e) sum += a[e];
    EXPECT_EQ(out[i], sum);
  }
}

TEST(Blocks, TheFirstInstanceIsThatOfEachInstanceOfTheBuffer) {
  Array a(kFloat32, {4, 5}, scrambled), out(kFloat32, {4});
  run(R"(program p(A: in float32[4, 5], O: out float32[4]):
  for i in parallel(4):
    allocate s: local float32[]
    for k in 5:
      block s(r: reduce(5) = k):
        init:
          s[] = 0.0f32
        s[] = s[] + A[i, r]
    O[i] = s[]
)",
      {a, out});
  for (int64_t i = 0; i < 4; ++i)
    EXPECT_EQ(out[i], a[i * 5] + a[i * 5 + 1] + a[i * 5 + 2] + a[i * 5 + 3] + a[i * 5 + 4]);
}

TEST(Blocks, ConvolutionPadsBySelectWithoutReadingOutside) {
  Array x(kFloat32, {6, 6}, scrambled), w(kFloat32, {3, 3}, scrambled), y(kFloat32, {6, 6});
  run(R"(program conv(X: in float32[6, 6], W: in float32[3, 3], Y: out float32[6, 6]):
  for i in 6:
    for j in 6:
      for r in 3:
        for s in 3:
          block Y(vi: spatial(6) = i, vj: spatial(6) = j, vr: reduce(3) = r, vs: reduce(3) = s):
            init:
              Y[vi, vj] = 0.0f32
            Y[vi, vj] = Y[vi, vj] + W[vr, vs] * select(1 <= vi + vr && vi + vr < 7 && 1 <= vj + vs && vj + vs < 7, X[vi + vr - 1, vj + vs - 1], 0.0f32)
)",
      {x, w, y});
  for (int64_t i = 0; i < 6; ++i)
    for (int64_t j = 0; j < 6; ++j) {
      double sum = 0;
      for (int64_t r = -1; r <= 1; ++r)
        for (int64_t s = -1; s <= 1; ++s)
          if (i + r >= 0 && i + r < 6 && j + s >= 0 && j + s < 6)
            sum += w[(r + 1) * 3 + s + 1] * x[(i + r) * 6 + j + s];
      EXPECT_EQ(y[i * 6 + j], sum);
    }
}

TEST(Blocks, SoftmaxIsAChainOfBlocks) {
  Array x(kFloat64, {3, 8}, scrambled), y(kFloat64, {3, 8});
  run(R"(program softmax(X: in float64[3, 8], Y: out float64[3, 8]):
  allocate M: float64[3]
  allocate S: float64[3]
  for i in 3:
    for k in 8:
      block M(v: spatial(3) = i, r: reduce(8) = k):
        init:
          M[v] = -inf_f64
        M[v] = max(M[v], X[v, r])
    for k in 8:
      block S(v: spatial(3) = i, r: reduce(8) = k):
        init:
          S[v] = 0.0f64
        S[v] = S[v] + exp(X[v, r] - M[v])
    for j in 8:
      block Y(v: spatial(3) = i, u: spatial(8) = j):
        Y[v, u] = exp(X[v, u] - M[v]) / S[v]
)",
      {x, y});
  for (int64_t i = 0; i < 3; ++i) {
    double most = -INFINITY, sum = 0;
    for (int64_t k = 0; k < 8; ++k) most = std::max(most, x[i * 8 + k]);
    for (int64_t k = 0; k < 8; ++k) sum += std::exp(x[i * 8 + k] - most);
    for (int64_t k = 0; k < 8; ++k) EXPECT_EQ(y[i * 8 + k], std::exp(x[i * 8 + k] - most) / sum);
  }
}

TEST(Blocks, ArgmaxReducesTwoComponentsTogether) {
  Array x(kFloat32, {4, 9}, scrambled), value(kFloat32, {4}), at(kInt64, {4});
  run(R"(program argmax(X: in float32[4, 9], V: out float32[4], I: out int64[4]):
  for k in 9:
    for i in 4:
      block argmax(v: spatial(4) = i, r: reduce(9) = k):
        init:
          V[v] = -inf_f32
          I[v] = 0i64
        let better: bool = V[v] < X[v, r]
)"
      "        I[v] = select(better, int64(r), I[v])\n"
      "        V[v] = select(better, X[v, r], V[v])\n",
      {x, value, at});
  for (int64_t i = 0; i < 4; ++i) {
    int64_t best = 0;
    for (int64_t k = 1; k < 9; ++k)
      if (x[i * 9 + k] > x[i * 9 + best]) best = k;
    EXPECT_EQ(at[i], best);
    EXPECT_EQ(value[i], x[i * 9 + best]);
  }
}

TEST(Blocks, AScanCarriesThroughAnOrderedLoop) {
  Array x(kFloat32, {6}, scrambled), y(kFloat32, {6});
  run(R"(program scan(X: in float32[6], Y: out float32[6]):
  ordered for t in 6:
    block Y(v: ordered(6) = t):
      Y[v] = select(v == 0, 0.0f32, Y[v - 1]) + X[v]
)",
      {x, y});
  double sum = 0;
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(y[i], sum += x[i]);
}

TEST(Blocks, SeveralWritersFillABufferTogether) {
  Array a(kFloat32, {3}, scrambled), b(kFloat32, {4}, scrambled), y(kFloat32, {7});
  run(R"(program concat(A: in float32[3], B: in float32[4], Y: out float32[7]):
  for i in 3:
    block first(v: spatial(3) = i):
      Y[v] = A[v]
  for i in 4:
    block second(v: spatial(4) = i):
      Y[v + 3] = B[v]
)",
      {a, b, y});
  for (int64_t i = 0; i < 7; ++i) EXPECT_EQ(y[i], i < 3 ? a[i] : b[i - 3]);
}

TEST(Blocks, ScatterUpdatesAtomically) {
  Array index(kInt32, {8}, [](int64_t i) { return static_cast<double>(i * 5 % 3); }),
      x(kFloat32, {8}, scrambled);
  Array y(kFloat32, {3}, [](int64_t) { return 1.0; });
  run(R"(program scatter(I: in int32[8], X: in float32[8], Y: inout float32[3]):
  for i in parallel(8):
    block scatter(v: spatial(8) = i):
      atomic Y[index(I[v])] = Y[index(I[v])] + X[v]
)",
      {index, x, y});
  std::vector<double> expected(3, 1.0);
  for (int64_t i = 0; i < 8; ++i) expected[static_cast<std::size_t>(i * 5 % 3)] += x[i];
  EXPECT_EQ(y.values(), expected);
}

TEST(Blocks, ABindingOutsideTheAxisIsAnError) {
  Array y(kFloat32, {4});
  const std::string message = error_of(R"(program p(Y: out float32[4]):
  for i in 3:
    for j in 2:
      block b(v: spatial(4) = i * 2 + j):
        Y[v] = 1.0f32
)",
                                       {y});
  EXPECT_THAT(message,
              HasSubstr("axis v is bound to 4, not in 0 <= v < 4, in program 'p'\nwhere i = 2, j = 0\n"));
  EXPECT_THAT(message, HasSubstr("^ axis v is bound to 4"));
}

}  // namespace
}  // namespace tw::interpret_tests
