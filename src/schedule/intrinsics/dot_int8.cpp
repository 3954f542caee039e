// dot_u8s8_{lanes}x4: C[i] += sum of A[k] * B[i, k] over 4, uint8 times int8 into int32 (vpdpbusd).
//
// B lies in quads of the reduction, as VNNI layouts do: (k, j) -> (k // 4, j // 16, j % 16, k % 4). Sums
// wrap; nothing saturates on the way.
#include <fmt/format.h>

#include "schedule/intrinsics/dot_product.h"

namespace tw::schedule {
namespace {

Intrinsic make(const std::vector<int64_t>& sizes) {
  const LaneDot dot{kUInt8, kInt8, kInt32, 4, sizes[0]};
  require_lanes(fmt::format("dot_u8s8_{}x4", dot.lanes), dot.lanes);
  Intrinsic intrinsic = lane_dot(dot);
  intrinsic.numerics = {.error = "none: integers, wrapping at 32 bits",
                        .non_finite = "there are no such values"};
  std::vector<std::string> features{"avx512vnni"};
  if (dot.lanes < 16) features.push_back("avx512vl");
  const std::string type = fmt::format("<{} x i32>", dot.lanes);
  intrinsic.implementations = {lane_dot_instruction(
      dot, fmt::format("llvm.x86.avx512.vpdpbusd.{}", dot.lanes * 32), type, type, features)};
  return intrinsic;
}

const IntrinsicRegistration registration{{
    .name = "dot_u8s8_{lanes}x4",
    .summary = "C[i] += sum of A[k] * B[i, k] over 4, uint8 times int8 into int32.",
    .members = {"dot_u8s8_16x4", "dot_u8s8_8x4", "dot_u8s8_4x4"},
    .make = make,
}};

}  // namespace
}  // namespace tw::schedule
