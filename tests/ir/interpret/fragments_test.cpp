// Fragments and tensor intrinsics: a matrix product of 16x8x8 by a warp.
#include "ir/interpret/run_program.h"
#include "ir/text.h"

namespace tw::interpret_tests {
namespace {

using testing::HasSubstr;

/// Declares C[16, 8] += A[16, 8] * B[8, 8], once.
void declare_mma() {
  register_tensor_intrinsic(
      "test.mma_16x8x8",
      parse_program(R"(program mma(C: inout float32[16, 8], A: in float32[16, 8], B: in float32[8, 8]):
  for i in 16:
    for j in 8:
      for k in 8:
        C[i, j] = C[i, j] + A[i, k] * B[k, j]
)"));
}

// The maps of mma.m16n8k8: groups of four lanes hold a row.
const std::string kMapC = " lanes (i, j) -> (i % 8 * 4 + j // 2, i // 8 * 2 + j % 2)";
const std::string kMapA = " lanes (i, k) -> (i % 8 * 4 + k % 4, i // 8 + k // 4 * 2)";
const std::string kMapB = " lanes (k, j) -> (j * 4 + k % 4, k // 4)";

const std::string kFragments = "allocate Cf: fragment float32[16, 8]" + kMapC + "\n";

/// The product of 32x8 by 8x8 by two warps; `fragments` stand inside the loop over warps.
std::string program(const std::string& row = "i * 8 + lane // 4", const std::string& maps_of_a = kMapA) {
  return R"(program p(A: in float32[32, 8], B: in float32[8, 8], C: out float32[32, 8]):
  for warp in bind(threadIdx.y, 2):
    for lane in bind(threadIdx.x, 32):
      allocate Cf: fragment float32[16, 8])" +
         kMapC + R"(
      allocate Af: fragment float32[16, 8])" +
         maps_of_a + R"(
      allocate Bf: fragment float32[8, 8])" +
         kMapB + R"(
      for i in 2:
        for j in 2:
          Cf[)" +
         row + R"(, lane % 4 * 2 + j] = 0.0f32
          Af[i * 8 + lane // 4, j * 4 + lane % 4] = A[warp * 16 + i * 8 + lane // 4, j * 4 + lane % 4]
        Bf[i * 4 + lane % 4, lane // 4] = B[i * 4 + lane % 4, lane // 4]
      call "test.mma_16x8x8"(Cf[0 :+ 16, 0 :+ 8], Af[0 :+ 16, 0 :+ 8], Bf[0 :+ 8, 0 :+ 8])
      for i in 2:
        for j in 2:
          C[warp * 16 + i * 8 + lane // 4, lane % 4 * 2 + j] = Cf[i * 8 + lane // 4, lane % 4 * 2 + j]
)";
}

TEST(Fragments, AWarpComputesAMatrixProductTogether) {
  declare_mma();
  Array a(kFloat32, {32, 8}, scrambled), b(kFloat32, {8, 8}, [](int64_t i) { return scrambled(i + 2); }),
      c(kFloat32, {32, 8});
  run(program(), {a, b, c});
  for (int64_t i = 0; i < 32; ++i)
    for (int64_t j = 0; j < 8; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < 8; ++k) sum += a[i * 8 + k] * b[k * 8 + j];
      EXPECT_EQ(c[i * 8 + j], sum);
    }
}

TEST(Fragments, TheSameWithFragmentsOutsideTheLoopsOverLanes) {
  declare_mma();
  Array a(kFloat32, {16, 8}, scrambled), b(kFloat32, {8, 8}, scrambled), c(kFloat32, {16, 8});
  run(R"(program p(A: in float32[16, 8], B: in float32[8, 8], C: out float32[16, 8]):
  allocate Cf: fragment float32[16, 8])" +
          kMapC + R"(
  for lane in bind(threadIdx.x, 32):
    for i in 2:
      for j in 2:
        Cf[i * 8 + lane // 4, lane % 4 * 2 + j] = 0.0f32
  call "test.mma_16x8x8"(Cf[0 :+ 16, 0 :+ 8], A[0 :+ 16, 0 :+ 8], B[0 :+ 8, 0 :+ 8])
  for lane in bind(threadIdx.x, 32):
    for i in 2:
      for j in 2:
        C[i * 8 + lane // 4, lane % 4 * 2 + j] = Cf[i * 8 + lane // 4, lane % 4 * 2 + j]
)",
      {a, b, c});
  EXPECT_EQ(c[9], a[8] * b[1] + a[9] * b[9] + a[10] * b[17] + a[11] * b[25] + a[12] * b[33] + a[13] * b[41] +
                      a[14] * b[49] + a[15] * b[57]);
}

TEST(Fragments, WithoutLoopsOverLanesEachThreadIsAWarp) {
  declare_mma();
  Array a(kFloat32, {32, 8}, scrambled), b(kFloat32, {8, 8}, scrambled), c(kFloat32, {32, 8});
  run(R"(program p(A: in float32[32, 8], B: in float32[8, 8], C: out float32[32, 8]):
  for warp in bind(threadIdx.y, 2):
    allocate Cf: fragment float32[16, 8])" +
          kMapC + R"(
    for i in 16:
      for j in 8:
        Cf[i, j] = 0.0f32
    call "test.mma_16x8x8"(Cf[0 :+ 16, 0 :+ 8], A[warp * 16 :+ 16, 0 :+ 8], B[0 :+ 8, 0 :+ 8])
    for i in 16:
      for j in 8:
        C[warp * 16 + i, j] = Cf[i, j]
)",
      {a, b, c});
  for (int64_t i = 0; i < 32; ++i)
    for (int64_t j = 0; j < 8; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < 8; ++k) sum += a[i * 8 + k] * b[k * 8 + j];
      EXPECT_EQ(c[i * 8 + j], sum);
    }
}

