#include "autotune/records/schema.h"

#include <array>
#include <filesystem>
#include <fstream>

#include "support/error.h"

namespace tw::autotune {
namespace {

namespace fs = std::filesystem;

// Rows are added and never changed, which the triggers see to. What a run came to and what is found out
// about a record later are rows of their own. Lists and maps are JSON. `content` is the hash of what makes
// two records the same one.
constexpr const char* kFirst = R"sql(
CREATE TABLE workloads (
  hash TEXT NOT NULL PRIMARY KEY, family TEXT NOT NULL, sizes TEXT NOT NULL, text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE settings (
  id INTEGER PRIMARY KEY, target TEXT NOT NULL, machine TEXT NOT NULL, cache TEXT NOT NULL,
  bounded INTEGER NOT NULL, sizes TEXT NOT NULL, UNIQUE (target, machine, cache, bounded, sizes)
) STRICT;
CREATE TABLE traces (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, text TEXT NOT NULL) STRICT;
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, workload TEXT NOT NULL REFERENCES workloads, setting INTEGER NOT NULL REFERENCES settings,
  label TEXT NOT NULL, script TEXT NOT NULL, command TEXT NOT NULL, seed INTEGER NOT NULL, options TEXT NOT NULL,
  started TEXT NOT NULL, content TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE run_ends (
  run INTEGER NOT NULL PRIMARY KEY REFERENCES runs, ended TEXT NOT NULL, outcome TEXT NOT NULL
) STRICT;
CREATE TABLE records (
  id INTEGER PRIMARY KEY, workload TEXT NOT NULL REFERENCES workloads, setting INTEGER NOT NULL REFERENCES settings,
  run INTEGER REFERENCES runs, round INTEGER NOT NULL, final INTEGER NOT NULL, sketch TEXT NOT NULL,
  choices TEXT NOT NULL, trace INTEGER NOT NULL REFERENCES traces, parameters TEXT NOT NULL,
  status TEXT NOT NULL, cause TEXT NOT NULL, verified INTEGER NOT NULL,
  seconds REAL, samples TEXT NOT NULL, roof_fraction REAL NOT NULL, predicted REAL NOT NULL, features TEXT NOT NULL,
  compile_seconds REAL NOT NULL, created TEXT NOT NULL, versions TEXT NOT NULL, content TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE verdicts (
  id INTEGER PRIMARY KEY, record INTEGER NOT NULL REFERENCES records, status TEXT NOT NULL, cause TEXT NOT NULL,
  worst REAL NOT NULL, created TEXT NOT NULL, UNIQUE (record, status, cause, created)
) STRICT;
CREATE INDEX workloads_by_family ON workloads (family);
CREATE INDEX records_by_workload ON records (workload, setting, status);

-- Records with what verdicts say of them: `stands` is 1 where a record was found right and never wrong.
CREATE VIEW judged AS
  SELECT *,
    (SELECT cause FROM verdicts WHERE record = records.id AND status NOT IN ('ok', 'lost')
      ORDER BY id LIMIT 1) AS contradicted,
    (verified OR EXISTS (SELECT 1 FROM verdicts WHERE record = records.id AND status = 'ok'))
      AND NOT EXISTS (SELECT 1 FROM verdicts WHERE record = records.id AND status NOT IN ('ok', 'lost')) AS stands
  FROM records;
-- The best record of each workload and setting.
CREATE VIEW best AS
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY workload, setting ORDER BY final DESC, seconds, id) AS place
    FROM judged WHERE status = 'ok' AND stands AND seconds IS NOT NULL
  ) WHERE place = 1;

CREATE TRIGGER workloads_stay BEFORE UPDATE ON workloads BEGIN SELECT raise(ABORT, 'rows are never changed'); END;
CREATE TRIGGER workloads_last BEFORE DELETE ON workloads BEGIN SELECT raise(ABORT, 'rows are never removed'); END;
CREATE TRIGGER settings_stay BEFORE UPDATE ON settings BEGIN SELECT raise(ABORT, 'rows are never changed'); END;
CREATE TRIGGER settings_last BEFORE DELETE ON settings BEGIN SELECT raise(ABORT, 'rows are never removed'); END;
CREATE TRIGGER traces_stay BEFORE UPDATE ON traces BEGIN SELECT raise(ABORT, 'rows are never changed'); END;
CREATE TRIGGER traces_last BEFORE DELETE ON traces BEGIN SELECT raise(ABORT, 'rows are never removed'); END;
CREATE TRIGGER runs_stay BEFORE UPDATE ON runs BEGIN SELECT raise(ABORT, 'rows are never changed'); END;
CREATE TRIGGER runs_last BEFORE DELETE ON runs BEGIN SELECT raise(ABORT, 'rows are never removed'); END;
CREATE TRIGGER run_ends_stay BEFORE UPDATE ON run_ends BEGIN SELECT raise(ABORT, 'rows are never changed'); END;
CREATE TRIGGER run_ends_last BEFORE DELETE ON run_ends BEGIN SELECT raise(ABORT, 'rows are never removed'); END;
CREATE TRIGGER records_stay BEFORE UPDATE ON records BEGIN SELECT raise(ABORT, 'rows are never changed'); END;
CREATE TRIGGER records_last BEFORE DELETE ON records BEGIN SELECT raise(ABORT, 'rows are never removed'); END;
CREATE TRIGGER verdicts_stay BEFORE UPDATE ON verdicts BEGIN SELECT raise(ABORT, 'rows are never changed'); END;
CREATE TRIGGER verdicts_last BEFORE DELETE ON verdicts BEGIN SELECT raise(ABORT, 'rows are never removed'); END;
)sql";

constexpr std::array kMigrations = {kFirst};

void check_numbers(const std::string& path, int64_t application, int64_t version, int64_t newest) {
  if (application != kApplicationId)
    raise_value(
        "{} is a database of another program (its application_id is {:#x}, ours {:#x}); give another path",
        path, application, kApplicationId);
  if (version > newest)
    raise_value(
        "{} is of version {}, and this Tilewright reads versions up to {}; take a newer Tilewright, or "
        "another "
        "path",
        path, version, newest);
}

/// A big-endian number of a file's header.
int64_t number_at(const std::string& header, std::size_t at, std::size_t bytes) {
  int64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(header[at + i]);
  return value;
}

}  // namespace

