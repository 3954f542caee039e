// What callers must know of a program's function, in the C structs of the runtime.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "ir/program.h"
#include "runtime/core/function.h"

namespace tw::codegen {

/// Owns the strings and arrays that a tw_function points at. `run` and `extents` are null until set.
class FunctionDescription {
 public:
  explicit FunctionDescription(const Program& program);
  FunctionDescription(const FunctionDescription&) = delete;
  FunctionDescription& operator=(const FunctionDescription&) = delete;

  const tw_function& function() const { return function_; }
  void set_code(tw_kernel run, decltype(tw_function::extents) extents);

 private:
  tw_param describe(const Program& program, const Param& param);
  const char* keep(std::string text);

  std::deque<std::string> texts_;
  std::deque<std::vector<tw_extent>> shapes_;
  std::vector<tw_param> params_;
  tw_function function_{};
};

/// The runtime's code of an element type (runtime/core/kernel.h). There is none for index: an internal error.
int32_t dtype_code(DType type);

}  // namespace tw::codegen
