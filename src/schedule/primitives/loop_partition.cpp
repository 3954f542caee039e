// loop_partition(i_0, [None, 1]):
//
//   for i_0 in 4:                            for i_0_0 in 3:
//     for i_1 in 4:                            for i_1 in 4:
//       block B(vi = i_0*4 + i_1)                block B(vi = i_0_0*4 + i_1): …
//           where i_0*4 + i_1 < 13: …  =>    for i_0_1 in 1:
//                                              for i_1 in 4:
//                                                block B_1(vi = i_1 + 12) where i_1 + 12 < 13: …
//
// One loop becomes several, one after the other, each over its part of the turns in the old order. An extent
// is the number of turns of a part, None what the others leave; a size too small for all leaves later parts
// with fewer turns or none, those after None before it. What stands in the loop is copied into each part: the
// part of None keeps blocks, loops and buffers as they are, the others get fresh ones. Conditions that always
// hold in a part go away there: full tiles need none.
//
// Needed: no block below with an init is reduced over the loop, as each copy would set its elements again.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

/// Copies statements: everything that they introduce is fresh, blocks and buffers have names of their own.
class Copies : public Mutator {
 public:
  explicit Copies(const Step& step) : step_(step) {
    for (const Param& param : step.program()->params)
      if (param.buffer) buffer_names_.insert(param.buffer->name);
    for_each_node(step.program()->body, [&](const Node* node) {
      if (const auto* block = as<Block>(node)) block_names_.insert(block->name);
      if (const auto* allocation = as<Allocate>(node)) buffer_names_.insert(allocation->buffer->name);
    });
  }
  Stmt copy(const Stmt& stmt) { return mutate(with_fresh_names(stmt)); }

  Buffer mutate_definition(const Buffer& buffer) override {
    auto* copy = new BufferNode(*buffer);
    const Buffer owner(copy);
    copy->name = fresh(buffer->name, buffer_names_);
    buffers_[buffer.get()] = owner;
    return owner;
  }

 protected:
  using Mutator::on;
  Stmt on(const Block& node) override {
    auto* copy = new Block(*rebuild(node));
    const Stmt owner(copy);
    copy->name = fresh(node.name, block_names_);
    copy->id = step_.new_block_id();
    return owner;
  }

 private:
  static std::string fresh(const std::string& wanted, std::set<std::string>& taken) {
    std::string name = wanted;
    for (int i = 1; taken.contains(name); ++i) name = fmt::format("{}_{}", wanted, i);
    taken.insert(name);
    return name;
  }
  const Step& step_;
  std::set<std::string> block_names_, buffer_names_;
};

/// begin <= turn of the old loop < end.
struct Part {
  Expr begin, end;
  bool open = false;  // takes what the others leave
};

Expr smaller(const Expr& a, const Expr& b, const Context& context) {
  if (prove(le(a, b), context)) return a;
  return prove(le(b, a), context) ? b : min(a, b);
}
Expr greater(const Expr& a, const Expr& b, const Context& context) {
  if (prove(le(b, a), context)) return a;
  return prove(le(a, b), context) ? b : max(a, b);
}

std::vector<Part> parts_of(const Step& step, const For& loop, Context context) {
  const List& extents = *step.value(1).get_if<List>();
  const auto open = std::find_if(extents.begin(), extents.end(), [](const Value& v) { return v.is_none(); });
  if (open == extents.end())
    step.refuse(&loop,
                "no extent is None; the parts must hold every turn of loop {}, whatever its number, so one "
                "takes what the others leave",
                loop.var->name.text);
  if (extents.size() == 1)
    step.refuse(&loop, "one part is the whole loop {}; name the extent of another beside None",
                loop.var->name.text);
  context.assume(le(0, loop.extent));
  Expr behind(0);
  for (auto after = open + 1; after != extents.end(); ++after) behind = behind + step.extent(*after);
  std::vector<Part> parts;
  Expr begin(0);
  for (auto extent = extents.begin(); extent != extents.end(); ++extent) {
    const Expr end = extent == open ? greater(begin, loop.extent - behind, context)
                                    : smaller(begin + step.extent(*extent), loop.extent, context);
    parts.push_back({begin, simplify(end, context), extent == open});
    begin = parts.back().end;
  }
  // The last part ends where the loop does, in plain words.
  parts.back().end = loop.extent;
  return parts;
}

