#include "autotune/records/database.h"

#include <chrono>
#include <filesystem>
#include <mutex>
#include <thread>

#include <unistd.h>

#include "autotune/records/database_state.h"
#include "autotune/records/ranking.h"
#include "autotune/records/record_json.h"
#include "autotune/records/rows.h"
#include "autotune/records/schema.h"
#include "support/error.h"

namespace tw::autotune {

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

namespace {

namespace fs = std::filesystem;

/// Changes nothing where the file has it already. Two processes that open a new file at once may meet here,
/// and SQLite does not wait for this lock.
void use_log(Connection& db) {
  constexpr int kTries = 100;
  for (int i = 1; db.text("PRAGMA journal_mode") != "wal"; ++i) {
    try {
      db.run("PRAGMA journal_mode = WAL");
      return;
    } catch (const UserError&) {
      if (i == kTries) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
}

/// Before anything is written to a file: its pages are as they should be.
void check_pages(Connection& db) {
  const std::string found = db.text("PRAGMA quick_check(1)");
  if (found != "ok") raise_damaged(db.path(), found);
}

/// An open file of the newest version. A reader of a log makes a file beside it; where it may not, and nobody
/// is writing, it can do without.
template <class State>
std::unique_ptr<State> open_to_read(const std::string& path, int64_t newest) {
  if (!fs::exists(path)) raise_value("there is no database {}; tuning makes one", path);
  const auto open = [&](Connection::Mode mode) {
    auto state = std::make_unique<State>(path, mode);
    check_readable(state->db, newest);
    check_tables(state->db);
    return state;
  };
  const bool is_logged = fs::exists(path + "-wal") && fs::file_size(path + "-wal") > 0;
  const bool may_write = access(fs::absolute(path).parent_path().c_str(), W_OK) == 0;
  return open(is_logged || may_write ? Connection::Mode::kReadOnly : Connection::Mode::kImmutable);
}

Condition of_family(const WorkloadKey& key, const Setting& setting) {
  Condition condition;
  condition.add("w.family = ?", key.family);
  if (!setting.bounded) condition.sql += " AND s.bounded = 0";
  return condition;
}

}  // namespace

Database Database::open(const std::string& path, bool read_only) {
  const auto newest = static_cast<int64_t>(migrations().size());
  check_file(path, newest);
  if (read_only) return Database(open_to_read<State>(path, newest));
  auto state = std::make_unique<State>(path, Connection::Mode::kReadWrite);
  Connection& db = state->db;
  if (db.is_read_only())
    raise_value("{} may not be written to; make it writable, open it read-only, or give another path", path);
  if (version_of(db, newest) > 0) check_pages(db);
  use_log(db);
  // A commit is in the system's hands when it returns: it survives the end of the process, however that
  // comes. Waiting for the disk too would take milliseconds of every trial; `end_run` does.
  db.run("PRAGMA synchronous = NORMAL");
  db.run("PRAGMA foreign_keys = ON");
  migrate(db, migrations());
  check_tables(db);
  return Database(std::move(state));
}

const std::string& Database::path() const {
  return state_->db.path();
}

int64_t Database::add_run(const Run& run) {
  const std::lock_guard lock(state_->mutex);
  Transaction transaction(state_->db);
  const int64_t id = RowWriter(state_->db).add(run);
  transaction.commit();
  return id;
}

void Database::end_run(int64_t run, const std::string& outcome) {
  const std::lock_guard lock(state_->mutex);
  // Waits until the log is on the disk, and so all that was added before.
  state_->db.run("PRAGMA synchronous = FULL");
  Transaction transaction(state_->db);
  RowWriter(state_->db).end_run(run, time_now(), outcome);
  transaction.commit();
  state_->db.run("PRAGMA synchronous = NORMAL");
}

int64_t Database::add(const Record& record) {
  return add(std::vector<Record>{record}).front();
}

std::vector<int64_t> Database::add(const std::vector<Record>& records) {
  const std::lock_guard lock(state_->mutex);
  Transaction transaction(state_->db);
  RowWriter writer(state_->db);
  std::vector<int64_t> ids;
  for (const Record& record : records) ids.push_back(writer.add(record));
  transaction.commit();
  return ids;
}

void Database::add_verdict(int64_t record, const Verdict& verdict) {
  const std::lock_guard lock(state_->mutex);
  Transaction transaction(state_->db);
  RowWriter(state_->db)
      .add_verdict(record, to_string(verdict.status), verdict.cause, verdict.worst, time_now());
  transaction.commit();
}

std::optional<Record> Database::best(const WorkloadKey& key, const Setting& setting) const {
  const std::lock_guard lock(state_->mutex);
  Condition condition;
  condition.add("r.workload = ?", key.hash);
  condition.add("s.target = ?", setting.target);
  condition.add("s.machine = ?", setting.machine);
  condition.add("s.cache = ?", setting.cache);
  condition.add("s.sizes = ?", json_of(setting.sizes));
  if (!setting.bounded) condition.sql += " AND s.bounded = 0";
  std::optional<Record> best;
  each_record(state_->db, "best", condition, 0, [&](Record found) {
    if (!best || is_better(found, *best)) best = std::move(found);
  });
  return best;
}

std::vector<Record> Database::neighbours(const WorkloadKey& key, const Setting& setting, int limit) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<Record> found;
  each_record(state_->db, "best", of_family(key, setting), 0,
              [&](Record record) { found.push_back(std::move(record)); });
  return nearest(std::move(found), key, setting, limit);
}

std::vector<Record> Database::records(const Query& query) const {
  const std::lock_guard lock(state_->mutex);
  Condition condition;
  if (!query.workload.empty()) condition.add("r.workload GLOB ?", query.workload + "*");
  if (!query.target.empty()) condition.add("s.target = ?", query.target);
  if (!query.machine.empty()) condition.add("s.machine = ?", query.machine);
  if (!query.cache.empty()) condition.add("s.cache = ?", query.cache);
  if (query.only_ok) condition.sql += " AND r.status = 'ok'";
  if (query.only_verified) condition.sql += " AND r.stands";
  if (query.run != 0) condition.add("r.run = CAST(? AS INTEGER)", std::to_string(query.run));
  std::vector<Record> records;
  each_record(state_->db, query.only_best ? "best" : "judged", condition, query.limit,
              [&](Record record) { records.push_back(std::move(record)); });
  return records;
}

Record Database::record(int64_t id) const {
  const std::lock_guard lock(state_->mutex);
  Condition condition;
  condition.add("r.id = CAST(? AS INTEGER)", std::to_string(id));
  std::optional<Record> found;
  each_record(state_->db, "judged", condition, 1, [&](Record record) { found = std::move(record); });
  if (!found) raise_value("{} has no record {}; `records` lists them", path(), id);
  return *found;
}

std::vector<Run> Database::runs() const {
  const std::lock_guard lock(state_->mutex);
  return runs_of(state_->db);
}

std::string Database::check() const {
  const std::lock_guard lock(state_->mutex);
  return state_->db.text("PRAGMA integrity_check");
}

}  // namespace tw::autotune
