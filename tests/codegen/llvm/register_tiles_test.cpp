// Register tiles: the accumulators of a matrix product stay in registers while steps of the reduction go by.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "codegen/llvm/compiled.h"
#include "ir/text.h"

namespace tw::codegen {
namespace {

struct Machine {
  const char* target;
  int lanes;
  std::vector<std::pair<int, int>> tiles;  // rows and columns
};

/// A tile of rows x columns, summed over packed panels of A and B.
Program tile_program(int rows, int columns, int lanes) {
  const int vectors = columns / lanes;

  std::string text = fmt::format(
      "program tile(k: size in [1, 4096], A: in float32[k, {0}], B: in float32[k, {1}], C: out float32[{0}, "
      "{1}]):\n"
      "  allocate T: local float32[{0}, {1}]\n"
      "  for i in unrolled({0}):\n"
      "    for v in unrolled({2}):\n"
      "      for j in vectorized({3}):\n"
      "        T[i, v * {3} + j] = 0.0f32\n"
      "  for p in k:\n"
      "    for i in unrolled({0}):\n"
      "      for v in unrolled({2}):\n"
      "        for j in vectorized({3}):\n"
      "          T[i, v * {3} + j] = T[i, v * {3} + j] + A[p, i] * B[p, v * {3} + j]\n"
      "  for i in unrolled({0}):\n"
      "    for v in unrolled({2}):\n"
      "      for j in vectorized({3}):\n"
      "        C[i, v * {3} + j] = T[i, v * {3} + j]\n",
      rows, columns, vectors, lanes);
  return parse_program(text);
}

class RegisterTiles : public testing::TestWithParam<Machine> {};

TEST_P(RegisterTiles, SpillNothing) {
  const Target target = parse_target(GetParam().target);
  for (const auto& [rows, columns] : GetParam().tiles) {
    const auto module = build(tile_program(rows, columns, GetParam().lanes), target);
    EXPECT_EQ(module->stats().spills, 0) << rows << "x" << columns << "\n" << module->source("asm");
    EXPECT_EQ(module->stats().spills_outside, 0) << rows << "x" << columns;
    EXPECT_GE(module->stats().vector_registers, rows * columns / GetParam().lanes);
  }
}

// Accumulators, a row of B and an element of A fit into 32 or 16 registers.
const std::vector<std::pair<int, int>> kWide = {{14, 32}, {12, 32}, {8, 48},  {9, 48},
                                                {6, 64},  {28, 16}, {24, 16}, {4, 96}};
INSTANTIATE_TEST_SUITE_P(Machines, RegisterTiles,
                         testing::Values(Machine{"llvm -mcpu=znver4", 16, kWide},
                                         Machine{"llvm -mcpu=znver5", 16, kWide},
                                         Machine{"llvm -mcpu=skylake-avx512", 16, kWide},
                                         Machine{"llvm -mcpu=sapphirerapids", 16, kWide},
                                         Machine{"llvm -mcpu=haswell", 8, {{6, 16}, {4, 24}, {12, 8}}},
                                         Machine{"llvm -mcpu=znver3", 8, {{6, 16}, {4, 24}, {12, 8}}},
                                         Machine{"llvm -mtriple=aarch64-linux-gnu -mcpu=neoverse-n1",
                                                 4,
                                                 {{8, 12}, {6, 16}, {12, 8}}}),
                         [](const auto& info) {
                           std::string name = info.param.target;
                           name = name.substr(name.rfind('=') + 1);
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace tw::codegen
