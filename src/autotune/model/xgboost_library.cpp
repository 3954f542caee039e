#include <dlfcn.h>
#include <fmt/format.h>

#include "autotune/model/xgboost.h"

namespace tw::autotune {
namespace {

/// Reads the address of a function; false where the library has none of the name.
template <class Function>
bool read(void* file, const char* name, Function& function, std::string& missing) {
  function = reinterpret_cast<Function>(dlsym(file, name));
  if (!function && missing.empty()) missing = name;
  return function != nullptr;
}

/// Which file the library of an address lies in; `name` where that cannot be told.
std::string file_of(const void* address, const std::string& name) {
  Dl_info info{};
  return dladdr(address, &info) && info.dli_fname ? info.dli_fname : name;
}

std::string version_of(void* file) {
  const auto version = reinterpret_cast<void (*)(int*, int*, int*)>(dlsym(file, "XGBoostVersion"));
  if (!version) return "";
  int major = 0, minor = 0, patch = 0;
  version(&major, &minor, &patch);
  return fmt::format("{}.{}.{}", major, minor, patch);
}

}  // namespace

std::shared_ptr<const XGBoostLibrary> installed_xgboost(std::string* why) {
  return open_xgboost({"libxgboost.so.0", "libxgboost.so"}, why);
}

std::shared_ptr<const XGBoostLibrary> open_xgboost(const std::vector<std::string>& files, std::string* why) {
  std::string reasons;
  for (const std::string& name : files) {
    void* file = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!file) {
      const char* message = dlerror();
      reasons += fmt::format("{}{}", reasons.empty() ? "" : "; ", message ? message : name);
      continue;
    }
    auto library = std::make_shared<XGBoostLibrary>();
    std::string missing;
    bool complete = read(file, "XGDMatrixCreateFromMat", library->matrix_create, missing);
    complete &= read(file, "XGDMatrixSetFloatInfo", library->matrix_set_floats, missing);
    complete &= read(file, "XGDMatrixSetUIntInfo", library->matrix_set_numbers, missing);
    complete &= read(file, "XGDMatrixFree", library->matrix_free, missing);
    complete &= read(file, "XGBoosterCreate", library->booster_create, missing);
    complete &= read(file, "XGBoosterSetParam", library->booster_set, missing);
    complete &= read(file, "XGBoosterUpdateOneIter", library->booster_update, missing);
    complete &= read(file, "XGBoosterPredict", library->booster_predict, missing);
    complete &= read(file, "XGBoosterSaveModelToBuffer", library->booster_save, missing);
    complete &= read(file, "XGBoosterLoadModelFromBuffer", library->booster_load, missing);
    complete &= read(file, "XGBoosterFree", library->booster_free, missing);
    complete &= read(file, "XGBGetLastError", library->last_error, missing);
    if (complete) {
      library->file = file_of(reinterpret_cast<const void*>(library->booster_create), name);
      library->version = version_of(file);
      return library;
    }
    dlclose(file);
    reasons += fmt::format("{}{} has no function {}", reasons.empty() ? "" : "; ", name, missing);
  }
  if (why) *why = reasons.empty() ? "no file was named" : reasons;
  return nullptr;
}

}  // namespace tw::autotune
