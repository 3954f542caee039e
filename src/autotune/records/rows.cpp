#include "autotune/records/rows.h"

#include <nlohmann/json.hpp>

#include "autotune/records/record_json.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

/// Columns as `read_record` takes them.
constexpr const char* kRecordColumns =
    "r.id, w.hash, w.family, w.sizes, w.text, s.target, s.machine, s.cache, s.bounded, s.sizes, r.sketch, "
    "r.choices, t.text, r.parameters, r.status, r.cause, r.samples, r.stands, r.contradicted, r.seconds, "
    "r.roof_fraction, r.predicted, r.features, r.compile_seconds, r.run, r.round, r.final, r.created, "
    "r.versions";

Setting read_setting(const Statement& row, int at) {
  Setting setting;
  setting.target = row.text(at);
  setting.machine = row.text(at + 1);
  setting.cache = row.text(at + 2);
  setting.bounded = row.integer(at + 3) != 0;
  setting.sizes = list_of_values(row.text(at + 4));
  return setting;
}

WorkloadKey read_workload(const Statement& row, int at) {
  WorkloadKey key;
  key.hash = row.text(at);
  key.family = row.text(at + 1);
  key.sizes = integers_of(row.text(at + 2));
  key.text = row.text(at + 3);
  return key;
}

Record read_record(const Statement& row) {
  Record r;
  r.id = row.integer(0);
  r.workload = read_workload(row, 1);
  r.setting = read_setting(row, 5);
  r.sketch = row.text(10);
  r.choices = values_of(row.text(11));
  r.trace = row.text(12);
  r.parameters = values_of(row.text(13));
  r.status = status_of(row.text(14));
  r.cause = row.text(15);
  r.samples = samples_of(row.text(16));
  r.verified = row.integer(17) != 0;
  r.contradicted = row.text(18);
  r.seconds = row.real(19);
  r.roof_fraction = row.real(20);
  r.predicted = row.real(21);
  r.features = floats_of(row.text(22));
  r.compile_seconds = row.real(23);
  r.run = row.integer(24);
  r.round = static_cast<int>(row.integer(25));
  r.final_round = row.integer(26) != 0;
  r.created = row.text(27);
  r.versions = words_of(row.text(28));
  return r;
}

/// Columns that may not be NULL.
double finite(double value) {
  return std::isfinite(value) ? value : 0;
}

}  // namespace

