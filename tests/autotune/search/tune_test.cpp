// The search as a whole, with a worker: what random choice draws, where a search begins, and what ends it.
#include "autotune/search/tune.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autotune/records/key.h"
#include "autotune/search/quantile.h"
#include "autotune/search/roof.h"
#include "autotune/worker/programs.h"
#include "codegen/target.h"
#include "te/lower.h"
#include "te/math.h"

namespace tw::autotune {
namespace {

TuneOptions options_of(const std::string& model, int64_t trials) {
  TuneOptions options;
  options.target = "llvm -threads=2";
  options.model = model;
  options.trials = trials;
  options.seconds = 120;
  options.runner = test::with_test_worker();
  return options;
}

std::vector<Record> trials_of(const Database& db) {
  std::vector<Record> records = db.records({});
  std::erase_if(records, [](const Record& record) { return record.final_round; });
  return records;
}

TEST(Tune, random_choice_measures_each_point_once) {
  Database db = Database::open(":memory:");
  const TuneResult result = tune(test::matmul(24, 20, 16), options_of("random", 30), db);
  ASSERT_TRUE(result.best);
  EXPECT_TRUE(result.best->verified);
  std::set<std::pair<std::string, Values>> seen;
  for (const Record& record : trials_of(db)) {
    EXPECT_TRUE(seen.emplace(record.sketch, record.choices).second) << record.sketch;
    if (record.status != Status::kOk) continue;
    EXPECT_FALSE(record.samples.front().empty()) << "a loser has a time too";
  }
  EXPECT_GE(seen.size(), 20u);
}

TEST(Tune, random_choice_asks_no_neighbours) {
  Database db = Database::open(":memory:");
  tune(test::matmul(24, 20, 16), options_of("random", 10), db);
  const std::size_t before = trials_of(db).size();
  const auto draws = [&](Database& in) {
    tune(test::matmul(32, 20, 16), options_of("random", 10), in);
    std::vector<Values> choices;
    for (const Record& record : trials_of(in)) choices.push_back(record.choices);
    return choices;
  };
  Database empty = Database::open(":memory:");
  std::vector<Values> beside = draws(db);
  beside.erase(beside.begin(), beside.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_THAT(beside, testing::UnorderedElementsAreArray(draws(empty)));
}

TEST(Tune, a_neighbours_best_is_tried_at_the_beginning) {
  Database db = Database::open(":memory:");
  const TuneResult first = tune(test::matmul(64, 64, 48), options_of("learned", 24), db);
  ASSERT_TRUE(first.best);
  const std::size_t before = trials_of(db).size();
  tune(test::matmul(64, 64, 64), options_of("learned", 12), db);
  const std::vector<Record> trials = trials_of(db);
  std::vector<Values> early;
  for (std::size_t i = before; i < std::min(trials.size(), before + 16); ++i)
    if (trials[i].sketch == first.best->sketch) early.push_back(trials[i].choices);
  EXPECT_THAT(early, testing::Contains(first.best->choices));
}

TEST(Roof, counts_what_a_gather_reads) {
  // Y[i] = T[X[i]] reads 8 elements of 4096 at most; some may be the same.
  const te::Tensor table = te::placeholder({4096}, kFloat32, "T"), rows = te::placeholder({8}, kInt64, "X");
  const te::Tensor y = te::compute(
      {8}, [&](const std::vector<Var>& i) { return table({rows({i[0]})}); }, "Y");
  Workload workload;
  workload.program = te::first_program({y}, std::nullopt, "gather");
  workload.machine = machine_of(codegen::parse_target("llvm"));
  const Roofline roof = roofline_of(workload);
  EXPECT_DOUBLE_EQ(roof.bytes, 8 * 4 + 8 * 8 + 8 * 4);
  EXPECT_FALSE(roof.is_sharp);
}

TEST(Quantile, interpolates_between_samples) {
  EXPECT_DOUBLE_EQ(quantile_of({4, 1, 3, 2, 5}, kMedian), 3);
  EXPECT_DOUBLE_EQ(quantile_of({4, 1, 3, 2}, kMedian), 2.5);
  EXPECT_DOUBLE_EQ(quantile_of({4, 1, 3, 2, 5}, kUndisturbed), 2);
  EXPECT_DOUBLE_EQ(quantile_of({7}, kUndisturbed), 7);
  EXPECT_TRUE(std::isinf(quantile_of({}, kMedian)));
}

}  // namespace
}  // namespace tw::autotune
