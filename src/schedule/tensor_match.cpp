#include "schedule/tensor_match.h"

#include <algorithm>
#include <map>

#include <fmt/ranges.h>

#include "ir/analysis/access_map.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "schedule/blocks.h"
#include "schedule/expr_match.h"

namespace tw::schedule {
namespace {

std::string element_text(const Buffer& buffer, const std::vector<Expr>& indices) {
  return to_text(Load::make(buffer, indices));
}

std::string names_of(const std::vector<const For*>& loops) {
  std::string names;
  for (const For* loop : loops) names += (names.empty() ? "" : ", ") + loop->var->name.text;
  return (loops.size() == 1 ? "loop " : "loops ") + names;
}

/// One dimension of what a tile touches of a buffer.
struct TouchedDimension {
  Expr begin;
  int axis = -1;  // of the tile, which runs through it; -1: one point
};

/// A way in which the accesses stand for each other, judged: the boxes, or why not.
struct Judgement {
  std::vector<MatchedOperand> operands;
  std::string reason;       // empty: it fits
  std::size_t fitting = 0;  // accesses that did
};

class TensorMatch {
 public:
  TensorMatch(const Step& step, const Intrinsic& intrinsic, const BlockTile& tile)
      : step_(step), intrinsic_(intrinsic), pattern_(intrinsic.pattern), tile_(tile) {
    for (std::size_t a = 0; a < tile.axes.size(); ++a) {
      values_[&*tile.block->axes[a].var] = tile.axes[a].value();
      if (!tile.axes[a].inner) continue;
      axis_of_[&*tile.axes[a].inner] = static_cast<int>(a);
      inner_.push_back(tile.axes[a].inner);
    }
  }

  std::vector<MatchedOperand> match() {
    const Store& store = target_store();
    require_reducer();
    const ExprMatches matches = match_stores(*pattern_.store, store);
    if (matches.ways.empty()) refuse_difference(store, matches.difference);
    Judgement best;
    for (const MatchedAccesses& way : matches.ways) {
      Judgement judged = judge(way);
      if (judged.reason.empty()) return judged.operands;
      if (best.reason.empty() || judged.fitting > best.fitting) best = std::move(judged);
    }
    step_.refuse(tile_.block, "the tile of block {} does not fit intrinsic {}: {}", name(), intrinsic_.name,
                 best.reason);
  }

 private:
  const std::string& name() const { return tile_.block->name; }

  const Store& target_store() const {
    const Store* store = only_store(*tile_.block);
    if (const auto* call = as<TensorCall>(tile_.block->body))
      step_.refuse(tile_.block, "block {} has been tensorized: it calls intrinsic {}", name(),
                   call->intrinsic);
    if (!store)
      step_.refuse(
          tile_.block,
          "block {} does more than store one value; an intrinsic stands for a block whose body is one "
          "store, here {}",
          name(), sides(*pattern_.store, nullptr));
    if (store->atomic)
      step_.refuse(tile_.block, "block {} updates its elements atomically, which intrinsic {} does not",
                   name(), intrinsic_.name);
    return *store;
  }

  static std::string store_text(const Store& store) {
    return fmt::format("{} = {}", element_text(store.buffer, store.indices), to_text(store.value));
  }

  /// Both sides beside each other.
  std::string sides(const Store& pattern, const Store* target) const {
    if (!target) return store_text(pattern);
    const std::string own = "block " + name() + ":", other = "intrinsic:";
    const std::size_t width = std::max(own.size(), other.size());
    return fmt::format("  {:<{}} {}\n  {:<{}} {}", other, width, store_text(pattern), own, width,
                       store_text(*target));
  }

  void require_reducer() const {
    const Reducer &wanted = pattern_.reducer, &found = tile_.block->reducer;
    const bool reduces = std::any_of(pattern_.axes.begin(), pattern_.axes.end(), [](const BlockAxis& axis) {
      return axis.axis_kind == AxisKind::kReduction;
    });
    if (wanted && found && !structural_equal(wanted, found))
      step_.refuse(tile_.block, "intrinsic {} reduces by {}, and block {} by {}", intrinsic_.name,
                   wanted->name.text, name(), found->name.text);
    if (wanted && !found && reduces)
      step_.refuse(tile_.block,
                   "intrinsic {} reduces by {} in an order of its own, and block {} has no reducer that says "
                   "that the order is free",
                   intrinsic_.name, wanted->name.text, name());
    if (!pattern_.sets_first || !found) return;
    if (!tile_.block->init)
      step_.refuse(tile_.block,
                   "intrinsic {} sets its output and block {} adds to what is there: take one that "
                   "accumulates, or tensorize before decompose_reduction",
                   intrinsic_.name, name());
    for (std::size_t a = 0; a < tile_.axes.size(); ++a)
      if (tile_.block->axes[a].axis_kind == AxisKind::kReduction && !is_int(tile_.axes[a].outer_extent, 1))
        step_.refuse(
            tile_.block,
            "intrinsic {} computes a whole reduction, and a tile of block {} has {} of the {} points "
            "of axis {}: take one that accumulates, or put the whole axis into the tile",
            intrinsic_.name, name(), tile_.axes[a].extent, to_text(tile_.block->axes[a].extent),
            tile_.block->axes[a].var->name.text);
  }

