// tensorize: what does not fit an intrinsic is explained.
#include <gmock/gmock.h>

#include "schedule/fixtures.h"
#include "schedule/intrinsic.h"
#include "schedule/tiled_products.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Point = std::vector<Var>;

/// The message when the last loops of a product of 5x32x12 are tensorized as they stand.
std::string mismatch(DType a, DType b, DType c, int64_t lanes, int64_t depth, const std::string& intrinsic,
                     const std::string& layout = "") {
  Schedule s(product(5, 32, 12, a, b, c));
  if (!layout.empty()) s.apply("transform_layout", {"B", layout});
  const auto loops = loops_of(s, "C");
  const List j = split(s, loops[1], {{}, lanes}), k = split(s, loops[2], {{}, depth});
  s.apply("reorder", {Value(List{loops[0], j[0], k[0], j[1], k[1]})});
  return error_of([&] { s.apply("tensorize", {j[1], Value(intrinsic)}); });
}

TEST(Tensorize, ATransposedOperandIsExplainedWithItsLayout) {
  const std::string message = mismatch(kUInt8, kInt8, kInt32, 16, 4, "dot_u8s8_16x4");
  EXPECT_THAT(
      message,
      HasSubstr("the tile of block C does not fit intrinsic dot_u8s8_16x4: the dimensions of operand B "
                "stand in another order: the intrinsic uses B[i, k] and the block B[vk, vj], where i of "
                "the intrinsic is vj, k of the intrinsic is vk; lay it out for the intrinsic before: "
                "transform_layout(B, \"(k, j) -> (k // 4, j // 16, j % 16, k % 4)\")"));
  // And what it says is right.
  Schedule s(product(5, 32, 12, kUInt8, kInt8, kInt32));
  s.apply("transform_layout", {"B", "(k, j) -> (k // 4, j // 16, j % 16, k % 4)"});
  const auto loops = loops_of(s, "C");
  const List j = split(s, loops[1], {{}, 16}), k = split(s, loops[2], {{}, 4});
  s.apply("reorder", {Value(List{loops[0], j[0], k[0], j[1], k[1]})});
  s.apply("tensorize", {j[1], "dot_u8s8_16x4"});
  expect_same_meaning(s);
}

TEST(Tensorize, OperandsOfAnotherTypeAreExplained) {
  EXPECT_THAT(mismatch(kInt8, kInt8, kInt32, 16, 4, "dot_u8s8_16x4", "(k, j) -> (k // 4, j, k % 4)"),
              AllOf(HasSubstr("  intrinsic: C[i] = C[i] + int32(A[k]) * int32(B[i, k])\n"
                              "  block C:   C[vi, vj] = C[vi, vj] + int32(A[vi, vk]) * int32(B["),
                    HasSubstr("where the intrinsic has A[k], the block has A[vi, vk], which is int8 and not "
                              "uint8")));
  EXPECT_THAT(mismatch(kFloat32, kFloat32, kFloat32, 16, 2, "dot_bf16_16x2"),
              HasSubstr("where the intrinsic has float32(A[k]), the block has A[vi, vk]; convert it as the "
                        "intrinsic does, with astype(\"float32\")"));
}

TEST(Tensorize, AWrongNumberOfPointsIsExplained) {
  EXPECT_THAT(
      mismatch(kUInt8, kInt8, kInt32, 16, 2, "dot_u8s8_16x4"),
      HasSubstr("axis k of the intrinsic has 4 points, and axis vk of the block, in its place, 2 in the "
                "tile (loop k_1); split it by 4, and leave only the inner loop in the tile"));
  EXPECT_THAT(
      mismatch(kUInt8, kInt8, kInt32, 8, 4, "dot_u8s8_16x4"),
      HasSubstr("axis i of the intrinsic has 16 points, and axis vj of the block, in its place, 8 in the "
                "tile (loop j_1)"));
}

TEST(Tensorize, ALoopTooManyOrTooFewIsExplained) {
  Schedule s(matmul_program(8, 32, 5));
  const auto loops = loops_of(s, "C");
  const List i = split(s, loops[0], {{}, 4}), j = split(s, loops[1], {{}, 16});
  s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1], loops[2]})});
  EXPECT_THAT(error_of([&] {
                s.apply("tensorize", {i[1], "outer_f32_4x16"});
              }),
              HasSubstr("operand A of the intrinsic, A[i], is a box of 4 (i), and the tile touches "
                        "A[vi, vk] in a box of 4 (vi) by 5 (vk); take a loop further in, or put loops "
                        "outside with reorder"));
  s.apply("reorder", {Value(List{loops[2], i[1], j[1]})});
  EXPECT_THAT(error_of([&] {
                s.apply("tensorize", {j[1], "outer_f32_4x16"});
              }),
              HasSubstr("operand C of the intrinsic, C[i, j], is a box of 4 (i) by 16 (j), and the "
                        "tile touches C[vi, vj] in a box of 16 (vj); put the missing loops into the tile"));
}

TEST(Tensorize, GapsBetweenElementsAreExplained) {
  const auto a = te::placeholder({16, 5}, kFloat32, "A"), b = te::placeholder({5, 32}, kFloat32, "B");
  const ReduceAxis k = te::reduce_axis(5, "k");
  Schedule s(te::first_program(
      {te::compute({8, 32},
                   [&](const Point& p) -> te::Value {
                     return te::sum(te::multiply(a({te::multiply(p[0], 2), k}), b({k, p[1]})), {k});
                   },
                   "C", {"i", "j"})}));
  EXPECT_THAT(
      error_of([&] {
        s.apply("tensorize", {tiled(s, 4, 16), "outer_f32_4x16"});
      }),
      HasSubstr("subscript 0 of A[vi * 2, vk] moves by 2 with each point of axis vi, and a box has no "
                "gaps"));
}

