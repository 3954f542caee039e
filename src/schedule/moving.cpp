#include "schedule/moving.h"

#include <algorithm>

#include "ir/analysis/dependence.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

std::size_t common_statements(const Place& a, const std::vector<const StmtNode*>& b) {
  std::size_t count = 0;
  while (count < a.around.size() && count < b.size() && a.around[count] == b[count]) ++count;
  return count;
}

/// Refuses what would no longer stand around the block: conditions, values, and allocations of buffers that
/// it uses.
void require_free(const Step& step, const Move& move, const BlockPlace& place, std::size_t common) {
  const Block& block = place.block();
  for (std::size_t i = common; i < place.around.size(); ++i) {
    const StmtNode* around = place.around[i];
    if (around->kind == Kind::kIf || around->kind == Kind::kLet)
      step.refuse(
          around,
          "block {} stands in a condition or a value that it would leave; only a block in plain loops moves",
          block.name.text);
    const auto* allocation = as<Allocate>(static_cast<const Node*>(around));
    if (!allocation) continue;
    for (const std::size_t a : move.own)
      if (move.accesses[a].buffer.same_as(allocation->buffer))
        step.refuse(allocation,
                    "block {} uses buffer {}, which lives only around its old place; move the block first "
                    "and what computes {} "
                    "after it",
                    block.name.text, allocation->buffer->name.text, allocation->buffer->name.text);
  }
}

}  // namespace

bool Move::is_inside(const Access& access) const {
  return std::find(access.loops.begin(), access.loops.end(), &loop.loop()) != access.loops.end();
}

std::size_t Move::loop_begin() const {
  std::size_t i = 0;
  while (i < accesses.size() && !is_inside(accesses[i])) ++i;
  return i;
}

std::size_t Move::loop_end() const {
  std::size_t i = accesses.size();
  while (i > 0 && !is_inside(accesses[i - 1])) --i;
  return i;
}

Move plan_move(const Step& step, const BlockPlace& block, const LoopPlace& loop,
               const std::optional<BlockPlace>& init) {
  Move move{block, init, loop, 0, collect_accesses(step.program()->body), {}};
  const std::string& name = block.block().name;
  if (std::find(block.around.begin(), block.around.end(), loop.node) != block.around.end())
    step.refuse(loop.node, "block {} stands in loop {} already", name, loop.loop().var->name.text);
  std::vector<const StmtNode*> target = loop.around;
  target.push_back(loop.node);
  const std::size_t common = common_statements(block, target);
  for (std::size_t i = 0; i < common; ++i) move.common += block.around[i]->kind == Kind::kFor;
  for (std::size_t i = 0; i < move.accesses.size(); ++i)
    if (move.is_own(move.accesses[i])) move.own.push_back(i);
  if (move.own.empty())
    step.refuse(block.node, "block {} touches no buffer; there is nothing to move it for", name);
  require_free(step, move, block, common);
  if (!init) return move;
  if (common_statements(*init, target) < common ||
      std::find(init->around.begin(), init->around.end(), loop.node) != init->around.end())
    step.refuse(init->node, "block {} sets what block {} adds to, {} loop {}, and both would move together",
                init->block().name.text, name,
                common_statements(*init, target) < common ? "outside of loops around" : "in",
                loop.loop().var->name.text);
  require_free(step, move, *init, common);
  return move;
}

bool keeps_binding(const Move& move, const BlockAxis& axis) {
  const std::vector<const For*> loops = move.block.loops();
  bool follows_common = false;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    if (!uses_var(axis.binding, loops[i]->var)) continue;
    if (i >= move.common) return false;
    follows_common = true;
  }
  return follows_common;
}

void require_no_order(const Step& step, const Move& move) {
  for (const BlockAxis& axis : move.block.block().axes)
    if (axis.axis_kind == AxisKind::kOrdered && !keeps_binding(move, axis))
      step.refuse(
          move.block.node,
          "axis {} of block {} is ordered: its points run once, one after the other, and cannot be moved",
          axis.var->name.text, move.block.block().name.text);
}

