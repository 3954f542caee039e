#include "codegen/export/header.h"

#include <cctype>
#include <utility>

#include <fmt/core.h>

#include "codegen/export/library_description.h"
#include "codegen/export/version.h"
#include "runtime/core/check.h"

namespace tw::codegen {
namespace {

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

constexpr std::pair<const char*, const char*> kCodes[] = {
    {"TW_OK", ""},
    {"TW_FAILED", "a check inside of the function did not hold"},
    {"TW_NO_MEMORY", "no memory"},
    {"TW_BAD_VALUE", "an argument's shape, strides, alignment, overlap or size"},
    {"TW_BAD_TYPE", "an argument's dtype"},
    {"TW_UNSUPPORTED", "this machine cannot run the library"},
    {"TW_SYSTEM", "the system refused a file or a thread"},
    {"TW_BAD_INDEX", "an element of an input, used as a subscript, leads out of an array"},
};

/// The types that all libraries share, from the numbers that the runtime uses.
std::string types_text() {
  std::string text =
      "/* The same in the header of every library. */\n"
      "#ifndef TW_TYPES_1\n"
      "#define TW_TYPES_1\n\n"
      "/* What functions return. For everything but TW_OK, the library's ..._error() says what is wrong. */\n"
      "enum {\n";
  int code = 0;
  for (const auto& [name, meaning] : kCodes) {
    text += fmt::format("  {} = {},{}\n", name, code++, *meaning ? fmt::format(" /* {} */", meaning) : "");
  }
  text += "};\n\n/* Types of elements. */\nenum {\n";
  for (int32_t dtype = 0; tw_dtype_bytes(dtype) > 0; dtype++) {
    text += fmt::format("  TW_{} = {},\n", upper(tw_dtype_name(dtype)), dtype);
  }
  text +=
      "};\n\n"
      "/* An array. Strides count elements; null: contiguous, row-major. */\n"
      "typedef struct {\n"
      "  void* data;\n"
      "  int32_t dtype, ndim;\n"
      "  const int64_t* shape;\n"
      "  const int64_t* strides;\n"
      "} tw_tensor;\n\n"
      "/* The host program's own threads: calls task(data, i) once for each 0 <= i < turns, on any threads, "
      "and\n"
      " * returns when all have. */\n"
      "typedef void (*tw_task)(void* data, int64_t turn);\n"
      "typedef void (*tw_host_parallel)(void* user, tw_task task, void* data, int64_t turns);\n"
      "#endif\n";
  return text;
}

/// " *   in[0]   A   float32 (m, k)".
std::string argument_line(const char* list, int place, const tw_param& param) {
  std::string what;
  if (tw_is_buffer(&param)) {
    what = fmt::format("{} {}", tw_dtype_name(param.dtype), shape_text(param));
    if (param.alignment > tw_dtype_bytes(param.dtype))
      what += fmt::format(", aligned to {} bytes", param.alignment);
    if (param.kind == TW_PARAM_INOUT) what += ", read and written";
  } else {
    what = "int64 (): the size, " + bounds_text(param);
  }
  return fmt::format(" *   {:<8} {:<8} {}\n", fmt::format("{}[{}]", list, place), param.name, what);
}

std::string arguments_text(const LibraryInterface& interface) {
  std::string text;
  int in = 0, out = 0;
  for (const tw_param& param : interface.inputs) text += argument_line("in", in++, param);
  for (const tw_param& param : interface.outputs) text += argument_line("out", out++, param);
  std::string sizes;
  for (const tw_param& param : interface.sizes)
    if (param.kind == TW_PARAM_SHAPE)
      sizes += fmt::format(" *   {:<17} {}\n", param.name, bounds_text(param));
  return text + (sizes.empty() ? "" : " * with\n" + sizes);
}

/// What a program says to NAME_open about weights.
std::string weights_text(const LibraryInterface& interface) {
  if (interface.weights.empty()) return "`weights` is NULL: the library has none.";
  if (interface.weights == "embedded") return "`weights` is NULL: the library has them in itself.";
  return fmt::format("`weights` is the path of {}, or NULL where it stands beside the library.",
                     interface.weights);
}

/// Text of the header's functions; "@" stands for the library's name, "%" for what weights are.
constexpr const char* kFunctions = R"(
typedef struct @ @;

/* Makes a handle. %
 * TW_UNSUPPORTED: this CPU cannot run the library. */
int @_open(const char* weights, @** handle);

/* The shape that an output will have: `ndim` numbers at `shape`, or `ndim` alone where `shape` is NULL. */
int @_shape(@* handle, const tw_tensor* in, int n_in, int output, int64_t* shape, int32_t* ndim);

/* Checks the arguments and runs. Inputs and outputs are contiguous; no output overlaps another array. Threads may
 * share a handle: one at a time has its threads, the others run alone. */
int @_run(@* handle, const tw_tensor* in, int n_in, tw_tensor* out, int n_out);

/* At most so many threads, the caller's own counted; 0: as many processors as the process may use. And the host's
 * own threads in their place, or NULL. Neither while the handle runs. */
int @_threads(@* handle, int threads);
int @_parallel(@* handle, tw_host_parallel parallel, void* user);

/* Ends the handle's threads and frees it; NULL: nothing. */
void @_close(@* handle);

/* Why the last function that failed on this thread did. Never NULL. */
const char* @_error(void);

/* JSON: the arguments, the target, the version. */
const char* @_description(void);
)";

std::string with(std::string text, char mark, const std::string& meaning) {
  for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += meaning.size())
    text.replace(at, 1, meaning);
  return text;
}

}  // namespace

std::string library_header(const Module& module, const LibraryInterface& interface) {
  const std::string& name = interface.name;
  const std::string guard = "TW_LIBRARY_" + name + "_H";
  const std::string functions = with(with(kFunctions, '@', name), '%', weights_text(interface));
  return fmt::format("/* {}, exported by Tilewright {} for {}.\n *\n{} */\n", name, kVersion,
                     module.target().to_string(), arguments_text(interface)) +
         fmt::format("#ifndef {0}\n#define {0}\n\n#include <stdint.h>\n\n", guard) +
         "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n" + types_text() + functions +
         "\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
}

}  // namespace tw::codegen
