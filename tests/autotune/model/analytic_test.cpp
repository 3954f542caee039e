// Which of two schedules the analytic model takes for the quicker one, and that its numbers are numbers.
#include <cmath>

#include <gtest/gtest.h>

#include "autotune/model/core.h"
#include "autotune/model/nest.h"
#include "autotune/model/schedules.h"
#include "autotune/model/traffic.h"
#include "schedule/corpus/programs.h"

namespace tw::autotune {
namespace {

double seconds_of(const Program& program, const Machine& machine = test_machine()) {
  return analytic_seconds(nest_of(program, {}, {}, machine), machine);
}

TEST(AnalyticModel, blocks_beat_the_plain_loops) {
  EXPECT_LT(10 * seconds_of(tiled_product(512, 512, 512, {})), seconds_of(product(512, 512, 512)));
}

TEST(AnalyticModel, vectors_beat_scalars) {
  EXPECT_LT(5 * seconds_of(tiled_product(512, 512, 512, {})),
            seconds_of(tiled_product(512, 512, 512, {.vectorize = false})));
}

TEST(AnalyticModel, threads_beat_one) {
  const double both = seconds_of(tiled_product(512, 512, 512, {}));
  const double one = seconds_of(tiled_product(512, 512, 512, {.parallel = false}));
  EXPECT_LT(1.7 * both, one);
  EXPECT_LT(both, seconds_of(tiled_product(512, 512, 512, {}), test_machine(1)));
}

TEST(AnalyticModel, a_few_sums_wait_for_each_other_and_too_many_spill) {
  const double good = seconds_of(tiled_product(504, 512, 512, {.rows = 14, .vectors = 2}));
  EXPECT_LT(1.5 * good, seconds_of(tiled_product(504, 512, 512, {.rows = 1, .vectors = 2})));
  EXPECT_LT(1.2 * good, seconds_of(tiled_product(504, 512, 512, {.rows = 14, .vectors = 4})));
}

TEST(AnalyticModel, packing_pays_where_columns_lie_pages_apart) {
  EXPECT_LT(seconds_of(tiled_product(2048, 2048, 2048, {})),
            seconds_of(tiled_product(2048, 2048, 2048, {.pack = false})));
}

TEST(AnalyticModel, a_blocked_product_is_near_what_the_units_give) {
  const double cycles = 1024.0 * 1024 * 1024 / 32 / 2;  // of two threads, two vectors of 16 at once
  const double seconds = seconds_of(tiled_product(1024, 1024, 1024, {}));
  EXPECT_GT(seconds, cycles / 5e9);
  EXPECT_LT(seconds, 2 * cycles / 4e9);
}

TEST(AnalyticModel, numbers_are_finite_for_every_program) {
  const std::size_t length = feature_names().size();
  EXPECT_GE(length, 100u);
  EXPECT_LE(length, 160u);
  for (const schedule::CorpusCase& sample : schedule::corpus()) {
    SCOPED_TRACE(sample.name);
    const Values sizes(sample.sizes.begin(), sample.sizes.end());
    for (const Machine& machine : {test_machine(), test_machine(1), test_machine(64)}) {
      for (const Values& given : {sizes, Values{}}) {
        const Nest nest = nest_of(sample.program, {}, given, machine);
        const double seconds = analytic_seconds(nest, machine);
        EXPECT_TRUE(std::isfinite(seconds) && seconds > 0) << seconds;
        const std::vector<float> features = features_of(nest, machine);
        ASSERT_EQ(features.size(), length);
        for (std::size_t i = 0; i < length; ++i)
          EXPECT_TRUE(std::isfinite(features[i]) && std::fabs(features[i]) < 1e6) << feature_names()[i];
      }
    }
  }
}

TEST(AnalyticModel, sizes_of_zero_and_one_are_no_trouble) {
  for (const int64_t size : {0, 1}) {
    const Program program = product(size, size == 0 ? 3 : 1, 2);
    const Nest nest = nest_of(program, {}, {}, test_machine());
    EXPECT_TRUE(std::isfinite(analytic_seconds(nest, test_machine())));
    for (const float feature : features_of(nest, test_machine())) EXPECT_TRUE(std::isfinite(feature));
  }
}

TEST(AnalyticModel, names_of_features_differ) {
  std::vector<std::string> names = feature_names();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
}

TEST(Traffic, what_fits_crosses_once_and_what_does_not_each_time) {
  // A row of B is read for each of 64 rows of Y: 4 MiB in all, or 16 KiB.
  for (const int64_t columns : {int64_t{1} << 20, int64_t{1} << 12}) {
    const auto x = te::placeholder({columns}, kFloat32, "X");
    const auto y = te::compute(
        {64, columns}, [&](const std::vector<Var>& p) -> te::Value { return te::add(x({p[1]}), x({p[1]})); },
        "Y", {"i", "j"});
    const Nest nest = nest_of(te::first_program({y}, std::nullopt, "spread"), {}, {}, test_machine(1));
    const Machine machine = test_machine(1);
    const auto crossing =
        crossings_of(nest, memory_levels(machine)[1], footprints_of(nest, machine), machine);
    const double lines = static_cast<double>(columns) * 4 / 64;
    ASSERT_EQ(crossing.size(), 1u);
    double read = 0;
    for (std::size_t i = 0; i < crossing[0].size(); ++i)
      if (!nest.statements[0].accesses[i].store) read += crossing[0][i].lines;
    if (columns > (1 << 18)) {
      EXPECT_GT(read, 50 * lines);
    } else {
      EXPECT_LT(read, 4 * lines);
    }
  }
}

TEST(Kernels, a_register_tile_is_seen_as_one) {
  const Machine machine = test_machine();
  const Nest nest = nest_of(tiled_product(512, 512, 512, {.rows = 8, .vectors = 2}), {}, {}, machine);
  InnerKernel heaviest;
  for (const InnerKernel& kernel : kernels_of(nest, machine))
    if (kernel.cycles * kernel.turns > heaviest.cycles * heaviest.turns) heaviest = kernel;
  EXPECT_EQ(heaviest.accumulators, 16);
  EXPECT_EQ(heaviest.loads, 8 + 2);
  EXPECT_EQ(heaviest.arithmetic, 16);
  EXPECT_EQ(heaviest.spills, 0);
  EXPECT_EQ(heaviest.threads, 2);
  EXPECT_NEAR(heaviest.cycles, 8, 1);
}

}  // namespace
}  // namespace tw::autotune
