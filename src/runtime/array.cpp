#include "runtime/array.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include <sys/mman.h>

#include "runtime/element.h"
#include "support/error.h"

namespace tw::runtime {
namespace {

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text;
  for (int64_t extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "(" + text + (shape.size() == 1 ? ",)" : ")");
}

/// Bytes of an array; raises where the number is none.
int64_t checked_bytes(int32_t dtype, const std::vector<int64_t>& shape) {
  int64_t bytes = element_type(dtype).bytes;
  bool empty = false, overflow = false;
  for (int64_t extent : shape) {
    if (extent < 0) raise_value("an array of shape {}: extents must be at least 0", shape_text(shape));
    empty = empty || extent == 0;
    overflow = overflow || __builtin_mul_overflow(bytes, extent, &bytes);
  }
  if (empty) return 0;
  if (overflow || bytes > std::numeric_limits<int64_t>::max() - kArrayAlignment)
    raise_value("an array of shape {} is larger than any memory", shape_text(shape));
  return bytes;
}

/// An array without elements may have extents whose product is no number: nothing is computed of them.
bool is_empty(const std::vector<int64_t>& shape) {
  return std::find(shape.begin(), shape.end(), 0) != shape.end();
}

std::vector<int64_t> row_major(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  if (is_empty(shape)) return strides;
  for (std::size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * shape[d];
  return strides;
}

/// Whether elements lie as in row-major order: strides of extents 1 and of empty arrays do not matter.
bool lies_row_major(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
  if (is_empty(shape)) return true;
  int64_t next = 1;
  bool plain = true;
  for (std::size_t d = shape.size(); d-- > 0;) {
    if (shape[d] != 1) plain = plain && strides[d] == next;
    next *= shape[d];
  }
  return plain;
}

/// Large arrays stand on huge pages where the system has them: kernels walk through panels at strides that
/// would miss the table of small ones.
void* memory_for(int64_t bytes) {
  constexpr int64_t kHugePage = int64_t{2} << 20;
  const int64_t unit = bytes >= kHugePage ? kHugePage : kArrayAlignment;
  const auto rounded = static_cast<std::size_t>(std::max(unit, (bytes + unit - 1) / unit * unit));
  void* data = std::aligned_alloc(static_cast<std::size_t>(unit), rounded);
  if (data && unit == kHugePage) madvise(data, rounded, MADV_HUGEPAGE);  // refused: small pages do too
  return data;
}

}  // namespace

Array Array::allocate(int32_t dtype, std::vector<int64_t> shape) {
  const int64_t bytes = checked_bytes(dtype, shape);
  void* data = memory_for(bytes);
  if (!data) raise_value("there is no memory for an array of shape {}, {} bytes", shape_text(shape), bytes);
  return Array(std::shared_ptr<void>(data, std::free), data, dtype, std::move(shape), {}, false);
}

Array::Array(std::shared_ptr<void> owner, void* data, int32_t dtype, std::vector<int64_t> shape,
             std::vector<int64_t> strides, bool read_only)
    : owner_(std::move(owner)),
      data_(data),
      dtype_(dtype),
      shape_(std::move(shape)),
      strides_(std::move(strides)),
      read_only_(read_only) {
  if (!strides_.empty() && lies_row_major(shape_, strides_)) strides_.clear();
}

std::vector<int64_t> Array::strides() const {
  return strides_.empty() ? row_major(shape_) : strides_;
}

int64_t Array::elements() const {
  if (is_empty(shape_)) return 0;
  int64_t count = 1;
  for (int64_t extent : shape_) count *= extent;
  return count;
}

int64_t Array::bytes() const {
  return elements() * element_type(dtype_).bytes;
}

tw_tensor Array::view() const {
  return {data_, dtype_, ndim(), shape_.data(), strides_.empty() ? nullptr : strides_.data()};
}

}  // namespace tw::runtime
