// Rewriting loops and what stands below them: shared by the primitives that change loops.
#pragma once

#include <optional>
#include <vector>

#include "ir/visit.h"
#include "schedule/primitive.h"

namespace tw::schedule {

/// Says to a context in which expressions are to be simplified that 0 <= var < extent, but for a loop that
/// has at most one turn: its variable would be replaced by 0, and a step on the loop would then find nothing
/// that follows it, though it does at other sizes. Such a loop counts as one of two turns.
void bind_keeping(Context& context, const Var& var, const Expr& extent);
/// The context with all its loops bound so.
Context keeping_loops(const Context& context);

/// The condition without the parts that hold; null when nothing is left.
Expr without_proved(const Expr& condition, const Context& context);

/// The statement with loop variables replaced, and a condition (null: none) joined to the predicate of every
/// block below. The condition is over the new variables. Bindings, predicates and extents come out simplified
/// in the context; loops of one turn stay in them.
Stmt rebind(const Stmt& body, const VarMap& values, const Expr& condition, const Context& context);

/// Refuses unless the loops stand each directly in the next one, with nothing between, and gives them
/// outermost first.
std::vector<LoopPlace> require_nest(const Step& step, std::vector<LoopPlace> loops);

/// The body with loops around it: pairs of variable and extent, outermost first, all of one kind.
Stmt nest(const std::vector<std::pair<Var, Expr>>& loops, Stmt body, bool ordered = false);

/// Refuses a loop that already is parallel, vectorised, unrolled or bound.
void require_serial(const Step& step, const LoopPlace& loop);

/// The program with the loop as a copy that `change` has edited.
Outcome with_loop(const Step& step, const LoopPlace& place, const std::function<void(For&)>& change);

/// Refuses unless the turns of the loop may run at once: `doing` says in the message what is wanted ("run in
/// parallel").
void require_independent(const Step& step, const LoopPlace& place, const char* doing);

/// Refuses a loop whose number of turns is no constant.
void require_constant_extent(const Step& step, const LoopPlace& place, const char* doing);

}  // namespace tw::schedule
