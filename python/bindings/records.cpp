// Databases of tuning records, and look-ups in them.
#include "autotune/records/database.h"
#include "autotune/records/lookup.h"
#include "autotune/records/verify.h"
#include "bindings/bind.h"
#include "codegen/target.h"
#include "ir/text.h"
#include "schedule/intrinsic_json.h"
#include "schedule/schedule.h"
#include "support/error.h"

namespace tw::python {
namespace {

using autotune::Database;
using autotune::Query;
using autotune::Record;
using autotune::Run;
using autotune::Setting;
using autotune::ShippedRecords;
using autotune::Values;

/// A record as Python takes it apart: the line of a file, and what files do not hold.
py::tuple to_python(const Record& record) {
  return py::make_tuple(autotune::to_json_line(record), record.id, record.run, record.source);
}

py::object to_python(const std::optional<Record>& record) {
  return record ? py::object(to_python(*record)) : py::none();
}

py::list to_python(const std::vector<Record>& records) {
  py::list list;
  for (const Record& record : records) list.append(to_python(record));
  return list;
}

py::dict to_python(const Run& run) {
  return py::dict(
      py::arg("id") = run.id, py::arg("workload") = run.workload.hash, py::arg("target") = run.setting.target,
      py::arg("machine") = run.setting.machine, py::arg("label") = run.label, py::arg("script") = run.script,
      py::arg("command") = run.command, py::arg("seed") = run.seed, py::arg("options") = run.options,
      py::arg("started") = run.started, py::arg("ended") = run.ended, py::arg("outcome") = run.outcome);
}

/// The setting of this machine for a target and sizes as the user wrote them.
Setting setting_of(const Program& first, const std::string& target, const std::string& cache, bool bounded,
                   const std::vector<Values>& sizes) {
  return autotune::setting_for(first, codegen::parse_target(target), cache, bounded, sizes);
}

/// Runs f without Python's lock.
template <class F>
auto unlocked(const F& f) {
  const py::gil_scoped_release released;
  return f();
}

/// A database that Python can close; a value error after that.
class OpenDatabase {
 public:
  OpenDatabase(const std::string& path, bool read_only)
      : path_(path), db_(unlocked([&] { return Database::open(path, read_only); })) {}
  Database& get() {
    if (!db_) raise_value("the database {} is closed; open it again by tw.open_db", path_);
    return *db_;
  }
  const std::string& path() const { return path_; }
  void close() { db_.reset(); }

