// The search, and sketches written in Python.
#include "autotune/search/tune.h"

#include "autotune/model/xgboost.h"
#include "autotune/search/roof.h"
#include "bindings/bind.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw::python {
namespace {

using autotune::Choices;
using autotune::Progress;
using autotune::Sketch;
using autotune::TuneOptions;
using autotune::TuneResult;
using autotune::Values;
using autotune::Workload;

template <class T>
void take(const py::dict& options, const char* name, T& value) {
  if (options.contains(name)) value = options[name].cast<T>();
}

TuneOptions options_of(const py::dict& given) {
  TuneOptions options;
  take(given, "target", options.target);
  take(given, "trials", options.trials);
  take(given, "seconds", options.seconds);
  take(given, "roof_fraction", options.roof_fraction);
  take(given, "least_gain", options.least_gain);
  take(given, "seed", options.seed);
  take(given, "cache", options.cache);
  take(given, "bounded", options.bounded);
  take(given, "sizes", options.sizes);
  take(given, "weights", options.weights);
  take(given, "model", options.model);
  take(given, "warm_model", options.warm_model);
  take(given, "label", options.label);
  take(given, "script", options.script);
  take(given, "command", options.command);
  take(given, "versions", options.versions);
  take(given, "worker", options.runner.command);
  take(given, "workers", options.runner.workers);
  take(given, "compile_seconds", options.runner.compile_seconds);
  take(given, "run_seconds", options.runner.run_seconds);
  return options;
}

py::dict to_python(const Progress& progress) {
  return py::dict(py::arg("trials") = progress.trials, py::arg("structures") = progress.structures,
                  py::arg("seconds") = progress.seconds, py::arg("best_seconds") = progress.best_seconds,
                  py::arg("roof_fraction") = progress.roof_fraction, py::arg("failures") = progress.failures,
                  py::arg("doing") = progress.doing);
}

py::dict tune(const Program& first, const py::dict& given, const std::string& database,
              const std::string& shipped, const py::object& on_progress) {
  const TuneOptions options = options_of(given);
  TuneResult result;
  // What the caller's function raised, a KeyboardInterrupt too: the search ends first, and keeps all.
  std::optional<py::error_already_set> raised;
  {
    const auto progress = [&](const Progress& now) {
      const py::gil_scoped_acquire locked;
      if (raised) return false;
      try {
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        return on_progress.is_none() || !on_progress(to_python(now)).is(py::bool_(false));
      } catch (py::error_already_set& error) {
        raised.emplace(error);
        return false;
      }
    };
    const py::gil_scoped_release unlocked;
    autotune::Database db = autotune::Database::open(database);
    std::optional<autotune::ShippedRecords> records;
    if (!shipped.empty()) records.emplace(shipped);
    result = autotune::tune(first, options, db, records ? &*records : nullptr, progress);
  }
  if (raised) throw py::error_already_set(std::move(*raised));
  py::dict made = to_python(result.progress);
  made["best"] = result.best ? py::object(py::str(autotune::to_json_line(*result.best))) : py::none();
  made["best_id"] = result.best ? result.best->id : 0;
  made["stopped_by"] = result.stopped_by;
  made["run"] = result.run;
  made["curve"] = result.curve;
  made["notes"] = result.notes;
  return made;
}

/// A step that is refused makes a point that does not exist; anything else is a fault of the sketch.
template <class F>
auto calling_python(const F& f) {
  const py::gil_scoped_acquire locked;
  try {
    return f();
  } catch (py::error_already_set& error) {
    const py::object user_error = py::module_::import("tilewright.errors").attr("UserError");
    const py::object rejected = py::module_::import("tilewright._core").attr("Rejected");
    if (error.matches(user_error) || error.matches(rejected)) throw autotune::Rejected(error.what());
    throw;
  }
}

void add_sketch(const std::string& name, const std::string& summary, const py::function& applies,
                const py::function& apply) {
  // Functions of Python die with the lock held, wherever the last copy of the sketch goes; those that outlive
  // Python are left alone.
  const auto keep = [](const py::function& function) {
    return std::shared_ptr<py::function>(new py::function(function), [](py::function* kept) {
      if (!Py_IsInitialized()) return;
      const py::gil_scoped_acquire locked;
      delete kept;
    });
  };
  Sketch sketch;
  sketch.name = name;
  sketch.summary = summary;
  sketch.applies = [applies = keep(applies)](const Workload& workload) {
    return calling_python([&] { return (*applies)(workload.program).cast<bool>(); });
  };
  sketch.apply = [apply = keep(apply)](autotune::Script& script, const Workload& workload, Choices& choices) {
    calling_python([&] {
      (*apply)(py::cast(script.schedule(), py::return_value_policy::reference), workload.program,
               py::cast(choices, py::return_value_policy::reference));
    });
  };
  autotune::add_sketch(std::move(sketch));
}

py::object candidate(const Program& first, const std::string& target, const std::string& name,
                     const Values& choices, bool bounded, const Values& sizes) {
  Workload workload{first, autotune::machine_of(codegen::parse_target(target)), bounded, sizes};
  const Sketch* sketch = autotune::find_sketch(name);
  if (!sketch) raise_value("there is no sketch '{}'", name);
  std::string why;
  const auto made = autotune::make_candidate(workload, *sketch, Choices(choices), &why);
  if (!made) raise_value("sketch '{}' has no such point: {}", name, why);
  py::list holes;
  for (const Choices::Hole& hole : made->holes)
    holes.append(py::dict(py::arg("name") = hole.name, py::arg("values") = hole.values,
                          py::arg("value") = hole.value, py::arg("preferred") = hole.preferred,
                          py::arg("parameter") = hole.parameter, py::arg("ways") = hole.ways));
  return py::make_tuple(made->program, made->trace.to_json(), made->parameters, holes);
}

std::vector<std::string> sketch_names(const Program& first, const std::string& target, bool bounded,
                                      const Values& sizes) {
  const Workload workload{first, autotune::machine_of(codegen::parse_target(target)), bounded, sizes};
  std::vector<std::string> names;
  for (const Sketch* sketch : autotune::sketches_for(workload)) names.push_back(sketch->name);
  return names;
}

/// What a workload asks for, and what this machine gives at most.
py::dict workload_work(const std::string& program, const std::vector<Values>& sizes) {
  Workload workload;
  workload.program = parse_program(program);
  workload.machine = autotune::machine_of(codegen::parse_target("llvm"));
  if (!sizes.empty()) workload.sizes = sizes.front();
  const autotune::Roofline found = autotune::roofline_of(workload);
  return py::dict(py::arg("operations") = found.operations, py::arg("bytes") = found.bytes,
                  py::arg("peak") = found.peak, py::arg("bandwidth") = found.bandwidth);
}

/// Which library learns: its file and version, both empty where it cannot be opened, and why not.
py::dict xgboost() {
  std::string why;
  const auto library = autotune::installed_xgboost(&why);
  return py::dict(py::arg("file") = library ? library->file : "",
                  py::arg("version") = library ? library->version : "", py::arg("why_not") = why);
}

}  // namespace

