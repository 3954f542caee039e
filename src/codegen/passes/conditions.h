// Conditions below a loop, and for which of its turns they are known: what cut_loops and hoist_conditions
// work with.
#pragma once

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "codegen/passes/context_mutator.h"

namespace tw::codegen {

/// The attribute of a choice between a full and a general form: its condition and its general form are to
/// stay as they are.
inline constexpr const char* kChoiceOfForms = "choice_of_forms";

/// Whether turns of the loop may be run apart from each other.
bool is_cut(const For& loop);

/// A loop over the taps of a window, say: its conditions are better decided by a longer loop around it, which
/// leaves it whole.
bool is_short(const For& loop);

/// Statements below, loops to be written out counted turn by turn.
int64_t written_size(const Stmt& s);

/// A part of a condition below a loop, and for which turns of the loop it is known.
struct Known {
  const ExprNode* part = nullptr;
  bool value = true;      // what it is from `low` on, or before `high`
  Expr low, high;         // one of them
  bool exact = false;     // on the other side it is the opposite
  bool equality = false;  // it tells one turn from the others
};

/// What is known of the conditions below a loop that use its variable, for every turn of the loops inside
/// that are written out, vectors or short. `longer` are the variables of longer loops around it: a short loop
/// leaves them the conditions that they share. Conditions that read memory, or use what a Let or another loop
/// inside binds, are left out.
std::vector<Known> known_conditions(const For& loop, const std::vector<Var>& longer, const Context& outside);

/// A part of a condition inside a loop of a statement: it holds where gap >= 0.
struct Choice {
  const ExprNode* part = nullptr;
  Expr gap;
  bool own = false;    // uses the variable of the loop in question
  bool exact = false;  // it holds nowhere else
};

/// Comparisons in a statement in the body of the loop that stand inside further loops and are known before
/// these, and not left to longer loops around.
std::vector<Choice> choices_in(const Stmt& s, const For& loop, const std::vector<Var>& longer,
                               const Context& inside);

/// The statement with conditions replaced by what they are.
Stmt decide(const Stmt& s, const std::unordered_map<const ExprNode*, bool>& values);

}  // namespace tw::codegen