std::span<const char* const> migrations() {
  return kMigrations;
}

void check_file(const std::string& path, int64_t newest) {
  std::error_code ignored;
  if (path.empty()) raise_value("a database needs a path, such as 'tuning.db'");
  if (path == kInMemory) return;
  const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored))
    raise_value("{}: there is no folder {}; make it, or give another path", path, folder.string());
  if (fs::is_directory(path, ignored)) raise_value("{} is a folder; give the path of a file in it", path);
  if (!fs::exists(path, ignored)) return;
  if (!fs::is_regular_file(path, ignored)) raise_value("{} is no plain file; give another path", path);

  constexpr std::size_t kHeader = 100;
  const std::string magic("SQLite format 3\0", 16);
  std::string header(kHeader, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file) raise_value("{} cannot be read; see who may read it, or give another path", path);
  file.read(header.data(), static_cast<std::streamsize>(kHeader));
  header.resize(static_cast<std::size_t>(file.gcount()));
  if (header.empty()) return;  // as good as none
  if (!header.starts_with(magic.substr(0, header.size())))
    raise_value("{} is no database: it does not begin with \"SQLite format 3\"; give another path", path);
  if (header.size() < kHeader)
    raise_value(
        "{} was cut short: it has {} bytes, less than the header of a database; take a copy from before, or "
        "give another path",
        path, header.size());
  // What is written and not yet in the file itself stands in the log beside it; then SQLite has to judge.
  if (fs::exists(path + "-wal", ignored) && fs::file_size(path + "-wal", ignored) > 0) return;
  const int64_t page = number_at(header, 16, 2) == 1 ? 65536 : number_at(header, 16, 2);
  const int64_t pages = number_at(header, 28, 4);
  const auto bytes = static_cast<int64_t>(fs::file_size(path, ignored));
  if (bytes < pages * page)
    raise_value(
        "{} was cut short: it has {} of {} bytes. Take a copy from before, or save what can be read: sqlite3 "
        "{} .recover | sqlite3 saved.db",
        path, bytes, pages * page, path);
  const int64_t application = number_at(header, 68, 4), version = number_at(header, 60, 4);
  // A file that nothing was written to yet has neither number; SQLite looks for tables then.
  if (application != 0 || version != 0) check_numbers(path, application, version, newest);
}

int64_t version_of(Connection& db, int64_t newest) {
  const int64_t application = db.integer("PRAGMA application_id"),
                version = db.integer("PRAGMA user_version");
  if (application == 0 && version == 0 && db.integer("SELECT count(*) FROM sqlite_master") == 0) return 0;
  check_numbers(db.path(), application, version, newest);
  return version;
}

void check_readable(Connection& db, int64_t newest) {
  const int64_t version = version_of(db, newest);
  if (version == 0) raise_value("{} holds no records: nothing was ever written to it", db.path());
  if (version < newest)
    raise_value(
        "{} is of version {}, and this Tilewright reads {}; open it for writing once, which brings it up to "
        "date",
        db.path(), version, newest);
}

void check_tables(Connection& db) {
  for (const char* name :
       {"workloads", "settings", "traces", "runs", "run_ends", "records", "verdicts", "judged", "best"})
    if (!Statement(db, "SELECT 1 FROM sqlite_master WHERE name = ?", name).step())
      raise_damaged(db.path(), std::string("it lacks the table ") + name);
}

void migrate(Connection& db, std::span<const char* const> steps) {
  const auto newest = static_cast<int64_t>(steps.size());
  if (version_of(db, newest) == newest) return;
  Transaction transaction(db);
  for (int64_t version = version_of(db, newest); version < newest; ++version)
    db.run(steps[static_cast<std::size_t>(version)]);
  db.run(fmt::format("PRAGMA application_id = {}", kApplicationId));
  db.run(fmt::format("PRAGMA user_version = {}", newest));
  transaction.commit();
}

}  // namespace tw::autotune
