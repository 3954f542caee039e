#include "schedule/fixtures.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <random>

#include "ir/equal.h"
#include "ir/interpret.h"
#include "ir/scalar.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ir/visit.h"
#include "support/half.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {

Program matmul_program(const te::Value& n, const te::Value& m, const te::Value& k) {
  const auto a = te::placeholder({n, k}, kFloat32, "A");
  const auto b = te::placeholder({k, m}, kFloat32, "B");
  const ReduceAxis kk = te::reduce_axis(k, "k");
  const auto c = te::compute({n, m},
                             [&](const std::vector<Var>& p) -> te::Value {
                               return te::sum(te::multiply(a({p[0], kk}), b({kk, p[1]})), {kk});
                             },
                             "C", {"i", "j"});
  return te::first_program({c}, std::nullopt, "matmul");
}

Program chain_program(const te::Value& n, const te::Value& m) {
  const auto a = te::placeholder({n, m}, kFloat32, "A");
  const auto bias = te::placeholder({m}, kFloat32, "bias");
  const auto shifted = te::compute({n, m},
                                   [&](const std::vector<Var>& p) -> te::Value {
                                     return te::maximum(te::add(a({p[0], p[1]}), bias({p[1]})), 0.0);
                                   },
                                   "shifted", {"i", "j"});
  const auto scaled = te::compute({n, m},
                                  [&](const std::vector<Var>& p) -> te::Value {
                                    return te::multiply(shifted({p[0], p[1]}), 2.0);
                                  },
                                  "scaled", {"i", "j"});
  return te::first_program({scaled}, std::nullopt, "chain");
}

namespace {

int64_t size_of(const Expr& extent, const std::map<std::string, int64_t>& values, const Program& program) {
  VarMap known;
  for (const Param& param : program->params)
    if (param.var && values.contains(param.var->name)) known[&*param.var] = Expr(values.at(param.var->name));
  Expr result = simplify(substitute(extent, known));
  if (const auto value = as_int(result)) return *value;
  ADD_FAILURE() << "no value for the extent " << to_text(extent);
  return 0;
}

void write_element(char* at, DType type, double value) {
  const auto put = [&](auto element) { std::memcpy(at, &element, sizeof element); };
  if (type == kFloat64) return put(value);
  if (type == kFloat32) return put(static_cast<float>(value));
  if (type == kFloat16) return put(Float16::from_double(value));
  if (type == kBFloat16) return put(BFloat16::from_double(value));
  const int64_t bits = wrap_to(type, static_cast<int64_t>(value));  // little-endian: the low bytes come first
  std::memcpy(at, &bits, static_cast<std::size_t>(type.bytes()));
}

double read_element(const char* at, DType type) {
  const auto get = [&](auto element) {
    std::memcpy(&element, at, sizeof element);
    return element;
  };
  if (type == kFloat64) return get(double{});
  if (type == kFloat32) return static_cast<double>(get(float{}));
  if (type == kFloat16) return Float16::to_double(get(uint16_t{}));
  if (type == kBFloat16) return BFloat16::to_double(get(uint16_t{}));
  int64_t bits = 0;
  std::memcpy(&bits, at, static_cast<std::size_t>(type.bytes()));
  return static_cast<double>(wrap_to(type, bits));
}

std::vector<std::vector<double>> run(const Program& program, const std::map<std::string, int64_t>& values) {
  return results_of(program, integer_data(), values);
}

/// It verifies, round-trips through text, and its trace replays to an equal program.
void expect_well_formed(const Schedule& schedule) {
  const Program& program = schedule.program();
  EXPECT_NO_THROW(verify(program, Stage::kSchedule)) << to_text(program);
  EXPECT_TRUE(structural_equal(parse_program(to_text(program)), program)) << to_text(program);
  const Trace trace = Trace::from_json(schedule.trace().to_json());
  const Schedule again = Schedule::replay(schedule.first_program(), trace);
  EXPECT_EQ(to_text(again.program()), to_text(program));
}

}  // namespace

