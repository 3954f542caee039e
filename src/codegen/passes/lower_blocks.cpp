#include "codegen/passes/lower_blocks.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "codegen/passes/context_mutator.h"
#include "ir/analysis/iter_map.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

class LowerBlocks : public ContextMutator {
 protected:
  using ContextMutator::on;

  Stmt on(const For& node) override {
    loops_.push_back({node.var, node.extent});
    if (node.loop_kind == LoopKind::kVectorized) lanes_.push_back(node.var);
    const Stmt result = ContextMutator::on(node);
    if (node.loop_kind == LoopKind::kVectorized) lanes_.pop_back();
    loops_.pop_back();
    const auto note = node.annotations.find(kStreamingStores);
    if (note == node.annotations.end() || note->second == AttrValue(int64_t{0})) return result;
    return Attr::make(kStreamingStores, note->second, result);
  }

  Stmt on(const Allocate& node) override {
    depth_of_[node.buffer.get()] = loops_.size();
    return ContextMutator::on(node);
  }

  Stmt on(const Block& node) override {
    VarMap values;
    Expr first = make_bool(true);
    const std::vector<Expr> since = node.init ? since_allocation(node) : std::vector<Expr>();
    for (std::size_t i = 0; i < node.axes.size(); ++i) {
      const BlockAxis& axis = node.axes[i];
      values[&*axis.var] = axis.binding;
      if (node.init && axis.axis_kind != AxisKind::kSpatial) first = logical_and(first, eq(since[i], 0));
    }
    if (node.init) require_first_at_zero(node, since);
    // Blocks inside are lowered after the axes around them are gone.
    Stmt body = mutate(substitute(node.body, values));
    if (node.init && node.reducer) body = without_neutral_updates(body, node);
    if (node.init) body = Seq::make({If::make(first, mutate(substitute(node.init, values))), body});
    return node.predicate ? If::make(node.predicate, body) : body;
  }

 private:
  /// C[i] = C[i] + select(inside, x, 0) as a branch around C[i] = C[i] + x: padding costs no addition, and
  /// loops may end where it begins. A sum that begins at 0 is never -0, so that adding 0 changes no bit. A
  /// condition that differs between lanes stays: it would be a mask of the result.
  Stmt without_neutral_updates(const Stmt& body, const Block& block) const {
    const auto* store = as<Store>(body);
    const auto* update = store && !store->predicate && !store->atomic ? as<Binary>(store->value) : nullptr;
    const auto* choice = update ? as<Select>(update->b) : nullptr;
    const auto* old = update ? as<Load>(update->a) : nullptr;
    if (!choice || !old || !old->buffer.same_as(store->buffer) || old->predicate ||
        !std::equal(old->indices.begin(), old->indices.end(), store->indices.begin(), store->indices.end(),
                    [](const Expr& x, const Expr& y) { return structural_equal(x, y); }))
      return body;
    const bool differs = std::any_of(lanes_.begin(), lanes_.end(),
                                     [&](const Var& lane) { return uses_var(choice->cond, lane); });
    if (differs || contains<Load>(choice->cond.get()) || !is_neutral(choice->on_false, update->op, block))
      return body;
    auto* copy = new Store(*store);
    const Stmt owner(copy);
    copy->value = Binary::make(update->op, update->a, choice->on_true);
    return If::make(choice->cond, owner);
  }

  static bool is_neutral(const Expr& value, BinaryOp op, const Block& block) {
    const Expr& identity = block.reducer->identities.front();
    const auto is_zero = [](const Expr& e) {
      const auto* number = as<FloatImm>(e);
      return number ? number->value == 0 : is_int(e, 0);
    };
    if (op == BinaryOp::kMin || op == BinaryOp::kMax)
      return block.reducer->identities.size() == 1 && structural_equal(value, identity);
    const auto* begin = as<Store>(block.init);
    const auto* start = begin ? as<FloatImm>(begin->value) : nullptr;
    return op == BinaryOp::kAdd && is_zero(value) && begin &&
           (!start || (start->value == 0 && !std::signbit(start->value)));
  }

