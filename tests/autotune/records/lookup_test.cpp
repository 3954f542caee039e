// From an expression to a schedule, or the reason why there is none.
#include "autotune/records/lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autotune/records/samples/samples.h"
#include "autotune/space/script.h"
#include "ir/equal.h"
#include "ir/text.h"
#include "support/error.h"
#include "te/expect_error.h"
#include "te/lower.h"
#include "te/math.h"

namespace tw::autotune {
namespace {

using testing::HasSubstr;

/// A record of a schedule with a copy that is named after a buffer, and with a parameter.
Record scheduled_sample(const std::string& prefix = "", double seconds = 1e-3) {
  schedule::Schedule s(matmul(64, 32, 48, prefix));
  Script script(s);
  const BlockRef block = script.block(prefix + "C");
  const auto loops = script.loops(block);
  const Tunable mc{"mc", 4, 64, 4, 8};
  const auto made = script.split<2>(loops[0], {None{}, mc});
  script.parallel(made[0]);
  script.cache_read(block, prefix + "B", "global");
  Record r = sample(seconds);
  r.workload = key_of(s.first_program());
  r.trace = s.trace().to_json();
  r.parameters = {{"mc", 16}};
  return r;
}

int64_t default_of(const Program& program, const std::string& name) {
  for (const Param& param : program->params)
    if (param.param_kind == ParamKind::kTunable && param.var->name.text == name) return param.default_value;
  return -1;
}

TEST(LookUp, finds_the_schedule_under_any_names) {
  Database db = Database::open(":memory:");
  const Record r = scheduled_sample();
  const int64_t id = db.add(r);
  for (const std::string prefix : {"", "another_"}) {
    const Lookup found = look_up(matmul(64, 32, 48, prefix), this_setting(), &db, nullptr);
    ASSERT_TRUE(found.record) << found.note;
    EXPECT_EQ(found.record->id, id);
    EXPECT_EQ(found.note, "record 1 of :memory:");
    EXPECT_EQ(default_of(found.program, "mc"), 16);
    EXPECT_THAT(to_text(found.program), HasSubstr("parallel"));
    EXPECT_THAT(to_text(found.program), HasSubstr(prefix + "B"));
  }
  const Lookup ours = look_up(matmul(64, 32, 48), this_setting(), &db, nullptr);
  EXPECT_TRUE(structural_equal(ours.program, scheduled_as(r, parse_program(r.workload.text))));
}

TEST(LookUp, says_why_there_is_none) {
  Database db = Database::open(":memory:");
  const Program first = matmul(64, 32, 48);
  const auto note = [&](const Setting& setting = this_setting()) {
    const Lookup found = look_up(first, setting, &db, nullptr);
    EXPECT_FALSE(found.record);
    EXPECT_FALSE(found.program);
    return found.note;
  };
  EXPECT_EQ(look_up(first, this_setting(), nullptr, nullptr).note, "no database was given");
  EXPECT_THAT(note(), HasSubstr("no record of this workload"));
  db.add(sample(1, 65));
  EXPECT_THAT(note(), HasSubstr("no record of this workload"));

  Record failed = sample(1);
  failed.status = Status::kCrash;
  failed.cause = "signal 11";
  failed.verified = false;
  db.add(failed);
  EXPECT_THAT(note(), testing::AllOf(HasSubstr("all 1 candidates"), HasSubstr("signal 11")));
  Record unverified = scheduled_sample();
  unverified.verified = false;
  const int64_t id = db.add(unverified);
  EXPECT_THAT(note(), HasSubstr("was verified"));
  db.add_verdict(id, {Status::kWrong, "C[1, 2] is 3", 9});
  EXPECT_THAT(note(), testing::AllOf(HasSubstr("failed verification"), HasSubstr("C[1, 2] is 3")));

  db.add(scheduled_sample("", 2e-3));
  EXPECT_TRUE(look_up(first, this_setting(), &db, nullptr).record);
  Setting setting = this_setting();
  setting.target = "llvm -threads=1";
  EXPECT_THAT(note(setting), testing::AllOf(HasSubstr("another target"), HasSubstr("znver4")));
  setting = this_setting();
  setting.machine = "cpu two";
  EXPECT_THAT(note(setting), testing::AllOf(HasSubstr("another machine"), HasSubstr("cpu one")));
}

TEST(LookUp, keeps_to_exact_records_unless_bounded_ones_are_allowed) {
  Database db = Database::open(":memory:");
  Record r = scheduled_sample();
  r.setting.bounded = true;
  db.add(r);
  const Program first = matmul(64, 32, 48);
  EXPECT_THAT(look_up(first, this_setting(), &db, nullptr).note, HasSubstr("within a bound"));
  EXPECT_TRUE(look_up(first, r.setting, &db, nullptr).record);
}

TEST(LookUp, prefers_the_cache_state_and_sizes_asked_for) {
  Database db = Database::open(":memory:");
  const Program first = matmul(64, 32, 48);
  Record cold = scheduled_sample("", 1e-3), hot = scheduled_sample("", 2e-3);
  cold.setting.cache = "model";
  db.add(cold);
  EXPECT_EQ(look_up(first, this_setting(), &db, nullptr).record->setting.cache, "model");
  db.add(hot);
  EXPECT_EQ(look_up(first, this_setting(), &db, nullptr).record->setting.cache, "hot");
  Record sized = scheduled_sample("", 1e-9);
  sized.setting.sizes = {{{"v", 7}}};
  sized.created = "2027-01-01T00:00:00.000Z";
  db.add(sized);
  EXPECT_TRUE(look_up(first, this_setting(), &db, nullptr).record->setting.sizes.empty());
}

TEST(LookUp, a_record_of_another_version_is_told_and_passed_over) {
  const Folder folder;
  Database db = Database::open(":memory:");
  const Program first = matmul(64, 32, 48);
  Record r = scheduled_sample();
  r.trace = R"({"format":"tilewright-trace","version":99,"steps":[]})";
  r.versions["tilewright"] = "9.9";
  db.add(r);
  EXPECT_THAT(look_up(first, this_setting(), &db, nullptr).note,
              testing::AllOf(HasSubstr("made by 9.9"), HasSubstr("version 99")));
  Record shipped = scheduled_sample();
  write_bytes(folder / "a.jsonl", to_json_line(shipped) + "\n");
  const ShippedRecords records(folder.path().string());
  const Lookup found = look_up(first, this_setting(), &db, &records);
  ASSERT_TRUE(found.record);
  EXPECT_EQ(found.record->source, "a.jsonl");
  EXPECT_THAT(found.note, HasSubstr("a.jsonl"));
}

TEST(LookUp, the_database_comes_before_what_is_shipped) {
  const Folder folder;
  Database db = Database::open(":memory:");
  write_bytes(folder / "a.jsonl", to_json_line(scheduled_sample("", 1e-6)) + "\n");
  const ShippedRecords records(folder.path().string());
  const Program first = matmul(64, 32, 48);
  EXPECT_EQ(look_up(first, this_setting(), &db, &records).record->source, "a.jsonl");
  db.add(scheduled_sample("", 1e-3));
  EXPECT_EQ(look_up(first, this_setting(), &db, &records).record->source, "");
  const Lookup none = look_up(matmul(65, 32, 48), this_setting(), &db, &records);
  EXPECT_THAT(none.note, testing::AllOf(HasSubstr(":memory:"), HasSubstr("come with Tilewright")));
}

TEST(ScheduledAs, refuses_parameters_that_the_schedule_does_not_have) {
  Record r = scheduled_sample();
  r.parameters = {{"mc", 6}};
  te::expect_value_error({"'mc' is 6"}, [&] { scheduled_as(r, matmul(64, 32, 48)); });
  r.parameters = {{"nc", 8}};
  te::expect_value_error({"no parameter 'nc'"}, [&] { scheduled_as(r, matmul(64, 32, 48)); });
}

TEST(SettingFor, calls_sizes_as_the_text_does) {
  const auto program = [](const std::string& name) {
    const Var m = te::var(name + "m"), n = te::var(name + "n");
    const te::Tensor a = te::placeholder({m, n}, kFloat32, "A");
    return te::first_program({te::compute({m, n}, [&](const std::vector<Var>& at) -> te::Value {
      return te::multiply(a({at[0], at[1]}), 2.0);
    })});
  };
  EXPECT_EQ(key_of(program("")), key_of(program("q")));
  const codegen::Target target = codegen::parse_target("llvm");
  const Setting setting = setting_for(program(""), target, "hot", false, {{{"m", 3}, {"n", 4}}});
  EXPECT_EQ(setting, setting_for(program("q"), target, "hot", false, {{{"qn", 4}, {"qm", 3}}}));
  EXPECT_NE(setting, setting_for(program(""), target, "hot", false, {{{"m", 4}, {"n", 3}}}));
  const Program canonical = parse_program(key_of(program("")).text);
  for (const auto& [name, value] : setting.sizes.at(0))
    EXPECT_THAT(to_text(canonical), HasSubstr(name + ": shape"));
}

}  // namespace
}  // namespace tw::autotune
