// The registry of tensor intrinsics: what is declared agrees with itself.
#include "schedule/intrinsic.h"

#include <cstring>
#include <random>

#include <gmock/gmock.h>

#include "ir/equal.h"
#include "ir/interpret.h"
#include "ir/scalar.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ir/visit.h"
#include "schedule/fixtures.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Point = std::vector<Var>;

/// Those of the families; tests declare others.
std::vector<std::string> all_members() {
  std::vector<std::string> names;
  for (const IntrinsicListing& row : intrinsics())
    if (!row.name.starts_with("test.")) names.insert(names.end(), row.members.begin(), row.members.end());
  return names;
}

int64_t elements_of(const Buffer& buffer) {
  int64_t count = 1;
  for (const Expr& extent : buffer->shape) count *= as_int(extent).value();
  return count;
}

/// The bytes of all buffers after a run on small integers, which every type and every sum holds exactly.
std::vector<std::vector<char>> run(const Program& program) {
  std::mt19937 random(3);
  std::vector<std::vector<char>> storage(program->params.size());
  std::vector<Argument> arguments;
  for (std::size_t i = 0; i < program->params.size(); ++i) {
    const Buffer& buffer = program->params[i].buffer;
    const int64_t bytes = buffer->dtype.bytes(), count = elements_of(buffer);
    storage[i].resize(static_cast<std::size_t>(count * bytes));
    for (int64_t e = 0; e < count; ++e) {
      const float value = static_cast<float>(random() % 8);
      char* at = storage[i].data() + e * bytes;
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      // bfloat16 is the upper half of float32; these float16 numbers are denormal, and copied only.
      if (buffer->dtype == kFloat32)
        std::memcpy(at, &value, 4);
      else if (buffer->dtype == kBFloat16)
        bits >>= 16, std::memcpy(at, &bits, 2);
      else
        *at = static_cast<char>(value);
    }
    ArrayView view{storage[i].data(), buffer->dtype, {}, {}};
    for (const Expr& extent : buffer->shape) view.shape.push_back(as_int(extent).value());
    arguments.emplace_back(view);
  }
  interpret(program, arguments);
  return storage;
}

TEST(Intrinsics, EveryMeaningIsALegalProgramThatRuns) {
  ASSERT_GE(all_members().size(), 15u);
  for (const std::string& name : all_members()) {
    const Intrinsic* intrinsic = find_intrinsic(name);
    ASSERT_TRUE(intrinsic) << name;
    EXPECT_FALSE(intrinsic->summary.empty()) << name;
    EXPECT_FALSE(intrinsic->implementations.empty()) << name;
    EXPECT_FALSE(intrinsic->numerics.error.empty()) << name;
    EXPECT_FALSE(intrinsic->numerics.non_finite.empty()) << name;
    EXPECT_NO_THROW(verify(intrinsic->meaning, Stage::kLowered)) << to_text(intrinsic->meaning);
    EXPECT_NO_THROW(run(intrinsic->meaning)) << to_text(intrinsic->meaning);
    EXPECT_TRUE(structural_equal(find_tensor_intrinsic(name), intrinsic->meaning));
  }
}

TEST(Intrinsics, ImplementationsThatAreProgramsComputeTheMeaning) {
  int programs = 0;
  for (const std::string& name : all_members()) {
    const Intrinsic& intrinsic = *find_intrinsic(name);
    const auto expected = run(intrinsic.meaning);
    for (const Implementation& implementation : intrinsic.implementations) {
      const auto* program = std::get_if<Program>(&implementation.code);
      if (!program) continue;
      ++programs;
      EXPECT_NO_THROW(verify(*program, Stage::kLowered)) << to_text(*program);
      EXPECT_EQ(run(*program), expected) << name << "\n" << to_text(*program);
    }
  }
  EXPECT_GE(programs, 20);
}

/// What an expression of index variables is at a point.
int64_t at(const Expr& e, const std::vector<Var>& vars, const std::vector<int64_t>& point) {
  VarMap values;
  for (std::size_t i = 0; i < vars.size(); ++i) values[&*vars[i]] = Expr(point[i]);
  return as_int(simplify(substitute(e, values))).value();
}

