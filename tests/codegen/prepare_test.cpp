// Programs cut into what constants alone decide, and the rest.
#include "codegen/prepare.h"

#include <cstring>

#include <gmock/gmock.h>

#include "ir/interpret.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "schedule/fixtures.h"

namespace tw::codegen {
namespace {

using testing::HasSubstr;
using testing::Not;

const char* const kPacked = R"(
program f(W: const float32[6, 8], A: in float32[6], C: out float32[8], t: param in [1, 8] = 4):
  allocate rows: float32[6, 8]
  allocate packed: local float32[2, 6, 4]
  allocate sums: float32[8]
  for i in 6:
    for j in 8:
      block rows#0(vi: spatial(6) = i, vj: spatial(8) = j):
        reads W[vi, vj]
        writes rows[vi, vj]
        rows[vi, vj] = W[vi, vj] * 2.0f32
  for i_1 in parallel(2):
    for k in 6:
      for j_1 in 4:
        block packed#1(vi_1: spatial(2) = i_1, vk: spatial(6) = k, vj_1: spatial(4) = j_1):
          reads rows[vk, vi_1 * 4 + vj_1]
          writes packed[vi_1, vk, vj_1]
          packed[vi_1, vk, vj_1] = rows[vk, vi_1 * 4 + vj_1]
  for j_2 in 8:
    for k_1 in 6:
      block sums#2(vj_2: spatial(8) = j_2, vk_1: reduce(6) = k_1):
        reads A[vk_1], packed[vj_2 // 4, vk_1, vj_2 % 4]
        writes sums[vj_2]
        reducer sum(float32)
        init:
          sums[vj_2] = 0.0f32
        sums[vj_2] = sums[vj_2] + A[vk_1] * packed[vj_2 // 4, vk_1, vj_2 % 4]
  for j_3 in 8:
    block C#3(vj_3: spatial(8) = j_3):
      reads sums[vj_3]
      writes C[vj_3]
      C[vj_3] = sums[vj_3] + 1.0f32
)";

Argument argument(std::vector<float>& values, std::vector<int64_t> shape) {
  return ArrayView{values.data(), kFloat32, std::move(shape), {}};
}

TEST(SplitConstants, TakesWhatConstantsDecide) {
  const Program program = parse_program(kPacked);
  const auto split = split_constants(program);
  ASSERT_TRUE(split.has_value());
  verify(split->prepare, Stage::kSchedule);
  verify(split->run, Stage::kSchedule);
  const std::string prepare = to_text(split->prepare), run = to_text(split->run);
  EXPECT_THAT(prepare, HasSubstr("program f_prepare(W: in float32[6, 8], packed: out float32[2, 6, 4]):"));
  EXPECT_THAT(prepare, HasSubstr("allocate rows"));
  EXPECT_THAT(run, HasSubstr("program f(packed: const float32[2, 6, 4], A: in float32[6], C: out "));
  EXPECT_THAT(run, Not(HasSubstr("rows")));

  std::vector<float> w(48), a(6), c(8), expected(8), packed(48);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i % 7) - 3;
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i) - 2;
  const std::vector<Argument> whole = {argument(w, {6, 8}), argument(a, {6}), argument(expected, {8})};
  interpret(program, whole);
  const std::vector<Argument> before = {argument(w, {6, 8}), argument(packed, {2, 6, 4})};
  interpret(split->prepare, before);
  const std::vector<Argument> after = {argument(packed, {2, 6, 4}), argument(a, {6}), argument(c, {8})};
  interpret(split->run, after);
  EXPECT_EQ(c, expected);
}

TEST(SplitConstants, KeepsAConstantThatIsReadAsItIs) {
  std::string text = kPacked;
  text.replace(text.find("+ A[vk_1] * packed"), 9, "+ A[vk_1] * W[vk_1, 0]");
  text.replace(text.find("reads A[vk_1]"), 13, "reads A[vk_1], W[vk_1, 0]");
  const auto split = split_constants(parse_program(text));
  ASSERT_TRUE(split.has_value());
  EXPECT_THAT(to_text(split->run), HasSubstr("program f(packed: const float32[2, 6, 4], W: const"));
}

TEST(SplitConstants, LeavesWhatInputsOrSizesDecide) {
  std::string with_input = kPacked;
  with_input.replace(with_input.find("W[vi, vj] * 2.0f32"), 18, "W[vi, vj] * A[vi]");
  with_input.replace(with_input.find("reads W[vi, vj]"), 15, "reads W[vi, vj], A[vi]");
  EXPECT_FALSE(split_constants(parse_program(with_input)).has_value());
  std::string with_size = kPacked;
  with_size.replace(with_size.find("allocate rows: float32[6, 8]"), 28, "allocate rows: float32[6, t * 8]");
  EXPECT_FALSE(split_constants(parse_program(with_size)).has_value());
  std::string no_constant = kPacked;
  no_constant.replace(no_constant.find("W: const"), 8, "W: in");
  EXPECT_FALSE(split_constants(parse_program(no_constant)).has_value());
}

TEST(SplitConstants, LeavesWhatDependsOnNothingWhereThereIsNoConstant) {
  EXPECT_FALSE(split_constants(parse_program(R"(program f(A: in float32[4], B: out float32[4]):
  allocate zero: float32[4]
  for i in 4:
    block zero#0(vi: spatial(4) = i):
      writes zero[vi]
      zero[vi] = 0.0f32
  for j in 4:
    block B#1(vj: spatial(4) = j):
      reads zero[vj], A[vj]
      writes B[vj]
      B[vj] = zero[vj] + A[vj]
)"))
                   .has_value());
}

}  // namespace
}  // namespace tw::codegen
