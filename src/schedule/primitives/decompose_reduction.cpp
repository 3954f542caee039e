// decompose_reduction(C, k):
//
//   for i in n:                                       for i in n:
//     for k in m:                                       for j in 8:
//       for j in 8:                                       block C_init(vi = i, vj = j): C[vi, vj] = 0
//         block C(vi = i, vj = j, vk = k):       =>     for k in m:
//           init: C[vi, vj] = 0                           for j in 8:
//           C[vi, vj] = C[vi, vj] + A[vi, vk]               block C(vi = i, vj = j, vk = k):
//                                                             C[vi, vj] = C[vi, vj] + A[vi, vk]
//
// What a reduction starts from becomes a block of its own directly before a loop, in copies of the spatial
// loops inside it.
//
// Needed: all loops of the block's reduction axes are the loop or stand inside it, and each of its loops
// drives either spatial or reduction axes; nothing else below the loop touches elements before their
// reduction begins. An ordered axis, as a scan has, counts as a reduction axis where the elements live
// longer than a turn of its loop. Where they are allocated in each turn, their reduction begins anew there,
// and the loop stands outside.
#include <algorithm>

#include "ir/analysis/dependence.h"
#include "ir/analysis/regions.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/blocks.h"
#include "schedule/loops.h"
#include "schedule/separate_init.h"

namespace tw::schedule {
namespace {

class DecomposeReduction {
 public:
  explicit DecomposeReduction(const Step& step)
      : step_(step), place_(step.block(0)), loop_(step.loop(1)), block_(place_.block()) {}

  Outcome apply() {
    if (!block_.init)
      step_.refuse(&block_,
                   "block {} has no init; only a reduction that sets its elements first can be decomposed",
                   name());
    find_loops();
    require_scope();
    require_untouched();
    const BlockId id = step_.new_block_id();
    const Stmt init = init_nest(id);
    const Stmt update = without_init();
    const Program updated =
        ProgramNode::make("", step_.program()->params, replaced_at(step_.program(), place_, update));
    const LoopPlace loop = find_loop(updated, loop_.loop().var);
    return {step_.with_body(replaced_at(updated, loop, Seq::make({init, Stmt(loop.node)}))), {id}, {}};
  }

 private:
  const std::string& name() const { return block_.name; }

  /// Sorts the loops around the block into those outside of the loop, and the spatial ones from it on.
  void find_loops() {
    const std::vector<const For*> around = place_.loops();
    const auto first = std::find(around.begin(), around.end(), &loop_.loop());
    if (first == around.end())
      step_.refuse(loop_.node, "loop {} does not stand around block {}; take one of its loops",
                   loop_.loop().var->name.text, name());
    for (auto loop = around.begin(); loop != around.end(); ++loop) {
      const Var& var = (*loop)->var;
      const std::string& text = var->name;
      const bool reduces = drives(block_, var, false) && !begins_anew_in(**loop);
      if (loop < first && reduces)
        step_.refuse(*loop,
                     "loop {} runs through a reduction axis of block {} outside of loop {}, and the elements "
                     "would be set "
                     "again in each of its turns; take loop {} or one outside of it",
                     text, name(), loop_.loop().var->name.text, text);
      if (loop < first && drives(block_, var, false)) turns_.push_back(var);
      if (loop < first) continue;
      if (reduces && drives(block_, var, true))
        step_.refuse(
            *loop,
            "loop {} drives both spatial and reduction axes of block {}; decompose before they are fused",
            text, name());
      if (reduces) {
        reduction_.push_back(var);
      } else {
        spatial_.push_back(*loop);
      }
    }
    for (const For* loop : spatial_)
      for (const Var& var : reduction_)
        if (uses_var(loop->extent, var))
          step_.refuse(
              loop, "the number of turns of loop {}, {}, depends on loop {}, which the init does not run in",
              loop->var->name.text, to_text(loop->extent), var->name.text);
    // A spatial loop that drives nothing would only set the elements again, if it has a turn.
    std::erase_if(spatial_, [&](const For* loop) {
      return !drives(block_, loop->var, true) && prove(le(1, loop->extent)) &&
             !(block_.predicate && uses_var(block_.predicate, loop->var));
    });
  }

  /// Whether a loop drives ordered axes and no reduction, and all that the block writes is allocated in each
  /// of its turns.
  bool begins_anew_in(const For& loop) const {
    const bool reduces = std::any_of(block_.axes.begin(), block_.axes.end(), [&](const BlockAxis& axis) {
      return axis.axis_kind == AxisKind::kReduction && uses_var(axis.binding, loop.var);
    });
    const auto inside = std::find(place_.around.begin(), place_.around.end(), &loop);
    return !reduces && std::all_of(block_.writes.begin(), block_.writes.end(), [&](const Region& region) {
      return std::any_of(inside, place_.around.end(), [&](const StmtNode* around) {
        const auto* allocation = as<Allocate>(static_cast<const Node*>(around));
        return allocation && allocation->buffer.same_as(region.buffer);
      });
    });
  }

