// outer_f32_{m}x{n}: C[i, j] += A[i] * B[j], float32. The register tile of a matrix product.
//
// C stays in registers as m rows of n / lanes vectors while steps of the reduction go by: each loads n /
// lanes vectors of B, and for each i broadcasts one element of A into a fused multiply-add for each vector.
// With 32 registers of 16 lanes, 14x32 keeps 28 accumulators, two vectors of B and a broadcast.
#include <fmt/format.h>

#include "ir/text.h"
#include "schedule/intrinsic.h"
#include "support/error.h"
#include "te/math.h"

namespace tw::schedule {
namespace {

constexpr int64_t kLargest = 1024;

te::Tensor outer_product(int64_t m, int64_t n) {
  const auto a = te::placeholder({m}, kFloat32, "A"), b = te::placeholder({n}, kFloat32, "B");
  return te::compute(
      {m, n}, [&](const std::vector<Var>& p) -> te::Value { return te::multiply(a({p[0]}), b({p[1]})); }, "C",
      {"i", "j"});
}

/// The product in vectors of so many lanes.
Program in_vectors(int64_t m, int64_t n, int64_t lanes) {
  std::string text =
      fmt::format("program outer(A: in float32[{m}], B: in float32[{n}], C: inout float32[{m}, {n}]):\n",
                  fmt::arg("m", m), fmt::arg("n", n));
  const int64_t vectors = n / lanes;
  for (int64_t v = 0; v < vectors; ++v)
    text += fmt::format("  let b{}: float32x{} = B[ramp({}, 1, {})]\n", v, lanes, v * lanes, lanes);
  text += fmt::format("  for i in unrolled({}):\n", m);
  text += fmt::format("    let a: float32x{0} = broadcast(A[i], {0})\n", lanes);
  for (int64_t v = 0; v < vectors; ++v) {
    const std::string lanes_of_c = fmt::format("C[broadcast(i, {1}), ramp({0}, 1, {1})]", v * lanes, lanes);
    text += fmt::format("    {0} = {0} + a * b{1}\n", lanes_of_c, v);
  }
  return parse_program(text);
}

/// A machine with vector registers, widest first.
struct VectorUnit {
  int64_t lanes;
  std::vector<std::string> features;
};

Intrinsic make(const std::vector<int64_t>& sizes) {
  const int64_t m = sizes[0], n = sizes[1];
  if (n % 4 != 0 || m > kLargest || n > kLargest)
    raise_value(
        "there is no intrinsic outer_f32_{}x{}: rows are whole vectors, so the second size is a multiple of "
        "4 "
        "lanes, and both are at most {}",
        m, n, kLargest);
  const VectorUnit units[] = {{16, {"avx512f"}}, {8, {"avx2", "fma"}}, {4, {"neon"}}, {4, {}}};
  Intrinsic intrinsic;
  intrinsic.output = outer_product(m, n);
  intrinsic.accumulates = true;
  intrinsic.operands = {{}, {.strides = {{.exactly = 1}}}, {.strides = {{}, {.exactly = 1}}}};
  intrinsic.numerics = {.error = "none beyond one rounding for each a * b + c",
                        .non_finite = "as IEEE says, element by element"};
  for (const VectorUnit& unit : units) {
    if (n % unit.lanes != 0) continue;
    const int64_t vectors = n / unit.lanes;
    intrinsic.implementations.push_back({.target = "llvm",
                                         .features = unit.features,
                                         .operands = {},
                                         .code = in_vectors(m, n, unit.lanes),
                                         .registers = static_cast<int>(m * vectors + vectors + 1)});
  }
  return intrinsic;
}

const IntrinsicRegistration registration{{
    .name = "outer_f32_{m}x{n}",
    .summary = "C[i, j] += A[i] * B[j] in float32: the register tile of a matrix product.",
    .members = {"outer_f32_14x32", "outer_f32_12x32", "outer_f32_8x48", "outer_f32_6x64", "outer_f32_28x16",
                "outer_f32_6x16"},
    .make = make,
}};

}  // namespace
}  // namespace tw::schedule
