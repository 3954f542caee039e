// The registry of rewrites, and the rewrites that a program has been through, as plain data.
#include "schedule/rewrite.h"

#include "bindings/bind.h"
#include "bindings/value.h"

namespace tw::python {
namespace {

using schedule::AppliedRewrite;
using schedule::ArgSpec;
using schedule::Rewrite;

/// The default of an option: a number or a text, None when there is none.
py::object default_of(const ArgSpec& spec) {
  if (const auto* number = spec.default_value.get_if<int64_t>()) return py::int_(*number);
  if (const auto* flag = spec.default_value.get_if<bool>()) return py::bool_(*flag);
  if (const auto* real = spec.default_value.get_if<double>()) return py::float_(*real);
  if (const auto* text = spec.default_value.get_if<std::string>()) return py::str(*text);
  return py::none();
}

py::list rewrite_table() {
  py::list table;
  for (const Rewrite* rewrite : schedule::rewrites()) {
    py::list options;
    for (const ArgSpec& spec : rewrite->options)
      options.append(py::dict(py::arg("name") = spec.name, py::arg("doc") = spec.doc,
                              py::arg("kind") = schedule::article(spec.kind),
                              py::arg("required") = spec.required, py::arg("default") = default_of(spec)));
    table.append(py::dict(py::arg("name") = rewrite->name, py::arg("summary") = rewrite->summary,
                          py::arg("doc") = rewrite->doc, py::arg("error") = rewrite->error,
                          py::arg("non_finite") = rewrite->non_finite, py::arg("options") = options,
                          py::arg("example") = rewrite->example));
  }
  return table;
}

py::list applied(const Program& program) {
  py::list list;
  for (const AppliedRewrite& rewrite : schedule::applied_rewrites(program))
    list.append(py::dict(
        py::arg("call") = rewrite.call, py::arg("error_factor") = rewrite.error_factor,
        py::arg("error_per_term") = rewrite.error_per_term,
        py::arg("error_scale") = rewrite.error_scale == schedule::ErrorScale::kTerms ? "terms" : "largest"));
  return list;
}

}  // namespace

void bind_rewrites(py::module_& m) {
  m.def("rewrites", &rewrite_table, "The registered rewrites as plain data.");
  m.def("applied_rewrites", &applied, py::arg("program"),
        "The rewrites that made a program, in order, with the bounds that they declare.");
}

}  // namespace tw::python
