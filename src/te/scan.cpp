#include "te/scan.h"

#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "support/error.h"
#include "te/check.h"
#include "te/promote.h"
#include "te/shape.h"

namespace tw::te {
namespace {

std::string shape_text(const std::vector<Expr>& shape) {
  std::string text;
  for (const Expr& extent : shape) text += (text.empty() ? "" : ", ") + to_text(extent);
  return "(" + text + ")";
}

bool same_shape(const std::vector<Expr>& a, const std::vector<Expr>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!structural_equal(a[i], b[i]) && !prove(eq(a[i], b[i]))) return false;
  return true;
}

bool is_weak(const ScanInit& init) {
  return !init.tensor && init.value.is_weak();
}

/// A scan in the making: everything but the dtypes of plain inits.
struct Builder {
  std::string what, name;
  const std::vector<ScanInit>& inits;
  const StepFunction& step;
  Axis time;
  std::vector<Axis> axes;
  std::vector<Expr> state_shape;

  std::vector<Tensor> make_states(const std::vector<DType>& types) const {
    std::vector<Expr> shape = {time.extent};
    shape.insert(shape.end(), state_shape.begin(), state_shape.end());
    std::vector<Tensor> states;
    for (std::size_t c = 0; c < types.size(); ++c) {
      std::string state = name.empty() ? to_string(OpKind::kScan) : name;
      if (types.size() > 1) state += fmt::format("_{}", c);
      states.push_back(make_tensor(state, types[c], shape, {}, static_cast<int>(c)));
    }
    return states;
  }

  std::vector<Value> run_step(const std::vector<Tensor>& states) const {
    std::vector<Value> values = step(states, time.var, vars_of(axes));
    if (values.size() != inits.size())
      raise_value("{}: the step gives {} value{} for {} state{}; it must give one a state", what,
                  values.size(), values.size() == 1 ? "" : "s", inits.size(), inits.size() == 1 ? "" : "s");
    return values;
  }

  /// Starting from narrow types for the plain inits: what the step makes of them, until nothing changes.
  std::vector<DType> settle(std::vector<DType> types) const {
    for (int round = 0; round < 8; ++round) {
      const std::vector<Value> values = run_step(make_states(types));
      std::vector<DType> next = types;
      for (std::size_t c = 0; c < types.size(); ++c)
        if (is_weak(inits[c]) && !values[c].is_weak()) next[c] = to_data(values[c]).dtype();
      if (next == types) break;
      types = next;
    }
    return types;
  }

  std::vector<DType> state_types() const;
};

DType narrow_start(Weak::Kind kind, bool first) {
  if (kind == Weak::Kind::kBool) return kBool;
  if (kind == Weak::Kind::kInt) return first ? kInt8 : kUInt8;
  return first ? kFloat16 : kBFloat16;
}

/// Of two types for one state the one that holds less: the other came of widening the start.
bool is_narrower(DType a, DType b) {
  return a.bits != b.bits ? a.bits < b.bits : !a.is_float() && b.is_float();
}

/// A plain init takes the dtype that the step's value has when the init is narrow, as in any other mixed
/// expression. Two narrow starts of one width: each turns into something wider when it meets the other, but
/// neither does when it meets nothing.
std::vector<DType> Builder::state_types() const {
  std::vector<DType> types, starts[2];
  bool any_weak = false;
  for (const ScanInit& init : inits) {
    const bool weak = is_weak(init);
    any_weak = any_weak || weak;
    types.push_back(init.tensor ? init.tensor.dtype() : to_data(init.value).dtype());
    for (const bool first : {true, false})
      starts[first].push_back(weak ? narrow_start(init.value.weak().kind, first) : types.back());
  }
  if (!any_weak) return types;
  const std::vector<DType> settled[2] = {settle(starts[0]), settle(starts[1])};
  for (std::size_t c = 0; c < types.size(); ++c) {
    if (!is_weak(inits[c])) continue;
    const bool alone = settled[0][c] == starts[0][c] && settled[1][c] == starts[1][c];
    if (!alone) types[c] = is_narrower(settled[0][c], settled[1][c]) ? settled[0][c] : settled[1][c];
  }
  return types;
}

std::vector<Expr> shape_of_states(const std::vector<ScanInit>& inits, const std::string& what) {
  if (inits.empty()) raise_value("{}: there is no state; give at least one init", what);
  std::vector<Expr> shape;
  for (std::size_t c = 0; c < inits.size(); ++c) {
    const std::vector<Expr> own = inits[c].tensor ? inits[c].tensor.shape() : std::vector<Expr>{};
    if (c == 0) shape = own;
    if (!same_shape(own, shape))
      raise_value("{}: init {} has shape {} and init 0 has shape {}; all states must have one shape", what, c,
                  shape_text(own), shape_text(shape));
    if (inits[c].tensor && !inits[c].tensor.operation())
      raise_value("{}: init '{}' is the state of a scan, which is no tensor of its own", what,
                  inits[c].tensor.name());
  }
  return shape;
}

}  // namespace

std::vector<Expr> ScanNode::expressions() const {
  std::vector<Expr> all = {time.extent};
  for (const Expr& init : init_values)
    if (init) all.push_back(init);
  all.insert(all.end(), values.begin(), values.end());
  return all;
}

std::vector<Tensor> ScanNode::whole_inputs() const {
  std::vector<Tensor> all;
  for (const Tensor& init : inits)
    if (init) all.push_back(init);
  return all;
}

std::vector<Tensor> scan(const std::vector<ScanInit>& inits, const StepFunction& step, const Value& length,
                         const std::string& name, const std::vector<std::string>& axis_names) {
  const std::string what = describe(OpKind::kScan, name);
  const std::vector<Expr> state_shape = shape_of_states(inits, what);
  const Expr steps = check_shape({length}, what + ", the length").front();
  std::vector<Expr> extents = {steps};
  extents.insert(extents.end(), state_shape.begin(), state_shape.end());
  std::vector<std::string> names = axis_names;
  if (names.empty()) names.push_back("t");
  for (std::size_t i = names.size(); i < extents.size(); ++i) names.push_back(fmt::format("i{}", i - 1));
  std::vector<Axis> axes = make_axes(extents, names, what);

  auto* node = new ScanNode(name);
  Operation op(node);
  node->time = axes.front();
  node->axes.assign(axes.begin() + 1, axes.end());
  node->output_shape = extents;
  const Builder builder{what, name, inits, step, node->time, node->axes, state_shape};
  node->dtypes = builder.state_types();
  node->states = builder.make_states(node->dtypes);
  const std::vector<Value> values = builder.run_step(node->states);
  for (std::size_t c = 0; c < inits.size(); ++c) {
    const std::string state = fmt::format("{}: the step's value {}", what, c);
    node->values.push_back(to_data(values[c], node->dtypes[c], state));
    check_expression(node->values[c], {what, axes, node->states, static_cast<int>(c)});
    node->inits.push_back(inits[c].tensor);
    Expr init;
    if (!inits[c].tensor) {
      init = to_data(inits[c].value, node->dtypes[c], fmt::format("{}: init {}", what, c));
      check_expression(init, {what, {}});
    }
    node->init_values.push_back(init);
  }
  return outputs_of(op);
}

}  // namespace tw::te
