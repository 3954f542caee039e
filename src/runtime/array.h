// Arrays in the memory of this process: their own, aligned to 64 bytes, or somebody else's.
//
// An Array is a handle: copies share the memory, which lives as long as one of them, and for memory of others
// as long as these were told. DLPack takes and gives arrays without copying.
#pragma once

#include <memory>
#include <vector>

#include "runtime/core/function.h"
#include "runtime/dlpack.h"

namespace tw::runtime {

inline constexpr int64_t kArrayAlignment = 64;  // bytes

class Array {
 public:
  /// New memory, not initialised. Errors: a negative extent; more bytes than can be had.
  static Array allocate(int32_t dtype, std::vector<int64_t> shape);

  /// Memory that `owner` keeps alive. Strides in elements; empty: row-major without gaps.
  Array(std::shared_ptr<void> owner, void* data, int32_t dtype, std::vector<int64_t> shape,
        std::vector<int64_t> strides, bool read_only);

  void* data() const { return data_; }
  int32_t dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  /// In elements, of every dimension.
  std::vector<int64_t> strides() const;
  int ndim() const { return static_cast<int>(shape_.size()); }
  bool read_only() const { return read_only_; }
  bool is_contiguous() const { return strides_.empty(); }
  int64_t elements() const;
  int64_t bytes() const;  // of the elements, gaps not counted
  const std::shared_ptr<void>& owner() const { return owner_; }

  /// Valid as long as this array is.
  tw_tensor view() const;

 private:
  std::shared_ptr<void> owner_;
  void* data_;
  int32_t dtype_;
  std::vector<int64_t> shape_;
  std::vector<int64_t> strides_;  // empty: contiguous
  bool read_only_;
};

/// Takes what a producer gives; its deleter runs when the last handle goes. Errors, each said of `what`
/// ("input 'A'"), leave the tensor with the caller: a device other than the CPU, an element type that there
/// is not, a newer major version.
Array from_dlpack(DLManagedTensorVersioned* tensor, const char* what);
Array from_dlpack(DLManagedTensor* tensor, const char* what);

/// Gives an array to a consumer, who calls the deleter.
DLManagedTensorVersioned* to_dlpack_versioned(const Array& array, bool is_copy);
/// As above, for consumers of old; nothing tells them that memory is read-only.
DLManagedTensor* to_dlpack(const Array& array);

}  // namespace tw::runtime
