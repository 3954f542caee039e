// Matching an expression against a pattern, up to the order of operands of commutative operators.
#pragma once

#include <string>
#include <vector>

#include "ir/program.h"

namespace tw::schedule {

/// An element that the pattern reads or writes, and the element of the other side that stands for it.
struct MatchedAccess {
  Buffer pattern;
  std::vector<Expr> pattern_indices;
  Buffer target;
  std::vector<Expr> target_indices;
};
using MatchedAccesses = std::vector<MatchedAccess>;

/// Where two expressions differ.
struct Difference {
  Expr pattern, target;
  std::string reason;   // more than that the two are not the same; may be empty
  std::size_t met = 0;  // how many nodes agreed before
};

struct ExprMatches {
  std::vector<MatchedAccesses> ways;  // all ways in which the accesses can stand for each other, in order
  Difference difference;              // where there is none: the one that the longest match ends at
};

/// The stored values of two stores, and the elements that they write.
ExprMatches match_stores(const Store& pattern, const Store& target);

}  // namespace tw::schedule
