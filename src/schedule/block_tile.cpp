#include "schedule/block_tile.h"

#include <algorithm>
#include <numeric>

#include "ir/analysis/accesses.h"
#include "ir/analysis/index_algebra.h"
#include "ir/analysis/iter_map.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"

namespace tw::schedule {
namespace {

/// A number that divides the expression, whatever its variables are.
int64_t known_factor(const Expr& e) {
  if (const auto value = as_int(e)) return *value < 0 ? -*value : *value;
  if (const auto* var = as<Variable>(e)) return var->multiple_of;
  const auto* binary = as<Binary>(e);
  if (!binary) return 1;
  const int64_t a = known_factor(binary->a), b = known_factor(binary->b);
  switch (binary->op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
    case BinaryOp::kMin:
    case BinaryOp::kMax: return std::gcd(a, b);
    case BinaryOp::kMul: return a > (int64_t{1} << 31) || b > (int64_t{1} << 31) ? std::max(a, b) : a * b;
    case BinaryOp::kFloorDiv: {
      const auto divisor = as_int(binary->b);
      return divisor && *divisor > 0 && a % *divisor == 0 ? a / *divisor : 1;
    }
    default: return 1;
  }
}

class TileCut {
 public:
  TileCut(const Step& step, const LoopPlace& place) : step_(step) {
    tile_.place = place;
    outside_ = context_at(place);
    inside_ = outside_;
  }

  BlockTile cut() {
    take_loops();
    for (const BlockAxis& axis : tile_.block->axes) tile_.axes.push_back(divided(axis));
    require_each_once();
    take_predicate();
    for (const TileAxis& axis : tile_.axes) {
      tile_.context.bind(axis.outer, 0, axis.outer_extent);
      if (axis.inner) tile_.context.bind(axis.inner, 0, Expr(axis.extent));
    }
    return tile_;
  }

 private:
  const std::string& name() const { return tile_.block->name; }

  void take_loops() {
    const Node* node = tile_.place.node;
    while (const auto* loop = as<For>(node)) {
      const std::string& var = loop->var->name;
      if (loop->loop_kind != LoopKind::kSerial)
        step_.refuse(loop, "loop {} is {}; the loops of a tile are serial: the intrinsic runs them", var,
                     to_string(loop->loop_kind));
      if (loop->ordered)
        step_.refuse(
            loop, "loop {} runs in order, one turn after the other; the points of a tile run at once", var);
      if (!loop->annotations.empty())
        step_.refuse(loop,
                     "loop {} goes away with its note '{}'; put notes on loops outside, after tensorize", var,
                     loop->annotations.begin()->first);
      if (!as_int(loop->extent))
        step_.refuse(loop,
                     "loop {} has {} turns, and a tile has a constant number of points; split it by a "
                     "constant, and take the inner loop",
                     var, to_text(loop->extent));
      tile_.loops.push_back(loop);
      zero_[&*loop->var] = Expr(0);
      inside_.bind(loop->var, 0, loop->extent);
      node = loop->body.get();
    }
    tile_.block = as<Block>(node);
    if (tile_.block) return;
    const For* last = tile_.loops.back();
    step_.refuse(
        static_cast<const StmtNode*>(node),
        "the loops from {} on do not stand directly around one block: in loop {} stands {}; separate "
        "the blocks (decompose_reduction, compute_at), or take a loop further in",
        tile_.loops.front()->var->name.text, last->var->name.text,
        node->kind == Kind::kSeq ? "more than one statement"
                                 : "a statement of kind " + std::string(kind_name(node->kind)));
  }

  bool is_tile_loop(const Variable* var) const { return zero_.contains(var); }
  bool uses_tile(const Expr& e) const {
    return contains<Variable>(e.get(), [&](const Variable& var) { return is_tile_loop(&var); });
  }

  /// The binding as what the loops outside give and what those of the tile add.
  TileAxis divided(const BlockAxis& axis) {
    TileAxis part;
    const std::string& axis_name = axis.var->name;
    part.outer = Var(axis_name);
    if (!uses_tile(axis.binding)) {
      part.outer_extent = axis.extent;
      part.binding = axis.binding;
      part.begin = part.outer;
      return part;
    }
    IndexAlgebra algebra(inside_);
    const Expr base = simplify(substitute(axis.binding, zero_), outside_);
    const Expr rest = simplify(algebra.normal(axis.binding - base), inside_);
    for (const Var& var : free_vars(rest))
      if (!is_tile_loop(&*var))
        step_.refuse(
            tile_.block,
            "axis {} of block {} is {}, where what the loops from {} on add depends on {} too; a tile "
            "has the same shape everywhere",
            axis_name, name(), to_text(axis.binding), tile_.loops.front()->var->name.text, var->name.text);
    const Interval reach = bounds(rest, inside_);
    check_internal(reach.min == 0 && reach.max != kNoMax, "the tile of axis {} has no bounds", axis_name);
    part.extent = reach.max + 1;
    for (const For* loop : tile_.loops)
      if (uses_var(rest, loop->var)) part.loops.push_back(loop);
    rests_.push_back(rest);
    extents_.push_back(Expr(part.extent));
    if (part.extent > 1) part.inner = Var(axis_name);
    const Expr size(part.extent);
    const bool aligned =
        known_factor(base) % part.extent == 0 || prove(eq(floormod(base, size), 0), outside_);
    part.binding = aligned ? simplify(floordiv(base, size), outside_) : base;
    part.outer_extent = simplify(aligned ? floordiv(axis.extent, size) : axis.extent - Expr(part.extent - 1));
    part.begin = aligned ? part.outer * size : Expr(part.outer);
    return part;
  }

