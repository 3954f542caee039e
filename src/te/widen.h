// How sums and products of halves accumulate.
#pragma once

#include "ir/expr.h"

namespace tw::te {

/// A float16 or bfloat16 value in float32; of a product both sides, so that no rounding happens before the
/// accumulation (products of halves are exact in float32). Other types as they are.
Expr widen(const Expr& x);

}  // namespace tw::te