TEST(Fragments, AnElementOfAnotherLaneIsOutOfReach) {
  declare_mma();
  Array a(kFloat32, {32, 8}, scrambled), b(kFloat32, {8, 8}, scrambled), c(kFloat32, {32, 8});
  const std::string message = error_of(program("i * 8 + 7 - lane // 4"), {a, b, c});
  EXPECT_THAT(
      message,
      HasSubstr(
          "lane 0 accesses an element of fragment 'Cf' that lane 28 owns; only a tensor intrinsic may"));
}

TEST(Fragments, ALaneMapIsInjectiveAndWithinTheWarp) {
  declare_mma();
  Array a(kFloat32, {32, 8}, scrambled), b(kFloat32, {8, 8}, scrambled), c(kFloat32, {32, 8});
  EXPECT_THAT(
      error_of(program("i", " lanes (i, k) -> (i % 8 * 4 + k % 4, i // 8)"), {a, b, c}),
      HasSubstr(
          "the lane map of fragment 'Af' puts two elements into slot 0 of lane 0; it must be injective"));
  EXPECT_THAT(error_of(program("i", " lanes (i, k) -> (i * 4 + k % 4, k)"), {a, b, c}),
              HasSubstr("of lane 32; lanes are 0 to 31 and slots at least 0"));
}

TEST(Fragments, AWarpThatDoesNotMeetAtTheIntrinsicDiverges) {
  declare_mma();
  Array a(kFloat32, {32, 8}, scrambled), b(kFloat32, {8, 8}, scrambled), c(kFloat32, {32, 8});
  std::string text = program();
  text.replace(text.find("      call"), 10, "      if lane < 31:\n        call");
  EXPECT_THAT(error_of(text, {a, b, c}),
              HasSubstr("barrier divergence: thread (30, 0, 0) waits at a tensor intrinsic of the warp, "
                        "but thread (31, 0, 0) of the same warp has ended"));
}

void declare_dot() {
  register_tensor_intrinsic("test.dot4",
                            parse_program(R"(program dot4(C: inout int32[], A: in int8[4], B: in int8[4]):
  for k in 4:
    C[] = C[] + int32(A[k]) * int32(B[k])
)"));
}

TEST(TensorCalls, BoxesMayDropUnitDimensionsAndStandAnywhere) {
  declare_dot();
  Array a(kInt8, {3, 8}, scrambled), b(kInt8, {8, 2}, scrambled), c(kInt32, {3, 2});
  run(R"(program p(A: in int8[3, 8], B: in int8[8, 2], C: out int32[3, 2]):
  for i in parallel(3):
    for j in 2:
      C[i, j] = 0i32
      for k in 2:
        call "test.dot4"(C[i, j], A[i, k * 4 :+ 4], B[k * 4 :+ 4, j])
)",
      {a, b, c});
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = 0; j < 2; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < 8; ++k) sum += a[i * 8 + k] * b[k * 2 + j];
      EXPECT_EQ(c[i * 2 + j], sum);
    }
}

TEST(TensorCalls, OperandsMustFit) {
  declare_dot();
  Array a(kInt8, {8}, scrambled), c(kInt32, {2});
  const auto error = [&](const std::string& call) {
    return error_of("program p(n: size, A: in int8[8], C: inout int32[2]):\n  call " + call + "\n",
                    {3, a, c});
  };
  EXPECT_THAT(error("nothing(C[0])"),
              HasSubstr("tensor intrinsic 'nothing' is not declared; register_tensor_intrinsic"));
  EXPECT_THAT(error("\"test.dot4\"(C[0], A[0 :+ 4])"),
              HasSubstr("tensor intrinsic 'test.dot4' has 3 operands; the call gives 2"));
  EXPECT_THAT(error("\"test.dot4\"(C[0], A[0 :+ 4], C[0 :+ 4])"),
              HasSubstr("operand 'B' of tensor intrinsic 'test.dot4' has type int8; 'C' has int32"));
  EXPECT_THAT(error("\"test.dot4\"(C[0], A[0 :+ 4], A[0 :+ 5])"),
              HasSubstr("is a box whose extents do not fit"));
  EXPECT_THAT(error("\"test.dot4\"(C[0], A[0 :+ 4], A[0 :+ n])"),
              HasSubstr("is a box of extent 3; the intrinsic needs 4"));
  const std::string message = error("\"test.dot4\"(C[0], A[0 :+ 4], A[5 :+ 4])");
  EXPECT_THAT(message, HasSubstr("out-of-bounds read of A[8]"));
  EXPECT_THAT(message, HasSubstr("^ subscript 0 is 8"));
}

TEST(TensorCalls, RacesInThemCount) {
  declare_dot();
  Array a(kInt8, {8}, scrambled), c(kInt32, {2});
  EXPECT_THAT(error_of(R"(program p(A: in int8[8], C: inout int32[2]):
  for i in parallel(2):
    call "test.dot4"(C[0], A[0 :+ 4], A[i * 4 :+ 4])
)",
                       {a, c}),
              HasSubstr("race: C[0] is read here and written in another turn of parallel loop 'i'"));
}

}  // namespace
}  // namespace tw::interpret_tests