  [[noreturn]] void refuse_difference(const Store& store, const Difference& difference) const {
    std::string where = fmt::format("where the intrinsic has {}, the block has {}",
                                    to_text(difference.pattern), to_text(difference.target));
    if (!difference.reason.empty()) where += ", " + difference.reason;
    const auto* wanted = as<Cast>(difference.pattern);
    const auto* found = as<Load>(difference.target);
    if (wanted && found)
      where +=
          fmt::format("; convert it as the intrinsic does, with astype(\"{}\")", to_string(wanted->dtype));
    if (pattern_.reducer && !tile_.block->reducer && difference.met == 0)
      where += "; the intrinsic adds to what is there, and the block sets it";
    step_.refuse(tile_.block, "block {} does not compute what intrinsic {} does\n{}\n{}", name(),
                 intrinsic_.name, sides(*pattern_.store, &store), where);
  }

  int pattern_axis(const Expr& index) const {
    for (std::size_t a = 0; a < pattern_.axes.size(); ++a)
      if (pattern_.axes[a].var.same_as(index)) return static_cast<int>(a);
    raise_internal("a subscript of intrinsic {} is no axis", intrinsic_.name);
  }
  const BlockAxis& axis_of_pattern(int axis) const { return pattern_.axes[static_cast<std::size_t>(axis)]; }
  const TileAxis& axis_of_tile(int axis) const { return tile_.axes[static_cast<std::size_t>(axis)]; }
  const std::string& tile_axis_name(int axis) const { return axis_of_tile(axis).outer->name; }

  /// What the tile touches of a buffer, dimension by dimension; or the reason why that is no box.
  std::string touched(const MatchedAccess& access, std::vector<TouchedDimension>& dimensions) const {
    std::vector<Expr> indices;
    for (const Expr& index : access.target_indices)
      indices.push_back(simplify(substitute(index, values_), tile_.context));
    const AccessMap map = access_map(indices, inner_, tile_.context);
    for (std::size_t d = 0; d < indices.size(); ++d) {
      const SubscriptForm& form = map.subscripts[d];
      const std::string subscript =
          fmt::format("subscript {} of {}", d, element_text(access.target, access.target_indices));
      const bool quotient_of_tile =
          std::any_of(inner_.begin(), inner_.end(), [&](const Var& var) { return uses_var(form, var); });
      if (!form.is_affine() && quotient_of_tile)
        return fmt::format(
            "{} is {} over the tile, neither one point nor as many as the tile has: the pieces of the layout "
            "and the tiles do not begin together. Lay the buffer out in pieces as large as the tile",
            subscript, to_text(indices[d]));
      if (form.affine.terms.size() > 1)
        return fmt::format("{} joins axes {} and {} of the tile, and a box has one dimension for each",
                           subscript, tile_axis_name(axis_of_.at(&*form.affine.terms[0].var)),
                           tile_axis_name(axis_of_.at(&*form.affine.terms[1].var)));
      TouchedDimension dimension;
      dimension.begin = indices[d];
      if (!form.affine.terms.empty()) {
        const AffineTerm& term = form.affine.terms.front();
        dimension.axis = axis_of_.at(&*term.var);
        if (!is_int(term.coefficient, 1))
          return fmt::format(
              "{} moves by {} with each point of axis {}, and a box has no gaps; cache_read the elements "
              "that "
              "are used, and lay the copy out without the others",
              subscript, to_text(term.coefficient), tile_axis_name(dimension.axis));
        dimension.begin = simplify(substitute(indices[d], {{&*term.var, Expr(0)}}), tile_.context);
      }
      dimensions.push_back(dimension);
    }
    return {};
  }

  /// Which axis of the intrinsic each axis of the tile is.
  struct Pairing {
    std::map<int, int> of_pattern, of_tile;
  };

