// Programs compiled by our own back end and exported: to this machine, to old ones, to AArch64.
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "codegen/export/exporting.h"
#include "ir/text.h"

namespace tw::codegen {
namespace {

// Regions, workspaces, a check, a size that shapes show and one that callers give.
constexpr const char* kMixed =
    R"(program mixed(n: shape in [0, 1000], A: in float32[n, 7], s: size in [0, 100], C: out float32[n, 7]):
  allocate T: float32[n, 7]
  for i in parallel(n):
    assert s < 99, "s is too large"
    for j in 7:
      T[i, j] = exp(A[i, j]) * 2.0f32
  for i in parallel(n):
    for j in vectorized(7):
      C[i, j] = T[(i + s) % n, 6 - j]
)";

class Built : public Exporting, public ::testing::WithParamInterface<const char*> {
 protected:
  bool is_aarch64() const { return std::string(GetParam()).find("aarch64") != std::string::npos; }
};

TEST_P(Built, RunsFromC) {
  export_library(*build(parse_program(kMixed), parse_target(GetParam())), path("libmixed.so"));
  const std::string source = std::string(TW_TEST_SOURCES) + "/mixed.c";
  Output output;
  if (!is_aarch64()) {
    output = compile_and_run(source, "-lmixed -lm");
  } else {
    if (run("qemu-aarch64 --version").status != 0 || run("aarch64-linux-gnu-gcc --version").status != 0)
      GTEST_SKIP() << "needs qemu-user and gcc-aarch64-linux-gnu";
    const std::string go = "cd " + folder_.string() + " && ";
    const Output compiled = run(go + "aarch64-linux-gnu-gcc -I. " + source + " -o program -L. -lmixed -lm");
    ASSERT_EQ(compiled.status, 0) << compiled.text;
    output = run(go + "qemu-aarch64 -cpu max -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=. ./program");
  }
  EXPECT_EQ(output.text, "good\n");
  EXPECT_EQ(output.status, 0);
}

/// Whatever code asks of libraries is there: every function of expressions, every conversion.
TEST_P(Built, NeedsNothingThatIsNotThere) {
  const std::vector<std::string> types = {"bool",     "int8",    "int16",  "int32",  "int64",
                                          "uint8",    "uint16",  "uint32", "uint64", "float16",
                                          "bfloat16", "float32", "float64"};
  std::string text = "program all(";
  std::string body;
  for (const std::string& from : types) {
    text += fmt::format("X{0}: in {0}[64], ", from);
    for (const std::string& to : types) {
      text += fmt::format("Y{0}{1}: out {1}[64], ", from, to);
      body += fmt::format("  for i in 64:\n    Y{0}{1}[i] = {1}(X{0}[i])\n", from, to);
    }
  }
  for (const std::string type : {"float32", "float64"}) {
    for (const char* function :
         {"exp", "log", "sqrt", "rsqrt", "tanh", "erf", "sin", "cos", "floor", "ceil", "round", "abs"}) {
      text += fmt::format("Z{0}{1}: out {1}[64], ", function, type);
      body += fmt::format("  for i in 64:\n    Z{0}{1}[i] = {0}(X{1}[i])\n", function, type);
    }
    text += fmt::format("P{0}: out {0}[64], Q{0}: out {0}[64], ", type);
    body += fmt::format("  for i in 64:\n    P{0}[i] = pow(X{0}[i], X{0}[63 - i])\n", type);
    body += fmt::format("  for i in 64:\n    Q{0}[i] = X{0}[i] % X{0}[63 - i]\n", type);
  }
  const Program program = parse_program(text.substr(0, text.size() - 2) + "):\n" + body);
  EXPECT_NO_THROW(export_library(*build(program, parse_target(GetParam())), path("liball.so")));
}

INSTANTIATE_TEST_SUITE_P(Targets, Built,
                         ::testing::Values("llvm", "llvm -mcpu=x86-64", "llvm -mcpu=haswell -threads=2",
                                           "llvm -mtriple=aarch64-linux-gnu",
                                           "llvm -mtriple=aarch64-linux-gnu -mcpu=neoverse-n1"));

}  // namespace
}  // namespace tw::codegen
