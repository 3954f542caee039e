#include "schedule/spans.h"

#include <algorithm>

#include "ir/simplify.h"
#include "ir/visit.h"

namespace tw::schedule {
namespace {

Expr last_of(const Span& span) {
  return span.min + (span.extent - Expr(1));
}

Span between(const Expr& first, const Expr& last, const Context& context) {
  return {simplify(first, context), simplify(last - first + 1, context)};
}

/// The span of one dimension of an access over the turns of its loops from `depth` on.
Span span_of(const Access& access, const Range& range, std::size_t depth, const Context& context) {
  if (is_data_dependent(range.min) || is_data_dependent(range.extent)) return {};
  std::vector<Var> inner;
  bool moves = false;
  for (std::size_t i = depth; i < access.loops.size(); ++i) {
    inner.push_back(access.loops[i]->var);
    moves = moves || uses_var(range.min, inner.back()) || uses_var(range.extent, inner.back());
  }
  if (!moves) return {simplify(range.min, context), simplify(range.extent, context), is_int(range.extent, 1)};
  const auto low = symbolic_bounds(range.min, inner, context);
  const auto high = symbolic_bounds(range.min + (range.extent - Expr(1)), inner, context);
  return low && high ? between(low->min, high->max, context) : Span{};
}

/// Solves low <= e <= high for one axis of a block.
class AxisSolver {
 public:
  AxisSolver(const Block& block, std::size_t axis, Membership membership, const Context& context)
      : var_(block.axes[axis].var), some_(membership == Membership::kSome), context_(context) {
    for (std::size_t i = 0; i < block.axes.size(); ++i) {
      context_.bind(block.axes[i].var, 0, block.axes[i].extent);
      if (i != axis) others_.push_back(block.axes[i].var);
    }
  }

  struct Ends {
    Expr low, high;
  };

  std::optional<Ends> solve(const Expr& e, const Ends& ends) {
    if (e.same_as(var_)) return ends;
    const auto* binary = as<Binary>(e);
    if (!binary || !uses_var(e, var_)) return std::nullopt;
    const bool left = uses_var(binary->a, var_), right = uses_var(binary->b, var_);
    if (left && right) return std::nullopt;
    const Expr& inner = left ? binary->a : binary->b;
    const Expr& other = left ? binary->b : binary->a;
    switch (binary->op) {
      case BinaryOp::kAdd: {
        const auto y = symbolic_bounds(other, others_, context_);
        if (!y) return std::nullopt;
        return solve(inner, some_ ? Ends{ends.low - y->max, ends.high - y->min}
                                  : Ends{ends.low - y->min, ends.high - y->max});
      }
      case BinaryOp::kSub: {
        const auto y = symbolic_bounds(other, others_, context_);
        if (!y) return std::nullopt;
        if (left)
          return solve(inner, some_ ? Ends{ends.low + y->min, ends.high + y->max}
                                    : Ends{ends.low + y->max, ends.high + y->min});
        return solve(inner, some_ ? Ends{y->min - ends.high, y->max - ends.low}
                                  : Ends{y->max - ends.high, y->min - ends.low});
      }
      case BinaryOp::kMul:
        if (!is_positive_scale(other)) return std::nullopt;
        return solve(inner, {ceildiv(ends.low, other), floordiv(ends.high, other)});
      case BinaryOp::kFloorDiv:
        if (!left || !is_positive_scale(other)) return std::nullopt;
        return solve(inner, {ends.low * other, ends.high * other + (other - Expr(1))});
      default: return std::nullopt;
    }
  }

 private:
  bool is_positive_scale(const Expr& e) const {
    return std::none_of(others_.begin(), others_.end(), [&](const Var& v) { return uses_var(e, v); }) &&
           prove(ge(e, 1), context_);
  }

  Var var_;
  bool some_;
  Context context_;
  std::vector<Var> others_;
};

}  // namespace

Span hull(const Span& a, const Span& b, const Context& context) {
  if (!a || !b) return {};
  const Expr a_last = last_of(a), b_last = last_of(b);
  const bool first = prove(le(a.min, b.min), context), last = prove(le(b_last, a_last), context);
  if (first && last) return {a.min, a.extent, a.unit && b.unit};
  if (!first && !prove(le(b.min, a.min), context)) return {};
  if (!last && !prove(le(a_last, b_last), context)) return {};
  return between(first ? a.min : b.min, last ? a_last : b_last, context);
}

std::vector<Span> touched_box(const std::vector<const Access*>& accesses, std::size_t depth,
                              const Context& outside) {
  std::vector<Span> box;
  for (std::size_t a = 0; a < accesses.size(); ++a) {
    const Access& access = *accesses[a];
    Context context = outside;
    for (const For* loop : access.loops) context.bind(loop->var, 0, loop->extent);
    for (std::size_t d = 0; d < access.box.size(); ++d) {
      const Span span = span_of(access, access.box[d], depth, context);
      if (a == 0) {
        box.push_back(span);
      } else {
        box[d] = hull(box[d], span, context);
      }
    }
  }
  return box;
}

Span solve_axis(const Range& subscripts, const Block& block, std::size_t axis, const Span& span,
                Membership membership, const Context& context) {
  if (!span) return {};
  // A range of several subscripts e, …, e + n - 1 meets the span when e does a longer one, lies in it when e
  // does a shorter.
  const Expr longer = subscripts.extent - Expr(1);
  const Expr last = last_of(span);
  AxisSolver solver(block, axis, membership, context);
  const auto ends = solver.solve(subscripts.min, membership == Membership::kSome
                                                     ? AxisSolver::Ends{span.min - longer, last}
                                                     : AxisSolver::Ends{span.min, last - longer});
  if (!ends) return {};
  Span solved = between(ends->low, ends->high, context);
  solved.unit = span.unit && is_int(solved.extent, 1);
  return solved;
}

Span solve_axis(const std::vector<Region>& regions, const Buffer& buffer, const Block& block,
                std::size_t axis, const std::vector<Span>& box, Membership membership,
                const Context& context) {
  Span best;
  for (const Region& region : regions) {
    if (!region.buffer.same_as(buffer)) continue;
    Span here;
    for (std::size_t d = 0; d < box.size(); ++d) {
      const Span span = solve_axis(region.ranges[d], block, axis, box[d], membership, context);
      if (!span) continue;
      if (!here || prove(lt(span.extent, here.extent), context)) here = span;
    }
    if (!here) {
      if (membership == Membership::kSome) return {};
      continue;
    }
    if (!best) {
      best = here;
    } else if (membership == Membership::kSome) {
      best = hull(best, here, context);
      if (!best) return {};
    } else if (prove(lt(here.extent, best.extent), context)) {
      best = here;
    }
  }
  return best;
}

}  // namespace tw::schedule
