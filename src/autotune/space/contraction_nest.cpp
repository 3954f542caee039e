#include "autotune/space/contraction_nest.h"

#include <algorithm>

namespace tw::autotune {
namespace {

constexpr int64_t kMostUnrolled = 16;

class Nest {
 public:
  Nest(Script& s, const ContractionShape& shape, const ContractionPlan& plan)
      : s_(s), shape_(shape), plan_(plan), tile_(s.block(shape.facts.name)), out_(tile_) {}

  void build(const std::string& consumer) {
    part_the_sum();
    if (!consumer.empty()) s_.reverse_compute_inline(s_.block(consumer));
    copy_and_pad();
    cut();
    sum_in_registers();
    if (packed_) {
      const std::optional<LoopRef> at = plan_.packs_inside() ? block_ : std::nullopt;
      const PanelCopy copy{*packed_,      *shape_.second, dimension_of(*shape_.second, shape_.column),
                           plan_.width(), plan_.lanes,    at};
      if (plan_.packing == Packing::kFirst)
        lay_out_one_panel(s_, shape_, copy);
      else
        lay_out_panels(s_, shape_, copy);
    }
    if (rows_) lay_out_rows(s_, shape_, *rows_, plan_.rows);
    hint_ahead();
    if (plan_.packing == Packing::kFirst)
      pack_in_first_row(s_, {*packed_, tile_, *row_block_, innermost_, plan_.lanes});
    share_out();
    if (total_) add_up();
  }

 private:
  /// `tile_` sums, `out_` takes what it gives.
  void part_the_sum() {
    if (plan_.sharing == Sharing::kSteps) {
      const auto [part, step] = s_.split<2>(s_.loops(tile_).back(), {plan_.parts, None{}});
      total_ = tile_;
      tile_ = out_ = s_.rfactor(part, 0);
    }
    if (plan_.kc) {
      const auto [block, step] = s_.split<2>(s_.loops(tile_).back(), {None{}, plan_.kc});
      tile_ = s_.rfactor(block, 0);
    } else {
      out_ = s_.cache_write(tile_, "local");
    }
  }

  void copy_and_pad() {
    if (plan_.packing != Packing::kNone) {
      packed_ = s_.cache_read(tile_, shape_.second->buffer, "global");
      std::vector<int64_t> multiples(shape_.second->dimensions.size(), 1);
      multiples[static_cast<std::size_t>(dimension_of(*shape_.second, shape_.column))] = plan_.width();
      s_.pad(*packed_, multiples);
    }
    if (plan_.pack_rows) {
      rows_ = s_.cache_read(tile_, shape_.first->buffer, "global");
      s_.pad(*rows_, {1, plan_.rows});
    }
    // A tile with lanes that nobody wants is much quicker than one with conditions.
    const bool ragged = shape_.columns % plan_.width() != 0;
    if (!shape_.axis(shape_.column).group && (packed_ || plan_.pad_rows || ragged))
      s_.pad(tile_, shape_.multiples(plan_.pad_rows ? plan_.rows : 1, plan_.width()));
  }

  /// The loop of an axis of the result in the block that takes the sums.
  LoopRef loop_of(const std::vector<LoopRef>& loops, int axis) const {
    return loops[static_cast<std::size_t>(axis) + (total_ ? 1 : 0)];
  }

  /// Cuts one of the tile's loops into tiles and what is inside; an axis of groups first into these.
  std::pair<LoopRef, LoopRef> cut_axis(LoopRef loop, int axis, int64_t size) {
    if (const int64_t group = shape_.axis(axis).group) {
      const auto [groups, rest] = s_.split<2>(loop, {None{}, group});
      outer_.push_back(groups);
      loop = rest;
    }
    const auto [tiles, inside] = s_.split<2>(loop, {None{}, size});
    return {tiles, inside};
  }

  /// Splits off the part of a thread.
  LoopRef part_of(LoopRef loop, int axis, int64_t unit) {
    const AxisFacts& facts = shape_.axis(axis);
    const int64_t part = round_up(ceil_div(facts.extent, shape_.machine.threads), unit);
    const auto [each, rest] = s_.split<2>(loop, {None{}, part});
    shared_.push_back(each);
    return rest;
  }

