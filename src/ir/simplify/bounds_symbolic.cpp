// Symbolic ends of an index expression while some variables run through their ranges.
//
// io*mc + ii over ii in [0, mc):  io*mc and io*mc + mc - 1
// (i*4 + j)//8 over i in [0, n):  j//8 and (n*4 + j - 4)//8
#include "ir/simplify.h"
#include "ir/simplify/prove.h"
#include "ir/simplify/unit.h"

namespace tw {
namespace {

/// Ends as sums; invalid ones mean that none is known.
struct Ends {
  Sum low, high;
};

class SymbolicBounds {
 public:
  SymbolicBounds(const std::vector<Var>& over, const Context& context) : context_(context), prover_(context) {
    over_.assign(over.begin(), over.end());
  }

  std::optional<Ends> of(const Expr& e, int depth) {
    if (depth > 12) return std::nullopt;
    const Sum sum(e);
    if (!sum.valid) return std::nullopt;
    const auto low = smallest(sum, depth);
    const auto high = low ? smallest(Sum() - sum, depth) : std::nullopt;
    if (!high) return std::nullopt;
    return Ends{*low, Sum() - *high};
  }

 private:
  bool uses_over(const Expr& e) const {
    for (const Var& var : over_)
      if (depends_on(e.get(), var.get())) return true;
    return false;
  }

  /// A lower end of the sum free of the variables: first quotients and the like that use them give way to
  /// their ends, then the variables, innermost first.
  std::optional<Sum> smallest(Sum sum, int depth) {
    for (int step = 0; step < 32; ++step) {
      if (!sum.valid) return std::nullopt;
      const Expr* atom = next_atom(sum);
      if (!atom) return sum;
      const Expr chosen = *atom;
      const auto ends = ends_of(chosen, depth);
      if (!ends) return std::nullopt;
      Sum quotient, rest;
      sum.split(chosen, quotient, rest);
      if (quotient.has_factor(chosen)) return std::nullopt;
      if (prover_.not_negative(quotient)) {
        sum = quotient * ends->low + rest;
      } else if (prover_.not_negative(Sum() - quotient)) {
        sum = quotient * ends->high + rest;
      } else {
        return smaller_of(quotient * ends->low + rest, quotient * ends->high + rest, depth);
      }
    }
    return std::nullopt;
  }

  std::optional<Sum> smaller_of(const Sum& a, const Sum& b, int depth) {
    if (depth > 4) return std::nullopt;
    const auto x = smallest(a, depth + 1), y = smallest(b, depth + 1);
    if (!x || !y) return std::nullopt;
    return minimum(*x, *y);
  }

  Sum minimum(const Sum& a, const Sum& b) {
    if (!a.valid || !b.valid || prover_.less_equal(a, b)) return a;
    if (prover_.less_equal(b, a)) return b;
    return Sum(min(a.to_expr(context_), b.to_expr(context_)));
  }
  Sum maximum(const Sum& a, const Sum& b) {
    if (!a.valid || !b.valid || prover_.less_equal(b, a)) return a;
    if (prover_.less_equal(a, b)) return b;
    return Sum(max(a.to_expr(context_), b.to_expr(context_)));
  }

  /// An atom to replace: a composite one while there is any, then the variable bound last.
  const Expr* next_atom(const Sum& sum) const {
    const Expr* found = nullptr;
    std::size_t found_rank = 0;
    for (const Product& term : sum.terms)
      for (int i = 0; i < term.degree; ++i) {
        const Expr& atom = term.factors[i];
        if (!uses_over(atom)) continue;
        const auto* var = as<Variable>(atom);
        if (!var) return &term.factors[i];
        const std::size_t rank = context_.rank_of(var);
        if (!found || rank > found_rank) {
          found = &term.factors[i];
          found_rank = rank;
        }
      }
    return found;
  }

