#include "te/lower.h"

#include <algorithm>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "ir/visit.h"
#include "support/error.h"
#include "te/lower_operation.h"

namespace tw::te {
namespace {

constexpr const char* kArgumentOrder = "argument_order";

bool is_placeholder(const Tensor& tensor) {
  return tensor.operation() && tensor.operation()->kind == OpKind::kPlaceholder;
}

bool is_among(const Tensor& tensor, const std::vector<Tensor>& tensors) {
  return std::any_of(tensors.begin(), tensors.end(), [&](const Tensor& t) { return same_tensor(t, tensor); });
}

bool is_among(const Var& var, const std::vector<Var>& vars) {
  return std::any_of(vars.begin(), vars.end(), [&](const Var& v) { return v.same_as(var); });
}

void check_outputs(const std::vector<Tensor>& outputs) {
  if (outputs.empty()) raise_value("a program needs at least one output");
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& output = outputs[i];
    if (!output.operation())
      raise_value("output '{}' is the state of a scan inside its step; give the tensor that te.scan returns",
                  output.name());
    if (is_placeholder(output))
      raise_value("output '{}' is a placeholder, which nothing computes; add a compute that copies it",
                  output.name());
    for (std::size_t j = 0; j < i; ++j)
      if (same_tensor(outputs[j], output))
        raise_value("tensor '{}' is an output twice; name it once", output.name());
  }
}

/// The arguments of a program in order, and the sizes that their shapes show.
class Signature {
 public:
  Signature(const std::vector<Tensor>& outputs, const std::vector<Operation>& order,
            const std::optional<std::vector<ProgramArgument>>& args)
      : outputs_(outputs) {
    for (const Operation& op : order) {
      if (op->kind == OpKind::kPlaceholder) needed_.push_back(outputs_of(op).front());
      add_sizes(sizes_of(op));
    }
    std::stable_sort(needed_.begin(), needed_.end(),
                     [](const Tensor& a, const Tensor& b) { return sequence(a) < sequence(b); });
    if (args)
      take(*args);
    else
      choose();
    check_names();
  }

  const std::vector<ProgramArgument>& arguments() const { return arguments_; }
  const std::vector<Var>& shown() const { return shown_; }  // by the shapes of placeholders

 private:
  static int64_t sequence(const Tensor& t) { return as_operation<PlaceholderNode>(t.operation())->sequence; }

  void add_sizes(const std::vector<Var>& sizes) {
    for (const Var& size : sizes)
      if (!is_among(size, sizes_)) sizes_.push_back(size);
  }

  /// Sizes that an extent of a placeholder is, unless they are given as ints.
  void find_shown(const std::vector<Tensor>& placeholders, const std::vector<Var>& given) {
    for (const Tensor& tensor : placeholders)
      for (const Expr& extent : tensor.shape())
        if (const auto* variable = as<Variable>(extent))
          if (const Var size(variable); !is_among(size, shown_) && !is_among(size, given))
            shown_.push_back(size);
  }

  void choose() {
    find_shown(needed_, {});
    for (const Tensor& tensor : needed_) arguments_.push_back(tensor);
    for (const Var& size : sizes_)
      if (!is_among(size, shown_)) arguments_.push_back(size);
    for (const Tensor& output : outputs_) arguments_.push_back(output);
  }

  void take(const std::vector<ProgramArgument>& args) {
    std::vector<Tensor> tensors;
    std::vector<Var> given;
    for (const ProgramArgument& arg : args) {
      if (const Var* size = std::get_if<Var>(&arg)) {
        if (role_of(*size) != VarRole::kSize)
          raise_value("args: '{}' is an axis; an argument is a tensor or a symbolic dimension",
                      (*size)->name.text);
        if (is_among(*size, given))
          raise_value("args: symbolic dimension '{}' is listed twice", (*size)->name.text);
        given.push_back(*size);
        continue;
      }
      const Tensor& tensor = std::get<Tensor>(arg);
      if (is_among(tensor, tensors)) raise_value("args: tensor '{}' is listed twice", tensor.name());
      if (!is_placeholder(tensor) && !is_among(tensor, outputs_))
        raise_value("args: tensor '{}' is neither a placeholder nor an output; list those only",
                    tensor.name());
      tensors.push_back(tensor);
      if (is_placeholder(tensor)) add_sizes(sizes_of(tensor.operation()));
    }
    for (const Tensor& placeholder : needed_)
      if (!is_among(placeholder, tensors))
        raise_value("args: placeholder '{}' is read but not listed; add it to args", placeholder.name());
    std::vector<Tensor> placeholders;
    std::copy_if(tensors.begin(), tensors.end(), std::back_inserter(placeholders), is_placeholder);
    find_shown(placeholders, given);
    for (const Var& size : sizes_)
      if (!is_among(size, shown_) && !is_among(size, given))
        raise_value(
            "args: there is no way to know the symbolic dimension '{}': no placeholder has it alone as an "
            "extent; "
            "add it to args as an int",
            size->name.text);
    arguments_ = args;
    for (const Tensor& output : outputs_)
      if (!is_among(output, tensors)) arguments_.push_back(output);
  }

