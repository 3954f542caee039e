// Runs the first loop program of tensors through the interpreter.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "te/lower.h"

namespace tw::te {

/// Elements in row-major order. Numbers are kept as doubles: the tests use none that a double does not hold.
using Elements = std::vector<double>;

/// Inputs by the name of their placeholder or size (a size: one element).
using Inputs = std::map<std::string, Elements>;

/// Verifies the program, checks that its text parses back to it, and runs it. Gives each output in order. The
/// shapes of inputs are those of the placeholders with these values of the sizes.
std::vector<Elements> evaluate_all(const std::vector<Tensor>& outputs, const Inputs& inputs,
                                   const std::map<std::string, int64_t>& sizes = {});

inline Elements evaluate(const Tensor& output, const Inputs& inputs,
                         const std::map<std::string, int64_t>& sizes = {}) {
  return evaluate_all({output}, inputs, sizes).front();
}

/// first, first + 1, …
inline Elements iota(int64_t count, double first = 0) {
  Elements values;
  for (int64_t i = 0; i < count; ++i) values.push_back(first + static_cast<double>(i));
  return values;
}

}  // namespace tw::te