  std::optional<Ends> ends_of(const Expr& atom, int depth) {
    if (const auto* var = as<Variable>(atom)) {
      if (const auto* range = context_.range_of(var)) {
        Ends ends{Sum(range->begin), Sum(range->begin)};
        ends.high.add_expr(range->extent, 1);
        ends.high.add_constant(-1);
        return ends;
      }
      return constant_ends(atom);
    }
    if (const auto* var = variable_of_unit(atom)) {
      const auto ends = ends_of(Expr(var), depth);
      if (!ends) return std::nullopt;
      return Ends{quotient(ends->low, var->multiple_of), quotient(ends->high, var->multiple_of)};
    }
    if (auto ends = ends_of_composite(atom, depth)) return ends;
    return constant_ends(atom);
  }

  std::optional<Ends> constant_ends(const Expr& atom) const {
    const Interval range = bounds(atom, context_);
    if (range.min == kNoMin || range.max == kNoMax) return std::nullopt;
    return Ends{Sum(range.min), Sum(range.max)};
  }

  std::optional<Ends> ends_of_composite(const Expr& atom, int depth) {
    if (const auto* choice = as<Select>(atom)) {
      const auto a = of(choice->on_true, depth + 1), b = a ? of(choice->on_false, depth + 1) : std::nullopt;
      if (!b) return std::nullopt;
      return Ends{minimum(a->low, b->low), maximum(a->high, b->high)};
    }
    const auto* binary = as<Binary>(atom);
    if (!binary) return std::nullopt;
    switch (binary->op) {
      case BinaryOp::kMin:
      case BinaryOp::kMax: {
        const auto a = of(binary->a, depth + 1), b = a ? of(binary->b, depth + 1) : std::nullopt;
        if (!b) return std::nullopt;
        if (binary->op == BinaryOp::kMin) return Ends{minimum(a->low, b->low), minimum(a->high, b->high)};
        return Ends{maximum(a->low, b->low), maximum(a->high, b->high)};
      }
      case BinaryOp::kFloorDiv: return ends_of_quotient(*binary, depth);
      case BinaryOp::kFloorMod: return ends_of_remainder(*binary, depth);
      default: return std::nullopt;
    }
  }

  Sum quotient(const Sum& x, const Expr& divisor) const {
    return Sum(simplify(floordiv(x.to_expr(context_), divisor), context_));
  }

  std::optional<Ends> ends_of_quotient(const Binary& e, int depth) {
    if (uses_over(e.b) || !prover_.positive(Sum(e.b))) return std::nullopt;
    const auto x = of(e.a, depth + 1);
    if (!x || !x->low.valid || !x->high.valid) return std::nullopt;
    return Ends{quotient(x->low, e.b), quotient(x->high, e.b)};
  }

  std::optional<Ends> ends_of_remainder(const Binary& e, int depth) {
    if (!prover_.positive(Sum(e.b))) return std::nullopt;
    Ends ends;
    if (!uses_over(e.b)) {
      // Where all the values have one quotient the remainders run as the values do.
      if (const auto x = of(e.a, depth + 1); x && x->low.valid && x->high.valid) {
        const Sum q = quotient(x->low, e.b), last = quotient(x->high, e.b), d(e.b);
        if (prover_.not_negative(q - last)) return Ends{x->low - q * d, x->high - q * d};
      }
      ends.high = Sum(e.b);
    } else {
      const auto d = of(e.b, depth + 1);
      if (!d) return std::nullopt;
      ends.high = d->high;
    }
    ends.high.add_constant(-1);
    return ends;
  }

  std::vector<Var> over_;
  const Context& context_;
  Prover prover_;
};

}  // namespace

std::optional<SymbolicInterval> symbolic_bounds(const Expr& e, const std::vector<Var>& over,
                                                const Context& context) {
  const auto ends = SymbolicBounds(over, context).of(e, 0);
  if (!ends || !ends->low.valid || !ends->high.valid) return std::nullopt;
  return SymbolicInterval{simplify(ends->low.to_expr(context), context),
                          simplify(ends->high.to_expr(context), context)};
}

}  // namespace tw
