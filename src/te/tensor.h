// Tensors and the operations that make them.
//
// A tensor is one output of an operation. It *is* a buffer of the IR (name, dtype, shape) that also knows its
// operation, so values are ordinary IR expressions that read tensors by Load, and every read finds its
// producer by itself. Operations refer to the tensors they read, never the other way round: the graph has no
// cycles and lives as long as its outputs. An operation's elements are values, expressions over its axes; it
// says nothing of order or storage. lower.h makes the first loop program of a set of tensors.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "te/symbol.h"

namespace tw::te {

struct OperationNode;
struct TensorNode;
using Operation = Ref<OperationNode>;

/// A handle to one output of an operation.
class Tensor : public Ref<TensorNode> {
 public:
  using Ref::Ref;
  Tensor() = default;
  const std::string& name() const;
  DType dtype() const;
  const std::vector<Expr>& shape() const;
  int rank() const;
  /// Null for the state of a scan inside its step.
  const Operation& operation() const;
  int output() const;
  Buffer buffer() const;
  /// The element at these subscripts, as `read`.
  Expr operator()(const std::vector<Value>& indices) const;
};

/// The buffer of a tensor. Loads of `Buffer`s that are TensorNodes are reads of tensors.
struct TensorNode : BufferNode {
  Operation operation;  // null: a state of a scan that its own step reads
  int output = 0;       // which of the operation's outputs, or of the scan's states
};

/// The tensor that a buffer is; null for other buffers.
Tensor as_tensor(const Buffer& buffer);

enum class OpKind : uint8_t { kPlaceholder, kCompute, kPieces, kScatter, kScan };
const char* to_string(OpKind kind);  // "placeholder", "compute", …

/// One axis of an operation's domain, 0 <= var < extent.
struct Axis {
  Var var;
  Expr extent;
};

/// Base of operations. Immutable once its tensors are out.
struct OperationNode : RefCounted {
  OperationNode(OpKind k, std::string n) : kind(k), name(std::move(n)) {}
  const OpKind kind;
  std::string name;                // empty: the user gave none
  std::vector<DType> dtypes;       // one an output
  std::vector<Expr> output_shape;  // of every output
  int num_outputs() const { return static_cast<int>(dtypes.size()); }
  /// Every expression of the operation, in an order that depends on its structure alone.
  virtual std::vector<Expr> expressions() const = 0;
  /// Tensors read as a whole besides those read in `expressions`.
  virtual std::vector<Tensor> whole_inputs() const { return {}; }
};

/// Data given from outside.
struct PlaceholderNode : OperationNode {
  explicit PlaceholderNode(std::string n) : OperationNode(OpKind::kPlaceholder, std::move(n)) {}
  bool constant = false;  // may be prepared beforehand: a weight
  int64_t sequence = 0;   // placeholders are arguments in increasing order of it
  std::vector<Expr> expressions() const override { return {}; }
};

/// Output o at the point of the axes is values[o].
struct ComputeNode : OperationNode {
  explicit ComputeNode(std::string n) : OperationNode(OpKind::kCompute, std::move(n)) {}
  std::vector<Axis> axes;
  std::vector<Expr> values;
  std::vector<Expr> expressions() const override { return values; }
};

/// The operation as a `Node` of the kind that it is, else null.
template <class T>
const T* as_operation(const Operation& op) {
  return dynamic_cast<const T*>(op.get());
}

/// The tensors of all outputs. Each call makes new handles: two tensors are the same when operation and
/// output are.
std::vector<Tensor> outputs_of(const Operation& op);
bool same_tensor(const Tensor& a, const Tensor& b);

/// The operations whose tensors this one reads, each once, in the order met. A scan's reads of its own states
/// are none.
std::vector<Operation> producers_of(const Operation& op);

/// All operations that these tensors need, producers first, in an order that depends on the structure alone,
/// not on names.
std::vector<Operation> topological_order(std::span<const Tensor> outputs);

/// Sizes (VarRole::kSize) in the shapes and expressions of the operation, each once, in the order met.
std::vector<Var> sizes_of(const Operation& op);

/// An argument. Extents are ints or index expressions over sizes. Errors: a negative extent; an extent that
/// is no index; a name that is no identifier.
Tensor placeholder(const std::vector<Value>& shape, DType dtype = kFloat32, const std::string& name = "",
                   bool constant = false);

/// The element of the tensor at the subscripts. An index error if their number is not the rank, a type error
/// for a subscript that is not an integer. Whether they are in range is judged where the expression is used:
/// an operation knows the ranges of its axes.
Expr read(const Tensor& tensor, const std::vector<Value>& indices);

/// The value, or values, of a point.
using PointFunction = std::function<Value(const std::vector<Var>& point)>;
using PointsFunction = std::function<std::vector<Value>(const std::vector<Var>& point)>;

/// The tensor whose element at each point is fn(point). `axis_names` name the axes (missing ones are i0, i1,
/// …). Besides the errors of placeholder: an axis used that is not the compute's, a reduction axis outside
/// its reduction, a subscript provably out of bounds, a state of a scan outside its step.
Tensor compute(const std::vector<Value>& shape, const PointFunction& fn, const std::string& name = "",
               const std::vector<std::string>& axis_names = {});

/// Several tensors of one shape, named NAME_0, NAME_1, …; each may have its own dtype.
std::vector<Tensor> compute_several(const std::vector<Value>& shape, const PointsFunction& fn,
                                    const std::string& name = "",
                                    const std::vector<std::string>& axis_names = {});

}  // namespace tw::te
