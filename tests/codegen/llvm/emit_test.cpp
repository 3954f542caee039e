// Statements, compiled: regions, workspaces, checks, masks, lazy branches.
#include <numeric>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "codegen/llvm/compiled.h"
#include "ir/text.h"
#include "schedule/fixtures.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using schedule::error_of;
using schedule::integer_data;
using schedule::results_of;
using Values = std::map<std::string, int64_t>;

/// Compiled and interpreted, the program gives the same.
void expect_same(const std::string& text, const Values& values = {}) {
  const Program program = parse_program(text);
  EXPECT_EQ(results_of(program, integer_data(), values, run_compiled),
            results_of(program, integer_data(), values))
      << text;
}

TEST(Emit, LoopsWithoutTurns) {
  const std::string text =
      "program main(n: size in [0, 100], m: size in [0, 100], C: out float32[8]):\n"
      "  for i in 8:\n"
      "    C[i] = 1.0f32\n"
      "  for i in n:\n"
      "    for j in m:\n"
      "      C[(i + j) % 8] = C[(i + j) % 8] + 1.0f32\n";
  for (const int64_t n : {0, 1, 5})
    for (const int64_t m : {0, 1, 3}) expect_same(text, {{"n", n}, {"m", m}});
}

TEST(Emit, RegionsInsideOfRegions) {
  expect_same(
      "program main(n: size in [0, 1000], A: in float32[n, 7], C: out float32[n, 7]):\n"
      "  for i in parallel(n):\n"
      "    allocate T: float32[7]\n"
      "    for j in parallel(7):\n"
      "      T[j] = A[i, j] * 2.0f32\n"
      "    for j in parallel(7):\n"
      "      C[i, j] = T[6 - j]\n",
      {{"n", 133}});
}

TEST(Emit, RegionsSeeWhatIsOutside) {
  expect_same(
      "program main(n: size in [1, 1000], s: size, A: in float32[n], C: out float32[n]):\n"
      "  allocate T: float32[n]\n"
      "  for k in 3:\n"
      "    let shift: index = s + k\n"
      "    for i in parallel(n):\n"
      "      T[i] = A[(i + shift) % n]\n"
      "    for i in parallel(n):\n"
      "      C[i] = T[n - 1 - i]\n",
      {{"n", 57}, {"s", 11}});
}

TEST(Emit, LargeAndSmallWorkspaces) {
  for (const int64_t n : {0, 1, 3, 100, 20000})
    expect_same(
        "program main(n: size in [0, 100000], A: in float32[n], C: out float32[n]):\n"
        "  allocate T: float32[n]\n"
        "  for i in n:\n"
        "    T[i] = A[i]\n"
        "  for k in 2:\n"
        "    allocate U: float32[n * 3]\n"
        "    allocate V: local float32[16]\n"
        "    for i in n:\n"
        "      V[i % 16] = T[i]\n"
        "      U[i * 3] = V[i % 16] + 1.0f32\n"
        "    for i in n:\n"
        "      C[i] = U[i * 3]\n",
        {{"n", n}});
}

TEST(Emit, AWorkspaceThatNoMachineHas) {
  const Program program = parse_program(
      "program main(n: size in [0, 1000000000000000], C: out float32[1]):\n"
      "  allocate T: float32[n]\n"
      "  T[n // 2] = 1.0f32\n"
      "  for i in n:\n"
      "    T[i] = T[n // 2]\n"
      "  C[0] = T[n - 1]\n");
  const std::string message = error_of([&] {
    results_of(program, integer_data(), {{"n", int64_t{1} << 49}}, run_compiled);
  });
  EXPECT_NE(message.find("workspace"), std::string::npos) << message;
}

TEST(Emit, ChecksThatDoNotHold) {
  const std::string text =
      "program checked(n: size, A: in float32[16], C: out float32[16]):\n"
      "  for i in parallel(16):\n"
      "    assert n < 10 || i < 3, \"n is too large\"\n"
      "    C[i] = A[i]\n";
  expect_same(text, {{"n", 9}});
  const Program program = parse_program(text);
  const std::string message = error_of([&] {
    results_of(program, integer_data(), {{"n", 10}}, run_compiled);
  });
  EXPECT_NE(message.find("n is too large"), std::string::npos) << message;
  EXPECT_NE(message.find("checked"), std::string::npos) << message;
}

TEST(Emit, SubscriptsThatDataGiveAreIndexErrors) {
  const Program program = parse_program(
      "program main(A: in float32[7], at: in int64[1], C: out float32[1]):\n"
      "  C[0] = A[index(at[0])]\n");
  for (const int64_t bad : {int64_t{-1}, int64_t{7}}) {
    const auto fill = [&](const std::string& buffer, int64_t) { return buffer == "at" ? double(bad) : 1.0; };
    try {
      results_of(program, fill, {}, run_compiled);
      ADD_FAILURE() << "no error for " << bad;
    } catch (const UserError& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kIndex);
      EXPECT_STREQ(error.what(), "main: subscript 0 of A, which the data give, is outside of its extent 7");
    }
  }
}

