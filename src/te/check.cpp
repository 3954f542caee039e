#include "te/check.h"

#include <unordered_set>

#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::te {
namespace {

/// Follows an expression with what is known at each place.
class Checker : public Visitor {
 public:
  explicit Checker(const Place& place) : place_(place) {
    for (const Axis& axis : place.axes) bind(axis.var, 0, axis.extent);
  }

 protected:
  using Visitor::on;

  void on(const Variable& node) override {
    const Var var(&node);
    if (role_of(var) == VarRole::kSize || bound_.count(&node)) return;
    if (role_of(var) == VarRole::kAxis)
      raise_value("{}: axis '{}' of another operation is used; an operation may use its own axes only",
                  place_.what, node.name.text);
    raise_value(
        "{}: reduction axis '{}' is used outside any reduction over it; write it inside te.sum(…, axis={}) "
        "or the like",
        place_.what, node.name.text, node.name.text);
  }

  void on(const Select& node) override {
    visit(node.cond);
    visit_branch(node.cond, node.on_true);
    visit_branch(tw::logical_not(node.cond), node.on_false);
  }

  void on(const Reduce& node) override {
    ContextScope scope(context_);
    for (const ReduceAxis& axis : node.axes) bind(axis.var, axis.begin, axis.extent);
    for (const Expr& source : node.sources) visit(source);
    for (const ReduceAxis& axis : node.axes) bound_.erase(&*axis.var);
  }

  void on(const Load& node) override {
    const Tensor tensor = as_tensor(node.buffer);
    check_internal(static_cast<bool>(tensor), "{} reads buffer {}, which is no tensor", place_.what,
                   node.buffer->name.text);
    for (const Expr& index : node.indices) visit(index);
    if (!tensor.operation()) check_time(tensor, node.indices.front());
    // The time of a state has no upper end but the one checked above, and negative times give the initial
    // state.
    for (std::size_t dim = tensor.operation() ? 0 : 1; dim < node.indices.size(); ++dim)
      check_subscript(tensor, dim, node.indices[dim]);
  }

 private:
  void bind(const Var& var, const Expr& begin, const Expr& extent) {
    bound_.insert(&*var);
    context_.bind(var, begin, extent);
    // With an empty range nothing is read; with any other there is a corner to judge.
    if (as_int(extent) && *as_int(extent) <= 0) ++never_;
    if (!as_int(extent)) context_.assume(le(1, extent));
  }

  void visit_branch(const Expr& condition, const Expr& branch) {
    ContextScope scope(context_);
    const bool dead = prove(tw::logical_not(condition), context_);
    context_.assume(condition);
    ++branches_;
    never_ += dead;
    visit(branch);
    never_ -= dead;
    --branches_;
  }

  /// The greatest (least) value that is surely reached, for messages and proofs.
  std::optional<SubscriptRange> reached(const Expr& e) const {
    return branches_ ? std::nullopt : exact_range(e, context_);
  }

  void check_subscript(const Tensor& tensor, std::size_t dim, const Expr& index) {
    if (never_) return;
    const Expr& extent = tensor.shape()[dim];
    const auto range = reached(index);
    const bool below = range ? prove(lt(range->min, 0), context_) : prove(lt(index, 0), context_);
    const bool above = range ? prove(le(extent, range->max), context_) : prove(le(extent, index), context_);
    if (!below && !above) return;
    std::string found = range && !structural_equal(range->min, range->max)
                            ? fmt::format("{}, which takes the values {} to {}", to_text(index),
                                          to_text(range->min), to_text(range->max))
                            : to_text(index);
    raise_index(
        "{}: subscript {} of tensor '{}' is {}; the dimension has extent {}, so it must be in 0 <= subscript "
        "< {}{}",
        place_.what, dim, tensor.name(), found, to_text(extent), to_text(extent),
        branches_ ? " where this branch is taken" : "; guard the read with te.where or mend the subscript");
  }

  void check_time(const Tensor& state, const Expr& time) {
    std::size_t which = 0;
    while (which < place_.states.size() && !place_.states[which].same_as(state)) ++which;
    if (which == place_.states.size())
      raise_value(
          "{}: '{}' is the state of a scan and is read outside the scan's step; read the tensor that te.scan "
          "returns",
          place_.what, state.name());
    if (never_) return;
    const bool earlier_component = static_cast<int>(which) < place_.component;
    const Expr& now = place_.axes.front().var;
    const Expr last = earlier_component ? Expr(0) : Expr(-1);
    const Expr ahead = simplify(time - now, context_);
    const auto range = reached(ahead);
    if (!prove(lt(last, range ? range->max : ahead), context_)) return;
    raise_index(
        "{}: the state '{}' is read at time {}, which is not computed yet at time {}; it must be read at {} "
        "{}",
        place_.what, state.name(), to_text(time), to_text(now),
        earlier_component ? "or before" : "a time before", to_text(now));
  }

  const Place& place_;
  Context context_;
  std::unordered_set<const Variable*> bound_;
  int branches_ = 0;  // of where, around the current place
  int never_ = 0;     // reasons why the current place is never evaluated
};

/// exact_range, with the variables met so far.
class CornerFinder {
 public:
  explicit CornerFinder(const Context& context) : context_(context) {}

