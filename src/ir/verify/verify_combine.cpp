#include "ir/verify/verify_combine.h"

#include <unordered_set>

#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw {
namespace {

std::vector<Expr> operands(const Expr& e) {
  std::vector<Expr> list;
  const auto collect = [&](const auto& leaf) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(leaf)>, Expr>) list.push_back(leaf);
  };
  switch (e->kind) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: for_each_leaf(static_cast<const Struct&>(*e), collect); break;
    TW_EXPR_NODES(TW_CASE)
#undef TW_CASE
    default: break;
  }
  return list;
}

/// The node with other operands, as many as it has.
Expr with_operands(const Expr& e, const std::vector<Expr>& fresh) {
  std::size_t next = 0;
  const auto replace = [&](auto& leaf) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(leaf)>, Expr>) leaf = fresh[next++];
  };
  switch (e->kind) {
#define TW_CASE(Struct)                                      \
  case Kind::k##Struct: {                                    \
    auto* copy = new Struct(static_cast<const Struct&>(*e)); \
    for_each_leaf(*copy, replace);                           \
    return Expr(copy);                                       \
  }
    TW_EXPR_NODES(TW_CASE)
#undef TW_CASE
    default: return e;
  }
}

/// Matches the results of a reducer with values: the left variables stand for the elements before, the right
/// ones for sources to be found.
class CombineMatch {
 public:
  CombineMatch(const ReducerNode& reducer, const std::vector<const Store*>& stores) {
    for (std::size_t i = 0; i < stores.size(); ++i) {
      values_[&*reducer.lhs[i]] = Load::make(stores[i]->buffer, stores[i]->indices);
      sources_.insert(&*reducer.rhs[i]);
    }
  }

  bool matches(const Expr& pattern, const Expr& value) {
    if (!pattern || !value) return !pattern && !value;
    if (const auto* var = as<Variable>(pattern)) {
      const auto found = values_.find(var);
      if (found != values_.end()) return structural_equal(found->second, value);
      if (!sources_.contains(var)) return pattern.same_as(value);
      values_[var] = value;
      return pattern.dtype() == value.dtype();
    }
    if (pattern->kind != value->kind) return false;
    const std::vector<Expr> wanted = operands(pattern);
    std::vector<Expr> given = operands(value);
    if (wanted.size() != given.size()) return false;
    if (!structural_equal(pattern, with_operands(value, wanted))) return false;
    if (all_match(wanted, given)) return true;
    const auto* binary = as<Binary>(pattern);
    if (!binary || !is_commutative(binary->op)) return false;
    std::swap(given[0], given[1]);
    return all_match(wanted, given);
  }

 private:
  bool all_match(const std::vector<Expr>& wanted, const std::vector<Expr>& given) {
    const VarMap before = values_;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (!matches(wanted[i], given[i])) return values_ = before, false;
    return true;
  }

  VarMap values_;
  std::unordered_set<const Variable*> sources_;
};

}  // namespace

std::string combine_fault(const ReducerNode& reducer, const Stmt& body) {
  // Down to the stores, with the values of Lets in place of their variables.
  VarMap lets;
  Stmt inner = body;
  while (const auto* let = as<Let>(inner)) {
    lets[&*let->var] = substitute(let->value, lets);
    inner = let->body;
  }
  std::vector<Stmt> stmts = {inner};
  if (const auto* seq = as<Seq>(inner)) stmts = seq->stmts;
  std::vector<const Store*> stores;
  for (const Stmt& stmt : stmts) {
    const auto* store = as<Store>(stmt);
    if (!store) return {};
    stores.push_back(store);
  }
  const std::size_t count = reducer.results.size();
  if (stores.size() != count) return fmt::format("it has {} stores for {} components", stores.size(), count);
  for (std::size_t later = 1; later < count; ++later)
    for (std::size_t i = 0; i < later; ++i)
      if (contains<Load>(stores[later]->value.get(),
                         [&](const Load& load) { return load.buffer.same_as(stores[i]->buffer); }))
        return fmt::format("the store of component {} reads buffer {}, which is written before", later,
                           stores[i]->buffer->name.text);
  CombineMatch match(reducer, stores);
  for (std::size_t i = 0; i < count; ++i) {
    const Expr value = substitute(stores[i]->value, lets);
    // A program may have been simplified as a whole, and reducers never are.
    if (match.matches(reducer.results[i], value) || match.matches(simplify(reducer.results[i]), value))
      continue;
    return fmt::format("component {} becomes {}, but {} is needed", i, to_text(value),
                       to_text(reducer.results[i]));
  }
  return {};
}

}  // namespace tw
