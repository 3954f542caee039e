#include "schedule/thread_memory.h"

#include <algorithm>

#include "ir/analysis/dependence.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"

namespace tw::schedule {
namespace {

constexpr GpuIndex kThreadIndices[] = {GpuIndex::kThreadX, GpuIndex::kThreadY, GpuIndex::kThreadZ};

bool stands_in(const Access& access, const For* loop) {
  return std::find(access.loops.begin(), access.loops.end(), loop) != access.loops.end();
}

std::string describe(const Access& access) {
  return fmt::format("{} {} {}", access.block ? "block " + access.block->name.text : "a statement",
                     access.write ? "writes" : "reads", to_text(Region{access.buffer, access.box}));
}

/// Judges the accesses of one buffer as if the loop were bound.
class OwnMemory {
 public:
  OwnMemory(const Step& step, const Place& place, const Allocate& allocation, const For& loop, GpuIndex index)
      : step_(step), buffer_(allocation.buffer), loop_(loop), index_(index), outside_(context_at(place)) {
    for (const For* outer : place.loops())
      if (prove(le(outer->extent, 1), outside_)) only_turn_[&*outer->var] = Expr(0);
    accesses_ = collect_accesses(allocation.body);
    std::erase_if(accesses_, [&](const Access& access) { return !access.buffer.same_as(buffer_); });
  }

  void require() {
    for (const Access& a : accesses_) {
      if (!stands_in(a, &loop_)) continue;
      for (const Access& b : accesses_) {
        if (!a.write && !b.write) continue;
        // Two inside the loop: once, and only where turns of a loop around it may meet; that those of the
        // loop itself do not has been asked.
        if (stands_in(b, &loop_) && (&b < &a || a.loops.front() == &loop_)) continue;
        for (const GpuIndex d : kThreadIndices) require(a, b, d);
      }
    }
  }

 private:
  /// The index that the loop is, or will be, bound to.
  bool is_bound(const For& loop, GpuIndex index) const {
    if (&loop == &loop_) return index == index_;
    return loop.loop_kind == LoopKind::kBound && loop.gpu_index == index;
  }

  /// The loop over the index around the access; null: none inside the allocation.
  const For* loop_over(const Access& access, GpuIndex index) const {
    for (const For* loop : access.loops)
      if (is_bound(*loop, index)) return loop;
    return nullptr;
  }

  /// Whether a loop around `access`, and not around `other`, may still be bound.
  bool is_open(const Access& access, const Access& other) const {
    return std::any_of(access.loops.begin(), access.loops.end(), [&](const For* loop) {
      return loop != &loop_ && loop->loop_kind == LoopKind::kSerial && !stands_in(other, loop);
    });
  }

  /// What runs outside of all threads is done by each of them.
  bool fills_for_all(const Access& access) const {
    return access.write && std::none_of(std::begin(kThreadIndices), std::end(kThreadIndices),
                                        [&](GpuIndex index) { return loop_over(access, index); });
  }

  void require(const Access& a, const Access& b, GpuIndex d) const {
    const For *const x = loop_over(a, d), *const y = loop_over(b, d);
    if (!x && !y) return;
    // Of the other indices only that changes that `a` has one loop less that may be bound to them.
    if (d != index_ && x) return;
    if ((!x && (is_open(a, b) || fills_for_all(a))) || (!y && (is_open(b, a) || fills_for_all(b)))) return;
    if (meet(a, x, b, y)) refuse(a, x, b, y, d);
  }

  /// Whether an element may be touched by both in different turns of the loops taken as one; null: in turn 0.
  /// All other loops inside the allocation are in any turn.
  bool meet(const Access& a, const For* x, const Access& b, const For* y) const {
    const Stmt turns = For::make(Var("t"), extent_of(a, x, b, y), Seq::make({}));
    std::vector<Stmt> owners;
    const Access in_a = in_turns(a, x, turns, owners);
    if (&a == &b) return overlap_across_turns(in_a, in_a, 0, outside_) != Overlap::kNever;
    return overlap_across_turns(in_a, in_turns(b, y, turns, owners), 0, outside_) != Overlap::kNever;
  }