  std::optional<SubscriptRange> find(const Expr& e) {
    if (is_fixed(e)) return SubscriptRange{e, e};
    if (const auto* variable = as<Variable>(e)) {
      if (!seen_.insert(variable).second) return std::nullopt;
      const auto* range = context_.range_of(variable);
      return SubscriptRange{range->begin, range->begin + range->extent - 1};
    }
    if (const auto* unary = as<Unary>(e)) {
      const auto a = find(unary->a);
      if (!a || unary->op != UnaryOp::kNeg) return std::nullopt;
      return SubscriptRange{-a->max, -a->min};
    }
    const auto* binary = as<Binary>(e);
    return binary ? find_binary(*binary) : std::nullopt;
  }

 private:
  /// Whether no variable that ranges in the context, and no data, is in it.
  bool is_fixed(const Expr& e) const {
    if (contains<Load>(e.get()) || contains<Reduce>(e.get())) return false;
    for (const Var& var : free_vars(e))
      if (context_.range_of(&*var)) return false;
    return true;
  }

  std::optional<SubscriptRange> find_binary(const Binary& node) {
    if (node.op == BinaryOp::kMul) {
      if (is_fixed(node.b)) return scale(node.a, node.b);
      return is_fixed(node.a) ? scale(node.b, node.a) : std::nullopt;
    }
    if (node.op == BinaryOp::kFloorDiv && !(is_fixed(node.b) && prove(le(1, node.b), context_)))
      return std::nullopt;
    const auto a = find(node.a), b = find(node.b);
    if (!a || !b) return std::nullopt;
    switch (node.op) {
      case BinaryOp::kAdd: return SubscriptRange{a->min + b->min, a->max + b->max};
      case BinaryOp::kSub: return SubscriptRange{a->min - b->max, a->max - b->min};
      case BinaryOp::kFloorDiv: return SubscriptRange{floordiv(a->min, b->min), floordiv(a->max, b->min)};
      case BinaryOp::kMin: return SubscriptRange{tw::min(a->min, b->min), tw::min(a->max, b->max)};
      case BinaryOp::kMax: return SubscriptRange{tw::max(a->min, b->min), tw::max(a->max, b->max)};
      default: return std::nullopt;
    }
  }

  std::optional<SubscriptRange> scale(const Expr& e, const Expr& factor) {
    const auto range = find(e);
    if (!range) return std::nullopt;
    if (prove(le(0, factor), context_)) return SubscriptRange{range->min * factor, range->max * factor};
    if (prove(le(factor, 0), context_)) return SubscriptRange{range->max * factor, range->min * factor};
    return std::nullopt;
  }

  const Context& context_;
  std::unordered_set<const Variable*> seen_;
};

/// Looks for a read that may leave its buffer.
class BoundsProver : public Visitor {
 public:
  explicit BoundsProver(Context& context) : context_(context) {}
  bool all_inside = true;

 protected:
  using Visitor::on;

  void on(const Select& node) override {
    visit(node.cond);
    for (bool taken : {true, false}) {
      ContextScope scope(context_);
      context_.assume(taken ? node.cond : tw::logical_not(node.cond));
      visit(taken ? node.on_true : node.on_false);
    }
  }

  void on(const Reduce& node) override {
    ContextScope scope(context_);
    for (const ReduceAxis& axis : node.axes) context_.bind(axis.var, axis.begin, axis.extent);
    for (const Expr& source : node.sources) visit(source);
  }

  void on(const Load& node) override {
    const Tensor tensor = as_tensor(node.buffer);
    if (tensor && !tensor.operation()) all_inside = false;
    for (std::size_t dim = 0; dim < node.indices.size() && all_inside; ++dim)
      all_inside = prove(le(0, node.indices[dim]), context_) &&
                   prove(lt(node.indices[dim], node.buffer->shape[dim]), context_);
    for (const Expr& index : node.indices) visit(index);
  }

 private:
  Context& context_;
};

}  // namespace

std::string describe(OpKind kind, const std::string& name) {
  if (name.empty()) return fmt::format("a {} without name", to_string(kind));
  check_name(name, to_string(kind));
  return fmt::format("{} '{}'", to_string(kind), name);
}

std::vector<Axis> make_axes(const std::vector<Expr>& extents, const std::vector<std::string>& names,
                            const std::string& what) {
  if (names.size() > extents.size())
    raise_value("{}: {} axis names for {} axes", what, names.size(), extents.size());
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const std::string name = i < names.size() ? names[i] : fmt::format("i{}", i);
    check_name(name, what);
    axes.push_back({axis_var(name), extents[i]});
  }
  return axes;
}

std::vector<Var> vars_of(const std::vector<Axis>& axes) {
  std::vector<Var> vars;
  for (const Axis& axis : axes) vars.push_back(axis.var);
  return vars;
}

void check_expression(const Expr& e, const Place& place) {
  Checker(place).visit(e);
}

std::optional<SubscriptRange> exact_range(const Expr& e, const Context& context) {
  auto range = CornerFinder(context).find(e);
  if (range) range = SubscriptRange{simplify(range->min, context), simplify(range->max, context)};
  return range;
}

bool reads_in_bounds(const Expr& e, Context& context) {
  BoundsProver prover(context);
  prover.visit(e);
  return prover.all_inside;
}

}  // namespace tw::te
