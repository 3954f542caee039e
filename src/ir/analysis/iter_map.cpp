#include "ir/analysis/iter_map.h"

#include <algorithm>

#include "ir/analysis/accesses.h"
#include "ir/analysis/iter_rewrite.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw {
namespace {

const IterSource& source_of(const IterMap& map, const IterTerm& term) {
  return map.sources[static_cast<std::size_t>(term.source)];
}

void collect_loops(const IterMap& map, const IterSum& sum, std::vector<bool>& found) {
  for (const IterTerm& term : sum.terms) {
    const IterSource& source = source_of(map, term);
    if (!source.var) {
      collect_loops(map, source.sum, found);
      continue;
    }
    for (std::size_t i = 0; i < map.loops.size(); ++i)
      if (map.loops[i].var.same_as(source.var)) found[i] = true;
  }
}

Expr to_expr(IndexAlgebra& algebra, const IterMap& map, const IterSum& sum) {
  Expr value;
  for (const IterTerm& term : sum.terms) {
    const IterSource& source = source_of(map, term);
    Expr digit = source.var ? Expr(source.var) : to_expr(algebra, map, source.sum);
    digit = floordiv(digit, term.lower);
    const bool top = algebra.le(source.extent, term.lower * term.extent);
    if (!top) digit = floormod(digit, term.extent);
    const Expr product = is_int(term.scale, -1) ? -digit : digit * term.scale;
    value = value ? value + product : product;
  }
  return value ? value + sum.base : sum.base;
}

/// Where there is a turn at all, each factor of an extent is at least 1.
void assume_turns(Context& context, const Expr& extent) {
  IndexAlgebra algebra(context);
  if (algebra.positive(extent)) return;
  context.assume(le(1, extent));
  const auto* product = as<Binary>(extent);
  if (!product || product->op != BinaryOp::kMul) return;
  if (!algebra.nonnegative(product->a) || !algebra.nonnegative(product->b)) return;
  assume_turns(context, product->a);
  assume_turns(context, product->b);
}

/// A loop whose extent moves with another loop of the list has no place in a map.
std::string dependent_extent(const std::vector<LoopRange>& loops) {
  for (const LoopRange& loop : loops)
    for (const LoopRange& other : loops)
      if (uses_var(loop.extent, other.var))
        return fmt::format("the extent '{}' of loop '{}' depends on loop '{}'", to_text(loop.extent),
                           loop.var->name.text, other.var->name.text);
  return {};
}

}  // namespace

IterMapResult detect_iter_map(const std::vector<Expr>& bindings, const std::vector<LoopRange>& loops,
                              const Expr& predicate, const Context& context) {
  if (std::string reason = dependent_extent(loops); !reason.empty()) return {std::nullopt, std::move(reason)};
  IterMap map;
  map.loops = loops;
  Context inside = context;
  for (const LoopRange& loop : loops) {
    map.sources.push_back({loop.var, {}, loop.extent, false});
    inside.bind(loop.var, 0, loop.extent);
  }
  for (const LoopRange& loop : loops) assume_turns(inside, loop.extent);
  IterRewriter rewriter(map, inside);
  rewriter.trim(conjuncts(predicate));
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    auto sum = rewriter.sum_of(bindings[i]);
    if (!sum)
      return {std::nullopt,
              fmt::format("binding {} is no combination of digits of loops: {}", i, rewriter.reason())};
    map.axes.push_back(std::move(*sum));
  }
  return {std::move(map), {}};
}

Expr to_expr(const IterMap& map, const IterSum& sum, const Context& context) {
  IndexAlgebra algebra(context);
  return to_expr(algebra, map, sum);
}

std::vector<int> loops_of_axis(const IterMap& map, int axis) {
  std::vector<bool> found(map.loops.size());
  collect_loops(map, map.axes.at(static_cast<std::size_t>(axis)), found);
  std::vector<int> loops;
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i]) loops.push_back(static_cast<int>(i));
  return loops;
}

bool fuses_plainly(const IterMap& map, int outer, int inner, const Context& context) {
  IndexAlgebra algebra(context);
  const LoopRange &a = map.loops.at(static_cast<std::size_t>(outer)),
                  &b = map.loops.at(static_cast<std::size_t>(inner));
  if (algebra.le(a.extent, 1) || algebra.le(b.extent, 1)) return true;
  for (const Expr& condition : map.other_conditions)
    if (uses_var(condition, a.var) || uses_var(condition, b.var)) return false;
  const auto plain = [&](const IterSum& sum) {
    Expr scale_a, scale_b;
    for (const IterTerm& term : sum.terms) {
      const IterSource& source = source_of(map, term);
      const bool is_a = source.var && source.var.same_as(a.var),
                 is_b = source.var && source.var.same_as(b.var);
      if (!is_a && !is_b) continue;
      if (!is_int(term.lower, 1) || !algebra.equal(term.extent, source.extent)) return false;
      (is_a ? scale_a : scale_b) = term.scale;
    }
    if (!scale_a && !scale_b) return true;
    return scale_a && scale_b && algebra.equal(scale_a, scale_b * b.extent);
  };
  for (const IterSource& source : map.sources)
    if (!source.var && !plain(source.sum)) return false;
  return std::all_of(map.axes.begin(), map.axes.end(), plain);
}

