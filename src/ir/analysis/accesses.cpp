#include "ir/analysis/accesses.h"

#include "ir/equal.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw {
namespace {

void split_conjunction(const Expr& condition, std::vector<Expr>& parts) {
  const auto* both = as<Binary>(condition);
  if (both && both->op == BinaryOp::kAnd) {
    split_conjunction(both->a, parts);
    split_conjunction(both->b, parts);
  } else if (condition.dtype().is_scalar() && !is_int(condition, 1)) {
    parts.push_back(condition);
  }
}

/// The negation of a condition without a leading "not".
Expr negation(const Expr& condition) {
  if (const auto* binary = as<Binary>(condition)) {
    if (binary->op == BinaryOp::kLt) return ge(binary->a, binary->b);
    if (binary->op == BinaryOp::kLe) return gt(binary->a, binary->b);
    if (binary->op == BinaryOp::kEq) return ne(binary->a, binary->b);
    if (binary->op == BinaryOp::kNe) return eq(binary->a, binary->b);
    if (binary->op == BinaryOp::kOr) return logical_and(negation(binary->a), negation(binary->b));
  }
  if (const auto* unary = as<Unary>(condition))
    if (unary->op == UnaryOp::kNot) return unary->a;
  return logical_not(condition);
}

bool orderable(const Expr& condition) {
  const auto* binary = as<Binary>(condition);
  return !binary || !is_comparison(binary->op) || !binary->a.dtype().is_float();
}

Expr negated_guard(const Expr& condition) {
  // "not (a < b)" is no order for floats: keep the negation as it stands.
  return orderable(condition) ? negation(condition) : logical_not(condition);
}

/// The elements that one subscript names: all lanes of a vector.
Range lanes_of(const Expr& index) {
  if (const auto* ramp = as<Ramp>(index)) {
    const Expr span = ramp->stride * Expr(int64_t{ramp->dtype.lanes} - 1);
    const auto stride = as_int(ramp->stride);
    if (stride && *stride >= 0) return {ramp->base, span + 1};
    if (stride) return {ramp->base + span, Expr(1) - span};
    return {min(ramp->base, ramp->base + span), max(span, Expr(0) - span) + 1};
  }
  if (const auto* broadcast = as<Broadcast>(index)) return lanes_of(broadcast->value);
  return {index, 1};
}

bool is_vector_sum(const Expr& index) {
  return !index.dtype().is_scalar() && !as<Ramp>(index) && !as<Broadcast>(index);
}

class Collector : public Visitor {
 public:
  std::vector<Access> found;

 protected:
  using Visitor::on;

  void on(const For& node) override {
    visit(node.extent);
    loops_.push_back(&node);
    visit(node.body);
    loops_.pop_back();
  }

  void on(const Let& node) override {
    visit(node.value);
    values_[&*node.var] = inside(node.value);
    visit(node.body);
  }

  void on(const Block& node) override {
    std::vector<Expr> bindings;
    for (const BlockAxis& axis : node.axes) {
      visit(axis.binding);
      bindings.push_back(inside(axis.binding));
    }
    if (node.predicate) visit(node.predicate);
    under(node.predicate, false, [&] {
      for (std::size_t i = 0; i < node.axes.size(); ++i) values_[&*node.axes[i].var] = bindings[i];
      const Block* outer = std::exchange(block_, &node);
      if (!outer) unit_ = &node;
      const bool outer_init = std::exchange(init_, true);
      bindings_.swap(bindings);
      visit(node.init);
      init_ = false;
      visit(node.body);
      bindings_.swap(bindings);
      init_ = outer_init;
      block_ = outer;
      if (!outer) unit_ = nullptr;
    });
  }

  void on(const If& node) override {
    visit(node.cond);
    under(node.cond, false, [&] { visit(node.then_body); });
    under(node.cond, true, [&] { visit(node.else_body); });
  }

  void on(const Select& node) override {
    visit(node.cond);
    under(node.cond, false, [&] { visit(node.on_true); });
    under(node.cond, true, [&] { visit(node.on_false); });
  }

  void on(const Load& node) override {
    walk(node);
    under(node.predicate, false, [&] {
      add(node.buffer, node.indices, &node, false).atomic =
          updated_ && node.buffer.same_as(updated_->buffer) && same_indices(node.indices, updated_->indices);
    });
  }

