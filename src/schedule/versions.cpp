#include "schedule/versions.h"

#include <utility>

#include "ir/analysis/regions.h"
#include "ir/simplify.h"
#include "support/error.h"

namespace tw::schedule {
namespace {

/// Accesses of buffers become accesses of their versions.
class ToVersions : public Mutator {
 public:
  ToVersions(const Var& loop, const std::vector<Versions>& versions,
             const std::map<const Block*, TurnOfBlock>& turns)
      : loop_(loop), versions_(versions), turns_(turns) {}

 protected:
  using Mutator::on;

  Stmt on(const Block& node) override {
    const ContextScope scope(context_);
    for (const BlockAxis& axis : node.axes) context_.bind(axis.var, 0, axis.extent);
    const auto known = turns_.find(&node);
    const TurnOfBlock* outer = std::exchange(turn_, known == turns_.end() ? turn_ : &known->second);
    auto* copy = new Block(node);
    const Stmt owner(copy);
    if (node.init) copy->init = mutate(node.init);
    copy->body = mutate(node.body);
    if (known != turns_.end() && known->second.axis.var) copy->axes.push_back(known->second.axis);
    turn_ = outer;
    if (copy->init.same_as(node.init) && copy->body.same_as(node.body)) return Stmt(&node);
    return with_inferred_regions(*copy);
  }
  Expr on(const Load& node) override {
    const Expr rewritten = Mutator::on(node);
    const auto& load = *as<Load>(rewritten);
    const Versions* v = versions_of(load.buffer);
    return v ? Load::make(v->fresh, indices(*v, load.indices), load.predicate) : rewritten;
  }
  Stmt on(const Store& node) override {
    const Stmt rewritten = Mutator::on(node);
    const Versions* v = versions_of(node.buffer);
    if (!v) return rewritten;
    auto* store = new Store(*as<Store>(rewritten));
    store->buffer = v->fresh;
    store->indices = indices(*v, store->indices);
    return Stmt(store);
  }
  Stmt on(const AsyncCopy& node) override {
    const Stmt rewritten = Mutator::on(node);
    const Versions *to = versions_of(node.to), *from = versions_of(node.from);
    if (!to && !from) return rewritten;
    auto* copy = new AsyncCopy(*as<AsyncCopy>(rewritten));
    if (to) copy->to = to->fresh, copy->to_indices = indices(*to, copy->to_indices);
    if (from) copy->from = from->fresh, copy->from_indices = indices(*from, copy->from_indices);
    return Stmt(copy);
  }
  Stmt on(const TensorCall& node) override {
    const Stmt rewritten = Mutator::on(node);
    auto* call = new TensorCall(*as<TensorCall>(rewritten));
    const Stmt owner(call);
    for (Region& operand : call->operands) {
      const Versions* v = versions_of(operand.buffer);
      if (!v) continue;
      std::vector<Expr> begins;
      for (const Range& range : operand.ranges) begins.push_back(range.min);
      begins = indices(*v, begins);
      operand.buffer = v->fresh;
      operand.ranges.insert(operand.ranges.begin(), Range{0, 1});
      for (std::size_t d = 0; d < begins.size(); ++d) operand.ranges[d].min = begins[d];
    }
    return owner;
  }

 private:
  const Versions* versions_of(const Buffer& buffer) const {
    for (const Versions& v : versions_)
      if (v.old.same_as(buffer)) return &v;
    return nullptr;
  }

  std::vector<Expr> indices(const Versions& v, const std::vector<Expr>& old) const {
    check_internal(turn_, "buffer {} is accessed by a block whose turn is not known", v.old->name.text);
    std::vector<Expr> fresh{simplify(floormod(turn_->loops.at(&*loop_), v.count), context_)};
    for (std::size_t d = 0; d < old.size(); ++d)
      fresh.push_back(v.parts[d] ? simplify(old[d] - substitute(v.parts[d].min, turn_->loops), context_)
                                 : old[d]);
    return fresh;
  }

  const Var& loop_;
  const std::vector<Versions>& versions_;
  const std::map<const Block*, TurnOfBlock>& turns_;
  const TurnOfBlock* turn_ = nullptr;
  Context context_;
};

}  // namespace

void make_fresh(Versions& v) {
  auto* node = new BufferNode(*v.old);
  v.fresh = Buffer(node);
  for (std::size_t d = 0; d < v.parts.size(); ++d) {
    const Expr& extent = v.parts[d].extent;
    if (v.parts[d]) node->shape[d] = prove(ge(extent, 0)) ? extent : max(extent, 0);
  }
  if (!node->strides.empty()) {
    Expr span(1);
    for (std::size_t d = 0; d < node->strides.size(); ++d)
      span = span + (node->shape[d] - Expr(1)) * node->strides[d];
    node->strides.insert(node->strides.begin(), simplify(span));
  }
  node->shape.insert(node->shape.begin(), Expr(v.count));
}

Stmt with_versions(const Stmt& stmt, const Var& turn, const std::vector<Versions>& versions,
                   const std::map<const Block*, TurnOfBlock>& turns) {
  return ToVersions(turn, versions, turns).mutate(stmt);
}

}  // namespace tw::schedule
