#include "te/lower_operation.h"

#include "ir/equal.h"
#include "ir/reducers.h"
#include "ir/simplify.h"
#include "support/error.h"
#include "te/promote.h"
#include "te/widen.h"

namespace tw::te {
namespace {

/// Whether two reductions are components of one.
bool same_reduction(const Reduce& a, const Reduce& b) {
  return structural_equal(Reduce::make(a.reducer, a.axes, a.sources, 0),
                          Reduce::make(b.reducer, b.axes, b.sources, 0));
}

/// out[…] = value(in[…]) over a whole buffer.
Stmt copy_nest(const std::string& name, const Buffer& to, const Buffer& from) {
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < to->shape.size(); ++i)
    axes.push_back({axis_var(fmt::format("i{}", i)), to->shape[i]});
  Nest nest{name, nest_axes(axes)};
  const std::vector<Expr> point = points_of(nest.axes);
  nest.body = Store::make(to, point, convert(to->dtype, Load::make(from, point)));
  return make_nest(nest);
}

/// Reads of states at negative times become reads of their init.
class InitialReads : public Mutator {
 public:
  explicit InitialReads(const ScanNode& node) : node_(node) {
    context_.bind(node.time.var, 0, node.time.extent);
    for (const Axis& axis : node.axes) context_.bind(axis.var, 0, axis.extent);
  }

 protected:
  using Mutator::on;

  Expr on(const Select& node) override {
    const Expr cond = mutate(node.cond);
    Expr branches[2];
    for (bool taken : {true, false}) {
      ContextScope scope(context_);
      context_.assume(taken ? node.cond : tw::logical_not(node.cond));
      branches[taken] = mutate(taken ? node.on_true : node.on_false);
    }
    return Select::make(cond, branches[1], branches[0]);
  }

  Expr on(const Reduce& node) override {
    ContextScope scope(context_);
    for (const ReduceAxis& axis : node.axes) context_.bind(axis.var, axis.begin, axis.extent);
    return Expr(rebuild(node));
  }

  Expr on(const Load& node) override {
    const Expr read(rebuild(node));
    const Tensor state = as_tensor(node.buffer);
    if (state.operation()) return read;
    const auto& indices = as<Load>(read)->indices;
    const Expr before_start = lt(indices.front(), 0);
    if (prove(tw::logical_not(before_start), context_)) return read;
    const auto c = static_cast<std::size_t>(state.output());
    const Expr initial = node_.inits[c]
                             ? Load::make(node_.inits[c].buffer(), {indices.begin() + 1, indices.end()})
                             : node_.init_values[c];
    return prove(before_start, context_) ? initial : select(simplify(before_start, context_), initial, read);
  }

 private:
  const ScanNode& node_;
  Context context_;
};

}  // namespace

std::vector<Expr> points_of(const std::vector<NestAxis>& axes) {
  std::vector<Expr> point;
  for (const NestAxis& axis : axes) point.push_back(axis.var);
  return point;
}

void store_values(ValueLowering& lowering, const std::string& name, const std::vector<NestAxis>& axes,
                  const std::vector<Expr>& values, const std::vector<Target>& targets, Sequence& out) {
  std::vector<bool> done(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto* reduction = as<Reduce>(values[i]);
    if (!reduction || done[i]) continue;
    // All components of one reduction come from one block; a component that two values want is copied for the
    // second.
    std::vector<Target> components(reduction->sources.size());
    for (std::size_t j = i; j < values.size(); ++j) {
      const auto* other = as<Reduce>(values[j]);
      if (!other || !same_reduction(*reduction, *other)) continue;
      Target& component = components[static_cast<std::size_t>(other->which)];
      if (component.buffer) continue;
      component = targets[j];
      done[j] = true;
    }
    lowering.reduce_into(*reduction, components);
  }
  std::vector<Stmt> stores;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!done[i])
      stores.push_back(Store::make(targets[i].buffer, targets[i].indices, lowering.lower(values[i])));
  if (stores.empty()) return;
  Nest nest{name, axes};
  nest.body = Seq::make(stores);
  out.stmts.push_back(make_nest(nest));
}

void lower_compute(const Operation& op, const ComputeNode& node, const BufferTable& table, Sequence& out) {
  const std::vector<NestAxis> axes = nest_axes(node.axes);
  const Buffer first = table.of(op, 0);
  const std::string name = node.name.empty() ? first->name.text : node.name;
  ValueLowering lowering(table, name, axes, out);
  std::vector<Target> targets;
  for (int i = 0; i < node.num_outputs(); ++i) targets.push_back({table.of(op, i), points_of(axes)});
  store_values(lowering, name, axes, node.values, targets, out);
}

void lower_scatter(const Operation& op, const ScatterNode& node, const BufferTable& table, Sequence& out) {
  const Buffer output = table.of(op, 0), init = table.of(node.init);
  const std::string& name = output->name.text;
  const bool is_set = node.combine == ScatterCombine::kSet;
  // Sums of halves go through float32.
  const bool widened = node.combine == ScatterCombine::kSum && output->dtype.is_half();
  Buffer sums = output;
  if (widened) {
    sums = BufferNode::make(name + "_sum", kFloat32, output->shape);
    out.buffers.push_back(sums);
  }
  out.stmts.push_back(copy_nest(name + "_init", sums, init));

  Nest nest{name + "_update", nest_axes(node.axes, is_set ? AxisKind::kOrdered : AxisKind::kReduction)};
  std::vector<NestAxis> spatial = nest_axes(node.axes);  // of the temporaries of lifted reductions
  ValueLowering lowering(table, name, spatial, out);
  std::vector<Expr> indices;
  for (const Expr& index : node.indices) indices.push_back(lowering.lower(index));
  const Expr value = lowering.lower(widened ? widen(node.value) : node.value);
  if (is_set) {
    nest.body = Store::make(sums, indices, value);
  } else {
    const Reducer reducer = known_reducer(to_string(node.combine), sums->dtype);
    nest.body = Store::make(sums, indices, reducer->combine({Load::make(sums, indices)}, {value}).front());
    if (!nest.axes.empty()) nest.reducer = reducer;  // of one point nothing is reduced
  }
  out.stmts.push_back(make_nest(nest));
  if (widened) out.stmts.push_back(copy_nest(name, output, sums));
}

void lower_scan(const Operation& op, const ScanNode& node, BufferTable& table, Sequence& out) {
  const Var loop(node.time.var->name.text);
  std::vector<NestAxis> axes = {{node.time.var, node.time.extent, AxisKind::kOrdered, loop}};
  for (const NestAxis& axis : nest_axes(node.axes)) axes.push_back(axis);
  std::vector<Buffer> outputs;
  for (int c = 0; c < node.num_outputs(); ++c) {
    outputs.push_back(table.of(op, c));
    table.add_state(node.states[static_cast<std::size_t>(c)], outputs.back());
  }
  Sequence turn;  // of time
  ValueLowering lowering(table, outputs.front()->name.text, axes, turn);
  lowering.hoist_into(out, outputs);
  InitialReads initial_reads(node);
  for (std::size_t c = 0; c < outputs.size(); ++c)
    store_values(lowering, outputs[c]->name.text, axes, {initial_reads.mutate(node.values[c])},
                 {{outputs[c], points_of(axes)}}, turn);
  out.stmts.push_back(For::make(loop, node.time.extent, turn.finish(), LoopKind::kSerial, true));
}

}  // namespace tw::te
