// Structural equality and hash.
#include "ir/equal.h"

#include <cmath>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/reducers.h"
#include "ir/text.h"
#include "ir/visit.h"

namespace tw {
namespace {

std::string hex(const Hash128& hash) {
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

bool equal(const char* a, const char* b) {
  const Program x = parse_program(a), y = parse_program(b);
  const bool same = structural_equal(x, y);
  EXPECT_EQ(same, structural_hash(x) == structural_hash(y)) << a << b;
  EXPECT_EQ(same, structural_equal(y, x));
  return same;
}

TEST(Equality, IsBlindToNamesAndBlockNumbers) {
  EXPECT_TRUE(
      equal("program f(n: size, A: out float32[n]):\n  for i in n:\n    block B#1(v: spatial(n) = i):\n"
            "      writes A[v]\n      A[v] = 1.0f32\n",
            "program g(m: size, C: out float32[m]):\n  for j in m:\n    block D#2(w: spatial(m) = j):\n"
            "      writes C[w]\n      C[w] = 1.0f32\n"));
}

TEST(Equality, TellsNamesApartByWhatTheyStandFor) {
  const char* a =
      "program f(A: out float32[4, 4]):\n  for i in 4:\n    for j in 4:\n      A[i, j] = 1.0f32\n";
  EXPECT_FALSE(
      equal(a, "program f(A: out float32[4, 4]):\n  for i in 4:\n    for j in 4:\n      A[j, i] = 1.0f32\n"));
  EXPECT_FALSE(
      equal(a, "program f(A: out float32[4, 4]):\n  for i in 4:\n    for j in 4:\n      A[i, i] = 1.0f32\n"));
}

TEST(Equality, SeesEveryField) {
  const char* a = "program f(A: out float32[4]):\n  A[0] = 1.0f32\n";
  for (const char* b : {"program f(A: inout float32[4]):\n  A[0] = 1.0f32\n",
                        "program f(A: out float32[5]):\n  A[0] = 1.0f32\n",
                        "program f(A: out float32[4] align 64):\n  A[0] = 1.0f32\n",
                        "program f(A: out float32[4] strides [1]):\n  A[0] = 1.0f32\n",
                        "program f(A: out shared float32[4]):\n  A[0] = 1.0f32\n",
                        "program f(A: out float32[4]) {x = 1}:\n  A[0] = 1.0f32\n",
                        "program f(A: out float32[4]):\n  atomic A[0] = 1.0f32\n",
                        "program f(A: out float32[4]):\n  A[0 where true] = 1.0f32\n",
                        "program f(A: out float32[4]):\n  A[1] = 1.0f32\n",
                        "program f(A: out float32[4]):\n  seq:\n    A[0] = 1.0f32\n",
                        "program f(A: out float32[4]):\n  A[0] = -1.0f32\n"})
    EXPECT_FALSE(equal(a, b)) << b;
}

TEST(Equality, OfFloatsIsThatOfBits) {
  const auto constant = [](double value) { return make_const(kFloat32, value); };
  EXPECT_FALSE(structural_equal(constant(0.0), constant(-0.0)));
  EXPECT_TRUE(structural_equal(constant(NAN), constant(-NAN)));
  EXPECT_FALSE(structural_equal(constant(1), make_const(kFloat64, 1.0)));
}

TEST(Equality, OfAnnotationsIsThatOfBitsToo) {
  const auto annotated = [](AttrValue value) { return Attr::make("key", std::move(value), Seq::make({})); };
  EXPECT_TRUE(structural_equal(annotated(double{NAN}), annotated(double{NAN})));
  EXPECT_FALSE(structural_equal(annotated(0.0), annotated(-0.0)));
  EXPECT_FALSE(structural_equal(annotated(int64_t{1}), annotated(1.0)));
  EXPECT_TRUE(structural_equal(annotated("text"), annotated("text")));
}

TEST(Equality, FreeNamesAreTheSameObjectsOrMatched) {
  const Var i("i"), j("j"), f("f", kInt32), bounded = Variable::make("n", kIndex, 0, 7);
  EXPECT_TRUE(structural_equal(i + 1, i + 1));
  EXPECT_FALSE(structural_equal(i + 1, j + 1));
  EXPECT_TRUE(structural_equal(i + 1, j + 1, FreeNames::kMatched));
  EXPECT_FALSE(structural_equal(i + j, j + j, FreeNames::kMatched));
  EXPECT_FALSE(structural_equal(j + j, i + j, FreeNames::kMatched));
  EXPECT_TRUE(structural_equal(i + j, j + i, FreeNames::kMatched));
  EXPECT_FALSE(structural_equal(i, f, FreeNames::kMatched));
  EXPECT_FALSE(structural_equal(i, bounded, FreeNames::kMatched));
  const Buffer a = BufferNode::make("A", kFloat32, {4}), b = BufferNode::make("B", kFloat32, {4}),
               c = BufferNode::make("C", kFloat32, {5});
  EXPECT_FALSE(structural_equal(Load::make(a, {i}), Load::make(b, {i})));
  EXPECT_TRUE(structural_equal(Load::make(a, {i}), Load::make(b, {i}), FreeNames::kMatched));
  EXPECT_FALSE(structural_equal(Load::make(a, {i}), Load::make(c, {i}), FreeNames::kMatched));
}

TEST(Equality, AFreeNameIsNoBoundOne) {
  const Var i("i"), j("j");
  const Buffer a = BufferNode::make("A", kInt64, {4});
  const auto loop = [&](const Var& var, const Var& used) {
    return For::make(var, 4, Store::make(a, {used}, make_zero(kInt64)));
  };
  EXPECT_TRUE(structural_equal(loop(i, i), loop(j, j)));
  EXPECT_FALSE(structural_equal(loop(i, i), loop(j, i)));
  EXPECT_FALSE(structural_equal(loop(i, j), loop(i, i)));
}

TEST(Equality, ASharedReducerEqualsTwoAlike) {
  const auto sum = [](const Reducer& reducer, int64_t extent) {
    const Var k("k");
    return Reduce::make(reducer, {{k, 0, extent}}, {cast(kInt64, k)});
  };
  const Reducer shared = known_reducer("sum", kInt64);
  const Expr a = sum(shared, 3) + sum(shared, 4);
  const Expr b = sum(known_reducer("sum", kInt64), 3) + sum(known_reducer("sum", kInt64), 4);
  EXPECT_TRUE(structural_equal(a, b));
  EXPECT_TRUE(structural_equal(b, a));
  EXPECT_EQ(structural_hash(a), structural_hash(b));
  const Expr once = sum(shared, 3);
  EXPECT_TRUE(structural_equal(once + once, sum(shared, 3) + sum(shared, 3)));
  EXPECT_EQ(structural_hash(once + once), structural_hash(sum(shared, 3) + sum(shared, 3)));
}

TEST(Hash, IsPinned) {
  // These values may change only together with the shape of the tree that they are hashes of.
  const Var i("i");
  EXPECT_EQ(hex(structural_hash(Expr(5))), "c25262091afa39e95eb81590b2f2cba6");
  EXPECT_EQ(hex(structural_hash(i * 4 + 1)), "cb8fdcf1badaef3aad47588ea1304f88");
  EXPECT_EQ(hex(structural_hash(make_const(kBFloat16, 1.5))), "660b5fb63e52062292c23a8c76dc3b57");
  EXPECT_EQ(hex(structural_hash(parse_program("program f(n: shape in [1, 512], A: in float32[n], C: out "
                                              "float32[1] align 64) {note = \"x\", w = 0.5f64}:\n"
                                              "  for k in n {unroll = 4}:\n"
                                              "    block C#0(vk: reduce(n) = k) where k < n:\n"
                                              "      reads A[vk]\n"
                                              "      writes C[0]\n"
                                              "      reducer sum(float32)\n"
                                              "      init:\n"
                                              "        C[0] = 0.0f32\n"
                                              "      C[0] = C[0] + A[vk]\n"))),
            "1d59b40620952f3f361b45380523884a");
}

}  // namespace
}  // namespace tw