TEST(Intrinsics, RegistersOfFragmentsAreThoseOfTheirLaneMaps) {
  int checked = 0;
  for (const std::string& name : all_members()) {
    const Intrinsic& intrinsic = *find_intrinsic(name);
    for (const Implementation& implementation : intrinsic.implementations) {
      const auto* instruction = std::get_if<Instruction>(&implementation.code);
      if (!instruction || !intrinsic.is_of_warp()) continue;
      std::vector<RegisterOperand> all = instruction->arguments;
      all.push_back(instruction->result);
      for (const RegisterOperand& part : all) {
        if (part.is_address) continue;
        const LaneMap& map = *intrinsic.operands[static_cast<std::size_t>(part.operand)].lane_map;
        const std::vector<Var> coords(map.coords.begin(), map.coords.end());
        for (int64_t lane = 0; lane < 32; ++lane)
          for (int64_t r = 0; r < part.registers; ++r)
            for (int64_t e = 0; e < part.elements; ++e) {
              std::vector<int64_t> element;
              for (const Expr& subscript : part.place.to)
                element.push_back(at(subscript, part.place.from, {lane, r, e}));
              EXPECT_EQ(at(map.lane, coords, element), lane) << name;
              EXPECT_EQ(at(map.slot, coords, element), r * part.elements + e) << name;
              ++checked;
            }
      }
    }
  }
  EXPECT_GE(checked, 500);
}

TEST(Intrinsics, AMemberOfAFamilyIsFoundByItsNameAlone) {
  EXPECT_TRUE(find_tensor_intrinsic("outer_f32_3x8"));
  EXPECT_EQ(find_intrinsic("outer_f32_3x8")->implementations.front().registers, 3 + 1 + 1);
  EXPECT_EQ(find_intrinsic("outer_f32_03x8"), nullptr);
  EXPECT_EQ(find_intrinsic("outer_f32_3"), nullptr);
  EXPECT_FALSE(find_tensor_intrinsic("outer_f32_3x7"));
  EXPECT_THAT(error_of([] { find_intrinsic("dot_bf16_5x2"); }),
              HasSubstr("there is no intrinsic dot_bf16_5x2: registers have 4, 8 or 16 lanes of 32 bits"));
}

// What a declaration is refused for.

/// Y[i] = value(X[i]) over 8 points.
Intrinsic copy_of(const std::string& name) {
  const auto x = te::placeholder({8}, kFloat32, "X");
  Intrinsic intrinsic;
  intrinsic.name = name;
  intrinsic.output = te::compute({8}, [&](const Point& p) -> te::Value { return x({p[0]}); }, "Y", {"i"});
  return intrinsic;
}

std::string refusal(const std::function<void(Intrinsic&)>& change) {
  Intrinsic intrinsic = copy_of("test.refused");
  change(intrinsic);
  return error_of([&] { declare_intrinsic(std::move(intrinsic)); });
}

TEST(Intrinsics, MeaningsThatAreNoSingleBlockAreRefused) {
  const auto x = te::placeholder({8}, kFloat32, "X");
  const auto y = te::compute(
      {8}, [&](const Point& p) -> te::Value { return te::exp(x({p[0]})); }, "Y");
  EXPECT_THAT(
      refusal([&](Intrinsic& intrinsic) {
        intrinsic.output = te::compute(
            {8}, [&](const Point& p) -> te::Value { return y({p[0]}); }, "Z");
      }),
      HasSubstr("intrinsic 'test.refused': its meaning takes more than one block of loops; write it as "
                "one te.compute of placeholders, whose value has no reduction or is one"));
  EXPECT_THAT(refusal([&](Intrinsic& intrinsic) {
                intrinsic.output = te::compute(
                    {7}, [&](const Point& p) -> te::Value { return x({te::add(p[0], 1)}); }, "Z", {"i"});
              }),
              HasSubstr("subscript 0 of X is i + 1; it needs to be an axis of its own"));
  EXPECT_THAT(refusal([&](Intrinsic& intrinsic) {
                intrinsic.output =
                    te::compute({4}, [&](const Point& p) -> te::Value { return x({p[0]}); }, "Z", {"i"});
              }),
              HasSubstr("axis i has 4 points and dimension 0 of X has 8; an operand is used whole"));
  EXPECT_THAT(refusal([&](Intrinsic& intrinsic) {
                const te::Value n = Expr(te::var("n"));
                const auto z = te::placeholder({n}, kFloat32, "Z");
                intrinsic.output = te::compute(
                    {n}, [&](const Point& p) -> te::Value { return z({p[0]}); }, "W");
              }),
              HasSubstr("its extents depend on n; those of an intrinsic are constants"));
}

