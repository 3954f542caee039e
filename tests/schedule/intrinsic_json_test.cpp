// Declarations as JSON: what is declared from one is the same, and what differs is said.
#include "schedule/intrinsic_json.h"

#include <gmock/gmock.h>

#include "ir/equal.h"
#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/schedule.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;

/// out[i] += x[i] * y[i] over 8 lanes.
Intrinsic multiply_add(const std::string& name, int64_t stride = 1) {
  const te::Tensor x = te::placeholder({8}, kFloat32, "x"), y = te::placeholder({8}, kFloat32, "y");
  Intrinsic intrinsic;
  intrinsic.name = name;
  intrinsic.output = te::compute(
      {8}, [&](const std::vector<Var>& p) -> te::Value { return x({p[0]}) * y({p[0]}); }, "out", {"i"});
  intrinsic.accumulates = true;
  intrinsic.operands.resize(3);
  intrinsic.operands[1].strides = {{stride, 1}};
  intrinsic.implementations = {{.target = "llvm", .code = parse_program(R"(
program lanes(x: in float32[8], y: in float32[8], out: inout float32[8]):
  for i in vectorized(8):
    out[i] = out[i] + x[i] * y[i]
)")}};
  return intrinsic;
}

/// A program that adds products of 4 rows of 8 by the intrinsic.
Schedule scheduled(const std::string& intrinsic) {
  const te::Tensor a = te::placeholder({4, 8}, kFloat32, "A"), b = te::placeholder({4, 8}, kFloat32, "B");
  const ReduceAxis k = te::reduce_axis(4, "k");
  const te::Tensor c = te::compute({8},
                                   [&](const std::vector<Var>& p) -> te::Value {
                                     return te::sum(a({k, p[0]}) * b({k, p[0]}), {k});
                                   },
                                   "C", {"i"});
  Schedule s(te::first_program({c}));
  const auto loops = s.loops(s.block("C"));
  s.apply("reorder", {Value(List{loops[1], loops[0]})});
  s.apply("tensorize", {loops[0], intrinsic});
  return s;
}

TEST(IntrinsicJson, EveryIntrinsicComesOutAsItWentIn) {
  std::vector<std::string> names;
  for (const IntrinsicListing& row : intrinsics())
    names.insert(names.end(), row.members.begin(), row.members.end());
  declare_intrinsic(multiply_add("test.json_round"));
  names.emplace_back("test.json_round");
  for (const std::string& name : names) {
    const Intrinsic* found = find_intrinsic(name);
    ASSERT_TRUE(found) << name;
    const std::string text = to_json(*found);
    Intrinsic again = intrinsic_from_json(text);
    EXPECT_EQ(again.name, name);
    again.name = "test.again_" + name;
    const Intrinsic& declared = declare_intrinsic(std::move(again));
    EXPECT_TRUE(structural_equal(declared.meaning, found->meaning)) << name;
    EXPECT_EQ(declared.operands.size(), found->operands.size());
    EXPECT_EQ(declared.pattern.written, found->pattern.written);
    EXPECT_EQ(declared.pattern.sets_first, found->pattern.sets_first);
    EXPECT_EQ(declared.summary, found->summary);
    std::string same = to_json(declared);
    same.replace(same.find("test.again_"), 11, "");
    EXPECT_EQ(same, text);
  }
}

TEST(IntrinsicJson, OnlyWhatAUserDeclaresIsSent) {
  declare_intrinsic(multiply_add("test.json_sent"));
  EXPECT_EQ(declaration_of("outer_f32_4x16").size(), 0u);
  EXPECT_EQ(declaration_of("nothing").size(), 0u);
  EXPECT_EQ(declaration_of("test.json_sent").size(), 1u);
  const Declarations found = declarations_in(scheduled("test.json_sent").program());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.begin()->first, "test.json_sent");
  EXPECT_EQ(difference_from(found), "");
}

TEST(IntrinsicJson, TracesHoldTheDeclarationsThatTheyNeed) {
  declare_intrinsic(multiply_add("test.json_trace"));
  Schedule s = scheduled("test.json_trace");
  const std::string text = s.trace().to_json();
  EXPECT_THAT(text, HasSubstr("\"intrinsics\":{\"test.json_trace\""));
  const Trace trace = Trace::from_json(text);
  EXPECT_EQ(trace.to_json(), text);
  EXPECT_TRUE(structural_equal(Schedule::replay(s.first_program(), trace).program(), s.program()));
  expect_same_meaning(s);
}

TEST(IntrinsicJson, ReplayOfWhatIsNotDeclaredOrInAnotherWayIsRefused) {
  declare_intrinsic(multiply_add("test.json_other"));
  Schedule s = scheduled("test.json_other");
  std::string text = s.trace().to_json();
  const auto replayed = [&](const std::string& json) {
    return error_of([&] { Schedule::replay(s.first_program(), Trace::from_json(json)); });
  };
  std::string unknown = text;
  for (std::size_t at = unknown.find("json_other"); at != std::string::npos; at = unknown.find("json_other"))
    unknown.replace(at, 10, "json_nowhere");
  EXPECT_THAT(replayed(unknown),
              HasSubstr("it uses the intrinsic 'test.json_nowhere', which is not declared here"));
  declare_intrinsic(multiply_add("test.json_other", 2));
  EXPECT_THAT(replayed(text), HasSubstr("whose demands on operands differ from those declared here"));
  Intrinsic slow = multiply_add("test.json_other");
  slow.implementations.clear();
  declare_intrinsic(slow);
  EXPECT_THAT(replayed(text), HasSubstr("whose implementations differ from"));
  slow = multiply_add("test.json_other");
  slow.numerics.exact = false;
  declare_intrinsic(slow);
  EXPECT_THAT(replayed(text), HasSubstr("whose numerics differ from"));
  declare_intrinsic(multiply_add("test.json_other"));
  EXPECT_NO_THROW(Schedule::replay(s.first_program(), Trace::from_json(text)));
}

TEST(IntrinsicJson, WhatIsMissingIsDeclaredAndTheRestLeft) {
  std::string text = to_json(declare_intrinsic(multiply_add("test.json_here")));
  text.replace(text.find("json_here"), 9, "json_gone");
  ASSERT_EQ(find_intrinsic("test.json_gone"), nullptr);
  declare_missing({{"test.json_gone", text}, {"test.json_here", "{}"}});
  EXPECT_NE(find_intrinsic("test.json_gone"), nullptr);
  EXPECT_EQ(find_intrinsic("test.json_here")->implementations.size(), 1u);
}

TEST(IntrinsicJson, WhatIsNoDeclarationIsRefused) {
  for (const char* text : {"", "[]", "{}", R"({"name": 3})"})
    EXPECT_THAT(error_of([&] { intrinsic_from_json(text); }), HasSubstr("no declaration of an intrinsic"))
        << text;
}

}  // namespace
}  // namespace tw::schedule
