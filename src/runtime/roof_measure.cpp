// Runs the kernels on teams of threads, each on a processor of its own, and keeps the best rounds.
#include "runtime/roof_measure.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <system_error>
#include <thread>

#include <sched.h>
#include <sys/mman.h>

#include "runtime/core/call.h"
#include "runtime/roof_kernels.h"
#include "support/error.h"

namespace tw::runtime {
namespace {

using Clock = std::chrono::steady_clock;

/// How long a round lasts, in seconds, and how many there are. Rounds are short, so that some fall between
/// whatever else the machine does; the clock is exact to far less.
struct Effort {
  double round = 2e-3;
  int rounds = 10;
};

/// Where threads meet; they spin, since what they measure is short.
class Meeting {
 public:
  explicit Meeting(int threads) : threads_(threads) {}
  void wait() {
    const int turn = turn_.load();
    if (arrived_.fetch_add(1) + 1 == threads_) {
      arrived_ = 0;
      ++turn_;
      return;
    }
    for (int spins = 0; turn_.load() == turn; ++spins)
      if (spins > 1000) std::this_thread::yield();
  }

 private:
  const int threads_;
  std::atomic<int> arrived_{0}, turn_{0};
};

/// The processors that this process may use.
std::vector<int> usable_processors() {
  std::vector<int> processors;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set)) processors.push_back(cpu);
  return processors;
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);  // where it is not allowed, threads stay as the system puts them
}

/// Runs member(index) on threads of its own, each pinned; members begin when all are there. Errors: no thread
/// can be had.
void run_team(int threads, const std::function<void(int)>& member) {
  enum { kWait, kBegin, kLeave };
  const std::vector<int> processors = usable_processors();
  std::atomic<int> gate{kWait};
  std::vector<std::thread> team;
  const auto leave = [&](int way) {
    gate = way;
    for (std::thread& each : team) each.join();
  };
  const auto body = [&](int index) {
    if (static_cast<int>(processors.size()) >= threads) pin_to(processors[static_cast<std::size_t>(index)]);
    while (gate == kWait) std::this_thread::yield();
    if (gate == kBegin) member(index);
  };
  try {
    for (int index = 0; index < threads; ++index) team.emplace_back(body, index);
  } catch (const std::system_error& error) {
    leave(kLeave);
    raise_value("{} threads cannot be started to measure the roof: {}", threads, error.what());
  }
  leave(kBegin);
}

/// Errors: more threads than processors, whose roof would be that of fewer; none.
void check_threads(int threads) {
  const int usable = tw_usable_threads();
  if (threads < 1 || threads > usable)
    raise_value("the roof of {} threads cannot be measured; from 1 to {} can, the processors of this process",
                threads, usable);
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Turns of work(turns) that last about `seconds`, here and now.
int64_t turns_of(const std::function<void(int64_t)>& work, double seconds) {
  for (int64_t turns = 1;; turns *= 4) {
    const double time = std::min(seconds_of([&] { work(turns); }), seconds_of([&] { work(turns); }));
    if (time > seconds / 8 || turns > (int64_t{1} << 40))
      return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(turns) * seconds / time));
  }
}

/// The members of a team time rounds together: those of one thread begin when all are there, and the round
/// lasts from the first to begin until the last to end.
class Rounds {
 public:
  Rounds(int threads, const Effort& effort)
      : effort_(effort), meeting_(threads), times_(static_cast<std::size_t>(threads)) {}

  /// Called by every member alike, in turn with the others. Gives the rate of the best round, in turns of one
  /// thread a second: the same to all.
  double best(int index, const std::function<void(int64_t)>& work) {
    if (index == 0) turns_ = turns_of(work, effort_.round);
    double best = 0;
    for (int round = 0; round < effort_.rounds; ++round) {
      meeting_.wait();
      Time& own = times_[static_cast<std::size_t>(index)];
      own.begin = Clock::now();
      work(turns_);
      own.end = Clock::now();
      meeting_.wait();
      Clock::time_point begin = own.begin, end = own.end;
      for (const Time& each : times_) begin = std::min(begin, each.begin), end = std::max(end, each.end);
      best = std::max(best, static_cast<double>(turns_) / std::chrono::duration<double>(end - begin).count());
    }
    meeting_.wait();
    return best;
  }

 private:
  struct alignas(64) Time {
    Clock::time_point begin, end;
  };
  const Effort effort_;
  Meeting meeting_;
  std::vector<Time> times_;
  int64_t turns_ = 1;
};

