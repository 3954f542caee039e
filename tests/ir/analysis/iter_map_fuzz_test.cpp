// Random iteration maps against exhaustive enumeration: whatever is proved must hold for every value of the
// symbols.
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "enumerate.h"
#include "ir/analysis/iter_map.h"
#include "ir/text.h"
#include "ir/visit.h"

namespace tw {
namespace {

using test::Env;
using test::evaluate;
using test::pick;
using Random = std::mt19937_64;

struct Symbol {
  Var var;
  std::vector<int64_t> values;  // tried
};

/// A random case: bindings over loops, the box they should fill, and symbols with values to try.
struct Case {
  std::vector<Symbol> symbols;
  std::vector<LoopRange> loops;
  std::vector<Expr> bindings, extents;
  std::vector<Expr> conditions;

  Expr predicate() const {
    Expr all;
    for (const Expr& condition : conditions) all = all ? logical_and(all, condition) : condition;
    return all;
  }
  std::string text() const {
    std::string s;
    for (std::size_t i = 0; i < bindings.size(); ++i)
      s += "  " + to_text(bindings[i]) + "  in " + to_text(extents[i]) + "\n";
    for (const LoopRange& loop : loops)
      s += "  for " + loop.var->name.text + " in " + to_text(loop.extent) + "\n";
    if (predicate()) s += "  where " + to_text(predicate()) + "\n";
    return s;
  }
};

/// Calls f with every assignment of the symbols.
void for_each_assignment(const Case& c, Env& env, const std::function<void()>& f, std::size_t from = 0) {
  if (from == c.symbols.size()) return f();
  for (const int64_t value : c.symbols[from].values) {
    env[&*c.symbols[from].var] = value;
    for_each_assignment(c, env, f, from + 1);
  }
}

class Generator {
 public:
  explicit Generator(Random& random) : random_(random) {
    symbols_ = {{Variable::make("n", kIndex, 0, 9), {0, 1, 5}},
                {Variable::make("p", kIndex, 1, 7), {1, 3, 4}},
                {Variable::make("q", kIndex, 1, 4), {1, 2, 3}}};
  }

  /// Axes whose loops went through random splits, fusions and reorderings, as schedules do.
  Case schedule() {
    Case c;
    c.symbols = symbols_;
    for (int64_t rank = pick(random_, 1, 3); rank > 0; --rank) {
      const Var loop = fresh();
      c.extents.push_back(size());
      c.loops.push_back({loop, c.extents.back()});
      c.bindings.push_back(loop);
    }
    for (int64_t steps = pick(random_, 0, 4); steps > 0; --steps) {
      const auto at = static_cast<std::size_t>(pick(random_, 0, static_cast<int64_t>(c.loops.size()) - 1));
      if (pick(random_, 0, 2) > 0)
        split(c, at);
      else if (c.loops.size() > 1)
        fuse(c, at % (c.loops.size() - 1));
    }
    std::shuffle(c.loops.begin(), c.loops.end(), random_);
    return c;
  }

  /// Any arithmetic of some loops.
  Case arithmetic() {
    Case c;
    c.symbols = symbols_;
    for (int64_t count = pick(random_, 1, 3); count > 0; --count) c.loops.push_back({fresh(), size()});
    for (int64_t rank = pick(random_, 1, 2); rank > 0; --rank) {
      c.bindings.push_back(expression(c, 3));
      c.extents.push_back(size());
    }
    if (pick(random_, 0, 2) == 0) c.conditions.push_back(lt(expression(c, 2), size()));
    return c;
  }

 private:
  Var fresh() { return Var("i" + std::to_string(next_++)); }
  Expr symbol() { return symbols_[static_cast<std::size_t>(pick(random_, 0, 2))].var; }
  Expr factor() {
    return pick(random_, 0, 1) ? Expr(pick(random_, 1, 4))
                               : Expr(symbols_[static_cast<std::size_t>(pick(random_, 1, 2))].var);
  }
  Expr size() {
    switch (pick(random_, 0, 4)) {
      case 0: return symbol();
      case 1: return factor() * Expr(pick(random_, 1, 3));
      default: return Expr(pick(random_, 0, 12));
    }
  }