  /// Lines and rows: gives the loops over blocks of them, and adds those over tiles and those inside of a
  /// tile.
  std::vector<LoopRef> cut_rows(const std::vector<LoopRef>& loops, std::vector<LoopRef>& tiles,
                                std::vector<LoopRef>& inside) {
    std::vector<LoopRef> blocks;
    // The axis whose blocks, and parts for threads, are cut off: lines where there are any.
    const int axis_of_blocks = shape_.line >= 0 ? shape_.line : shape_.row;
    for (const int axis : {shape_.line, shape_.row}) {
      if (axis < 0) continue;
      LoopRef loop = loop_of(loops, axis);
      const int64_t size = axis == shape_.line ? plan_.lines : plan_.rows;
      if (axis == axis_of_blocks && plan_.sharing == Sharing::kRows) loop = part_of(loop, axis, size);
      if (axis == axis_of_blocks && plan_.blocked) {
        const auto [block, rest] = s_.split<2>(loop, {None{}, plan_.block_rows});
        blocks.push_back(block);
        loop = rest;
      }
      const auto [over_tiles, in_tile] = cut_axis(loop, axis, size);
      tiles.push_back(over_tiles);
      inside.push_back(in_tile);
    }
    return blocks;
  }

  void cut() {
    std::vector<LoopRef> loops = s_.loops(out_);
    // The loop over parts stands where the steps were, before that over blocks of them.
    const auto parts_end = loops.end() - (plan_.kc ? 1 : 0);
    if (total_) std::rotate(loops.begin(), parts_end - 1, parts_end);
    if (total_) outer_.push_back(loops.front());
    for (const int axis : shape_.outer) outer_.push_back(loop_of(loops, axis));
    std::vector<LoopRef> inside, outer_blocks;
    const std::vector<LoopRef> blocks = cut_rows(loops, tiles_, inside);
    if (!blocks.empty()) row_block_ = blocks.back();
    LoopRef column = loop_of(loops, shape_.column);
    if (plan_.sharing == Sharing::kColumns) column = part_of(column, shape_.column, plan_.width());
    if (plan_.blocked) {
      const auto [block, rest] = s_.split<2>(column, {None{}, plan_.block_columns});
      outer_blocks.push_back(block);
      column = rest;
    }
    if (plan_.kc) outer_blocks.push_back(loops.back());
    const auto [panels, columns] = cut_axis(column, shape_.column, plan_.width());
    tiles_.insert(plan_.panels_outside ? tiles_.begin() : tiles_.end(), panels);
    inside.push_back(columns);

    std::vector<LoopRef> order;
    const auto add = [&](const std::vector<LoopRef>& more) {
      order.insert(order.end(), more.begin(), more.end());
    };
    add(shared_);
    add(outer_);
    add(outer_blocks);
    if (!order.empty()) block_ = order.back();
    add(blocks);
    add(tiles_);
    outside_ = order.size();
    tile_rank_ = inside.size();
    add(inside);
    s_.reorder(order);
  }

  void sum_in_registers() {
    s_.compute_at(tile_, tiles_.back());
    std::optional<BlockRef> clear;
    std::vector<LoopRef> loops = s_.loops(tile_);
    std::vector<LoopRef> steps(loops.end() - static_cast<std::ptrdiff_t>(shape_.summed.size()), loops.end());
    loops.resize(loops.size() - steps.size());
    std::vector<LoopRef> order = steps;
    for (const LoopRef loop : loops_of_tile(loops)) order.push_back(loop);
    s_.reorder(order);
    innermost_ = steps.back();
    const bool over_lines = plan_.hint_rows || (plan_.hint_block && plan_.packing == Packing::kFirst);
    if (over_lines && steps_between_hints(shape_, plan_)) {
      const auto [line, step] = s_.split<2>(steps.back(), {None{}, steps_between_hints(shape_, plan_)});
      line_ = steps.back() = line;
      innermost_ = step;
    }
    if (shape_.facts.init.empty()) {
      steps = long_turns(steps);
      clear = s_.decompose_reduction(tile_, steps.front());
    } else {
      clear = s_.block(shape_.facts.init);
    }
    if (plan_.ahead && packed_) {
      const int64_t step_bytes = plan_.width() * shape_.second->dtype.bytes();
      s_.apply("prefetch",
               {tile_, s_.name(*packed_), innermost_, std::max<int64_t>(1, plan_.ahead / step_bytes)});
    }
    // Which rows of a window lie in the padding is then decided outside of the loops.
    if (shape_.conditional() && steps.size() > 1 && s_.turns(steps.front()) <= kMostUnrolled)
      s_.unroll(steps.front());
    if (turn_) s_.unroll(*turn_);
    for (const BlockRef block : {tile_, *clear, out_})
      write_out_tile(s_, block, outside_, tile_rank_, plan_.lanes);
  }

  /// Hints at what comes next, shared out over what is computed meanwhile: in one burst they would keep the
  /// memory busy while nothing is computed.
  void hint_ahead() {
    if (plan_.hint_block) {
      // Turns of tiles are enough for a block that many of them use; one panel has more lines.
      const bool finely = plan_.packing == Packing::kFirst && line_;
      s_.apply("prefetch", {*packed_, shape_.second->buffer, *block_, 1, finely ? *line_ : tiles_.back()});
    }
    if (plan_.hint_rows) s_.apply("prefetch", {tile_, shape_.first->buffer, *row_block_, 1, *line_});
  }