  void on(const Store& node) override {
    for (const Expr& index : node.indices) visit(index);
    if (node.predicate) visit(node.predicate);
    updated_ = node.atomic ? &node : nullptr;
    visit(node.value);
    updated_ = nullptr;
    under(node.predicate, false, [&] { add(node.buffer, node.indices, &node, true).atomic = node.atomic; });
  }

  void on(const AsyncCopy& node) override {
    walk(node);
    add_run(node.from, node.from_indices, node.count, &node, false);
    add_run(node.to, node.to_indices, node.count, &node, true);
  }

  void on(const Prefetch& node) override { walk(node); }

  void on(const TensorCall& node) override {
    walk(node);
    const Program meaning = find_tensor_intrinsic(node.intrinsic);
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t i = 0; i < node.operands.size(); ++i) {
        // An intrinsic that nobody declared may do anything to its operands.
        const ParamKind kind =
            meaning && i < meaning->params.size() ? meaning->params[i].param_kind : ParamKind::kInOut;
        const bool reads = kind != ParamKind::kOutput, writes = kind >= ParamKind::kOutput;
        if (pass == 0 ? reads : writes)
          add_box(node.operands[i].buffer, node.operands[i].ranges, &node, pass == 1);
      }
    }
  }

  /// Shapes of buffers hold no access of the program.
  void on(const BufferNode&) override {}

 private:
  Expr inside(const Expr& e) const { return values_.empty() ? e : substitute(e, values_); }

  template <class F>
  void under(const Expr& condition, bool negated, F&& f) {
    const std::size_t before = guards_.size();
    if (condition && condition.dtype().is_scalar())
      split_conjunction(negated ? negated_guard(inside(condition)) : inside(condition), guards_);
    f();
    guards_.resize(before);
  }

  static bool same_indices(const std::vector<Expr>& a, const std::vector<Expr>& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!structural_equal(a[i], b[i])) return false;
    return true;
  }

  Access& add(const Buffer& buffer, const std::vector<Expr>& indices, const Node* node, bool write) {
    std::vector<Range> box;
    for (std::size_t d = 0; d < indices.size(); ++d)
      box.push_back(is_vector_sum(indices[d]) ? Range{0, buffer->shape[d]} : lanes_of(indices[d]));
    return add_box(buffer, std::move(box), node, write);
  }

  void add_run(const Buffer& buffer, const std::vector<Expr>& indices, int64_t count, const Node* node,
               bool write) {
    std::vector<Range> box;
    for (const Expr& index : indices) box.push_back({index, 1});
    if (!box.empty()) box.back().extent = Expr(count);
    add_box(buffer, std::move(box), node, write);
  }

  Access& add_box(const Buffer& buffer, std::vector<Range> box, const Node* node, bool write) {
    Access access;
    access.buffer = buffer;
    access.box = std::move(box);
    for (Range& range : access.box) range = {inside(range.min), inside(range.extent)};
    access.write = write;
    access.init = init_;
    access.block = block_;
    access.unit = unit_;
    access.node = node;
    access.loops = loops_;
    access.guards = guards_;
    access.bindings = bindings_;
    return found.emplace_back(std::move(access));
  }

  VarMap values_;  // of axes and Lets
  std::vector<const For*> loops_;
  std::vector<Expr> guards_, bindings_;
  const Block *block_ = nullptr, *unit_ = nullptr;
  bool init_ = false;
  const Store* updated_ = nullptr;  // the atomic store whose value is visited
};

}  // namespace

std::vector<Access> collect_accesses(const Stmt& root) {
  Collector collector;
  collector.visit(root);
  return std::move(collector.found);
}

std::vector<Access> collect_accesses(const Expr& root) {
  Collector collector;
  collector.visit(root);
  return std::move(collector.found);
}

bool is_data_dependent(const Expr& e) {
  return contains<Load>(e.get());
}

void enter(Context& context, const Access& access) {
  for (const For* loop : access.loops) context.bind(loop->var, 0, loop->extent);
  for (const Expr& guard : access.guards) context.assume(guard);
}

std::vector<Expr> conjuncts(const Expr& condition) {
  std::vector<Expr> parts;
  if (condition) split_conjunction(condition, parts);
  return parts;
}

}  // namespace tw
