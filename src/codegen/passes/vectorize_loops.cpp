#include "codegen/passes/vectorize_loops.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "codegen/passes/context_mutator.h"
#include "ir/analysis/access_map.h"
#include "ir/analysis/accesses.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

/// Thrown when a body has no form in vectors.
struct NoVectors {
  std::string why;
};

int lanes_of(const Expr& e) {
  return e.dtype().lanes;
}

/// The value with that many lanes.
Expr widened(const Expr& e, int lanes) {
  return lanes_of(e) == lanes ? e : Broadcast::make(e, lanes);
}

/// The body of a vectorised loop over vectors.
class Widen : public ContextMutator {
 public:
  Widen(const Var& lane, int lanes, const Context& context) : lane_(lane), lanes_(lanes) {
    context_ = context;
    values_[&*lane] = Ramp::make(Expr(0), Expr(1), lanes);
  }

 protected:
  using ContextMutator::on;

  Expr on(const Variable& node) override {
    const auto found = values_.find(&node);
    return found == values_.end() ? Expr(&node) : found->second;
  }

  Expr on(const Unary& node) override { return Unary::make(node.op, mutate(node.a)); }

  Expr on(const Binary& node) override {
    const Expr a = mutate(node.a), b = mutate(node.b);
    const int lanes = std::max(lanes_of(a), lanes_of(b));
    if (lanes == 1) return a.same_as(node.a) && b.same_as(node.b) ? Expr(&node) : Binary::make(node.op, a, b);
    if (const Expr ramp = as_ramp(node.op, a, b)) return ramp;
    return Binary::make(node.op, widened(a, lanes), widened(b, lanes));
  }

  Expr on(const Ramp& node) override {
    const Expr base = mutate(node.base), stride = mutate(node.stride);
    if (lanes_of(base) + lanes_of(stride) > 2) throw NoVectors{"it holds vectors"};
    return Ramp::make(base, stride, node.dtype.lanes);
  }
  Expr on(const Broadcast& node) override {
    const Expr value = mutate(node.value);
    if (lanes_of(value) > 1) throw NoVectors{"it holds vectors"};
    return Broadcast::make(value, node.dtype.lanes);
  }

  Expr on(const Select& node) override {
    const Expr cond = mutate(node.cond);
    if (lanes_of(cond) == 1) {
      const Expr on_true = mutate(node.on_true), on_false = mutate(node.on_false);
      const int lanes = std::max(lanes_of(on_true), lanes_of(on_false));
      // Of one lane the condition may keep a branch from being evaluated at all.
      return Select::make(widened(cond, lanes), widened(on_true, lanes), widened(on_false, lanes));
    }
    const Expr on_true = where(cond, node.on_true), on_false = where(logical_not(cond), node.on_false);
    return Select::make(cond, widened(on_true, lanes_), widened(on_false, lanes_));
  }

  Expr on(const Cast& node) override {
    const Expr value = mutate(node.value);
    return value.same_as(node.value) ? Expr(&node)
                                     : Cast::make(node.dtype.with_lanes(lanes_of(value)), value);
  }

  Expr on(const Call& node) override {
    std::vector<Expr> args;
    int lanes = 1;
    for (const Expr& arg : node.args) {
      args.push_back(mutate(arg));
      lanes = std::max(lanes, lanes_of(args.back()));
    }
    for (Expr& arg : args) arg = widened(arg, lanes);
    return Call::make(node.op, std::move(args));
  }

  Expr on(const Load& node) override {
    if (lanes_of(Expr(&node)) != 1) throw NoVectors{"it holds vectors"};
    std::vector<Expr> indices;
    int lanes = 1;
    for (const Expr& index : node.indices) {
      indices.push_back(mutate(index));
      lanes = std::max(lanes, lanes_of(indices.back()));
    }
    const Buffer buffer = lane_buffer(node.buffer, &indices, &lanes);
    const Expr own = node.predicate ? mutate(node.predicate) : Expr();
    // One element for all lanes is read whole where it is there whatever the lanes do: a broadcast, no
    // gather.
    const bool plain = lanes == 1 && !own && mask_ && is_inside(buffer, indices);
    const Expr mask = plain ? Expr() : joined(own, mask_);
    if (mask) lanes = std::max(lanes, lanes_of(mask));
    if (lanes > 1 && buffer->rank() == 0)
      throw NoVectors{fmt::format("{} has a single element", buffer->name.text)};
    if (lanes > 1) require_lanes(indices, lanes);
    return Load::make(buffer, std::move(indices), mask ? widened(mask, lanes) : Expr());
  }