TEST(Emit, BranchesNotTakenReadNothing) {
  // Out of range by gigabytes where the branch is not taken.
  for (const char* kind : {"8", "vectorized(8)"})
    expect_same(fmt::format("program main(far: size, A: in float32[8], C: out float32[8]):\n"
                            "  for i in {}:\n"
                            "    C[i] = select(i < 5, A[i], select(far < 0, A[far * i], 7.0f32))\n",
                            kind),
                {{"far", int64_t{1} << 40}});
}

TEST(Emit, VectorsReadAllLanesOrNone) {
  for (const auto& [type, three] : {std::pair{"float32", "3.0f32"}, {"int8", "3i8"}, {"float64", "3.0f64"}})
    expect_same(
        fmt::format("program main(far: size, A: in {0}[4, 32], C: out {0}[8, 32]):\n"
                    "  for i in 8:\n"
                    "    for v in 2:\n"
                    "      for l in vectorized(16):\n"
                    "        C[i, v * 16 + l] = select(2 <= i && i < 6, A[(i - 2) * far, v * 16 + l], {1})\n",
                    type, three),
        {{"far", 1}});
}

TEST(Emit, RaggedVectors) {
  for (const int64_t n : {0, 1, 15, 16, 17, 31, 33, 100})
    for (const int lanes : {4, 16})
      for (const char* type : {"float32", "int8", "float64", "bool", "float16"})
        expect_same(fmt::format("program main(n: size in [0, 1000], A: in {1}[n], C: out {1}[n]):\n"
                                "  for i in (n + {0} - 1) // {0}:\n"
                                "    for l in vectorized({0}):\n"
                                "      if i * {0} + l < n:\n"
                                "        C[i * {0} + l] = A[n - 1 - i * {0} - l]\n",
                                lanes, type),
                    {{"n", n}});
}

// Neighbouring columns, read or written in vectors: rows are what is accessed (transposes.h).
TEST(Emit, Columns) {
  for (const char* type : {"float32", "int8", "float64", "float16"})
    for (const int lanes : {4, 8, 16})
      for (const int columns : {4, 7, 8, 14, 16, 32})
        for (const bool symbolic : {false, true}) {
          const int n = 37;
          const std::string row = symbolic ? "n" : "37";
          const std::string names = fmt::format(
              "program main(n: size in [32, 100], A: in {0}[40, {1}], C: out {0}[{1}, 40]):\n"
              "  for i in 40:\n    for j in {1}:\n      C[j, i] = A[0, 0]\n",
              type, row);
          // Loads of columns; then stores of columns; with ragged lanes.
          expect_same(names + fmt::format("  for b in {0}:\n"
                                          "    for c in unrolled({1}):\n"
                                          "      for l in vectorized({2}):\n"
                                          "        C[c, b * {2} + l] = A[b * {2} + l, c + 1]\n",
                                          40 / lanes, columns, lanes),
                      {{"n", n}});
          expect_same(names + fmt::format("  for b in {0}:\n"
                                          "    for c in unrolled({1}):\n"
                                          "      for l in vectorized({2}):\n"
                                          "        if b * {2} + l < {3}:\n"
                                          "          C[b * {2} + l, c + 2] = A[c, b * {2} + l]\n",
                                          (37 + lanes - 1) / lanes, columns, lanes, row),
                      {{"n", n}});
        }
}

// Pairs and quads: rows that follow each other are one vector.
TEST(Emit, InterleavedColumns) {
  for (const char* type : {"int8", "float16", "float32", "float64"})
    for (const int columns : {2, 4, 8})
      for (const int lanes : {8, 16})
        for (const int rows : {16, 13}) {
          const std::string head = fmt::format(
              "program main(A: in {0}[{1}, 16], C: out {0}[16, {1}]):\n"
              "  for i in 16:\n    for j in {1}:\n      C[i, j] = A[0, 0]\n"
              "  for b in {2}:\n"
              "    for c in unrolled({1}):\n"
              "      for l in vectorized({3}):\n"
              "        if b * {3} + l < {4}:\n",
              type, columns, 16 / lanes, lanes, rows);
          expect_same(head + fmt::format("          C[b * {0} + l, c] = A[c, b * {0} + l]\n", lanes));
          const std::string back = fmt::format(
              "program main(A: in {0}[16, {1}], C: out {0}[{1}, 16]):\n"
              "  for i in {1}:\n    for j in 16:\n      C[i, j] = A[0, 0]\n"
              "  for b in {2}:\n"
              "    for c in unrolled({1}):\n"
              "      for l in vectorized({3}):\n"
              "        if b * {3} + l < {4}:\n",
              type, columns, 16 / lanes, lanes, rows);
          expect_same(back + fmt::format("          C[c, b * {0} + l] = A[b * {0} + l, c]\n", lanes));
        }
  // More columns than rows are apart: they overlap.
  expect_same(
      "program main(A: in float32[64], C: out float32[64]):\n"
      "  for i in 64:\n"
      "    C[i] = 0.0f32\n"
      "  for c in unrolled(4):\n"
      "    for l in vectorized(8):\n"
      "      C[l * 2 + 3 - c] = A[l + c * 8]\n");
}