  /// Of both loops as one, outside of all others that stand in the allocation.
  Expr extent_of(const Access& a, const For* x, const Access& b, const For* y) const {
    const auto moves = [](const Expr& extent, const Access& access) {
      return std::any_of(access.loops.begin(), access.loops.end(),
                         [&](const For* loop) { return uses_var(extent, loop->var); });
    };
    if ((x && moves(x->extent, a)) || (y && moves(y->extent, b))) return Var("turns");
    if (!x || !y) return (x ? x : y)->extent;
    if (x == y || structural_equal(x->extent, y->extent) || prove(eq(x->extent, y->extent), outside_))
      return x->extent;
    return simplify(max(x->extent, y->extent), outside_);
  }

  /// The access with `turns` as its outermost loop in place of `loop`.
  Access in_turns(Access access, const For* loop, const Stmt& turns, std::vector<Stmt>& owners) const {
    const auto* outer = as<For>(turns);
    const Expr turn(outer->var);
    VarMap values = only_turn_;
    if (loop) values[&*loop->var] = turn;
    for (Range& range : access.box) range = {substitute(range.min, values), substitute(range.extent, values)};
    for (Expr& guard : access.guards) guard = substitute(guard, values);
    for (Expr& binding : access.bindings) binding = substitute(binding, values);
    if (!loop) {
      access.guards.push_back(eq(turn, 0));
    } else {
      for (const For*& inner : access.loops) {
        if (!uses_var(inner->extent, loop->var)) continue;
        owners.push_back(For::make(inner->var, substitute(inner->extent, values), inner->body));
        inner = as<For>(owners.back());
      }
      std::erase(access.loops, loop);
      if (!structural_equal(loop->extent, outer->extent)) access.guards.push_back(lt(turn, loop->extent));
    }
    access.loops.insert(access.loops.begin(), outer);
    return access;
  }

  [[noreturn]] void refuse(const Access& a, const For* x, const Access& b, const For* y, GpuIndex d) const {
    const auto where = [&](const For* loop) {
      if (!loop) return fmt::format("outside of loops over {}, where no serial loop is left", to_string(d));
      return fmt::format("in loop {}, bound to {}", loop->var->name.text, to_string(d));
    };
    step_.refuse(b.block ? static_cast<const Node*>(b.block) : &loop_,
                 "with loop {} bound to {}, one thread may write an element of {} that another thread "
                 "touches, and local memory belongs to one thread: {} ({}), {} ({}); split and order the "
                 "loops of both so that an element has one thread, move one block into the threads of the "
                 "other with compute_at, or put {} in shared memory with set_scope",
                 loop_.var->name.text, to_string(index_), buffer_->name.text, describe(a), where(x),
                 describe(b), where(y), buffer_->name.text);
  }

  const Step& step_;
  const Buffer buffer_;
  const For& loop_;
  const GpuIndex index_;
  const Context outside_;
  VarMap
      only_turn_;  // of loops around the allocation: expressions in one nest have it, in others the variable
  std::vector<Access> accesses_;
};

}  // namespace

void require_own_memory(const Step& step, const LoopPlace& place, GpuIndex index) {
  for (std::size_t i = 0; i < place.around.size(); ++i) {
    const auto* allocation = as<Allocate>(static_cast<const Node*>(place.around[i]));
    if (!allocation || allocation->buffer->scope != Scope::kLocal) continue;
    Place around;
    around.around.assign(place.around.begin(), place.around.begin() + static_cast<std::ptrdiff_t>(i));
    around.node = allocation;
    OwnMemory(step, around, *allocation, place.loop(), index).require();
  }
}

}  // namespace tw::schedule
