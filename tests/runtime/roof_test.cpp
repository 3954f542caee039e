#include "runtime/roof.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "runtime/core/call.h"
#include "runtime/machine.h"
#include "runtime/roof_kernels.h"
#include "support/error.h"

namespace tw::runtime {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A folder that goes with the test.
class RoofCache : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "roof-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  Roof measure(bool quick = true, bool refresh = false) const {
    return measure_roof({.quick = quick, .refresh = refresh, .cache = folder_.string()});
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder_)) found.push_back(entry.path());
    return found;
  }

  fs::path folder_;
};

/// Small numbers to look up: one and three threads, working sets of 2^10, 2^12 and 2^20 bytes.
Roof example() {
  return {
      "a machine",
      true,
      {{"float32", "fma", 1, 100},
       {"float32", "fma", 3, 300},
       {"bfloat16", "dot", 1, 200},
       {"int8", "dot", 1, 400}},
      {{1 << 10, 1, 64, 32, 16}, {1 << 12, 1, 32, 16, 8}, {1 << 20, 1, 8, 4, 2}, {1 << 10, 3, 128, 64, 32}}};
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Machine, has_threads_and_caches_that_grow) {
  const Machine machine = this_machine();
  EXPECT_EQ(machine.threads, tw_usable_threads());
  EXPECT_GE(machine.threads, 1);
  EXPECT_GT(machine.memory_bytes, 0);
  for (std::size_t i = 1; i < machine.caches.size(); ++i)
    EXPECT_GT(machine.caches[i].level, machine.caches[i - 1].level);
  for (const int threads : {1, machine.threads})
    for (const int level : {1, 2, 3}) EXPECT_GE(machine.cache_bytes(level, threads), 4 << 10) << level;
}

TEST(Machine, counts_a_shared_cache_once) {
  Machine machine;
  machine.threads = 8;
  machine.caches = {{1, 32 << 10, 2}, {3, 16 << 20, 4}};
  EXPECT_EQ(machine.cache_bytes(1, 1), 32 << 10);
  EXPECT_EQ(machine.cache_bytes(1, 8), 4 * (32 << 10));
  EXPECT_EQ(machine.cache_bytes(3, 8), 2 * (16 << 20));
  EXPECT_EQ(machine.cache_bytes(2, 2), 2 * (512 << 10)) << "no such level is told: the usual size";
}

TEST(Machine, fingerprint_is_stable_and_tells_hardware_apart) {
  const Machine machine = this_machine();
  EXPECT_EQ(machine.fingerprint(), this_machine().fingerprint());
  EXPECT_EQ(machine.fingerprint().find('\n'), std::string::npos);
  std::set<std::string> different{machine.fingerprint()};
  Machine other = machine;
  other.threads += 1;
  different.insert(other.fingerprint());
  other.caches.push_back({4, 1 << 30, 1});
  different.insert(other.fingerprint());
  other.cpu += "x";
  different.insert(other.fingerprint());
  EXPECT_EQ(different.size(), 4u);
}

TEST(RoofKernels, read_write_and_copy_what_they_say) {
  const MemoryKernels kernels = memory_kernels();
  constexpr int64_t kBytes = 3 * kMemoryStep;
  alignas(64) static char from[kBytes + 64], to[kBytes + 64];
  for (int64_t i = 0; i < kBytes + 64; ++i) from[i] = static_cast<char>(i * 7 + 1), to[i] = 99;
  for (const auto copy : {kernels.copy, kernels.copy_streaming}) {
    if (!copy) continue;
    std::fill(std::begin(to), std::end(to), 99);
    copy(to, from, kBytes, 2);
    EXPECT_TRUE(std::equal(to, to + kBytes, from));
    EXPECT_EQ(to[kBytes], 99);
  }
  for (const auto write : {kernels.write, kernels.write_streaming}) {
    if (!write) continue;
    std::fill(std::begin(to), std::end(to), 99);
    write(to, kBytes, 1);
    EXPECT_TRUE(std::all_of(to, to + kBytes, [](char c) { return c == 0; }));
    EXPECT_EQ(to[kBytes], 99);
    write(to, kBytes, 0);
  }
  kernels.read(from, kBytes, 2);
}