TEST(Emit, ColumnsThatMayNotBeRows) {
  // Rows overlap: what is written last stays.
  expect_same(
      "program main(A: in float32[16], C: out float32[64]):\n"
      "  for i in 64:\n"
      "    C[i] = 0.0f32\n"
      "  for c in unrolled(8):\n"
      "    for l in vectorized(8):\n"
      "      C[l * 3 + c] = A[l + c]\n");
  // What is read is written in between.
  expect_same(
      "program main(A: in float32[128], C: out float32[128]):\n"
      "  for i in 128:\n"
      "    C[i] = A[i]\n"
      "  for c in unrolled(4):\n"
      "    for l in vectorized(8):\n"
      "      C[l * 8 + c + 1] = C[l * 8 + c] + 1.0f32\n");
}

TEST(Emit, LocalBuffersShorterThanAVector) {
  for (const int n : {1, 3, 5, 15})
    expect_same(
        fmt::format("program main(A: in float32[{0}], C: out float32[{0}]):\n"
                    "  allocate T: local float32[{0}]\n"
                    "  for l in vectorized(16):\n"
                    "    if l < {0}:\n"
                    "      T[l] = A[l] + 1.0f32\n"
                    "  for l in vectorized(16):\n"
                    "    if l < {0}:\n"
                    "      C[l] = T[l] * 2.0f32\n",
                    n));
}

TEST(Emit, StreamingStoresAtAnyAlignment) {
  for (const int64_t shift : {0, 1, 4, 7})
    for (const char* type : {"float32", "float64", "int8"})
      expect_same(fmt::format("program main(s: size in [0, 16], A: in {0}[512], C: out {0}[600]):\n"
                              "  for i in 600:\n"
                              "    C[i] = A[0]\n"
                              "  for i in parallel(32):\n"
                              "    attr streaming_stores = 1:\n"
                              "      for l in vectorized(16):\n"
                              "        C[s + i * 16 + l] = A[i * 16 + l]\n",
                              type),
                  {{"s", shift}});
}

TEST(Emit, PrefetchesOutOfRange) {
  expect_same(
      "program main(A: in float32[64], C: out float32[64]):\n"
      "  for i in 64:\n"
      "    prefetch read A[i + 1000000], 3\n"
      "    prefetch write C[i - 100000], 0\n"
      "    C[i] = A[i]\n");
}

TEST(Emit, GpuSchedulesAreRefused) {
  const Program program = parse_program(
      "program main(A: in float32[64], C: out float32[64]):\n"
      "  for i in bind(blockIdx.x, 64):\n"
      "    C[i] = A[i]\n");
  const std::string message = error_of([&] { build(program, host_target()); });
  EXPECT_NE(message.find("blockIdx.x"), std::string::npos) << message;
}

TEST(Emit, CodeForOtherMachinesIsObjectCode) {
  const Program program = parse_program(
      "program main(n: size in [0, 99], A: in float32[n], C: out float32[n]):\n"
      "  for i in (n + 3) // 4:\n"
      "    for l in vectorized(4):\n"
      "      if i * 4 + l < n:\n"
      "        C[i * 4 + l] = exp(A[i * 4 + l])\n");
  for (const char* target : {"llvm -mtriple=aarch64-linux-gnu", "llvm -mcpu=x86-64", "llvm -mcpu=haswell",
                             "llvm -mtriple=aarch64-linux-gnu -mcpu=neoverse-v1"}) {
    const auto module = build(program, parse_target(target));
    EXPECT_EQ(module->object().substr(1, 3), "ELF") << target;
    EXPECT_EQ(module->function().n_params, 3);
    EXPECT_NE(module->source("asm").find("tw_module_function"), std::string::npos);
    EXPECT_NE(module->source("llvm").find("define"), std::string::npos);
    EXPECT_NE(module->source("loops").find("program main"), std::string::npos);
    EXPECT_NE(error_of([&] { (void)module->source("ptx"); }).find("loops, llvm and asm"), std::string::npos);
  }
}

TEST(Targets, MistakesAreNamed) {
  EXPECT_NE(error_of([] { parse_target("lvm"); }).find("did you mean 'llvm'?"), std::string::npos);
  EXPECT_NE(error_of([] { parse_target("llvm -mcpu=znver44"); }).find("'znver4'"), std::string::npos);
  EXPECT_NE(error_of([] { parse_target("llvm -thread=2"); }).find("'-threads'"), std::string::npos);
  EXPECT_NE(error_of([] { parse_target("llvm -threads=0"); }).find("from 1"), std::string::npos);
  EXPECT_NE(error_of([] { parse_target("llvm -threads=two"); }).find("number"), std::string::npos);
  EXPECT_NE(error_of([] { parse_target("llvm -fast-math=1"); }).find("without a value"), std::string::npos);
  EXPECT_NE(error_of([] { parse_target("llvm -mtriple=riscv64-linux-gnu"); }).find("aarch64"),
            std::string::npos);
  EXPECT_NE(error_of([] { parse_target(""); }).find("empty"), std::string::npos);
}

}  // namespace
}  // namespace tw::codegen
