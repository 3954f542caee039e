// Promotion against tables printed by NumPy 2.4 (bfloat16: ml_dtypes 0.6, as `(a + b).dtype`).
#include "te/promote.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "te/expect_error.h"
#include "te/math.h"
#include "te/tensor.h"

namespace tw::te {
namespace {

// Short names: b1 is bool, i index.
DType type_named(const std::string& name) {
  static const std::map<std::string, DType> names = {
      {"b1", kBool},       {"i8", kInt8},     {"i16", kInt16},   {"i32", kInt32},  {"i64", kInt64},
      {"u8", kUInt8},      {"u16", kUInt16},  {"u32", kUInt32},  {"u64", kUInt64}, {"f16", kFloat16},
      {"bf16", kBFloat16}, {"f32", kFloat32}, {"f64", kFloat64}, {"idx", kIndex}};
  return names.at(name);
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> found;
  for (std::string word; stream >> word;) found.push_back(word);
  return found;
}

// The first word of a row promoted with the types of the header.
constexpr const char* kHeader = "b1 i8 i16 i32 i64 u8 u16 u32 u64 f16 f32 f64 bf16 idx";
constexpr const char* kTable[] = {
    "b1   b1 i8 i16 i32 i64 u8 u16 u32 u64 f16 f32 f64 bf16 i64",
    "i8   i8 i8 i16 i32 i64 i16 i32 i64 f64 f16 f32 f64 bf16 i64",
    "i16  i16 i16 i16 i32 i64 i16 i32 i64 f64 f32 f32 f64 f32 i64",
    "i32  i32 i32 i32 i32 i64 i32 i32 i64 f64 f64 f64 f64 f64 i64",
    "i64  i64 i64 i64 i64 i64 i64 i64 i64 f64 f64 f64 f64 f64 i64",
    "u8   u8 i16 i16 i32 i64 u8 u16 u32 u64 f16 f32 f64 bf16 i64",
    "u16  u16 i32 i32 i32 i64 u16 u16 u32 u64 f32 f32 f64 f32 i64",
    "u32  u32 i64 i64 i64 i64 u32 u32 u32 u64 f64 f64 f64 f64 i64",
    "u64  u64 f64 f64 f64 f64 u64 u64 u64 u64 f64 f64 f64 f64 f64",
    "f16  f16 f16 f32 f64 f64 f16 f32 f64 f64 f16 f32 f64 f32 f64",
    "f32  f32 f32 f32 f64 f64 f32 f32 f64 f64 f32 f32 f64 f32 f64",
    "f64  f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64",
    "bf16 bf16 bf16 f32 f64 f64 bf16 f32 f64 f64 f32 f32 f64 bf16 f64",
    "idx  i64 i64 i64 i64 i64 i64 i64 i64 f64 f64 f64 f64 f64 idx",
};

TEST(Promote, FollowsNumPyForEveryPairOfTypes) {
  const auto columns = words(kHeader);
  for (const char* line : kTable) {
    const auto row = words(line);
    for (std::size_t i = 0; i < columns.size(); ++i)
      EXPECT_EQ(to_string(promote(type_named(row[0]), type_named(columns[i]))),
                to_string(type_named(row[i + 1])))
          << row[0] << " with " << columns[i];
  }
}

TEST(Promote, PlainNumbersTakeTheTypeTheyMeet) {
  for (const DType type : kScalarTypes) {
    const bool is_bool = type.is_bool(), is_float = type.is_float();
    EXPECT_EQ(promote(type, Weak::Kind::kBool), type);
    EXPECT_EQ(promote(type, Weak::Kind::kInt), is_bool ? kInt64 : type);
    EXPECT_EQ(promote(type, Weak::Kind::kFloat), is_float ? type : kFloat64);
  }
}

/// A value of the type that is no constant.
Expr element(DType type) {
  return type.is_index() ? Expr(te::var("n")) : read(placeholder({}, type), {});
}

std::string dtypes_of(const std::vector<Expr>& values) {
  std::string text;
  for (const Expr& value : values) text += (text.empty() ? "" : " ") + to_string(value.dtype());
  return text;
}

TEST(Promote, FunctionsOfRealNumbersWidenIntegersAsNumPyDoes) {
  for (const DType type : kScalarTypes) {
    const Expr x = element(type);
    const DType wanted = type.is_float()   ? type
                         : type.bits == 8  ? kFloat16
                         : type.bits == 16 ? kFloat32
                                           : kFloat64;
    for (const Expr& y : {exp(x), log(x), sqrt(x), rsqrt(x), tanh(x), erf(x), sigmoid(x), sin(x), cos(x)})
      EXPECT_EQ(y.dtype(), wanted) << to_string(type);
    for (const Expr& y : {abs(x), floor(x), ceil(x)}) EXPECT_EQ(y.dtype(), type) << to_string(type);
    EXPECT_EQ(round(x).dtype(), type.is_bool() ? kFloat16 : type);
  }
}

TEST(Promote, TrueDivisionOfIntegersIsFloat64) {
  for (const DType type : kScalarTypes)
    EXPECT_EQ(divide(element(type), element(type)).dtype(), type.is_float() ? type : kFloat64)
        << to_string(type);
  EXPECT_EQ(divide(element(kInt8), 2).dtype(), kFloat64);
  EXPECT_EQ(divide(element(kInt8), element(kFloat16)).dtype(), kFloat16);
}

TEST(Promote, BoolArithmeticIsLogicOrInt8) {
  const Expr a = element(kBool), b = element(kBool);
  EXPECT_EQ(to_text(add(a, b)), "placeholder[] || placeholder_1[]");
  EXPECT_EQ(to_text(multiply(a, b)), "placeholder[] && placeholder_1[]");
  EXPECT_EQ(dtypes_of({floor_divide(a, b), remainder(a, b), power(a, b), left_shift(a, b)}),
            "int8 int8 int8 int8");
  EXPECT_EQ(dtypes_of({maximum(a, b), bitwise_and(a, b), bitwise_xor(a, b), invert(a), abs(a)}),
            "bool bool bool bool bool");
  EXPECT_EQ(dtypes_of({add(a, 1), add(a, 1.5), add(a, true), power(a, true), left_shift(a, 1)}),
            "int64 float64 bool int8 int64");
}

TEST(Promote, BoolTakesNoSubtractionAndNoNegation) {
  const Expr a = element(kBool);
  expect_type_error({"operator - does not take bool and bool", "^"}, [&] { subtract(a, a); });
  expect_type_error({"operator - does not take bool", "~"}, [&] { negative(a); });
}

TEST(Promote, BitOperatorsTakeNoFloats) {
  expect_type_error({"operator & does not take float32 and int32", "astype"},
                    [] { bitwise_and(element(kFloat32), element(kInt32)); });
  expect_type_error({"operator << does not take int8 and the plain number 1.5"},
                    [] { left_shift(element(kInt8), 1.5); });
  expect_type_error({"operator ~ does not take float64"}, [] { invert(element(kFloat64)); });
  expect_type_error({"operator | does not take uint64 and int64"},
                    [] { bitwise_or(element(kUInt64), element(kInt64)); });
}

TEST(Promote, ComparisonsGiveBool) {
  const Expr x = element(kInt32), y = element(kFloat16);
  EXPECT_EQ(dtypes_of({equal(x, y), not_equal(x, 1), less(x, y), less_equal(2.5, x), greater(x, y),
                       greater_equal(y, 1)}),
            "bool bool bool bool bool bool");
}

TEST(Promote, ComparisonOfSignedWithUInt64IsExact) {
  const Expr s = read(placeholder({}, kInt64, "s"), {}), u = read(placeholder({}, kUInt64, "u"), {});
  EXPECT_EQ(to_text(less(s, u)), "s[] < 0i64 || uint64(s[]) < u[]");
  EXPECT_EQ(to_text(greater(s, u)), "!(s[] < 0i64) && u[] < uint64(s[])");
  EXPECT_EQ(to_text(equal(u, s)), "!(s[] < 0i64) && u[] == uint64(s[])");
  EXPECT_EQ(to_text(not_equal(u, s)), "s[] < 0i64 || u[] != uint64(s[])");
}

TEST(Promote, ComparisonWithAnIntOutOfRangeIsKnown) {
  const Expr x = element(kUInt8);
  EXPECT_EQ(to_text(equal(x, 300)), "false");
  EXPECT_EQ(to_text(not_equal(-1, x)), "true");
  EXPECT_EQ(to_text(less(x, 300)), "true");
  EXPECT_EQ(to_text(less(x, -1)), "false");
  EXPECT_EQ(to_text(greater_equal(x, -1)), "true");
  EXPECT_EQ(to_text(less(300, x)), "false");
  EXPECT_EQ(to_text(greater(element(kInt64), uint64_t{1} << 63)), "false");
}

TEST(Promote, AnIntOutOfRangeIsAnError) {
  expect_value_error({"operator +: 300 is out of the range of uint8, 0 to 255", "astype"},
                     [] { add(element(kUInt8), 300); });
  expect_value_error({"-1 is out of the range of uint64"}, [] { add(element(kUInt64), -1); });
  EXPECT_EQ(add(element(kUInt64), ~uint64_t{0}).dtype(), kUInt64);
  EXPECT_EQ(add(element(kFloat16), 100000).dtype(), kFloat16);
}

TEST(Promote, AnIntegerHasNoNegativePower) {
  expect_value_error({"operator **", "int32", "-2", "astype"}, [] { power(element(kInt32), -2); });
  EXPECT_EQ(power(element(kFloat32), -2).dtype(), kFloat32);
}

TEST(Promote, IndexStaysIndexUntilItMeetsData) {
  const Var i = te::var("i");
  EXPECT_EQ(to_text(add(multiply(i, 2), 1)), "i * 2 + 1");
  EXPECT_EQ(dtypes_of({floor_divide(i, 3), remainder(i, 3), minimum(i, 4), where(less(i, 2), i, 0)}),
            "index index index index");
  EXPECT_EQ(dtypes_of({add(i, element(kInt8)), add(i, 0.5), divide(i, 2), exp(i), power(i, 2)}),
            "int64 float64 float64 float64 int64");
  EXPECT_EQ(to_data(i).dtype(), kInt64);
}

TEST(Promote, WherePromotesItsBranches) {
  const Expr c = element(kBool);
  EXPECT_EQ(dtypes_of({where(c, element(kInt8), element(kFloat16)), where(c, element(kBFloat16), 0.0),
                       where(c, 1, 0), where(c, 1, 0.5), where(c, true, false)}),
            "float16 bfloat16 int64 float64 bool");
  expect_type_error({"where: the condition has dtype float32", "comparison"},
                    [] { where(element(kFloat32), 1, 0); });
}

TEST(Promote, AsTypeFoldsConstants) {
  EXPECT_EQ(to_text(astype(3, kFloat32)), "3.0f32");
  EXPECT_EQ(to_text(astype(-1, kUInt8)), "255u8");
  EXPECT_EQ(to_text(astype(1e10, kInt32)), "2147483647i32");
  EXPECT_EQ(to_text(constant(Weak::of_float(0.5), kBFloat16)), "0.5bf16");
  expect_type_error({"a constant of int32: the float 0.5 is no int32"},
                    [] { constant(Weak::of_float(0.5), kInt32); });
}

}  // namespace
}  // namespace tw::te
