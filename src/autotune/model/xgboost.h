// XGBoost by its C library, opened at run time: a few prototypes of it are declared here, so that neither
// building nor running needs it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "autotune/model/model.h"

namespace tw::autotune {

/// The functions that are used, as xgboost/c_api.h (1.7) declares them. All but the last give 0 for success.
struct XGBoostLibrary {
  using Matrix = void*;
  using Booster = void*;
  int (*matrix_create)(const float* rows, uint64_t count, uint64_t columns, float missing,
                       Matrix* out) = nullptr;
  int (*matrix_set_floats)(Matrix, const char* field, const float* values, uint64_t count) = nullptr;
  int (*matrix_set_numbers)(Matrix, const char* field, const unsigned* values, uint64_t count) = nullptr;
  int (*matrix_free)(Matrix) = nullptr;
  int (*booster_create)(const Matrix* matrices, uint64_t count, Booster* out) = nullptr;
  int (*booster_set)(Booster, const char* name, const char* value) = nullptr;
  int (*booster_update)(Booster, int iteration, Matrix) = nullptr;
  int (*booster_predict)(Booster, Matrix, int options, unsigned trees, int training, uint64_t* count,
                         const float** values) = nullptr;
  int (*booster_save)(Booster, const char* config, uint64_t* size, const char** bytes) = nullptr;
  int (*booster_load)(Booster, const void* bytes, uint64_t size) = nullptr;
  int (*booster_free)(Booster) = nullptr;
  const char* (*last_error)() = nullptr;
  std::string file;     // that it was opened from
  std::string version;  // "1.7.4"; empty: it does not say
};

/// The first of these files that can be opened and has all functions. Null: none; `why` says why. A library
/// stays open for the rest of the process.
std::shared_ptr<const XGBoostLibrary> open_xgboost(const std::vector<std::string>& files, std::string* why);

/// The one that models use: by the names under which systems have it.
std::shared_ptr<const XGBoostLibrary> installed_xgboost(std::string* why);

std::unique_ptr<Model> make_xgboost_model(uint64_t seed, std::shared_ptr<const XGBoostLibrary> library);

/// `first` until it has a fault, then a built-in model that has learned the same.
std::unique_ptr<Model> with_fallback(std::unique_ptr<Model> first, uint64_t seed);

}  // namespace tw::autotune
