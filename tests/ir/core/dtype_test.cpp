#include "ir/dtype.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace tw {
namespace {

TEST(DType, NamesReadBackForEveryTypeAndNumberOfLanes) {
  for (const DType type : kScalarTypes)
    for (const int lanes : {1, 2, 16, 65535}) {
      const DType vector = type.with_lanes(lanes);
      EXPECT_EQ(dtype_from_string(to_string(vector)), vector) << to_string(vector);
      EXPECT_EQ(vector.element(), type);
      EXPECT_EQ(vector.is_scalar(), lanes == 1);
    }
  EXPECT_EQ(to_string(kInt8.with_lanes(16)), "int8x16");
  EXPECT_EQ(to_string(kBFloat16), "bfloat16");
}

TEST(DType, OtherTextsAreNoTypes) {
  for (const char* text : {"", "float", "float8", "int", "float32x", "float32x1", "float32x0",
                           "float32x65536", "x4", "float32x4x4", "float32 ", "Float32", "int8x-2"})
    EXPECT_FALSE(dtype_from_string(text)) << text;
}

TEST(DType, AnUnknownNameListsTheKnownOnes) {
  try {
    parse_dtype("float8");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kType);
    EXPECT_THAT(error.what(), testing::HasSubstr("unknown dtype 'float8'; use one of bool, int8, "));
    EXPECT_THAT(error.what(), testing::HasSubstr("bfloat16"));
  }
}

TEST(DType, ClassesOfTypes) {
  EXPECT_TRUE(kIndex.is_integer() && kIndex.is_signed() && !kIndex.is_int() && !kIndex.is_uint());
  EXPECT_TRUE(kUInt8.is_integer() && !kUInt8.is_signed());
  EXPECT_TRUE(kBFloat16.is_float() && kBFloat16.is_half() && kFloat16.is_half() && !kFloat32.is_half());
  EXPECT_FALSE(kBool.is_integer() || kBool.is_float());
  EXPECT_EQ(kFloat64.bytes(), 8);
  EXPECT_EQ(kBool.bytes(), 1);
}

TEST(DType, RangesOfIntegers) {
  EXPECT_EQ(int_min_of(kInt8), -128);
  EXPECT_EQ(int_max_of(kInt8), 127);
  EXPECT_EQ(int_min_of(kInt64), INT64_MIN);
  EXPECT_EQ(int_max_of(kIndex), INT64_MAX);
  EXPECT_EQ(int_min_of(kUInt32), 0);
  EXPECT_EQ(int_max_of(kUInt32), 4294967295);
  EXPECT_EQ(static_cast<uint64_t>(int_max_of(kUInt64)), UINT64_MAX);
  EXPECT_EQ(int_max_of(kBool), 1);
}

}  // namespace
}  // namespace tw
