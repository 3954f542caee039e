// tensorize: schedules that end in tensor intrinsics compute what they did.
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
using testing::Not;
using Point = std::vector<Var>;

List list_of(const Value& value) {
  return *value.get_if<List>();
}

te::Value multiple(const char* name, int64_t of) {
  return Expr(te::var(name, 1, kNoMax, of));
}

// The fp32 outer product.

TEST(Tensorize, AMatrixProductInRegisterTiles) {
  Schedule s(matmul_program(28, 96, 7));
  const Value loop = tiled(s, 14, 32);
  const Value block = s.apply("tensorize", {loop, "outer_f32_14x32"}).front();
  EXPECT_EQ(s.name_of(block), "C");
  EXPECT_EQ(text_of(s), R"(program matmul(A: in float32[28, 7], B: in float32[7, 96], C: out float32[28, 96]):
  for i_0 in 2:
    for j_0 in 3:
      for k in 7:
        block C#1(vi: spatial(2) = i_0, vj: spatial(3) = j_0, vk: reduce(7) = k):
          reads A[vi * 14:+14, vk], B[vk, vj * 32:+32]
          writes C[vi * 14:+14, vj * 32:+32]
          reducer sum(float32)
          init:
            for i in 14:
              for j in 32:
                C[vi * 14 + i, vj * 32 + j] = 0.0f32
          call outer_f32_14x32(A[vi * 14:+14, vk], B[vk, vj * 32:+32], C[vi * 14:+14, vj * 32:+32])
)");
  expect_same_meaning(s);
}

TEST(Tensorize, TheInitIsDecomposedBeforeOrAfter) {
  for (const bool before : {true, false}) {
    Schedule s(matmul_program(8, 32, 5));
    const Value loop = tiled(s, 4, 16);
    const auto around = loops_of(s, "C");
    if (before) s.apply("decompose_reduction", {s.block("C"), around[2]});
    s.apply("tensorize", {loop, "outer_f32_4x16"});
    if (!before) s.apply("decompose_reduction", {s.block("C"), around[2]});
    EXPECT_THAT(text_of(s), AllOf(HasSubstr("block C_init"), HasSubstr("call outer_f32_4x16")));
    EXPECT_THAT(text_of(s), Not(HasSubstr("init:")));
    expect_same_meaning(s);
  }
}

TEST(Tensorize, TheLoopsOfTheTileStandInAnyOrderAndInPieces) {
  Schedule s(matmul_program(8, 32, 5));
  const auto loops = loops_of(s, "C");
  const List i = split(s, loops[0], {{}, 2, 2}), j = split(s, loops[1], {{}, 16});
  s.apply("reorder", {Value(List{i[0], loops[2], j[0], i[2], j[1], i[1]})});
  s.apply("tensorize", {i[2], "outer_f32_4x16"});
  EXPECT_THAT(text_of(s), HasSubstr("call outer_f32_4x16(A[vi * 4:+4, vk], B[vk, vj * 16:+16]"));
  expect_same_meaning(s);
}

TEST(Tensorize, AFusedTileFallsIntoItsAxes) {
  Schedule s(matmul_program(8, 32, 5));
  const Value loop = tiled(s, 4, 16);
  const auto loops = loops_of(s, "C");
  const Value fused = s.apply("fuse", {Value(List{loop, loops[4]})}).front();
  s.apply("tensorize", {fused, "outer_f32_4x16"});
  expect_same_meaning(s);
}

TEST(Tensorize, OperandsOfCommutativeOperatorsStandInEitherOrder) {
  const auto a = te::placeholder({8, 5}, kFloat32, "A"), b = te::placeholder({5, 32}, kFloat32, "B");
  const ReduceAxis k = te::reduce_axis(5, "k");
  Schedule s(te::first_program({te::compute({8, 32},
                                            [&](const Point& p) -> te::Value {
                                              return te::sum(te::multiply(b({k, p[1]}), a({p[0], k})), {k});
                                            },
                                            "C", {"i", "j"})}));
  s.apply("tensorize", {tiled(s, 4, 16), "outer_f32_4x16"});
  EXPECT_THAT(text_of(s), HasSubstr("call outer_f32_4x16(A["));
  expect_same_meaning(s);
}

TEST(Tensorize, SizesThatAreMultiplesOfTheTileMayBeSymbolic) {
  Schedule s(matmul_program(multiple("n", 4), multiple("m", 16), te::Value(Expr(te::var("k", 1)))));
  s.apply("tensorize", {tiled(s, 4, 16), "outer_f32_4x16"});
  for (const auto& [n, m, k] : {std::tuple{4, 16, 1}, {12, 48, 3}, {20, 16, 7}})
    expect_same_meaning(s, {{"n", n}, {"m", m}, {"k", k}});
}