/// Memory in large pages where the system has them.
class Memory {
 public:
  explicit Memory(int64_t bytes) : bytes_(static_cast<std::size_t>(bytes)) {
    data_ = mmap(nullptr, bytes_ + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data_ == MAP_FAILED) raise_value("no memory to measure bandwidth over {} bytes", bytes);
    madvise(data_, bytes_ + kPage, MADV_HUGEPAGE);
  }
  ~Memory() { munmap(data_, bytes_ + kPage); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /// The pages come to be where the thread that calls this runs.
  void touch() const {
    for (std::size_t at = 0; at < bytes_; at += 4096) begin()[at] = 1;
  }
  char* begin() const {
    const auto address = reinterpret_cast<std::uintptr_t>(data_);
    return reinterpret_cast<char*>((address + kPage - 1) / kPage * kPage);
  }

 private:
  static constexpr std::size_t kPage = 2 << 20;
  std::size_t bytes_;
  void* data_;
};

ComputeRate rate_of(const ComputeKernel& kernel, int threads, const Effort& effort) {
  ComputeRate rate{kernel.dtype, kernel.instructions, threads, 0};
  Rounds rounds(threads, effort);
  run_team(threads, [&](int index) {
    const double turns = rounds.best(index, kernel.run);
    if (index == 0) rate.operations = turns * static_cast<double>(kernel.operations * threads);
  });
  return rate;
}

/// A smaller working set is at least as quick as a larger one. Where prefetchers do better on the larger,
/// what they reach there is the limit of both.
void raise_to_larger_sets(std::vector<Bandwidth>& by_size) {
  for (std::size_t i = by_size.size(); i-- > 1;)
    for (double Bandwidth::*kind : {&Bandwidth::read, &Bandwidth::write, &Bandwidth::copy})
      by_size[i - 1].*kind = std::max(by_size[i - 1].*kind, by_size[i].*kind);
}

Bandwidth bandwidth_over(int64_t working_set, int threads, const Effort& effort) {
  const int64_t step = 2 * kMemoryStep;
  const int64_t part = std::max<int64_t>(working_set / threads / step * step, 16 << 10), half = part / 2;
  const MemoryKernels kernels = memory_kernels();
  // Small sets gain nothing from going past the caches, and very large ones nothing from going through them.
  const bool streams = kernels.write_streaming && part >= (1 << 20);
  const bool stores = !streams || part < (64 << 20);
  Bandwidth result{part * threads, threads, 0, 0, 0};
  Rounds rounds(threads, effort);
  std::deque<Memory> memory;  // does not move what it holds
  for (int i = 0; i < threads; ++i) memory.emplace_back(part);
  run_team(threads, [&](int index) {
    const Memory& own = memory[static_cast<std::size_t>(index)];
    own.touch();
    char* const data = own.begin();
    const auto keep = [&](double Bandwidth::*field, const std::function<void(int64_t)>& passes) {
      const double rate = rounds.best(index, passes) * static_cast<double>(part * threads);
      if (index == 0) result.*field = std::max(result.*field, rate);
    };
    keep(&Bandwidth::read, [&](int64_t passes) { kernels.read(data, part, passes); });
    if (stores) {
      keep(&Bandwidth::write, [&](int64_t passes) { kernels.write(data, part, passes); });
      keep(&Bandwidth::copy, [&](int64_t passes) { kernels.copy(data + half, data, half, passes); });
    }
    if (streams) {
      keep(&Bandwidth::write, [&](int64_t passes) { kernels.write_streaming(data, part, passes); });
      keep(&Bandwidth::copy,
           [&](int64_t passes) { kernels.copy_streaming(data + half, data, half, passes); });
    }
  });
  return result;
}

/// 1, 2, 4, … and all; or 1 and all.
std::vector<int> thread_counts(int threads, bool quick) {
  std::vector<int> counts{1};
  for (int count = 2; count < threads && !quick; count *= 2) counts.push_back(count);
  if (threads > 1) counts.push_back(threads);
  return counts;
}

/// Working sets that lie well inside of each cache, and one that none holds; between them, where a cache
/// begins to overflow, unless quick.
std::vector<int64_t> working_sets(const Machine& machine, int threads, bool quick) {
  const int64_t first = machine.cache_bytes(1, threads), second = machine.cache_bytes(2, threads),
                last = machine.cache_bytes(3, threads);
  // Four times the last cache, as far as memory allows, and enough that passes take longer than starting.
  const int64_t room = machine.memory_bytes ? machine.memory_bytes / 8 : int64_t{1} << 30;
  const int64_t memory =
      std::clamp<int64_t>(4 * last, 64 << 20, std::max<int64_t>(64 << 20, std::min<int64_t>(room, 1 << 30)));
  std::vector<int64_t> sets{first / 2, second / 2, std::max(last / 2, 2 * second), memory};
  if (!quick) sets.insert(sets.end(), {first, second, last});
  std::sort(sets.begin(), sets.end());
  sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
  return sets;
}

}  // namespace

ComputeRate measure_rate(const std::string& dtype, int threads) {
  check_threads(threads);
  for (const ComputeKernel& kernel : compute_kernels())
    if (kernel.dtype == dtype) return rate_of(kernel, threads, Effort());
  raise_value("no arithmetic of '{}' is measured; there is float32, bfloat16 and int8", dtype);
}

Bandwidth measure_bandwidth(int64_t working_set, int threads) {
  check_threads(threads);
  return bandwidth_over(working_set, threads, Effort());
}

Roof measure_roof_of(const Machine& machine, bool quick) {
  const Effort effort = quick ? Effort{2e-3, 6} : Effort{2e-3, 10};
  Roof roof{machine.fingerprint(), quick, {}, {}};
  for (const int threads : thread_counts(machine.threads, quick)) {
    for (const ComputeKernel& kernel : compute_kernels())
      roof.rates.push_back(rate_of(kernel, threads, effort));
    // Between one thread and all, only what arithmetic needs grows evenly; memory is measured in few points.
    const bool few = quick || (threads != 1 && threads != machine.threads);
    std::vector<Bandwidth> by_size;
    for (const int64_t set : working_sets(machine, threads, few)) {
      // Memory is shared with more than this process, so more rounds are needed to see it free.
      const bool in_cache = set <= machine.cache_bytes(3, threads);
      by_size.push_back(bandwidth_over(set, threads, {effort.round, effort.rounds * (in_cache ? 1 : 2)}));
    }
    raise_to_larger_sets(by_size);
    roof.bandwidths.insert(roof.bandwidths.end(), by_size.begin(), by_size.end());
  }
  return roof;
}

}  // namespace tw::runtime
