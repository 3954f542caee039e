// The interface of exported libraries, linked into this program under its own names.
#include "runtime/core/library.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tw {
namespace {

// twice(n: shape, X: int32[n], k: size, Y: out int32[n, k]), in parallel.
struct Closure {
  const int32_t* x;
  int32_t* y;
  int64_t k;
};

int32_t rows(const void* data, int64_t begin, int64_t end, tw_worker*) {
  const auto& c = *static_cast<const Closure*>(data);
  for (int64_t i = begin; i < end; i++) {
    for (int64_t j = 0; j < c.k; j++) c.y[i * c.k + j] = 2 * c.x[i];
  }
  return TW_OK;
}

int32_t run_twice(void* const* buffers, const int64_t* scalars, tw_worker* worker) {
  const Closure closure = {static_cast<int32_t*>(buffers[0]), static_cast<int32_t*>(buffers[1]), scalars[1]};
  return worker->parallel(worker, rows, &closure, scalars[0]);
}

void extents_twice(const int64_t* scalars, int64_t* extents) {
  extents[0] = extents[1] = scalars[0];
  extents[2] = scalars[1];
}

const tw_extent kX[] = {{-1, 0, "n"}};
const tw_extent kY[] = {{-1, 0, "n"}, {-1, 1, "k"}};
const tw_param kParams[] = {{"n", TW_PARAM_SHAPE, 0, 0, nullptr, 0, 0, INT64_MAX, 1, 0},
                            {"X", TW_PARAM_INPUT, TW_INT32, 1, kX, 4, 0, 0, 0, 0},
                            {"k", TW_PARAM_SIZE, 0, 0, nullptr, 0, 1, 100, 1, 0},
                            {"Y", TW_PARAM_OUTPUT, TW_INT32, 2, kY, 4, 0, 0, 0, 0}};

/// Arguments of a call that is right.
struct Arguments {
  explicit Arguments(int64_t n) : x(n), y(n * 3), shape_x{n}, shape_y{n, 3} {
    for (int64_t i = 0; i < n; i++) x[i] = static_cast<int32_t>(i);
    in[0] = {x.data(), TW_INT32, 1, shape_x, nullptr};
    in[1] = {&k, TW_INT64, 0, nullptr, nullptr};
    out[0] = {y.data(), TW_INT32, 2, shape_y, nullptr};
  }
  void expect_right() const {
    for (size_t i = 0; i < y.size(); i++) ASSERT_EQ(y[i], 2 * x[i / 3]) << i;
  }

  std::vector<int32_t> x, y;
  int64_t k = 3, shape_x[1], shape_y[2];
  tw_tensor in[2], out[1];
};

}  // namespace
}  // namespace tw

// What the linker supplies for an exported library.
const tw_function tw_library_function = {"twice", 4, tw::kParams, 2, 2, tw::run_twice, tw::extents_twice};
const char tw_library_texts[] =
    "doubled\0no-such-feature another\0"
    "3\0{}\0";
const tw_weights_header tw_library_weights[] = {{{}, 0, 0, 0, 0, 0, 0}};

namespace tw {
namespace {

TEST(Library, SaysWhatItIs) {
  const tw_library* library = tw_library_v1();
  EXPECT_STREQ(library->name, "doubled");
  EXPECT_STREQ(library->description(), "{}");
  EXPECT_EQ(library->threads(), 3);
  EXPECT_EQ(library->check(), TW_OK) << library->error();
  EXPECT_EQ(library->function, &tw_library_function);
}

TEST(Library, RunsWithAnyNumberOfThreads) {
  tw_handle* handle = nullptr;
  ASSERT_EQ(tw_library_open(nullptr, &handle), TW_OK) << tw_error();
  for (int threads : {0, 1, 2, 5}) {
    ASSERT_EQ(tw_library_threads(handle, threads), TW_OK);
    for (int64_t n : {0, 1, 1000}) {
      Arguments a(n);
      ASSERT_EQ(tw_library_run(handle, a.in, 2, a.out, 1), TW_OK) << tw_error();
      a.expect_right();
    }
  }
  tw_library_close(handle);
}

TEST(Library, SharedByThreads) {
  tw_handle* handle = nullptr;
  ASSERT_EQ(tw_library_open(nullptr, &handle), TW_OK) << tw_error();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; t++) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; i++) {
        Arguments a(50);
        ASSERT_EQ(tw_library_run(handle, a.in, 2, a.out, 1), TW_OK) << tw_error();
        a.expect_right();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  tw_library_close(handle);
}

TEST(Library, GivesShapes) {
  tw_handle* handle = nullptr;
  ASSERT_EQ(tw_library_open(nullptr, &handle), TW_OK) << tw_error();
  Arguments a(7);
  int64_t shape[2] = {};
  int32_t ndim = 0;
  EXPECT_EQ(tw_library_shape(handle, a.in, 2, 0, shape, &ndim), TW_OK) << tw_error();
  EXPECT_EQ(ndim, 2);
  EXPECT_EQ(shape[0], 7);
  EXPECT_EQ(shape[1], 3);
  a.k = 101;
  EXPECT_EQ(tw_library_shape(handle, a.in, 2, 0, shape, &ndim), TW_BAD_VALUE);
  EXPECT_STREQ(tw_error(), "twice: the size 'k' is 101, needs 1 to 100");
  tw_library_close(handle);
}

}  // namespace
}  // namespace tw
