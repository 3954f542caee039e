#include "ir/simplify/knowledge.h"

#include <algorithm>
#include <array>

namespace tw {
namespace {

constexpr std::size_t kStates = 8;          // of contexts, in each thread
constexpr std::size_t kMostAnswers = 4096;  // of a kind, of one state
constexpr int kHashDepth = 4;

std::size_t mixed(std::size_t hash, std::size_t value) {
  return (hash ^ value) * 0x9e3779b97f4a7c15 + (hash >> 29);
}

/// Of the top of an expression: the same for expressions that are the same.
std::size_t hash_of(const ExprNode* e, int depth) {
  const auto kind = static_cast<std::size_t>(e->kind);
  if (e->kind == Kind::kVariable) return std::hash<const void*>()(e);
  if (const auto* imm = as<IntImm>(e)) return mixed(kind, static_cast<std::size_t>(imm->value));
  const auto* binary = as<Binary>(e);
  if (!binary || depth == 0) return kind;
  const std::size_t op = mixed(kind, static_cast<std::size_t>(binary->op));
  return mixed(mixed(op, hash_of(binary->a.get(), depth - 1)), hash_of(binary->b.get(), depth - 1));
}

/// Blind to the order of terms and of factors, as equality is.
std::size_t hash_of(const Sum& sum) {
  std::size_t hash = static_cast<std::size_t>(sum.constant);
  for (const Product& term : sum.terms) {
    std::size_t factors = 0;
    for (int i = 0; i < term.degree; ++i) factors += hash_of(term.factors[i].get(), kHashDepth);
    hash += mixed(factors, static_cast<std::size_t>(term.coefficient));
  }
  return hash;
}

bool is_in_state(const Context& a, const Context& b) {
  const auto same_range = [](const Context::BoundVar& x, const Context::BoundVar& y) {
    return x.var.same_as(y.var) && x.begin.same_as(y.begin) && x.extent.same_as(y.extent);
  };
  const auto same = [](const Expr& x, const Expr& y) { return x.same_as(y); };
  return a.mark().declared == b.mark().declared &&
         std::equal(a.ranges().begin(), a.ranges().end(), b.ranges().begin(), b.ranges().end(), same_range) &&
         std::equal(a.facts().begin(), a.facts().end(), b.facts().begin(), b.facts().end(), same);
}

}  // namespace

std::shared_ptr<Knowledge> Knowledge::of(const Context& context) {
  thread_local std::array<std::shared_ptr<Knowledge>, kStates> recent;  // the latest first
  auto found = std::find_if(recent.begin(), recent.end(), [&](const std::shared_ptr<Knowledge>& known) {
    return known && is_in_state(known->context_, context);
  });
  if (found == recent.end()) {
    found = recent.end() - 1;
    *found = std::make_shared<Knowledge>(context);
  }
  std::rotate(recent.begin(), found, found + 1);
  return recent.front();
}

const bool* Knowledge::find(const Sum& sum) const {
  const auto [begin, end] = claims_.equal_range(hash_of(sum));
  for (auto at = begin; at != end; ++at)
    if (at->second.sum == sum) return &at->second.proved;
  return nullptr;
}

void Knowledge::remember(const Sum& sum, bool proved) {
  if (claims_.size() >= kMostAnswers) claims_.clear();
  claims_.emplace(hash_of(sum), Claim{sum, proved});
}

const Expr* Knowledge::find(const Expr& e) const {
  const auto [begin, end] = simpler_.equal_range(hash_of(e.get(), kHashDepth));
  for (auto at = begin; at != end; ++at)
    if (same_expr(at->second.first, e)) return &at->second.second;
  return nullptr;
}

void Knowledge::remember(const Expr& e, const Expr& simpler) {
  if (simpler_.size() >= kMostAnswers) simpler_.clear();
  simpler_.emplace(hash_of(e.get(), kHashDepth), std::pair(e, simpler));
}

}  // namespace tw
