// Brings single expressions to the form of iteration maps (iter_map.h), over sources collected on the way.
#pragma once

#include <string>

#include "ir/analysis/index_algebra.h"
#include "ir/analysis/iter_map.h"

namespace tw {

/// Works on one map: expressions share its sources. `context` holds the ranges of its loops.
class IterRewriter {
 public:
  IterRewriter(IterMap& map, const Context& context) : map_(map), context_(context), algebra_(context) {}

  /// Makes sources of the sums that conditions bound from above.
  void trim(const std::vector<Expr>& conditions);

  /// The form of an expression of type index; nothing, and `reason()`, when it has none.
  std::optional<IterSum> sum_of(const Expr& e);
  const std::string& reason() const { return reason_; }
  IndexAlgebra& algebra() { return algebra_; }

 private:
  struct Divided {
    IterSum quotient, rest;
  };
  std::optional<IterSum> refuse(const Expr& e, const char* why);
  bool has_loop(const Expr& e) const;
  int source_of(const Variable* var) const;
  int source_of_sum(IterSum sum, Expr extent, bool trimmed);
  bool trim(const Expr& condition);
  IterSum scaled(IterSum sum, const Expr& scale);
  IterSum added(IterSum a, const IterSum& b);
  void add_term(IterSum& sum, const IterTerm& term);
  bool join_digits(IterSum& sum);
  bool use_trimmed(IterSum& sum);
  void tidy(IterSum& sum);
  std::optional<Divided> divide(const IterSum& sum, const Expr& divisor);
  std::optional<Divided> divide_string(std::vector<IterTerm> string, const Expr& divisor);
  Divided divide_term(const IterTerm& term, const Expr& divisor);
  bool is_below(const IterSum& sum, const Expr& limit);
  bool is_top(const IterTerm& term);
  bool same_digit(const IterTerm& a, const IterTerm& b);

  IterMap& map_;
  const Context& context_;
  IndexAlgebra algebra_;
  std::string reason_;
};

/// The terms by rising scale when each scale is the one before times its extent, all scales positive: a
/// gap-free digit string. Nothing when they are not.
std::optional<std::vector<IterTerm>> digit_string(IndexAlgebra& algebra, std::vector<IterTerm> terms);

/// scale * extent of the last digit over the scale of the first: how many values a string has.
Expr string_extent(const std::vector<IterTerm>& string);

}  // namespace tw