 private:
  std::string path_;
  std::optional<Database> db_;
};

Query query_of(const std::string& workload, const std::string& target, const std::string& machine,
               const std::string& cache, bool ok, bool verified, bool best, int64_t run, int limit) {
  Query query;
  query.workload = workload;
  query.target = target;
  query.machine = machine;
  query.cache = cache;
  query.only_ok = ok;
  query.only_verified = verified;
  query.only_best = best;
  query.run = run;
  query.limit = limit;
  return query;
}

/// The program to compile (None without a record), the record, and the note.
py::tuple look_up(const Program& first, const std::string& target, bool bounded, const std::string& cache,
                  std::optional<OpenDatabase*> db, std::optional<ShippedRecords*> shipped) {
  const auto found = unlocked([&] {
    return autotune::look_up(first, setting_of(first, target, cache, bounded, {}),
                             db ? &(*db)->get() : nullptr, shipped.value_or(nullptr));
  });
  return py::make_tuple(found.record ? py::cast(found.program) : py::none(), to_python(found.record),
                        found.note);
}

py::list verify(OpenDatabase& db, const std::vector<int64_t>& ids, const std::vector<std::string>& worker) {
  autotune::RunnerOptions options;
  options.command = worker;
  const auto verdicts = unlocked([&] { return autotune::verify(db.get(), ids, options); });
  py::list list;
  for (const auto& verdict : verdicts)
    list.append(py::make_tuple(autotune::to_string(verdict.status), verdict.cause, verdict.worst));
  return list;
}

}  // namespace

void bind_records(py::module_& m) {
  py::class_<OpenDatabase>(m, "DatabaseState", "An open database; tilewright.Database wraps it.")
      .def(py::init<std::string, bool>(), py::arg("path"), py::arg("read_only"))
      .def_property_readonly("path", &OpenDatabase::path)
      .def("close", &OpenDatabase::close)
      .def(
          "records",
          [](OpenDatabase& db, const std::string& workload, const std::string& target,
             const std::string& machine, const std::string& cache, bool ok, bool verified, bool best,
             int64_t run, int limit) {
            const Query query = query_of(workload, target, machine, cache, ok, verified, best, run, limit);
            return to_python(unlocked([&] { return db.get().records(query); }));
          },
          py::arg("workload"), py::arg("target"), py::arg("machine"), py::arg("cache"), py::arg("ok"),
          py::arg("verified"), py::arg("best"), py::arg("run"), py::arg("limit"))
      .def(
          "record", [](OpenDatabase& db, int64_t id) { return to_python(db.get().record(id)); },
          py::arg("id"))
      .def(
          "best",
          [](OpenDatabase& db, const Program& first, const std::string& target, const std::string& cache,
             bool bounded, const std::vector<Values>& sizes) {
            return to_python(
                db.get().best(autotune::key_of(first), setting_of(first, target, cache, bounded, sizes)));
          },
          py::arg("program"), py::arg("target"), py::arg("cache"), py::arg("bounded"), py::arg("sizes"))
      .def(
          "neighbours",
          [](OpenDatabase& db, const Program& first, const std::string& target, const std::string& cache,
             bool bounded, int limit) {
            return to_python(db.get().neighbours(autotune::key_of(first),
                                                 setting_of(first, target, cache, bounded, {}), limit));
          },
          py::arg("program"), py::arg("target"), py::arg("cache"), py::arg("bounded"), py::arg("limit"))
      .def("runs",
           [](OpenDatabase& db) {
             py::list runs;
             for (const Run& run : db.get().runs()) runs.append(to_python(run));
             return runs;
           })
      .def(
          "merge",
          [](OpenDatabase& db, const std::string& other) {
            return unlocked([&] { return db.get().merge(other); });
          },
          py::arg("other"))
      .def(
          "export",
          [](OpenDatabase& db, const std::string& path, bool best) {
            return unlocked([&] { return db.get().export_to(path, best); });
          },
          py::arg("path"), py::arg("best"))
      .def("check", [](OpenDatabase& db) { return unlocked([&] { return db.get().check(); }); })
      .def("verify", &verify, py::arg("ids"), py::arg("worker"));
  py::class_<ShippedRecords>(m, "ShippedRecords", "Records that come with Tilewright.")
      .def(py::init<std::string>(), py::arg("folder"))
      .def("records", [](const ShippedRecords& shipped) { return to_python(shipped.records()); })
      .def("notes", &ShippedRecords::notes);
  m.def(
      "workload_key",
      [](const Program& first) {
        const auto key = autotune::key_of(first);
        return py::make_tuple(key.hash, key.text);
      },
      py::arg("program"), "The hash and the text that records of the expression have.");
  m.def("look_up", &look_up, py::arg("program"), py::arg("target"), py::arg("bounded"), py::arg("cache"),
        py::arg("database"), py::arg("shipped"),
        "The scheduled program of the best record, the record, and why.");
  m.def(
      "scheduled_as",
      [](const std::string& line) {
        const Record record = autotune::record_of_json(line);
        schedule::declare_missing(schedule::Trace::from_json(record.trace).intrinsics);
        return autotune::scheduled_as(record, parse_program(record.workload.text));
      },
      py::arg("line"), "The program that a record's line says.");
  m.def(
      "is_of_this_machine",
      [](const std::string& target, const std::string& machine) {
        Setting setting;
        setting.target = target;
        setting.machine = machine;
        return autotune::is_of_this_machine(setting);
      },
      py::arg("target"), py::arg("machine"), "Whether records of a target and machine can be run here.");
}

}  // namespace tw::python