  /// How far the axes have come since the buffer that the block begins was allocated: loops around its
  /// allocation do not count, since each of their turns begins anew.
  std::vector<Expr> since_allocation(const Block& block) {
    std::size_t depth = 0;
    for_each_node(block.init, [&](const Node* node) {
      const auto* store = as<Store>(node);
      const auto found = store ? depth_of_.find(store->buffer.get()) : depth_of_.end();
      if (found != depth_of_.end()) depth = std::max(depth, found->second);
    });
    inner_.assign(loops_.begin() + static_cast<std::ptrdiff_t>(depth), loops_.end());
    VarMap begin;
    for (const LoopRange& loop : inner_) begin[&*loop.var] = Expr(0);
    std::vector<Expr> since;
    for (const BlockAxis& axis : block.axes)
      since.push_back(depth == 0 ? axis.binding
                                 : simplify(axis.binding - substitute(axis.binding, begin), context_));
    return since;
  }

  /// Of the instances of a spatial point the one at 0 of all reduction axes must come first.
  void require_first_at_zero(const Block& block, const std::vector<Expr>& since) {
    if (reduces_in_own_loops(block, since)) return;
    const IterMapResult map = detect_iter_map(since, inner_, block.predicate, context_);
    std::string fault = map.reason;
    for (std::size_t i = 0; map && i < block.axes.size(); ++i) {
      if (block.axes[i].axis_kind == AxisKind::kSpatial) continue;
      bool rising = prove(eq(map->axes[i].base, 0), context_);
      for (const IterTerm& term : map->axes[i].terms)
        rising = rising && prove(ge(term.scale, 0), context_) && rises_in_time(*map, term.source);
      if (!rising)
        fault = fmt::format("axis {} = {} does not begin at 0 and rise", block.axes[i].var->name.text,
                            to_text(block.axes[i].binding));
    }
    if (!fault.empty())
      raise_unsupported(
          "block {}: it is not known which instance of its reduction runs first ({}); give it an init of its "
          "own with decompose_reduction",
          block.name.text, fault);
  }

  /// Whether a sum of loops of which axes take digits rises from turn to turn: outer loops count more.
  bool rises_in_time(const IterMap& map, int number) const {
    const IterSource& source = map.sources[static_cast<std::size_t>(number)];
    if (source.var) return true;
    std::vector<std::pair<std::ptrdiff_t, const IterTerm*>> terms;  // with the loop of each
    for (const IterTerm& term : source.sum.terms) {
      const IterSource& part = map.sources[static_cast<std::size_t>(term.source)];
      const auto loop = std::find_if(inner_.begin(), inner_.end(), [&](const LoopRange& range) {
        return part.var && range.var.same_as(part.var);
      });
      const bool is_whole =
          loop != inner_.end() && is_int(term.lower, 1) && prove(eq(term.extent, part.extent), context_);
      if (!is_whole) return false;
      terms.emplace_back(loop - inner_.begin(), &term);
    }
    std::sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 1; i < terms.size(); ++i)
      if (!prove(ge(terms[i - 1].second->scale, terms[i].second->scale), context_)) return false;
    return true;
  }

  /// Whether the loops of the reduction axes drive nothing else, so that their first turns, where the axes
  /// are 0, come first.
  bool reduces_in_own_loops(const Block& block, const std::vector<Expr>& since) const {
    VarMap start;
    for (const LoopRange& loop : inner_) {
      bool reduces = false, places = false;
      for (std::size_t i = 0; i < block.axes.size(); ++i)
        (block.axes[i].axis_kind == AxisKind::kSpatial ? places : reduces) |= uses_var(since[i], loop.var);
      if (reduces && places) return false;
      if (reduces) start[&*loop.var] = Expr(0);
    }
    for (std::size_t i = 0; i < block.axes.size(); ++i)
      if (block.axes[i].axis_kind != AxisKind::kSpatial &&
          !prove(eq(substitute(since[i], start), 0), context_))
        return false;
    return true;
  }

  std::vector<LoopRange> loops_, inner_;  // around; and of those, inside of an allocation
  std::vector<Var> lanes_;                // of the loops around those that become vectors
  std::unordered_map<const BufferNode*, std::size_t> depth_of_;  // loops around the allocation
};

}  // namespace

Program lower_blocks(const Program& program) {
  return LowerBlocks().mutate(program);
}

}  // namespace tw::codegen
