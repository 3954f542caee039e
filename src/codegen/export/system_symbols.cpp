#include "codegen/export/system_symbols.h"

#include <map>

#include <fmt/core.h>

namespace tw::codegen {
namespace {

struct Symbols {
  const char* library;
  const char* version;  // on x86-64
  const char* names;
};

// libc.so.6 brings ld-linux along, whose __tls_get_addr is found by its version wherever it is asked for.
constexpr Symbols kSymbols[] = {
    {"libc.so.6", "GLIBC_2.2.5",
     "__errno_location abort close dl_iterate_phdr free getpid lseek madvise malloc memcmp memcpy memmove "
     "memset "
     "mmap munmap open read sched_yield snprintf strchr strcmp strerror strlen strncmp strrchr strtol "
     "syscall vsnprintf"},
    {"libc.so.6", "GLIBC_2.3", "__tls_get_addr"},
    {"libc.so.6", "GLIBC_2.3.4", "sched_getaffinity sched_setaffinity"},
    {"libc.so.6", "GLIBC_2.6", "sched_getcpu"},
    {"libc.so.6", "GLIBC_2.16", "getauxval"},
    {"libc.so.6", "GLIBC_2.17", "clock_gettime"},
    {"libm.so.6", "GLIBC_2.2.5",
     "acos acosf acosh acoshf asin asinf asinh asinhf atan atan2 atan2f atanf atanh atanhf cbrt cbrtf ceil "
     "ceilf "
     "copysign copysignf cos cosf cosh coshf erf erfc erfcf erff exp exp2 exp2f expf expm1 expm1f fabs fabsf "
     "floor "
     "floorf fma fmaf fmax fmaxf fmin fminf fmod fmodf frexp frexpf ldexp ldexpf lgamma lgammaf llrint "
     "llrintf log "
     "log10 log10f log1p log1pf log2 log2f logf lrint lrintf modf modff nearbyint nearbyintf pow powf "
     "remainder "
     "remainderf rint rintf round roundf scalbn scalbnf sin sinf sinh sinhf sqrt sqrtf tan tanf tanh tanhf "
     "tgamma "
     "tgammaf trunc truncf"},
    {"libpthread.so.0", "GLIBC_2.2.5", "pthread_create pthread_join pthread_sigmask"},
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    result.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

}  // namespace

std::vector<SystemLibrary> system_libraries(const std::string& architecture) {
  // On AArch64 glibc begins with 2.17.
  const bool is_x86 = architecture == "x86_64";
  std::vector<SystemLibrary> libraries;
  std::map<std::string, std::map<std::string, std::string>> versions;  // library -> version -> "a; b; "
  for (const Symbols& row : kSymbols) {
    if (libraries.empty() || libraries.back().name != row.library) libraries.push_back({row.library, {}, {}});
    for (const std::string& symbol : words(row.names)) {
      if (!is_x86 && symbol == "__tls_get_addr") continue;
      libraries.back().symbols.push_back(symbol);
      versions[row.library][is_x86 ? row.version : "GLIBC_2.17"] += symbol + "; ";
    }
  }
  for (SystemLibrary& library : libraries) {
    for (const auto& [version, symbols] : versions[library.name])
      library.version_script += fmt::format("{} {{ global: {}}};\n", version, symbols);
    library.version_script += "TW_NONE { local: *; };\n";
  }
  return libraries;
}

}  // namespace tw::codegen
