#include "ir/analysis/dependence.h"

#include <algorithm>

#include "ir/analysis/conflict.h"
#include "ir/equal.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw {
namespace {

/// Whether both surely run and, with every loop in its first turn, touch one element.
bool proves_meeting(const Access& a, const Access& b, std::size_t common, const Context& outside) {
  Context context = outside;
  for (std::size_t i = 0; i < common; ++i) context.bind(a.loops[i]->var, 0, a.loops[i]->extent);
  IndexAlgebra algebra(context);
  VarMap first_turn;
  for (const Access* access : {&a, &b})
    for (std::size_t i = common; i < access->loops.size(); ++i) first_turn[&*access->loops[i]->var] = Expr(0);
  const auto runs = [&](const Access& access) {
    for (std::size_t i = common; i < access.loops.size(); ++i)
      if (!algebra.positive(substitute(access.loops[i]->extent, first_turn))) return false;
    return std::all_of(access.guards.begin(), access.guards.end(),
                       [&](const Expr& guard) { return algebra.holds(substitute(guard, first_turn)); });
  };
  if (!runs(a) || !runs(b)) return false;
  for (std::size_t d = 0; d < a.box.size(); ++d) {
    const Expr x = substitute(a.box[d].min, first_turn), y = substitute(b.box[d].min, first_turn);
    const Expr x_end = x + substitute(a.box[d].extent, first_turn),
               y_end = y + substitute(b.box[d].extent, first_turn);
    if (is_data_dependent(x_end) || is_data_dependent(y_end)) return false;
    if (!algebra.lt(x, y_end) || !algebra.lt(y, x_end)) return false;
  }
  return true;
}

std::string describe(const Access& access) {
  const std::string where =
      access.block ? fmt::format("block '{}' ", access.block->name.text) : std::string();
  return fmt::format("{}{} {}", where, access.write ? "writes" : "reads",
                     to_text(Region{access.buffer, access.box}));
}

/// What an access does to the elements that a reducer combines into: null when it does not.
const ReducerNode* reducer_of(const Access& access, const std::vector<Access>& all) {
  if (!access.block || !access.block->reducer) return nullptr;
  const bool written = std::any_of(all.begin(), all.end(), [&](const Access& other) {
    return other.block == access.block && other.write && other.buffer.same_as(access.buffer);
  });
  return written ? access.block->reducer.get() : nullptr;
}

/// `C[i] = C[i] op x` with an operator that commutes with itself: its name, else null.
const char* update_operator(const Access& access) {
  const auto* store = as<Store>(access.node);
  const auto* update = store ? as<Binary>(store->value) : nullptr;
  if (!update) return nullptr;
  switch (update->op) {
    case BinaryOp::kAdd:
    case BinaryOp::kMul:
    case BinaryOp::kMin:
    case BinaryOp::kMax:
    case BinaryOp::kAnd:
    case BinaryOp::kOr:
    case BinaryOp::kBitAnd:
    case BinaryOp::kBitOr:
    case BinaryOp::kBitXor: break;
    default: return nullptr;
  }
  const auto reads_itself = [&](const Expr& side) {
    const auto* load = as<Load>(side);
    return load && load->buffer.same_as(store->buffer) &&
           std::equal(load->indices.begin(), load->indices.end(), store->indices.begin(),
                      [](const Expr& x, const Expr& y) { return structural_equal(x, y); });
  };
  const auto reads_buffer = [&](const Expr& side) {
    return contains<Load>(side.get(), [&](const Load& load) { return load.buffer.same_as(store->buffer); });
  };
  const bool updates = (reads_itself(update->a) && !reads_buffer(update->b)) ||
                       (reads_itself(update->b) && !reads_buffer(update->a));
  return updates ? info(update->op).text : nullptr;
}

/// Judges one loop of a program.
class LoopJudge {
 public:
  LoopJudge(const Program& program, const For* loop)
      : loop_(loop), accesses_(collect_accesses(program->body)) {
    for_each_node(loop->body, [&](const Node* node) {
      if (const auto* allocate = as<Allocate>(node)) private_.push_back(allocate->buffer.get());
    });
    std::erase_if(accesses_, [&](const Access& access) {
      const bool inside = std::find(access.loops.begin(), access.loops.end(), loop) != access.loops.end();
      return !inside || std::find(private_.begin(), private_.end(), access.buffer.get()) != private_.end();
    });
  }

  LoopDependence judge() {
    if (loop_->ordered) return carried(fmt::format("loop '{}' is marked as ordered", name()), {});
    for (const Access& access : accesses_)
      if (const auto axis = ordered_axis(access))
        return carried(fmt::format("loop '{}' drives the ordered axis '{}' of block '{}'", name(), *axis,
                                   access.block->name.text),
                       {});
    for (std::size_t i = 0; i < accesses_.size(); ++i)
      for (std::size_t j = i; j < accesses_.size(); ++j)
        if (!pair(accesses_[i], accesses_[j])) return result_;
    return result_;
  }

 private:
  std::string name() const { return loop_->var->name.text; }

  LoopDependence carried(std::string message, std::vector<Buffer> buffers) {
    result_ = {TurnOrder::kCarried, false, {}, std::move(buffers), std::move(message)};
    return result_;
  }

