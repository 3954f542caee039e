// Files of every earlier version, and of the next one.
#include "autotune/records/schema.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "autotune/records/samples/samples.h"
#include "support/error.h"
#include "te/expect_error.h"

namespace tw::autotune {
namespace {

using te::expect_value_error;

/// A database file from the SQL that `sqlite3 tuning.db .dump` gave of one of that version, with the numbers
/// that a dump leaves out.
void restore(const std::string& path, const std::string& sql, int64_t version) {
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &raw), SQLITE_OK);
  const std::string all =
      sql + fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {};", kApplicationId, version);
  EXPECT_EQ(sqlite3_exec(raw, all.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
  sqlite3_close(raw);
}

std::string fixture(int64_t version) {
  return bytes_of(fmt::format("{}/v{}.sql", TW_FIXTURES, version));
}

TEST(Schema, every_earlier_version_has_a_file) {
  for (std::size_t version = 1; version <= migrations().size(); ++version)
    EXPECT_FALSE(fixture(static_cast<int64_t>(version)).empty())
        << "tests/autotune/records/fixtures/v" << version << ".sql is missing";
}

TEST(Schema, files_of_every_version_open_with_all_they_hold) {
  for (std::size_t version = 1; version <= migrations().size(); ++version) {
    const Folder folder;
    restore(folder / "old.db", fixture(static_cast<int64_t>(version)), static_cast<int64_t>(version));
    Database db = Database::open(folder / "old.db");
    EXPECT_EQ(db.check(), "ok");
    const auto records = db.records({});
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records[0].seconds, 1.5e-3);
    EXPECT_EQ(records[0].status, Status::kOk);
    EXPECT_EQ(records[1].contradicted, "C[0] is 1");
    EXPECT_EQ(records[2].status, Status::kCrash);
    EXPECT_EQ(db.best(records[0].workload, records[0].setting)->id, records[0].id);
    ASSERT_EQ(db.runs().size(), 1U);
    EXPECT_EQ(db.runs()[0].outcome, "seconds");
    db.add(sample(1));
    EXPECT_EQ(db.records({}).size(), 4U);
    Database merged = Database::open(folder / "merged.db");
    EXPECT_EQ(merged.merge(folder / "old.db"), 4);
  }
}

constexpr const char* kNext =
    "ALTER TABLE records ADD COLUMN watts REAL; CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT) "
    "STRICT;";

std::vector<const char*> steps_and(const char* next) {
  std::vector<const char*> steps(migrations().begin(), migrations().end());
  steps.push_back(next);
  return steps;
}

TEST(Schema, a_migration_keeps_all_rows_and_counts_the_version) {
  const Folder folder;
  const auto newest = static_cast<int64_t>(migrations().size());
  restore(folder / "a.db", fixture(newest), newest);
  {
    Connection db(folder / "a.db", Connection::Mode::kReadWrite);
    migrate(db, steps_and(kNext));
    EXPECT_EQ(db.integer("PRAGMA user_version"), newest + 1);
    EXPECT_EQ(db.integer("SELECT count(*) FROM records WHERE watts IS NULL"), 3);
    EXPECT_EQ(db.integer("SELECT count(*) FROM notes"), 0);
    EXPECT_EQ(version_of(db, newest + 1), newest + 1);
    migrate(db, steps_and(kNext));  // nothing is left to do
  }
  // What is of the next version now, this one refuses.
  expect_value_error({"is of version", "newer Tilewright"}, [&] { Database::open(folder / "a.db"); });
}

TEST(Schema, a_migration_that_fails_leaves_the_file_as_it_was) {
  const Folder folder;
  const auto newest = static_cast<int64_t>(migrations().size());
  restore(folder / "a.db", fixture(newest), newest);
  const std::string before = bytes_of(folder / "a.db");
  {
    Connection db(folder / "a.db", Connection::Mode::kReadWrite);
    EXPECT_THROW(migrate(db, steps_and("CREATE TABLE notes (x) STRICT; SELECT nothing FROM nowhere;")),
                 InternalError);
    EXPECT_EQ(version_of(db, newest), newest);
  }
  EXPECT_EQ(bytes_of(folder / "a.db"), before);
  EXPECT_EQ(Database::open(folder / "a.db").records({}).size(), 3U);
}

TEST(Schema, an_old_file_that_is_only_read_is_not_brought_up_to_date) {
  const Folder folder;
  const auto newest = static_cast<int64_t>(migrations().size());
  restore(folder / "a.db", fixture(newest), newest);
  Connection db(folder / "a.db", Connection::Mode::kReadOnly);
  check_readable(db, newest);
  expect_value_error({"is of version", "open it for writing once"}, [&] { check_readable(db, newest + 1); });
}

TEST(Schema, a_file_that_lacks_a_table_is_damaged) {
  const Folder folder;
  const auto newest = static_cast<int64_t>(migrations().size());
  restore(folder / "a.db", "CREATE TABLE workloads (x);", newest);
  for (const bool read_only : {false, true})
    expect_value_error({"is damaged", "lacks the table settings"},
                       [&] { Database::open(folder / "a.db", read_only); });
}

}  // namespace
}  // namespace tw::autotune