  void replace(Case& c, const Var& var, const Expr& value) {
    for (Expr& binding : c.bindings) binding = substitute(binding, {{&*var, value}});
    for (Expr& condition : c.conditions) condition = substitute(condition, {{&*var, value}});
  }

  void split(Case& c, std::size_t at) {
    const LoopRange old = c.loops[at];
    const Expr by = factor();
    const Var outer = fresh(), inner = fresh();
    const Expr joined = Expr(outer) * by + inner;
    replace(c, old.var, joined);
    const auto extent = as_int(old.extent), divisor = as_int(by);
    const bool exact = extent && divisor && *extent % *divisor == 0;
    if (!exact) c.conditions.push_back(lt(joined, old.extent));
    c.loops[at] = {outer, exact ? Expr(*extent / *divisor) : ceildiv(old.extent, by)};
    c.loops.insert(c.loops.begin() + static_cast<std::ptrdiff_t>(at) + 1, LoopRange{inner, by});
  }

  void fuse(Case& c, std::size_t at) {
    const LoopRange outer = c.loops[at], inner = c.loops[at + 1];
    const Var fused = fresh();
    replace(c, outer.var, floordiv(fused, inner.extent));
    replace(c, inner.var, floormod(fused, inner.extent));
    c.loops[at] = {fused, outer.extent * inner.extent};
    c.loops.erase(c.loops.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }

  Expr expression(const Case& c, int depth) {
    if (depth == 0 || pick(random_, 0, 4) == 0) {
      if (pick(random_, 0, 5) == 0) return Expr(pick(random_, 0, 5));
      return c.loops[static_cast<std::size_t>(pick(random_, 0, static_cast<int64_t>(c.loops.size()) - 1))]
          .var;
    }
    const Expr a = expression(c, depth - 1);
    switch (pick(random_, 0, 5)) {
      case 0: return floordiv(a, factor());
      case 1: return floormod(a, factor());
      case 2: return a - expression(c, depth - 1);
      case 3: return a * factor();
      default: return a * factor() + expression(c, depth - 1);
    }
  }

  Random& random_;
  std::vector<Symbol> symbols_;
  int next_ = 0;
};

/// What enumeration finds for all assignments together.
struct Truth {
  bool injective = true, surjective = true;
};

class Judge {
 public:
  explicit Judge(const Case& c) : case_(c), found_(detect_iter_map(c.bindings, c.loops, c.predicate())) {}

  bool detected() const { return found_.map.has_value(); }
  bool bijective() const { return bijective_; }
  Truth truth() const { return truth_; }

  void run(Random& random) {
    if (found_) {
      injective_ = is_injective(*found_).yes;
      surjective_ = is_surjective(*found_, case_.extents).yes;
      bijective_ = is_bijective(*found_, case_.extents).yes;
      for (std::size_t i = 0; i < case_.bindings.size(); ++i)
        axis_vars_.emplace_back("x" + std::to_string(i));
      for (const IterSum& axis : found_->axes) axis_exprs_.push_back(to_expr(*found_, axis));
      values_ = determined_loops(*found_, {axis_vars_.begin(), axis_vars_.end()});
      for (const LoopRange& loop : case_.loops)
        if (pick(random, 0, 1)) inner_.push_back(loop.var);
      spaces_ = divide_subspaces(case_.bindings, case_.loops, inner_, case_.predicate());
    }
    Env env;
    for_each_assignment(case_, env, [&] { assignment(env); });
    if (!found_) return;
    EXPECT_TRUE(!injective_ || truth_.injective) << "is not injective:\n" << case_.text();
    EXPECT_TRUE(!surjective_ || truth_.surjective) << "is not surjective:\n" << case_.text();
    EXPECT_TRUE(!bijective_ || (truth_.injective && truth_.surjective)) << "is not bijective:\n"
                                                                        << case_.text();
  }

 private:
  using Point = std::vector<int64_t>;

