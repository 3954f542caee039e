// Variables of tensor expressions: symbolic sizes, axes of operations, axes of reductions.
//
// Each is an ordinary IR variable of type index that also knows its role, so that a misplaced one can be
// named in an error.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "te/value.h"

namespace tw::te {

enum class VarRole : uint8_t {
  kSize,       // a symbolic dimension, free everywhere
  kAxis,       // of one compute, pieces, scatter or scan: free inside its values only
  kReduction,  // free inside a reduction over it only
};

/// A variable with its role. Variables of other kinds count as sizes.
struct Symbol : Variable {
  Symbol(VarRole r, std::string name, int64_t lo, int64_t hi, int64_t multiple)
      : Variable(kIndex, std::move(name), lo, hi, multiple), role(r) {}
  VarRole role;
};

VarRole role_of(const Var& var);

/// A symbolic dimension, min <= value <= max and a multiple of `multiple_of`. Value errors: min > max,
/// multiple_of < 1, no multiple in the range, a name that is no identifier.
Var var(const std::string& name, int64_t min = 0, int64_t max = kNoMax, int64_t multiple_of = 1);

/// An axis to reduce over: begin <= k < end. Both are integers or index expressions of sizes. A value error
/// if end is provably less than begin.
ReduceAxis reduce_axis(const Value& begin, const Value& end, const std::string& name = "k");
inline ReduceAxis reduce_axis(const Value& end, const std::string& name = "k") {
  return reduce_axis(0, end, name);
}

/// A fresh axis of an operation.
Var axis_var(const std::string& name);

/// Raises a value error that begins with `what` if the name is no identifier (letters, digits and _, no digit
/// first).
void check_name(const std::string& name, const std::string& what);

}  // namespace tw::te