/// The packed product whose cache blocks are parameters: panels of A of 4 rows, of B of 16 columns.
Schedule packed_product() {
  Schedule s(matmul_program(multiple("n", 4), multiple("m", 16), te::Value(Expr(te::var("k", 1)))));
  const auto loops = loops_of(s, "C");
  const List i = split(s, loops[0], {{}, Tunable{"mc", 4, 64, 4, 8}});
  const List ii = split(s, i[1], {{}, 4});
  const List j = split(s, loops[1], {{}, Tunable{"nc", 16, 64, 16, 32}});
  const List jj = split(s, j[1], {{}, 16});
  const List k = split(s, loops[2], {{}, Tunable{"kc", 1, 64, 1, 3}});
  s.apply("reorder", {Value(List{j[0], k[0], i[0], jj[0], ii[0], k[1], ii[1], jj[1]})});
  const Value b = s.apply("cache_read", {s.block("C"), "B", "global"}).front();
  s.apply("transform_layout", {"B_global", "(k, j) -> (j // 16, k, j % 16)"});
  s.apply("compute_at", {b, k[0]});
  const Value a = s.apply("cache_read", {s.block("C"), "A", "global"}).front();
  s.apply("transform_layout", {"A_global", "(i, k) -> (i // 4, k, i % 4)"});
  s.apply("compute_at", {a, i[0]});
  s.apply("tensorize", {ii[1], "outer_f32_4x16"});
  return s;
}

TEST(Tensorize, APackedProductWithParametricCacheBlocks) {
  const Schedule s = packed_product();
  EXPECT_THAT(text_of(s), HasSubstr("call outer_f32_4x16(A_global[vi, vk, 0:+4], B_global[vj, vk, 0:+16], "
                                    "C[vi * 4:+4, vj * 16:+16])"));
  for (const int64_t mc : {4, 12, 64})
    for (const int64_t kc : {1, 5})
      for (const auto& [n, m, k] : {std::tuple{4, 16, 1}, {20, 48, 7}, {36, 112, 11}})
        expect_same_meaning(s, {{"n", n}, {"m", m}, {"k", k}, {"mc", mc}, {"nc", 48}, {"kc", kc}});
}

TEST(Tensorize, AConditionThatCutsTilesIsRefused) {
  Schedule s(matmul_program(30, 32, 5));
  const Value loop = tiled(s, 4, 16);
  EXPECT_THAT(
      error_of([&] {
        s.apply("tensorize", {loop, "outer_f32_4x16"});
      }),
      AllOf(HasSubstr("tensorize(i_1, 'outer_f32_4x16'): block C runs only where"),
            HasSubstr("which may leave out a part of a tile of 4 points of axis vi; an intrinsic computes "
                      "whole tiles. Cut the loop around the tile into whole tiles and a rest with "
                      "loop_partition, take sizes and parameters that are multiples of 4, or pad in the "
                      "expression")));
}

TEST(Tensorize, TilesOfAnEmptyProductAreNone) {
  Schedule s(matmul_program(te::Value(Expr(te::var("n", 0, kNoMax, 4))), 16, 3));
  s.apply("tensorize", {tiled(s, 4, 16), "outer_f32_4x16"});
  expect_same_meaning(s, {{"n", 0}});
  expect_same_meaning(s, {{"n", 8}});
}

TEST(Tensorize, WholeTilesAndARest) {
  for (const int64_t n : {1, 4, 30}) {
    Schedule s(matmul_program(te::Value(Expr(te::var("n", 1))), 32, 5));
    const Value loop = tiled(s, 4, 16);
    s.apply("loop_partition", {loops_of(s, "C")[0], Value(List{{}, 1})});
    s.apply("tensorize", {loop, "outer_f32_4x16"});
    EXPECT_THAT(text_of(s), AllOf(HasSubstr("call outer_f32_4x16"), HasSubstr("block C_1")));
    expect_same_meaning(s, {{"n", n}});
  }
}

