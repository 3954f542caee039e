// Records that travel: lines of files, merged databases, what comes with Tilewright.
#include <cmath>
#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autotune/records/samples/samples.h"
#include "support/error.h"
#include "te/expect_error.h"

namespace tw::autotune {
namespace {

using te::expect_value_error;

/// A database of every kind of row.
Database filled(const std::string& path) {
  Database db = Database::open(path);
  Record r = sample(1.23456789e-3);
  r.run = db.add_run(sample_run());
  r.final_round = true;
  db.add(r);
  Record wrong = sample(1e-4, 65);
  wrong.setting.sizes = {{{"v", 3}}, {{"v", 9}}};
  db.add_verdict(db.add(wrong), {Status::kWrong, "C[0] is 1", 3});
  Record crash = sample(0, 66);
  crash.status = Status::kCrash;
  crash.cause = "signal 11 \xff";
  crash.seconds = std::numeric_limits<double>::infinity();
  crash.samples.clear();
  crash.features.clear();
  crash.trace.clear();
  crash.verified = false;
  db.add(crash);
  db.end_run(r.run, "seconds");
  return db;
}

std::vector<std::string> texts_of(const Database& db) {
  std::vector<std::string> texts;
  for (const Record& record : db.records({})) texts.push_back(text_of(record));
  return texts;
}

TEST(RecordLine, says_the_record) {
  Record r = sample(1.25e-3);
  r.setting.sizes = {{{"v", 3}}};
  const Record back = record_of_json(to_json_line(r));
  EXPECT_EQ(text_of(back), text_of(r));
  EXPECT_EQ(back.workload, r.workload);
  EXPECT_EQ(back.setting, r.setting);
  EXPECT_EQ(back.choices, r.choices);
  EXPECT_EQ(back.features, r.features);
  EXPECT_EQ(to_json_line(r).find('\n'), std::string::npos);
  const autotune::Run run = sample_run();
  const auto run_back = run_of_json(to_json_line(r, &run));
  ASSERT_TRUE(run_back);
  EXPECT_EQ(run_back->command, run.command);
  EXPECT_EQ(run_back->seed, run.seed);
  EXPECT_FALSE(run_of_json(to_json_line(r)));
}

TEST(RecordLine, that_is_damaged_is_an_error_that_says_why) {
  const std::string line = to_json_line(sample(1e-3));
  for (std::size_t length = 0; length < line.size(); length += 7)
    EXPECT_THROW(record_of_json(line.substr(0, length)), UserError) << length;
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = line;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  expect_value_error({"no JSON object"}, [] { record_of_json("[1]"); });
  expect_value_error({"no \"format\""}, [] { record_of_json("{}"); });
  expect_value_error({"format 2", "up to 1"},
                     [&] { record_of_json(changed("\"format\":1", "\"format\":2")); });
  expect_value_error({"was changed"}, [&] { record_of_json(changed("spatial(64)", "spatial(63)")); });
  expect_value_error({"no record"},
                     [&] { record_of_json(changed("\"sketch\":\"contraction\"", "\"sketch\":3")); });
  expect_value_error({"status 'odd'"},
                     [&] { record_of_json(changed("\"status\":\"ok\"", "\"status\":\"odd\"")); });
}

TEST(Export, and_import_give_the_same_records) {
  const Folder folder;
  const Database db = filled(folder / "a.db");
  EXPECT_EQ(db.export_to(folder / "a.jsonl", false), 3);
  Database other = Database::open(folder / "b.db");
  EXPECT_EQ(other.merge(folder / "a.jsonl"), 3);
  EXPECT_EQ(texts_of(other), texts_of(db));
  ASSERT_EQ(other.runs().size(), 1U);
  EXPECT_EQ(other.runs()[0].outcome, "seconds");
  EXPECT_EQ(other.records({})[0].run, other.runs()[0].id);
  EXPECT_EQ(other.records({})[1].contradicted, "C[0] is 1");
  EXPECT_EQ(other.merge(folder / "a.jsonl"), 0);
  other.export_to(folder / "b.jsonl", false);
  EXPECT_EQ(bytes_of(folder / "b.jsonl"), bytes_of(folder / "a.jsonl"));
  EXPECT_EQ(db.export_to(folder / "best.jsonl", true), 1);
}

TEST(Export, that_cannot_be_written_leaves_what_was_there) {
  const Folder folder;
  const Database db = filled(folder / "a.db");
  expect_value_error({"cannot be written"}, [&] { db.export_to(folder / "nowhere/a.jsonl", false); });
  write_bytes(folder / "old.jsonl", "old");
  std::filesystem::create_directory(folder / "old.jsonl.part");
  expect_value_error({"cannot be written"}, [&] { db.export_to(folder / "old.jsonl", false); });
  EXPECT_EQ(bytes_of(folder / "old.jsonl"), "old");
}

TEST(Merge, of_databases_adds_what_is_missing) {
  const Folder folder;
  filled(folder / "a.db");
  Database db = Database::open(folder / "b.db");
  const int64_t mine = db.add(sample(5e-3));
  EXPECT_EQ(db.merge(folder / "a.db"), 3);
  EXPECT_EQ(db.merge(folder / "a.db"), 0);
  EXPECT_EQ(db.records({}).size(), 4U);
  EXPECT_EQ(text_of(db.record(mine)), text_of(sample(5e-3)));
  EXPECT_EQ(db.records({})[2].contradicted, "C[0] is 1");
  // A verdict that came later comes along.
  {
    Database a = Database::open(folder / "a.db");
    a.add_verdict(1, {Status::kWrong, "later", 2});
  }
  EXPECT_EQ(db.merge(folder / "a.db"), 0);
  EXPECT_EQ(db.records({})[1].contradicted, "later");
  EXPECT_EQ(db.check(), "ok");
}

TEST(Merge, that_fails_adds_nothing) {
  const Folder folder;
  Database db = Database::open(folder / "a.db");
  write_bytes(folder / "lines.jsonl",
              to_json_line(sample(1)) + "\n\n" + to_json_line(sample(2)).substr(0, 100) + "\n");
  expect_value_error({"lines.jsonl, line 3", "Nothing of the file was added"},
                     [&] { db.merge(folder / "lines.jsonl"); });
  EXPECT_TRUE(db.records({}).empty());
  expect_value_error({"nowhere.jsonl", "cannot be read"}, [&] { db.merge(folder / "nowhere.jsonl"); });
  expect_value_error({"into itself"}, [&] { db.merge(folder / "a.db"); });
}

TEST(ShippedRecords, hold_on_their_machine_and_are_neighbours_elsewhere) {
  const Folder folder;
  std::filesystem::create_directories(folder / "llvm-x/deeper");
  Record slower = sample(2e-3), other_size = sample(1e-3, 128), elsewhere = sample(1e-3),
         doubtful = sample(1e-5);
  elsewhere.setting.machine = "another";
  doubtful.verified = false;
  const std::string damaged = to_json_line(sample(3)).substr(0, 200);
  write_bytes(folder / "llvm-x/a.jsonl",
              to_json_line(slower) + "\n" + damaged + "\n{\n" + to_json_line(doubtful) + "\n");
  write_bytes(folder / "llvm-x/deeper/b.jsonl",
              to_json_line(other_size) + "\n" + to_json_line(elsewhere) + "\n");
  write_bytes(folder / "llvm-x/readme.txt", "no records");
  const ShippedRecords shipped(folder.path().string());
  const auto best = shipped.best(slower.workload, slower.setting);
  ASSERT_TRUE(best);
  EXPECT_EQ(best->seconds, 2e-3);
  EXPECT_EQ(best->source, "llvm-x/a.jsonl");
  EXPECT_EQ(shipped.records().size(), 4U);
  ASSERT_EQ(shipped.notes().size(), 1U);
  EXPECT_THAT(shipped.notes()[0],
              testing::AllOf(testing::HasSubstr("llvm-x/a.jsonl"), testing::HasSubstr("2 of its"),
                             testing::HasSubstr("line 2")));
  const auto neighbours = shipped.neighbours(slower.workload, slower.setting, 0);
  ASSERT_EQ(neighbours.size(), 2U);
  EXPECT_EQ(neighbours[0].workload.hash, other_size.workload.hash);
  EXPECT_EQ(neighbours[1].setting.machine, "another");
  Setting there = slower.setting;
  there.machine = "a third";
  EXPECT_FALSE(shipped.best(slower.workload, there));
  EXPECT_EQ(shipped.neighbours(slower.workload, there, 0).size(), 3U);
}

TEST(ShippedRecords, of_a_folder_that_is_not_there_are_none) {
  const ShippedRecords shipped("/nowhere/at/all");
  EXPECT_TRUE(shipped.records().empty());
  EXPECT_TRUE(shipped.notes().empty());
}

}  // namespace
}  // namespace tw::autotune