namespace {

/// Divides the axes of one map.
class SubspaceDivision {
 public:
  SubspaceDivision(const IterMap& map, const std::vector<Var>& inner, const Context& context)
      : map_(map), algebra_(context) {
    for (const LoopRange& loop : map.loops)
      inner_.push_back(
          std::any_of(inner.begin(), inner.end(), [&](const Var& var) { return var.same_as(loop.var); }));
  }

  std::optional<AxisDivision> divide(const IterSum& axis) {
    IterSum outer{axis.base, {}}, inner{0, {}};
    for (const IterTerm& term : axis.terms)
      if (!sort(term, outer, inner)) return std::nullopt;
    const auto string = digit_string(algebra_, inner.terms);
    if (!string || (!string->empty() && !algebra_.equal(string->front().scale, 1))) {
      reason = "the inner loops do not step through it one by one";
      return std::nullopt;
    }
    const Expr inner_extent = algebra_.normal(string_extent(*string));
    // With no inner part the division is by 1.
    auto base = inner.terms.empty() ? std::optional(outer.base) : algebra_.divide(outer.base, inner_extent);
    Expr extent = 1;
    for (IterTerm& term : outer.terms) {
      const auto scale =
          inner.terms.empty() ? std::optional(term.scale) : algebra_.divide(term.scale, inner_extent);
      if (!scale || !algebra_.nonnegative(*scale)) base.reset();
      if (!base) break;
      term.scale = *scale;
      extent = extent + term.scale * (term.extent - Expr(1));
    }
    if (!base) {
      reason = fmt::format("the outer part is no multiple of the inner extent {}", to_text(inner_extent));
      return std::nullopt;
    }
    if (!algebra_.nonnegative(*base)) {
      reason = fmt::format("the outer part begins at {}, which may be negative", to_text(*base));
      return std::nullopt;
    }
    outer.base = *base;
    return AxisDivision{to_expr(algebra_, map_, outer), algebra_.normal(extent + *base),
                        to_expr(algebra_, map_, inner), inner_extent};
  }

  bool uses_inner(const Expr& e) const {
    for (std::size_t i = 0; i < inner_.size(); ++i)
      if (inner_[i] && uses_var(e, map_.loops[i].var)) return true;
    return false;
  }

  std::string reason;

 private:
  /// Puts a term where its loops belong; a whole source of both kinds is taken apart.
  bool sort(const IterTerm& term, IterSum& outer, IterSum& inner) {
    std::vector<bool> loops(map_.loops.size());
    collect_loops(map_, {0, {term}}, loops);
    bool any_inner = false, any_outer = false;
    for (std::size_t i = 0; i < loops.size(); ++i) {
      any_inner |= loops[i] && inner_[i];
      any_outer |= loops[i] && !inner_[i];
    }
    if (!any_inner || !any_outer) {
      (any_inner ? inner : outer).terms.push_back(term);
      return true;
    }
    const IterSource& source = source_of(map_, term);
    if (!is_int(term.lower, 1) || !algebra_.equal(term.extent, source.extent)) {
      reason = fmt::format("a digit of '{}' mixes outer and inner loops",
                           to_text(to_expr(algebra_, map_, source.sum)));
      return false;
    }
    for (IterTerm part : source.sum.terms) {
      part.scale = algebra_.normal(part.scale * term.scale);
      if (!sort(part, outer, inner)) return false;
    }
    return true;
  }

  const IterMap& map_;
  IndexAlgebra algebra_;
  std::vector<bool> inner_;
};

}  // namespace

SubspaceResult divide_subspaces(const std::vector<Expr>& bindings, const std::vector<LoopRange>& loops,
                                const std::vector<Var>& inner, const Expr& predicate,
                                const Context& context) {
  const IterMapResult map = detect_iter_map(bindings, loops, predicate, context);
  if (!map) return {std::nullopt, map.reason};
  SubspaceDivision division(*map, inner, context);
  Subspaces spaces;
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    auto axis = division.divide(map->axes[i]);
    if (!axis)
      return {std::nullopt,
              fmt::format("binding {} '{}' has no inner part: {}", i, to_text(bindings[i]), division.reason)};
    spaces.axes.push_back(std::move(*axis));
  }
  for (const Expr& condition : conjuncts(predicate))
    (division.uses_inner(condition) ? spaces.inner_conditions : spaces.outer_conditions).push_back(condition);
  return {std::move(spaces), {}};
}

}  // namespace tw