  /// Names that the user gave must differ.
  void check_names() const {
    std::set<std::string> names;
    auto add = [&](const std::string& name, const char* kind) {
      if (!names.insert(name).second)
        raise_value("two arguments are named '{}'; give the {} another name", name, kind);
    };
    for (const Var& size : shown_) add(size->name.text, "symbolic dimension");
    for (const ProgramArgument& arg : arguments_) {
      if (const Var* size = std::get_if<Var>(&arg)) {
        add((*size)->name.text, "symbolic dimension");
      } else if (const Tensor& tensor = std::get<Tensor>(arg); !tensor.operation()->name.empty()) {
        add(tensor.name(), to_string(tensor.operation()->kind));
      }
    }
  }

  const std::vector<Tensor>& outputs_;
  std::vector<Tensor> needed_;  // placeholders that are read, in the order they were made
  std::vector<Var> sizes_;      // in the order met
  std::vector<Var> shown_;
  std::vector<ProgramArgument> arguments_;
};

/// A buffer for every output of the operations; names that nobody gave are made different.
BufferTable make_buffers(const std::vector<ProgramArgument>& arguments, const std::vector<Operation>& order) {
  BufferTable table;
  std::set<std::string> taken;
  std::set<const OperationNode*> made;
  auto make = [&](const Operation& op) {
    if (!made.insert(op.get()).second) return;
    for (const Tensor& tensor : outputs_of(op)) {
      std::string name = tensor.name();
      for (int suffix = 1; op->name.empty() && taken.count(name); ++suffix)
        name = fmt::format("{}_{}", tensor.name(), suffix);
      taken.insert(name);
      table.add(op, tensor.output(), BufferNode::make(name, tensor.dtype(), tensor.shape()));
    }
  };
  for (const ProgramArgument& arg : arguments) {
    if (const Tensor* tensor = std::get_if<Tensor>(&arg))
      taken.insert(tensor->operation()->name.empty() ? "" : tensor->name());
    else
      taken.insert(std::get<Var>(arg)->name.text);
  }
  for (const ProgramArgument& arg : arguments)
    if (const Tensor* tensor = std::get_if<Tensor>(&arg)) make(tensor->operation());
  for (const Operation& op : order) make(op);
  return table;
}

/// The buffers that tensors are placed in, and others for the rest.
BufferTable make_buffers(const std::vector<PlacedTensor>& placed, const std::vector<Operation>& order) {
  BufferTable table;
  std::set<std::pair<const OperationNode*, int>> known;
  for (const auto& [tensor, buffer] : placed) {
    check_internal(buffer->dtype == tensor.dtype() && buffer->rank() == tensor.rank(),
                   "tensor {} is placed in buffer {} of another type or rank", tensor.name(),
                   buffer->name.text);
    table.add(tensor.operation(), tensor.output(), buffer);
    known.insert({tensor.operation().get(), tensor.output()});
  }
  for (const Operation& op : order)
    for (const Tensor& tensor : outputs_of(op)) {
      if (known.contains({op.get(), tensor.output()})) continue;
      check_internal(!is_placeholder(tensor), "placeholder {} has no place", tensor.name());
      table.add(op, tensor.output(), BufferNode::make(tensor.name(), tensor.dtype(), tensor.shape()));
    }
  return table;
}

/// Parameters of a program, and where in them each argument is.
struct Params {
  std::vector<Param> params;
  std::vector<std::size_t> order;  // as argument_order gives it
};

Param param_of(const Tensor& tensor, const BufferTable& table) {
  const auto* placeholder = as_operation<PlaceholderNode>(tensor.operation());
  const ParamKind kind = !placeholder            ? ParamKind::kOutput
                         : placeholder->constant ? ParamKind::kConstant
                                                 : ParamKind::kInput;
  return Param::of_buffer(kind, table.of(tensor));
}

Params make_params(const Signature& signature, const BufferTable& table) {
  Params made;
  const auto& arguments = signature.arguments();
  std::vector<std::size_t> positions(arguments.size(), arguments.size());  // none yet
  std::size_t next = 0;
  auto add = [&](std::size_t argument, Param param) {
    if (positions[argument] != arguments.size()) return;
    positions[argument] = next++;
    made.params.push_back(std::move(param));
  };
  for (const Var& size : signature.shown()) made.params.push_back(Param::of_var(ParamKind::kShape, size));
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (const Var* size = std::get_if<Var>(&arguments[i])) {
      add(i, Param::of_var(ParamKind::kSize, *size));
      continue;
    }
    const Tensor& tensor = std::get<Tensor>(arguments[i]);
    // Sizes that its shape uses stand before it.
    for (std::size_t j = i + 1; j < arguments.size(); ++j)
      if (const Var* size = std::get_if<Var>(&arguments[j]))
        for (const Expr& extent : tensor.shape())
          if (uses_var(extent, *size)) add(j, Param::of_var(ParamKind::kSize, *size));
    add(i, param_of(tensor, table));
  }
  made.order = std::move(positions);
  return made;
}

