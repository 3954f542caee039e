#include "schedule/expr_match.h"

#include <algorithm>

#include <fmt/format.h>

#include "ir/equal.h"

namespace tw::schedule {
namespace {

/// Products of many commutative operators have many ways; as many as this are tried.
constexpr std::size_t kMostWays = 256;

bool same_indices(const std::vector<Expr>& a, const std::vector<Expr>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Expr& x, const Expr& y) { return structural_equal(x, y); });
}

/// Whether accesses of one buffer of the pattern are one access of the other side.
bool agree(const MatchedAccesses& a, const MatchedAccesses& b) {
  for (const MatchedAccess& x : a)
    for (const MatchedAccess& y : b)
      if (x.pattern.same_as(y.pattern) &&
          (!x.target.same_as(y.target) || !same_indices(x.target_indices, y.target_indices)))
        return false;
  return true;
}

class StoreMatch {
 public:
  StoreMatch(const Store& pattern, const Store& target) : pattern_(pattern), target_(target) {}

  ExprMatches match() {
    ExprMatches all = of(pattern_.value, target_.value);
    for (MatchedAccesses& way : all.ways)
      way.insert(way.begin(), {pattern_.buffer, pattern_.indices, target_.buffer, target_.indices});
    return all;
  }

 private:
  static ExprMatches none(const Expr& p, const Expr& t, std::string reason = {}) {
    return {{}, {p, t, std::move(reason), 0}};
  }
  static ExprMatches same() {
    ExprMatches one{{MatchedAccesses{}}, {}};
    one.difference.met = 1;
    return one;
  }

  ExprMatches of(const Expr& p, const Expr& t) {
    if (p->kind != t->kind) return none(p, t);
    switch (p->kind) {
      case Kind::kLoad: return of_load(*as<Load>(p), *as<Load>(t), p, t);
      case Kind::kBinary: return of_binary(*as<Binary>(p), *as<Binary>(t), p, t);
      case Kind::kUnary:
        if (as<Unary>(p)->op != as<Unary>(t)->op) return none(p, t);
        return of_all({as<Unary>(p)->a}, {as<Unary>(t)->a});
      case Kind::kCast:
        if (p.dtype() != t.dtype()) return none(p, t);
        return of_all({as<Cast>(p)->value}, {as<Cast>(t)->value});
      case Kind::kCall:
        if (as<Call>(p)->op != as<Call>(t)->op) return none(p, t);
        return of_all(as<Call>(p)->args, as<Call>(t)->args);
      case Kind::kSelect: {
        const auto &a = *as<Select>(p), &b = *as<Select>(t);
        return of_all({a.cond, a.on_true, a.on_false}, {b.cond, b.on_true, b.on_false});
      }
      default: return structural_equal(p, t) ? same() : none(p, t);
    }
  }

  ExprMatches of_load(const Load& p, const Load& t, const Expr& pe, const Expr& te) {
    if (t.predicate) return none(pe, te, "which is read under a condition");
    const bool own = p.buffer.same_as(pattern_.buffer);
    if (own && !(t.buffer.same_as(target_.buffer) && same_indices(t.indices, target_.indices)))
      return none(pe, te, "which is not the element that it writes");
    if (!own && t.buffer.same_as(target_.buffer)) return none(pe, te, "which it also writes");
    if (p.buffer->dtype != t.buffer->dtype)
      return none(
          pe, te,
          fmt::format("which is {} and not {}", to_string(t.buffer->dtype), to_string(p.buffer->dtype)));
    ExprMatches one = same();
    one.ways.front().push_back({p.buffer, p.indices, t.buffer, t.indices});
    return one;
  }

  ExprMatches of_binary(const Binary& p, const Binary& t, const Expr& pe, const Expr& te) {
    if (p.op != t.op) return none(pe, te);
    ExprMatches straight = of_all({p.a, p.b}, {t.a, t.b});
    if (!is_commutative(p.op)) return straight;
    ExprMatches crossed = of_all({p.a, p.b}, {t.b, t.a});
    if (straight.ways.empty() && crossed.ways.empty())
      return crossed.difference.met > straight.difference.met ? crossed : straight;
    straight.ways.insert(straight.ways.end(), crossed.ways.begin(), crossed.ways.end());
    if (straight.ways.size() > kMostWays) straight.ways.resize(kMostWays);
    straight.difference.met = std::max(straight.difference.met, crossed.difference.met);
    return straight;
  }

  /// Every way of the first operand with every way of the second, and so on.
  ExprMatches of_all(const std::vector<Expr>& p, const std::vector<Expr>& t) {
    ExprMatches all = same();
    for (std::size_t i = 0; i < p.size(); ++i) {
      const ExprMatches part = of(p[i], t[i]);
      const std::size_t met = all.difference.met + part.difference.met;
      if (part.ways.empty()) {
        all.ways.clear();
        if (!all.difference.pattern) all.difference = part.difference;
        all.difference.met = met;
        // What comes after counts for how far the match gets, not for where it differs.
        continue;
      }
      all.difference.met = met;
      std::vector<MatchedAccesses> joined;
      for (const MatchedAccesses& before : all.ways)
        for (const MatchedAccesses& way : part.ways) {
          if (!agree(before, way)) continue;
          joined.push_back(before);
          joined.back().insert(joined.back().end(), way.begin(), way.end());
        }
      if (joined.empty() && !all.ways.empty())
        all.difference = {p[i], t[i], "though one operand stands for the same element everywhere", met};
      all.ways = std::move(joined);
    }
    return all;
  }

  const Store& pattern_;
  const Store& target_;
};

}  // namespace

ExprMatches match_stores(const Store& pattern, const Store& target) {
  return StoreMatch(pattern, target).match();
}

}  // namespace tw::schedule
