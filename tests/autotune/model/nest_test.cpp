// What nests say that programs touch, against enumeration of every turn.
#include "autotune/model/nest.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "autotune/model/schedules.h"
#include "common/evaluate_expr.h"
#include "ir/analysis/accesses.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "schedule/corpus/programs.h"

namespace tw::autotune {
namespace {

using schedule::CorpusCase;

autotune::Values sizes_of(const CorpusCase& sample) {
  return {sample.sizes.begin(), sample.sizes.end()};
}

/// The program with its sizes and parameters filled in.
Program with_numbers(const Program& program, const autotune::Values& sizes) {
  VarMap values;
  for (const Param& param : program->params)
    if (!param.is_buffer())
      values[&*param.var] = Expr(param.param_kind == ParamKind::kTunable ? param.default_value
                                                                         : sizes.at(param.var->name.text));
  return substitute(program, values);
}

bool has_numbers_only(const Access& access) {
  for (const For* loop : access.loops)
    if (!as_int(simplify(loop->extent))) return false;
  for (const Range& range : access.box)
    if (is_data_dependent(range.min)) return false;
  for (const Expr& guard : access.guards)
    if (is_data_dependent(guard)) return false;
  return true;
}

/// Elements that an access meets from a depth on, the loops outside at their first turn, with or without the
/// conditions around it; -1: too many turns.
double enumerated(const Access& access, std::size_t from, bool guarded) {
  const std::size_t depth = access.loops.size();
  std::vector<int64_t> at(depth), turns;
  double total = 1;
  for (const For* loop : access.loops) {
    turns.push_back(*as_int(simplify(loop->extent)));
    if (turns.size() > from) total *= static_cast<double>(turns.back());
  }
  if (total > 30000 || total == 0) return -1;
  std::set<std::vector<int64_t>> seen;
  for (;;) {
    test::Values values;
    for (std::size_t d = 0; d < depth; ++d)
      values[access.loops[d]->var.operator->()] = Scalar::of_int(kIndex, at[d]);
    const auto holds = [&](const Expr& guard) { return test::evaluate_lane(guard, values, 0).value.i != 0; };
    if (!guarded || std::all_of(access.guards.begin(), access.guards.end(), holds)) {
      std::vector<int64_t> element;
      for (const Range& range : access.box)
        element.push_back(test::evaluate_lane(range.min, values, 0).value.i);
      seen.insert(element);
    }
    std::size_t d = depth;
    while (d > from && ++at[d - 1] == turns[d - 1]) at[--d] = 0;
    if (d == from) break;
  }
  return static_cast<double>(seen.size());
}

/// The nest's accesses of a buffer by so many loops.
std::vector<const Nest::Access*> accesses_of(const Nest& nest, const std::string& buffer, bool store,
                                             std::size_t loops) {
  std::vector<const Nest::Access*> found;
  for (const Nest::Statement& statement : nest.statements)
    for (const Nest::Access& access : statement.accesses)
      if (nest.buffers[static_cast<std::size_t>(access.buffer)].name == buffer && access.store == store &&
          statement.loops.size() == loops)
        found.push_back(&access);
  return found;
}

/// Each access of the program has one in the nest with about its counts; `exact`: with its very counts.
/// Gives how many were compared.
int compare(const Program& program, const Nest& nest, bool exact) {
  int compared = 0;
  for (const Access& access : collect_accesses(program->body)) {
    if (access.init || !has_numbers_only(access)) continue;
    const auto candidates = accesses_of(nest, access.buffer->name.text, access.write, access.loops.size());
    if (candidates.empty()) {
      ADD_FAILURE() << "no access to " << access.buffer->name.text << " at depth " << access.loops.size();
      continue;
    }
    for (std::size_t from = 0; from <= access.loops.size(); ++from) {
      const double least = enumerated(access, from, true), most = enumerated(access, from, false);
      if (least <= 0) continue;
      double best = 1e30, found = 0;
      for (const Nest::Access* each : candidates) {
        const double home = nest.buffers[static_cast<std::size_t>(each->buffer)].home;
        if (static_cast<double>(from) < home) continue;
        const double count = each->elements[from];
        // How far it is from all that it may be: conditions are not looked at.
        const double off = std::log(count < least ? least / count : count > most ? count / most : 1);
        if (off < best) best = off, found = count;
      }
      if (best > 1e29) continue;
      ++compared;
      EXPECT_LT(best, exact ? 1e-9 : std::log(1.51)) << access.buffer->name.text << " from depth " << from
                                                     << ": " << found << " for " << least << " to " << most;
    }
  }
  return compared;
}

TEST(Nest, footprints_of_the_corpus_match_enumeration) {
  int compared = 0;
  for (const CorpusCase& sample : schedule::corpus()) {
    SCOPED_TRACE(sample.name);
    const Nest nest = nest_of(sample.program, {}, sizes_of(sample), test_machine());
    compared += compare(with_numbers(sample.program, sizes_of(sample)), nest, false);
  }
  EXPECT_GT(compared, 500);
}

TEST(Nest, footprints_of_a_tiled_product_are_exact) {
  const Program program = tiled_product(24, 64, 12, {.rows = 4, .vectors = 1, .lanes = 16, .mc = 8});
  const Nest nest = nest_of(program, {}, {}, test_machine());
  EXPECT_GT(compare(program, nest, true), 20);
}

TEST(Nest, footprints_of_ragged_tiles_are_near) {
  const Program program = tiled_product(23, 61, 11, {.rows = 4, .vectors = 1, .lanes = 16, .mc = 8});
  const Nest nest = nest_of(program, {}, {}, test_machine());
  EXPECT_GT(compare(program, nest, false), 20);
}

TEST(Nest, tiles_are_registers_and_panels_are_not) {
  const Nest nest = nest_of(tiled_product(256, 256, 256, {}), {}, {}, test_machine());
  int registers = 0;
  for (const Nest::Buffer& buffer : nest.buffers) {
    if (buffer.registers) {
      ++registers;
      EXPECT_EQ(buffer.elements, 8 * 32);
    } else if (!buffer.argument) {
      EXPECT_EQ(buffer.elements, 128 * 256) << "a thread's panels of B";
      EXPECT_EQ(buffer.home, 1);
    }
  }
  EXPECT_EQ(registers, 1);
}

TEST(Nest, operations_and_bytes_of_a_product) {
  for (const Program& program : {product(64, 96, 80), tiled_product(64, 96, 80, {})}) {
    const Nest nest = nest_of(program, {}, {}, test_machine());
    EXPECT_EQ(nest.operations, 2.0 * 64 * 96 * 80);
    EXPECT_EQ(nest.compulsory_bytes, 4.0 * (64 * 80 + 80 * 96 + 64 * 96));
    EXPECT_EQ(nest.dtype, kFloat32);
  }
}

TEST(Nest, parameters_and_sizes_are_given_by_name) {
  schedule::Schedule schedule(product(64, 64, 64));
  Script s(schedule);
  s.split(s.loops(s.block("Y"))[0], {None{}, Tunable{"mc", 8, 64, 8, 16}});
  const Nest usual = nest_of(schedule.program(), {}, {}, test_machine());
  EXPECT_EQ(usual.loops[0].turns, 4);
  EXPECT_EQ(usual.loops[1].turns, 16);
  const Nest given = nest_of(schedule.program(), {{"mc", 32}}, {}, test_machine());
  EXPECT_EQ(given.loops[0].turns, 2);
  EXPECT_EQ(given.loops[1].turns, 32);

  const Program symbolic = schedule::corpus_case("symbolic_matmul").program;
  const double small = nest_of(symbolic, {}, {{"M", 8}, {"N", 8}, {"K", 8}}, test_machine()).operations;
  const double large = nest_of(symbolic, {}, {{"M", 16}, {"N", 16}, {"K", 16}}, test_machine()).operations;
  EXPECT_GT(large, small);
}

TEST(Nest, what_constants_alone_decide_is_no_part_of_a_run) {
  const char* text = R"(program f(A: in float32[8, 16], W: const float32[16, 32], Y: out float32[8, 32]):
  allocate P: float32[2, 16, 16]
  for i in 16:
    for j in 32:
      block pack#1(vi: spatial(16) = i, vj: spatial(32) = j):
        P[vj // 16, vi, vj % 16] = W[vi, vj]
  for i in 8:
    for j in 32:
      for k in 16:
        block Y#0(vi: spatial(8) = i, vj: spatial(32) = j, vk: reduce(16) = k):
          reducer sum(float32)
          init:
            Y[vi, vj] = 0.0f32
          Y[vi, vj] = Y[vi, vj] + A[vi, vk] * P[vj // 16, vk, vj % 16]
)";
  const Nest nest = nest_of(parse_program(text), {}, {}, test_machine());
  ASSERT_EQ(nest.statements.size(), 1u);
  int constants = 0;
  for (const Nest::Buffer& buffer : nest.buffers) constants += buffer.constant;
  EXPECT_EQ(constants, 1);
}

}  // namespace
}  // namespace tw::autotune
