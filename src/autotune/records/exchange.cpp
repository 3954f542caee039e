// Records between databases and files of lines.
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

#include "autotune/records/database_state.h"
#include "autotune/records/record_json.h"
#include "autotune/records/rows.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

namespace fs = std::filesystem;

bool is_database(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic(15, '\0');
  file.read(magic.data(), static_cast<std::streamsize>(magic.size()));
  return file && magic == "SQLite format 3";
}

/// Copies what the other database has. Numbers of runs and records are given anew.
int64_t copy_rows(Connection& from, Connection& to) {
  RowWriter writer(to);
  std::map<int64_t, int64_t> runs, records;
  for (const Run& run : runs_of(from)) runs[run.id] = writer.add(run);
  int64_t count = 0;
  each_record(from, "judged", {}, 0, [&](Record record) {
    const int64_t id = record.id;
    record.run = record.run == 0 ? 0 : runs.at(record.run);
    record.contradicted.clear();  // the verdicts follow
    bool added = false;
    records[id] = writer.add(record, &added);
    count += added ? 1 : 0;
  });
  Statement verdicts(from, "SELECT record, status, cause, worst, created FROM verdicts ORDER BY id");
  while (verdicts.step())
    writer.add_verdict(records.at(verdicts.integer(0)), verdicts.text(1), verdicts.text(2), verdicts.real(3),
                       verdicts.text(4));
  return count;
}

int64_t read_lines(const std::string& path, Connection& to) {
  std::ifstream file(path);
  if (!file) raise_value("{} cannot be read; see that it is there and who may read it", path);
  RowWriter writer(to);
  int64_t count = 0, number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty()) continue;
    try {
      Record record = record_of_json(line);
      if (const auto run = run_of_json(line)) record.run = writer.add(*run);
      bool added = false;
      writer.add(record, &added);
      count += added ? 1 : 0;
    } catch (const UserError& error) {
      raise_value("{}, line {}: {}. Nothing of the file was added; mend or remove the line", path, number,
                  error.what());
    }
  }
  return count;
}

}  // namespace

int64_t Database::merge(const std::string& other) {
  std::error_code ignored;
  if (fs::equivalent(other, path(), ignored))
    raise_value("{} is to be merged into itself; give another database or file", other);
  std::optional<Database> from;
  if (is_database(other)) from = open(other, true);
  const std::lock_guard lock(state_->mutex);
  Transaction transaction(state_->db);
  const int64_t count = from ? copy_rows(from->state_->db, state_->db) : read_lines(other, state_->db);
  transaction.commit();
  return count;
}

int64_t Database::export_to(const std::string& jsonl, bool best_only) const {
  const std::lock_guard lock(state_->mutex);
  std::map<int64_t, Run> runs;
  for (Run& run : runs_of(state_->db)) {
    const int64_t id = run.id;
    runs.emplace(id, std::move(run));
  }
  const std::string unfinished = jsonl + ".part";
  std::ofstream file(unfinished, std::ios::trunc);
  int64_t count = 0;
  each_record(state_->db, best_only ? "best" : "judged", {}, 0, [&](const Record& record) {
    const auto run = runs.find(record.run);
    file << to_json_line(record, run == runs.end() ? nullptr : &run->second) << '\n';
    ++count;
  });
  file.close();
  std::error_code error;
  if (file) fs::rename(unfinished, jsonl, error);
  if (!file || error) {
    fs::remove(unfinished, error);
    raise_value("{} cannot be written; see that its folder is there, may be written to, and has space",
                jsonl);
  }
  return count;
}

}  // namespace tw::autotune