void lower_operation(const Operation& op, BufferTable& table, Sequence& out) {
  if (const auto* compute = as_operation<ComputeNode>(op)) lower_compute(op, *compute, table, out);
  if (const auto* pieces = as_operation<PiecesNode>(op)) lower_pieces(op, *pieces, table, out);
  if (const auto* scatter = as_operation<ScatterNode>(op)) lower_scatter(op, *scatter, table, out);
  if (const auto* scan = as_operation<ScanNode>(op)) lower_scan(op, *scan, table, out);
}

/// The blocks of all operations in order; buffers of tensors that are neither placeholders nor outputs live
/// around them.
Stmt lower_operations(const std::vector<Operation>& order, const std::vector<Tensor>& outputs,
                      BufferTable& table) {
  Sequence body;
  for (const Operation& op : order) {
    for (const Tensor& tensor : outputs_of(op))
      if (!is_placeholder(tensor) && !is_among(tensor, outputs)) body.buffers.push_back(table.of(tensor));
    lower_operation(op, table, body);
  }
  return number_blocks(body.finish());
}

}  // namespace

Stmt lower_onto(const std::vector<PlacedTensor>& inputs, const std::vector<PlacedTensor>& outputs) {
  std::vector<Tensor> results;
  for (const PlacedTensor& output : outputs) results.push_back(output.tensor);
  check_outputs(results);
  const std::vector<Operation> order = topological_order(results);
  std::vector<PlacedTensor> placed = inputs;
  placed.insert(placed.end(), outputs.begin(), outputs.end());
  BufferTable table = make_buffers(placed, order);
  return lower_operations(order, results, table);
}

Program first_program(const std::vector<Tensor>& outputs,
                      const std::optional<std::vector<ProgramArgument>>& args, const std::string& name) {
  check_name(name, "program");
  check_outputs(outputs);
  const std::vector<Operation> order = topological_order(outputs);
  const Signature signature(outputs, order, args);
  BufferTable table = make_buffers(signature.arguments(), order);
  Stmt body = lower_operations(order, outputs, table);
  Params params = make_params(signature, table);
  Attrs attrs;
  if (!std::is_sorted(params.order.begin(), params.order.end()))
    attrs[kArgumentOrder] = fmt::format("{}", fmt::join(params.order, " "));
  return ProgramNode::make(name, std::move(params.params), std::move(body), std::move(attrs));
}

std::vector<std::size_t> argument_order(const Program& program) {
  std::vector<std::size_t> order;
  if (const auto found = program->attrs.find(kArgumentOrder); found != program->attrs.end()) {
    std::istringstream positions(std::get<std::string>(found->second));
    for (std::size_t position; positions >> position;) order.push_back(position);
    return order;
  }
  for (const Param& param : program->params)
    if (param.is_argument()) order.push_back(order.size());
  return order;
}

}  // namespace tw::te
