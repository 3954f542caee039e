// Proofs about sums of index expressions: what `prove`, `symbolic_bounds` and `simplify` share.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "ir/context.h"
#include "ir/simplify/knowledge.h"

namespace tw {

/// The values a sum can have.
Interval bounds(const Sum& sum, const Context& context);

/// Proves that sums keep away from negative values. Tries, in turn: the interval of the sum; known facts;
/// replacing an atom by the end of its range that makes the sum smallest, innermost loop variables first;
/// quotients, remainders, minima and choices by what bounds them. The work of one proof is limited; giving up
/// means "not proved".
class Prover {
 public:
  explicit Prover(const Context& context) : context_(context) {}

  bool not_negative(const Sum& sum);
  bool positive(Sum sum) {
    sum.add_constant(-1);
    return not_negative(sum);
  }
  bool negative(const Sum& sum) { return positive(Sum() - sum); }
  bool not_zero(const Sum& sum);
  bool less_equal(const Sum& a, const Sum& b) { return not_negative(b - a); }
  bool less(const Sum& a, const Sum& b) { return positive(b - a); }
  /// Any condition of type bool (one lane).
  bool holds(const Expr& condition);
  bool never_holds(const Expr& condition);

 private:
  bool search(const Sum& sum, int depth);
  bool by_any(const Sum& sum, int depth);
  bool by_facts(const Sum& sum, bool shorter, int depth);
  bool by_fact(const Sum& sum, const Sum& fact, bool shorter, int depth);
  bool by_loop_variables(const Sum& sum, int depth);
  bool by_composites(const Sum& sum, int depth);
  bool by_composite(const Sum& sum, const Expr& atom, int depth);
  bool by_quotient(const Sum& sum, const Expr& atom, int depth);
  bool by_constants(const Sum& sum, int depth);
  bool by_ends(const Sum& sum, const Expr& atom, const Sum* low, const Sum* high, int depth);
  int sign_of(const Sum& sum, int depth);
  bool is_fact(const Expr& condition) const;
  bool compares(const Binary& cmp);
  bool never_compares(const Binary& cmp);

  Knowledge& knowledge();

  const Context& context_;
  int budget_ = 0;
  bool passing_ = false;  // the context is of this proof alone
  std::shared_ptr<Knowledge> knowledge_;
};

}  // namespace tw
