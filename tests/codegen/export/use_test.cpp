// Exported libraries in C programs that gcc compiles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codegen/export/exporting.h"

namespace tw::codegen {
namespace {

using ::testing::HasSubstr;

/// The first block in a document that begins with the line "```" + `kind`.
std::string code_block(const std::string& text, const std::string& kind) {
  const std::size_t fence = text.find("\n```" + kind + "\n");
  const std::size_t begin = text.find('\n', fence + 1) + 1;
  return text.substr(begin, text.find("\n```", begin) + 1 - begin);
}

TEST_F(Exporting, TheDocumentedProgramRuns) {
  export_library(ReadyModule(matmul_function), path("libmatmul.so"));
  write("program.c", code_block(read_text(std::string(TW_DOCS) + "/exported_libraries.md"), "c"));
  const Output output = compile_and_run("program.c", "-lmatmul");
  EXPECT_EQ(output.text, "4 5\n10 11\n");
  EXPECT_EQ(output.status, 0);
}

TEST_F(Exporting, TwoLibrariesTwoHandlesTwoThreads) {
  export_library(ReadyModule(matmul_function), path("libmatmul.so"));
  export_library(ReadyModule(stretch_function), path("libstretch.so"));
  const Output output =
      compile_and_run(std::string(TW_TEST_SOURCES) + "/two_libraries.c", "-lmatmul -lstretch");
  EXPECT_EQ(output.text, "good\n");
  EXPECT_EQ(output.status, 0);
}

TEST_F(Exporting, OneFunctionUnderTwoNames) {
  export_library(ReadyModule(matmul_function), path("libfirst.so"));
  export_library(ReadyModule(matmul_function), path("libsecond.so"));
  write("program.c", R"(#include <stdio.h>
#include "libfirst.h"
#include "libsecond.h"
int main(void) {
  first* f;
  second* s;
  if (first_open(NULL, &f) || second_open(NULL, &s)) return 1;
  first_run(f, NULL, 1, NULL, 0);
  printf("%s|%s\n", first_error(), second_error());
  first_close(f);
  second_close(s);
  return 0;
})");
  EXPECT_EQ(compile_and_run("program.c", "-lfirst -lsecond").text,
            "first_run: 1 inputs given, needs 2: A, B|\n");
}

TEST_F(Exporting, LoadedByDlopen) {
  export_library(ReadyModule(matmul_function), path("libmatmul.so"));
  const Output output = compile_and_run(std::string(TW_TEST_SOURCES) + "/dlopen.c", "");
  EXPECT_EQ(output.text, "good\n");
  EXPECT_EQ(output.status, 0);
}

TEST_F(Exporting, ErrorsAreCodesAndMessages) {
  export_library(ReadyModule(stretch_function), path("libstretch.so"));
  const Output output = compile_and_run(std::string(TW_TEST_SOURCES) + "/errors.c", "-lstretch");
  EXPECT_EQ(output.text, read_text(std::string(TW_TEST_SOURCES) + "/errors.txt"));
  EXPECT_EQ(output.status, 0);
}

TEST_F(Exporting, HeadersCompileAnywhere) {
  export_library(ReadyModule(matmul_function), path("libmatmul.so"));
  export_library(ReadyModule(stretch_function), path("libstretch.so"));
  write(
      "both.c",
      "#include \"libmatmul.h\"\n#include \"libstretch.h\"\n#include \"libmatmul.h\"\nint x = TW_FLOAT64;\n");
  for (const char* compiler :
       {"gcc -std=c99 -pedantic -x c", "gcc -std=c89 -x c", "g++ -std=c++11 -pedantic -x c++",
        "clang -std=c17 -Weverything -Wno-padded -x c"}) {
    const Output output =
        run(std::string(compiler) +
            " -Wall -Wextra -Werror -Wno-missing-variable-declarations -fsyntax-only " + path("both.c"));
    EXPECT_EQ(output.status, 0) << compiler << "\n" << output.text;
  }
}

TEST_F(Exporting, TheHeaderSaysWhatTheArgumentsAre) {
  export_library(ReadyModule(stretch_function),
                 path("libstretch.h").replace(path("libstretch.h").size() - 1, 1, "so"));
  const std::string header = read_text(path("libstretch.h"));
  EXPECT_THAT(header, HasSubstr(" *   in[0]    X        float64 (n,)\n"
                                " *   in[1]    k        int64 (): the size, 0 to 64, a multiple of 2\n"
                                " *   out[0]   Y        float64 (n + k,)\n"
                                " *   out[1]   S        int32 (), read and written\n"
                                " * with\n"
                                " *   n                 at least 0\n"));
}

TEST_F(Exporting, RunsOnAArch64) {
  if (run("qemu-aarch64 --version").status != 0 || run("aarch64-linux-gnu-gcc --version").status != 0) {
    GTEST_SKIP() << "needs qemu-user and gcc-aarch64-linux-gnu";
  }
  export_library(ReadyModule(matmul_function, "aarch64"), path("libmatmul.so"));
  export_library(ReadyModule(stretch_function, "aarch64"), path("libstretch.so"));
  const Output compiled =
      run("cd " + folder_.string() + " && aarch64-linux-gnu-gcc -I. -Wall -Werror " + TW_TEST_SOURCES +
          "/two_libraries.c -o program -L. -lmatmul -lstretch -lpthread");
  ASSERT_EQ(compiled.status, 0) << compiled.text;
  const Output output = run("cd " + folder_.string() +
                            " && qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=. ./program");
  EXPECT_EQ(output.text, "good\n");
  EXPECT_EQ(output.status, 0);
}

}  // namespace
}  // namespace tw::codegen