  /// The ordered axis of the access's block that moves with the loop.
  std::optional<std::string> ordered_axis(const Access& access) const {
    for (std::size_t i = 0; access.block && i < access.block->axes.size(); ++i) {
      const BlockAxis& axis = access.block->axes[i];
      if (axis.axis_kind == AxisKind::kOrdered && uses_var(access.bindings[i], loop_->var))
        return axis.var->name.text;
    }
    return std::nullopt;
  }

  /// Whether turns of the loop are points of the block's reduction, each run once.
  bool drives_reduction(const Access& access) const {
    bool spatial = false, reduction = false;
    for (std::size_t i = 0; i < access.bindings.size(); ++i)
      if (uses_var(access.bindings[i], loop_->var))
        (access.block->axes[i].axis_kind == AxisKind::kReduction ? reduction : spatial) = true;
    if (!spatial || !reduction) return reduction;
    std::vector<LoopRange> loops;
    for (const For* loop : access.loops) loops.push_back({loop->var, loop->extent});
    Expr predicate = make_bool(true);
    for (const Expr& guard : access.guards) predicate = logical_and(predicate, guard);
    const auto map = detect_iter_map(access.bindings, loops, predicate);
    return map && is_injective(*map);
  }

  /// Whether no element is touched by both in different turns. Asked once of all accesses of one form.
  bool apart(const Access& a, const Access& b) {
    const auto place =
        static_cast<std::size_t>(std::find(a.loops.begin(), a.loops.end(), loop_) - a.loops.begin());
    const bool own = same_form(a, b);
    if (own)
      for (const auto& [other, answer] : own_)
        if (other->buffer.same_as(a.buffer) && same_form(*other, a)) return answer;
    const bool answer = proves_apart({a, b, place, true}, {});
    if (own) own_.emplace_back(&a, answer);
    return answer;
  }

  /// False: the loop carries.
  bool pair(const Access& a, const Access& b) {
    if (!a.buffer.same_as(b.buffer) || (!a.write && !b.write)) return true;
    if (apart(a, b)) return true;
    const ReducerNode *x = reducer_of(a, accesses_), *y = reducer_of(b, accesses_);
    const bool reduces = x && a.block == b.block && drives_reduction(a);
    const bool updates =
        a.atomic && b.atomic && (reduces || (x && y && structural_equal(x, y)) || same_update(a, b));
    if (!reduces && !updates) {
      carried(fmt::format("turns of loop '{}' may touch the same element of buffer '{}': {}, {}", name(),
                          a.buffer->name.text, describe(a), describe(b)),
              {a.buffer});
      return false;
    }
    combine(a, updates);
    return true;
  }

  /// Both belong to updates by one operator. The read of an atomic store stands for its write.
  static bool same_update(const Access& a, const Access& b) {
    const char *x = a.write ? update_operator(a) : nullptr, *y = b.write ? update_operator(b) : nullptr;
    if (a.write && b.write) return x && y && std::string_view(x) == y;
    return x || y;
  }

  void combine(const Access& access, bool atomic) {
    const bool first = result_.order == TurnOrder::kIndependent;
    result_.order = TurnOrder::kReduction;
    result_.atomic = (first || result_.atomic) && atomic;
    if (access.block && std::find(result_.reductions.begin(), result_.reductions.end(), access.block) ==
                            result_.reductions.end())
      result_.reductions.push_back(access.block);
    const auto known = std::find_if(result_.buffers.begin(), result_.buffers.end(),
                                    [&](const Buffer& buffer) { return buffer.same_as(access.buffer); });
    if (known != result_.buffers.end()) return;
    result_.buffers.push_back(access.buffer);
    if (!result_.message.empty()) result_.message += "; ";
    result_.message += fmt::format("turns of loop '{}' combine into buffer '{}': {}", name(),
                                   access.buffer->name.text, describe(access));
  }

  const For* loop_;
  std::vector<Access> accesses_;
  std::vector<const BufferNode*> private_;
  std::vector<std::pair<const Access*, bool>> own_;  // whether accesses are apart from themselves
  LoopDependence result_;
};

}  // namespace

Overlap overlap(const Access& a, const Access& b, std::size_t common, const Context& context) {
  check_internal(common <= a.loops.size() && common <= b.loops.size(), "{} common loops", common);
  if (!a.buffer.same_as(b.buffer) || proves_apart({a, b, common, false}, context)) return Overlap::kNever;
  return proves_meeting(a, b, common, context) ? Overlap::kAlways : Overlap::kPossible;
}

Overlap overlap_across_turns(const Access& a, const Access& b, std::size_t loop, const Context& context) {
  check_internal(loop < a.loops.size() && loop < b.loops.size() && a.loops[loop] == b.loops[loop],
                 "the accesses share no loop number {}", loop);
  if (!a.buffer.same_as(b.buffer) || proves_apart({a, b, loop, true}, context)) return Overlap::kNever;
  return Overlap::kPossible;
}

LoopDependence loop_dependence(const Program& program, const For* loop) {
  return LoopJudge(program, loop).judge();
}

}  // namespace tw
