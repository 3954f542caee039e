#include "schedule/kept_part.h"

#include <algorithm>

#include "ir/analysis/iter_map.h"
#include "ir/equal.h"
#include "ir/simplify.h"

namespace tw::schedule {
namespace {

/// The loops around the block's old place alone.
std::vector<const For*> own_loops(const Move& move) {
  const std::vector<const For*> loops = move.block.loops();
  return {loops.begin() + static_cast<std::ptrdiff_t>(move.common), loops.end()};
}

bool uses_any(const Expr& e, const std::vector<const For*>& loops) {
  return std::any_of(loops.begin(), loops.end(), [&](const For* loop) { return uses_var(e, loop->var); });
}

}  // namespace

KeptPart::KeptPart(const Step& step, const Move& move)
    : step_(step), move_(move), block_(move.block.block()) {
  find_circle();
  find_part();
}

bool KeptPart::in_circle(const BlockAxis& axis) const {
  return std::any_of(circle_axes_.begin(), circle_axes_.end(),
                     [&](const BlockAxis* other) { return other->var.same_as(axis.var); });
}

/// Whether the points of the block write elements of their own.
bool KeptPart::writes_apart(const Region& region) const {
  std::vector<LoopRange> points;
  std::vector<Expr> subscripts;
  for (const Range& range : region.ranges) subscripts.push_back(range.min);
  Context context;
  for (const BlockAxis& axis : block_.axes) {
    const bool tells = std::any_of(subscripts.begin(), subscripts.end(),
                                   [&](const Expr& subscript) { return uses_var(subscript, axis.var); });
    if (tells) points.push_back({axis.var, axis.extent});
  }
  const IterMapResult map = detect_iter_map(subscripts, points, {}, context);
  return map && is_injective(*map, context);
}

/// The axes that say which row of a circle the block fills, and the loops that they and its conditions
/// follow.
void KeptPart::find_circle() {
  const Context context = context_at(move_.block);
  const std::vector<const For*> own = own_loops(move_);
  for (const Region& region : block_.writes) {
    if (writes_apart(region)) continue;
    for (const BlockAxis& axis : block_.axes)
      for (const Range& range : region.ranges)
        if (uses_var(range.min, axis.var) && !range.min.same_as(axis.var) && !in_circle(axis))
          circle_axes_.push_back(&axis);
  }
  for (const Expr& condition : conditions_beyond_domain(block_, context))
    if (!uses_any(condition, own) || !circle_axes_.empty()) conditions_.push_back(condition);
  if (circle_axes_.empty()) return;
  for (const For* loop : own) {
    const auto follows = [&](const Expr& e) { return uses_var(e, loop->var); };
    const bool is_row = std::any_of(conditions_.begin(), conditions_.end(), follows) ||
                        std::any_of(circle_axes_.begin(), circle_axes_.end(),
                                    [&](const BlockAxis* axis) { return follows(axis->binding); });
    if (is_row) row_loops_.push_back(loop);
  }
  for (const BlockAxis& axis : block_.axes)
    if (!in_circle(axis) && uses_any(axis.binding, row_loops_))
      refuse_circle("its rows share loops with other axes");
}

void KeptPart::refuse_circle(const char* why) const {
  step_.refuse(
      &block_,
      "block {} writes several of its points to one element of buffer {}, as rolling_buffer and pipeline "
      "make it, and {}; move it before that",
      block_.name.text, buffer()->name.text, why);
}

/// The points that the block runs at in one turn of the loops around both places. New loops must not go
/// beyond them: loop_partition makes blocks that run through a part of their domain.
void KeptPart::find_part() {
  Context context;
  std::vector<LoopRange> loops, own;
  std::vector<Expr> bindings, extents;
  for (const BlockAxis& axis : block_.axes)
    if (!in_circle(axis)) {
      bindings.push_back(axis.binding);
      extents.push_back(axis.extent);
    }
  const std::vector<const For*> around = move_.block.loops();
  for (std::size_t i = 0; i < around.size(); ++i) {
    if (std::find(row_loops_.begin(), row_loops_.end(), around[i]) != row_loops_.end()) continue;
    const LoopRange range{around[i]->var, around[i]->extent};
    const bool used = std::any_of(bindings.begin(), bindings.end(),
                                  [&](const Expr& binding) { return uses_var(binding, range.var); });
    if (i >= move_.common) own.push_back(range);
    if (used || i >= move_.common) loops.push_back(range);
    context.bind(range.var, 0, range.extent);
  }
  Expr predicate = make_bool(true);
  for (const Expr& condition : conjuncts(block_.predicate))
    if (!is_kept(condition)) predicate = logical_and(predicate, condition);
  const IterMapResult whole = detect_iter_map(bindings, loops, predicate);
  const Verdict all = whole ? is_surjective(*whole, extents) : Verdict{false, whole.reason};
  if (all) return;

  for (const Expr& condition : conditions_beyond_domain(block_, context))
    if (!is_kept(condition)) refuse_part(all.reason);
  std::vector<Var> vars;
  for (const LoopRange& range : own) vars.push_back(range.var);
  extents.clear();
  for (Expr& binding : bindings) {
    const auto ends = symbolic_bounds(binding, vars, context);
    if (!ends) refuse_part(all.reason);
    parts_.push_back({ends->min, ends->max - ends->min + Expr(1)});
    extents.push_back(parts_.back().extent);
    binding = binding - ends->min;
  }
  Context outside;
  for (std::size_t i = 0; i < move_.common; ++i) outside.bind(around[i]->var, 0, around[i]->extent);
  const IterMapResult part = detect_iter_map(bindings, own, {}, outside);
  const Verdict filled = part ? is_surjective(*part, extents, outside) : Verdict{false, part.reason};
  if (!filled) refuse_part(filled.reason);
}

bool KeptPart::is_kept(const Expr& condition) const {
  return std::any_of(conditions_.begin(), conditions_.end(),
                     [&](const Expr& kept) { return structural_equal(kept, condition); });
}

void KeptPart::refuse_part(const std::string& reason) const {
  step_.refuse(&block_,
               "block {} is not proved to run through its domain or a box of it, so new loops could run "
               "where it did not: {}; move it before what cut it",
               block_.name.text, reason);
}

Expr KeptPart::within_part(const Block& block, const Context& context) const {
  Expr condition = make_bool(true);
  std::size_t next = 0;
  for (const BlockAxis& axis : block.axes) {
    if (parts_.empty() || in_circle(axis)) continue;
    const Span& part = parts_[next++];
    for (const Expr& bound : {le(part.min, axis.binding), lt(axis.binding, part.min + part.extent)})
      if (!prove(bound, context)) condition = logical_and(condition, simplify(bound, context));
  }
  return condition;
}

void KeptPart::require_same_parts(const std::vector<Span>& spans) const {
  const Place allocation = allocation_of(step_.program(), buffer());
  const std::size_t outside = allocation.loops().size();
  const std::vector<const For*> around = loops_around(move_);
  for (std::size_t i = outside; i < move_.common; ++i) {
    const Var& carried = around[i]->var;
    for (std::size_t a = 0; a < spans.size(); ++a) {
      const Span& span = spans[a];
      if (!in_circle(block_.axes[a]) && span &&
          (uses_var(span.min, carried) || uses_var(span.extent, carried)))
        refuse_circle("the part of a row that is read differs from turn to turn");
    }
    for (std::size_t k = move_.common; k < around.size(); ++k)
      if (uses_var(around[k]->extent, carried)) refuse_circle("the loop has other turns each time");
  }
}

}  // namespace tw::schedule
