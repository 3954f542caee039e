#include "te/lower_value.h"

#include "ir/equal.h"
#include "ir/simplify.h"
#include "support/error.h"
#include "te/check.h"

namespace tw::te {
namespace {

/// Whether an operand stands more than once in the reducer's results.
bool repeats_operands(const ReducerNode& reducer) {
  std::unordered_map<const Node*, int> uses;
  for (const Expr& result : reducer.results) for_each_node(result, [&](const Node* node) { ++uses[node]; });
  for (const Var& rhs : reducer.rhs)
    if (uses[rhs.get()] > 1) return true;
  return false;
}

/// The body of a reduction block: targets = combine(targets, sources).
Stmt combine_into(const ReducerNode& reducer, const std::vector<Target>& targets, std::vector<Expr> sources) {
  std::vector<Expr> loads;
  for (const Target& target : targets) loads.push_back(Load::make(target.buffer, target.indices));
  if (targets.size() == 1 && !repeats_operands(reducer))
    return Store::make(targets[0].buffer, targets[0].indices, reducer.combine(loads, sources).front());
  auto named = [](const char* prefix, std::size_t i, const Expr& value) {
    return Var(prefix + std::to_string(i), value.dtype());
  };
  std::vector<Var> operands, results;
  std::vector<Expr> operand_values;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    operands.push_back(named("x", i, sources[i]));
    operand_values.push_back(operands[i]);
  }
  const std::vector<Expr> combined = reducer.combine(loads, operand_values);
  std::vector<Stmt> stores;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    results.push_back(named("r", i, combined[i]));
    stores.push_back(Store::make(targets[i].buffer, targets[i].indices, results[i]));
  }
  Stmt body = Seq::make(stores);
  for (std::size_t i = targets.size(); i-- > 0;) body = Let::make(results[i], combined[i], body);
  for (std::size_t i = sources.size(); i-- > 0;) body = Let::make(operands[i], sources[i], body);
  return body;
}

}  // namespace

Buffer BufferTable::of(const Operation& op, int output) const {
  const auto found = outputs_.find({op.get(), output});
  check_internal(found != outputs_.end(), "no buffer for output {} of {}", output, op->name);
  return found->second;
}

Buffer BufferTable::of(const Tensor& tensor) const {
  if (tensor.operation()) return of(tensor.operation(), tensor.output());
  const auto found = states_.find(tensor.get());
  check_internal(found != states_.end(), "no buffer for state {}", tensor.name());
  return found->second;
}

ValueLowering::ValueLowering(const BufferTable& table, std::string name, std::vector<NestAxis> axes,
                             Sequence& out, bool simplified)
    : table_(table), name_(std::move(name)), scope_(std::move(axes)), out_(out), simplified_(simplified) {
  for (const NestAxis& axis : scope_) context_.bind(axis.var, 0, axis.extent);
}

void ValueLowering::hoist_into(Sequence& before, const std::vector<Buffer>& timed) {
  before_ = &before;
  for (const Buffer& buffer : timed) timed_.insert(buffer.get());
}

Expr ValueLowering::lower(const Expr& value) {
  return tidy(mutate(value));
}

Expr ValueLowering::tidy(const Expr& e) const {
  return simplified_ ? simplify(e, context_) : e;
}

Expr ValueLowering::lower_under(const Expr& condition, const Expr& value) {
  conditions_.push_back(condition);
  const Expr lowered = lower(value);
  conditions_.pop_back();
  return lowered;
}

void ValueLowering::reduce_into(const Reduce& node, std::vector<Target> targets) {
  const Expr key = lower_operands(node);
  const auto& reduction = *as<Reduce>(key);
  const std::vector<NestAxis> axes = scope_;
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (!targets[i].buffer) targets[i] = temporary(reduction, static_cast<int64_t>(i), axes, out_);
  put(reduction, name_, axes, targets, out_);
  lifted_.push_back({key, targets});
}

Buffer ValueLowering::mutate_buffer(const Buffer& buffer) {
  const Tensor tensor = as_tensor(buffer);
  return tensor ? table_.of(tensor) : buffer;
}

Expr ValueLowering::on(const Select& node) {
  const Expr cond = mutate(node.cond);
  const Expr on_true = lower_under(cond, node.on_true);
  const Expr on_false = lower_under(tw::logical_not(cond), node.on_false);
  return Select::make(cond, on_true, on_false);
}

