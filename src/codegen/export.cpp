#include "codegen/export.h"

#include <array>
#include <filesystem>
#include <optional>
#include <set>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <llvm/TargetParser/Triple.h>

#include "codegen/export/core_objects.h"
#include "codegen/export/header.h"
#include "codegen/export/library_description.h"
#include "codegen/export/link.h"
#include "codegen/export/new_file.h"
#include "codegen/export/weights.h"
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

LinkJob link_job(const Module& module, const LibraryInterface& interface) {
  const std::string& name = interface.name;
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
        std::to_string(module.target().threads), library_description(module, interface), interface.weights}) {
    job.texts += text + '\0';
  }
  job.texts_symbol = "tw_library_texts";
  job.weights.symbol = "tw_library_weights";
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

/// Raises where the constants are more than a library can have in itself.
void check_embedded(const std::vector<ExportedConstant>& constants, const fs::path& path) {
  int64_t bytes = 0;
  for (const ExportedConstant& constant : constants) bytes += constant.bytes;
  if (bytes > kMostEmbedded)
    raise_unsupported(
        "'{}' cannot have {} bytes of weights in itself, at most {}; write them to a file beside it, with "
        "embed_weights=False",
        path.string(), bytes, kMostEmbedded);
}

}  // namespace

void export_library(const Module& module, const std::string& path, const ExportOptions& options) {
  const std::string name = library_name(path);
  const bool in_file = !options.embed_weights && !options.constants.empty();
  if (!in_file) check_embedded(options.constants, path);
  const LibraryInterface interface(module, name, options);
  const WeightsImage image(options.constants);
  // All files are written in full before any gets its name.
  NewFile library(path), header(fs::path(path).replace_extension(".h"));
  std::optional<NewFile> weights;
  if (in_file) weights.emplace(fs::path(path).replace_extension(".weights")).write(image.pieces());
  LinkJob job = link_job(module, interface);
  job.weights.pieces = in_file ? std::vector{image.header()} : image.pieces();
  link_library(job, library.beside());
  const std::string text = library_header(module, interface);
  header.write(std::vector{Bytes(text)});
  if (weights) weights->keep();
  header.keep();
  library.keep();
}

}  // namespace tw::codegen
