// What is known about variables at a place of a program, and what follows from it.
//
// A context holds ranges of loop variables, which may be symbolic (0 <= ii < mc), and conditions that hold.
// Variables also carry their own bounds (Variable in expr.h). Proofs are sound, not complete: "no" means "not
// proved".
#pragma once

#include <optional>
#include <vector>

#include "ir/expr.h"
#include "ir/simplify/linear.h"

namespace tw {

/// min <= x <= max; kNoMin and kNoMax are open ends. Empty when min > max.
struct Interval {
  int64_t min = kNoMin, max = kNoMax;
  bool operator==(const Interval&) const = default;
  bool is_point() const { return min == max; }
  bool contains(int64_t x) const { return min <= x && x <= max; }
};

class Context {
 public:
  /// begin <= var < begin + extent, both over variables already known. That there is such a value is known
  /// too: within the loop its extent is at least 1.
  void bind(const Var& var, Expr begin, Expr extent);
  /// A condition that holds here. Conjunctions fall into their parts.
  void assume(const Expr& condition);
  /// A variable without a range of its own place: says only where it stands in the order of printed terms.
  void declare(const Var& var);

  /// What has been said so far; `restore` forgets all that came after.
  struct Mark {
    std::size_t ranges = 0, facts = 0, declared = 0, known = 0;
  };
  Mark mark() const;
  void restore(const Mark& mark);

  struct BoundVar {
    Var var;
    Expr begin, extent;
  };
  const std::vector<BoundVar>& ranges() const { return ranges_; }
  const BoundVar* range_of(const Variable* var) const;  // null: none
  const std::vector<Expr>& facts() const { return facts_; }

  /// A fact about index expressions as a sum that compares with 0.
  struct KnownSum {
    enum class Relation : uint8_t { kNotNegative, kZero, kNotZero };
    Relation relation;
    Sum sum;
  };
  const std::vector<KnownSum>& known_sums() const { return known_; }

  /// Where a variable stands in the order of terms: bound ones as they were bound, then declared ones from
  /// kFirstDeclared, then all others alike.
  std::size_t rank_of(const Variable* var) const;
  static constexpr std::size_t kFirstDeclared = std::size_t{1} << 32;

 private:
  void remember(Expr condition);
  std::vector<BoundVar> ranges_;
  std::vector<Expr> facts_;
  std::vector<KnownSum> known_;
  std::vector<Var> declared_;
};

/// Forgets at the end of a C++ scope what was said in it.
class ContextScope {
 public:
  explicit ContextScope(Context& context) : context_(context), mark_(context.mark()) {}
  ~ContextScope() { context_.restore(mark_); }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

 private:
  Context& context_;
  Context::Mark mark_;
};

/// The values an integer expression can have, of any integer type (of one lane). Types but index wrap: an
/// expression that may leave its type has the type's whole range. The open end kNoMax of a uint64 stands for
/// values above too.
Interval bounds(const Expr& e, const Context& context = {});

/// Expressions over the variables outside `over`, between which e lies (both reached or beyond) while the
/// variables of `over` take all their values in the context. Nothing if none is found.
struct SymbolicInterval {
  Expr min, max;
};
std::optional<SymbolicInterval> symbolic_bounds(const Expr& e, const std::vector<Var>& over,
                                                const Context& context);

/// Whether the condition always holds here. False: not proved.
bool prove(const Expr& condition, const Context& context = {});

}  // namespace tw