  Stmt on(const Store& node) override {
    std::vector<Expr> indices;
    int lanes = 1;
    for (const Expr& index : node.indices) {
      if (lanes_of(index) > 1) throw NoVectors{"it holds vectors"};
      indices.push_back(mutate(index));
      lanes = std::max(lanes, lanes_of(indices.back()));
    }
    const Buffer buffer = lane_buffer(node.buffer, &indices, &lanes);
    const Expr value = mutate(node.value);
    const Expr mask = joined(node.predicate ? mutate(node.predicate) : Expr(), mask_);
    // Lanes that write one element (atomics) have no order among each other here.
    if (lanes == 1 && (lanes_of(value) > 1 || (mask && lanes_of(mask) > 1)))
      throw NoVectors{fmt::format("its turns write one element of {}", buffer->name.text)};
    if (node.atomic && lanes > 1)
      throw NoVectors{fmt::format("the store to {} is atomic", buffer->name.text)};
    auto* store = new Store(node);
    const Stmt owner(store);
    store->buffer = buffer;
    store->indices = std::move(indices);
    store->value = widened(value, lanes);
    store->predicate = mask ? widened(mask, lanes) : Expr();
    return owner;
  }

  Stmt on(const If& node) override {
    const Expr cond = mutate(node.cond);
    if (const Expr shared = node.else_body || lanes_of(cond) == 1 ? Expr() : same_in_all_lanes(node.cond)) {
      // One test for all lanes, and masks of what differs alone.
      const ContextScope scope(context_);
      context_.assume(shared);
      return If::make(mutate(shared), mutate(If::make(differing(node.cond), node.then_body)));
    }
    if (lanes_of(cond) == 1) {
      const Stmt then_body = under(cond, node.then_body);
      return If::make(cond, then_body, node.else_body ? under(logical_not(cond), node.else_body) : Stmt());
    }
    if (!node.else_body && holds_first_in_lane_0(node.cond) && is_same_in_all_lanes(node.then_body))
      return If::make(substitute(node.cond, {{&*lane_, Expr(0)}}), mutate(node.then_body));
    std::vector<Stmt> branches{masked(cond, node.then_body)};
    if (node.else_body) {
      // The first branch may change what the condition reads.
      if (contains<Load>(cond.get())) throw NoVectors{"a condition reads memory, and has an else"};
      branches.push_back(masked(logical_not(cond), node.else_body));
    }
    return Seq::make(std::move(branches));
  }

  Stmt on(const For& node) override {
    if (node.loop_kind == LoopKind::kVectorized || node.loop_kind == LoopKind::kBound)
      throw NoVectors{fmt::format("loop {} inside is vectorised or bound too", node.var->name.text)};
    const Expr extent = mutate(node.extent);
    if (lanes_of(extent) > 1)
      throw NoVectors{fmt::format("the turns of loop {} differ between lanes", node.var->name.text)};
    auto* loop = new For(node);
    const Stmt owner(loop);
    loop->extent = extent;
    const ContextScope scope(context_);
    context_.bind(node.var, 0, extent);
    loop->body = mutate(node.body);
    return owner;
  }

  Stmt on(const Let& node) override {
    const Expr value = mutate(node.value);
    if (lanes_of(value) == 1) return Let::make(node.var, value, mutate(node.body));
    const Var wide = Variable::make(node.var->name, value.dtype());
    values_[&*node.var] = wide;
    return Let::make(wide, value, mutate(node.body));
  }