TEST(Tensorize, StridesAreExplainedWithALayout) {
  const auto a = te::placeholder({8, 5}, kFloat32, "A"), b = te::placeholder({32, 5}, kFloat32, "B");
  const ReduceAxis k = te::reduce_axis(5, "k");
  Schedule s(te::first_program({te::compute({8, 32},
                                            [&](const Point& p) -> te::Value {
                                              return te::sum(te::multiply(a({p[0], k}), b({p[1], k})), {k});
                                            },
                                            "C", {"i", "j"})}));
  const Value loop = tiled(s, 4, 16);
  EXPECT_THAT(
      error_of([&] {
        s.apply("tensorize", {loop, "outer_f32_4x16"});
      }),
      HasSubstr("operand B of intrinsic outer_f32_4x16 needs neighbours in its dimension 0 to be 1 "
                "element apart, and in B[vj * 16:+16, vk] they are 5 elements apart; the caller sees "
                "how B is laid out, so compute from a copy made by cache_read, and lay that out before: "
                "transform_layout(copy, \"(j, k) -> (j // 16, k, j % 16)\")"));
  s.apply("cache_read", {s.block("C"), "B", "global"});
  s.apply("transform_layout", {"B_global", "(j, k) -> (j // 16, k, j % 16)"});
  s.apply("tensorize", {loop, "outer_f32_4x16"});
  expect_same_meaning(s);
}

TEST(Tensorize, ALayoutInOtherPiecesThanTheTileIsExplained) {
  Schedule s(matmul_program(12, 32, 5));
  s.apply("cache_read", {s.block("C"), "A", "global"});
  s.apply("transform_layout", {"A_global", "(i, k) -> (i // 6, k, i % 6)"});
  const Value loop = tiled(s, 4, 16);
  EXPECT_THAT(error_of([&] {
                s.apply("tensorize", {loop, "outer_f32_4x16"});
              }),
              AllOf(HasSubstr("subscript 0 of A_global[vi // 6, vk, vi % 6] is"),
                    HasSubstr("over the tile, neither one point nor as many as the tile has")));
}

TEST(Tensorize, WhatIsNoNestOfSerialLoopsIsRefused) {
  Schedule s(matmul_program(8, 32, te::Value(Expr(te::var("k", 1)))));
  const Value loop = tiled(s, 4, 16);
  const auto loops = loops_of(s, "C");
  EXPECT_THAT(
      error_of([&] {
        s.apply("tensorize", {loops[2], "outer_f32_4x16"});
      }),
      HasSubstr("loop k has k turns, and a tile has a constant number of points; split it by a constant, "
                "and take the inner loop"));
  EXPECT_THAT(error_of([&] {
                s.apply("tensorize", {loop, "outer_f32_4x17"});
              }),
              HasSubstr("there is no intrinsic outer_f32_4x17: rows are whole vectors"));
  EXPECT_THAT(error_of([&] {
                s.apply("tensorize", {loop, "inner_f32"});
              }),
              AllOf(HasSubstr("there is no intrinsic 'inner_f32'; there are dot_bf16_{lanes}x2"),
                    HasSubstr("outer_f32_{m}x{n}, ")));
  s.apply("vectorize", {loops[4]});
  EXPECT_THAT(error_of([&] {
                s.apply("tensorize", {loop, "outer_f32_4x16"});
              }),
              HasSubstr("loop j_1 is vectorized; the loops of a tile are serial: the intrinsic runs them"));
}

TEST(Tensorize, WhatSetsIsNoUpdate) {
  const auto a = te::placeholder({8}, kFloat32, "A"), b = te::placeholder({32}, kFloat32, "B");
  Schedule s(te::first_program(
      {te::compute({8, 32}, [&](const Point& p) -> te::Value { return te::multiply(a({p[0]}), b({p[1]})); },
                   "C", {"i", "j"})}));
  const auto loops = loops_of(s, "C");
  const List i = split(s, loops[0], {{}, 4}), j = split(s, loops[1], {{}, 16});
  s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
  EXPECT_THAT(error_of([&] {
                s.apply("tensorize", {i[1], "outer_f32_4x16"});
              }),
              HasSubstr("where the intrinsic has C[i, j] + A[i] * B[j], the block has A[vi] * B[vj]; the "
                        "intrinsic adds to what is there, and the block sets it"));
}

TEST(Tensorize, OnceIsEnough) {
  Schedule s(matmul_program(8, 32, 5));
  s.apply("tensorize", {tiled(s, 4, 16), "outer_f32_4x16"});
  const Value loop = loops_of(s, "C")[1];
  EXPECT_THAT(error_of([&] {
                s.apply("tensorize", {loop, "outer_f32_4x16"});
              }),
              HasSubstr("block C has been tensorized: it calls intrinsic outer_f32_4x16"));
}

TEST(Tensorize, SeveralBlocksInTheNestAreRefused) {
  Schedule s(matmul_program(8, 32, 5));
  const auto loops = loops_of(s, "C");
  const List i = split(s, loops[0], {{}, 4}), j = split(s, loops[1], {{}, 16});
  s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1], loops[2]})});
  s.apply("decompose_reduction", {s.block("C"), loops[2]});
  EXPECT_THAT(
      error_of([&] {
        s.apply("tensorize", {i[1], "outer_f32_4x16"});
      }),
      HasSubstr("the loops from i_1 on do not stand directly around one block: in loop j_1 stands more "
                "than one statement; separate the blocks (decompose_reduction, compute_at), or take a "
                "loop further in"));
}

// Intrinsics of one's own.

}  // namespace
}  // namespace tw::schedule
