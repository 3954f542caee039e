#include "codegen/export/link.h"

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

#include <fmt/core.h>
#include <lld/Common/Driver.h>
#include <llvm/Support/raw_ostream.h>

#include "codegen/export/system_symbols.h"
#include "support/error.h"

LLD_HAS_DRIVER(elf)

namespace tw::codegen {
namespace {

namespace fs = std::filesystem;

/// A folder for the linker's files, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "tilewright-XXXXXX").string();
    if (!mkdtemp(pattern.data())) {
      raise_value("no temporary folder can be made at '{}': set TMPDIR to a folder that may be written to",
                  pattern);
    }
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }

  /// Writes a file and gives its path.
  std::string write(const std::string& name, const std::string& bytes) const {
    return write_by(name, [&](std::ostream& out) { out << bytes; });
  }

  template <class F>
  std::string write_by(const std::string& name, F&& write_to) const {
    std::ofstream file(path(name), std::ios::binary);
    write_to(file);
    if (!file.flush())
      raise_value("cannot write the temporary file '{}': set TMPDIR to another folder", path(name));
    return path(name);
  }

 private:
  fs::path path_;
};

/// LLD keeps state of the process: one link at a time, and none after it crashed.
void run_linker(const std::vector<std::string>& arguments) {
  static std::mutex mutex;
  static bool usable = true;
  const std::lock_guard lock(mutex);
  if (!usable) raise_internal("the linker has crashed before and cannot be used again in this process");
  std::vector<const char*> pointers{"ld.lld"};
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  std::string output;
  llvm::raw_string_ostream stream(output);
  const lld::Result result = lld::lldMain(pointers, stream, stream, {{lld::Gnu, &lld::elf::link}});
  usable = result.canRunAgain;
  if (result.retCode != 0) raise_internal("the library cannot be linked: {}", stream.str());
}

std::vector<std::string> common_arguments(const std::string& architecture) {
  return {"-m", architecture == "x86_64" ? "elf_x86_64" : "aarch64linux", "-shared", "--threads=1",
          "--hash-style=gnu"};
}

/// A library without code that has the symbols of one of the system's.
std::string make_stand_in(const TemporaryFolder& folder, const SystemLibrary& library,
                          const std::string& architecture) {
  std::vector<std::string> arguments = common_arguments(architecture);
  for (const std::string& symbol : library.symbols) arguments.push_back("--defsym=" + symbol + "=0");
  const std::string script = folder.write(library.name + ".version", library.version_script);
  const std::string output = folder.path(library.name);
  // The linker wants some input: one byte of data.
  const std::string byte = folder.write("byte", "0");
  arguments.insert(arguments.end(), {"-soname", library.name, "--version-script=" + script, "--format=binary",
                                     byte, "-o", output});
  run_linker(arguments);
  return output;
}

/// The linker names the start of a file of data after its path.
std::string data_symbol(std::string path) {
  for (char& c : path) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return "_binary_" + path + "_start";
}

std::string export_script(const LinkJob& job) {
  std::string script = "{\n  global:\n";
  for (const std::string& symbol : job.exported) script += "    " + symbol + ";\n";
  return script + "  local: *;\n};\n";
}

}  // namespace

void link_library(const LinkJob& job, const std::string& output) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments = common_arguments(job.architecture);
  arguments.insert(arguments.end(), {"-z", "defs", "-z", "now", "-z", "relro", "--gc-sections", "--as-needed",
                                     "-soname", job.soname, "-o", output});
  int count = 0;
  for (const LinkInput& object : job.objects) {
    arguments.push_back(
        folder.write(fmt::format("{}-{}.o", count++, fs::path(object.name).stem().string()), object.bytes));
  }
  arguments.push_back(folder.write_by(
      "weights.o", [&](std::ostream& out) { write_data_object(out, job.architecture, job.weights); }));
  for (const SystemLibrary& library : system_libraries(job.architecture)) {
    arguments.push_back(make_stand_in(folder, library, job.architecture));
  }
  const std::string texts = folder.write("texts", job.texts);
  arguments.insert(arguments.end(), {"--format=binary", texts, "--format=default"});
  arguments.push_back(fmt::format("--defsym={}={}", job.texts_symbol, data_symbol(texts)));
  for (const auto& [name, symbol] : job.aliases)
    arguments.push_back(fmt::format("--defsym={}={}", name, symbol));
  arguments.push_back("--version-script=" + folder.write("exported.version", export_script(job)));
  run_linker(arguments);
}

}  // namespace tw::codegen
