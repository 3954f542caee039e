// dot_bf16_{lanes}x2: C[i] += A[0] * B[i, 0] + A[1] * B[i, 1], bfloat16 into float32 (vdpbf16ps).
//
// B lies in pairs of the reduction, as VNNI layouts do: (k, j) -> (k // 2, j // 16, j % 16, k % 2).
#include <fmt/format.h>

#include "schedule/intrinsics/dot_product.h"

namespace tw::schedule {
namespace {

Intrinsic make(const std::vector<int64_t>& sizes) {
  const LaneDot dot{kBFloat16, kBFloat16, kFloat32, 2, sizes[0]};
  require_lanes(fmt::format("dot_bf16_{}x2", dot.lanes), dot.lanes);
  Intrinsic intrinsic = lane_dot(dot);
  intrinsic.numerics = {
      .exact = false,
      .error_per_term = 0,
      .error =
          "products are exact and each is added with one rounding to nearest, the second of a pair first. "
          "Subnormal operands count as 0, and subnormal sums become 0: each may cost 2^-126, times the other "
          "factor for an operand",
      .non_finite = "infinities and NaN as IEEE says; subnormal numbers are flushed to zero, in and out"};
  std::vector<std::string> features{"avx512bf16"};
  if (dot.lanes < 16) features.push_back("avx512vl");
  intrinsic.implementations = {lane_dot_instruction(
      dot, fmt::format("llvm.x86.avx512bf16.dpbf16ps.{}", dot.lanes * 32),
      fmt::format("<{} x float>", dot.lanes), fmt::format("<{} x bfloat>", dot.lanes * 2), features)};
  return intrinsic;
}

const IntrinsicRegistration registration{{
    .name = "dot_bf16_{lanes}x2",
    .summary = "C[i] += A[0] * B[i, 0] + A[1] * B[i, 1], bfloat16 into float32.",
    .members = {"dot_bf16_16x2", "dot_bf16_8x2", "dot_bf16_4x2"},
    .make = make,
}};

}  // namespace
}  // namespace tw::schedule