Expr ValueLowering::on(const Reduce& node) {
  const Expr key = lower_operands(node);
  const Lifted* lifted = find(key);
  if (!lifted) {
    const bool timed = depends_on_time(key);
    Sequence& out = before_ && !timed ? *before_ : out_;
    const std::vector<NestAxis> axes = axes_used(key, timed);
    const auto& reduction = *as<Reduce>(key);
    Lifted fresh{key, {}};
    for (std::size_t i = 0; i < reduction.sources.size(); ++i) {
      fresh.components.push_back(temporary(reduction, static_cast<int64_t>(i), axes, out));
      if (timed) timed_.insert(fresh.components.back().buffer.get());
    }
    put(reduction, temporary_name(reduction), axes, fresh.components, out);
    lifted_.push_back(fresh);
    lifted = &lifted_.back();
  }
  const Target& component = lifted->components[static_cast<std::size_t>(node.which)];
  return Load::make(component.buffer, component.indices);
}

/// The reduction of component 0 with axes that begin at 0, operands lowered and guarded.
Expr ValueLowering::lower_operands(const Reduce& node) {
  std::vector<ReduceAxis> axes;
  VarMap shifted;
  for (const ReduceAxis& axis : node.axes) {
    axes.push_back({axis.var, 0, axis.extent});
    if (is_int(axis.begin, 0)) continue;
    axes.back().var = Var(axis.var->name.text);
    shifted[&*axis.var] = axes.back().var + axis.begin;
  }
  ContextScope context_scope(context_);
  const std::size_t outer = scope_.size();
  for (const ReduceAxis& axis : axes) {
    scope_.push_back({axis.var, axis.extent, AxisKind::kSpatial});
    context_.bind(axis.var, 0, axis.extent);
  }
  std::vector<Expr> sources;
  bool guarded = false;
  for (const Expr& source : node.sources) {
    const Expr moved = shifted.empty() ? source : substitute(source, shifted);
    guarded = guarded || (!conditions_.empty() && !reads_in_bounds(moved, context_));
    sources.push_back(shifted.empty() ? lower(moved) : simplify(mutate(moved), context_));
  }
  scope_.resize(outer);
  for (std::size_t i = 0; guarded && i < sources.size(); ++i)
    for (std::size_t c = conditions_.size(); c-- > 0;)
      sources[i] = select(conditions_[c], sources[i], node.reducer->identities[i]);
  return Reduce::make(node.reducer, axes, sources, 0);
}

const ValueLowering::Lifted* ValueLowering::find(const Expr& key) const {
  for (const Lifted& lifted : lifted_)
    if (structural_equal(lifted.key, key)) return &lifted;
  return nullptr;
}

bool ValueLowering::depends_on_time(const Expr& key) const {
  if (contains<Load>(key.get(), [&](const Load& load) { return timed_.count(load.buffer.get()) != 0; }))
    return true;
  for (const NestAxis& axis : scope_)
    if (axis.loop && uses_var(key, axis.var)) return true;
  return false;
}

std::vector<NestAxis> ValueLowering::axes_used(const Expr& key, bool with_time) const {
  std::vector<NestAxis> used;
  for (const NestAxis& axis : scope_)
    if (axis.loop ? with_time : uses_var(key, axis.var)) used.push_back(axis);
  return used;
}

std::string ValueLowering::temporary_name(const Reduce& node) const {
  return name_ + "_" + node.reducer->name.text;
}

Target ValueLowering::temporary(const Reduce& node, int64_t component, const std::vector<NestAxis>& axes,
                                Sequence& out) {
  std::string name = temporary_name(node);
  if (node.sources.size() > 1) name += fmt::format("_{}", component);
  std::vector<Expr> shape, indices;
  for (const NestAxis& axis : axes) {
    if (axis.loop) continue;  // one for each turn of time
    shape.push_back(axis.extent);
    indices.push_back(axis.var);
  }
  const Buffer buffer =
      BufferNode::make(name, node.sources[static_cast<std::size_t>(component)].dtype(), shape);
  out.buffers.push_back(buffer);
  return {buffer, indices};
}

void ValueLowering::put(const Reduce& node, const std::string& name, const std::vector<NestAxis>& axes,
                        const std::vector<Target>& targets, Sequence& out) {
  Nest nest{name, axes};
  std::vector<Stmt> init;
  for (std::size_t i = 0; i < targets.size(); ++i)
    init.push_back(Store::make(targets[i].buffer, targets[i].indices, node.reducer->identities[i]));
  bool never_empty = true;
  for (const ReduceAxis& axis : node.axes) {
    nest.axes.push_back({axis.var, axis.extent, AxisKind::kReduction});
    never_empty = never_empty && prove(lt(0, axis.extent));
  }
  // A block that may have no instance cannot start its own reduction.
  if (never_empty)
    nest.init = Seq::make(init);
  else
    out.stmts.push_back(make_nest({name + "_init", axes, {}, {}, Seq::make(init)}));
  nest.reducer = node.reducer;
  nest.body = combine_into(*node.reducer, targets, node.sources);
  out.stmts.push_back(make_nest(nest));
}

}  // namespace tw::te
