// Tensor intrinsics as plain data: dicts to declare one from, and to show one as. tilewright.intrinsics wraps
// them.
#include "schedule/intrinsic.h"

#include <algorithm>

#include "bindings/value.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw::python {
namespace {

using schedule::Implementation;
using schedule::IndexMap;
using schedule::Instruction;
using schedule::Intrinsic;
using schedule::OperandDemand;
using schedule::RegisterOperand;
using schedule::StrideDemand;

/// A dict whose entries are taken one by one; what is left over is an error that names what is known.
class Entries {
 public:
  Entries(py::handle object, std::string what) : what_(std::move(what)) {
    if (!py::isinstance<py::dict>(object))
      raise_type("{} is {} of type {}; it is a dict", what_, std::string(py::repr(object)),
                 type_name(object));
    for (const auto& [key, value] : object.cast<py::dict>())
      left_.emplace_back(py::str(key), py::reinterpret_borrow<py::object>(value));
  }

  /// The entry of that name; None when there is none.
  py::object take(const char* name) {
    known_ += (known_.empty() ? "" : ", ") + std::string(name);
    const auto at = std::find_if(left_.begin(), left_.end(), [&](const auto& e) { return e.first == name; });
    if (at == left_.end()) return py::none();
    py::object value = at->second;
    left_.erase(at);
    return value;
  }
  template <class T>
  T take(const char* name, T otherwise) {
    const py::object value = take(name);
    return value.is_none() ? otherwise : cast<T>(value, name);
  }
  template <class T>
  T need(const char* name) {
    const py::object value = take(name);
    if (value.is_none()) raise_value("{} has no '{}'", what_, name);
    return cast<T>(value, name);
  }
  void finish() const {
    if (!left_.empty()) raise_value("{} has an entry '{}', and knows {}", what_, left_.front().first, known_);
  }

 private:
  template <class T>
  T cast(const py::object& value, const char* name) const {
    try {
      return value.cast<T>();
    } catch (const py::cast_error&) {
      raise_type("'{}' of {} is {} of type {}, which it cannot be", name, what_, std::string(py::repr(value)),
                 type_name(value));
    }
  }
  std::string what_, known_;
  std::vector<std::pair<std::string, py::object>> left_;
};

Scope scope_from(const std::string& text, const std::string& what) {
  if (const auto scope = enum_from_text<Scope>(text)) return *scope;
  raise_value("{} lies in '{}'; memory is 'global', 'shared', 'local' or 'fragment'", what, text);
}

/// A number: exactly so. None: any. "8n": a multiple.
StrideDemand stride_from(py::handle object, const std::string& what) {
  if (object.is_none()) return {};
  if (py::isinstance<py::int_>(object)) return {.exactly = object.cast<int64_t>(), .multiple_of = 1};
  const std::string text = py::str(object);
  char* end = nullptr;
  const long long factor = std::strtoll(text.c_str(), &end, 10);
  if (std::string(end) != "n" || factor < 1)
    raise_value("a stride of {} is '{}'; it is an int, None, or a text like \"8n\" for a multiple of 8", what,
                text);
  return {.exactly = 0, .multiple_of = factor};
}

OperandDemand demand_from(py::handle object, const std::string& name) {
  const std::string what = "the operand " + name;
  Entries entries(object, what);
  OperandDemand demand;
  const py::object scope = entries.take("scope");
  if (py::isinstance<py::str>(scope)) {
    demand.scopes.push_back(scope_from(scope.cast<std::string>(), what));
  } else if (!scope.is_none()) {
    for (py::handle one : scope) demand.scopes.push_back(scope_from(py::str(one), what));
  }
  if (const py::object strides = entries.take("strides"); !strides.is_none())
    for (py::handle stride : strides) demand.strides.push_back(stride_from(stride, what));
  demand.alignment = entries.take<int64_t>("alignment", 1);
  if (const auto lanes = entries.take<std::string>("lanes", ""); !lanes.empty())
    demand.lane_map = schedule::parse_lane_map(lanes);
  entries.finish();
  return demand;
}

std::size_t position(const std::vector<std::string>& names, const std::string& name,
                     const std::string& what) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  std::string known;
  for (const std::string& one : names) known += (known.empty() ? "" : ", ") + one;
  raise_value("{} names operand '{}'; the operands are {}", what, name, known);
}

