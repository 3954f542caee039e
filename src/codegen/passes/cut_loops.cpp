#include "codegen/passes/cut_loops.h"

#include <algorithm>
#include <functional>

#include "codegen/passes/conditions.h"
#include "ir/analysis/accesses.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using Values = std::unordered_map<const ExprNode*, bool>;

constexpr int64_t kLargestPeel = 512;  // statements of a body whose first turn is written apart
constexpr int64_t kRoom = 256;         // statements that any program may gain

bool is_innermost(const For& loop) {
  return !contains<For>(loop.body.get(), [](const For& inner) { return is_cut(inner); });
}

/// Whether the statement does nothing.
bool is_empty(const Stmt& s) {
  bool acts = false;
  for_each_node(s, [&](const Node* node) {
    switch (node->kind) {
      case Kind::kStore:
      case Kind::kAssert:
      case Kind::kBarrier:
      case Kind::kAsyncCopy:
      case Kind::kAsyncCommit:
      case Kind::kAsyncWait:
      case Kind::kTensorCall: acts = true; break;
      default: break;
    }
  });
  return !acts;
}

/// Whether a statement does something only where a condition holds: one of the given ones, or one that says
/// as much.
class IsGuarded {
 public:
  IsGuarded(const std::unordered_set<const ExprNode*>& conditions, const Expr& implied,
            const Context& context)
      : conditions_(conditions), implied_(implied), context_(context) {}

  bool operator()(const Stmt& s) {
    if (!s) return true;
    switch (s->kind) {
      case Kind::kSeq: {
        const std::vector<Stmt>& stmts = as<Seq>(s)->stmts;
        return std::all_of(stmts.begin(), stmts.end(), std::ref(*this));
      }
      case Kind::kIf: {
        const auto& branch = *as<If>(s);
        return (holds_where(branch.cond) || (*this)(branch.then_body)) && (*this)(branch.else_body);
      }
      case Kind::kFor: {
        const ContextScope scope(context_);
        context_.bind(as<For>(s)->var, 0, as<For>(s)->extent);
        return (*this)(as<For>(s)->body);
      }
      case Kind::kLet: return (*this)(as<Let>(s)->body);
      case Kind::kAllocate: return (*this)(as<Allocate>(s)->body);
      case Kind::kAttr: return (*this)(as<Attr>(s)->body);
      case Kind::kPrefetch: return true;
      default: return false;
    }
  }

 private:
  bool holds_where(const Expr& cond) {
    const std::vector<Expr> parts = conjuncts(cond);
    for (const Expr& part : parts)
      if (conditions_.contains(part.get())) return true;
    if (contains<Load>(cond.get())) return false;
    const ContextScope scope(context_);
    context_.assume(cond);
    return prove(implied_, context_);
  }

  const std::unordered_set<const ExprNode*>& conditions_;
  Expr implied_;
  Context context_;
};

/// Takes the marks of choices away.
class Unmark : public Mutator {
 protected:
  using Mutator::on;
  Stmt on(const Attr& node) override {
    return node.key == kChoiceOfForms ? mutate(node.body) : Stmt(rebuild(node));
  }
  Stmt on(const Seq& node) override {
    std::vector<Stmt> stmts;
    for (const Stmt& stmt : node.stmts) stmts.push_back(mutate(stmt));
    return Seq::make(std::move(stmts));
  }
};

/// What is done to loops: end them where a condition of all of their body ceases to hold, which copies
/// nothing; then the rest; and end short loops too, which keep their turns until the longer ones are cut.
enum class Mode { kClip, kCut, kClipShort };

class CutLoops : public ContextMutator {
 public:
  CutLoops(Mode mode, const Program& program) : mode_(mode), room_(2 * written_size(program->body) + kRoom) {}

 protected:
  using ContextMutator::on;
  Stmt on(const For& node) override {
    const bool is_longer = mode_ != Mode::kClipShort && is_cut(node) && !is_short(node);
    if (is_longer) longer_.push_back(node.var);
    const Stmt inside = ContextMutator::on(node);
    if (is_longer) longer_.pop_back();
    const auto& loop = *as<For>(inside);
    if (!is_cut(loop)) return inside;
    std::vector<Known> known = known_conditions(loop, longer_, context_);
    if (mode_ != Mode::kCut) return clipped(loop, known);
    if (known.empty()) return inside;
    if (const Stmt parts = cut(loop, known); parts && has_room(inside, parts)) return parts;
    const Stmt chosen = with_choice(loop);
    return has_room(inside, chosen) ? chosen : inside;
  }