TEST(RoofKernels, there_is_one_of_each_dtype) {
  std::vector<std::string> dtypes;
  for (const ComputeKernel& kernel : compute_kernels()) {
    dtypes.push_back(kernel.dtype);
    EXPECT_GT(kernel.operations, 0);
    kernel.run(3);
    kernel.run(0);
  }
  EXPECT_THAT(dtypes, testing::UnorderedElementsAre("float32", "bfloat16", "int8"));
}

TEST_F(RoofCache, quick_roof_is_plausible) {
  const Roof roof = measure();
  const int threads = tw_usable_threads();
  EXPECT_EQ(roof.machine, this_machine().fingerprint());
  std::set<int> counts;
  for (const ComputeRate& rate : roof.rates) {
    counts.insert(rate.threads);
    EXPECT_FALSE(rate.instructions.empty());
    EXPECT_GT(rate.operations, 1e7) << rate.dtype;
    EXPECT_LT(rate.operations, 1e15 * threads) << rate.dtype;
  }
  EXPECT_EQ(counts, (std::set<int>{1, threads}));
  for (const Bandwidth& each : roof.bandwidths) {
    EXPECT_GE(each.working_set, int64_t{16} << 10);
    for (const double value : {each.read, each.write, each.copy}) {
      EXPECT_GT(value, 1e6);
      EXPECT_LT(value, 1e14 * threads);
    }
  }
  EXPECT_GE(roof.bandwidth("read", 1 << 10, 1), roof.bandwidth("read", int64_t{1} << 40, 1));
}

TEST_F(RoofCache, comes_back_as_it_was) {
  const Roof first = measure();
  ASSERT_EQ(files().size(), 1u);
  EXPECT_EQ(measure(), first);
  const std::optional<Roof> parsed = Roof::from_json(first.to_json());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, first);
}

TEST_F(RoofCache, full_roof_serves_quick_requests_but_not_the_other_way) {
  Roof known = example();
  known.machine = this_machine().fingerprint();
  measure();
  const fs::path file = files().at(0);
  known.quick = false;
  std::ofstream(file) << known.to_json();
  EXPECT_EQ(measure(true), known);
  EXPECT_EQ(measure(false), known);
  EXPECT_NE(measure(true, /*refresh=*/true), known);
  known.quick = true;
  std::ofstream(file) << known.to_json();
  EXPECT_EQ(measure(true), known);
}

TEST_F(RoofCache, measures_anew_where_the_file_is_of_no_use) {
  measure();
  const fs::path file = files().at(0);
  for (const std::string& text :
       {std::string("{\"version\": 1"), example().to_json()}) {  // another machine's
    std::ofstream(file) << text;
    EXPECT_EQ(measure().machine, this_machine().fingerprint()) << text;
    std::stringstream now;
    now << std::ifstream(file).rdbuf();
    EXPECT_TRUE(Roof::from_json(now.str())) << "written anew";
    EXPECT_EQ(files().size(), 1u) << "nothing is left beside it";
  }
}

TEST(Roof, passes_over_texts_that_are_not_whole) {
  const std::string good = example().to_json();
  EXPECT_EQ(Roof::from_json(good), example());
  for (const std::string text :
       {"", "{", "[]", "null", "3", "\xff\xfe", R"({"version": 1})", R"({"version": "x"})"})
    EXPECT_FALSE(Roof::from_json(text)) << text;
  for (std::size_t length = 0; length < good.size(); length += 7)
    EXPECT_FALSE(Roof::from_json(good.substr(0, length))) << length;
}

TEST_F(RoofCache, does_without_a_folder_that_can_be_written) {
  const fs::path file = folder_ / "file";
  std::ofstream(file) << "in the way";
  const Roof roof = measure_roof({.quick = true, .cache = (file / "below").string()});
  EXPECT_FALSE(roof.rates.empty());
  EXPECT_EQ(files().size(), 1u);
}

