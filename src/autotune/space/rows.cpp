// Row-wise chains: softmax, layer norm, sums of rows and of columns, in whatever blocks they are written.
//
//   for i, j: most[i] = max(most[i], X[i, j])            for i in parallel(m):
//   for i, j: powers[i, j] = exp(X[i, j] - most[i])        most[i] in 8 vectors of partial maxima
//   for i, j: total[i] += powers[i, j]               =>    for chunk of j: powers[i, j]; partial sums
//   for i, j: Y[i, j] = powers[i, j] / total[i]            total[i] from these
//                                                          for chunk of j: Y[i, j]
//
// What counts is that memory is read once and written once: a row stays in the first cache between the passes
// over it.
#include <algorithm>

#include <fmt/format.h>

#include "autotune/space/general_nest.h"
#include "autotune/space/rows_leader.h"

namespace tw::autotune {
namespace {

bool is_row_wise(const BlockFacts& block) {
  return block.kind == BlockKind::kElementwise || block.kind == BlockKind::kRowReduction;
}

bool applies(const Workload& workload) {
  const Facts facts = facts_of(workload);
  return !facts.of(BlockKind::kRowReduction).empty() &&
         std::all_of(facts.blocks.begin(), facts.blocks.end(), is_row_wise);
}

std::vector<int> all_blocks_of(const Facts& facts) {
  std::vector<int> all;
  for (std::size_t i = 0; i < facts.blocks.size(); ++i) all.push_back(static_cast<int>(i));
  return all;
}

/// Rows of the group with the fewest.
int64_t fewest_rows(const Draft& d, const std::vector<RowGroup>& groups) {
  int64_t fewest = int64_t{1} << 60;
  for (const RowGroup& group : groups) {
    if (group.members.empty() || group.rows.empty()) continue;
    int64_t rows = 1;
    for (const int axis : group.rows)
      rows *= d.block(group.leader).axes[static_cast<std::size_t>(axis)].extent;
    fewest = std::min(fewest, rows);
  }
  return fewest;
}

void multiply_by_reciprocals(Script& s, const std::string& block) {
  s.apply("rewrite", {s.block(block), "reciprocals", Value(schedule::List{})});
}

/// Where a stated error is allowed, elements of a row that are divided by one value are multiplied by its
/// reciprocal. Gives what is left to schedule.
Workload with_reciprocals(Script& s, const Workload& workload, Choices& choose) {
  Workload left = workload;
  if (!workload.bounded) return left;
  for (const BlockFacts& block : facts_of(workload).blocks) {
    if (block.kind != BlockKind::kElementwise) continue;
    schedule::Schedule scratch(s.schedule().program());
    Script trial(scratch);
    const bool fits = attempt(trial, [&] { multiply_by_reciprocals(trial, block.name); });
    if (fits && choose.flag("reciprocal_" + block.name, true)) multiply_by_reciprocals(s, block.name);
  }
  left.program = s.schedule().program();
  return left;
}

void apply(Script& s, const Workload& asked, Choices& choose) {
  const Workload workload = with_reciprocals(s, asked, choose);
  const Facts facts = facts_of(workload);
  Draft d{s, workload, facts, choose};
  const Ties ties(d);
  std::vector<RowGroup> groups = row_groups(d, ties, all_blocks_of(facts), false);
  const int64_t rows = fewest_rows(d, groups);
  const bool much = worth_threads(d, facts.operations, static_cast<double>(facts.input_bytes));
  if (much && rows < 4 * d.machine().threads &&
      choose.way("rows", {"each by one thread", "shared by the threads"}, rows < d.machine().threads))
    groups = row_groups(d, ties, all_blocks_of(facts), true);
  for (const RowGroup& group : groups)
    schedule_row_group(d, group, groups.size() == 1 ? "" : fmt::format("g{}_", group.leader));
}

const SketchRegistration registration{{
    .name = "rows",
    .summary = "Row-wise reductions and what is made of them, a row at a time in the first cache.",
    .applies = applies,
    .apply = apply,
}};

}  // namespace
}  // namespace tw::autotune