std::vector<OperandDemand> demands_from(const py::object& object, const std::vector<std::string>& names,
                                        const std::string& what) {
  if (object.is_none()) return {};
  if (!py::isinstance<py::dict>(object)) raise_type("the operands of {} are a dict by name", what);
  std::vector<OperandDemand> demands(names.size());
  for (const auto& [key, value] : object.cast<py::dict>()) {
    const std::string name = py::str(key);
    demands[position(names, name, what)] = demand_from(value, name);
  }
  return demands;
}

RegisterOperand registers_from(py::handle object, const std::vector<std::string>& names,
                               const std::string& what) {
  Entries entries(object, what);
  RegisterOperand registers;
  registers.operand = static_cast<int>(position(names, entries.need<std::string>("operand"), what));
  registers.type = entries.need<std::string>("type");
  registers.registers = entries.take<int>("registers", 1);
  registers.elements = entries.take<int>("elements", 1);
  registers.place = IndexMap::parse(entries.need<std::string>("place"));
  registers.is_address = entries.take<bool>("is_address", false);
  entries.finish();
  return registers;
}

Implementation implementation_from(py::handle object, const std::vector<std::string>& names) {
  Entries entries(object, "an implementation");
  Implementation implementation;
  implementation.target = entries.need<std::string>("target");
  implementation.features = entries.take<std::vector<std::string>>("features", {});
  implementation.operands = demands_from(entries.take("operands"), names, "an implementation");
  implementation.registers = entries.take<int>("registers", 0);
  const py::object program = entries.take("program");
  const auto name = entries.take<std::string>("instruction", "");
  if (program.is_none() == name.empty())
    raise_value("an implementation for '{}' has a program or an instruction, one of both",
                implementation.target);
  if (name.empty()) {
    implementation.code = py::isinstance<py::str>(program) ? parse_program(program.cast<std::string>())
                                                           : program.cast<Program>();
    entries.finish();
    return implementation;
  }
  Instruction instruction;
  instruction.name = name;
  instruction.result = registers_from(entries.need<py::object>("result"), names, "the result of " + name);
  for (const py::handle argument : entries.need<py::list>("arguments"))
    instruction.arguments.push_back(registers_from(argument, names, "an argument of " + name));
  entries.finish();
  implementation.code = std::move(instruction);
  return implementation;
}

/// Declares an intrinsic; gives its name.
std::string declare(const std::string& name, const te::Tensor& output, bool accumulates,
                    const std::vector<std::string>& names, const py::object& operands,
                    const py::object& implementations, const py::dict& numerics, const std::string& summary) {
  Intrinsic intrinsic;
  intrinsic.name = name;
  intrinsic.summary = summary;
  intrinsic.output = output;
  intrinsic.accumulates = accumulates;
  intrinsic.operands = demands_from(operands, names, "intrinsic '" + name + "'");
  for (const py::handle one : implementations)
    intrinsic.implementations.push_back(implementation_from(one, names));
  Entries entries(numerics, "the numerics of intrinsic '" + name + "'");
  intrinsic.numerics.exact = entries.take<bool>("exact", true);
  intrinsic.numerics.error_per_term = entries.take<double>("error_per_term", 0);
  intrinsic.numerics.error = entries.take<std::string>("error", "");
  intrinsic.numerics.non_finite = entries.take<std::string>("non_finite", "");
  entries.finish();
  return schedule::declare_intrinsic(std::move(intrinsic)).name;
}

// The other way.

