// The functions of emit_math on lanes of float or double, one file a family.
//
// Each works on every lane in the same way: there are no branches, so what is special is computed beside the
// rest and selected. Accuracies are in docs/math.md.
#pragma once

#include "codegen/llvm/math/lanes.h"

namespace tw::codegen::math {

Real exp(Real x);                 // exp.cpp
Real sigmoid(Real x);             // exp.cpp
Real tanh(Real x);                // tanh.cpp
Real erf(Real x);                 // erf.cpp
Real log(Real x);                 // log.cpp
Real pow(Real x, Real y);         // pow.cpp
Real sin(Real x);                 // trigonometry.cpp
Real cos(Real x);                 // trigonometry.cpp
Real floor(Real x);               // rounding.cpp
Real ceil(Real x);                // rounding.cpp
Real round_half_to_even(Real x);  // rounding.cpp

}  // namespace tw::codegen::math
