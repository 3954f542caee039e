// What goes into a database comes out of it, and what is best.
#include "autotune/records/database.h"

#include <cmath>
#include <limits>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "autotune/records/samples/samples.h"
#include "support/error.h"
#include "te/expect_error.h"

namespace tw::autotune {
namespace {

using te::expect_value_error;

Record failed(Status status, const std::string& cause) {
  Record r = sample(0);
  r.status = status;
  r.cause = cause;
  r.samples.clear();
  r.seconds = std::numeric_limits<double>::infinity();
  r.verified = false;
  return r;
}

TEST(Database, gives_back_what_was_added) {
  const Folder folder;
  Database db = Database::open(folder / "tuning.db");
  Record r = sample(1.25e-3);
  r.setting.sizes = {{{"n", 1}}, {{"n", 128}}};
  r.setting.bounded = true;
  r.samples = {{1e-3, 2e-3}, {}};
  r.cause = "with \"quotes\", a\nline and \xc3\xa9";
  r.round = 3;
  r.final_round = true;
  r.run = db.add_run(sample_run());
  const int64_t id = db.add(r);
  const Record found = db.record(id);
  EXPECT_EQ(text_of(found), text_of(r));
  EXPECT_EQ(found.workload, r.workload);
  EXPECT_EQ(found.id, id);
  EXPECT_EQ(found.run, r.run);
  EXPECT_EQ(found.features, r.features);
  EXPECT_EQ(found.seconds, r.seconds);
  expect_value_error({"has no record 77"}, [&] { db.record(77); });
}

TEST(Database, keeps_failures_with_their_cause) {
  const Folder folder;
  Database db = Database::open(folder / "tuning.db");
  for (const Status status :
       {Status::kRefused, Status::kCompileTime, Status::kCompileCrash, Status::kTimeout, Status::kCrash,
        Status::kOutOfBounds, Status::kFailed, Status::kWrong, Status::kLost}) {
    const Record r = failed(status, std::string("because of ") + to_string(status));
    const Record found = db.record(db.add(r));
    EXPECT_EQ(found.status, status);
    EXPECT_EQ(found.cause, r.cause);
    EXPECT_TRUE(std::isinf(found.seconds));
  }
  const Record r = sample(1);
  EXPECT_FALSE(db.best(r.workload, r.setting));
  EXPECT_EQ(db.records({}).size(), 9U);
  Query ok;
  ok.only_ok = true;
  EXPECT_TRUE(db.records(ok).empty());
}

TEST(Database, survives_being_closed) {
  const Folder folder;
  const std::string path = folder / "odd name ?#%20 é.db";
  const Record r = sample(2e-3);
  Database::open(path).add(r);
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(text_of(Database::open(path, true).records({}).at(0)), text_of(r));
  EXPECT_EQ(Database::open(path).check(), "ok");
}

TEST(Database, best_is_verified_of_final_rounds_first_then_quickest_then_oldest) {
  const Folder folder;
  Database db = Database::open(folder / "tuning.db");
  const Record first = sample(5e-3);
  const auto best = [&] { return db.best(first.workload, first.setting).value_or(Record{}).id; };
  EXPECT_EQ(best(), 0);
  Record unverified = sample(1e-3);
  unverified.verified = false;
  const int64_t doubtful = db.add(unverified);
  EXPECT_EQ(best(), 0);
  const int64_t slow = db.add(first);
  EXPECT_EQ(best(), slow);
  const int64_t quick = db.add(sample(4e-3));
  EXPECT_EQ(best(), quick);
  Record same = sample(4e-3);
  same.round = 1;
  db.add(same);
  EXPECT_EQ(best(), quick);
  Record final_one = sample(4.5e-3);
  final_one.final_round = true;
  const int64_t last = db.add(final_one);
  EXPECT_EQ(best(), last);
  db.add_verdict(doubtful, {});
  EXPECT_EQ(best(), last);
}

TEST(Database, a_verdict_makes_and_unmakes_a_best) {
  const Folder folder;
  Database db = Database::open(folder / "tuning.db");
  Record r = sample(1e-3);
  r.verified = false;
  const int64_t id = db.add(r);
  EXPECT_FALSE(db.best(r.workload, r.setting));
  db.add_verdict(id, {Status::kLost, "the worker was killed", 0});
  EXPECT_FALSE(db.best(r.workload, r.setting));
  db.add_verdict(id, {Status::kOk, "", 0.25});
  ASSERT_TRUE(db.best(r.workload, r.setting));
  EXPECT_TRUE(db.best(r.workload, r.setting)->verified);
  db.add_verdict(id, {Status::kLost, "the worker was killed", 0});
  EXPECT_TRUE(db.best(r.workload, r.setting));
  db.add_verdict(id, {Status::kWrong, "C[0, 1] is 2, the reference 3", 40});
  db.add_verdict(id, {Status::kOk, "", 0.25});
  EXPECT_FALSE(db.best(r.workload, r.setting));
  EXPECT_EQ(db.record(id).contradicted, "C[0, 1] is 2, the reference 3");
  EXPECT_FALSE(db.record(id).verified);
}

TEST(Database, best_holds_in_its_setting_only) {
  const Folder folder;
  Database db = Database::open(folder / "tuning.db");
  const Record r = sample(1e-3);
  db.add(r);
  for (const auto& change : std::vector<std::function<void(Setting&)>>{
           [](Setting& s) { s.target = "llvm -threads=1"; },
           [](Setting& s) { s.machine = "another"; },
           [](Setting& s) { s.cache = "model"; },
           [](Setting& s) {
             s.sizes = {{{"n", 3}}};
           },
       }) {
    Setting setting = r.setting;
    change(setting);
    EXPECT_FALSE(db.best(r.workload, setting));
  }
  EXPECT_FALSE(db.best(sample(1, 65).workload, r.setting));
  Setting bounded = r.setting;
  bounded.bounded = true;
  EXPECT_TRUE(db.best(r.workload, bounded));  // exact ones may be used there
  Record quicker = sample(5e-4);
  quicker.setting = bounded;
  db.add(quicker);
  EXPECT_EQ(db.best(r.workload, bounded)->seconds, 5e-4);
  EXPECT_EQ(db.best(r.workload, r.setting)->seconds, 1e-3);
}

TEST(Database, neighbours_are_nearest_first) {
  const Folder folder;
  Database db = Database::open(folder / "tuning.db");
  for (const int64_t m : {8, 64, 96, 1000}) {
    db.add(sample(2e-3, m));
    db.add(sample(1e-3, m));
  }
  Record elsewhere = sample(1e-3);
  elsewhere.setting.machine = "another";
  db.add(elsewhere);
  Record wrong = sample(1e-4, 65);
  wrong.verified = false;
  db.add(wrong);
  const Record r = sample(1);
  std::vector<std::string> found;
  for (const Record& near : db.neighbours(r.workload, r.setting, 0)) {
    EXPECT_EQ(near.seconds, 1e-3);
    found.push_back(near.workload.hash + (near.setting.machine == "another" ? " elsewhere" : ""));
  }
  EXPECT_THAT(found, testing::ElementsAre(sample(1, 96).workload.hash, r.workload.hash + " elsewhere",
                                          sample(1, 8).workload.hash, sample(1, 1000).workload.hash));
  EXPECT_EQ(db.neighbours(r.workload, r.setting, 2).size(), 2U);
  EXPECT_TRUE(db.neighbours(key_of(matmul(64, 32, 48, "", true)), r.setting, 0).empty());
}

TEST(Database, a_query_selects) {
  const Folder folder;
  Database db = Database::open(folder / "tuning.db");
  const int64_t run = db.add_run(sample_run());
  Record r = sample(1e-3);
  r.run = run;
  db.add(r);
  db.add(sample(2e-3));
  db.add(sample(3e-3, 65));
  const auto count = [&](const std::function<void(Query&)>& change) {
    Query query;
    change(query);
    return db.records(query).size();
  };
  EXPECT_EQ(count([](Query&) {}), 3U);
  EXPECT_EQ(count([&](Query& q) { q.workload = r.workload.hash; }), 2U);
  EXPECT_EQ(count([&](Query& q) { q.workload = r.workload.hash.substr(0, 5); }), 2U);
  EXPECT_EQ(count([](Query& q) { q.workload = "none"; }), 0U);
  EXPECT_EQ(count([&](Query& q) { q.target = r.setting.target; }), 3U);
  EXPECT_EQ(count([](Query& q) { q.target = "llvm"; }), 0U);
  EXPECT_EQ(count([](Query& q) { q.machine = "another"; }), 0U);
  EXPECT_EQ(count([](Query& q) { q.cache = "model"; }), 0U);
  EXPECT_EQ(count([](Query& q) { q.only_best = true; }), 2U);
  EXPECT_EQ(count([](Query& q) { q.only_verified = true; }), 3U);
  EXPECT_EQ(count([&](Query& q) { q.run = run; }), 1U);
  EXPECT_EQ(count([](Query& q) { q.limit = 2; }), 2U);
}

TEST(Database, runs_end_once_and_may_never_end) {
  const Folder folder;
  Database db = Database::open(folder / "tuning.db");
  const int64_t first = db.add_run(sample_run());
  autotune::Run other = sample_run();
  other.seed = std::numeric_limits<uint64_t>::max();
  other.started.clear();
  db.add_run(other);
  db.end_run(first, "seconds");
  db.end_run(first, "trials");
  const std::vector<autotune::Run> runs = db.runs();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].outcome, "seconds");
  EXPECT_EQ(runs[0].label, sample_run().label);
  EXPECT_EQ(runs[0].command, sample_run().command);
  EXPECT_EQ(runs[1].seed, other.seed);
  EXPECT_FALSE(runs[1].started.empty());
  EXPECT_EQ(runs[1].ended, "");
}

