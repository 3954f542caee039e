// From a scheduled program to the statements of its loops, each access with its subscripts as sums of digits:
// the first half of counting what a nest does. nest.cpp counts them.
#pragma once

#include <unordered_map>
#include <vector>

#include "autotune/model/digits.h"
#include "autotune/model/nest.h"

namespace tw::autotune {

/// An access by its subscripts; extents beyond 1 are boxes of tensor intrinsics.
struct Place {
  std::size_t statement, access;
  const BufferNode* buffer;
  std::vector<DigitSum> subscripts;
  std::vector<double> extents;
};

/// A buffer's number in the nest, and where its elements are.
struct Layout {
  int number = 0;
  std::vector<double> shape, strides;
};

struct Walk {
  Nest nest;  // of accesses only buffers and boxes are known
  Digits digits;
  std::vector<Place> places;
  std::unordered_map<const BufferNode*, Layout> layouts;
};

Walk walk_of(const Program& program, const Values& parameters, const Values& sizes, const Machine& machine);

/// The loop around a statement at a depth.
inline const Nest::Loop& loop_at(const Nest& nest, const Nest::Statement& statement, int depth) {
  return nest.loops[static_cast<std::size_t>(statement.loops[static_cast<std::size_t>(depth)])];
}

}  // namespace tw::autotune
