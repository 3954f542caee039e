// What a call costs beside the work of the kernel: checks of three 2-D arrays, a parallel region of empty
// turns.
//
//   bench_overhead [--json FILE]
//
// Nanoseconds: the median over batches of calls. "asleep": a pause before each call lets the pool's threads
// sleep.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "runtime/core/call.h"

namespace {

using Clock = std::chrono::steady_clock;

int32_t nothing(void* const*, const int64_t*, tw_worker*) {
  return TW_OK;
}

int32_t region(void* const*, const int64_t*, tw_worker* worker) {
  auto body = [](const void*, int64_t, int64_t, tw_worker*) -> int32_t { return TW_OK; };
  return worker->parallel(worker, body, nullptr, 64);
}

/// Two turns that wait for each other, so that two threads must come.
int32_t meeting(void* const* buffers, const int64_t*, tw_worker* worker) {
  auto body = [](const void* closure, int64_t, int64_t, tw_worker*) -> int32_t {
    auto& count = *static_cast<std::atomic<int>*>(const_cast<void*>(closure));
    const int round = count++ / 2;
    while (count < 2 * (round + 1)) {
    }
    return TW_OK;
  };
  return worker->parallel(worker, body, buffers[0], 2);
}

/// matmul(m, n, k: shape, A: float32[m, k], B: float32[k, n], C: out float32[m, n])
struct Matmul {
  tw_extent shape_a[2] = {{-1, 0, "m"}, {-1, 2, "k"}};
  tw_extent shape_b[2] = {{-1, 2, "k"}, {-1, 1, "n"}};
  tw_extent shape_c[2] = {{-1, 0, "m"}, {-1, 1, "n"}};
  tw_param params[6] = {{"m", TW_PARAM_SHAPE, 0, 0, nullptr, 0, 0, 1 << 20, 1, 0},
                        {"n", TW_PARAM_SHAPE, 0, 0, nullptr, 0, 0, 1 << 20, 1, 0},
                        {"k", TW_PARAM_SHAPE, 0, 0, nullptr, 0, 0, 1 << 20, 1, 0},
                        {"A", TW_PARAM_INPUT, TW_FLOAT32, 2, shape_a, 4, 0, 0, 0, 0},
                        {"B", TW_PARAM_INPUT, TW_FLOAT32, 2, shape_b, 4, 0, 0, 0, 0},
                        {"C", TW_PARAM_OUTPUT, TW_FLOAT32, 2, shape_c, 4, 0, 0, 0, 0}};
  tw_function function = {"matmul", 6, params, 3, 3, nothing, [](const int64_t* s, int64_t* e) {
                            const int64_t values[] = {s[0], s[2], s[2], s[1], s[0], s[1]};
                            std::copy(values, values + 6, e);
                          }};
  std::vector<float> data = std::vector<float>(3 * 64);
  int64_t shape[2] = {8, 8}, strides[2] = {8, 1};
  tw_tensor buffers[3] = {{data.data(), TW_FLOAT32, 2, shape, strides},
                          {data.data() + 64, TW_FLOAT32, 2, shape, strides},
                          {data.data() + 128, TW_FLOAT32, 2, shape, strides}};
};

struct Figure {
  std::string what;
  double nanoseconds;
};

/// The median over `batches` of the time of one of `calls`; `pause` before each batch.
double median_time(int batches, int calls, Clock::duration pause, const std::function<void()>& call) {
  std::vector<double> times;
  for (int b = 0; b < batches; b++) {
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
    auto begin = Clock::now();
    for (int i = 0; i < calls; i++) call();
    times.push_back(std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / calls);
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

std::vector<Figure> measure() {
  Matmul matmul;
  tw_function empty_region = matmul.function;
  empty_region.run = region;
  const int64_t scalars[3] = {8, 8, 8};
  void* data[3] = {matmul.buffers[0].data, matmul.buffers[1].data, matmul.buffers[2].data};
  std::vector<Figure> figures;
  constexpr Clock::duration none{};
  tw_pool* one = tw_pool_open(1);
  figures.push_back({"call, three 2-D arrays, one thread", median_time(200, 1000, none, [&] {
                       tw_call(&matmul.function, one, 1, matmul.buffers, nullptr, nullptr);
                     })});
  figures.push_back({"run without checks, one thread",
                     median_time(200, 1000, none, [&] { tw_run(&matmul.function, one, 1, data, scalars); })});
  tw_pool_close(one);
  for (int threads = 2; threads <= tw_usable_threads(); threads *= 2) {
    tw_pool* pool = tw_pool_open(threads);
    auto run = [&] { tw_run(&empty_region, pool, threads, data, scalars); };
    median_time(20, 100, none, run);
    figures.push_back({fmt::format("fork and join, {} threads", threads), median_time(200, 100, none, run)});
    figures.push_back({fmt::format("fork and join, {} threads asleep", threads),
                       median_time(100, 1, std::chrono::milliseconds(2), run)});
    if (threads == 2) {
      tw_function meet = matmul.function;
      meet.run = meeting;
      std::atomic<int> count{0};
      void* counter[1] = {&count};
      auto run_meeting = [&] { tw_run(&meet, pool, threads, counter, scalars); };
      figures.push_back({"two turns that wait for each other", median_time(200, 100, none, run_meeting)});
    }
    tw_pool_close(pool);
  }
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Figure> figures = measure();
  std::string json;
  for (const Figure& f : figures) {
    fmt::print("{:<40} {:>10.0f} ns\n", f.what, f.nanoseconds);
    json += fmt::format("{}{{\"what\": \"{}\", \"nanoseconds\": {:.1f}}}", json.empty() ? "[" : ", ", f.what,
                        f.nanoseconds);
  }
  if (argc == 3 && std::string(argv[1]) == "--json") std::ofstream(argv[2]) << json << "]\n";
  return 0;
}
