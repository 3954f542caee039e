#include "codegen/export/exporting.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <sys/wait.h>

namespace tw::codegen {

namespace fs = std::filesystem;

ReadyModule::ReadyModule(const tw_function& function, const std::string& architecture)
    : function_(function), architecture_(architecture) {
  target_.kind = "llvm";
  target_.triple = architecture + "-linux-gnu";
  target_.cpu = "generic";
  target_.features = {architecture == "x86_64" ? "sse2" : "neon"};
  target_.text = "llvm";
}

std::string ReadyModule::object() const {
  return read_text(std::string(TW_TEST_OBJECTS) + "/" + function_.name + "." + architecture_ + ".o");
}

Output run(const std::string& command) {
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string text;
  char buffer[4096];
  while (std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, got);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text};
}

void Exporting::SetUp() {
  std::string pattern = (fs::temp_directory_path() / "tw_export_XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  folder_ = pattern;
}

void Exporting::TearDown() {
  fs::remove_all(folder_);
}

void Exporting::write(const std::string& name, const std::string& text) const {
  std::ofstream(folder_ / name) << text;
}

Output Exporting::compile_and_run(const std::string& program, const std::string& libraries) {
  const Output compiled =
      run("cd " + folder_.string() + " && gcc -I. -std=c11 -O1 -Wall -Wextra -Werror " + program +
          " -o program -L. " + libraries + " -ldl -lpthread -Wl,-rpath,'$ORIGIN'");
  if (compiled.status != 0) return compiled;
  return run(path("program"));
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace tw::codegen
