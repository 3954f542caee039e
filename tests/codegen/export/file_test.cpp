// The files that export writes: what the library needs and shows, what is refused, what is left behind.
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codegen/export/exporting.h"
#include "runtime/core/cpu.h"
#include "runtime/library.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSubsetOf;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  std::set<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it)
    found.insert((*it)[1].str());
  return found;
}

template <class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

class Files : public Exporting, public ::testing::WithParamInterface<const char*> {};

TEST_P(Files, NeedLibcLibmAndThreadsOfOldSystems) {
  const std::string architecture = GetParam();
  export_library(ReadyModule(matmul_function, architecture), path("libmatmul.so"));
  export_library(ReadyModule(stretch_function, architecture), path("libstretch.so"));
  for (const char* file : {"libmatmul.so", "libstretch.so"}) {
    const std::string text = run("readelf -W -d -V --dyn-syms " + path(file)).text;
    EXPECT_THAT(matches(text, R"(NEEDED.*\[(.*)\])"),
                IsSubsetOf({"libc.so.6", "libm.so.6", "libpthread.so.0"}))
        << text;
    EXPECT_THAT(matches(text, R"(SONAME.*\[(.*)\])"), ElementsAre(file));
    EXPECT_THAT(text, ::testing::Not(HasSubstr("TEXTREL")));
    const std::set<std::string> versions = matches(text, R"(Name: GLIBC_(\S+))");
    EXPECT_FALSE(versions.empty()) << text;
    for (const std::string& version : versions) {
      int minor = 0;
      ASSERT_EQ(std::sscanf(version.c_str(), "2.%d", &minor), 1) << version;
      EXPECT_LE(minor, 17) << version;
    }
    EXPECT_EQ(matches(text, R"(UND (\w+)\n)"), std::set<std::string>{}) << "symbols without a version";
  }
  const std::string text = run("readelf -W --dyn-syms " + path("libmatmul.so")).text;
  EXPECT_THAT(
      matches(text, R"((?:FUNC|OBJECT|NOTYPE) +(?:GLOBAL|WEAK) +DEFAULT +\d+ (\w+))"),
      UnorderedElementsAre("matmul_open", "matmul_shape", "matmul_run", "matmul_threads", "matmul_parallel",
                           "matmul_close", "matmul_error", "matmul_description", "tw_library_v1"));
}

INSTANTIATE_TEST_SUITE_P(Architectures, Files, ::testing::Values("x86_64", "aarch64"));

TEST_F(Exporting, RefusesNames) {
  const ReadyModule module(matmul_function);
  for (const char* name : {"matmul.so", "libmatmul", "lib.so", "libmatmul.so.1", "lib1x.so", "liba-b.so",
                           "libint.so", "libclass.so", "libtw_tensor.so", "libmat mul.so", ""}) {
    const std::string message = message_of([&] { export_library(module, path(name)); });
    EXPECT_THAT(message, StartsWith("cannot export '" + path(name) + "': the file is named libNAME.so"))
        << name;
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Exporting, RefusesPathsThatCannotBeWritten) {
  const ReadyModule module(matmul_function);
  const std::string missing = path("nowhere/libmatmul.so");
  EXPECT_EQ(message_of([&] { export_library(module, missing); }),
            "cannot write '" + missing +
                "': No such file or directory; the folder has to exist, and files in it to be writable");
  fs::create_directory(folder_ / "libmatmul.h");
  EXPECT_THAT(message_of([&] { export_library(module, path("libmatmul.so")); }), HasSubstr("Is a directory"));
  fs::create_directory(folder_ / "libother.so");
  EXPECT_THAT(message_of([&] { export_library(module, path("libother.so")); }), HasSubstr("Is a directory"));
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder_)) left.insert(entry.path().filename());
  EXPECT_THAT(left, ElementsAre("libmatmul.h", "libother.so"));
}

TEST_F(Exporting, ReplacesFilesAndLeavesNothingElse) {
  export_library(ReadyModule(matmul_function), path("libmatmul.so"));
  export_library(ReadyModule(matmul_function), path("libmatmul.so"));
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder_)) left.insert(entry.path().filename());
  EXPECT_THAT(left, ElementsAre("libmatmul.h", "libmatmul.so"));
}

