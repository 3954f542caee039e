// What runs programs in tests.
#pragma once

#include <functional>
#include <span>

#include "ir/interpret.h"

namespace tw::test {

/// Runs a program on arguments: the interpreter, or compiled code.
using Runner = std::function<void(const Program&, std::span<const Argument>, const InterpretOptions&)>;

}  // namespace tw::test
