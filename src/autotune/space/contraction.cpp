#include "autotune/space/contraction.h"

#include <algorithm>

#include "autotune/space/contraction_dot.h"
#include "autotune/space/contraction_inner.h"
#include "autotune/space/contraction_nest.h"
#include "autotune/space/elementwise.h"

namespace tw::autotune {
namespace {

/// The only sum of products, if all else is a block of points: before it, what it reads; behind it, what
/// takes its results. -1: the program is another.
int only_contraction(const Facts& facts) {
  int found = -1;
  for (std::size_t i = 0; i < facts.blocks.size(); ++i) {
    const BlockFacts& block = facts.blocks[i];
    if (block.kind == BlockKind::kElementwise || block.kind == BlockKind::kMovement) continue;
    if (found >= 0 || !is_contraction(block)) return -1;
    found = static_cast<int>(i);
  }
  return found;
}

/// Blocks behind the sum up to where a result is needed elsewhere.
struct Around {
  std::vector<int> before, behind;
};

Around around(const Facts& facts, int product) {
  Around found;
  std::vector<bool> follows(facts.blocks.size(), false);
  follows[static_cast<std::size_t>(product)] = true;
  for (std::size_t i = 0; i < facts.blocks.size(); ++i) {
    if (static_cast<int>(i) == product) continue;
    const std::vector<int>& producers = facts.blocks[i].producers;
    follows[i] = std::any_of(producers.begin(), producers.end(),
                             [&](int p) { return follows[static_cast<std::size_t>(p)]; });
    (follows[i] ? found.behind : found.before).push_back(static_cast<int>(i));
  }
  return found;
}

/// Whether a block of points may be put where it is read: it is none of the results.
bool can_inline(const Draft& d, int block) {
  return !d.is_output(d.block(block)) && !d.block(block).consumers.empty();
}

/// What is behind the sum as one block that takes the sums, all others put into it. Nothing where it cannot
/// be so: those that stay are scheduled one by one.
std::optional<int> join_behind(Draft& d, const Around& blocks) {
  if (blocks.behind.empty()) return {};
  for (const int block : blocks.behind)
    if (block != blocks.behind.back() && !can_inline(d, block)) return {};
  for (const int block : blocks.behind)
    if (block != blocks.behind.back()) d.script.compute_inline(d.ref(block));
  return blocks.behind.back();
}

/// How much of a producer the sum reads: along windows as far as these reach.
int64_t points_read(const BlockFacts& sum, const ReadFacts& read) {
  int64_t points = 1;
  for (const int position : read.axes) {
    const AxisFacts& axis = sum.axes[static_cast<std::size_t>(position)];
    if (axis.reduced && axis.window) continue;
    int64_t span = (axis.extent - 1) * axis.step + 1;
    if (axis.window) {
      const AxisFacts& summed = sum.axes[static_cast<std::size_t>(axis.meets)];
      span += (summed.extent - 1) * summed.step;
    }
    points *= span;
  }
  return points;
}

/// Whether a block had better be put into the sum: it computes nothing, or is padding of which one side alone
/// is read, so that few tiles meet it and a copy costs more.
bool better_inlined(const BlockFacts& block, const BlockFacts& sum) {
  const auto padded = std::find_if(block.reads.begin(), block.reads.end(),
                                   [](const ReadFacts& read) { return read.conditional; });
  if (padded == block.reads.end()) return block.operations == 0;
  return std::any_of(sum.reads.begin(), sum.reads.end(), [&](const ReadFacts& read) {
    if (read.buffer != block.writes) return false;
    const int64_t unread = block.points - points_read(sum, read);
    return unread > 0 && 2 * unread >= block.points - padded->elements;
  });
}

/// A padded copy: rows of it for the threads, so that rows and elements inside carry no conditions.
void schedule_padding(Draft& d, int position) {
  Script& s = d.script;
  const BlockFacts& block = d.block(position);
  std::vector<LoopRef> loops = s.loops(d.ref(position));
  const int64_t lanes = d.lanes(block), turns = s.turns(loops.back());
  const bool short_rows = turns > 0 && turns < lanes;
  const LoopRef along = loops.back();
  loops.pop_back();
  s.vectorize(short_rows ? along : s.split<2>(along, {None{}, lanes})[1]);
  if (d.machine().threads == 1) return;
  for (const LoopRef loop : loops)
    if (s.turns(loop) < 0 || s.turns(loop) >= d.machine().threads) return s.parallel(loop);
}

/// A pass over a block of points of its own.
void schedule_pass(Draft& d, int position) {
  const BlockFacts& block = d.block(position);
  const bool padding = std::any_of(block.reads.begin(), block.reads.end(),
                                   [](const ReadFacts& read) { return read.conditional; });
  const bool in_place = block.contiguous_axis + 1 == static_cast<int>(block.axes.size());
  if (padding && in_place && block.axes.size() > 1)
    schedule_padding(d, position);
  else
    schedule_points(d, position, block.name + "_");
}

/// Blocks before the sum: put into it, or passes of their own, which remain. Those that some block behind the
/// sum reads too are put into that.
std::vector<int> inline_before(Draft& d, const Around& blocks, int product) {
  std::vector<int> passes;
  for (const int position : blocks.before) {
    const BlockFacts& block = d.block(position);
    const bool read_by_sum =
        std::find(block.consumers.begin(), block.consumers.end(), product) != block.consumers.end();
    const bool inlined =
        can_inline(d, position) &&
        (!read_by_sum || d.choose.flag("inline_" + block.name, better_inlined(block, d.block(product))));
    if (inlined)
      d.script.compute_inline(d.ref(position));
    else
      passes.push_back(position);
  }
  return passes;
}

/// The facts of a block of the schedule's program as it is now.
BlockFacts described_anew(Script& s, const Workload& workload, const std::string& block) {
  Workload now = workload;
  now.program = s.schedule().program();
  for (const BlockFacts& facts : facts_of(now).blocks)
    if (facts.name == block) return facts;
  throw Rejected("the sum is no block of its own any more");
}

void contraction(Script& s, const Workload& workload, Choices& choose) {
  const Facts facts = facts_of(workload);
  Draft d{s, workload, facts, choose};
  const int product = only_contraction(facts);
  const Around blocks = around(facts, product);
  std::vector<int> passes = inline_before(d, blocks, product);
  const std::optional<int> last = join_behind(d, blocks);
  if (!last) passes.insert(passes.end(), blocks.behind.begin(), blocks.behind.end());
  const bool fold = last && d.block(*last).kind == BlockKind::kElementwise && choose.flag("epilogue", true);
  const BlockFacts sum = described_anew(s, workload, d.block(product).name);
  if (!is_contraction(sum)) choose.reject("what was put into the sum leaves no product");
  const bool folded = schedule_contraction(s, workload, sum, choose, "", fold ? d.block(*last).name : "");
  if (last && !folded) passes.push_back(*last);
  for (const int pass : passes) schedule_pass(d, pass);
}

const SketchRegistration registration{{
    .name = "contraction",
    .summary = "A sum of products in register tiles, blocks and panels, with what is elementwise around it",
    .applies = [](const Workload& workload) { return only_contraction(facts_of(workload)) >= 0; },
    .apply = contraction,
}};

}  // namespace

bool is_contraction(const BlockFacts& facts) {
  return is_product_with_columns(facts);
}

bool schedule_contraction(Script& s, const Workload& workload, const BlockFacts& facts, Choices& choose,
                          const std::string& prefix, const std::string& consumer) {
  const ContractionShape shape(workload, facts);
  if (const std::optional<DotPlan> dot = choose_dot(shape, choose, prefix))
    return apply_dot(s, shape, *dot, consumer);
  if (const std::optional<InnerPlan> inner = choose_inner(shape, choose, prefix))
    return apply_inner(s, shape, *inner, consumer);
  const ContractionPlan plan = choose_plan(shape, choose, prefix);
  const bool folds = !consumer.empty() && sums_at_once(plan);
  apply_plan(s, shape, plan, folds ? consumer : "");
  return folds;
}

}  // namespace tw::autotune
