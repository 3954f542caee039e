#include "codegen/export.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <llvm/TargetParser/Triple.h>
#include <unistd.h>

#include "codegen/export/core_objects.h"
#include "codegen/export/description.h"
#include "codegen/export/header.h"
#include "codegen/export/link.h"
#include "codegen/build.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

namespace fs = std::filesystem;

// Names that no type can have in C or C++.
const std::set<std::string>& reserved_names() {
  static const std::set<std::string> names = {
      "alignas",  "alignof",  "and",     "asm",       "auto",    "bool",     "break",    "case",
      "catch",    "char",     "class",   "compl",     "concept", "const",    "continue", "decltype",
      "default",  "delete",   "do",      "double",    "else",    "enum",     "explicit", "export",
      "extern",   "false",    "float",   "for",       "friend",  "goto",     "if",       "inline",
      "int",      "long",     "mutable", "namespace", "new",     "noexcept", "not",      "nullptr",
      "operator", "or",       "private", "protected", "public",  "register", "requires", "restrict",
      "return",   "short",    "signed",  "sizeof",    "static",  "struct",   "switch",   "template",
      "this",     "throw",    "true",    "try",       "typedef", "typeid",   "typename", "typeof",
      "union",    "unsigned", "using",   "virtual",   "void",    "volatile", "wchar_t",  "while",
      "xor"};
  return names;
}

bool is_identifier(const std::string& name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) return false;
  for (char c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  }
  return !reserved_names().contains(name) && name.rfind("tw_", 0) != 0;
}

/// "matmul" of "some/folder/libmatmul.so".
std::string library_name(const fs::path& path) {
  const std::string file = path.filename().string();
  const bool has_form = file.size() > 6 && file.starts_with("lib") && file.ends_with(".so");
  const std::string name = has_form ? file.substr(3, file.size() - 6) : "";
  if (!has_form || !is_identifier(name)) {
    raise_value(
        "cannot export '{}': the file is named libNAME.so, where NAME is an identifier of C and C++ that "
        "does not "
        "begin with tw_: its functions are NAME_open, NAME_run and so on",
        path.string());
  }
  return name;
}

/// The architecture of a target that there is a core for.
std::string architecture_of(const Target& target) {
  const llvm::Triple triple(llvm::Triple::normalize(target.triple));
  const std::string architecture = llvm::Triple::getArchTypeName(triple.getArch()).str();
  std::set<std::string> known;
  for (const CoreObject& object : core_objects()) known.insert(object.architecture);
  if (!triple.isOSLinux() || !known.contains(architecture)) {
    raise_unsupported("no libraries can be exported for '{}': there are {} on Linux", target.triple,
                      fmt::join(known, " and "));
  }
  return architecture;
}

constexpr std::array kFunctions = {"open", "shape", "run", "threads", "parallel", "close", "description"};

LinkJob link_job(const Module& module, const std::string& name) {
  LinkJob job;
  job.architecture = architecture_of(module.target());
  job.soname = "lib" + name + ".so";
  job.objects.push_back({name + ".o", module.object()});
  for (const CoreObject& object : core_objects()) {
    if (object.architecture != job.architecture) continue;
    job.objects.push_back({object.name, std::string(object.begin, object.end)});
  }
  // In the order of core/library.h.
  for (const std::string& text :
       {name, fmt::format("{}", fmt::join(module.target().features, " ")),
        std::to_string(module.target().threads), library_description(module, name)}) {
    job.texts += text + '\0';
  }
  job.texts_symbol = "tw_library_texts";
  job.aliases.emplace_back("tw_library_function", kFunctionSymbol);
  job.exported.push_back("tw_library_v1");
  for (const char* function : kFunctions) {
    job.aliases.emplace_back(fmt::format("{}_{}", name, function), fmt::format("tw_library_{}", function));
    job.exported.push_back(job.aliases.back().first);
  }
  job.aliases.emplace_back(name + "_error", "tw_error");
  job.exported.push_back(name + "_error");
  return job;
}

[[noreturn]] void cannot_write(const fs::path& path, int error) {
  raise_value("cannot write '{}': {}; the folder has to exist, and files in it to be writable", path.string(),
              std::strerror(error));
}

/// A file that takes its name when all is well: until then it stands beside under another, and goes if it is
/// not kept.
class NewFile {
 public:
  NewFile(const fs::path& path, const std::string& bytes)
      : path_(path), beside_(path.string() + fmt::format(".{}.new", getpid())) {
    errno = 0;
    std::ofstream file(beside_, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) {
      const int error = errno;
      remove(beside_);
      cannot_write(path_, error);
    }
  }
  ~NewFile() { remove(beside_); }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void keep() {
    if (std::rename(beside_.c_str(), path_.c_str()) != 0) cannot_write(path_, errno);
  }

 private:
  static void remove(const fs::path& path) {
    std::error_code ignored;
    fs::remove(path, ignored);
  }

  fs::path path_, beside_;
};

}  // namespace

void export_library(const Module& module, const std::string& path) {
  const std::string name = library_name(path);
  const fs::path header_path = fs::path(path).replace_extension(".h");
  // Both files are written in full before either gets its name.
  NewFile library(path, link_library(link_job(module, name)));
  NewFile header(header_path, library_header(module, name));
  if (fs::is_directory(header_path)) cannot_write(header_path, EISDIR);
  library.keep();
  header.keep();
}

}  // namespace tw::codegen
