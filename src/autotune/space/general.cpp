// The sketch for any program: nothing of it is known beforehand but what the schedule's own analyses say.
//
//   1. Values that are cheap to compute again go into their readers (compute_inline). Of products of several
//      factors, those that a sum does not need are multiplied after it (rewrite factor_out).
//   2. From the last block to the first: it moves into a loop of its readers where that computes little
//      again, and gets tiles: sums in registers, computed for the block that takes them; vectors along the
//      loop that the addresses favour; other loops written out so that what is loaded serves several points.
//      What is read in steps again and again is copied to be neighbours. A reduction of few results is cut
//      into parts for the threads.
//   3. Threads share the outermost loops of each nest that are independent, or become so when they leave
//      loops that run in order.
//
// The rules are those of Ansor (Zheng et al., OSDI 2020) in the main; which dependences allow them is found
// by trying: a refused step is taken back with those that belong to it, and less is tried.
#include "autotune/space/general.h"

#include <algorithm>

#include "autotune/space/general_factors.h"
#include "autotune/space/general_stage.h"
#include "autotune/space/general_threads.h"
#include "schedule/blocks.h"

namespace tw::autotune {
namespace {

constexpr double kCheap = 2;            // operations that are not worth a buffer
constexpr double kAgain = 1.25;         // by how much more may be computed in a loop of readers
constexpr std::size_t kMostPlaces = 8;  // loops that are tried for a producer

/// Whether the caller sees what a block writes.
bool writes_parameter(Script& s, const Block& block) {
  return std::any_of(block.writes.begin(), block.writes.end(), [&](const Region& r) {
    return schedule::is_parameter(s.schedule().program(), r.buffer);
  });
}

/// How many instances of readers read a point of the block, all told.
double reads_of(Script& s, const Workload& workload, const PlacedBlock& block) {
  double reads = 0;
  for (const PlacedBlock& reader : readers_of(s, block)) {
    const NestView nest = view_of(workload, s, reader, 0);
    for (const NestAccess& access : nest.accesses)
      if (!access.store && access.buffer == block.block().writes.front().buffer.get())
        reads += nest.instances();
  }
  return reads;
}

/// Puts a block into its readers where little is computed again, or nothing.
void inline_block(Script& s, const Workload& workload, Choices& choose, BlockRef ref) {
  const auto block = placed(s, ref);
  if (!block || !schedule::only_store(block->block()) || block->block().reducer) return;
  if (writes_parameter(s, block->block())) return;
  const NestView view = view_of(workload, s, *block, 0);
  const double reads = reads_of(s, workload, *block);
  if (reads == 0) return;
  const double again = view.operations * (reads / std::max(1.0, view.instances()) - 1);
  const schedule::Schedule before = s.schedule();
  if (!attempt(s, [&] { s.compute_inline(ref); })) return;
  if (!choose.flag(hole_of(s, ref, "inline"), again <= kCheap)) s.schedule() = before;
}

/// The serial loops around all readers, beyond those around the block itself; outermost first.
std::vector<LoopRef> loops_of_readers(Script& s, const PlacedBlock& block) {
  std::vector<LoopRef> common;
  bool first = true;
  for (const PlacedBlock& reader : readers_of(s, block)) {
    std::vector<LoopRef> loops;
    for (const For* loop : reader.place.loops()) {
      if (loop->loop_kind != LoopKind::kSerial) break;
      loops.push_back(s.loops(reader.ref)[loops.size()]);
    }
    if (first) common = loops;
    const auto [end, unused] = std::mismatch(common.begin(), common.end(), loops.begin(), loops.end());
    common.erase(end, common.end());
    first = false;
  }
  const std::vector<LoopRef> own = s.loops(block.ref);
  std::erase_if(common, [&](LoopRef loop) { return std::find(own.begin(), own.end(), loop) != own.end(); });
  if (common.size() > kMostPlaces) common.erase(common.begin(), common.end() - kMostPlaces);
  return common;
}

/// Moves a block into the innermost loop of its readers in which little is computed again.
void place_block(Script& s, const Workload& workload, Choices& choose, BlockRef ref) {
  const auto block = placed(s, ref);
  if (!block || writes_parameter(s, block->block())) return;
  const double before = std::max(1.0, view_of(workload, s, *block, 0).instances());
  const schedule::Schedule root = s.schedule();
  std::vector<schedule::Schedule> places{root};
  int64_t preferred = 0;
  for (const LoopRef loop : loops_of_readers(s, *block)) {
    s.schedule() = root;
    if (!attempt(s, [&] { s.compute_at(ref, loop); })) continue;
    const double found = view_of(workload, s, *placed(s, ref), 0).instances();
    if (found > 8 * kAgain * before) continue;
    places.push_back(s.schedule());
    if (found <= kAgain * before) preferred = static_cast<int64_t>(places.size()) - 1;
  }
  std::vector<int64_t> numbers;
  for (std::size_t i = 0; i < places.size(); ++i) numbers.push_back(static_cast<int64_t>(i));
  const int64_t place = numbers.size() == 1 ? 0 : choose.pick(hole_of(s, ref, "at"), numbers, preferred);
  s.schedule() = places[static_cast<std::size_t>(place)];
}

}  // namespace

void inline_cheap(Script& s, const Workload& workload, Choices& choose) {
  for (const PlacedBlock& block : placed_blocks(s)) inline_block(s, workload, choose, block.ref);
}

void schedule_rest(Script& s, const Workload& workload, Choices& choose, const std::vector<BlockRef>& done) {
  std::vector<BlockRef> order;
  for (const PlacedBlock& block : placed_blocks(s)) order.push_back(block.ref);
  std::reverse(order.begin(), order.end());
  Stages stages(s, workload, choose, done);
  for (const BlockRef block : order) {
    if (stages.done(block)) continue;
    place_block(s, workload, choose, block);
    stages.schedule(block);
  }
  share_threads(s, workload, choose);
}

namespace {

void schedule_any(Script& s, const Workload& workload, Choices& choose) {
  inline_cheap(s, workload, choose);
  factor_sums(s, workload, choose);
  schedule_rest(s, workload, choose, {});
}

const SketchRegistration registration{{
    .name = "general",
    .summary = "Any program: what is cheap inlined, sums in registers, vectors and tiles where they fit.",
    .general = true,
    .applies = [](const Workload&) { return true; },
    .apply = schedule_any,
}};

}  // namespace
}  // namespace tw::autotune