  std::string pair(int p, int t, const MatchedAccess& access, Pairing& pairing) const {
    const auto known_p = pairing.of_pattern.find(p), known_t = pairing.of_tile.find(t);
    const bool fresh = known_p == pairing.of_pattern.end() && known_t == pairing.of_tile.end();
    const BlockAxis& wanted = axis_of_pattern(p);
    const TileAxis& found = axis_of_tile(t);
    if (!fresh) {
      if (known_p != pairing.of_pattern.end() && known_p->second == t) return {};
      std::string meant;
      for (const auto& [a, b] : pairing.of_pattern)
        meant += fmt::format("{}{} of the intrinsic is {}", meant.empty() ? "" : ", ",
                             axis_of_pattern(a).var->name.text, tile_axis_name(b));
      return fmt::format(
          "the dimensions of operand {} stand in another order: the intrinsic uses {} and the block {}, "
          "where "
          "{}{}",
          access.pattern->name.text, element_text(access.pattern, access.pattern_indices),
          element_text(access.target, access.target_indices), meant, layout_remedy(access, pairing));
    }
    const AxisKind kind = tile_.block->axes[static_cast<std::size_t>(t)].axis_kind;
    if (kind != wanted.axis_kind)
      return fmt::format("axis {} of the intrinsic is {} and axis {} of the block, in its place, {}",
                         wanted.var->name.text, kind_text(wanted.axis_kind), tile_axis_name(t),
                         kind_text(kind));
    if (!is_int(wanted.extent, found.extent))
      return fmt::format(
          "axis {} of the intrinsic has {} points, and axis {} of the block, in its place, {} in the tile "
          "({}); "
          "split it by {}, and leave only the inner loop in the tile",
          wanted.var->name.text, to_text(wanted.extent), tile_axis_name(t), found.extent,
          names_of(found.loops), to_text(wanted.extent));
    pairing.of_pattern[p] = t;
    pairing.of_tile[t] = p;
    return {};
  }

  static const char* kind_text(AxisKind kind) {
    return kind == AxisKind::kSpatial ? "spatial" : kind == AxisKind::kReduction ? "reduced over" : "ordered";
  }

  std::string judge_access(const MatchedAccess& access, Pairing& pairing, MatchedOperand& operand) const {
    std::vector<TouchedDimension> dimensions;
    if (std::string reason = touched(access, dimensions); !reason.empty()) return reason;
    std::vector<int> wanted, found;  // axes, without dimensions of one point
    for (const Expr& index : access.pattern_indices)
      if (const int p = pattern_axis(index); !is_int(axis_of_pattern(p).extent, 1)) wanted.push_back(p);
    for (const TouchedDimension& dimension : dimensions)
      if (dimension.axis >= 0) found.push_back(dimension.axis);
    if (wanted.size() != found.size()) return different_ranks(access, wanted, found);
    for (std::size_t d = 0; d < wanted.size(); ++d)
      if (std::string reason = pair(wanted[d], found[d], access, pairing); !reason.empty()) return reason;
    operand.box.buffer = access.target;
    std::size_t points = dimensions.size() - found.size();  // dimensions of one point in the box
    std::size_t next = 0;
    for (const TouchedDimension& dimension : dimensions) {
      const Expr extent(dimension.axis < 0 ? int64_t{1} : axis_of_tile(dimension.axis).extent);
      operand.box.ranges.push_back({dimension.begin, extent});
      // From the left, dimensions of one point are left out while there are more of them than are wanted.
      const bool left_out = dimension.axis < 0 && points-- > access.pattern_indices.size() - wanted.size();
      if (!left_out &&
          (next >= access.pattern_indices.size() || !structural_equal(access.pattern->shape[next], extent)))
        return different_ranks(access, wanted, found);
      operand.dimension_of.push_back(left_out ? -1 : static_cast<int>(next++));
      if (!left_out) operand.axes.push_back(dimension.axis);
    }
    operand.indices = access.target_indices;
    return next == access.pattern_indices.size() ? std::string() : different_ranks(access, wanted, found);
  }

  std::string different_ranks(const MatchedAccess& access, const std::vector<int>& wanted,
                              const std::vector<int>& found) const {
    std::string has, wants;
    for (const int t : found)
      has += fmt::format("{}{} ({})", has.empty() ? "" : " by ", axis_of_tile(t).extent, tile_axis_name(t));
    for (const int p : wanted)
      wants += fmt::format("{}{} ({})", wants.empty() ? "" : " by ", to_text(axis_of_pattern(p).extent),
                           axis_of_pattern(p).var->name.text);
    return fmt::format(
        "operand {} of the intrinsic, {}, is a box of {}, and the tile touches {} in a box of {}; {}",
        access.pattern->name.text, element_text(access.pattern, access.pattern_indices),
        wants.empty() ? "one element" : wants, element_text(access.target, access.target_indices),
        has.empty() ? "one element" : has,
        wanted.size() > found.size()
            ? "put the missing loops into the tile: split, reorder, and take the outermost of them"
            : "take a loop further in, or put loops outside with reorder");
  }

