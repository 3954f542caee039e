// The arrays that all candidates of a workload are called with: made once, inputs drawn from a seed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "autotune/measure/guarded.h"
#include "autotune/space/sketch.h"

namespace tw::autotune {

class Arguments {
 public:
  /// Of the program's arguments at these sizes. Numbers are drawn from N(0, 1), integers from a range that
  /// products in 32 bits can sum over, or that the subscripts which they are allow; the same seed gives the
  /// same numbers at any size. Errors: a size that is not given or out of its bounds; no memory.
  Arguments(const Program& program, const Values& sizes, uint64_t seed);
  /// The same inputs with the other end of each array against its guard pages.
  Arguments(const Arguments& other, GuardedArray::Against against);

  const Values& sizes() const { return sizes_; }
  /// Null: there is none of this name.
  const GuardedArray* find(const std::string& name) const;
  /// In the order of the program.
  const std::vector<std::unique_ptr<GuardedArray>>& arrays() const { return arrays_; }
  const std::vector<GuardedArray*>& outputs() const { return outputs_; }

 private:
  Values sizes_;
  std::vector<std::unique_ptr<GuardedArray>> arrays_;
  std::vector<GuardedArray*> outputs_;
};

/// The extents of a program's buffer at these sizes.
std::vector<int64_t> shape_at(const Program& program, const BufferNode& buffer, const Values& sizes);

}  // namespace tw::autotune
