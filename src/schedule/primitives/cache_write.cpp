// cache_write(C, "local"):
//
//                                              alloc C_local: float32[n, m] local
//   for i in n:                                for i in n:
//     for j in m:                                for j in m:
//       for k in l:                     =>         for k in l:
//         block C(…):                                block C(…): init: C_local[vi, vj] = 0 …
//           init: C[vi, vj] = 0                        C_local[vi, vj] = C_local[vi, vj] + …
//           C[vi, vj] = C[vi, vj] + …          for i in n:
//                                                for j in m:
//                                                  block C_out(vi = i, vj = j): C[vi, vj] = C_local[vi, vj]
//
// The block computes into a new buffer, for a reduction the accumulators, and a new block behind the nest
// writes exactly what the block wrote. All outputs of a tuple reduction move together, or one that is named
// by position. The copy stands behind the outermost loops in which nobody else accesses the output.
//
// An update without init computes into the buffer together with the block that sets what it adds to
// (separate_init.h), in whose loops the copy runs.
//
// Needs spatial axes, and reduction axes with an init, in the block or separate; no other reads of its own
// output than those of a reducer; subscripts and conditions of stores that read no memory.
#include <algorithm>

#include "ir/analysis/accesses.h"
#include "ir/analysis/iter_map.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/blocks.h"
#include "schedule/copies.h"
#include "schedule/loops.h"
#include "schedule/separate_init.h"

namespace tw::schedule {
namespace {

bool mentions(const std::vector<Region>& regions, const std::vector<Buffer>& buffers) {
  return std::any_of(regions.begin(), regions.end(), [&](const Region& region) {
    return std::any_of(buffers.begin(), buffers.end(),
                       [&](const Buffer& b) { return b.same_as(region.buffer); });
  });
}

std::vector<Buffer> outputs_of(const Step& step, const Block& block) {
  std::vector<Buffer> outputs;
  for (const Region& region : block.writes)
    if (std::none_of(outputs.begin(), outputs.end(),
                     [&](const Buffer& b) { return b.same_as(region.buffer); }))
      outputs.push_back(region.buffer);
  if (step.value(2).is_none()) return outputs;
  const int64_t number = step.integer(2);
  if (number < 0 || number >= static_cast<int64_t>(outputs.size()))
    step.refuse(&block, "block {} writes {} buffers, and number {} was asked for; they count from 0",
                block.name.text, outputs.size(), number);
  return {outputs[static_cast<std::size_t>(number)]};
}

void require_complete_values(const Step& step, const Block& block, const SeparateInit& init,
                             const std::vector<Buffer>& outputs) {
  for (const BlockAxis& axis : block.axes) {
    if (axis.axis_kind == AxisKind::kOrdered)
      step.refuse(&block,
                  "axis {} of block {} is ordered: what the block wrote before counts, and a new buffer has "
                  "none of it",
                  axis.var->name.text, block.name.text);
    if (axis.axis_kind == AxisKind::kReduction && !block.init && !init)
      step.refuse(&block, "block {} adds to what is in {} already, and a new buffer holds nothing: {}",
                  block.name.text, outputs.front()->name.text, init.reason);
  }
  if (mentions(block.reads, outputs))
    step.refuse(
        &block,
        "block {} reads other elements of {}, which it also writes; only a reducer may read its output",
        block.name.text, outputs.front()->name.text);
}

/// What the block does, with each store of an output replaced by a copy from its new buffer, and all else
/// left out.
class CopyingOut : public Mutator {
 public:
  CopyingOut(const Step& step, const Block& block, const std::vector<Redirection>& redirections)
      : step_(step), block_(block), redirections_(redirections) {}