  Stmt on(const Allocate& node) override {
    const Buffer& buffer = node.buffer;
    for (const Expr& extent : buffer->shape)
      if (lanes_of(mutate(extent)) > 1)
        throw NoVectors{fmt::format("the size of {} differs between lanes", buffer->name.text)};
    if (!buffer->strides.empty() || buffer->lane_map)
      throw NoVectors{fmt::format("{} has a layout of its own", buffer->name.text)};
    // Each lane has its own: lanes become the last dimension, so that vectors are contiguous.
    auto* copy = new BufferNode(*buffer);
    const Buffer fresh(copy);
    copy->shape.push_back(Expr(int64_t{lanes_}));
    own_[buffer.get()] = fresh;
    return Allocate::make(fresh, mutate(node.body));
  }

  Stmt on(const Assert& node) override {
    const Expr cond = mutate(node.cond);
    if (!mask_) return Assert::make(cond, node.message, node.assert_kind);
    const int lanes = std::max(lanes_of(cond), lanes_of(mask_));
    return Assert::make(
        Select::make(widened(mask_, lanes), widened(cond, lanes), widened(make_bool(true), lanes)),
        node.message, node.assert_kind);
  }
  Stmt on(const Prefetch& node) override {
    for (const Expr& index : node.indices)
      if (lanes_of(mutate(index)) > 1) return Seq::make({});  // a hint for one element a lane is none
    return Mutator::on(node);
  }
  Stmt on(const Barrier&) override { throw NoVectors{"it holds a barrier"}; }
  Stmt on(const AsyncCopy&) override { throw NoVectors{"it holds an asynchronous copy"}; }
  Stmt on(const AsyncCommit&) override { throw NoVectors{"it holds an asynchronous copy"}; }
  Stmt on(const AsyncWait&) override { throw NoVectors{"it holds an asynchronous copy"}; }
  Stmt on(const TensorCall& node) override {
    throw NoVectors{fmt::format("it calls tensor intrinsic {}", node.intrinsic)};
  }

 private:
  /// The parts of a conjunction that are the same in all lanes, and the others; null: none.
  Expr same_in_all_lanes(const Expr& cond) { return parts_where(cond, true); }
  Expr differing(const Expr& cond) { return parts_where(cond, false); }
  Expr parts_where(const Expr& cond, bool same) {
    Expr parts;
    for (const Expr& part : conjuncts(cond))
      if ((lanes_of(mutate(part)) == 1) == same) parts = parts ? logical_and(parts, part) : part;
    return parts;
  }

  static Expr joined(const Expr& a, const Expr& b) {
    if (!a || !b) return a ? a : b;
    const int lanes = std::max(lanes_of(a), lanes_of(b));
    return logical_and(widened(a, lanes), widened(b, lanes));
  }

  /// The value as it is where the condition holds in its lanes.
  Expr where(const Expr& cond, const Expr& value) {
    const Expr outside = std::exchange(mask_, joined(mask_, cond));
    Expr result = mutate(value);
    mask_ = outside;
    return result;
  }
  Stmt masked(const Expr& cond, const Stmt& body) {
    const Expr outside = std::exchange(mask_, joined(mask_, cond));
    Stmt result = mutate(body);
    mask_ = outside;
    return result;
  }

  /// Whether the condition holds in lane 0 if it holds in any.
  bool holds_first_in_lane_0(const Expr& cond) const {
    const auto* order = as<Binary>(cond);
    if (mask_ || !order || (order->op != BinaryOp::kLt && order->op != BinaryOp::kLe)) return false;
    if (!order->a.dtype().is_index() || contains<Load>(order)) return false;
    const AccessMap map = access_map({order->b - order->a}, {lane_}, context_);
    const SubscriptForm& gap = map.subscripts.front();
    return gap.is_affine() && gap.affine.terms.size() == 1 &&
           prove(le(gap.affine.terms.front().coefficient, 0), context_);
  }

  /// Lanes are independent: of a statement that is the same in all of them at most one lane runs.
  bool is_same_in_all_lanes(const Stmt& s) const {
    bool same = true;
    for_each_node(s, [&](const Node* node) {
      if (const auto* var = as<Variable>(node)) same = same && !values_.contains(var);
      const auto* load = as<Load>(node);
      const auto* store = as<Store>(node);
      if (load) same = same && !own_.contains(load->buffer.get());
      if (store) same = same && !own_.contains(store->buffer.get());
    });
    return same;
  }