  /// The turns of the nest reach each point of the tile, and only once.
  void require_each_once() {
    std::vector<LoopRange> loops;
    std::size_t plain = 0;
    for (const For* loop : tile_.loops) {
      if (is_int(loop->extent, 1)) continue;
      loops.push_back({loop->var, loop->extent});
      plain += static_cast<std::size_t>(std::count_if(
          rests_.begin(), rests_.end(), [&](const Expr& rest) { return rest.same_as(loop->var); }));
    }
    const auto moving = static_cast<std::size_t>(
        std::count_if(extents_.begin(), extents_.end(), [](const Expr& e) { return !is_int(e, 1); }));
    if (plain == loops.size() && plain == moving) return;
    const IterMapResult map = detect_iter_map(rests_, loops, {}, inside_);
    const Verdict verdict = map ? is_bijective(*map, extents_, inside_) : Verdict{false, map.reason};
    if (!verdict)
      step_.refuse(tile_.block,
                   "the turns of the loops from {} on are not proved to run each point of a tile of block {} "
                   "once: {}",
                   tile_.loops.front()->var->name.text, name(), verdict.reason);
  }

  /// Conditions that hold for a whole tile when they hold for its first point.
  void take_predicate() {
    Expr kept;
    Context inside = inside_;
    for (const Expr& part : conjuncts(tile_.block->predicate)) {
      Expr whole = part;
      if (uses_tile(part)) {
        if (prove(part, inside)) continue;
        whole = simplify(substitute(part, zero_), outside_);
        if (!follows_from(part, whole, inside)) refuse_condition(part);
      }
      inside.assume(whole);
      if (!is_int(whole, 1)) kept = kept ? logical_and(kept, whole) : whole;
    }
    tile_.predicate = kept;
  }

  /// Whether the condition holds at every point of the tile if it holds at the first one.
  bool follows_from(const Expr& condition, const Expr& at_first, const Context& inside) const {
    Context assumed = inside;
    assumed.assume(at_first);
    if (prove(condition, assumed)) return true;
    // x < n where n - x at the first point is a multiple of more than what the tile adds to x.
    const auto* order = as<Binary>(condition);
    if (!order || (order->op != BinaryOp::kLt && order->op != BinaryOp::kLe)) return false;
    const Expr gap = order->op == BinaryOp::kLt ? order->b - order->a : order->b - order->a + 1;
    IndexAlgebra algebra(inside);
    const Expr first = algebra.normal(substitute(gap, zero_));
    const Interval lost = bounds(simplify(algebra.normal(first - gap), inside), inside);
    return lost.max != kNoMax && lost.max >= 0 && known_factor(first) % (lost.max + 1) == 0;
  }

  [[noreturn]] void refuse_condition(const Expr& condition) const {
    const auto cut = std::find_if(tile_.axes.begin(), tile_.axes.end(), [&](const TileAxis& axis) {
      return axis.extent > 1 && std::any_of(axis.loops.begin(), axis.loops.end(),
                                            [&](const For* loop) { return uses_var(condition, loop->var); });
    });
    check_internal(cut != tile_.axes.end(), "no axis of the tile is in {}", to_text(condition));
    step_.refuse(
        tile_.block,
        "block {} runs only where {}, which may leave out a part of a tile of {} points of axis {}; "
        "an intrinsic computes whole tiles. Cut the loop around the tile into whole tiles and a rest with "
        "loop_partition, take sizes and parameters that are multiples of {}, or pad in the expression",
        name(), to_text(condition), cut->extent, cut->outer->name.text, cut->extent);
  }

  const Step& step_;
  BlockTile tile_;
  Context outside_, inside_;
  VarMap zero_;  // the loops of the nest at their first turn
  std::vector<Expr> rests_, extents_;
};

}  // namespace

BlockTile cut_tile(const Step& step, const LoopPlace& place) {
  return TileCut(step, place).cut();
}

}  // namespace tw::schedule