 protected:
  using Mutator::on;
  Stmt on(const Store& node) override {
    for (const Redirection& r : redirections_) {
      if (!r.from.same_as(node.buffer)) continue;
      for (const Expr& index : node.indices) require_known(index, "subscript");
      if (node.predicate) require_known(node.predicate, "condition");
      return Store::make(node.buffer, node.indices, Load::make(r.to, r.subscripts(node.indices)),
                         node.predicate);
    }
    return Seq::make({});
  }
  Stmt on(const If& node) override {
    const Stmt then_body = mutate(node.then_body);
    const Stmt else_body = node.else_body ? mutate(node.else_body) : Seq::make({});
    const bool otherwise = !is_nothing(else_body);
    if (is_nothing(then_body) && !otherwise) return then_body;
    require_known(node.cond, "condition");
    return If::make(node.cond, then_body, otherwise ? else_body : Stmt());
  }
  Stmt on(const Let& node) override {
    const Stmt body = mutate(node.body);
    if (!uses_var(body, node.var)) return body;
    require_known(node.value, "value bound by a let, used in a subscript or condition,");
    return Let::make(node.var, node.value, body);
  }
  Stmt on(const Seq& node) override {
    std::vector<Stmt> kept;
    for (const Stmt& stmt : node.stmts)
      if (const Stmt copy = mutate(stmt); !is_nothing(copy)) kept.push_back(copy);
    return Seq::make(std::move(kept));
  }
  Stmt on(const For& node) override {
    const Stmt body = mutate(node.body);
    return is_nothing(body) ? body : For::make(Var(&*node.var), node.extent, body);
  }
  Stmt on(const Block& node) override { refuse_kind(node); }
  Stmt on(const Allocate& node) override { refuse_kind(node); }

 private:
  static bool is_nothing(const Stmt& stmt) {
    const auto* seq = as<Seq>(stmt);
    return seq && seq->stmts.empty();
  }
  /// The copy runs later, so what tells it where to write must still be the same then.
  void require_known(const Expr& e, const char* what) const {
    if (is_data_dependent(e))
      step_.refuse(&block_, "a {} of block {}, {}, reads memory, so the copy cannot know what was written",
                   what, block_.name.text, to_text(e));
    for (const BlockAxis& axis : block_.axes)
      if (axis.axis_kind == AxisKind::kReduction && uses_var(e, axis.var))
        step_.refuse(&block_,
                     "a {} of block {}, {}, depends on reduction axis {}, which the copy does not have", what,
                     block_.name.text, to_text(e), axis.var->name.text);
  }
  [[noreturn]] void refuse_kind(const StmtNode& node) const {
    step_.refuse(&block_, "block {} holds a {} of its own; do this before blocks are put together",
                 block_.name.text, kind_name(node.kind));
  }