 private:
  /// Whether the program may grow by what the one has more than the other; then it has.
  bool has_room(const Stmt& before, const Stmt& after) {
    if (after.same_as(before)) return true;
    const int64_t growth = written_size(after) - written_size(before);
    if (growth > room_) return false;
    room_ -= std::max<int64_t>(growth, 0);
    return true;
  }

  /// The loop ended where nothing runs any more, or begun where something does.
  Stmt clipped(const For& loop, const std::vector<Known>& known) {
    if (loop.loop_kind == LoopKind::kParallel) return Stmt(&loop);
    Values inside;
    Expr low(0), high = loop.extent;
    for (const Known& end : known) {
      if (!end.exact || end.equality || inside.contains(end.part)) continue;
      std::unordered_set<const ExprNode*> same;  // conditions of the same limit
      for (const Known& part : known) {
        const Expr &a = end.low ? end.low : end.high, &b = end.low ? part.low : part.high;
        if (&part == &end || (part.exact && !part.equality && b && prove(eq(a, b), context_)))
          same.insert(part.part);
      }
      if (!is_guarded(loop, same, Expr(end.part))) continue;
      for (const ExprNode* part : same) inside[part] = true;
      if (end.low) low = max(low, end.low);
      if (end.high) high = min(high, end.high);
    }
    if (inside.empty()) return Stmt(&loop);
    low = simplify(min(low, loop.extent), context_);
    const Stmt turns = part(loop, low, simplify(max(high, low), context_), inside);
    return turns ? turns : Seq::make({});
  }

  bool is_guarded(const For& loop, const std::unordered_set<const ExprNode*>& conditions,
                  const Expr& implied) {
    const ContextScope scope(context_);
    context_.bind(loop.var, 0, loop.extent);
    return IsGuarded(conditions, implied, context_)(loop.body);
  }

  /// The loop in parts; null when that is not worth its copies, or cannot be.
  Stmt cut(const For& loop, const std::vector<Known>& known) {
    if (loop.loop_kind == LoopKind::kParallel) return {};
    const int64_t size = written_size(loop.body);
    const bool one_turn_differs =
        is_innermost(loop) &&
        std::all_of(known.begin(), known.end(), [](const Known& part) { return part.equality; });
    const bool may_grow = one_turn_differs ? size <= kLargestPeel : size <= kCheapCopy;
    // Where nothing is left of the other parts, a loop of any size may be cut.
    if (!may_grow && !std::all_of(known.begin(), known.end(), [](const Known& k) { return k.exact; }))
      return {};
    const Stmt parts = in_parts(loop, known);
    const int64_t most = may_grow && one_turn_differs ? 2 * size + kCheapCopy : size + 2 + kCheapCopy;
    return written_size(parts) <= most ? parts : Stmt();
  }

  Stmt in_parts(const For& loop, const std::vector<Known>& known) {
    Expr low(0), high = loop.extent;
    Values middle, before, after;
    std::vector<Expr> lows, highs;
    const auto add = [&](std::vector<Expr>& limits, const Expr& limit) {
      const Expr simple = simplify(limit, context_);
      for (const Expr& known_limit : limits)
        if (structural_equal(known_limit, simple)) return;
      limits.push_back(simple);
    };
    for (const Known& part : known) {
      middle[part.part] = part.value;
      add(part.low ? lows : highs, part.low ? part.low : part.high);
      if (part.exact) (part.low ? before : after)[part.part] = !part.value;
    }
    for (const Expr& limit : lows) low = max(low, limit);
    for (const Expr& limit : highs) high = min(high, limit);
    // Of several limits it is not known which one ends the middle.
    if (lows.size() > 1) before.clear();
    if (highs.size() > 1) after.clear();
    low = simplify(min(low, loop.extent), context_);
    high = simplify(max(high, low), context_);
    if (prove(le(high, low), context_)) return Stmt(&loop);
    return Seq::make({part(loop, Expr(0), low, before), part(loop, low, high, middle),
                      part(loop, high, loop.extent, after)});
  }

  /// The turns begin <= var < end, with conditions decided; null when there are none.
  Stmt part(const For& loop, const Expr& begin, const Expr& end, const Values& values) {
    const Expr turns = simplify(end - begin, context_);
    if (prove(le(turns, 0), context_)) return {};
    const Var var(loop.var->name.text);
    const Stmt decided = decide(loop.body, values);
    const Stmt body = with_fresh_names(substitute(decided, {{&*loop.var, begin + Expr(var)}}));
    auto* fresh = new For(loop);
    const Stmt owner(fresh);
    fresh->var = var;
    fresh->extent = turns;
    fresh->body = body;
    const Stmt result = simplify(owner, context_);
    return is_empty(result) ? Stmt() : result;
  }

