// Calling a described function: what is bound, and what is refused with which message.
//
//   f(n: shape, k: size, block: tunable, A: float32[n, 4], W: const float32[4], C: out float32[n + k, 4], S:
//   inout int32[]) C[i, j] = A[i % n, j] * W[j]  and  S += block
#include "runtime/core/call.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/core/region.h"

namespace tw {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

int32_t run_f(void* const* buffers, const int64_t* scalars, tw_worker*) {
  const float* a = static_cast<const float*>(buffers[0]);
  const float* w = static_cast<const float*>(buffers[1]);
  float* c = static_cast<float*>(buffers[2]);
  for (int64_t i = 0; scalars[0] > 0 && i < scalars[0] + scalars[1]; i++) {
    for (int j = 0; j < 4; j++) c[i * 4 + j] = a[i % scalars[0] * 4 + j] * w[j];
  }
  *static_cast<int32_t*>(buffers[3]) += static_cast<int32_t>(scalars[2]);
  return TW_OK;
}

void extents_f(const int64_t* scalars, int64_t* extents) {
  const int64_t values[] = {scalars[0], 4, 4,
                            static_cast<int64_t>(static_cast<uint64_t>(scalars[0]) + scalars[1]), 4};
  for (int64_t value : values) *extents++ = value;
}

const tw_extent kShapeA[] = {{-1, 0, "n"}, {4, -1, "4"}};
const tw_extent kShapeW[] = {{4, -1, "4"}};
const tw_extent kShapeC[] = {{-1, -1, "n + k"}, {4, -1, "4"}};
const tw_param kParams[] = {
    {"n", TW_PARAM_SHAPE, 0, 0, nullptr, 0, 0, kMost, 1, 0},
    {"A", TW_PARAM_INPUT, TW_FLOAT32, 2, kShapeA, 4, 0, 0, 0, 0},
    {"k", TW_PARAM_SIZE, 0, 0, nullptr, 0, -2, 1 << 20, 2, 0},
    {"W", TW_PARAM_CONSTANT, TW_FLOAT32, 1, kShapeW, 16, 0, 0, 0, 0},
    {"block", TW_PARAM_TUNABLE, 0, 0, nullptr, 0, 1, kMost, 1, 7},
    {"C", TW_PARAM_OUTPUT, TW_FLOAT32, 2, kShapeC, 4, 0, 0, 0, 0},
    {"S", TW_PARAM_INOUT, TW_INT32, 0, nullptr, 4, 0, 0, 0, 0},
};
const tw_function kF = {"f", 7, kParams, 4, 3, run_f, extents_f};

/// Good arguments, for each test to spoil.
struct Arguments {
  alignas(64) float a[64] = {}, w[4] = {1, 2, 3, 4}, c[64] = {};
  int32_t s = 0;
  int64_t shape_a[2] = {3, 4}, shape_w[1] = {4}, shape_c[2] = {5, 4};
  tw_tensor buffers[4] = {{a, TW_FLOAT32, 2, shape_a, nullptr},
                          {w, TW_FLOAT32, 1, shape_w, nullptr},
                          {c, TW_FLOAT32, 2, shape_c, nullptr},
                          {&s, TW_INT32, 0, nullptr, nullptr}};
  int64_t sizes[1] = {2};
  int64_t tunables[1] = {9};

  int32_t call() { return tw_call(&kF, nullptr, 0, buffers, sizes, tunables); }

