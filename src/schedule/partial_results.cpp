#include "schedule/partial_results.h"

#include <algorithm>

#include <fmt/format.h>

#include "ir/visit.h"

namespace tw::schedule {
namespace {

/// Accesses of the results become accesses of the partial results.
class ToPartial : public Mutator {
 public:
  ToPartial(const std::vector<Component>& components, std::size_t position, Expr index)
      : components_(components), position_(position), index_(std::move(index)) {}

 protected:
  using Mutator::on;
  Expr on(const Load& node) override {
    const Expr rewritten = Mutator::on(node);
    const auto& load = *as<Load>(rewritten);
    const Component* component = find(load.buffer);
    return component ? Load::make(component->partial, with_index(load.indices), load.predicate) : rewritten;
  }
  Stmt on(const Store& node) override {
    const Stmt rewritten = Mutator::on(node);
    const auto& store = *as<Store>(rewritten);
    const Component* component = find(store.buffer);
    return component
               ? Store::make(component->partial, with_index(store.indices), store.value, store.predicate)
               : rewritten;
  }

 private:
  const Component* find(const Buffer& buffer) const {
    const auto found = std::find_if(components_.begin(), components_.end(),
                                    [&](const Component& c) { return c.buffer.same_as(buffer); });
    return found == components_.end() ? nullptr : &*found;
  }
  std::vector<Expr> with_index(std::vector<Expr> indices) const {
    indices.insert(indices.begin() + static_cast<std::ptrdiff_t>(position_), index_);
    return indices;
  }
  const std::vector<Component>& components_;
  std::size_t position_;
  Expr index_;
};

/// Reads of partial results become identities.
class FromIdentity : public Mutator {
 public:
  FromIdentity(const std::vector<Component>& components, const ReducerNode& reducer)
      : components_(components), reducer_(reducer) {}

 protected:
  using Mutator::on;
  Expr on(const Load& node) override {
    for (std::size_t c = 0; c < components_.size(); ++c)
      if (components_[c].partial.same_as(node.buffer)) return reducer_.identities[c];
    return Mutator::on(node);
  }

 private:
  const std::vector<Component>& components_;
  const ReducerNode& reducer_;
};

}  // namespace

Stmt to_partial(const Stmt& s, const std::vector<Component>& components, std::size_t position,
                const Expr& index) {
  return ToPartial(components, position, index).mutate(s);
}

Stmt from_identity(const Stmt& s, const std::vector<Component>& components, const ReducerNode& reducer) {
  return FromIdentity(components, reducer).mutate(s);
}

Stmt combining_body(const std::vector<Component>& components, std::size_t position, const Var& turn,
                    const ReducerNode& reducer) {
  std::vector<Expr> before, fresh;
  for (const Component& component : components) {
    std::vector<Expr> indices = component.indices;
    before.push_back(Load::make(component.buffer, indices));
    indices.insert(indices.begin() + static_cast<std::ptrdiff_t>(position), turn);
    fresh.push_back(Load::make(component.partial, indices));
  }
  if (components.size() == 1)
    return Store::make(components[0].buffer, components[0].indices, reducer.combine(before, fresh)[0]);
  // All reads come before the first store.
  std::vector<std::pair<Var, Expr>> lets;
  const auto bind = [&](const std::string& text, std::vector<Expr>& values) {
    for (std::size_t c = 0; c < values.size(); ++c) {
      const Var var(fmt::format("{}_{}", text, c), values[c].dtype());
      lets.emplace_back(var, values[c]);
      values[c] = var;
    }
  };
  bind("before", before);
  bind("partial", fresh);
  std::vector<Expr> results = reducer.combine(before, fresh);
  bind("combined", results);
  std::vector<Stmt> stores;
  for (std::size_t c = 0; c < results.size(); ++c)
    stores.push_back(Store::make(components[c].buffer, components[c].indices, results[c]));
  Stmt body = Seq::make(stores);
  for (auto let = lets.rbegin(); let != lets.rend(); ++let) body = Let::make(let->first, let->second, body);
  return body;
}

}  // namespace tw::schedule
