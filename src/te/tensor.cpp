#include "te/tensor.h"

#include <atomic>
#include <unordered_set>

#include "ir/visit.h"
#include "support/error.h"
#include "te/check.h"
#include "te/promote.h"
#include "te/shape.h"

namespace tw::te {
namespace {

/// The tensors that an operation reads, as often as it does.
std::vector<Tensor> reads_of(const OperationNode& op) {
  std::vector<Tensor> reads = op.whole_inputs();
  for (const Expr& e : op.expressions())
    for_each_node(e, [&](const Node* node) {
      if (const auto* load = as<Load>(node))
        if (Tensor tensor = as_tensor(load->buffer)) reads.push_back(tensor);
    });
  return reads;
}

std::string output_name(const OperationNode& op, int output) {
  const std::string name = op.name.empty() ? to_string(op.kind) : op.name;
  return op.num_outputs() == 1 ? name : fmt::format("{}_{}", name, output);
}

}  // namespace

const char* to_string(OpKind kind) {
  switch (kind) {
    case OpKind::kPlaceholder: return "placeholder";
    case OpKind::kCompute: return "compute";
    case OpKind::kPieces: return "pieces";
    case OpKind::kScatter: return "scatter";
    case OpKind::kScan: return "scan";
  }
  return "?";
}

const std::string& Tensor::name() const {
  return get()->name.text;
}
DType Tensor::dtype() const {
  return get()->dtype;
}
const std::vector<Expr>& Tensor::shape() const {
  return get()->shape;
}
int Tensor::rank() const {
  return get()->rank();
}
const Operation& Tensor::operation() const {
  return get()->operation;
}
int Tensor::output() const {
  return get()->output;
}
Buffer Tensor::buffer() const {
  return *this;
}
Expr Tensor::operator()(const std::vector<Value>& indices) const {
  return read(*this, indices);
}

Tensor make_tensor(const std::string& name, DType dtype, std::vector<Expr> shape, const Operation& op,
                   int output) {
  auto* node = new TensorNode();
  node->name = name;
  node->dtype = dtype;
  node->shape = std::move(shape);
  node->operation = op;
  node->output = output;
  return Tensor(node);
}

Tensor as_tensor(const Buffer& buffer) {
  return Tensor(dynamic_cast<const TensorNode*>(buffer.get()));
}

std::vector<Tensor> outputs_of(const Operation& op) {
  std::vector<Tensor> outputs;
  for (int i = 0; i < op->num_outputs(); ++i)
    outputs.push_back(
        make_tensor(output_name(*op, i), op->dtypes[static_cast<std::size_t>(i)], op->output_shape, op, i));
  return outputs;
}

bool same_tensor(const Tensor& a, const Tensor& b) {
  if (a.same_as(b)) return true;
  return a && b && a.operation() && a.operation().same_as(b.operation()) && a.output() == b.output();
}

std::vector<Operation> producers_of(const Operation& op) {
  std::vector<Operation> producers;
  std::unordered_set<const OperationNode*> seen;
  for (const Tensor& tensor : reads_of(*op))
    if (tensor.operation() && seen.insert(tensor.operation().get()).second)
      producers.push_back(tensor.operation());
  return producers;
}

std::vector<Operation> topological_order(std::span<const Tensor> outputs) {
  std::vector<Operation> order;
  std::unordered_set<const OperationNode*> seen;
  const std::function<void(const Operation&)> visit = [&](const Operation& op) {
    if (!seen.insert(op.get()).second) return;
    for (const Operation& producer : producers_of(op)) visit(producer);
    order.push_back(op);
  };
  for (const Tensor& output : outputs) visit(output.operation());
  return order;
}

std::vector<Var> sizes_of(const Operation& op) {
  std::vector<Var> sizes;
  std::unordered_set<const Variable*> seen;
  auto collect = [&](const Expr& e) {
    for (const Var& var : free_vars(e))
      if (role_of(var) == VarRole::kSize && seen.insert(&*var).second) sizes.push_back(var);
  };
  for (const Expr& extent : op->output_shape) collect(extent);
  for (const Expr& e : op->expressions()) collect(e);
  return sizes;
}

Tensor placeholder(const std::vector<Value>& shape, DType dtype, const std::string& name, bool constant) {
  static std::atomic<int64_t> next_sequence{0};
  const std::string what = describe(OpKind::kPlaceholder, name);
  if (!dtype.is_scalar() || dtype.is_index())
    raise_type("{}: the dtype is {}; elements have one of the scalar data types", what, to_string(dtype));
  auto* node = new PlaceholderNode(name);
  Operation op(node);
  node->output_shape = check_shape(shape, what);
  node->dtypes = {dtype};
  node->constant = constant;
  node->sequence = next_sequence++;
  return outputs_of(op).front();
}

Expr read(const Tensor& tensor, const std::vector<Value>& indices) {
  check_internal(static_cast<bool>(tensor), "read of a null tensor");
  if (static_cast<int>(indices.size()) != tensor.rank())
    raise_index("tensor '{}' has rank {} and is read with {} subscript{}; give one a dimension",
                tensor.name(), tensor.rank(), indices.size(), indices.size() == 1 ? "" : "s");
  std::vector<Expr> subscripts;
  for (std::size_t i = 0; i < indices.size(); ++i)
    subscripts.push_back(to_index(indices[i], fmt::format("tensor '{}': subscript {}", tensor.name(), i)));
  return Load::make(tensor.buffer(), std::move(subscripts));
}

Tensor compute(const std::vector<Value>& shape, const PointFunction& fn, const std::string& name,
               const std::vector<std::string>& axis_names) {
  const PointsFunction single = [&](const std::vector<Var>& point) { return std::vector<Value>{fn(point)}; };
  return compute_several(shape, single, name, axis_names).front();
}

std::vector<Tensor> compute_several(const std::vector<Value>& shape, const PointsFunction& fn,
                                    const std::string& name, const std::vector<std::string>& axis_names) {
  const std::string what = describe(OpKind::kCompute, name);
  auto* node = new ComputeNode(name);
  Operation op(node);
  node->output_shape = check_shape(shape, what);
  node->axes = make_axes(node->output_shape, axis_names, what);
  for (const Value& value : fn(vars_of(node->axes))) node->values.push_back(to_data(value));
  if (node->values.empty()) raise_value("{}: the function gives no value; it must give at least one", what);
  for (const Expr& value : node->values) {
    node->dtypes.push_back(value.dtype());
    check_expression(value, {what, node->axes});
  }
  return outputs_of(op);
}

}  // namespace tw::te
