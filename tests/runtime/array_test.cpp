#include "runtime/array.h"

#include <cstring>

#include <gtest/gtest.h>

#include "runtime/element.h"
#include "support/error.h"

namespace tw::runtime {
namespace {

/// A producer of DLPack that counts how often its deleter runs.
struct Producer {
  std::vector<float> values = {0, 1, 2, 3, 4, 5};
  std::vector<int64_t> shape = {2, 2}, strides = {3, 2};
  int deleted = 0;
  DLManagedTensorVersioned tensor{};

  Producer() {
    tensor.version = {1, 0};
    tensor.manager_ctx = this;
    tensor.deleter = [](DLManagedTensorVersioned* self) {
      ++static_cast<Producer*>(self->manager_ctx)->deleted;
    };
    tensor.dl_tensor = {values.data(),  {kDLCPU, 0},  2, {kDLFloat, 32, 1}, shape.data(),
                        strides.data(), sizeof(float)};
  }
};

float element(const Array& array, int64_t i, int64_t j) {
  return static_cast<const float*>(array.data())[i * array.strides()[0] + j * array.strides()[1]];
}

TEST(Array, OwnMemoryIsAlignedAndShared) {
  for (const ElementType& type : kElementTypes) {
    const Array array = Array::allocate(type.code, {3, 5});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(array.data()) % kArrayAlignment, 0u);
    EXPECT_EQ(array.bytes(), 15 * type.bytes);
    EXPECT_EQ(array.strides(), (std::vector<int64_t>{5, 1}));
    std::memset(array.data(), 1, array.bytes());
    const Array copy = array;
    EXPECT_EQ(copy.data(), array.data());
  }
}

TEST(Array, MayBeEmptyOrOfRankZero) {
  EXPECT_EQ(Array::allocate(TW_INT8, {}).elements(), 1);
  EXPECT_EQ(Array::allocate(TW_INT8, {4, 0, 3}).elements(), 0);
  // An extent of 0 makes others harmless.
  EXPECT_EQ(Array::allocate(TW_INT8, {int64_t{1} << 62, int64_t{1} << 62, 0}).bytes(), 0);
}

TEST(Array, RefusesSizesThatThereAreNot) {
  EXPECT_THROW(Array::allocate(TW_INT8, {-1}), UserError);
  EXPECT_THROW(Array::allocate(TW_INT8, {0, -1}), UserError);
  EXPECT_THROW(Array::allocate(TW_FLOAT64, {int64_t{1} << 62, 8}), UserError);
  EXPECT_THROW(Array::allocate(TW_FLOAT64, {int64_t{1} << 55}), UserError);
}

TEST(Array, KnowsWhatIsContiguous) {
  float value = 0;
  const auto contiguous = [&](std::vector<int64_t> shape, std::vector<int64_t> strides) {
    return Array(nullptr, &value, TW_FLOAT32, std::move(shape), std::move(strides), false).is_contiguous();
  };
  EXPECT_TRUE(contiguous({2, 3}, {3, 1}));
  EXPECT_FALSE(contiguous({2, 3}, {1, 2}));
  EXPECT_FALSE(contiguous({2, 3}, {4, 1}));
  EXPECT_TRUE(contiguous({1, 3}, {99, 1}));  // one row: its stride does not matter
  EXPECT_TRUE(contiguous({2, 0}, {99, 7}));
  EXPECT_FALSE(contiguous({2, 1, 3}, {6, 3, 2}));
}

TEST(Array, ViewsAreWhatKernelsTake) {
  const Array array = Array::allocate(TW_FLOAT32, {2, 3});
  EXPECT_EQ(array.view().data, array.data());
  EXPECT_EQ(array.view().strides, nullptr);
  EXPECT_EQ(array.view().shape[1], 3);
}

TEST(Dlpack, TakesOffsetsAndStridesAndDeletesOnce) {
  Producer producer;
  {
    const Array array = from_dlpack(&producer.tensor, "x");
    EXPECT_EQ(element(array, 0, 0), 1);
    EXPECT_EQ(element(array, 1, 0), 4);
    const Array copy = array;
    EXPECT_EQ(producer.deleted, 0);
  }
  EXPECT_EQ(producer.deleted, 1);
}

TEST(Dlpack, RefusesWhatItCannotTakeAndLeavesItToTheCaller) {
  Producer producer;
  producer.tensor.dl_tensor.device = {kDLCUDA, 0};
  EXPECT_THROW(from_dlpack(&producer.tensor, "x"), UserError);
  producer.tensor.dl_tensor.device = {kDLCUDAHost, 0};
  EXPECT_NO_THROW(from_dlpack(&producer.tensor, "x"));
  EXPECT_EQ(producer.deleted, 1);
  producer.tensor.dl_tensor.dtype = {kDLFloat, 32, 4};
  EXPECT_THROW(from_dlpack(&producer.tensor, "x"), UserError);
  producer.tensor.dl_tensor.dtype = {kDLFloat, 32, 1};
  producer.tensor.version.major = 2;
  EXPECT_THROW(from_dlpack(&producer.tensor, "x"), UserError);
  EXPECT_EQ(producer.deleted, 1);
}

TEST(Dlpack, GivesEveryTypeAndTakesItBack) {
  for (const ElementType& type : kElementTypes) {
    const Array array = Array::allocate(type.code, {2, 3});
    const Array versioned = from_dlpack(to_dlpack_versioned(array, false), "x");
    const Array old = from_dlpack(to_dlpack(array), "x");
    for (const Array& again : {versioned, old}) {
      EXPECT_EQ(again.data(), array.data());
      EXPECT_EQ(again.dtype(), type.code);
      EXPECT_EQ(again.shape(), array.shape());
      EXPECT_TRUE(again.is_contiguous());
    }
  }
}

TEST(Dlpack, KeepsMemoryAlive) {
  DLManagedTensorVersioned* tensor = nullptr;
  {
    const Array array = Array::allocate(TW_INT32, {4});
    static_cast<int32_t*>(array.data())[3] = 42;
    tensor = to_dlpack_versioned(array, false);
  }
  const Array again = from_dlpack(tensor, "x");
  EXPECT_EQ(static_cast<int32_t*>(again.data())[3], 42);
}

TEST(Dlpack, CarriesReadOnlyAndCopied) {
  int32_t value = 0;
  const Array array(nullptr, &value, TW_INT32, {1}, {}, true);
  DLManagedTensorVersioned* tensor = to_dlpack_versioned(array, true);
  EXPECT_EQ(tensor->flags, kDLFlagReadOnly | kDLFlagIsCopied);
  EXPECT_TRUE(from_dlpack(tensor, "x").read_only());
}

}  // namespace
}  // namespace tw::runtime
