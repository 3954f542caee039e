// What a roof says, and where it is kept.
#include "runtime/roof.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include <fmt/core.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "runtime/machine.h"
#include "runtime/roof_measure.h"
#include "support/error.h"

namespace tw::runtime {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// Counts up when figures are measured in another way or written in another form: older files are then passed
/// over.
constexpr int kVersion = 1;

struct Point {
  double at, value;
};

/// On the line between the neighbours of x; beyond them the nearest. Points in order of `at`, at least one.
double interpolate(const std::vector<Point>& points, double x) {
  if (x <= points.front().at) return points.front().value;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const Point &low = points[i - 1], &high = points[i];
    // std::lerp is exact at both ends and monotonic: what falls from point to point falls between them too.
    if (x <= high.at) return std::lerp(low.value, high.value, (x - low.at) / (high.at - low.at));
  }
  return points.back().value;
}

void check_threads(int threads) {
  if (threads < 1) raise_value("the roof of {} threads is asked for; at least 1 is needed", threads);
}

double Bandwidth::*kind_of(const std::string& kind) {
  if (kind == "read") return &Bandwidth::read;
  if (kind == "write") return &Bandwidth::write;
  if (kind == "copy") return &Bandwidth::copy;
  raise_value("no bandwidth is called '{}'; there are 'read', 'write' and 'copy'", kind);
}

fs::path cache_folder(const std::string& asked) {
  if (!asked.empty()) return asked;
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache == '/') return fs::path(cache) / "tilewright";
  const char* home = std::getenv("HOME");
  return home && *home ? fs::path(home) / ".cache" / "tilewright" : fs::path();
}

fs::path cache_file(const fs::path& folder, const std::string& machine) {
  return folder / fmt::format("roof-{:016x}.json", XXH64(machine.data(), machine.size(), kVersion));
}

std::optional<Roof> read_cache(const fs::path& file, const std::string& machine) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  std::optional<Roof> roof = stream ? Roof::from_json(text.str()) : std::nullopt;
  return roof && roof->machine == machine ? roof : std::nullopt;
}

/// Whoever reads at the same time sees the old file or the new one, never a part.
void write_cache(const fs::path& file, const Roof& roof) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  const fs::path part = fmt::format("{}.{}.part", file.string(), getpid());
  {
    std::ofstream stream(part);
    stream << roof.to_json() << "\n";
    if (!stream.flush()) {
      fs::remove(part, error);
      return;
    }
  }
  fs::rename(part, file, error);
  if (error) fs::remove(part, error);
}

bool positive(double value) {
  return std::isfinite(value) && value > 0;
}

/// What lookups rely on: something of everything, in order, above 0.
bool is_whole(const Roof& roof) {
  for (const char* dtype : {"float32", "bfloat16", "int8"})
    if (std::none_of(roof.rates.begin(), roof.rates.end(), [&](const auto& r) { return r.dtype == dtype; }))
      return false;
  for (const ComputeRate& r : roof.rates)
    if (r.threads < 1 || !positive(r.operations)) return false;
  for (const Bandwidth& b : roof.bandwidths)
    if (b.threads < 1 || b.working_set < 1 || !positive(b.read) || !positive(b.write) || !positive(b.copy))
      return false;
  const auto before = [](const Bandwidth& a, const Bandwidth& b) {
    return std::pair(a.threads, a.working_set) < std::pair(b.threads, b.working_set);
  };
  return !roof.bandwidths.empty() && std::is_sorted(roof.bandwidths.begin(), roof.bandwidths.end(), before);
}

}  // namespace

double Roof::operations(const std::string& dtype, int threads) const {
  check_threads(threads);
  std::vector<Point> points;
  for (const ComputeRate& rate : rates)
    if (rate.dtype == dtype) points.push_back({static_cast<double>(rate.threads), rate.operations});
  if (points.empty())
    raise_value("no rate of '{}' was measured; there are those of float32, bfloat16 and int8", dtype);
  std::sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.at < b.at; });
  return interpolate(points, threads);
}

double Roof::bandwidth(const std::string& kind, int64_t working_set, int threads) const {
  check_threads(threads);
  double Bandwidth::*const value = kind_of(kind);
  std::vector<Point> by_threads, by_size;
  for (std::size_t i = 0; i < bandwidths.size(); ++i) {
    const Bandwidth& each = bandwidths[i];
    by_size.push_back({std::log2(each.working_set), each.*value});
    if (i + 1 < bandwidths.size() && bandwidths[i + 1].threads == each.threads) continue;
    const double at = std::log2(std::max<int64_t>(working_set, 1));
    by_threads.push_back({static_cast<double>(each.threads), interpolate(by_size, at)});
    by_size.clear();
  }
  check_internal(!by_threads.empty(), "a roof without bandwidths");
  return interpolate(by_threads, threads);
}

double Roof::seconds(const std::string& dtype, double operations, int64_t bytes, int threads) const {
  const double compute = operations / this->operations(dtype, threads);
  return std::max(compute, static_cast<double>(bytes) / bandwidth("copy", bytes, threads));
}

std::string Roof::to_json() const {
  json rates_json = json::array(), bandwidths_json = json::array();
  for (const ComputeRate& r : rates)
    rates_json.push_back({{"dtype", r.dtype},
                          {"instructions", r.instructions},
                          {"threads", r.threads},
                          {"operations_per_second", r.operations}});
  for (const Bandwidth& b : bandwidths)
    bandwidths_json.push_back({{"working_set_bytes", b.working_set},
                               {"threads", b.threads},
                               {"read_bytes_per_second", b.read},
                               {"write_bytes_per_second", b.write},
                               {"copy_bytes_per_second", b.copy}});
  return json{{"version", kVersion},
              {"machine", machine},
              {"quick", quick},
              {"rates", rates_json},
              {"bandwidths", bandwidths_json}}
      .dump(2);
}

std::optional<Roof> Roof::from_json(const std::string& text) try {
  const json j = json::parse(text);
  if (j.at("version") != kVersion) return std::nullopt;
  Roof roof{j.at("machine"), j.at("quick"), {}, {}};
  for (const json& r : j.at("rates"))
    roof.rates.push_back(
        {r.at("dtype"), r.at("instructions"), r.at("threads"), r.at("operations_per_second")});
  for (const json& b : j.at("bandwidths"))
    roof.bandwidths.push_back({b.at("working_set_bytes"), b.at("threads"), b.at("read_bytes_per_second"),
                               b.at("write_bytes_per_second"), b.at("copy_bytes_per_second")});
  return is_whole(roof) ? std::optional(roof) : std::nullopt;
} catch (const json::exception&) {
  return std::nullopt;
}

Roof measure_roof(const RoofOptions& options) {
  const Machine machine = this_machine();
  const fs::path folder = cache_folder(options.cache);
  const fs::path file = folder.empty() ? fs::path() : cache_file(folder, machine.fingerprint());
  if (!options.refresh && !file.empty()) {
    const std::optional<Roof> known = read_cache(file, machine.fingerprint());
    if (known && (options.quick || !known->quick)) return *known;
  }
  const Roof roof = measure_roof_of(machine, options.quick);
  if (!file.empty()) write_cache(file, roof);
  return roof;
}

}  // namespace tw::runtime