  /// Of the loops of `tile_` over axes of the result, those that the tile cuts: lines, rows, columns. Axes
  /// that it does not cut may have loops of one turn, or none.
  std::vector<LoopRef> loops_of_tile(const std::vector<LoopRef>& loops) const {
    std::vector<int> cut, all;
    for (const int axis : {shape_.line, shape_.row, shape_.column})
      if (axis >= 0) cut.push_back(axis);
    for (std::size_t i = 0; i < shape_.facts.axes.size() - shape_.summed.size(); ++i)
      all.push_back(static_cast<int>(i));
    std::vector<int> there = cut;
    std::sort(there.begin(), there.end());
    if (loops.size() >= outside_ + all.size()) there = all;
    const std::size_t first = loops.size() - there.size();
    std::vector<LoopRef> found;
    for (const int axis : cut) {
      const auto at = std::find(there.begin(), there.end(), axis) - there.begin();
      found.push_back(loops.at(first + static_cast<std::size_t>(at)));
    }
    return found;
  }

  /// One long loop over the last two axes, since the processor does not foresee the end of each; several
  /// steps of it in a turn. What is left over windows outside stays.
  std::vector<LoopRef> long_turns(std::vector<LoopRef> steps) {
    const std::size_t count = steps.size();
    if (count > 1 && shape_.axis(shape_.summed[count - 2]).extent > 1 && !total_) {
      steps[count - 2] = s_.fuse({steps[count - 2], steps[count - 1]});
      steps.pop_back();
    }
    if (!line_) innermost_ = steps.back();
    if (plan_.unroll > 1) {
      const auto [turns, turn] = s_.split<2>(steps.back(), {None{}, plan_.unroll});
      steps.back() = innermost_ = turns;
      turn_ = turn;
    }
    return steps;
  }

  void share_out() {
    if (plan_.sharing == Sharing::kTiles) {
      std::vector<LoopRef> all = outer_;
      all.insert(all.end(), tiles_.begin(), tiles_.end());
      shared_ = {s_.fuse(all)};
    } else if (plan_.sharing == Sharing::kOuter) {
      std::vector<LoopRef> all = outer_;
      if (!plan_.blocked && !plan_.kc && !plan_.packs_inside()) all.push_back(tiles_.front());
      if (!all.empty()) shared_ = {s_.fuse(all)};
    } else if (plan_.sharing == Sharing::kSteps) {
      shared_ = {outer_.front()};
    }
    for (const LoopRef loop : shared_) s_.parallel(loop);
  }

  /// Adds the parts that threads have summed.
  void add_up() {
    std::vector<LoopRef> loops = s_.loops(*total_);
    const LoopRef part = loops.back();
    const auto [vectors, lane] =
        s_.split<2>(loops[static_cast<std::size_t>(shape_.column)], {None{}, plan_.lanes});
    s_.reorder({part, lane});
    s_.vectorize(lane);
    loops.resize(static_cast<std::size_t>(shape_.column));
    loops.push_back(vectors);
    const auto added = static_cast<double>(shape_.results() * plan_.parts / plan_.lanes);
    if (added > kCyclesForThreads) s_.parallel(s_.fuse(loops));
  }

  Script& s_;
  const ContractionShape& shape_;
  const ContractionPlan& plan_;
  BlockRef tile_, out_;
  std::optional<BlockRef> packed_, rows_, total_;  // copies of the operands; sums of parts
  std::vector<LoopRef> shared_, outer_, tiles_;
  std::optional<LoopRef> block_;      // in which a block of the second operand is packed
  std::optional<LoopRef> row_block_;  // over blocks of rows
  std::optional<LoopRef> line_;       // over lines along the steps, where hints are shared out
  LoopRef innermost_;                 // over steps
  std::optional<LoopRef> turn_;       // steps of it that are written out
  std::size_t outside_ = 0, tile_rank_ = 0;
};

}  // namespace

void write_out_tile(Script& s, BlockRef block, std::size_t outside, std::size_t count, int64_t lanes) {
  std::vector<LoopRef> loops = s.loops(block);
  // Loops of one turn may have been left out.
  if (loops.size() <= outside) return;
  const std::size_t first = std::max(outside, loops.size() - std::min(loops.size(), count));
  const auto [vectors, lane] = s.split<2>(loops.back(), {None{}, lanes});
  for (std::size_t i = first; i + 1 < loops.size(); ++i) s.unroll(loops[i]);
  s.unroll(vectors);
  s.vectorize(lane);
}

void apply_plan(Script& s, const ContractionShape& shape, const ContractionPlan& plan,
                const std::string& consumer) {
  Nest(s, shape, plan).build(consumer);
}

}  // namespace tw::autotune