TEST(Tensorize, TilesThatDoNotBeginAtMultiples) {
  Schedule s(matmul_program(19, 32, 5));
  const auto loops = loops_of(s, "C");
  const List j = split(s, loops[1], {{}, 16});
  s.apply("reorder", {Value(List{j[0], loops[2], loops[0], j[1]})});
  const List parts = list_of(s.apply("loop_partition", {loops[0], Value(List{3, {}})}).front());
  const List i = split(s, parts[1], {{}, 4});
  s.apply("tensorize", {i[1], "outer_f32_4x16"});
  EXPECT_THAT(text_of(s), HasSubstr("call outer_f32_4x16(A[vi_1:+4, vk_1]"));
  expect_same_meaning(s);
}

TEST(Tensorize, BothSidesOfADifferenceAreShown) {
  const auto a = te::placeholder({32}, kFloat32, "A");
  const auto b = te::placeholder({16}, kFloat32, "B");
  const ReduceAxis k = te::reduce_axis(3, "k");
  const auto w = te::placeholder({3}, kFloat32, "W");
  const auto t =
      te::compute({16, 16},
                  [&](const Point& p) -> te::Value {
                    return te::sum(te::multiply(te::multiply(a({te::add(p[0], k)}), w({k})), b({p[1]})), {k});
                  },
                  "T", {"i", "j"});
  Schedule s(te::first_program({t}));
  const auto loops = loops_of(s, "T");
  const List i = split(s, loops[0], {{}, 4});
  s.apply("reorder", {Value(List{i[0], loops[2], i[1], loops[1]})});
  const std::string message = error_of([&] { s.apply("tensorize", {i[1], "outer_f32_4x16"}); });
  EXPECT_THAT(message, HasSubstr("block T does not compute what intrinsic outer_f32_4x16 does\n"
                                 "  intrinsic: C[i, j] = C[i, j] + A[i] * B[j]\n"
                                 "  block T:   T[vi, vj] = T[vi, vj] + A[vi + vk] * W[vk] * B[vj]\n"
                                 "where the intrinsic has A[i], the block has A[vi + vk] * W[vk]"));
}

// bfloat16 pairs and int8 quads.

TEST(Tensorize, Bfloat16PairsFromAVnniLayout) {
  Schedule s(product(3, multiple("m", 16), multiple("k", 2), kBFloat16, kBFloat16, kFloat32));
  s.apply("transform_layout", {"B", "(k, j) -> (k // 2, j // 16, j % 16, k % 2)"});
  const auto loops = loops_of(s, "C");
  const List j = split(s, loops[1], {{}, 16}), k = split(s, loops[2], {{}, 2});
  s.apply("reorder", {Value(List{loops[0], j[0], k[0], j[1], k[1]})});
  s.apply("tensorize", {j[1], "dot_bf16_16x2"});
  EXPECT_THAT(text_of(s), HasSubstr("call dot_bf16_16x2(A[vi_2, vk * 2:+2], B[vk, vj_2, 0:+16, 0:+2], "
                                    "C[vi_2, vj_2 * 16:+16])"));
  // It flushes subnormal numbers, and says so where rewrites do.
  EXPECT_THAT(text_of(s), HasSubstr("rewrites = \"tensorize(dot_bf16_16x2): "));
  expect_same_meaning(s, {{"m", 16}, {"k", 2}});
  expect_same_meaning(s, {{"m", 48}, {"k", 14}});
}

TEST(Tensorize, Int8QuadsFromACachedCopy) {
  Schedule s(product(5, 32, 12, kUInt8, kInt8, kInt32));
  const auto loops = loops_of(s, "C");
  s.apply("cache_read", {s.block("C"), "B", "global"});
  s.apply("transform_layout", {"B_global", "(k, j) -> (k // 4, j, k % 4)"});
  const List j = split(s, loops[1], {{}, 16}), k = split(s, loops[2], {{}, 4});
  s.apply("reorder", {Value(List{loops[0], j[0], k[0], j[1], k[1]})});
  s.apply("tensorize", {j[1], "dot_u8s8_16x4"});
  EXPECT_THAT(text_of(s), HasSubstr("call dot_u8s8_16x4(A[vi_2, vk * 4:+4], B_global[vk, vj_2 * 16:+16, "
                                    "0:+4], C[vi_2, vj_2 * 16:+16])"));
  expect_same_meaning(s);
}

/// C[i] = sum over 4 of A[i, k], begun anew.
const Intrinsic& row_sums() {
  const auto a = te::placeholder({8, 4}, kFloat32, "A");
  const ReduceAxis k = te::reduce_axis(4, "k");
  Intrinsic intrinsic;
  intrinsic.name = "test.row_sums";
  intrinsic.output = te::compute({8},
                                 [&](const Point& p) -> te::Value {
                                   return te::sum(a({p[0], k}), {k});
                                 },
                                 "C", {"i"});
  return declare_intrinsic(std::move(intrinsic));
}

