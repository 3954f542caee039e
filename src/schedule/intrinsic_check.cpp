#include "schedule/intrinsic_check.h"

#include <algorithm>
#include <set>

#include <fmt/ranges.h>

#include "ir/equal.h"
#include "ir/reducers.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "support/error.h"
#include "te/lower.h"

namespace tw::schedule {
namespace {

constexpr int64_t kWarp = 32;

/// Raises with the name of the intrinsic in front.
template <class... Args>
[[noreturn]] void refuse(const Intrinsic& intrinsic, fmt::format_string<Args...> reason, Args&&... args) {
  raise_value("intrinsic '{}': {}", intrinsic.name, fmt::format(reason, std::forward<Args>(args)...));
}

// The meaning.

/// The block of a program that is one nest, with the loops' variables in place of its axes.
const Block& only_block(const Intrinsic& intrinsic, const Program& program, VarMap& loop_of) {
  Stmt stmt = program->body;
  while (const auto* loop = as<For>(stmt)) stmt = loop->body;
  const auto* block = as<Block>(stmt);
  if (!block || !as<Store>(block->body))
    refuse(
        intrinsic,
        "its meaning takes more than one block of loops; write it as one te.compute of placeholders, whose "
        "value has no reduction or is one");
  for (const BlockAxis& axis : block->axes) loop_of[&*axis.var] = axis.binding;
  return *block;
}

Stmt loops_around(const std::vector<BlockAxis>& axes, bool reductions, Stmt body) {
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis)
    if (reductions || axis->axis_kind == AxisKind::kSpatial) body = For::make(axis->var, axis->extent, body);
  return body;
}

/// Constant extents, and a list of buffers.
std::vector<Buffer> parameters_of(const Intrinsic& intrinsic, const Program& program) {
  std::vector<Buffer> buffers;
  for (const Param& param : program->params) {
    if (!param.buffer)
      refuse(intrinsic, "its extents depend on {}; those of an intrinsic are constants",
             param.var->name.text);
    for (const Expr& extent : param.buffer->shape)
      if (!as_int(extent) || *as_int(extent) < 1)
        refuse(intrinsic, "an extent of {} is {}; it needs to be a constant of at least 1",
               param.buffer->name.text, to_text(extent));
    buffers.push_back(param.buffer);
  }
  return buffers;
}

/// Each subscript is an axis that runs through the whole dimension, and an operand is accessed in one way.
void check_subscripts(const Intrinsic& intrinsic) {
  const IntrinsicPattern& pattern = intrinsic.pattern;
  std::map<const BufferNode*, const std::vector<Expr>*> seen;
  const auto check = [&](const Buffer& buffer, const std::vector<Expr>& indices) {
    const auto [known, fresh] = seen.emplace(buffer.get(), &indices);
    if (!fresh && !std::equal(indices.begin(), indices.end(), known->second->begin(),
                              [](const Expr& a, const Expr& b) { return structural_equal(a, b); }))
      refuse(intrinsic, "it reads {} at different subscripts; give it one placeholder for each",
             buffer->name.text);
    std::set<const Node*> used;
    for (std::size_t d = 0; d < indices.size(); ++d) {
      const auto axis = std::find_if(pattern.axes.begin(), pattern.axes.end(),
                                     [&](const BlockAxis& a) { return a.var.same_as(indices[d]); });
      if (axis == pattern.axes.end() || !used.insert(indices[d].get()).second)
        refuse(intrinsic, "subscript {} of {} is {}; it needs to be an axis of its own", d, buffer->name.text,
               to_text(indices[d]));
      if (as_int(axis->extent) != as_int(buffer->shape[d]))
        refuse(intrinsic, "axis {} has {} points and dimension {} of {} has {}; an operand is used whole",
               to_text(indices[d]), to_text(axis->extent), d, buffer->name.text, to_text(buffer->shape[d]));
    }
  };
  check(pattern.store->buffer, pattern.store->indices);
  for_each_node(pattern.store->value, [&](const Node* node) {
    if (const auto* load = as<Load>(node)) check(load->buffer, load->indices);
  });
  for (const Buffer& operand : pattern.operands)
    if (!seen.contains(operand.get())) refuse(intrinsic, "it does not use operand {}", operand->name.text);
}

void make_meaning(Intrinsic& intrinsic) {
  if (intrinsic.output) intrinsic.expression = te::first_program({intrinsic.output}, std::nullopt, "meaning");
  const Program& program = intrinsic.expression;
  VarMap loop_of;
  const Block& block = only_block(intrinsic, program, loop_of);
  IntrinsicPattern& pattern = intrinsic.pattern;
  pattern = {};
  pattern.operands = parameters_of(intrinsic, program);
  for (BlockAxis axis : block.axes) {
    axis.var = Var(as<Variable>(axis.binding));
    pattern.axes.push_back(axis);
  }
  Stmt store = substitute(block.body, loop_of);
  pattern.store = Ref<Store>(as<Store>(store));
  const Buffer out = pattern.store->buffer;
  pattern.reducer = block.reducer;
  if (intrinsic.accumulates && !block.reducer) {
    pattern.reducer = known_reducer("sum", out->dtype);
    if (!pattern.reducer)
      refuse(intrinsic, "its output {} is of {}, of which there is no sum to accumulate", out->name.text,
             to_string(out->dtype));
    const Store& set = *pattern.store;
    const Expr sum = pattern.reducer->combine({Load::make(out, set.indices)}, {set.value}).front();
    store = Store::make(out, set.indices, sum);
    pattern.store = Ref<Store>(as<Store>(store));
  }
  pattern.sets_first = block.reducer && !intrinsic.accumulates;

  std::vector<Param> params = program->params;
  for (std::size_t i = 0; i < params.size(); ++i)
    if (params[i].buffer.same_as(out)) {
      pattern.written = i;
      params[i].param_kind = intrinsic.accumulates ? ParamKind::kInOut : ParamKind::kOutput;
    }
  Stmt body = loops_around(pattern.axes, true, store);
  if (pattern.sets_first) {
    const Stmt init = loops_around(pattern.axes, false, substitute(block.init, loop_of));
    body = Seq::make({with_fresh_names(init), body});
  }
  intrinsic.meaning = ProgramNode::make("meaning", params, body);
  check_subscripts(intrinsic);
}

// Demands and implementations.

/// Calls f with every point of a box.
template <class F>
void for_each_point(const std::vector<int64_t>& extents, F&& f) {
  std::vector<int64_t> point(extents.size());
  for (;;) {
    f(point);
    std::size_t d = extents.size();
    while (d > 0 && ++point[d - 1] == extents[d - 1]) point[--d] = 0;
    if (d == 0) return;
  }
}

int64_t value_at(const Intrinsic& intrinsic, const Expr& e, const std::vector<Var>& vars,
                 const std::vector<int64_t>& point) {
  VarMap values;
  for (std::size_t d = 0; d < vars.size(); ++d) values[&*vars[d]] = Expr(point[d]);
  const auto value = as_int(simplify(substitute(e, values)));
  if (!value) refuse(intrinsic, "{} uses more than its variables", to_text(e));
  return *value;
}

std::vector<int64_t> shape_of(const Buffer& buffer) {
  std::vector<int64_t> shape;
  for (const Expr& extent : buffer->shape) shape.push_back(*as_int(extent));
  return shape;
}

void check_lane_map(const Intrinsic& intrinsic, const Buffer& operand, const LaneMap& map) {
  if (map.coords.size() != operand->shape.size())
    refuse(intrinsic, "the lane map {} of operand {} has {} coordinates; the operand has {} dimensions",
           to_text(map), operand->name.text, map.coords.size(), operand->shape.size());
  const std::vector<Var> coords(map.coords.begin(), map.coords.end());
  std::set<std::pair<int64_t, int64_t>> places;
  for_each_point(shape_of(operand), [&](const std::vector<int64_t>& point) {
    const int64_t lane = value_at(intrinsic, map.lane, coords, point);
    const int64_t slot = value_at(intrinsic, map.slot, coords, point);
    if (lane < 0 || lane >= kWarp || slot < 0)
      refuse(intrinsic,
             "the lane map {} of operand {} puts element ({}) into slot {} of lane {}; lanes are 0 to {}",
             to_text(map), operand->name.text, fmt::join(point, ", "), slot, lane, kWarp - 1);
    if (!places.emplace(lane, slot).second)
      refuse(intrinsic, "the lane map {} of operand {} puts two elements into slot {} of lane {}",
             to_text(map), operand->name.text, slot, lane);
  });
}

void check_demands(const Intrinsic& intrinsic, const std::vector<OperandDemand>& demands) {
  const std::vector<Buffer>& operands = intrinsic.pattern.operands;
  if (demands.size() != operands.size())
    refuse(intrinsic, "{} operands have demands; there are {}: {}", demands.size(), operands.size(),
           fmt::join(operand_names(intrinsic), ", "));
  for (std::size_t i = 0; i < demands.size(); ++i) {
    const OperandDemand& demand = demands[i];
    const std::string& name = operands[i]->name;
    if (!demand.strides.empty() && demand.strides.size() != operands[i]->shape.size())
      refuse(intrinsic, "operand {} has {} dimensions and gets {} strides", name, operands[i]->shape.size(),
             demand.strides.size());
    for (const StrideDemand& stride : demand.strides)
      if (stride.exactly < 0 || stride.multiple_of < 1)
        refuse(intrinsic, "a stride of operand {} is to be {} or a multiple of {}; both are positive", name,
               stride.exactly, stride.multiple_of);
    if (demand.alignment < 1 || (demand.alignment & (demand.alignment - 1)) != 0)
      refuse(intrinsic, "operand {} is to be aligned to {} bytes; it needs a power of two", name,
             demand.alignment);
    const bool fragment = demand.scopes == std::vector<Scope>{Scope::kFragment};
    if (fragment != demand.lane_map.has_value())
      refuse(intrinsic, "operand {} {}; a fragment, and nothing else, has a lane map", name,
             fragment ? "lies in a fragment and has no lane map" : "has a lane map and lies elsewhere");
    if (demand.lane_map) check_lane_map(intrinsic, operands[i], *demand.lane_map);
  }
}

/// Every place holds an element of the operand; the result's places hold all.
void check_registers(const Intrinsic& intrinsic, const RegisterOperand& registers, bool is_result) {
  const std::vector<Buffer>& operands = intrinsic.pattern.operands;
  if (registers.operand < 0 || registers.operand >= static_cast<int>(operands.size()))
    refuse(intrinsic, "an instruction uses operand number {}; there are {}", registers.operand,
           operands.size());
  const Buffer& operand = operands[static_cast<std::size_t>(registers.operand)];
  const std::string& name = operand->name;
  const IndexMap& place = registers.place;
  if (registers.registers < 1 || registers.elements < 1)
    refuse(intrinsic, "operand {} takes {} registers of {} elements", name, registers.registers,
           registers.elements);
  if ((place.from.size() != 2 && place.from.size() != 3) || place.to.size() != operand->shape.size())
    refuse(intrinsic,
           "the places {} of operand {} are no map of (register, element), or (lane, register, element), to "
           "its {} subscripts",
           place.text(), name, operand->shape.size());
  if (is_result && registers.operand != static_cast<int>(intrinsic.pattern.written))
    refuse(intrinsic, "the result of its instruction is {}, and the intrinsic writes {}", name,
           operands[intrinsic.pattern.written]->name.text);
  const std::vector<int64_t> shape = shape_of(operand);
  std::vector<int64_t> extents{registers.registers, registers.elements};
  if (place.from.size() == 3) extents.insert(extents.begin(), kWarp);
  std::set<std::vector<int64_t>> elements;
  for_each_point(extents, [&](const std::vector<int64_t>& point) {
    std::vector<int64_t> element;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      element.push_back(value_at(intrinsic, place.to[d], place.from, point));
      if (element.back() < 0 || element.back() >= shape[d])
        refuse(intrinsic, "the places {} of operand {} give subscript {} = {} at ({}); the operand has {}",
               place.text(), name, d, element.back(), fmt::join(point, ", "), shape[d]);
    }
    elements.insert(element);
  });
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  if (is_result && static_cast<int64_t>(elements.size()) != count)
    refuse(intrinsic, "the result of its instruction holds {} of the {} elements of {}", elements.size(),
           count, name);
}