  void require_scope() {
    for (const StmtNode* around : place_.around) {
      const bool inside = std::find(place_.around.begin(), place_.around.end(), loop_.node) <
                          std::find(place_.around.begin(), place_.around.end(), around);
      if (!inside) continue;
      if (around->kind == Kind::kIf || around->kind == Kind::kLet)
        step_.refuse(
            around, "block {} stands in a condition or a value inside of loop {}, which its init would leave",
            name(), loop_.loop().var->name.text);
      const auto* allocation = as<Allocate>(static_cast<const Node*>(around));
      for (const Region& write : block_.writes)
        if (allocation && allocation->buffer.same_as(write.buffer))
          step_.refuse(allocation, "buffer {} lives inside of loop {}; take a loop inside of its allocation",
                       write.buffer->name.text, loop_.loop().var->name.text);
    }
  }

  /// Other blocks below the loop must not write the elements, nor read them before they are set where they
  /// stand now.
  void require_untouched() {
    const std::vector<Access> accesses = collect_accesses(step_.program()->body);
    const std::size_t depth = loop_.loops().size();
    bool after = false;
    for (const Access& other : accesses) {
      after |= other.unit == &block_;
      if (other.unit == &block_ || other.loops.size() <= depth || other.loops[depth] != &loop_.loop())
        continue;
      for (const Access& own : accesses) {
        if (own.unit != &block_ || !own.init || !own.write || !own.buffer.same_as(other.buffer)) continue;
        bool meets = false;
        if (other.write || !after) {
          meets = overlap(own, other, depth) != Overlap::kNever;
        } else {
          for (std::size_t d = depth;
               d < own.loops.size() && d < other.loops.size() && own.loops[d] == other.loops[d]; ++d)
            meets = meets || overlap_across_turns(own, other, d) != Overlap::kNever;
        }
        if (meets)
          step_.refuse(other.unit ? static_cast<const Node*>(other.unit) : loop_.node,
                       "{} {} buffer {} inside of loop {}, before all its elements are set; the init cannot "
                       "stand before the loop",
                       other.unit ? "block " + other.unit->name.text : "the program",
                       other.write ? "writes" : "reads", own.buffer->name.text, loop_.loop().var->name.text);
      }
    }
  }

  /// The parts of the block's predicate that speak of no reduction loop.
  Expr spatial_predicate() const {
    Expr kept = make_bool(true);
    for (const Expr& part : conjuncts(block_.predicate)) {
      const bool reduces =
          std::any_of(reduction_.begin(), reduction_.end(), [&](const Var& v) { return uses_var(part, v); });
      const bool mixed = reduces && std::any_of(spatial_.begin(), spatial_.end(),
                                                [&](const For* l) { return uses_var(part, l->var); });
      if (mixed)
        step_.refuse(&block_,
                     "block {} runs under {}, which joins spatial and reduction loops; which elements are "
                     "set cannot be "
                     "told",
                     name(), to_text(part));
      if (!reduces) kept = logical_and(kept, part);
    }
    // Where the reduction has no turn, nothing was set.
    const Context context = context_at(loop_);
    for (const For* around : place_.loops()) {
      const bool reduces = std::any_of(reduction_.begin(), reduction_.end(),
                                       [&](const Var& v) { return v.same_as(around->var); });
      if (reduces && !prove(le(1, around->extent), context)) kept = logical_and(kept, le(1, around->extent));
    }
    return kept;
  }

  Stmt init_nest(BlockId id) {
    const Expr predicate = spatial_predicate();
    return nest_of_init(block_, fresh_name(step_.program(), name() + "_init"), id, spatial_,
                        is_int(predicate, 1) ? Expr() : predicate, turns_);
  }

  Stmt without_init() {
    auto* update = new Block(block_);
    const Stmt owner(update);
    update->init = {};
    return with_inferred_regions(*update);
  }

  const Step& step_;
  BlockPlace place_;
  LoopPlace loop_;
  const Block& block_;
  std::vector<const For*> spatial_;  // from the loop on
  std::vector<Var> reduction_;
  std::vector<Var> turns_;  // ordered loops outside, in each of whose turns the reduction begins anew
};

Outcome decompose_reduction(const Step& step) {
  return DecomposeReduction(step).apply();
}

const Registration registration{{
    .name = "decompose_reduction",
    .summary = "Makes the init of a reduction a block of its own, before a loop.",
    .doc = R"(    for i in n:                                       for i in n:
      for k in m:                                       for j in 8:
        for j in 8:                                       block C_init(vi = i, vj = j): C[vi, vj] = 0
          block C(vi = i, vj = j, vk = k):       =>     for k in m:
            init: C[vi, vj] = 0                           for j in 8:
            C[vi, vj] = C[vi, vj] + A[vi, vk]               block C(vi = i, vj = j, vk = k):
                                                              C[vi, vj] = C[vi, vj] + A[vi, vk]

The init stands directly before the loop, in copies of the spatial loops inside it. All loops of reduction axes must be the
loop or stand inside it, and each drives reduction axes alone. Nothing else below the loop may touch the elements before
their reduction begins. Ordered axes, as a scan has, count as reduction axes where the elements live longer than a turn of
their loops; where they are allocated in each turn, the loop stands outside.)",
    .args = {{"block", ArgKind::kBlock, "A reduction with an init."},
             {"loop", ArgKind::kLoop, "The loop of the block before which its elements are set."}},
    .results = {"The block that sets the elements."},
    .example = R"(>>> s.decompose_reduction(s.block("C"), k)
<tw.Block C_init>)",
    .apply = decompose_reduction,
}};

}  // namespace
}  // namespace tw::schedule