  void expect(int32_t code, const std::string& message) {
    EXPECT_EQ(call(), code);
    EXPECT_EQ(tw_error(), message);
    EXPECT_EQ(s, 0) << "the function ran";
  }
};

TEST(Call, Runs) {
  Arguments g;
  for (int i = 0; i < 12; i++) g.a[i] = static_cast<float>(i);
  ASSERT_EQ(g.call(), TW_OK) << tw_error();
  EXPECT_EQ(g.c[4 * 3 + 1], g.a[1] * 2);
  EXPECT_EQ(g.c[4 * 4 + 3], g.a[7] * 4);
  EXPECT_EQ(g.c[20], 0);
  EXPECT_EQ(g.s, 9);
  ASSERT_EQ(tw_call(&kF, nullptr, 0, g.buffers, g.sizes, nullptr), TW_OK);
  EXPECT_EQ(g.s, 16) << "the default of the parameter";
}

TEST(Call, EmptyArraysNeedNoData) {
  Arguments g;
  g.shape_a[0] = g.shape_c[0] = 0;
  g.sizes[0] = 0;
  g.buffers[0].data = g.buffers[2].data = nullptr;
  int64_t any[2] = {-7, 3};
  g.buffers[0].strides = any;
  EXPECT_EQ(g.call(), TW_OK) << tw_error();
}

TEST(Call, StridesOfOneElementAreFree) {
  Arguments g;
  int64_t strides[2] = {-100, 1}, contiguous[2] = {4, 1};
  g.shape_a[0] = 1;
  g.shape_c[0] = 3;
  g.buffers[0].strides = strides;
  g.buffers[2].strides = contiguous;
  EXPECT_EQ(g.call(), TW_OK) << tw_error();
}

TEST(Call, InputsMayOverlap) {
  Arguments g;
  g.buffers[1].data = g.a;
  EXPECT_EQ(g.call(), TW_OK) << tw_error();
}

TEST(Refused, Types) {
  Arguments g;
  g.buffers[0].dtype = TW_FLOAT64;
  g.expect(TW_BAD_TYPE, "f: 'A' is float64, needs float32");
  g.buffers[0].dtype = -3;
  g.expect(TW_BAD_TYPE, "f: 'A' has the unknown dtype -3, needs float32");
  g.buffers[0].dtype = 13;
  g.expect(TW_BAD_TYPE, "f: 'A' has the unknown dtype 13, needs float32");
}

TEST(Refused, Ranks) {
  Arguments g;
  for (int32_t ndim : {0, 1, 3, -1, 1 << 30}) {
    g.buffers[2].ndim = ndim;
    g.expect(TW_BAD_VALUE, "f: 'C' has " + std::to_string(ndim) + " dimensions, needs 2: (n + k, 4)");
  }
  Arguments h;
  h.buffers[1].ndim = 2;
  h.expect(TW_BAD_VALUE, "f: 'W' has 2 dimensions, needs 1: (4,)");
}

TEST(Refused, Shapes) {
  Arguments g;
  g.shape_c[0] = 6;
  g.expect(TW_BAD_VALUE, "f: 'C' has the shape (6, 4), needs (n + k, 4) = (5, 4)");
  g.shape_w[0] = 3;
  g.expect(TW_BAD_VALUE, "f: 'W' has the shape (3,), needs (4,)");
  g.shape_a[0] = -1;
  g.expect(TW_BAD_VALUE, "f: 'A' has the negative extent -1 in dimension 0");
  g.buffers[0].shape = nullptr;
  g.expect(TW_BAD_VALUE, "f: 'A' has no shape (null)");
}

TEST(Refused, Strides) {
  Arguments g;
  int64_t strides[2] = {1, 3};
  g.buffers[0].strides = strides;
  g.expect(TW_BAD_VALUE,
           "f: 'A' has the strides (1, 3) for the shape (3, 4), needs a contiguous array: copy it");
}

TEST(Refused, Data) {
  Arguments g;
  g.buffers[0].data = nullptr;
  g.expect(TW_BAD_VALUE, "f: 'A' has no data (null)");
  g.buffers[0].data = reinterpret_cast<char*>(g.a) + 2;
  g.expect(TW_BAD_VALUE, "f: 'A' begins at an address that is a multiple of 2 only, needs 4");
  Arguments h;
  h.buffers[1].data = h.a + 1;
  h.expect(TW_BAD_VALUE, "f: 'W' begins at an address that is a multiple of 4 only, needs 16");
}

TEST(Refused, Overlap) {
  Arguments g;
  g.buffers[2].data = g.a + 4;
  g.expect(TW_BAD_VALUE, "f: the output 'C' shares memory with 'A'");
  g.buffers[2].data = g.a + 12;  // just behind A
  EXPECT_EQ(g.call(), TW_OK) << tw_error();
  Arguments h;
  h.buffers[3].data = h.c + 19;
  h.expect(TW_BAD_VALUE, "f: the output 'C' shares memory with 'S'");
  h.buffers[3].data = h.w + 2;
  h.expect(TW_BAD_VALUE, "f: the output 'S' shares memory with 'W'");
}

TEST(Refused, Sizes) {
  Arguments g;
  g.sizes[0] = 3;
  g.expect(TW_BAD_VALUE, "f: the size 'k' is 3, needs a multiple of 2");
  g.sizes[0] = -4;
  g.expect(TW_BAD_VALUE, "f: the size 'k' is -4, needs -2 to 1048576");
  g.sizes[0] = std::numeric_limits<int64_t>::min();
  g.expect(TW_BAD_VALUE, "f: the size 'k' is -9223372036854775808, needs -2 to 1048576");
  g.sizes[0] = 2;
  g.tunables[0] = 0;
  g.expect(TW_BAD_VALUE, "f: the parameter 'block' is 0, needs at least 1");
}

TEST(Refused, ExtentsThatSizesMakeImpossible) {
  Arguments g;
  g.sizes[0] = -2;
  g.shape_a[0] = 1;
  g.shape_c[0] = -1;
  g.expect(TW_BAD_VALUE, "f: 'C' has the negative extent -1 in dimension 0");
  g.shape_c[0] = 1;
  g.expect(TW_BAD_VALUE, "f: with these sizes the extent n + k of 'C' is -1");
  g.sizes[0] = 2;
  g.shape_a[0] = int64_t{1} << 61;
  g.expect(TW_BAD_VALUE, "f: 'A' of the shape (2305843009213693952, 4) is larger than any memory");
  g.shape_a[0] = kMost;
  g.expect(TW_BAD_VALUE, "f: 'A' of the shape (9223372036854775807, 4) is larger than any memory");
}

TEST(Refused, NothingGiven) {
  Arguments g;
  EXPECT_EQ(tw_call(nullptr, nullptr, 0, g.buffers, g.sizes, nullptr), TW_BAD_VALUE);
  EXPECT_STREQ(tw_error(), "no function is given (null)");
  EXPECT_EQ(tw_call(&kF, nullptr, 0, nullptr, g.sizes, nullptr), TW_BAD_VALUE);
  EXPECT_STREQ(tw_error(), "f: no arrays are given (null)");
  EXPECT_EQ(tw_call(&kF, nullptr, 0, g.buffers, nullptr, nullptr), TW_BAD_VALUE);
  EXPECT_STREQ(tw_error(), "f: the size 'k' is not given");
  EXPECT_EQ(tw_call(&kF, nullptr, -1, g.buffers, g.sizes, nullptr), TW_BAD_VALUE);
  EXPECT_STREQ(tw_error(), "f: -1 threads are asked for");
}

TEST(Refused, CodeForAnotherMachine) {
  Arguments g;
  tw_function foreign = kF;
  foreign.run = nullptr;
  foreign.extents = nullptr;
  EXPECT_EQ(tw_call(&foreign, nullptr, 0, g.buffers, g.sizes, nullptr), TW_UNSUPPORTED);
  EXPECT_STREQ(tw_error(), "f: this is code for another machine, which cannot run here");
}

TEST(Bind, GivesScalarsAndExtents) {
  Arguments g;
  g.buffers[2] = {};  // outputs are not looked at
  int64_t scalars[3], extents[5];
  ASSERT_EQ(tw_bind(&kF, g.buffers, g.sizes, nullptr, scalars, extents), TW_OK) << tw_error();
  EXPECT_EQ(std::vector<int64_t>(scalars, scalars + 3), (std::vector<int64_t>{3, 2, 7}));
  EXPECT_EQ(std::vector<int64_t>(extents, extents + 5), (std::vector<int64_t>{3, 4, 4, 5, 4}));
}

// g(n: shape, D: out uint8[n]): only the output shows n.
const tw_extent kShapeD[] = {{-1, 0, "n"}};
const tw_param kParamsG[] = {{"n", TW_PARAM_SHAPE, 0, 0, nullptr, 0, 2, 9, 1, 0},
                             {"D", TW_PARAM_OUTPUT, TW_UINT8, 1, kShapeD, 1, 0, 0, 0, 0}};
const tw_function kG = {"g",
                        2,
                        kParamsG,
                        1,
                        1,
                        [](void* const*, const int64_t*, tw_worker*) -> int32_t { return TW_OK; },
                        [](const int64_t* scalars, int64_t* extents) { extents[0] = scalars[0]; }};

TEST(Bind, SizesThatOnlyOutputsShow) {
  char data[9];
  int64_t shape[1] = {5}, scalars[1], extents[1];
  tw_tensor d = {data, TW_UINT8, 1, shape, nullptr};
  EXPECT_EQ(tw_bind(&kG, &d, nullptr, nullptr, scalars, extents), TW_BAD_VALUE);
  EXPECT_STREQ(tw_error(), "g: no shape of the given arrays shows the size 'n'");
  EXPECT_EQ(tw_call(&kG, nullptr, 0, &d, nullptr, nullptr), TW_OK) << tw_error();
  shape[0] = 10;
  EXPECT_EQ(tw_call(&kG, nullptr, 0, &d, nullptr, nullptr), TW_BAD_VALUE);
  EXPECT_STREQ(tw_error(), "g: the size 'n' is 10, needs 2 to 9");
}

TEST(Call, EmptyArraysOfAnyOtherExtents) {
  // h(X: int8[a, b, c, d])
  static const tw_extent shape[] = {{-1, 0, "a"}, {-1, 1, "b"}, {-1, 2, "c"}, {-1, 3, "d"}};
  static const tw_param params[] = {{"a", TW_PARAM_SHAPE, 0, 0, nullptr, 0, 0, kMost, 1, 0},
                                    {"b", TW_PARAM_SHAPE, 0, 0, nullptr, 0, 0, kMost, 1, 0},
                                    {"c", TW_PARAM_SHAPE, 0, 0, nullptr, 0, 0, kMost, 1, 0},
                                    {"d", TW_PARAM_SHAPE, 0, 0, nullptr, 0, 0, kMost, 1, 0},
                                    {"X", TW_PARAM_INPUT, TW_INT8, 4, shape, 1, 0, 0, 0, 0}};
  const tw_function h = {"h",
                         5,
                         params,
                         1,
                         4,
                         [](void* const*, const int64_t*, tw_worker*) -> int32_t { return TW_OK; },
                         [](const int64_t* scalars, int64_t* extents) { std::copy_n(scalars, 4, extents); }};
  for (int place = 0; place < 4; place++) {
    int64_t extents[4] = {kMost, kMost, kMost, kMost}, strides[4] = {kMost, -kMost, 5, 1};
    extents[place] = 0;
    tw_tensor x = {nullptr, TW_INT8, 4, extents, strides};
    EXPECT_EQ(tw_call(&h, nullptr, 0, &x, nullptr, nullptr), TW_OK) << tw_error();
  }
}

TEST(Call, ManyArguments) {
  std::vector<tw_param> params(200, tw_param{"x", TW_PARAM_INPUT, TW_INT8, 1, kShapeD, 1, 0, 0, 0, 0});
  params[0] = kParamsG[0];
  tw_function many = {"many",
                      200,
                      params.data(),
                      199,
                      1,
                      [](void* const* buffers, const int64_t*, tw_worker*) -> int32_t {
                        for (int i = 0; i < 199; i++) {
                          if (*static_cast<char*>(buffers[i]) != i % 100) return TW_FAILED;
                        }
                        return TW_OK;
                      },
                      [](const int64_t* scalars, int64_t* extents) {
                        for (int i = 0; i < 199; i++) extents[i] = scalars[0];
                      }};
  std::vector<char> data(199 * 4);
  int64_t shape[1] = {4};
  std::vector<tw_tensor> tensors;
  for (int i = 0; i < 199; i++) {
    data[4 * i] = static_cast<char>(i % 100);
    tensors.push_back({&data[4 * i], TW_INT8, 1, shape, nullptr});
  }
  EXPECT_EQ(tw_call(&many, nullptr, 0, tensors.data(), nullptr, nullptr), TW_OK) << tw_error();
}

TEST(Call, FromSeveralThreadsWithOnePool) {
  Pool pool = open_pool(2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&] {
      Arguments g;
      for (int i = 1; i <= 200; i++) {
        ASSERT_EQ(tw_call(&kF, pool.get(), 2, g.buffers, g.sizes, g.tunables), TW_OK) << tw_error();
        ASSERT_EQ(g.s, 9 * i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tw
