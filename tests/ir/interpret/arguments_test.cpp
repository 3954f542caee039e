// What the caller passes: shapes, strides, sizes, and what does not fit.
#include <cstring>

#include "ir/interpret/run_program.h"

namespace tw::interpret_tests {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kCopy =
    R"(program copy(n: shape in [1, 100] multiple_of 2, X: in float32[n, 3], Y: out float32[n, 3]):
  for i in n:
    for j in 3:
      Y[i, j] = X[i, j]
)";

TEST(Arguments, ShapesAreKnownFromArguments) {
  Array x(kFloat32, {4, 3}, scrambled), y(kFloat32, {4, 3});
  run(kCopy, {x, y});
  EXPECT_EQ(y.values(), x.values());
}

TEST(Arguments, ShapesMustAgree) {
  Array x(kFloat32, {4, 3}), y(kFloat32, {6, 3}), odd(kFloat32, {3, 3}), large(kFloat32, {102, 3}),
      wide(kFloat32, {4, 4});
  EXPECT_THAT(error_of(kCopy, {x, y}),
              HasSubstr("dimension 0 of argument 1 ('Y') gives n = 6, but dimension 0 of argument 0 "
                        "('X') gives 4; program 'copy' takes (X, Y)"));
  EXPECT_THAT(error_of(kCopy, {odd, odd}), HasSubstr("gives n = 3, which is not a multiple of 2"));
  EXPECT_THAT(error_of(kCopy, {large, large}), HasSubstr("gives n = 102, which is not in [1, 100]"));
  EXPECT_THAT(error_of(kCopy, {x, wide}), HasSubstr("dimension 1 of argument 1 ('Y') is 4; 3 is needed"));
}

TEST(Arguments, TypesRanksAndNumberMustFit) {
  Array x(kFloat32, {4, 3}), y(kFloat64, {4, 3}), flat(kFloat32, {12});
  EXPECT_THAT(error_of(kCopy, {x}), HasSubstr("1 arguments are given, 2 are needed"));
  EXPECT_THAT(error_of(kCopy, {x, y}), HasSubstr("argument 1 ('Y') has type float64; float32 is needed"));
  EXPECT_THAT(error_of(kCopy, {flat, x}),
              HasSubstr("argument 0 ('X') has rank 1 (shape [12]); rank 2 is needed"));
  EXPECT_THAT(error_of(kCopy, {3, x}), HasSubstr("argument 0 ('X') is an integer; an array is needed"));
  EXPECT_THAT(error_of("program p(n: size, Y: out int32[n]):\n  pass\n", {x, x}),
              HasSubstr("argument 0 ('n') is an array; an integer is needed"));
  ArrayView nothing{nullptr, kFloat32, {4, 3}, {}};
  EXPECT_THAT(error_of(kCopy, {nothing, x}), HasSubstr("argument 0 ('X') has no memory"));
  ArrayView negative = x.view();
  negative.shape[0] = -2;
  EXPECT_THAT(error_of(kCopy, {negative, x}), HasSubstr("argument 0 ('X') has the negative extent -2"));
}

TEST(Arguments, ExtentsMayBeExpressions) {
  const std::string text = R"(program p(n: size, X: in int32[n * 2 + 1], Y: out int32[(n + 1) // 2]):
  for i in (n + 1) // 2:
    Y[i] = X[i * 4]
)";
  Array x(kInt32, {11}, scrambled), y(kInt32, {3});
  run(text, {5, x, y});
  EXPECT_THAT(y.values(), ElementsAre(x[0], x[4], x[8]));
  EXPECT_THAT(error_of(text, {4, x, y}), HasSubstr("dimension 0 of argument 1 ('X') is 11; 9 is needed"));
}

TEST(Arguments, AShapeThatNothingShowsIsAnError) {
  Array x(kInt32, {4});
  EXPECT_THAT(error_of("program p(n: shape, X: inout int32[n * 2]):\n  pass\n", {x}),
              HasSubstr("no argument's shape shows 'n' of program 'p'; make it a size"));
}

