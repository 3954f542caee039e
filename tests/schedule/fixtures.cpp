#include "schedule/fixtures.h"

#include <cmath>
#include <cstring>
#include <random>

#include "ir/equal.h"
#include "ir/interpret.h"
#include "ir/scalar.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ir/visit.h"
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

/// One run on random data: the bytes of all outputs, as floats where they are.
std::vector<std::vector<double>> run(const Program& program, const std::map<std::string, int64_t>& values) {
  std::mt19937 random(7);
  std::vector<std::vector<char>> storage;
  std::vector<Argument> arguments;
  std::vector<std::size_t> outputs;
  std::vector<int64_t> counts;
  storage.reserve(program->params.size());
  InterpretOptions options;
  for (const Param& param : program->params) {
    if (param.param_kind == ParamKind::kTunable && values.contains(param.var->name))
      options.tunables[param.var->name] = values.at(param.var->name);
    if (!param.is_argument()) continue;
    if (!param.is_buffer()) {
      arguments.emplace_back(values.at(param.var->name));
      continue;
    }
    ArrayView view;
    view.dtype = param.buffer->dtype;
    int64_t count = 1;
    for (const Expr& extent : param.buffer->shape) {
      view.shape.push_back(size_of(extent, values, program));
      count *= view.shape.back();
    }
    storage.emplace_back(static_cast<std::size_t>(count * view.dtype.bytes() + 1));
    EXPECT_EQ(view.dtype, kFloat32);
    for (int64_t i = 0; i < count; ++i) {
      // Small integers: sums are exact in any order.
      const float value = static_cast<float>(static_cast<int>(random() % 17) - 8);
      std::memcpy(storage.back().data() + i * 4, &value, 4);
    }
    view.data = storage.back().data();
    if (param.param_kind == ParamKind::kOutput) {
      outputs.push_back(storage.size() - 1);
      counts.push_back(count);
    }
    arguments.emplace_back(view);
  }
  interpret(program, arguments, options);
  std::vector<std::vector<double>> results;
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    results.emplace_back();
    for (int64_t i = 0; i < counts[o]; ++i) {
      float value;
      std::memcpy(&value, storage[outputs[o]].data() + i * 4, 4);
      results.back().push_back(value);
    }
  }
  return results;
}

}  // namespace

void expect_same_meaning(const Schedule& schedule, const std::map<std::string, int64_t>& values) {
  const Program& program = schedule.program();
  EXPECT_NO_THROW(verify(program, Stage::kSchedule)) << to_text(program);
  EXPECT_TRUE(structural_equal(parse_program(to_text(program)), program)) << to_text(program);
  const Trace trace = Trace::from_json(schedule.trace().to_json());
  const Schedule again = Schedule::replay(schedule.first_program(), trace);
  EXPECT_EQ(to_text(again.program()), to_text(program));
  EXPECT_EQ(run(program, values), run(schedule.first_program(), values)) << to_text(program);
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

std::string text_of(const Schedule& schedule) {
  return to_text(schedule.program());
}

}  // namespace tw::schedule
