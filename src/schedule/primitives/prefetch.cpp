// prefetch(C, "B", k, 8):
//
//   for k in n:                                for k in n:
//     for j in unrolled(32):            =>       for i1 in unrolled(2): prefetch B[k + 8, i1*16]
//       block C(…): … B[vk, vj] …                for j in unrolled(32):
//                                                  block C(…): … B[vk, vj] …
//
// At the start of each turn of the loop, hints at what the block will read of the buffer `distance` turns
// later: the box that one turn reads, one hint for every 64 bytes that follow each other. Hints may be out of
// range and change nothing of what is computed. They stand beside the loops inside, so those are no longer
// directly in the loop: prefetch comes after reorder and fuse.
//
// A box of many lines at once would keep the memory busy for long while nothing is computed. With a loop
// inside, prefetch(copy, "B", j, 1, over=k), its turns share the hints out evenly, line after line of the
// box:
//
//   for j in 8:                                        for j in 8:
//     for i in 64: block copy(…): … = B[i, j]            for i in 64: block copy(…): … = B[i, j]
//     for k in 32:                               =>      for k in 32:
//       block C(…): …                                      for line in 2: prefetch B[k*2 + line, j + 1]
//                                                          block C(…): …
#include <algorithm>

#include "ir/analysis/accesses.h"
#include "ir/analysis/regions.h"
#include "ir/context.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/blocks.h"
#include "schedule/copies.h"