TEST(Intrinsics, DemandsThatDoNotFitAreRefused) {
  EXPECT_THAT(refusal([](Intrinsic& i) { i.operands = {{}}; }),
              HasSubstr("1 operands have demands; there are 2: X, Y"));
  EXPECT_THAT(refusal([](Intrinsic& i) {
                i.operands = {{.strides = {{}, {}}}, {}};
              }),
              HasSubstr("operand X has 1 dimensions and gets 2 strides"));
  EXPECT_THAT(refusal([](Intrinsic& i) {
                i.operands = {{.alignment = 24}, {}};
              }),
              HasSubstr("operand X is to be aligned to 24 bytes; it needs a power of two"));
  EXPECT_THAT(refusal([](Intrinsic& i) {
                i.operands = {{.scopes = {Scope::kFragment}}, {}};
              }),
              HasSubstr("operand X lies in a fragment and has no lane map"));
  EXPECT_THAT(
      refusal([](Intrinsic& i) {
        i.operands = {{.scopes = {Scope::kFragment}, .lane_map = parse_lane_map("(i) -> (i // 2, 0)")}, {}};
      }),
      HasSubstr("the lane map (i) -> (i // 2, 0) of operand X puts two elements into slot 0 of lane 0"));
}

TEST(Intrinsics, InstructionsThatDoNotFitAreRefused) {
  const auto with = [](RegisterOperand result, RegisterOperand argument) {
    return refusal([&](Intrinsic& i) {
      i.implementations = {{.target = "llvm", .code = Instruction{"copy", result, {argument}}}};
    });
  };
  const RegisterOperand y{1, "<8 x float>", 1, 8, IndexMap::parse("(r, e) -> (e)")};
  const RegisterOperand x{0, "<8 x float>", 1, 8, IndexMap::parse("(r, e) -> (e + 1)")};
  EXPECT_THAT(with(y, x),
              HasSubstr("the places (r, e) -> (e + 1) of operand X give subscript 0 = 8 at (0, 7); "
                        "the operand has 8"));
  EXPECT_THAT(with(x, y), HasSubstr("the result of its instruction is X, and the intrinsic writes Y"));
  EXPECT_THAT(with({1, "<4 x float>", 1, 4, IndexMap::parse("(r, e) -> (e)")}, y),
              HasSubstr("the result of its instruction holds 4 of the 8 elements of Y"));
}

TEST(Intrinsics, ANameHasOneMeaning) {
  declare_intrinsic(copy_of("test.copied"));
  EXPECT_NO_THROW(declare_intrinsic(copy_of("test.copied")));
  Intrinsic other = copy_of("test.copied");
  other.accumulates = true;
  EXPECT_THAT(error_of([&] { declare_intrinsic(std::move(other)); }),
              HasSubstr("tensor intrinsic 'test.copied' is already declared with another meaning"));
  EXPECT_THAT(
      error_of([] { declare_intrinsic(copy_of("dot_bf16_16x2")); }),
      HasSubstr("intrinsic 'dot_bf16_16x2': the name belongs to 'dot_bf16_{lanes}x2'; give it another"));
}

}  // namespace
}  // namespace tw::schedule