std::vector<std::vector<double>> results_of(const Program& program, const Fill& fill,
                                            const std::map<std::string, int64_t>& values,
                                            const Runner& runner) {
  struct Memory {
    std::vector<char> bytes;
    DType dtype;
    int64_t count = 1;
    bool is_output = false;
  };
  std::vector<Memory> memory;
  memory.reserve(program->params.size());
  std::vector<Argument> arguments;
  InterpretOptions options;
  for (const Param& param : program->params) {
    if (param.param_kind == ParamKind::kTunable && values.contains(param.var->name))
      options.tunables[param.var->name] = values.at(param.var->name);
    if (!param.is_argument()) continue;
    if (!param.is_buffer()) {
      arguments.emplace_back(values.at(param.var->name));
      continue;
    }
    Memory& part = memory.emplace_back();
    ArrayView view;
    view.dtype = part.dtype = param.buffer->dtype;
    for (const Expr& extent : param.buffer->shape) {
      view.shape.push_back(size_of(extent, values, program));
      part.count *= view.shape.back();
    }
    part.bytes.resize(static_cast<std::size_t>(part.count * view.dtype.bytes() + 1));
    for (int64_t i = 0; i < part.count; ++i)
      write_element(part.bytes.data() + i * view.dtype.bytes(), view.dtype, fill(param.buffer->name.text, i));
    view.data = part.bytes.data();
    part.is_output = param.param_kind == ParamKind::kOutput;
    arguments.emplace_back(view);
  }
  if (runner)
    runner(program, arguments, options);
  else
    interpret(program, arguments, options);
  std::vector<std::vector<double>> results;
  for (const Memory& part : memory) {
    if (!part.is_output) continue;
    results.emplace_back();
    for (int64_t i = 0; i < part.count; ++i)
      results.back().push_back(read_element(part.bytes.data() + i * part.dtype.bytes(), part.dtype));
  }
  return results;
}

Fill integer_data() {
  auto random = std::make_shared<std::mt19937>(7);
  return [random](const std::string&, int64_t) { return static_cast<int>((*random)() % 17) - 8; };
}

Fill normal_data() {
  auto random = std::make_shared<std::mt19937>(7);
  auto normal = std::make_shared<std::normal_distribution<double>>();
  return [random, normal](const std::string&, int64_t) { return (*normal)(*random); };
}

void expect_same_meaning(const Schedule& schedule, const std::map<std::string, int64_t>& values) {
  expect_well_formed(schedule);
  EXPECT_EQ(run(schedule.program(), values), run(schedule.first_program(), values)) << text_of(schedule);
}

void expect_close_meaning(const Schedule& schedule, const std::map<std::string, int64_t>& values,
                          double tolerance) {
  expect_well_formed(schedule);
  const auto found = results_of(schedule.program(), normal_data(), values);
  const auto wanted = results_of(schedule.first_program(), normal_data(), values);
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t o = 0; o < wanted.size(); ++o) {
    double largest = 0, difference = 0;
    for (std::size_t i = 0; i < wanted[o].size(); ++i) {
      largest = std::max(largest, std::fabs(wanted[o][i]));
      difference = std::max(difference, std::fabs(found[o][i] - wanted[o][i]));
      EXPECT_EQ(std::isnan(found[o][i]), std::isnan(wanted[o][i]));
    }
    EXPECT_LE(difference, tolerance * largest) << text_of(schedule);
  }
}

void expect_same_results(const Program& program, const Program& reference,
                         const std::map<std::string, int64_t>& values) {
  EXPECT_EQ(run(program, values), run(reference, values)) << to_text(program);
}

std::vector<Value> loops_of(Schedule& schedule, const std::string& block) {
  std::vector<Value> values;
  for (const LoopRef loop : schedule.loops(schedule.block(block))) values.emplace_back(loop);
  return values;
}

List split(Schedule& schedule, const Value& loop, const List& factors) {
  return *schedule.apply("split", {loop, Value(factors)})[0].get_if<List>();
}

std::string text_of(const Schedule& schedule) {
  return to_text(schedule.program());
}

}  // namespace tw::schedule