DomainCover::DomainCover(const BlockPlace& place, std::size_t common) {
  std::vector<LoopRange> loops;
  std::vector<Expr> bindings;
  for (const BlockAxis& axis : place.block().axes) {
    bindings.push_back(axis.binding);
    extents_.push_back(axis.extent);
  }
  for (const For* loop : place.loops()) {
    const bool used =
        std::any_of(bindings.begin(), bindings.end(), [&](const Expr& b) { return uses_var(b, loop->var); });
    if (used || context_.ranges().size() + loops.size() >= common) {
      loops.push_back({loop->var, loop->extent});
    } else {
      context_.bind(loop->var, 0, loop->extent);
    }
  }
  map_ = detect_iter_map(bindings, loops, place.block().predicate, context_);
}

Verdict DomainCover::reaches_all() const {
  return map_ ? is_surjective(*map_, extents_, context_) : Verdict{false, map_.reason};
}

Verdict DomainCover::reaches_each_once() const {
  return map_ ? is_bijective(*map_, extents_, context_) : Verdict{false, map_.reason};
}

std::vector<Expr> conditions_beyond_domain(const Block& block, Context context) {
  std::vector<Expr> beyond = conjuncts(block.predicate);
  if (beyond.empty()) return beyond;
  for (const BlockAxis& axis : block.axes) {
    context.assume(ge(axis.binding, 0));
    context.assume(lt(axis.binding, axis.extent));
  }
  std::erase_if(beyond, [&](const Expr& condition) { return prove(condition, context); });
  return beyond;
}

bool may_meet(const Move& move, const Access& a, const Access& b) {
  if (!a.buffer.same_as(b.buffer) || (!a.write && !b.write)) return false;
  std::size_t common = 0;
  while (common < move.common && common < a.loops.size() && common < b.loops.size() &&
         a.loops[common] == b.loops[common])
    ++common;
  return overlap(a, b, common) != Overlap::kNever;
}

namespace {

/// A span without what is known to lie outside of the domain; null when it covers the domain. One that moves
/// with loops keeps its extent.
Span clipped(const Span& span, const Expr& domain, const Context& context) {
  if (!span) return {};
  const Expr end = span.min + span.extent;
  const bool from_start = prove(le(span.min, 0), context), to_end = prove(ge(end, domain), context);
  if (from_start && to_end) return {};
  for (const Var& var : free_vars(end))
    if (context.range_of(&*var)) return span;
  if (from_start) return {0, simplify(end, context), span.unit};
  if (!to_end) return span;
  Expr rest = simplify(domain - span.min, context);
  if (!prove(le(0, rest), context)) rest = max(rest, 0);  // it may begin behind the end
  return {span.min, rest, span.unit};
}

std::string loop_name(const BlockAxis& axis) {
  const std::string& name = axis.var->name;
  return name.size() > 1 && name[0] == 'v' ? name.substr(1) : name;
}

}  // namespace

Stmt nest_over(const Block& original, const std::vector<Span>& spans,
               const std::function<bool(const BlockAxis&)>& keeps, Context context) {
  auto* block = new Block(original);
  const Stmt owner(block);
  block->predicate = {};
  std::vector<std::pair<Var, Expr>> loops;
  Expr condition = make_bool(true);
  for (std::size_t i = 0; i < block->axes.size(); ++i) {
    BlockAxis& axis = block->axes[i];
    // A single point keeps no loop; whether it is one must not depend on sizes, which differ where a trace
    // replays.
    const Span span = spans[i].unit ? spans[i] : clipped(spans[i], axis.extent, context);
    if (!keeps(axis) && span.unit) {
      axis.binding = span.min;
    } else if (!keeps(axis)) {
      const Var loop(loop_name(axis));
      loops.emplace_back(loop, span ? span.extent : axis.extent);
      context.bind(loop, 0, loops.back().second);
      axis.binding = span ? simplify(span.min + Expr(loop), context) : Expr(loop);
    }
    for (const Expr& bound : {ge(axis.binding, 0), lt(axis.binding, axis.extent)})
      if (!prove(bound, context)) condition = logical_and(condition, simplify(bound, context));
  }
  if (!is_int(condition, 1)) block->predicate = condition;
  return nest(loops, owner);
}

Stmt nest_over(const Move& move, const std::vector<Span>& spans) {
  Context context = context_at(move.loop);
  context.bind(move.loop.loop().var, 0, move.loop.loop().extent);
  return nest_over(
      move.block.block(), spans, [&](const BlockAxis& axis) { return keeps_binding(move, axis); },
      std::move(context));
}