void check_program(const Intrinsic& intrinsic, const Program& program) {
  const std::vector<Param>& wanted = intrinsic.meaning->params;
  const bool fits =
      std::equal(program->params.begin(), program->params.end(), wanted.begin(), wanted.end(),
                 [](const Param& a, const Param& b) {
                   return a.buffer && a.param_kind == b.param_kind && a.buffer->dtype == b.buffer->dtype &&
                          std::equal(a.buffer->shape.begin(), a.buffer->shape.end(), b.buffer->shape.begin(),
                                     b.buffer->shape.end(),
                                     [](const Expr& x, const Expr& y) { return structural_equal(x, y); });
                 });
  if (!fits)
    refuse(intrinsic, "a program that implements it has other parameters than its meaning\n{}\nhas:\n{}",
           to_text(program), to_text(intrinsic.meaning));
}

}  // namespace

void complete_intrinsic(Intrinsic& intrinsic) {
  if (intrinsic.name.empty()) raise_value("an intrinsic needs a name");
  if (!intrinsic.output && !intrinsic.expression)
    refuse(intrinsic, "it has no meaning; give the tensor that it computes");
  make_meaning(intrinsic);
  if (intrinsic.operands.empty()) intrinsic.operands.resize(intrinsic.pattern.operands.size());
  check_demands(intrinsic, intrinsic.operands);
  for (const Implementation& implementation : intrinsic.implementations) {
    if (implementation.target.empty()) refuse(intrinsic, "an implementation names no target");
    if (!implementation.operands.empty()) check_demands(intrinsic, implementation.operands);
    if (const auto* instruction = std::get_if<Instruction>(&implementation.code)) {
      if (instruction->name.empty()) refuse(intrinsic, "an instruction has no name");
      check_registers(intrinsic, instruction->result, true);
      for (const RegisterOperand& argument : instruction->arguments)
        check_registers(intrinsic, argument, false);
    } else {
      check_program(intrinsic, std::get<Program>(implementation.code));
    }
  }
}

}  // namespace tw::schedule