TEST_F(Exporting, RefusesMachinesWithoutACore) {
  ReadyModule module(matmul_function);
  module.target_.triple = "riscv64-linux-gnu";
  EXPECT_EQ(message_of([&] { export_library(module, path("libmatmul.so")); }),
            "no libraries can be exported for 'riscv64-linux-gnu': there are aarch64 and x86_64 on Linux");
  module.target_.triple = "x86_64-apple-darwin";
  EXPECT_THAT(message_of([&] { export_library(module, path("libmatmul.so")); }),
              HasSubstr("x86_64-apple-darwin"));
}

TEST_F(Exporting, SeveralAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&, t] {
      export_library(ReadyModule(t % 2 ? matmul_function : stretch_function),
                     path("liba" + std::to_string(t) + ".so"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < 4; t++)
    EXPECT_NO_THROW(runtime::Library::open(path("liba" + std::to_string(t) + ".so")));
}

TEST_F(Exporting, LoadedBack) {
  ReadyModule module(stretch_function);
  module.target_.threads = 2;
  export_library(module, path("libstretched.so"));
  const auto library = runtime::Library::open(path("libstretched.so"));
  EXPECT_EQ(library->name(), "stretched");
  EXPECT_EQ(library->threads(), 2);
  const auto json = nlohmann::json::parse(library->description());
  EXPECT_EQ(json["function"], "stretch");
  EXPECT_EQ(json["threads"], 2);
  EXPECT_EQ(json["features"], nlohmann::json({"sse2"}));
  EXPECT_EQ(json["inputs"][0],
            nlohmann::json::parse(R"({"name": "X", "kind": "input", "dtype": "float64", "shape": ["n"],
                                                         "alignment": 8})"));
  EXPECT_EQ(json["inputs"][1]["kind"], "size");
  EXPECT_EQ(json["outputs"][0]["shape"], nlohmann::json({"n + k"}));
  EXPECT_EQ(json["outputs"][1]["kind"], "inout");
  EXPECT_EQ(json["sizes"][1],
            nlohmann::json::parse(R"({"name": "k", "min": 0, "max": 64, "multiple_of": 2})"));
  double x[1] = {0}, y[3];
  int32_t calls = 0;
  int64_t k = 2, shape_x[] = {1}, shape_y[] = {3};
  tw_tensor buffers[] = {{x, TW_FLOAT64, 1, shape_x, nullptr},
                         {y, TW_FLOAT64, 1, shape_y, nullptr},
                         {&calls, TW_INT32, 0, nullptr, nullptr}};
  EXPECT_EQ(tw_call(&library->function(), nullptr, 0, buffers, &k, nullptr), TW_OK) << tw_error();
  EXPECT_EQ(y[0] + y[2], 2);
  EXPECT_EQ(calls, 1);
}

TEST_F(Exporting, RefusesACpuThatLacksAFeature) {
  ReadyModule module(matmul_function);
  for (const char* feature : {"xop", "fma4", "amx-tile", "avx512f"}) {
    if (tw_cpu_has(feature) == 0) module.target_.features.push_back(feature);
  }
  ASSERT_GT(module.target_.features.size(), 1u);
  module.target_.features.push_back("a-feature-that-no-table-knows");
  export_library(module, path("libmatmul.so"));
  const std::string message = message_of([&] { runtime::Library::open(path("libmatmul.so")); });
  EXPECT_THAT(message, StartsWith("matmul: this CPU lacks " + module.target_.features[1]));
  EXPECT_THAT(message, HasSubstr("-mcpu"));
  write("program.c", R"(#include <stdio.h>
#include "libmatmul.h"
int main(void) {
  matmul* handle;
  int code = matmul_open(NULL, &handle);
  printf("%d %d %s", code == TW_UNSUPPORTED, handle == NULL, matmul_error());
  return 0;
})");
  EXPECT_EQ(compile_and_run("program.c", "-lmatmul").text, "1 1 " + message);
}

TEST_F(Exporting, LoadRefusesOtherFiles) {
  EXPECT_THAT(message_of([&] { runtime::Library::open(path("libnone.so")); }),
              StartsWith("cannot load '" + path("libnone.so")));
  write("libtext.so", "text");
  EXPECT_THAT(message_of([&] { runtime::Library::open(path("libtext.so")); }), StartsWith("cannot load '"));
  write("empty.c", "int nothing;\n");
  ASSERT_EQ(run("gcc -shared -fPIC " + path("empty.c") + " -o " + path("libempty.so")).status, 0);
  EXPECT_THAT(message_of([&] { runtime::Library::open(path("libempty.so")); }),
              HasSubstr("is no library that this version"));
}

}  // namespace
}  // namespace tw::codegen
