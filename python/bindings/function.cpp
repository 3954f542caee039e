// tilewright.Function, the part below its Python class.
#include "bindings/function.h"

#include "bindings/interpret.h"
#include "codegen/backend.h"
#include "codegen/export.h"
#include "support/error.h"

namespace tw::python {

std::shared_ptr<const codegen::Module> compile(const Program& program, const codegen::Target& target) {
  const py::gil_scoped_release unlocked;
  return codegen::build(program, target);
}

std::shared_ptr<const LoadedFunction> load_module(std::shared_ptr<const codegen::Module> module,
                                                  const Program& program, std::vector<BoundArray> bound) {
  const codegen::Module& of = *module;
  return load_function(std::move(module), of.function(), argument_params(program), of.target().threads,
                       std::move(bound));
}

FunctionState::FunctionState(Program program, const std::string& target)
    : Callable(program->name.text, nullptr),
      program_(std::move(program)),
      target_(codegen::parse_target(target)) {
  replace(load_module(compile(program_, target_), program_));
}

std::shared_ptr<const codegen::Module> FunctionState::module() const {
  return std::static_pointer_cast<const codegen::Module>(loaded()->owner);
}

py::dict FunctionState::stats() const {
  const codegen::BuildStats& stats = module()->stats();
  py::dict times, copies;
  for (const codegen::PassTime& pass : stats.times) {
    const double before = times.contains(pass.name) ? times[py::str(pass.name)].cast<double>() : 0;
    times[py::str(pass.name)] = before + pass.seconds;
  }
  for (const auto& [name, count] : this->copies()) copies[py::str(name)] = count;
  return py::dict(py::arg("times") = times, py::arg("code_bytes") = stats.code_bytes,
                  py::arg("spills") = stats.spills, py::arg("spills_outside") = stats.spills_outside,
                  py::arg("vector_registers") = stats.vector_registers, py::arg("notes") = stats.notes,
                  py::arg("copies") = copies);
}

void FunctionState::export_library(const std::string& path, bool embed_weights) const {
  const std::shared_ptr<const LoadedFunction> function = loaded();
  const std::shared_ptr<const codegen::Module> code = module();
  codegen::ExportOptions options{.embed_weights = embed_weights};
  for (const BoundArray& bound : function->bound) {
    const Array& array = bound.array;
    options.constants.push_back({.buffer = static_cast<int32_t>(bound.place),
                                 .dtype = array.dtype(),
                                 .shape = array.shape(),
                                 .data = array.data(),
                                 .bytes = array.bytes()});
  }
  const py::gil_scoped_release unlocked;
  codegen::export_library(*code, path, options);
}

void bind_function(py::module_& m) {
  py::class_<FunctionState, Callable>(m, "FunctionState",
                                      "Compiled code of a program; tilewright.Function is made of it.")
      .def(py::init<Program, const std::string&>(), py::arg("program"), py::arg("target"))
      .def(py::init<const FunctionState&, const py::dict&>(), py::arg("function"), py::arg("constants"))
      .def("_source", &FunctionState::source, py::arg("kind"))
      .def("_stats", &FunctionState::stats)
      .def("_export", &FunctionState::export_library, py::arg("path"), py::arg("embed_weights"))
      .def_property_readonly("program", &FunctionState::program, "The program that it was made of.")
      .def_property_readonly(
          "target", [](const FunctionState& f) { return f.target().to_string(); },
          "The target in full: with the CPU and its features.");
  m.def(
      "backends",
      [] {
        py::list all;
        for (const codegen::Backend& backend : codegen::backends())
          all.append(py::make_tuple(backend.name, backend.summary, backend.why_not()));
        return all;
      },
      "The back ends: name, summary, why it cannot be used on this machine (empty: it can).");
  m.def(
      "target_text", [](const std::string& text) { return codegen::parse_target(text).to_string(); },
      py::arg("text"), "A target in full.");
}

}  // namespace tw::python