void RowWriter::add_workload(const WorkloadKey& key) {
  check_internal(key.hash == hash_of(key.text), "a workload's hash is {}, that of its text {}", key.hash,
                 hash_of(key.text));
  Statement(db_,
            "INSERT INTO workloads (hash, family, sizes, text) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            key.hash, key.family, json_of(key.sizes), key.text)
      .run();
}

int64_t RowWriter::setting_of(const Setting& setting) {
  const std::string sizes = json_of(setting.sizes);
  Statement(db_,
            "INSERT INTO settings (target, machine, cache, bounded, sizes) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            setting.target, setting.machine, setting.cache, setting.bounded, sizes)
      .run();
  Statement found(
      db_,
      "SELECT id FROM settings WHERE target = ? AND machine = ? AND cache = ? AND bounded = ? AND "
      "sizes = ?",
      setting.target, setting.machine, setting.cache, setting.bounded, sizes);
  check_internal(found.step(), "a setting that was added is not there");
  return found.integer(0);
}

int64_t RowWriter::trace_of(const std::string& trace) {
  const std::string hash = hash_of(trace);
  Statement(db_, "INSERT INTO traces (hash, text) VALUES (?, ?) ON CONFLICT DO NOTHING", hash, trace).run();
  Statement found(db_, "SELECT id FROM traces WHERE hash = ?", hash);
  check_internal(found.step(), "a trace that was added is not there");
  return found.integer(0);
}

int64_t RowWriter::add(const Record& record, bool* added) {
  Record r = record;
  if (r.created.empty()) r.created = time_now();
  add_workload(r.workload);
  const int64_t setting = setting_of(r.setting), trace = trace_of(r.trace);
  const std::string content = content_of(r);
  Statement insert(
      db_,
      "INSERT INTO records (workload, setting, round, final, sketch, choices, trace, parameters, status, "
      "cause, "
      "verified, seconds, samples, roof_fraction, predicted, features, compile_seconds, created, versions, "
      "content, run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT "
      "(content) "
      "DO NOTHING",
      r.workload.hash, setting, r.round, r.final_round, r.sketch, json_of(r.choices), trace,
      json_of(r.parameters), to_string(r.status), r.cause, r.verified, r.seconds, json_of(r.samples),
      finite(r.roof_fraction), finite(r.predicted), json_of(r.features), finite(r.compile_seconds), r.created,
      json_of(r.versions), content);
  constexpr int kRun = 21;
  if (r.run == 0)
    insert.bind(kRun, Null());
  else
    insert.bind(kRun, r.run);
  insert.run();
  const bool fresh = db_.changes() == 1;
  if (added) *added = fresh;
  int64_t id = db_.last_row();
  if (!fresh) {
    Statement found(db_, "SELECT id FROM records WHERE content = ?", content);
    check_internal(found.step(), "a record that was added is not there");
    id = found.integer(0);
    if (r.verified) add_verdict(id, "ok", "", 0, r.created);  // whoever has it from elsewhere verified it
  }
  if (!r.contradicted.empty()) add_verdict(id, "wrong", r.contradicted, 0, r.created);
  return id;
}

int64_t RowWriter::add(const Run& given, bool* added) {
  Run run = given;
  if (run.started.empty()) run.started = time_now();
  if (run.options.empty()) run.options = "{}";
  add_workload(run.workload);
  const std::string content = content_of(run);
  Statement(db_,
            "INSERT INTO runs (workload, setting, label, script, command, seed, options, started, content) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (content) DO NOTHING",
            run.workload.hash, setting_of(run.setting), run.label, run.script, run.command,
            static_cast<int64_t>(run.seed), run.options, run.started, content)
      .run();
  if (added) *added = db_.changes() == 1;
  Statement found(db_, "SELECT id FROM runs WHERE content = ?", content);
  check_internal(found.step(), "a run that was added is not there");
  const int64_t id = found.integer(0);
  if (!run.ended.empty()) end_run(id, run.ended, run.outcome);
  return id;
}

void RowWriter::end_run(int64_t run, const std::string& ended, const std::string& outcome) {
  Statement(db_, "INSERT INTO run_ends (run, ended, outcome) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", run,
            ended, outcome)
      .run();
}

void RowWriter::add_verdict(int64_t record, const std::string& status, const std::string& cause, double worst,
                            const std::string& created) {
  Statement(db_,
            "INSERT INTO verdicts (record, status, cause, worst, created) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            record, status, cause, finite(worst), created)
      .run();
}

void Condition::add(const std::string& condition, const std::string& value) {
  sql += " AND " + condition;
  values.push_back(value);
}

void each_record(Connection& db, const std::string& view, const Condition& condition, int limit,
                 const std::function<void(Record)>& f) {
  std::string sql = fmt::format(
      "SELECT {} FROM {} r JOIN workloads w ON w.hash = r.workload JOIN settings s ON s.id = r.setting "
      "JOIN traces t ON t.id = r.trace WHERE {} ORDER BY r.id",
      kRecordColumns, view, condition.sql);
  if (limit > 0) sql += fmt::format(" LIMIT {}", limit);
  Statement rows(db, sql);
  for (std::size_t i = 0; i < condition.values.size(); ++i)
    rows.bind(static_cast<int>(i) + 1, condition.values[i]);
  try {
    while (rows.step()) f(read_record(rows));
  } catch (const nlohmann::json::exception& error) {
    raise_value("{} is damaged: a record holds what is no JSON of ours: {}. Take a copy from before",
                db.path(), error.what());
  }
}

std::vector<Run> runs_of(Connection& db) {
  Statement rows(
      db,
      "SELECT r.id, w.hash, w.family, w.sizes, w.text, s.target, s.machine, s.cache, s.bounded, s.sizes, "
      "r.label, r.script, r.command, r.seed, r.options, r.started, e.ended, e.outcome "
      "FROM runs r JOIN workloads w ON w.hash = r.workload JOIN settings s ON s.id = r.setting "
      "LEFT JOIN run_ends e ON e.run = r.id ORDER BY r.id");
  std::vector<Run> runs;
  while (rows.step()) {
    Run& run = runs.emplace_back();
    run.id = rows.integer(0);
    run.workload = read_workload(rows, 1);
    run.setting = read_setting(rows, 5);
    run.label = rows.text(10);
    run.script = rows.text(11);
    run.command = rows.text(12);
    run.seed = static_cast<uint64_t>(rows.integer(13));
    run.options = rows.text(14);
    run.started = rows.text(15);
    run.ended = rows.text(16);
    run.outcome = rows.text(17);
  }
  return runs;
}

}  // namespace tw::autotune