  Judgement judge(const MatchedAccesses& way) const {
    Judgement judgement;
    judgement.operands.resize(pattern_.operands.size());
    std::vector<const MatchedAccess*> order;
    for (const MatchedAccess& access : way) order.push_back(&access);
    // What has few dimensions can hardly be taken wrongly; the output first.
    std::stable_sort(order.begin() + 1, order.end(), [](const MatchedAccess* a, const MatchedAccess* b) {
      return a->pattern_indices.size() < b->pattern_indices.size();
    });
    Pairing pairing;
    for (const MatchedAccess* access : order) {
      const auto position =
          static_cast<std::size_t>(std::find_if(pattern_.operands.begin(), pattern_.operands.end(),
                                                [&](const Buffer& b) { return b.same_as(access->pattern); }) -
                                   pattern_.operands.begin());
      MatchedOperand operand;
      judgement.reason = judge_access(*access, pairing, operand);
      if (!judgement.reason.empty()) return judgement;
      judgement.operands[position] = operand;
      ++judgement.fitting;
    }
    for (std::size_t t = 0; t < tile_.axes.size(); ++t) {
      const TileAxis& axis = tile_.axes[t];
      if (axis.extent == 1 || pairing.of_tile.contains(static_cast<int>(t))) continue;
      judgement.reason = fmt::format(
          "axis {} of the block has {} points in the tile ({}), and the intrinsic has no axis for it; put "
          "that "
          "loop outside of the tile with reorder, or take a loop further in",
          axis.outer->name.text, axis.extent, names_of(axis.loops));
      break;
    }
    return judgement;
  }

  /// What puts the operand into the order of the intrinsic.
  std::string layout_remedy(const MatchedAccess& access, const Pairing& pairing) const {
    std::vector<int> order;
    for (const Expr& index : access.pattern_indices) {
      const auto known = pairing.of_pattern.find(pattern_axis(index));
      if (known == pairing.of_pattern.end()) return {};
      order.push_back(known->second);
    }
    const std::string advice = layout_advice(step_, tile_, access.target, access.target_indices, order);
    return advice.empty() ? advice : "; " + advice;
  }

  const Step& step_;
  const Intrinsic& intrinsic_;
  const IntrinsicPattern& pattern_;
  const BlockTile& tile_;
  VarMap values_;                           // the block's axes as outer and inner ones
  std::map<const Variable*, int> axis_of_;  // of inner variables
  std::vector<Var> inner_;
};

}  // namespace

std::vector<MatchedOperand> match_intrinsic(const Step& step, const Intrinsic& intrinsic,
                                            const BlockTile& tile) {
  return TensorMatch(step, intrinsic, tile).match();
}

std::string layout_advice(const Step& step, const BlockTile& tile, const Buffer& buffer,
                          const std::vector<Expr>& indices, const std::vector<int>& axes) {
  std::vector<std::string> from, to;
  std::vector<std::string> name_of(tile.axes.size());
  for (const Expr& index : indices) {
    std::size_t a = 0;
    while (a < tile.axes.size() && !tile.block->axes[a].var.same_as(index)) ++a;
    if (a == tile.axes.size()) return {};
    const std::string& axis = tile.axes[a].outer->name;
    name_of[a] = axis.size() > 1 && axis.front() == 'v' ? axis.substr(1) : axis;
    from.push_back(name_of[a]);
    const bool moves = std::find(axes.begin(), axes.end(), static_cast<int>(a)) != axes.end();
    if (!moves)
      to.push_back(name_of[a]);
    else if (!is_int(tile.block->axes[a].extent, tile.axes[a].extent))
      to.push_back(fmt::format("{} // {}", name_of[a], tile.axes[a].extent));
  }
  for (const int t : axes) {
    if (t < 0) continue;
    const auto a = static_cast<std::size_t>(t);
    if (name_of[a].empty()) return {};
    const bool whole = is_int(tile.block->axes[a].extent, tile.axes[a].extent);
    to.push_back(whole ? name_of[a] : fmt::format("{} % {}", name_of[a], tile.axes[a].extent));
  }
  const std::string layout = fmt::format("\"({}) -> ({})\"", fmt::join(from, ", "), fmt::join(to, ", "));
  if (!is_parameter(step.program(), buffer))
    return fmt::format("lay it out for the intrinsic before: transform_layout({}, {})", buffer->name.text,
                       layout);
  const bool written = only_store(*tile.block) && only_store(*tile.block)->buffer.same_as(buffer);
  return fmt::format(
      "the caller sees how {} is laid out, so compute {} a copy made by {}, and lay that out before: "
      "transform_layout(copy, {})",
      buffer->name.text, written ? "into" : "from", written ? "cache_write" : "cache_read", layout);
}

}  // namespace tw::schedule
