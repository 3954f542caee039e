// The arrays that all candidates of a workload are called with: made once, inputs drawn from a seed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "autotune/measure/draw.h"
#include "autotune/measure/guarded.h"
#include "autotune/space/sketch.h"

namespace tw::autotune {

class Arguments {
 public:
  /// Of the program's arguments at these sizes. Integers that are subscripts are as these allow; the same
  /// seed gives the same numbers at any size. Errors: a size that is not given or out of its bounds; no
  /// memory.
  Arguments(const Program& program, const Values& sizes, uint64_t seed, Draw what = Draw::kNormal);
  /// The same inputs with the other end of each array against its guard pages.
  Arguments(const Arguments& other, GuardedArray::Against against);
  /// The same inputs, floating ones moved by their last bits (`nudge`).
  static Arguments nudged(const Arguments& other);

  const Values& sizes() const { return sizes_; }
  Draw what() const { return what_; }
  /// Null: there is none of this name.
  const GuardedArray* find(const std::string& name) const;
  /// In the order of the program.
  const std::vector<std::unique_ptr<GuardedArray>>& arrays() const { return arrays_; }
  /// Those that a run writes, those that it reads first among them.
  const std::vector<GuardedArray*>& outputs() const { return outputs_; }

  /// What a run finds in an array that it reads and writes.
  struct InPlace {
    GuardedArray* array = nullptr;
    std::vector<char> values;
  };
  const std::vector<InPlace>& in_place() const { return in_place_; }
  /// The values with which an array of that name begins, where a run reads and writes it; otherwise null.
  const char* initial(const std::string& name) const;
  /// As before any run: outputs are poisoned, arrays that are read and written have their values again.
  void reset() const;

 private:
  Arguments(const Arguments& other, GuardedArray::Against against, bool nudges);

  Values sizes_;
  Draw what_ = Draw::kNormal;
  std::vector<std::unique_ptr<GuardedArray>> arrays_;
  std::vector<GuardedArray*> outputs_;
  std::vector<InPlace> in_place_;
};

/// The extents of a program's buffer at these sizes.
std::vector<int64_t> shape_at(const Program& program, const BufferNode& buffer, const Values& sizes);

}  // namespace tw::autotune