namespace tw::schedule {
namespace {

constexpr int64_t kLineBytes = 64;
constexpr int64_t kMostUnrolled = 16;

/// The box that the block reads of the buffer in one turn of the loop.
Region region_of_turn(const LoopPlace& loop, const Block& block, const Buffer& buffer) {
  Context outside = context_at(loop);
  outside.bind(loop.loop().var, 0, loop.loop().extent);
  std::vector<Region> boxes;
  for (const Access& access : collect_accesses(loop.loop().body)) {
    if (access.write || access.unit != &block || !access.buffer.same_as(buffer)) continue;
    Context inside = outside;
    enter(inside, access);
    std::vector<Var> vars;
    for (const For* inner : access.loops) vars.push_back(inner->var);
    boxes.push_back(eliminate({access.buffer, access.box}, vars, inside));
  }
  const auto box = box_of(buffer, boxes, outside);
  check_internal(box.has_value(), "block {} does not read {}", block.name.text, buffer->name.text);
  return *box;
}

/// Loops below `outer`, down to `inner`; none where that is no loop below it.
std::vector<const For*> loops_between(const LoopPlace& outer, const LoopPlace& inner) {
  std::vector<const For*> loops = inner.loops();
  loops.push_back(&inner.loop());
  const auto begin = std::find(loops.begin(), loops.end(), &outer.loop());
  return begin == loops.end() ? std::vector<const For*>() : std::vector<const For*>(begin + 1, loops.end());
}

/// Elements of the last dimension that one hint covers.
int64_t elements_of_line(const Buffer& buffer) {
  if (!buffer->strides.empty() && !is_int(buffer->strides.back(), 1)) return 1;
  return std::max<int64_t>(1, kLineBytes / buffer->dtype.bytes());
}

Stmt hints(const Region& region, const Context& context) {
  const Buffer& buffer = region.buffer;
  std::vector<std::pair<Var, Expr>> loops;
  std::vector<Expr> indices;
  for (std::size_t d = 0; d < region.ranges.size(); ++d) {
    const Range& range = region.ranges[d];
    const int64_t step = d + 1 == region.ranges.size() ? elements_of_line(buffer) : 1;
    const Expr turns = simplify(ceildiv(range.extent, Expr(step)), context);
    Expr index = range.min;
    if (!is_int(turns, 1)) {
      loops.emplace_back(copy_axis(d)->name.text.substr(1), turns);
      index = index + Expr(loops.back().first) * Expr(step);
    }
    indices.push_back(simplify(index, context));
  }
  Stmt body = Prefetch::make(buffer, indices, false, 3);
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) {
    const auto turns = as_int(loop->second);
    const bool short_loop = turns && *turns <= kMostUnrolled;
    body = For::make(loop->first, loop->second, body, short_loop ? LoopKind::kUnrolled : LoopKind::kSerial);
  }
  return body;
}

/// The last of several regions may be smaller; as hints may be out of range, it is taken to be as large as
/// the others, where that is a number.
Expr greatest(const Expr& extent, const Context& context) {
  const Interval range = bounds(extent, context);
  return range.max == Interval().max ? extent : Expr(range.max);
}

/// The share of one turn of the loops in the hints at a region: lines are numbered in the order of memory.
Stmt share_of_hints(const Region& region, const std::vector<const For*>& loops, const Context& context) {
  std::vector<Expr> extents;  // of the region, in lines
  for (const Range& range : region.ranges) extents.push_back(greatest(range.extent, context));
  const int64_t step = elements_of_line(region.buffer);
  if (!extents.empty()) extents.back() = ceildiv(extents.back(), Expr(step));
  Expr lines(1), turns(1), turn(0);
  for (const Expr& extent : extents) lines = lines * extent;
  for (const For* loop : loops) {
    turn = turn * loop->extent + Expr(loop->var);
    turns = turns * loop->extent;
  }
  const Expr share = simplify(ceildiv(lines, max(turns, 1)), context);
  const Var each("line");
  Expr line = turn * share + Expr(each);
  // The last turns may have none left: they repeat the last one, which is near by then.
  if (!prove(le(turns * share, lines), context)) line = min(line, lines - 1);
  Context inside = context;
  inside.bind(each, 0, share);
  std::vector<Expr> indices(extents.size());
  for (std::size_t d = extents.size(); d-- > 0;) {
    const Expr at = d == 0 ? line : floormod(line, extents[d]);
    indices[d] = region.ranges[d].min + (d + 1 == extents.size() ? at * Expr(step) : at);
    indices[d] = simplify(indices[d], inside);
    line = floordiv(line, extents[d]);
  }
  const auto count = as_int(share);
  const bool few = count && *count <= kMostUnrolled;
  return For::make(each, share, Prefetch::make(region.buffer, indices, false, 3),
                   few ? LoopKind::kUnrolled : LoopKind::kSerial);
}

void refuse_vectorised(const Step& step, const For& loop) {
  if (loop.loop_kind == LoopKind::kVectorized)
    step.refuse(&loop, "loop {} is vectorised, and a hint in each lane helps nobody; take a loop around it",
                loop.var->name.text);
}

Outcome prefetch(const Step& step) {
  const BlockPlace place = step.block(0);
  const Block& block = place.block();
  const Buffer buffer = read_argument(step, block, 1);
  const LoopPlace loop = step.loop(2);
  const Var& var = loop.loop().var;
  const int64_t distance = step.integer(3);
  const std::vector<const For*> around = place.loops();
  if (std::find(around.begin(), around.end(), &loop.loop()) == around.end())
    step.refuse(&loop.loop(), "loop {} is not around block {}; take a loop that the block stands in",
                var->name.text, block.name.text);
  if (distance < 1)
    step.refuse(&loop.loop(), "a distance of {} turns fetches nothing ahead; it must be at least 1",
                distance);
  for (const For* outer : around) {
    refuse_vectorised(step, *outer);
    if (outer == &loop.loop()) break;
  }
  if (buffer->scope != Scope::kGlobal)
    step.refuse(&block,
                "buffer {} lies in {} memory, which is not fetched through caches; only global memory can be "
                "prefetched",
                buffer->name.text, to_string(buffer->scope));
  if (const Place allocation = allocation_of(step.program(), buffer); allocation.node) {
    const std::vector<const For*> outside = allocation.loops();
    if (std::find(outside.begin(), outside.end(), &loop.loop()) != outside.end())
      step.refuse(allocation.node,
                  "buffer {} is allocated anew in each turn of loop {}, so the next turn's is not there yet; "
                  "take a loop inside its allocation",
                  buffer->name.text, var->name.text);
  }

  Region region = region_of_turn(loop, block, buffer);
  const bool moves = std::any_of(region.ranges.begin(), region.ranges.end(), [&](const Range& range) {
    return uses_var(range.min, var) || uses_var(range.extent, var);
  });
  if (!moves)
    step.refuse(&loop.loop(),
                "block {} reads the same elements of {} in every turn of loop {}, {}; take a loop that the "
                "subscripts depend on",
                block.name.text, buffer->name.text, var->name.text, to_text(region));
  Context context = context_at(loop);
  context.bind(var, 0, loop.loop().extent);
  const VarMap later{{&*var, var + Expr(distance)}};
  for (Range& range : region.ranges) {
    range = {substitute(range.min, later), simplify(substitute(range.extent, later), context)};
    // Behind the last turn there may be less than nothing.
    if (!prove(le(0, range.extent), context)) range.extent = max(range.extent, 0);
  }

  const auto with_hints = [&](const LoopPlace& place, const Stmt& hints) -> Outcome {
    auto* copy = new For(place.loop());
    const Stmt owner(copy);
    copy->body = Seq::make({hints, copy->body});
    return {step.with_body(replaced_at(step.program(), place, owner)), {}, {}};
  };
  if (step.value(4).is_none()) return with_hints(loop, hints(region, context));

  const LoopPlace over = step.loop(4);
  const std::vector<const For*> shared = loops_between(loop, over);
  if (shared.empty())
    step.refuse(&over.loop(), "loop {} does not stand in loop {}, whose turns it is to share out",
                over.loop().var->name.text, var->name.text);
  for (const For* inner : shared) {
    refuse_vectorised(step, *inner);
    context.bind(inner->var, 0, inner->extent);
  }
  return with_hints(over, share_of_hints(region, shared, context));
}

const Registration registration{{
    .name = "prefetch",
    .summary = "Hints in each turn of a loop at what a block reads some turns later.",
    .doc = R"(    for k in n:                                for k in n:
      for j in unrolled(32):             =>      for i1 in unrolled(2): prefetch B[k + 8, i1*16]
        block C(...): ... B[vk, vj] ...          for j in unrolled(32):
                                                   block C(...): ... B[vk, vj] ...

The hints stand at the start of a turn and cover the box of the buffer that the block reads `distance` turns later,
one for every 64 bytes that follow each other. They may be out of range and change nothing of what is computed. As
they stand between the loop and the loops inside, reorder and fuse come before. The buffer lies in global memory,
and the elements that are read move with the loop.

With `over`, a loop inside, its turns share the hints out evenly, line after line of the box: many at once would keep the
memory busy while nothing is computed.)",
    .args = {{"block", ArgKind::kBlock, "The block that reads."},
             {"buffer", ArgKind::kRead, "The buffer it reads, by name or by position among its reads."},
             {"loop", ArgKind::kLoop, "A loop around the block."},
             {"distance", ArgKind::kInt, "How many turns ahead, at least 1."},
             {"over",
              ArgKind::kLoop,
              "A loop inside, whose turns share the hints out; None: all at the start of a turn.",
              {},
              false}},
    .example = R"py(>>> s.reorder(k, j)
>>> s.prefetch(s.block("C"), "B", k, 8)
>>> "prefetch" in str(s)
True)py",
    .apply = prefetch,
}};

}  // namespace
}  // namespace tw::schedule