TEST(Roof, refuses_figures_that_cannot_be) {
  const auto accepts = [](const std::function<void(Roof&)>& change) {
    Roof roof = example();
    change(roof);
    return Roof::from_json(roof.to_json()).has_value();
  };
  EXPECT_TRUE(accepts([](Roof&) {}));
  EXPECT_FALSE(accepts([](Roof& r) { r.rates[0].operations = -1; }));
  EXPECT_FALSE(accepts([](Roof& r) { r.rates[0].operations = NAN; }));
  EXPECT_FALSE(accepts([](Roof& r) { r.rates[0].threads = 0; }));
  EXPECT_FALSE(accepts([](Roof& r) { r.rates.pop_back(); }));
  EXPECT_FALSE(accepts([](Roof& r) { r.bandwidths.clear(); }));
  EXPECT_FALSE(accepts([](Roof& r) { r.bandwidths[1].copy = 0; }));
  EXPECT_FALSE(accepts([](Roof& r) { std::swap(r.bandwidths[0], r.bandwidths[1]); }));
}

TEST(Roof, is_looked_up_between_what_was_measured) {
  const Roof roof = example();
  EXPECT_DOUBLE_EQ(roof.operations("float32", 1), 100);
  EXPECT_DOUBLE_EQ(roof.operations("float32", 2), 200);
  EXPECT_DOUBLE_EQ(roof.operations("float32", 64), 300);
  EXPECT_DOUBLE_EQ(roof.operations("int8", 2), 400);
  EXPECT_DOUBLE_EQ(roof.bandwidth("read", 1 << 12, 1), 32);
  EXPECT_DOUBLE_EQ(roof.bandwidth("write", 1 << 11, 1), 24);
  EXPECT_DOUBLE_EQ(roof.bandwidth("copy", 0, 1), 16);
  EXPECT_DOUBLE_EQ(roof.bandwidth("copy", int64_t{1} << 40, 1), 2);
  EXPECT_DOUBLE_EQ(roof.bandwidth("read", 1 << 10, 2), 96);
}

TEST(Roof, bounds_a_kernel_by_what_binds) {
  const Roof roof = example();
  EXPECT_DOUBLE_EQ(roof.seconds("float32", 1e9, 1 << 10, 1), 1e7) << "arithmetic";
  EXPECT_DOUBLE_EQ(roof.seconds("float32", 1, 1 << 10, 1), 64) << "memory";
}

TEST(Roof, names_what_it_does_not_have) {
  const Roof roof = example();
  EXPECT_THAT(message_of([&] { roof.operations("float64", 1); }), HasSubstr("float64"));
  EXPECT_THAT(message_of([&] { roof.operations("float32", 0); }), HasSubstr("at least 1"));
  EXPECT_THAT(message_of([&] { roof.bandwidth("swap", 1, 1); }), HasSubstr("'read', 'write' and 'copy'"));
  EXPECT_THAT(message_of([&] { roof.bandwidth("read", 1, -3); }), HasSubstr("-3"));
  EXPECT_THAT(message_of([&] { measure_rate("complex64", 1); }), HasSubstr("complex64"));
  EXPECT_THAT(message_of([&] { measure_rate("int8", 0); }), HasSubstr("0 threads"));
  EXPECT_THAT(message_of([&] { measure_bandwidth(1 << 20, 1 << 30); }),
              HasSubstr("processors of this process"));
}

TEST(Roof, measures_one_dtype) {
  const ComputeRate rate = measure_rate("int8", tw_usable_threads());
  EXPECT_EQ(rate.dtype, "int8");
  EXPECT_EQ(rate.threads, tw_usable_threads());
  EXPECT_GT(rate.operations, 1e7);
}

TEST(Roof, measures_one_working_set) {
  const Bandwidth small = measure_bandwidth(0, 1);
  EXPECT_EQ(small.working_set, 16 << 10);
  EXPECT_GT(small.copy, 0);
  const Bandwidth odd = measure_bandwidth(100'003, tw_usable_threads());
  EXPECT_EQ(odd.threads, tw_usable_threads());
  EXPECT_EQ(odd.working_set % odd.threads, 0);
  EXPECT_EQ(odd.working_set / odd.threads % kMemoryStep, 0);
}

}  // namespace
}  // namespace tw::runtime
