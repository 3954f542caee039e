#include "runtime/dlpack.h"

#include <memory>
#include <optional>

#include "runtime/array.h"
#include "runtime/element.h"
#include "support/error.h"

namespace tw::runtime {
namespace {

constexpr int kMostDimensions = 64;  // NumPy's own limit

/// What the deleter of an exported tensor frees: the array that holds the memory, and the tensor itself.
template <class Managed>
struct Export {
  Array array;
  std::vector<int64_t> strides;
  Managed managed;
};

DLTensor tensor_of(const Array& array, std::vector<int64_t>& strides) {
  return {array.data(),
          {kDLCPU, 0},
          array.ndim(),
          element_type(array.dtype()).dlpack,
          const_cast<int64_t*>(array.shape().data()),
          strides.data(),
          0};
}

template <class Managed>
Managed* exported(const Array& array) {
  auto* kept = new Export<Managed>{array, array.strides(), {}};
  kept->managed.dl_tensor = tensor_of(kept->array, kept->strides);
  kept->managed.manager_ctx = kept;
  kept->managed.deleter = [](Managed* self) { delete static_cast<Export<Managed>*>(self->manager_ctx); };
  return &kept->managed;
}

const char* device_name(int32_t type) {
  switch (type) {
    case kDLCUDA: return "a CUDA device";
    case kDLCUDAManaged: return "CUDA managed memory";
    case kDLOpenCL: return "an OpenCL device";
    case kDLVulkan: return "a Vulkan device";
    case kDLMetal: return "a Metal device";
    case kDLROCM: return "a ROCm device";
    case kDLOneAPI: return "a oneAPI device";
  }
  return "another device";
}

void check_device(const DLDevice& device, const char* what) {
  const int32_t type = device.device_type;
  if (type == kDLCPU || type == kDLCUDAHost || type == kDLROCMHost) return;
  raise_value("{} lies on {} (DLPack device type {}); memory of the CPU is needed: copy it there first", what,
              device_name(type), type);
}

int32_t dtype_of(const DLDataType& type, const char* what) {
  for (const ElementType& known : kElementTypes)
    if (known.dlpack.code == type.code && known.dlpack.bits == type.bits && known.dlpack.lanes == type.lanes)
      return known.code;
  raise_type("{} has elements of DLPack type code {}, {} bits, {} lanes, for which there is no dtype", what,
             type.code, type.bits, type.lanes);
}

/// That the numbers of a tensor are ones that an array can have; what its memory holds nobody can tell.
void check_shape(const DLTensor& tensor, const char* what) {
  if (tensor.ndim < 0 || tensor.ndim > kMostDimensions)
    raise_value("{} has {} dimensions as DLPack says; there may be 0 to {}", what, tensor.ndim,
                kMostDimensions);
  if (tensor.ndim > 0 && !tensor.shape) raise_value("{} has no shape (null) as DLPack says", what);
  int64_t bytes = tensor.dtype.bits / 8;
  bool empty = false, overflow = false;
  for (int d = 0; d < tensor.ndim; ++d) {
    const int64_t extent = tensor.shape[d];
    if (extent < 0) raise_value("{} has extent {} in dimension {} as DLPack says", what, extent, d);
    empty = empty || extent == 0;
    overflow = overflow || __builtin_mul_overflow(bytes, extent, &bytes);
  }
  if (empty) return;
  if (overflow) raise_value("{} is larger than any memory, as DLPack says", what);
  if (!tensor.data) raise_value("{} has elements but no memory (null) as DLPack says", what);
}

/// The array of a tensor. The deleter is called for `managed` alone, when the last handle goes.
template <class Managed>
Array imported(Managed* managed, bool read_only, const char* what) {
  const DLTensor& tensor = managed->dl_tensor;
  check_device(tensor.device, what);
  const int32_t dtype = dtype_of(tensor.dtype, what);
  check_shape(tensor, what);
  std::vector<int64_t> shape(tensor.shape, tensor.shape + tensor.ndim), strides;
  if (tensor.strides) strides.assign(tensor.strides, tensor.strides + tensor.ndim);
  void* data = static_cast<char*>(tensor.data) + (tensor.data ? tensor.byte_offset : 0);
  std::shared_ptr<void> owner(managed, [](void* self) {
    auto* given = static_cast<Managed*>(self);
    if (given->deleter) given->deleter(given);
  });
  return Array(std::move(owner), data, dtype, std::move(shape), std::move(strides), read_only);
}

}  // namespace

Array from_dlpack(DLManagedTensorVersioned* tensor, const char* what) {
  if (tensor->version.major > kDLPackMajorVersion)
    raise_value("{} comes as DLPack {}.{}; versions up to {} are known", what, tensor->version.major,
                tensor->version.minor, kDLPackMajorVersion);
  return imported(tensor, (tensor->flags & kDLFlagReadOnly) != 0, what);
}

Array from_dlpack(DLManagedTensor* tensor, const char* what) {
  return imported(tensor, false, what);
}

DLManagedTensorVersioned* to_dlpack_versioned(const Array& array, bool is_copy) {
  auto* tensor = exported<DLManagedTensorVersioned>(array);
  tensor->version = {kDLPackMajorVersion, kDLPackMinorVersion};
  tensor->flags = (array.read_only() ? kDLFlagReadOnly : 0) | (is_copy ? kDLFlagIsCopied : 0);
  return tensor;
}

DLManagedTensor* to_dlpack(const Array& array) {
  return exported<DLManagedTensor>(array);
}

}  // namespace tw::runtime
