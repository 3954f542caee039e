// Measuring, whatever the cache says.
#pragma once

#include "runtime/machine.h"
#include "runtime/roof.h"

namespace tw::runtime {

Roof measure_roof_of(const Machine& machine, bool quick);

}  // namespace tw::runtime