/// Finds a block with an init that is reduced over a loop, through blocks that hold it too.
class PartialReduction : public Visitor {
 public:
  explicit PartialReduction(const Var& loop) : loop_(loop) {}
  const Block* found = nullptr;

 protected:
  using Visitor::on;
  void on(const Block& node) override {
    for (const BlockAxis& axis : node.axes) {
      const Expr binding = substitute(axis.binding, values_);
      if (node.init && axis.axis_kind != AxisKind::kSpatial && uses_var(binding, loop_) && !found)
        found = &node;
      values_[&*axis.var] = binding;
    }
    visit(node.init);
    visit(node.body);
  }

 private:
  const Var& loop_;
  VarMap values_;  // axes of blocks, over loops
};

void require_whole_reductions(const Step& step, const For& loop) {
  PartialReduction reduction(loop.var);
  reduction.visit(loop.body);
  if (reduction.found)
    step.refuse(reduction.found,
                "block {} is reduced over loop {}, and its init would run again in every part; take the init "
                "out with "
                "decompose_reduction first",
                reduction.found->name.text, loop.var->name.text);
}

/// What holds in a part, for its variable.
Context context_of(const Context& around, const Part& part, const Var& var, const Expr& turns,
                   const Expr& limit) {
  Context context = around;
  context.bind(var, 0, turns);
  for (const Expr& fact : {ge(part.begin, 0), lt(part.begin + Expr(var), limit)})
    if (!prove(fact, context)) context.assume(fact);
  return context;
}

Outcome loop_partition(const Step& step) {
  const LoopPlace place = step.loop(0);
  const For& loop = place.loop();
  require_serial(step, place);
  const Context around = context_at(place);
  const std::vector<Part> parts = parts_of(step, loop, around);
  require_whole_reductions(step, loop);

  Copies copies(step);
  std::vector<Stmt> loops;
  std::vector<Outcome::Result> made;
  Expr behind(0);  // turns that stand after the part of None, where there are as many
  for (const Value& extent : *step.value(1).get_if<List>())
    behind = extent.is_none() ? Expr(0) : behind + step.extent(extent);
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const Part& part = parts[p];
    auto* copy = new For(loop);
    const Stmt owner(copy);
    copy->var = Var(fmt::format("{}_{}", loop.var->name.text, p));
    copy->extent = simplify(part.end - part.begin, around);
    const Expr limit = part.open ? loop.extent - behind : loop.extent;
    const Context context = context_of(around, part, copy->var, copy->extent, limit);
    const VarMap values{{&*loop.var, simplify(part.begin + Expr(copy->var), keeping_loops(context))}};
    copy->body = rebind(loop.body, values, {}, context);
    if (!part.open) copy->body = copies.copy(copy->body);
    made.push_back(copy->var);
    loops.push_back(owner);
  }
  return {step.with_body(replaced_at(step.program(), place, Seq::make(loops))),
          {Outcome::Result(std::move(made))},
          {}};
}

const Registration registration{{
    .name = "loop_partition",
    .summary = "Makes several loops, one after the other, of the parts of one.",
    .doc = R"(    for i_0 in 4:                            for i_0_0 in 3:
      for i_1 in 4:                            for i_1 in 4:
        block B(vi = i_0*4 + i_1)                block B(vi = i_0_0*4 + i_1): ...
            where i_0*4 + i_1 < 13: ...  =>  for i_0_1 in 1:
                                               for i_1 in 4:
                                                 block B_1(vi = i_1 + 12) where i_1 + 12 < 13: ...

One loop a part, in the old order; just one extent is None and takes what the others leave. Where the loop has fewer turns
than are asked for, the later of the other parts have fewer or none. The part of None keeps blocks, loops and buffers, the others
get copies. Conditions that always hold in a part go away there. No block with an init may be reduced over the loop.)",
    .args = {{"loop", ArgKind::kLoop, "A serial loop."},
             {"extents", ArgKind::kExtents, "Numbers of turns of the parts: ints, parameters, one None."}},
    .inside_blocks = true,
    .results = {"The loops, in order."},
    .example = R"(>>> i_0, i_1 = s.split(i, [None, 5])
>>> s.loop_partition(i_0, [None, 1])
[<tw.Loop i_0_0>, <tw.Loop i_0_1>])",
    .apply = loop_partition,
}};

}  // namespace
}  // namespace tw::schedule