  /// The loop with full forms beside the general ones in its body.
  Stmt with_choice(const For& loop) {
    const ContextScope scope(context_);
    context_.bind(loop.var, 0, loop.extent);
    const Stmt body = choose(loop, loop.body);
    if (body.same_as(loop.body)) return Stmt(&loop);
    auto* copy = new For(loop);
    copy->body = body;
    return Stmt(copy);
  }

  Stmt choose(const For& loop, const Stmt& s) {
    if (const auto* node = as<Allocate>(s)) {
      const Stmt body = choose(loop, node->body);
      const auto* mark = as<Attr>(body);
      const auto* forms = mark && mark->key == kChoiceOfForms ? as<If>(mark->body) : nullptr;
      if (!forms || !forms->else_body)
        return body.same_as(node->body) ? s : Allocate::make(node->buffer, body);
      // Each form has a buffer of its own, so that the full one's stays in registers whatever the other does.
      const Stmt full = with_fresh_names(Allocate::make(node->buffer, forms->then_body));
      return Attr::make(mark->key, mark->value,
                        If::make(forms->cond, full, Allocate::make(node->buffer, forms->else_body)));
    }
    if (const auto* node = as<Attr>(s); node && node->key != kChoiceOfForms) {
      const Stmt body = choose(loop, node->body);
      return body.same_as(node->body) ? s : Attr::make(node->key, node->value, body);
    }
    const auto* seq = as<Seq>(s);
    if (!seq) return choice(s, choices_in(s, loop, longer_, context_));
    // Neighbours that have conditions are decided together.
    std::vector<Stmt> stmts, group;
    std::vector<Choice> of_group;
    const auto close = [&] {
      if (!group.empty()) stmts.push_back(choice(Seq::make(group), of_group));
      group.clear();
      of_group.clear();
    };
    for (const Stmt& stmt : seq->stmts) {
      const bool is_group = as<Allocate>(stmt) != nullptr;
      const std::vector<Choice> choices =
          is_group ? std::vector<Choice>() : choices_in(stmt, loop, longer_, context_);
      if (choices.empty()) {
        close();
        stmts.push_back(is_group ? choose(loop, stmt) : stmt);
      } else {
        group.push_back(stmt);
        of_group.insert(of_group.end(), choices.begin(), choices.end());
      }
    }
    close();
    Stmt chosen = Seq::make(std::move(stmts));
    const auto* now = as<Seq>(chosen);
    const bool same =
        now && std::equal(now->stmts.begin(), now->stmts.end(), seq->stmts.begin(), seq->stmts.end(),
                          [](const Stmt& x, const Stmt& y) { return x.same_as(y); });
    return same ? s : chosen;
  }

  /// if all conditions hold: the statement without them; else: as it is
  Stmt choice(const Stmt& s, const std::vector<Choice>& choices) {
    if (std::none_of(choices.begin(), choices.end(), [](const Choice& c) { return c.own; })) return s;
    const Context outside = context_;
    const ContextScope scope(context_);
    Values values;
    Expr all = make_bool(true);
    for (const Choice& part : choices) {
      const Expr holds = simplify(ge(part.gap, 0), context_);
      if (prove(logical_not(holds), context_)) continue;  // never known: a vector longer than the row, say
      values[part.part] = true;
      if (prove(holds, context_)) continue;
      all = logical_and(all, holds);
      context_.assume(holds);
    }
    if (values.empty()) return s;
    const Stmt full = simplify(with_fresh_names(decide(s, values)), context_);
    if (is_int(all, 1)) return full;
    if (choices.size() > 1 || !choices.front().exact)
      return Attr::make(kChoiceOfForms, int64_t{1}, If::make(all, full, s));
    const Stmt other = simplify(decide(s, {{choices.front().part, false}}), outside);
    return If::make(all, full, is_empty(other) ? Stmt() : other);
  }

  Mode mode_;
  int64_t room_;             // statements that the program may still gain
  std::vector<Var> longer_;  // variables of the loops around that are not short
};

}  // namespace

Program cut_loops(const Program& program) {
  const Program clipped = CutLoops(Mode::kClip, program).mutate(program);
  const Program cut = Unmark().mutate(CutLoops(Mode::kCut, clipped).mutate(clipped));
  return CutLoops(Mode::kClipShort, cut).mutate(cut);
}

}  // namespace tw::codegen