namespace {

/// The outermost statement around the block that holds no other block: with the block go its loops, and hints
/// that stand in them.
Place lonely_nest(const BlockPlace& block) {
  const auto may_go = [](const StmtNode* stmt) {
    bool plain = true;
    for_each_node(static_cast<const Node*>(stmt), [&](const Node* node) {
      plain = plain && node->kind != Kind::kAssert && node->kind != Kind::kBarrier;
    });
    return plain && blocks_below(stmt).size() == 1;
  };
  Place nest = whole_nest(block);
  for (std::size_t i = nest.around.size(); i > 0 && may_go(nest.around[i - 1]); --i) {
    nest.node = nest.around[i - 1];
    nest.around.resize(i - 1);
  }
  return nest;
}

}  // namespace

Stmt body_of_move(const Step& step, const Move& move, const Stmt& fresh) {
  // The loop first: the block's nest is another statement, found again by its number.
  const Program with_new = ProgramNode::make(step.program()->name, step.program()->params,
                                             replaced_at(step.program(), move.loop, fresh));
  const auto without = [&](const Program& program, const BlockPlace& block) {
    const std::vector<BlockPlace> all = all_blocks(program);
    const auto old = std::find_if(all.begin(), all.end(),
                                  [&](const BlockPlace& place) { return place.node == block.node; });
    check_internal(old != all.end(), "block {} is lost", block.block().name.text);
    return replaced_at(program, lonely_nest(*old), {});
  };
  const Stmt body = without(with_new, move.block);
  if (!move.init) return body;
  return without(ProgramNode::make(with_new->name, with_new->params, body), *move.init);
}

namespace {

const StmtNode* only_child(const StmtNode* stmt) {
  const Node* node = stmt;
  if (const auto* loop = as<For>(node)) return loop->body.get();
  if (const auto* allocation = as<Allocate>(node)) return allocation->body.get();
  if (const auto* attr = as<Attr>(node)) return attr->body.get();
  return nullptr;
}

bool uses_buffer(const StmtNode* stmt, const Buffer& buffer) {
  bool found = false;
  for_each_node(static_cast<const Node*>(stmt), [&](const Node* node) {
    const auto* block = as<Block>(node);
    const auto* hint = as<Prefetch>(node);
    found = found || (hint && hint->buffer.same_as(buffer));
    if (!block || found) return;
    const auto same = [&](const Region& r) { return r.buffer.same_as(buffer); };
    found = std::any_of(block->reads.begin(), block->reads.end(), same) ||
            std::any_of(block->writes.begin(), block->writes.end(), same);
  });
  return found;
}

bool uses_outside_of_blocks(const Stmt& body, const Buffer& buffer) {
  const std::vector<Access> accesses = collect_accesses(body);
  return std::any_of(accesses.begin(), accesses.end(),
                     [&](const Access& a) { return !a.block && a.buffer.same_as(buffer); });
}

/// Whether the memory of one turn can be told from that of the others.
bool scope_allows(const For& loop, const Buffer& buffer) {
  if (loop.loop_kind == LoopKind::kVectorized) return false;
  return loop.loop_kind != LoopKind::kBound || !is_thread(loop.gpu_index) || buffer->scope == Scope::kLocal;
}

}  // namespace

Stmt sink_allocation(const Stmt& body, const Buffer& buffer,
                     const std::function<bool(const For&)>& may_cross) {
  const Program shell = ProgramNode::make("", {}, body);
  Place place = allocation_of(shell, buffer);
  if (!place.node || uses_outside_of_blocks(body, buffer)) return body;
  const Stmt inner = static_cast<const Allocate*>(place.node)->body;
  const Program without = ProgramNode::make("", {}, replaced_at(shell, place, inner));
  place = find_statement(without, inner.get());
  if (!place.node) {  // a sequence in a sequence: they have become one
    if (as<Seq>(inner)->stmts.empty()) return body;
    place = find_statement(without, as<Seq>(inner)->stmts.front().get());
    place.node = place.around.back();
    place.around.pop_back();
  }
  const StmtNode* const outermost = place.node;
  Place home = place;  // the last place that may be taken
  for (;;) {
    const StmtNode* next = only_child(place.node);
    if (const auto* loop = as<For>(static_cast<const Node*>(place.node)))
      if (!scope_allows(*loop, buffer) || !may_cross(*loop)) break;
    if (const auto* seq = as<Seq>(static_cast<const Node*>(place.node))) {
      std::vector<const StmtNode*> users;
      for (const Stmt& stmt : seq->stmts)
        if (uses_buffer(stmt.get(), buffer)) users.push_back(stmt.get());
      next = users.size() == 1 ? users.front() : nullptr;
    }
    if (!next) break;
    const bool entered_loop = place.node->kind == Kind::kFor;
    place.around.push_back(place.node);
    place.node = next;
    if (entered_loop) home = place;
  }
  if (home.node == outermost) return body;
  return replaced_at(without, home, Allocate::make(buffer, Stmt(home.node)));
}

