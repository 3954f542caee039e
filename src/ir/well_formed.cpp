#include "ir/well_formed.h"

#include <cmath>

#include "ir/scalar.h"
#include "support/error.h"

namespace tw {
namespace {

using fmt::format;

std::string text(const Expr& e) {
  return to_string(e.dtype());
}
std::string text(DType type) {
  return to_string(type);
}

bool is_scalar_integer(DType type) {
  return type.is_scalar() && type.is_integer();
}

/// Whether any handle is null.
template <class... Handles>
bool missing(const Handles&... handles) {
  return (!handles || ...);
}
template <class Handle>
bool any_missing(const std::vector<Handle>& handles) {
  for (const Handle& handle : handles)
    if (!handle) return true;
  return false;
}

std::string missing_operand(const Node& node) {
  return format("a {} lacks an operand", kind_name(node.kind));
}

/// What is wrong with something that must be one value of a type.
std::string scalar_fault(const char* what, const Expr& e, DType type) {
  if (!e) return format("{} is missing", what);
  if (e.dtype() != type) return format("{} has type {}; it needs {}", what, text(e), text(type));
  return {};
}

/// The first that is wrong.
template <class... Faults>
std::string first_of(Faults&&... faults) {
  std::string found;
  ((found = found.empty() ? std::forward<Faults>(faults)() : std::move(found)), ...);
  return found;
}

std::string rank_fault(const Buffer& buffer, std::size_t given, const char* what) {
  if (!buffer) return "a buffer is missing";
  if (static_cast<int>(given) == buffer->rank()) return {};
  return format("buffer {} has {} dimensions but gets {} {}", buffer->name.text, buffer->rank(), given, what);
}

/// Subscripts and predicate of an access of `lanes` elements: each has as many lanes or one.
std::string access_fault(const Buffer& buffer, const std::vector<Expr>& indices, const Expr& predicate,
                         int lanes) {
  if (std::string fault = rank_fault(buffer, indices.size(), "subscripts"); !fault.empty()) return fault;
  const auto fits = [&](const Expr& e) { return e.dtype().lanes == 1 || e.dtype().lanes == lanes; };
  for (const Expr& index : indices) {
    if (!index) return format("a subscript of buffer {} is missing", buffer->name.text);
    if (!index.dtype().element().is_index())
      return format("a subscript of buffer {} has type {}; cast it to index", buffer->name.text, text(index));
    if (!fits(index))
      return format("a subscript of buffer {} has {} lanes where {} are accessed", buffer->name.text,
                    index.dtype().lanes, lanes);
  }
  if (!predicate) return {};
  if (!predicate.dtype().is_bool())
    return format("the predicate of an access to buffer {} has type {}; it needs bool", buffer->name.text,
                  text(predicate));
  if (!fits(predicate))
    return format("the predicate of an access to buffer {} has {} lanes where {} are accessed",
                  buffer->name.text, predicate.dtype().lanes, lanes);
  return {};
}

std::string region_fault(const Region& region) {
  if (std::string fault = rank_fault(region.buffer, region.ranges.size(), "ranges"); !fault.empty())
    return fault;
  for (const Range& range : region.ranges) {
    std::string fault = first_of([&] { return scalar_fault("the start of a range", range.min, kIndex); },
                                 [&] { return scalar_fault("the extent of a range", range.extent, kIndex); });
    if (!fault.empty()) return format("in a region of buffer {}, {}", region.buffer->name.text, fault);
  }
  return {};
}

std::string regions_fault(const std::vector<Region>& regions) {
  for (const Region& region : regions)
    if (std::string fault = region_fault(region); !fault.empty()) return fault;
  return {};
}

/// Something that ranges over integers: a loop, an axis of a block or of a reduction.
std::string range_fault(const char* what, const Var& var, std::initializer_list<Expr> ends) {
  if (!var) return format("the variable of {} is missing", what);
  if (!is_scalar_integer(var->dtype))
    return format("the variable {} of {} has type {}; it needs an integer type", var->name.text, what,
                  text(var->dtype));
  for (const Expr& end : ends) {
    if (!end) return format("the range of {} {} is missing", what, var->name.text);
    if (end.dtype() != var->dtype)
      return format("variable {} of {} has type {} but its range or binding has type {}", var->name.text,
                    what, text(var->dtype), text(end));
  }
  return {};
}

std::string body_fault(const Node& node, const Stmt& body) {
  return body ? "" : format("a {} lacks its body", kind_name(node.kind));
}

std::string lanes_fault(const Expr& scalar, int lanes) {
  if (!scalar.dtype().is_scalar()) return format("lanes of {} are no lanes: it needs a scalar", text(scalar));
  return lanes > 1 ? "" : format("a vector needs 2 to {} lanes, not {}", UINT16_MAX, lanes);
}

// Expressions.

std::string fault(const IntImm& node) {
  const DType type = node.dtype;
  if (!type.is_scalar() || !(type.is_integer() || type.is_bool()))
    return format("an integer constant has type {}", text(type));
  if (type.bits == 64 || (node.value >= int_min_of(type) && node.value <= int_max_of(type))) return {};
  return format("constant {} is out of the range of {}", node.value, text(type));
}

std::string fault(const FloatImm& node) {
  if (!node.dtype.is_scalar() || !node.dtype.is_float())
    return format("a floating constant has type {}", text(node.dtype));
  if (std::isnan(node.value) || round_to(node.dtype, node.value) == node.value) return {};
  return format("constant {} is no value of {}", node.value, text(node.dtype));
}

std::string fault(const Variable& node) {
  if (node.min <= node.max && node.multiple_of >= 1) return {};
  return format("variable {} is said to lie in [{}, {}] and to be a multiple of {}", node.name.text, node.min,
                node.max, node.multiple_of);
}

std::string fault(const Unary& node) {
  if (missing(node.a)) return missing_operand(node);
  const DType type = node.a.dtype();
  switch (node.op) {
    case UnaryOp::kNot: return type.is_bool() ? "" : format("`!` takes bool, not {}", text(type));
    case UnaryOp::kBitNot: return type.is_integer() ? "" : format("`~` takes integers, not {}", text(type));
    case UnaryOp::kNeg: return !type.is_bool() ? "" : "`-` takes numbers, not bool";
  }
  return {};
}

/// What an operator takes, when that excludes the type.
const char* operand_fault(BinaryOp op, DType type) {
  if (is_comparison(op)) return nullptr;
  if (is_logical(op)) return type.is_bool() ? nullptr : "bool";
  if (op == BinaryOp::kDiv) return type.is_float() ? nullptr : "floats";
  if (op == BinaryOp::kShiftLeft || op == BinaryOp::kShiftRight)
    return type.is_integer() ? nullptr : "integers";
  if (is_bitwise(op)) return type.is_float() ? "integers or bool" : nullptr;
  return type.is_bool() ? "numbers" : nullptr;
}

std::string fault(const Binary& node) {
  if (missing(node.a, node.b)) return missing_operand(node);
  const char* op = info(node.op).text;
  if (node.a.dtype() != node.b.dtype())
    return format("the operands of `{}` have types {} and {}; cast one of them", op, text(node.a),
                  text(node.b));
  if (const char* needs = operand_fault(node.op, node.a.dtype()))
    return format("`{}` takes {}, not {}", op, needs, text(node.a));
  return {};
}

std::string fault(const Select& node) {
  if (missing(node.cond, node.on_true, node.on_false)) return missing_operand(node);
  if (node.on_true.dtype() != node.on_false.dtype())
    return format("select has branches of types {} and {}; cast one of them", text(node.on_true),
                  text(node.on_false));
  const DType needed = kBool.with_lanes(node.on_true.dtype().lanes);
  if (node.cond.dtype() == needed) return {};
  return format("the condition of a select of {} has type {}; it needs {}", text(node.on_true),
                text(node.cond), text(needed));
}

std::string fault(const Cast& node) {
  if (missing(node.value)) return missing_operand(node);
  if (node.dtype.lanes == node.value.dtype().lanes) return {};
  return format("a cast from {} to {} changes the number of lanes", text(node.value), text(node.dtype));
}

std::string fault(const Load& node) {
  return access_fault(node.buffer, node.indices, node.predicate, node.dtype.lanes);
}

std::string fault(const Call& node) {
  const auto& op = info(node.op);
  if (static_cast<int>(node.args.size()) != op.arity || any_missing(node.args))
    return format("{} takes {} arguments, not {}", op.text, op.arity, node.args.size());
  const DType type = node.args.front().dtype();
  for (const Expr& arg : node.args)
    if (arg.dtype() != type)
      return format("the arguments of {} have types {} and {}; cast one of them", op.text, text(type),
                    text(arg));
  if (type.is_float() || (op.accepts_integers && type.is_integer())) return {};
  return format("{} takes {}, not {}", op.text, op.accepts_integers ? "numbers" : "floats", text(type));
}

std::string fault(const Ramp& node) {
  if (missing(node.base, node.stride)) return missing_operand(node);
  if (node.base.dtype() != node.stride.dtype() || !is_scalar_integer(node.base.dtype()))
    return format("ramp takes a base and stride of one integer type, not {} and {}", text(node.base),
                  text(node.stride));
  return lanes_fault(node.base, node.dtype.lanes);
}

std::string fault(const Broadcast& node) {
  if (missing(node.value)) return missing_operand(node);
  return lanes_fault(node.value, node.dtype.lanes);
}

std::string fault(const Reduce& node) {
  if (!node.reducer || any_missing(node.sources)) return missing_operand(node);
  const auto& identities = node.reducer->identities;
  if (node.sources.size() != identities.size())
    return format("reducer {} takes {} values, not {}", node.reducer->name.text, identities.size(),
                  node.sources.size());
  for (std::size_t i = 0; i < identities.size(); ++i)
    if (!identities[i] || node.sources[i].dtype() != identities[i].dtype())
      return format("value {} of reducer {} has type {}; the reducer takes {}", i, node.reducer->name.text,
                    text(node.sources[i]), identities[i] ? text(identities[i]) : "nothing");
  if (node.which < 0 || node.which >= static_cast<int64_t>(node.sources.size()))
    return format("component {} of a reducer of {}", node.which, node.sources.size());
  for (const ReduceAxis& axis : node.axes)
    if (std::string fault = range_fault("a reduction", axis.var, {axis.begin, axis.extent}); !fault.empty())
      return fault;
  return {};
}

// Statements.

std::string fault(const For& node) {
  return first_of([&] { return range_fault("a loop", node.var, {node.extent}); },
                  [&] { return body_fault(node, node.body); });
}

std::string fault(const Block& node) {
  for (const BlockAxis& axis : node.axes)
    if (std::string fault = range_fault("a block", axis.var, {axis.extent, axis.binding}); !fault.empty())
      return fault;
  return first_of(
      [&] { return node.predicate ? scalar_fault("the predicate of a block", node.predicate, kBool) : ""; },
      [&] { return regions_fault(node.reads); }, [&] { return regions_fault(node.writes); },
      [&] { return body_fault(node, node.body); });
}

std::string fault(const Store& node) {
  if (!node.buffer || !node.value) return missing_operand(node);
  const DType type = node.value.dtype();
  if (type.element() != node.buffer->dtype)
    return format("a value of type {} is stored to buffer {} of {}; cast it", text(type),
                  node.buffer->name.text, text(node.buffer->dtype));
  if (std::string fault = access_fault(node.buffer, node.indices, node.predicate, type.lanes); !fault.empty())
    return fault;
  for (const Expr& index : node.indices)
    if (index.dtype().lanes == type.lanes) return {};
  if (type.is_scalar()) return {};
  return format("{} lanes are stored to one element of buffer {}", type.lanes, node.buffer->name.text);
}

std::string fault(const If& node) {
  return first_of([&] { return scalar_fault("a condition", node.cond, kBool); },
                  [&] { return body_fault(node, node.then_body); });
}

std::string fault(const Let& node) {
  if (missing(node.var, node.value)) return missing_operand(node);
  if (node.var->dtype != node.value.dtype())
    return format("variable {} of type {} gets a value of type {}", node.var->name.text,
                  text(node.var->dtype), text(node.value));
  return body_fault(node, node.body);
}

std::string fault(const Allocate& node) {
  if (!node.buffer) return missing_operand(node);
  return body_fault(node, node.body);
}

std::string fault(const Seq& node) {
  return any_missing(node.stmts) ? "a sequence holds nothing at a place" : "";
}

std::string fault(const Assert& node) {
  if (node.cond && node.cond.dtype().is_bool()) return {};  // one value, or one a lane
  return scalar_fault("a condition", node.cond, kBool);
}

std::string fault(const Attr& node) {
  return body_fault(node, node.body);
}

std::string fault(const Prefetch& node) {
  if (node.locality < 0 || node.locality > 3)
    return format("locality {} of a prefetch; it needs 0 to 3", node.locality);
  return access_fault(node.buffer, node.indices, {}, 1);
}

std::string fault(const Barrier&) {
  return {};
}

std::string fault(const AsyncCopy& node) {
  if (missing(node.to, node.from)) return missing_operand(node);
  if (node.to->dtype != node.from->dtype)
    return format("an asynchronous copy goes from {} to {}; it needs one type", text(node.from->dtype),
                  text(node.to->dtype));
  if (node.count < 1) return format("an asynchronous copy of {} elements", node.count);
  return first_of([&] { return access_fault(node.to, node.to_indices, {}, 1); },
                  [&] { return access_fault(node.from, node.from_indices, {}, 1); });
}

std::string fault(const AsyncCommit&) {
  return {};
}

std::string fault(const AsyncWait& node) {
  return node.pending >= 0 ? "" : format("a wait for {} pending groups", node.pending);
}

std::string fault(const TensorCall& node) {
  return regions_fault(node.operands);
}

// Declarations.

std::string fault(const BufferNode& node) {
  const std::string name = node.name.text;
  if (!node.dtype.is_scalar() || node.dtype.is_index())
    return format("buffer {} has type {}; it needs a scalar type that is not index", name, text(node.dtype));
  for (const Expr& extent : node.shape)
    if (std::string fault = scalar_fault("an extent", extent, kIndex); !fault.empty())
      return format("of buffer {}, {}", name, fault);
  if (!node.strides.empty() && static_cast<int>(node.strides.size()) != node.rank())
    return format("buffer {} has {} dimensions but gets {} strides", name, node.rank(), node.strides.size());
  for (const Expr& stride : node.strides)
    if (std::string fault = scalar_fault("a stride", stride, kIndex); !fault.empty())
      return format("of buffer {}, {}", name, fault);
  if (node.alignment < 0 || (node.alignment & (node.alignment - 1)) != 0)
    return format("buffer {} is aligned to {} bytes; it needs a power of two", name, node.alignment);
  if (!node.lane_map) return {};
  const LaneMap& map = *node.lane_map;
  if (static_cast<int>(map.coords.size()) != node.rank() || any_missing(map.coords))
    return format("buffer {} has {} dimensions but the lane map has {}", name, node.rank(),
                  map.coords.size());
  return first_of([&] { return scalar_fault("the lane of a lane map", map.lane, kIndex); },
                  [&] { return scalar_fault("the slot of a lane map", map.slot, kIndex); });
}

std::string fault(const ReducerNode& node) {
  const std::size_t count = node.results.size();
  if (node.lhs.size() != count || node.rhs.size() != count || node.identities.size() != count || count == 0)
    return format("reducer {} has {} results of {} left and {} right values, with {} identities",
                  node.name.text, count, node.lhs.size(), node.rhs.size(), node.identities.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (missing(node.lhs[i], node.rhs[i], node.results[i], node.identities[i])) return missing_operand(node);
    const DType type = node.results[i].dtype();
    const bool fits = node.lhs[i]->dtype == type && node.rhs[i]->dtype == type &&
                      node.identities[i].dtype() == type && type.is_scalar();
    if (!fits)
      return format("component {} of reducer {} combines {} and {} to {}, with an identity of {}", i,
                    node.name.text, text(node.lhs[i]->dtype), text(node.rhs[i]->dtype), text(type),
                    text(node.identities[i]));
  }
  return {};
}

std::string fault(const ProgramNode& node) {
  for (const Param& param : node.params) {
    if (param.is_buffer() ? missing(param.buffer) : missing(param.var)) return "a parameter is missing";
    if (!param.is_buffer() && !param.var->dtype.is_index())
      return format("parameter {} has type {}; it needs index", param.var->name.text, text(param.var->dtype));
  }
  return body_fault(node, node.body);
}

/// The type that the node says it has is the one that its operands give.
template <class T>
std::string dtype_fault(const T& node) {
  if constexpr (requires { node.infer_dtype(); }) {
    if (const DType type = node.infer_dtype(); node.dtype != type)
      return format("a {} says that it has type {}, but its operands give {}", kind_name(T::kKind),
                    text(node.dtype), text(type));
  }
  return {};
}

}  // namespace

std::string node_fault(const Node& node) {
  switch (node.kind) {
#define TW_CASE(Struct)                                                          \
  case Kind::k##Struct: {                                                        \
    const auto& it = static_cast<const Struct&>(node);                           \
    return first_of([&] { return fault(it); }, [&] { return dtype_fault(it); }); \
  }
    TW_ALL_NODES(TW_CASE)
#undef TW_CASE
  }
  return {};
}

}  // namespace tw
