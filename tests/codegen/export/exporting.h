// What tests of exported libraries share: modules with ready object files, a folder, commands.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "codegen/export.h"

namespace tw::codegen {

/// A module whose object file another compiler made from functions.c.
class ReadyModule : public Module {
 public:
  ReadyModule(const tw_function& function, const std::string& architecture = "x86_64");

  const tw_function& function() const override { return function_; }
  const Target& target() const override { return target_; }
  const BuildStats& stats() const override { return stats_; }
  std::string source(const std::string&) const override { return ""; }
  std::string object() const override;

  Target target_;

 private:
  const tw_function& function_;
  std::string architecture_;
  BuildStats stats_;
};

struct Output {
  int status;
  std::string text;
};

/// A shell command: its exit status, and what it wrote to both streams.
Output run(const std::string& command);

/// A folder of its own for each test.
class Exporting : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& text) const;

  /// Compiles a C program of this folder that uses the libraries, and runs it.
  Output compile_and_run(const std::string& program, const std::string& libraries);

  std::filesystem::path folder_;
};

std::string read_text(const std::filesystem::path& path);

extern "C" {
extern const tw_function matmul_function, stretch_function;
}

}  // namespace tw::codegen
