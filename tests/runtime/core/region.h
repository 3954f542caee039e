// Kernels for tests made of any C++ callable, and a way to call them with a pool.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/core/call.h"

namespace tw {

using Body = std::function<int32_t(int64_t begin, int64_t end, tw_worker* worker)>;
using Kernel = std::function<int32_t(tw_worker* worker)>;

struct ClosePool {
  void operator()(tw_pool* pool) const { tw_pool_close(pool); }
};
using Pool = std::unique_ptr<tw_pool, ClosePool>;

inline Pool open_pool(int threads) {
  return Pool(tw_pool_open(threads));
}

/// A parallel region from inside of a kernel.
inline int32_t parallel(tw_worker* worker, int64_t turns, const Body& body) {
  auto run = [](const void* closure, int64_t begin, int64_t end, tw_worker* inner) {
    return (*static_cast<const Body*>(closure))(begin, end, inner);
  };
  return worker->parallel(worker, run, &body, turns);
}

/// Runs a kernel named "kernel" without arguments.
inline int32_t run_kernel(tw_pool* pool, const Kernel& kernel, int32_t threads = 0) {
  tw_function function = {};
  function.name = "kernel";
  function.run = [](void* const* buffers, const int64_t*, tw_worker* worker) {
    return (*static_cast<const Kernel*>(buffers[0]))(worker);
  };
  void* buffers[] = {const_cast<Kernel*>(&kernel)};
  return tw_run(&function, pool, threads, buffers, nullptr);
}

/// A kernel that is one region.
inline int32_t run_region(tw_pool* pool, int64_t turns, const Body& body, int32_t threads = 0) {
  return run_kernel(
      pool, [&](tw_worker* worker) { return parallel(worker, turns, body); }, threads);
}

}  // namespace tw