TEST(Database, the_same_measurement_is_added_once) {
  const Folder folder;
  Database db = Database::open(folder / "tuning.db");
  const int64_t id = db.add(sample(1e-3));
  EXPECT_EQ(db.add(sample(1e-3)), id);
  Record later = sample(1e-3);
  later.created = "2026-01-31T12:00:00.001Z";
  EXPECT_NE(db.add(later), id);
  EXPECT_THAT(db.add(std::vector<Record>{sample(3), sample(1e-3), sample(4)}),
              testing::ElementsAre(3, id, 4));
  EXPECT_TRUE(db.add(std::vector<Record>{}).empty());
}

TEST(Database, the_same_measurement_verified_elsewhere_is_verified) {
  const Folder folder;
  Database db = Database::open(folder / "tuning.db");
  Record r = sample(1e-3);
  r.verified = false;
  const int64_t id = db.add(r);
  r.verified = true;
  EXPECT_EQ(db.add(r), id);
  EXPECT_TRUE(db.record(id).verified);
}

TEST(Database, its_rows_are_never_changed) {
  const Folder folder;
  {
    Database db = Database::open(folder / "tuning.db");
    Record r = sample(1e-3);
    r.run = db.add_run(sample_run());
    db.add_verdict(db.add(r), {});
    db.end_run(r.run, "seconds");
  }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "tuning.db").c_str(), &raw), SQLITE_OK);
  for (const std::string table :
       {"workloads", "settings", "traces", "runs", "run_ends", "records", "verdicts"}) {
    EXPECT_EQ(sqlite3_exec(raw, ("DELETE FROM " + table).c_str(), nullptr, nullptr, nullptr),
              SQLITE_CONSTRAINT)
        << table;
    const char* column = table == "workloads" ? "hash" : table == "run_ends" ? "run" : "id";
    EXPECT_EQ(sqlite3_exec(raw, ("UPDATE " + table + " SET " + column + " = " + column).c_str(), nullptr,
                           nullptr, nullptr),
              SQLITE_CONSTRAINT)
        << table;
  }
  sqlite3_close(raw);
}

TEST(Database, several_threads_may_use_one) {
  const Folder folder;
  Database db = Database::open(folder / "tuning.db");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&db, t] {
      for (int i = 0; i < 10; ++i) {
        db.add(sample(1 + t * 100 + i));
        db.best(sample(1).workload, this_setting());
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(db.records({}).size(), 40U);
  EXPECT_EQ(db.best(sample(1).workload, this_setting())->seconds, 1);
}

}  // namespace
}  // namespace tw::autotune
