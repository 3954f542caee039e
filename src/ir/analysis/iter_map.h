// Iteration maps: what expressions of loop variables are as mixed-radix numbers.
//
// The bindings of a block (and many subscripts) take the digits of loop variables and put them together
// again:
//
//   io*mc + ii                 two digits; the upper one counts in units of mc, a constant or a parameter
//   f // n, f % n              the digits of a fused loop
//   (io*mc + ii) // 4          a digit of a sum that is not one of the loops: the sum becomes a source of its
//   own
//
// An axis is base + sum of scale * ((source // lower) % extent). Scales, lowers and extents are expressions
// without loop variables, constant or symbolic. In this form it is plain whether turns of the loops reach
// every point of a domain, and only once. A predicate such as `io*mc + ii < m` trims: the sum io*mc + ii
// becomes a source of extent m, which is how a split that does not divide is exact.
//
// The idea is that of quasi-affine iteration maps in TVM (arith/iter_affine_map, Apache-2.0), whose factors
// are constants; here they may be symbolic, and a divisor need only be proved to be positive.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/context.h"
#include "ir/program.h"

namespace tw {

/// A loop: 0 <= var < extent.
struct LoopRange {
  Var var;
  Expr extent;
};

/// scale * ((source // lower) % extent); of the uppermost digit of a source the remainder says nothing.
struct IterTerm {
  int source = 0;  // index into IterMap::sources
  Expr lower, extent, scale;
};

struct IterSum {
  Expr base;
  std::vector<IterTerm> terms;  // no two are digits of one source that follow each other in value
};

/// What digits are taken of: 0 <= value < extent, every value taken.
struct IterSource {
  Var var;      // a loop variable, or null:
  IterSum sum;  // a sum with base 0 of other sources, one value for each combination of their digits
  Expr extent;
  bool trimmed = false;  // by the predicate: `sum` alone would reach further
};

struct IterMap {
  std::vector<LoopRange> loops;
  std::vector<IterSource> sources;
  std::vector<IterSum> axes;  // one for each binding
  std::vector<Expr>
      other_conditions;  // parts of the predicate that trim no source, always true ones left out
};

/// A map, or why the bindings are none.
struct IterMapResult {
  std::optional<IterMap> map;
  std::string reason;  // names the binding; empty when there is a map
  explicit operator bool() const { return map.has_value(); }
  const IterMap* operator->() const { return &*map; }
  const IterMap& operator*() const { return *map; }
};

/// The form of the bindings over the loops, wherever the predicate (null: always) and the context hold.
/// Extents of loops may use outer variables but no variable of `loops`. As it says something of turns alone,
/// it takes it that there are some: `f // n` has a form where f < m*n, though n may be 0.
IterMapResult detect_iter_map(const std::vector<Expr>& bindings, const std::vector<LoopRange>& loops,
                              const Expr& predicate = {}, const Context& context = {});

/// The value of a sum, as an expression of the loop variables.
Expr to_expr(const IterMap& map, const IterSum& sum, const Context& context = {});

// Questions. Each "yes" is proved; "no" means not proved, and `reason` then says what stands against it.
struct Verdict {
  bool yes = false;
  std::string reason;
  explicit operator bool() const { return yes; }
};

/// Whether two different turns of the loops (that the predicate lets run) have different values of the axes.
Verdict is_injective(const IterMap& map, const Context& context = {});

/// Whether the turns reach every point of the box 0 <= axis < extent, and none outside of it.
Verdict is_surjective(const IterMap& map, const std::vector<Expr>& extents, const Context& context = {});

/// Each point of the box in exactly one turn.
Verdict is_bijective(const IterMap& map, const std::vector<Expr>& extents, const Context& context = {});

/// The loop variables in the order of `map.loops`, given values of the axes; nothing unless the map is
/// injective.
std::optional<std::vector<Expr>> inverse(const IterMap& map, const std::vector<Expr>& axis_values,
                                         const Context& context = {});

/// The values of the loop variables that values of the axes determine: null where they do not.
std::vector<Expr> determined_loops(const IterMap& map, const std::vector<Expr>& axis_values,
                                   const Context& context = {});

/// Indices of the loops that the axis takes digits of, ascending.
std::vector<int> loops_of_axis(const IterMap& map, int axis);

/// Whether the map takes of loops `outer` and `inner` only their combination outer * extent(inner) + inner,
/// so that one loop can stand for both without being divided again.
bool fuses_plainly(const IterMap& map, int outer, int inner, const Context& context = {});

/// One axis as outer * inner_extent + inner, where the inner part depends on inner loops alone and takes each
/// value in 0 <= inner < inner_extent, the outer part on the other loops alone, 0 <= outer < outer_extent.
struct AxisDivision {
  Expr outer, outer_extent;
  Expr inner, inner_extent;
};
struct Subspaces {
  std::vector<AxisDivision> axes;
  std::vector<Expr> outer_conditions, inner_conditions;  // of the predicate; inner ones use an inner loop
};
struct SubspaceResult {
  std::optional<Subspaces> spaces;
  std::string reason;
  explicit operator bool() const { return spaces.has_value(); }
  const Subspaces* operator->() const { return &*spaces; }
};

/// Divides the space of the bindings into what inner loops run through for one turn of the others, and the
/// rest.
SubspaceResult divide_subspaces(const std::vector<Expr>& bindings, const std::vector<LoopRange>& loops,
                                const std::vector<Var>& inner, const Expr& predicate = {},
                                const Context& context = {});

}  // namespace tw
