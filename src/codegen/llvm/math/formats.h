// Conversions between float formats, without calls of a runtime library on any target.
#pragma once

#include "codegen/llvm/math/lanes.h"

namespace tw::codegen::math {

Real to_double(Real x);
Real to_float(Real x);

/// half or bfloat, as LLVM has them, to float.
Real from_half_precision(Lanes& lanes, llvm::Value* value);
/// float to half or bfloat (`type`: scalar or vector), rounding to nearest even.
llvm::Value* to_half_precision(Real x, llvm::Type* type);

}  // namespace tw::codegen::math
