// Schedules and the registry of primitives: the methods of tilewright.Schedule are made from it in Python.
#include "schedule/schedule.h"

#include "bindings/value.h"
#include "schedule/show.h"
#include "support/error.h"
#include "te/promote.h"

namespace tw::python {
namespace {

using schedule::ArgKind;
using schedule::BlockRef;
using schedule::BufferRef;
using schedule::IndexMap;
using schedule::List;
using schedule::LoopRef;
using schedule::Primitive;
using schedule::Schedule;
using schedule::Trace;
using schedule::Tunable;
using schedule::Value;

/// An index map of a Python function of the axes, (i, j) -> (i // 8, j, i % 8).
IndexMap index_map_from(const py::function& fn, const std::vector<std::string>& names) {
  IndexMap map;
  for (const std::string& name : names) map.from.emplace_back(name);
  for (const te::Value& value : values_from_python(fn(*vars_to_python(map.from))))
    map.to.push_back(te::to_index(value, "a part of an index map"));
  return map;
}

Value from_python(py::handle object) {
  if (object.is_none()) return {};
  if (py::isinstance<LoopRef>(object)) return object.cast<LoopRef>();
  if (py::isinstance<BlockRef>(object)) return object.cast<BlockRef>();
  if (py::isinstance<BufferRef>(object)) return object.cast<BufferRef>();
  if (py::isinstance<Tunable>(object)) return object.cast<Tunable>();
  if (py::isinstance<IndexMap>(object)) return object.cast<IndexMap>();
  if (PyBool_Check(object.ptr())) return object.cast<bool>();
  if (PyIndex_Check(object.ptr()))
    return py::int_(py::reinterpret_borrow<py::object>(object)).cast<int64_t>();
  if (PyFloat_Check(object.ptr())) return object.cast<double>();
  if (py::isinstance<py::str>(object)) return object.cast<std::string>();
  if (py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object)) {
    List list;
    for (py::handle part : object) list.push_back(from_python(part));
    return list;
  }
  raise_type("{} of type {} is no argument of a schedule's step", std::string(py::repr(object)),
             type_name(object));
}

py::object to_python(const Value& value) {
  return std::visit(
      []<class T>(const T& v) -> py::object {
        if constexpr (std::same_as<T, std::monostate>) {
          return py::none();
        } else if constexpr (std::same_as<T, List>) {
          py::list list;
          for (const Value& part : v) list.append(to_python(part));
          return list;
        } else if constexpr (std::same_as<T, schedule::Origin>) {
          return py::str(v.name);
        } else {
          return py::cast(v);
        }
      },
      static_cast<const Value::variant&>(value));
}

py::list apply(Schedule& s, const std::string& primitive, const py::sequence& args) {
  std::vector<Value> values;
  for (py::handle arg : args) values.push_back(from_python(arg));
  py::list results;
  for (const Value& result : s.apply(primitive, std::move(values))) results.append(to_python(result));
  return results;
}

/// The registry as plain data: name, summary, doc, arguments (name, doc, required, default, whether a map or
/// keywords are wanted).
py::list primitive_table() {
  py::list table;
  for (const Primitive* primitive : schedule::primitives()) {
    py::list args;
    for (const schedule::ArgSpec& spec : primitive->args)
      args.append(py::dict(py::arg("name") = spec.name, py::arg("doc") = spec.doc,
                           py::arg("required") = spec.required,
                           py::arg("default") = to_python(spec.default_value),
                           py::arg("is_map") = spec.kind == ArgKind::kIndexMap,
                           py::arg("is_options") = spec.kind == ArgKind::kOptions));
    table.append(py::dict(py::arg("name") = primitive->name, py::arg("summary") = primitive->summary,
                          py::arg("doc") = primitive->doc, py::arg("args") = args,
                          py::arg("variadic") = primitive->variadic, py::arg("results") = primitive->results,
                          py::arg("example") = primitive->example));
  }
  return table;
}

template <class Ref>
void bind_handle(py::module_& m, const char* name, const char* doc) {
  py::class_<Ref>(m, name, doc)
      .def(
          "__eq__", [](const Ref& a, const Ref& b) { return a == b; }, py::is_operator())
      .def("__hash__", [](const Ref& a) { return a.handle; });
}

}  // namespace

void bind_schedule(py::module_& m) {
  bind_handle<LoopRef>(m, "LoopRef", "Number of a loop in a schedule's table of handles.");
  bind_handle<BlockRef>(m, "BlockRef", "Number of a block in a schedule's table of handles.");
  bind_handle<BufferRef>(m, "BufferRef", "Number of a buffer in a schedule's table of handles.");
  py::class_<Tunable>(m, "Tunable", "A parameter of a schedule; tilewright.param makes one.")
      .def(py::init(
               [](std::string name, int64_t min, int64_t max, int64_t multiple_of, int64_t default_value) {
                 return Tunable{std::move(name), min, max, multiple_of, default_value};
               }),
           py::arg("name"), py::arg("min"), py::arg("max"), py::arg("multiple_of"), py::arg("default"))
      .def_readonly("name", &Tunable::name)
      .def_readonly("min", &Tunable::min)
      .def_readonly("max", &Tunable::max)
      .def_readonly("multiple_of", &Tunable::multiple_of)
      .def_readonly("default", &Tunable::default_value);
  py::class_<IndexMap>(m, "IndexMap", "A map of indices: a layout.")
      .def(py::init(&index_map_from), py::arg("function"), py::arg("names"))
      .def_static("parse", &IndexMap::parse, py::arg("text"))
      .def("__str__", &IndexMap::text);
  py::class_<Trace>(m, "TraceData", "The steps of a schedule as data.")
      .def_static("from_json", &Trace::from_json, py::arg("text"))
      .def("to_json", &Trace::to_json)
      .def("__len__", [](const Trace& trace) { return trace.steps.size(); });
  py::class_<Schedule>(m, "ScheduleState", "A loop program under a schedule; tilewright.Schedule wraps it.")
      .def(py::init<Program>(), py::arg("first"))
      .def_static("replay", &Schedule::replay, py::arg("first"), py::arg("trace"))
      .def("apply", &apply, py::arg("primitive"), py::arg("args"))
      .def("blocks", &Schedule::blocks)
      .def("block", &Schedule::block, py::arg("name"))
      .def("loops", &Schedule::loops, py::arg("block"))
      .def("buffer", &Schedule::buffer, py::arg("name"))
      .def(
          "name_of",
          [](const Schedule& s, const py::object& handle) { return s.name_of(from_python(handle)); },
          py::arg("handle"))
      .def("show_text", [](const Schedule& s) { return schedule::show_text(s.program()); })
      .def_property_readonly("program", &Schedule::program)
      .def_property_readonly("first_program", &Schedule::first_program)
      .def_property_readonly("trace", &Schedule::trace);
  m.def("primitives", &primitive_table, "The registered primitives of schedules as plain data.");
}

}  // namespace tw::python