Stmt with_nest_before(const Step& step, const Move& move, const StmtNode* reader, const Stmt& nest) {
  const For& loop = move.loop.loop();
  Place place;
  place.around = {&loop};
  place.node = loop.body.get();
  for (;;) {
    const Node* node = place.node;
    if (const auto* allocation = as<Allocate>(node)) {
      place.around.push_back(place.node);
      place.node = allocation->body.get();
    } else if (const auto* attr = as<Attr>(node)) {
      place.around.push_back(place.node);
      place.node = attr->body.get();
    } else {
      break;
    }
  }
  Stmt fresh;
  if (const auto* seq = as<Seq>(static_cast<const Node*>(place.node))) {
    std::vector<Stmt> stmts = seq->stmts;
    const auto holds_reader = [&](const Stmt& stmt) {
      const auto blocks = blocks_below(stmt.get());
      return std::find(blocks.begin(), blocks.end(), reader) != blocks.end();
    };
    stmts.insert(std::find_if(stmts.begin(), stmts.end(), holds_reader), nest);
    fresh = Seq::make(std::move(stmts));
  } else {
    fresh = Seq::make({nest, Stmt(place.node)});
  }
  return replaced_at(step.program(), place, fresh);
}

std::vector<const Access*> distinct_accesses(const std::vector<Access>& accesses,
                                             const std::function<bool(const Access&)>& test) {
  std::vector<const Access*> distinct;
  const auto same = [](const Access& a, const Access& b) {
    if (a.unit != b.unit || a.block != b.block || a.write != b.write || !a.buffer.same_as(b.buffer) ||
        a.loops != b.loops)
      return false;
    // One under fewer conditions could stand for the other, but not the other way round.
    if (!std::equal(a.guards.begin(), a.guards.end(), b.guards.begin(), b.guards.end(),
                    [](const Expr& x, const Expr& y) { return structural_equal(x, y); }))
      return false;
    return std::equal(a.box.begin(), a.box.end(), b.box.begin(), [](const Range& x, const Range& y) {
      return structural_equal(x.min, y.min) && structural_equal(x.extent, y.extent);
    });
  };
  for (const Access& access : accesses)
    if (test(access) &&
        std::none_of(distinct.begin(), distinct.end(), [&](const Access* d) { return same(*d, access); }))
      distinct.push_back(&access);
  return distinct;
}

bool keeps_to_its_turn(const Stmt& body, const Buffer& buffer, const For& loop) {
  const std::vector<Access> accesses = collect_accesses(body);
  const auto uses =
      distinct_accesses(accesses, [&](const Access& access) { return access.buffer.same_as(buffer); });
  for (const Access* a : uses)
    for (const Access* b : uses) {
      if (!a->write || b->write) continue;
      const auto at = std::find_if(a->loops.begin(), a->loops.end(),
                                   [&](const For* l) { return l->var.same_as(loop.var); });
      const auto depth = static_cast<std::size_t>(at - a->loops.begin());
      if (at == a->loops.end() || depth >= b->loops.size() || b->loops[depth] != *at) return false;
      if (overlap_across_turns(*a, *b, depth) != Overlap::kNever) return false;
    }
  return true;
}

std::vector<const For*> loops_around(const Move& move) {
  std::vector<const For*> loops = move.loop.loops();
  loops.push_back(&move.loop.loop());
  return loops;
}

void require_turns_apart(const Step& step, const Program& moved, const std::vector<const For*>& loops) {
  for (const For* loop : loops) {
    if (loop->loop_kind == LoopKind::kSerial || loop->loop_kind == LoopKind::kUnrolled) continue;
    const LoopDependence dependence = loop_dependence(moved, &find_loop(moved, loop->var).loop());
    if (dependence.order == TurnOrder::kIndependent || dependence.atomic) continue;
    step.refuse(loop,
                "the turns of loop {}, which is {}, would meet: {}; do this before the loop runs so, or take "
                "a loop inside "
                "of it",
                loop->var->name.text, to_string(loop->loop_kind), dependence.message);
  }
}

}  // namespace tw::schedule
