// Timing kernels whose constants are not in the caches: the buffers of each turn.
//
// In a model the weights of one layer have left the caches before its turn comes again, while activations are
// still there. To time a kernel so, its constants rotate through copies that together exceed twice the last
// cache; everything else stays where it is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/array.h"

namespace tw::runtime {

class Rotation {
 public:
  /// `constants`: positions of the buffers that rotate; none: each turn has the same buffers.
  Rotation(std::span<const tw_tensor> buffers, std::span<const std::size_t> constants);

  /// First elements of the buffers of a turn.
  void* const* buffers(int64_t turn) const { return rows_.data() + (turn % turns_) * width_; }

  /// After how many turns the first buffers come again.
  int64_t turns() const { return turns_; }

 private:
  void add_copies(std::span<const tw_tensor> buffers, std::span<const std::size_t> constants);

  int64_t width_;
  int64_t turns_ = 1;
  std::vector<void*> rows_;  // width_ addresses a turn
  std::vector<Array> memory_;
};

}  // namespace tw::runtime