Program row_sum_program(int64_t columns) {
  const auto x = te::placeholder({16, columns}, kFloat32, "X");
  const ReduceAxis k = te::reduce_axis(columns, "k");
  return te::first_program({te::compute({16},
                                        [&](const Point& p) -> te::Value {
                                          return te::sum(x({p[0], k}), {k});
                                        },
                                        "Y", {"i"})});
}

TEST(Tensorize, AWholeReductionTakesItsInitAlong) {
  row_sums();
  Schedule s(row_sum_program(4));
  const List i = split(s, loops_of(s, "Y")[0], {{}, 8});
  s.apply("tensorize", {i[1], "test.row_sums"});
  EXPECT_THAT(text_of(s), AllOf(HasSubstr("block Y#1(vi: spatial(2) = i_0):"),
                                HasSubstr("call test.row_sums(X[vi * 8:+8, 0:+4], Y[vi * 8:+8])"),
                                Not(HasSubstr("init:"))));
  expect_same_meaning(s);
}

TEST(Tensorize, APartOfAReductionDoesNotBeginAnew) {
  row_sums();
  Schedule s(row_sum_program(12));
  const auto loops = loops_of(s, "Y");
  const List i = split(s, loops[0], {{}, 8}), k = split(s, loops[1], {{}, 4});
  s.apply("reorder", {Value(List{i[0], k[0], i[1], k[1]})});
  EXPECT_THAT(
      error_of([&] {
        s.apply("tensorize", {i[1], "test.row_sums"});
      }),
      HasSubstr("intrinsic test.row_sums computes a whole reduction, and a tile of block Y has 4 of the "
                "12 points of axis vk: take one that accumulates, or put the whole axis into the tile"));
  s.apply("decompose_reduction", {s.block("Y"), k[0]});
  EXPECT_THAT(error_of([&] {
                s.apply("tensorize", {i[1], "test.row_sums"});
              }),
              HasSubstr("intrinsic test.row_sums sets its output and block Y adds to what is there"));
}

TEST(Tensorize, AnotherReducerIsExplained) {
  const auto x = te::placeholder({16, 4}, kFloat32, "X");
  const ReduceAxis k = te::reduce_axis(4, "k");
  row_sums();
  Schedule s(te::first_program({te::compute({16},
                                            [&](const Point& p) -> te::Value {
                                              return te::max(x({p[0], k}), {k});
                                            },
                                            "Y", {"i"})}));
  const List i = split(s, loops_of(s, "Y")[0], {{}, 8});
  EXPECT_THAT(error_of([&] {
                s.apply("tensorize", {i[1], "test.row_sums"});
              }),
              HasSubstr("intrinsic test.row_sums reduces by sum, and block Y by max"));
}

TEST(Tensorize, AlignmentIsBroughtAboutWhereTheProgramOwnsTheBuffer) {
  const auto x = te::placeholder({8}, kFloat32, "X");
  Intrinsic intrinsic;
  intrinsic.name = "test.aligned_copy";
  intrinsic.output = te::compute({8}, [&](const Point& p) -> te::Value { return x({p[0]}); }, "Y", {"i"});
  intrinsic.operands = {{.alignment = 32}, {}};
  declare_intrinsic(std::move(intrinsic));
  Schedule s(chain_program(4, 16));
  const auto loops = loops_of(s, "scaled");
  const Value block = s.apply("cache_read", {s.block("scaled"), "shifted", "local"}).front();
  const List j = split(s, s.loops(*block.get_if<BlockRef>())[1], {{}, 8});
  s.apply("tensorize", {j[1], "test.aligned_copy"});
  EXPECT_THAT(text_of(s), HasSubstr("allocate shifted: float32[4, 16] align 32"));
  expect_same_meaning(s);
  Schedule odd(chain_program(4, 24));
  const Value copy = odd.apply("cache_read", {odd.block("shifted"), "A", "local"}).front();
  const List k = split(odd, odd.loops(*copy.get_if<BlockRef>())[1], {{}, 8});
  EXPECT_THAT(
      error_of([&] {
        odd.apply("tensorize", {k[1], "test.aligned_copy"});
      }),
      HasSubstr("operand X of intrinsic test.aligned_copy begins at a multiple of 32 bytes, and A is the "
                "caller's and promises 4; cache_read gives a copy that is aligned"));
}

}  // namespace
}  // namespace tw::schedule