void bind_tune(py::module_& m) {
  py::class_<Choices>(m, "Choices", "The holes of a sketch; each method fills one.")
      .def("pick", &Choices::pick, py::arg("name"), py::arg("values"), py::arg("preferred"),
           "One of the values; code is generated for it.")
      .def("flag", &Choices::flag, py::arg("name"), py::arg("preferred") = false, "Yes or no.")
      .def("way", &Choices::way, py::arg("name"), py::arg("ways"), py::arg("preferred") = 0,
           "One of the ways, by its position.")
      .def("parameter", &Choices::parameter, py::arg("name"), py::arg("values"), py::arg("preferred"),
           "A factor of `split` that is filled when the kernel runs.")
      .def("reject", &Choices::reject, py::arg("why"), "Says that no such point exists.");
  py::register_exception<autotune::Rejected>(m, "Rejected", PyExc_ValueError);
  m.def("tune", &tune, py::arg("program"), py::arg("options"), py::arg("database"), py::arg("shipped"),
        py::arg("on_progress"), "Searches; gives the result as plain data.");
  m.def("add_sketch", &add_sketch, py::arg("name"), py::arg("summary"), py::arg("applies"), py::arg("apply"),
        "Adds a sketch written in Python.");
  m.def("remove_sketch", &autotune::remove_sketch, py::arg("name"), "Takes a sketch away.");
  m.def("sketch_names", &sketch_names, py::arg("program"), py::arg("target"), py::arg("bounded"),
        py::arg("sizes"), "The sketches that apply.");
  m.def("workload_work", &workload_work, py::arg("program"), py::arg("sizes"),
        "Operations and bytes of a run of a workload's text; operations and bytes a second of this machine.");
  m.def("xgboost", &xgboost,
        "The file and version of the XGBoost library that models use, or why there is none.");
  m.def("sketch_point", &candidate, py::arg("program"), py::arg("target"), py::arg("sketch"),
        py::arg("choices"), py::arg("bounded"), py::arg("sizes"),
        "The program, trace, parameters and holes of a point of a sketch.");
}

}  // namespace tw::python
