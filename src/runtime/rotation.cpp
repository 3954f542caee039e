#include "runtime/rotation.h"

#include <cstring>

#include "runtime/element.h"
#include "runtime/machine.h"

namespace tw::runtime {
namespace {

int64_t bytes_of(const tw_tensor& tensor) {
  int64_t bytes = element_type(tensor.dtype).bytes;
  for (int d = 0; d < tensor.ndim; ++d) bytes *= tensor.shape[d];
  return bytes;
}

/// Of the last cache before memory, as much of it as all threads reach.
int64_t last_cache_bytes() {
  static const int64_t bytes = [] {
    const Machine machine = this_machine();
    return machine.cache_bytes(machine.caches.empty() ? 3 : machine.caches.back().level, machine.threads);
  }();
  return bytes;
}

int64_t padded(int64_t bytes) {
  return (bytes + kArrayAlignment - 1) / kArrayAlignment * kArrayAlignment;
}

}  // namespace

Rotation::Rotation(std::span<const tw_tensor> buffers, std::span<const std::size_t> constants)
    : width_(static_cast<int64_t>(buffers.size())) {
  for (const tw_tensor& buffer : buffers) rows_.push_back(buffer.data);
  add_copies(buffers, constants);
}

void Rotation::add_copies(std::span<const tw_tensor> buffers, std::span<const std::size_t> constants) {
  int64_t bytes = 0;
  for (std::size_t b : constants) bytes += padded(bytes_of(buffers[b]));
  if (bytes == 0) return;
  const int64_t copies = 2 * last_cache_bytes() / bytes + 1;
  memory_.push_back(Array::allocate(TW_UINT8, {copies, bytes}));
  char* next = static_cast<char*>(memory_.back().data());
  for (int64_t copy = 0; copy < copies; ++copy) {
    const std::size_t row = rows_.size();
    for (const tw_tensor& buffer : buffers) rows_.push_back(buffer.data);
    for (std::size_t b : constants) {
      const int64_t size = bytes_of(buffers[b]);
      if (size > 0) std::memcpy(next, buffers[b].data, size);
      rows_[row + b] = next;
      next += padded(size);
    }
  }
  turns_ += copies;
}

}  // namespace tw::runtime