  bool is_inside(const Buffer& buffer, const std::vector<Expr>& indices) const {
    for (std::size_t d = 0; d < indices.size(); ++d)
      if (contains<Load>(indices[d].get()) || !prove(ge(indices[d], 0), context_) ||
          !prove(lt(indices[d], buffer->shape[d]), context_))
        return false;
    return true;
  }

  /// Makes sure that one subscript has that many lanes; the others may be the same in all of them.
  static void require_lanes(std::vector<Expr>& indices, int lanes) {
    for (const Expr& index : indices)
      if (lanes_of(index) == lanes) return;
    indices.back() = widened(indices.back(), lanes);
  }

  /// Sums and multiples of ramps stay ramps.
  static Expr as_ramp(BinaryOp op, const Expr& a, const Expr& b) {
    const auto* left = as<Ramp>(a);
    const auto* right = as<Ramp>(b);
    const auto scalar = [](const Expr& e) {
      const auto* broadcast = as<Broadcast>(e);
      return broadcast ? broadcast->value : lanes_of(e) == 1 ? e : Expr();
    };
    const int lanes = std::max(lanes_of(a), lanes_of(b));
    const Expr x = scalar(a), y = scalar(b);
    switch (op) {
      case BinaryOp::kAdd:
        if (left && y) return Ramp::make(left->base + y, left->stride, lanes);
        if (x && right) return Ramp::make(x + right->base, right->stride, lanes);
        if (left && right) return Ramp::make(left->base + right->base, left->stride + right->stride, lanes);
        return {};
      case BinaryOp::kSub:
        if (left && y) return Ramp::make(left->base - y, left->stride, lanes);
        return {};
      case BinaryOp::kMul:
        if (left && y) return Ramp::make(left->base * y, left->stride * y, lanes);
        if (x && right) return Ramp::make(x * right->base, x * right->stride, lanes);
        return {};
      default: return {};
    }
  }

  /// The buffer of this lane, where each has its own.
  Buffer lane_buffer(const Buffer& buffer, std::vector<Expr>* indices, int* lanes) {
    const auto found = own_.find(buffer.get());
    if (found == own_.end()) return mutate_buffer(buffer);
    indices->push_back(Ramp::make(Expr(0), Expr(1), lanes_));
    *lanes = lanes_;
    return found->second;
  }

  Var lane_;
  int lanes_;
  Expr mask_;  // null: all lanes run
  std::unordered_map<const Variable*, Expr> values_;
  std::unordered_map<const BufferNode*, Buffer> own_;
};

class VectorizeLoops : public ContextMutator {
 public:
  explicit VectorizeLoops(std::vector<std::string>& notes) : notes_(notes) {}

 protected:
  using ContextMutator::on;
  Stmt on(const For& node) override {
    const Stmt inside = ContextMutator::on(node);
    const auto& loop = *as<For>(inside);
    if (loop.loop_kind != LoopKind::kVectorized) return inside;
    const auto lanes = as_int(loop.extent);
    if (!lanes)
      raise_value("loop {} is vectorised and its number of turns is no constant", loop.var->name.text);
    if (*lanes == 1) return substitute(loop.body, {{&*loop.var, Expr(0)}});
    if (*lanes > 1 && *lanes <= UINT16_MAX) {
      try {
        return Widen(loop.var, static_cast<int>(*lanes), context_).mutate(loop.body);
      } catch (const NoVectors& fault) {
        note(loop, fault.why);
      }
    } else if (*lanes > 1) {
      note(loop, fmt::format("vectors have at most {} lanes", UINT16_MAX));
    }
    return For::make(loop.var, loop.extent, loop.body);
  }

 private:
  void note(const For& loop, const std::string& why) {
    std::string line = fmt::format("loop {} is not made a vector of {} lanes: {}", loop.var->name.text,
                                   *as_int(loop.extent), why);
    if (std::find(notes_.begin(), notes_.end(), line) == notes_.end()) notes_.push_back(std::move(line));
  }

  std::vector<std::string>& notes_;
};

}  // namespace

Program vectorize_loops(const Program& program, std::vector<std::string>& notes) {
  return VectorizeLoops(notes).mutate(program);
}

}  // namespace tw::codegen
