#include "autotune/search/explorer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autotune/space/script.h"
#include "codegen/target.h"
#include "te/lower.h"
#include "te/math.h"

namespace tw::autotune {
namespace {

using te::Value;

/// B[i, j] = A[i, j] * 2
Program twice_program(int64_t n, int64_t m) {
  const te::Tensor a = te::placeholder({n, m}, kFloat32, "A");
  const te::Tensor b = te::compute(
      {n, m},
      [&](const std::vector<Var>& i) {
        return a({i[0], i[1]}) * make_const(kFloat32, 2.0);
      },
      "B");
  return te::first_program({b}, std::nullopt, "explored_twice");
}

/// A sketch of the tests' own: rows of a tile, a vector, threads or not, and a parameter.
class ExplorerTest : public testing::Test {
 protected:
  ExplorerTest() {
    Sketch sketch;
    sketch.name = "test_tiles";
    sketch.applies = [](const Workload& w) { return w.program->name.text == "explored_twice"; };
    sketch.apply = [](Script& s, const Workload&, Choices& choose) {
      const std::vector<LoopRef> loops = s.loops(s.block("B"));
      const int64_t rows = choose.pick("rows", {1, 2, 4, 8}, 4);
      const auto [panel, outer, row] =
          s.split<3>(loops[0], {None{}, choose.parameter("block", lattice(2, 32), 8), rows});
      const auto [vectors, lane] = s.split<2>(loops[1], {None{}, choose.pick("lanes", {4, 8, 16}, 16)});
      if (rows == 1) choose.reject("rows of one are not wanted here");
      s.reorder({panel, outer, vectors, row, lane});
      s.vectorize(lane);
      if (choose.way("threads", {"none", "panels"}, 1) == 1) s.parallel(panel);
    };
    add_sketch(std::move(sketch));
    workload.program = twice_program(30, 50);
    workload.machine = machine_of(codegen::parse_target("llvm"));
  }
  ~ExplorerTest() override { remove_sketch("test_tiles"); }

  /// Those of our sketch.
  static std::vector<Prospect> ours(std::vector<Prospect> prospects) {
    std::erase_if(prospects, [](const Prospect& p) { return p.candidate.sketch != "test_tiles"; });
    return prospects;
  }

  Workload workload;
};

TEST_F(ExplorerTest, PreferredValuesAreTakenFirst) {
  Explorer explorer(workload, 1);
  const std::vector<Prospect> found = ours(explorer.preferred());
  ASSERT_EQ(found.size(), 1u);
  const Values expected{{"block", 8}, {"lanes", 16}, {"rows", 4}, {"threads", 1}};
  EXPECT_EQ(found[0].candidate.values(), expected);
  EXPECT_EQ(found[0].candidate.parameters, (Values{{"block", 8}}));
  EXPECT_TRUE(ours(explorer.preferred()).empty()) << "a point is made once";
}

TEST_F(ExplorerTest, NoPointIsMadeTwice) {
  Explorer explorer(workload, 2);
  std::set<Values> seen;
  for (int round = 0; round < 20; ++round)
    for (const Prospect& prospect : ours(explorer.random(20)))
      EXPECT_TRUE(seen.insert(prospect.candidate.values()).second);
  EXPECT_GT(seen.size(), 20u);
  EXPECT_GT(explorer.refused(), 0) << "rows = 1 is rejected";
}

TEST_F(ExplorerTest, TheSameSeedMakesTheSamePoints) {
  Explorer a(workload, 7), b(workload, 7);
  const std::vector<Prospect> first = a.random(10), second = b.random(10);
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i)
    EXPECT_EQ(first[i].candidate.values(), second[i].candidate.values());
}

TEST_F(ExplorerTest, ParametersShareStructure) {
  Explorer explorer(workload, 3);
  const Candidate from = ours(explorer.preferred()).at(0).candidate;
  const std::vector<Prospect> points = explorer.parameter_points(from, 4);
  ASSERT_FALSE(points.empty());
  for (const Prospect& point : points) {
    EXPECT_EQ(point.candidate.structure, from.structure);
    EXPECT_NE(point.candidate.parameters, from.parameters);
    EXPECT_EQ(point.candidate.parameters.at("block"), point.candidate.values().at("block"));
  }
}

TEST_F(ExplorerTest, StepsMoveOneHoleAndEnd) {
  Explorer explorer(workload, 4);
  const Candidate from = ours(explorer.preferred()).at(0).candidate;
  std::size_t made = 0;
  for (bool finished = false; !finished;) {
    for (const Prospect& step : explorer.steps(from, 2, &finished)) {
      ++made;
      int moved = 0;
      for (const auto& [name, value] : step.candidate.values()) moved += from.values().at(name) != value;
      EXPECT_EQ(moved, 1);
    }
  }
  // rows 2 and 8, lanes 8, block down and up, threads 0.
  EXPECT_EQ(made, 6u);
}

TEST_F(ExplorerTest, RecordsOfNeighboursTakeTheNearestValues) {
  Explorer explorer(workload, 5);
  const std::vector<Prospect> found =
      explorer.recorded("test_tiles", {{"rows", 7}, {"lanes", 32}, {"block", 5}, {"gone", 3}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].candidate.values().at("rows"), 8);
  EXPECT_EQ(found[0].candidate.values().at("lanes"), 16);
  EXPECT_TRUE(explorer.recorded("no_such_sketch", {}).empty());
}

TEST(Choices, LatticesAreSortedMultiples) {
  EXPECT_THAT(lattice(8, 64), testing::ElementsAre(8, 16, 24, 32, 48, 64));
  EXPECT_THAT(lattice(5, 4), testing::ElementsAre(5));
  EXPECT_THAT(divisors(12), testing::ElementsAre(1, 2, 3, 4, 6, 12));
}

TEST(Choices, NothingOfferedIsRejected) {
  Choices choose;
  EXPECT_THROW(choose.pick("rows", {}, 4), Rejected);
}

}  // namespace
}  // namespace tw::autotune