  void assignment(Env& env) {
    std::map<Point, int> hits;
    std::map<Point, Point> inner_of_outer;
    const Expr predicate = case_.predicate();
    test::for_each_turn(case_.loops, env, [&] {
      if (predicate && !evaluate(predicate, env)) return;
      Point point;
      for (const Expr& binding : case_.bindings) point.push_back(evaluate(binding, env));
      if (++hits[point] > 1) truth_.injective = false;
      if (found_) turn(env, point);
    });
    std::size_t inside = 0, box = 1;
    for (const Expr& extent : case_.extents) box *= static_cast<std::size_t>(evaluate(extent, env));
    for (const auto& [point, count] : hits) {
      bool in = true;
      for (std::size_t i = 0; i < point.size(); ++i)
        in &= 0 <= point[i] && point[i] < evaluate(case_.extents[i], env);
      inside += in;
      truth_.surjective &= in;
    }
    truth_.surjective &= inside == box;
  }

  void turn(Env& env, const Point& point) {
    for (std::size_t i = 0; i < point.size(); ++i) {
      ASSERT_EQ(evaluate(axis_exprs_[i], env), point[i]) << "axis " << i << " of\n" << case_.text();
      env[&*axis_vars_[i]] = point[i];
    }
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (!values_[i]) continue;
      ASSERT_EQ(evaluate(values_[i], env), env.at(&*case_.loops[i].var))
          << "loop " << i << " = " << to_text(values_[i]) << " of\n"
          << case_.text();
    }
    if (!spaces_) return;
    for (std::size_t i = 0; i < point.size(); ++i) {
      const AxisDivision& axis = spaces_->axes[i];
      const int64_t inner = evaluate(axis.inner, env), width = evaluate(axis.inner_extent, env);
      const int64_t outer = evaluate(axis.outer, env);
      ASSERT_EQ(outer * width + inner, point[i]) << case_.text();
      ASSERT_TRUE(0 <= inner && inner < width) << case_.text();
      ASSERT_TRUE(0 <= outer && outer < evaluate(axis.outer_extent, env)) << case_.text();
    }
  }

  const Case& case_;
  IterMapResult found_;
  bool injective_ = false, surjective_ = false, bijective_ = false;
  std::vector<Var> axis_vars_, inner_;
  std::vector<Expr> values_, axis_exprs_;
  SubspaceResult spaces_;
  Truth truth_;
};

TEST(IterMapFuzz, SchedulesOfLoopsAreProvedBijective) {
  const uint64_t seed = test::fuzz_seed(1);
  const int64_t count = test::fuzz_count(500);
  int64_t detected = 0, true_bijections = 0, proved = 0;
  std::vector<std::string> missed;
  for (int64_t i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("TW_FUZZ_SEED=" + std::to_string(seed) + " case " + std::to_string(i));
    Random random(seed * 1000003 + static_cast<uint64_t>(i));
    const Case c = Generator(random).schedule();
    Judge judge(c);
    judge.run(random);
    detected += judge.detected();
    const bool bijection = judge.truth().injective && judge.truth().surjective;
    true_bijections += bijection;
    proved += judge.bijective();
    if (bijection && !judge.bijective() && missed.size() < 10) missed.push_back(c.text());
  }
  std::cout << "cases " << count << ", detected " << detected << ", bijections " << true_bijections
            << ", proved " << proved << "\n";
  if (std::getenv("TW_FUZZ_MISSED"))
    for (const std::string& text : missed) std::cout << "not proved:\n" << text;
  EXPECT_GE(proved, true_bijections * 93 / 100);
}

TEST(IterMapFuzz, WhatIsProvedOfAnyArithmeticHolds) {
  const uint64_t seed = test::fuzz_seed(2);
  const int64_t count = test::fuzz_count(2000);
  int64_t detected = 0, proved = 0;
  for (int64_t i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("TW_FUZZ_SEED=" + std::to_string(seed) + " case " + std::to_string(i));
    Random random(seed * 1000003 + static_cast<uint64_t>(i));
    const Case c = Generator(random).arithmetic();
    Judge judge(c);
    judge.run(random);
    detected += judge.detected();
    proved += judge.bijective();
  }
  std::cout << "cases " << count << ", detected " << detected << ", proved bijective " << proved << "\n";
}

}  // namespace
}  // namespace tw
