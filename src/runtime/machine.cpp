#include "runtime/machine.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include <fmt/core.h>
#include <sched.h>
#include <unistd.h>

#include "runtime/core/call.h"
#include "runtime/roof_kernels.h"

namespace tw::runtime {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// "48K", "32M", "1024": bytes, or 0.
int64_t parse_size(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0) return 0;
  const char unit = end == text.data() + text.size() ? ' ' : *end;
  return unit == 'K' ? value << 10 : unit == 'M' ? value << 20 : unit == 'G' ? value << 30 : value;
}

/// How many processors a list such as "0-3,8" names.
int count_processors(const std::string& list) {
  std::stringstream parts(list);
  std::string part;
  int count = 0;
  while (std::getline(parts, part, ',')) {
    const auto dash = part.find('-');
    const int64_t first = parse_size(part);
    const int64_t last = dash == std::string::npos ? first : parse_size(part.substr(dash + 1));
    if (first <= last && last - first < (1 << 20)) count += static_cast<int>(last - first + 1);
  }
  return std::max(count, 1);
}

/// Those of the first processor that this process may use.
std::vector<Cache> read_caches() {
  cpu_set_t set;
  int cpu = 0;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &set)) ++cpu;
  std::vector<Cache> caches;
  for (int index = 0; index < 16; ++index) {
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu{}/cache/index{}/", cpu, index);
    const std::string type = first_line(folder + "type");
    if (type != "Data" && type != "Unified") continue;
    Cache cache;
    cache.level = static_cast<int>(parse_size(first_line(folder + "level")));
    cache.bytes = parse_size(first_line(folder + "size"));
    cache.shared_by = count_processors(first_line(folder + "shared_cpu_list"));
    if (cache.level > 0 && cache.bytes > 0) caches.push_back(cache);
  }
  std::sort(caches.begin(), caches.end(), [](const Cache& a, const Cache& b) { return a.level < b.level; });
  return caches;
}

/// The lines of /proc/cpuinfo that tell one kind of processor from another; each once.
std::string read_cpu() {
  constexpr const char* kKeys[] = {"vendor_id",       "cpu family",  "model",    "model name",  "stepping",
                                   "CPU implementer", "CPU variant", "CPU part", "CPU revision"};
  std::ifstream file("/proc/cpuinfo");
  std::string line, text;
  std::vector<std::string> seen;
  while (std::getline(file, line)) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    if (std::find(std::begin(kKeys), std::end(kKeys), key) == std::end(kKeys)) continue;
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    seen.push_back(key);
    const auto begin = line.find_first_not_of(" \t", colon + 1);
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key,
                        begin == std::string::npos ? "" : line.substr(begin));
  }
  return text;
}

int64_t usual_cache_bytes(int level) {
  return level == 1 ? 32 << 10 : level == 2 ? 512 << 10 : 16 << 20;
}

}  // namespace

int64_t Machine::cache_bytes(int level, int threads) const {
  for (const Cache& cache : caches) {
    if (cache.level != level) continue;
    const int count = std::max(1, this->threads / std::max(1, cache.shared_by));
    return cache.bytes * std::min(std::max(threads, 1), count);
  }
  return usual_cache_bytes(level) * (level < 3 ? std::max(threads, 1) : 1);
}

std::string Machine::fingerprint() const {
  std::string text = fmt::format("{}; {}; threads {}", cpu, features, threads);
  for (const Cache& cache : caches)
    text += fmt::format("; L{} {} KiB by {}", cache.level, cache.bytes >> 10, cache.shared_by);
  // Kernels keep a little of the memory to themselves, and how much changes from one to the next.
  return text + fmt::format("; memory {} GiB", (memory_bytes + (1 << 29)) >> 30);
}

Machine this_machine() {
  Machine machine;
  machine.cpu = read_cpu();
  machine.features = kernel_features();
  machine.threads = tw_usable_threads();
  machine.caches = read_caches();
  machine.memory_bytes = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  return machine;
}

}  // namespace tw::runtime