TEST(Arguments, ViewsMayHaveAnyStrides) {
  Array x(kFloat32, {4, 3}, scrambled), y(kFloat32, {4, 3});
  ArrayView reversed = x.view();
  reversed.data = x.as<float>() + 11;
  reversed.strides = {-3, -1};
  run(kCopy, {reversed, y});
  for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(y[i], x[11 - i]);

  Array row(kFloat32, {3}, scrambled);
  ArrayView repeated{row.as<float>(), kFloat32, {4, 3}, {0, 1}};
  run(kCopy, {repeated, y});
  for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(y[i], row[i % 3]);

  Array wide(kFloat32, {4, 6}, [](int64_t) { return -1.0; });
  ArrayView columns{wide.as<float>() + 1, kFloat32, {4, 3}, {6, 2}};
  run(kCopy, {x, columns});
  for (int64_t i = 0; i < 24; ++i) EXPECT_EQ(wide[i], i % 2 ? x[i / 6 * 3 + i % 6 / 2] : -1);
}

TEST(Arguments, UnalignedMemoryIsRead) {
  std::vector<std::byte> memory(12 * 4 + 1);
  Array x(kFloat32, {4, 3}, scrambled), y(kFloat32, {4, 3});
  std::memcpy(memory.data() + 1, x.as<float>(), 48);
  run(kCopy, {ArrayView{memory.data() + 1, kFloat32, {4, 3}, {}}, y});
  EXPECT_EQ(y.values(), x.values());
}

TEST(Arguments, StridesThatTheProgramGivesMustFit) {
  const std::string text = R"(program p(ld: size, X: in float32[2, 3] strides [ld, 1], Y: out float32[2, 3]):
  for i in 2:
    for j in 3:
      Y[i, j] = X[i, j]
)";
  Array x(kFloat32, {2, 5}, scrambled), y(kFloat32, {2, 3});
  ArrayView view{x.as<float>(), kFloat32, {2, 3}, {5, 1}};
  run(text, {5, view, y});
  EXPECT_THAT(y.values(), ElementsAre(x[0], x[1], x[2], x[5], x[6], x[7]));
  EXPECT_THAT(error_of(text, {4, view, y}),
              HasSubstr("dimension 0 of argument 1 ('X') has stride 5; 4 is needed"));
}

TEST(Arguments, OutputsOverlapNothing) {
  Array x(kFloat32, {8, 3}, scrambled), y(kFloat32, {4, 3});
  ArrayView low = x.view(), high = x.view();
  low.shape = high.shape = {4, 3};
  high.data = x.as<float>() + 9;
  EXPECT_THAT(error_of(kCopy, {low, high}),
              HasSubstr("argument 1 ('Y'), which is written, shares memory with argument 0 ('X')"));
  high.data = x.as<float>() + 12;
  run(kCopy, {low, high});
  ArrayView even{x.as<float>(), kFloat32, {4, 3}, {6, 2}}, odd{x.as<float>() + 1, kFloat32, {4, 3}, {6, 2}};
  run(kCopy, {even, odd});
  ArrayView self{x.as<float>(), kFloat32, {4, 3}, {0, 1}};
  EXPECT_THAT(error_of(kCopy, {y, self}),
              HasSubstr("two elements of argument 1 ('Y'), which is written, share memory"));
}

TEST(Arguments, NothingIsWrittenWhenTheRunFails) {
  Array y(kFloat32, {4}, [](int64_t) { return 5.0; });
  error_of("program p(Y: out float32[4]):\n  for i in 5:\n    Y[i] = 1.0f32\n", {y});
  EXPECT_THAT(y.values(), ElementsAre(5, 5, 5, 5));
}

TEST(Arguments, BoolsAreAnyByteButZero) {
  Array x(kBool, {3}), y(kInt32, {3});
  x.as<uint8_t>()[0] = 2;
  x.as<uint8_t>()[2] = 255;
  run("program p(X: in bool[3], Y: out int32[3]):\n  for i in 3:\n    Y[i] = int32(X[i])\n", {x, y});
  EXPECT_THAT(y.values(), ElementsAre(1, 0, 1));
}

}  // namespace
}  // namespace tw::interpret_tests