py::dict to_python(const OperandDemand& demand) {
  py::list scopes, strides;
  for (const Scope scope : demand.scopes) scopes.append(to_string(scope));
  for (const StrideDemand& stride : demand.strides)
    strides.append(stride.exactly           ? py::object(py::int_(stride.exactly))
                   : stride.multiple_of > 1 ? py::object(py::str(fmt::format("{}n", stride.multiple_of)))
                                            : py::object(py::none()));
  py::dict entries;
  if (!scopes.empty()) entries["scope"] = scopes;
  if (!strides.empty()) entries["strides"] = strides;
  if (demand.alignment > 1) entries["alignment"] = demand.alignment;
  if (demand.lane_map) entries["lanes"] = schedule::to_text(*demand.lane_map);
  return entries;
}

py::dict demands_to_python(const std::vector<OperandDemand>& demands, const std::vector<std::string>& names) {
  py::dict by_name;
  for (std::size_t i = 0; i < demands.size(); ++i) by_name[names[i].c_str()] = to_python(demands[i]);
  return by_name;
}

py::dict to_python(const RegisterOperand& registers, const std::vector<std::string>& names) {
  py::dict entries(py::arg("operand") = names[static_cast<std::size_t>(registers.operand)],
                   py::arg("type") = registers.type, py::arg("registers") = registers.registers,
                   py::arg("elements") = registers.elements, py::arg("place") = registers.place.text());
  if (registers.is_address) entries["is_address"] = true;
  return entries;
}

py::dict to_python(const Implementation& implementation, const std::vector<std::string>& names) {
  py::dict entries(py::arg("target") = implementation.target, py::arg("features") = implementation.features);
  if (!implementation.operands.empty())
    entries["operands"] = demands_to_python(implementation.operands, names);
  if (implementation.registers) entries["registers"] = implementation.registers;
  if (const auto* program = std::get_if<Program>(&implementation.code)) {
    entries["program"] = *program;
    return entries;
  }
  const auto& instruction = std::get<Instruction>(implementation.code);
  py::list arguments;
  for (const RegisterOperand& argument : instruction.arguments) arguments.append(to_python(argument, names));
  entries["instruction"] = instruction.name;
  entries["result"] = to_python(instruction.result, names);
  entries["arguments"] = arguments;
  return entries;
}

/// All that is known of an intrinsic; None when there is none of the name.
py::object find(const std::string& name) {
  const Intrinsic* intrinsic = schedule::find_intrinsic(name);
  if (!intrinsic) return py::none();
  const std::vector<std::string> names = schedule::operand_names(*intrinsic);
  py::list implementations;
  for (const Implementation& one : intrinsic->implementations) implementations.append(to_python(one, names));
  const schedule::Numerics& numerics = intrinsic->numerics;
  return py::dict(py::arg("summary") = intrinsic->summary, py::arg("accumulates") = intrinsic->accumulates,
                  py::arg("meaning") = intrinsic->meaning, py::arg("operand_names") = names,
                  py::arg("operands") = demands_to_python(intrinsic->operands, names),
                  py::arg("implementations") = implementations,
                  py::arg("numerics") = py::dict(
                      py::arg("exact") = numerics.exact, py::arg("error_per_term") = numerics.error_per_term,
                      py::arg("error") = numerics.error, py::arg("non_finite") = numerics.non_finite));
}

/// Families and declared intrinsics: (name, summary, examples).
py::list listing() {
  py::list rows;
  for (const schedule::IntrinsicListing& row : schedule::intrinsics())
    rows.append(py::make_tuple(row.name, row.summary, row.members));
  return rows;
}

}  // namespace

void bind_intrinsic(py::module_& m) {
  m.def("declare_intrinsic", &declare, py::arg("name"), py::arg("output"), py::arg("accumulates"),
        py::arg("operand_names"), py::arg("operands"), py::arg("implementations"), py::arg("numerics"),
        py::arg("summary"), "Adds a tensor intrinsic to the registry.");
  m.def("find_intrinsic", &find, py::arg("name"), "A tensor intrinsic as plain data, or None.");
  m.def("intrinsics", &listing, "Families of tensor intrinsics and declared ones.");
}

}  // namespace tw::python