  const Step& step_;
  const Block& block_;
  const std::vector<Redirection>& redirections_;
};

/// The spatial axes of the block as axes of the copy at the place: all points, or those of one turn of the
/// loops around. Nothing where the block runs through part of that only, or it is not plain.
std::optional<std::vector<CopyAxis>> axes_of_copy(const Place& at, const BlockPlace& place) {
  const Block& block = place.block();
  std::vector<CopyAxis> axes;
  for (const BlockAxis& axis : block.axes)
    if (axis.axis_kind == AxisKind::kSpatial)
      axes.push_back({Var(axis.var->name.text), axis.extent, 0, axis.extent});
  if (!covers_domain(place, true)) return std::nullopt;
  const std::vector<const For*> outside = at.loops(), around = place.loops();
  if (outside.empty()) return axes;
  std::vector<LoopRange> loops;
  std::vector<Var> inner;
  for (std::size_t i = 0; i < around.size(); ++i) {
    loops.push_back({around[i]->var, around[i]->extent});
    if (i >= outside.size()) inner.push_back(around[i]->var);
  }
  std::vector<Expr> bindings;
  for (const BlockAxis& axis : block.axes)
    if (axis.axis_kind == AxisKind::kSpatial) bindings.push_back(axis.binding);
  const SubspaceResult spaces = divide_subspaces(bindings, loops, inner, block.predicate);
  if (!spaces) return std::nullopt;
  const Context context = context_at(at);
  for (std::size_t a = 0; a < axes.size(); ++a) {
    const AxisDivision& division = spaces->axes[a];
    axes[a].begin = simplify(division.outer * division.inner_extent, context);
    axes[a].turns = division.inner_extent;
  }
  return axes;
}

/// Where turns of the copy's loops could pass the end of an axis.
Expr limits_of(const std::vector<CopyAxis>& axes, const Context& context) {
  Expr condition;
  for (const CopyAxis& axis : axes) {
    if (prove(le(axis.begin + axis.turns, axis.extent), context)) continue;
    const Expr inside = lt(axis.var, axis.extent);
    condition = condition ? logical_and(condition, inside) : inside;
  }
  return condition;
}

/// The turns of the loops outside in which the block runs at all, as far as its predicate says so of them
/// alone; null: all.
Expr turns_outside(const Place& at, const BlockPlace& place) {
  const std::vector<const For*> around = place.loops();
  const std::vector<const For*> inner(around.begin() + static_cast<std::ptrdiff_t>(at.loops().size()),
                                      around.end());
  Expr condition;
  for (const Expr& part : conjuncts(place.block().predicate)) {
    const bool is_outside =
        std::none_of(inner.begin(), inner.end(), [&](const For* l) { return uses_var(part, l->var); });
    if (is_outside && !prove(part, context_at(at)))
      condition = condition ? logical_and(condition, part) : part;
  }
  return condition;
}

void require_reduced(const Step& step, const Place& at, const Block& block) {
  for (const For* loop : at.loops())
    for (const BlockAxis& axis : block.axes)
      if (axis.axis_kind == AxisKind::kReduction && uses_var(axis.binding, loop->var))
        step.refuse(loop,
                    "the reduction of block {} goes on over the turns of loop {}, in which another block "
                    "accesses the "
                    "output: there is no place for the copy behind it",
                    block.name.text, loop->var->name.text);
}

/// Refuses unless the init of an update stands below the place, or in a statement before it in the sequence
/// around which the new buffer is allocated, with nobody else at the output there.
void require_init_beside(const Step& step, const Place& at, const BlockPlace& init,
                         const std::function<bool(const Block&)>& hinders) {
  const auto stands_in = [&](const StmtNode* stmt) {
    return stmt == init.node || std::find(init.around.begin(), init.around.end(), stmt) != init.around.end();
  };
  if (stands_in(at.node)) return;
  const auto* seq = at.around.empty() ? nullptr : as<Seq>(static_cast<const Node*>(at.around.back()));
  if (!seq || !stands_in(seq))
    step.refuse(init.node,
                "block {} sets what the block adds to, in other loops than those that the new buffer could "
                "be allocated in; move both together by compute_at first",
                init.block().name.text);
  bool begun = false;
  for (const Stmt& stmt : seq->stmts) {
    if (stmt.get() == at.node) return;
    begun = begun || stands_in(stmt.get());
    if (!begun) continue;
    for (const Block* other : blocks_below(stmt.get()))
      if (hinders(*other))
        step.refuse(other,
                    "block {} accesses the output where block {} sets what is added to, and would no longer "
                    "meet it in a new buffer; move it first",
                    other->name.text, init.block().name.text);
  }
}

/// The block that copies to the outputs, in loops of its own.
Stmt copying_nest(const Step& step, const Place& at, const BlockPlace& place, BlockId id,
                  const std::vector<Buffer>& outputs, const std::vector<Redirection>& redirections) {
  const Block& block = place.block();
  const std::string name = fresh_name(step.program(), outputs.front()->name.text + "_out");
  // A reduction has written its results when it is set, whatever conditions stand in its body.
  const bool is_set = block.init && std::all_of(outputs.begin(), outputs.end(), [&](const Buffer& output) {
                        return contains<Store>(block.init.get(), [&](const Store& store) {
                          return store.buffer.same_as(output);
                        });
                      });
  const Stmt body = CopyingOut(step, block, redirections).mutate(is_set ? block.init : block.body);
  // A condition that no axis follows says whether the block runs at all: the copy has no loop to ask it of.
  for (const Expr& part : conjuncts(block.predicate)) {
    const std::vector<Var> vars = free_vars(part);
    const bool followed = std::any_of(block.axes.begin(), block.axes.end(), [&](const BlockAxis& axis) {
      return std::any_of(vars.begin(), vars.end(), [&](const Var& v) { return uses_var(axis.binding, v); });
    });
    if (!followed && !prove(part, context_at(place)))
      step.refuse(&block,
                  "block {} runs under {}, which none of its axes follows; take the step before that one",
                  block.name.text, to_text(part));
  }
  const auto axes = axes_of_copy(at, place);
  if (!axes) {
    const Stmt nest = following_nest(place, at, name, id, body);
    if (!nest)
      step.refuse(
          at.node,
          "it is not plain which part of block {} one turn of the loops around computes, as conditions "
          "stand between them; do this before the loops are changed",
          block.name.text);
    return nest;
  }
  VarMap axis_of;
  std::size_t next = 0;
  for (const BlockAxis& axis : block.axes)
    if (axis.axis_kind == AxisKind::kSpatial) axis_of[&*axis.var] = (*axes)[next++].var;
  Context inside = context_at(at);
  for (const CopyAxis& axis : *axes) bind_keeping(inside, axis.var, axis.extent);
  Expr condition = limits_of(*axes, context_at(at));
  if (const Expr turns = turns_outside(at, place))
    condition = condition ? logical_and(condition, turns) : turns;
  return copy_nest(name, id, *axes, with_fresh_names(simplify(substitute(body, axis_of), inside)), condition);
}

Outcome cache_write(const Step& step) {
  const BlockPlace place = step.block(0);
  const Block& block = place.block();
  const Scope scope = scope_argument(step, 1);
  const std::vector<Buffer> outputs = outputs_of(step, block);
  const SeparateInit init = find_separate_init(step.program(), place);
  const Block* const setter = init ? &init.place->block() : nullptr;
  for (const Buffer& output : outputs) require_plain_accesses(step, block, output);
  require_complete_values(step, block, init, outputs);
  const auto hinders = [&](const Block& other) {
    return &other != &block && &other != setter &&
           (mentions(other.reads, outputs) || mentions(other.writes, outputs));
  };
  const auto at = outermost_unhindered(place, outputs, hinders);
  check_internal(at.has_value(), "block {} hinders itself", block.name.text);
  require_reduced(step, *at, block);
  if (init) require_init_beside(step, *at, *init.place, hinders);
  require_allocatable(step, *at, scope);

  std::vector<Redirection> redirections;
  std::vector<Buffer> copies;
  for (const Buffer& output : outputs) {
    const Region box = region_of_all(setter ? *setter : block, output, true);
    std::vector<Expr> shape;
    for (const Range& range : box.ranges) shape.push_back(range.extent);
    const std::string name = fresh_name(step.program(), output->name.text + "_" + to_string(scope));
    copies.push_back(BufferNode::make(name, output->dtype, shape, scope));
    redirections.push_back(into_box(box, copies.back()));
  }
  const BlockId id = step.new_block_id();
  const Stmt nest = copying_nest(step, *at, init ? *init.place : place, id, outputs, redirections);
  const auto computing = [&](const Block* one) {
    return [&, one](const Block& other) { return &other == one ? redirected(other, redirections) : Stmt(); };
  };
  Stmt body = put_beside(step.program(), *at, {map_blocks(Stmt(at->node), computing(&block)), nest}, copies);
  if (setter) body = map_blocks(body, computing(setter));
  return {step.with_body(body), {id}, {}};
}

const Registration registration{{
    .name = "cache_write",
    .summary =
        "Lets a block compute into a new buffer, which a new block copies to the output behind its nest.",
    .doc = R"(                                               alloc C_local: float32[n, m] local
    for i in n:                                for i in n:
      for j in m:                                for j in m:
        for k in l:                              for k in l:
          block C(...):                  =>        block C(...):
            init: C[vi, vj] = 0.0                    init: C_local[vi, vj] = 0.0
            C[vi, vj] = C[vi, vj] + ...              C_local[vi, vj] = C_local[vi, vj] + ...
                                               for i in n:
                                                 for j in m:
                                                   block C_out(vi = i, vj = j): C[vi, vj] = C_local[vi, vj]

The new buffer holds the accumulators of a reduction. All outputs of a tuple reduction get one, or the one that is
named. The copy stands behind the outermost loops in which nobody else accesses the output, and writes exactly what the
block writes; reverse_compute_at moves it. An update without init computes into it together
with the block that sets what it adds to. The block has spatial axes, and reduction axes with an init; only its reducer
reads its output; subscripts and conditions of its stores read no memory.)",
    .args = {{"block", ArgKind::kBlock, "The block that computes."},
             {"scope", ArgKind::kText, "Where the new buffer lies: \"global\", \"shared\" or \"local\"."},
             {"output", ArgKind::kInt, "Which of the buffers it writes, from 0; None: all.", {}, false}},
    .results = {"The block that copies."},
    .example = R"py(>>> s.cache_write(s.block("C"), "local")
<tw.Block C_out>)py",
    .apply = cache_write,
}};

}  // namespace
}  // namespace tw::schedule
