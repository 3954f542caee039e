// Arrays between pages that may not be touched: who reads or writes out of bounds dies there, at once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "autotune/measure/fault.h"
#include "runtime/core/function.h"

namespace tw::autotune {

class GuardedArray {
 public:
  /// Pages have thousands of bytes, arrays any number: one of the two ends stands against its pages (64-byte
  /// alignment allowing), the bytes left at the other hold a pattern, which `damage` looks at.
  enum class Against : uint8_t { kEnd, kStart };

  /// Memory that is not initialised. Errors: a value error when there is no memory.
  GuardedArray(std::string name, int32_t dtype, std::vector<int64_t> shape, Against against = Against::kEnd);
  ~GuardedArray();
  GuardedArray(const GuardedArray&) = delete;
  GuardedArray& operator=(const GuardedArray&) = delete;

  const std::string& name() const { return name_; }
  char* data() const { return data_; }
  int64_t elements() const { return elements_; }
  std::size_t bytes() const { return bytes_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  /// Valid as long as this array is.
  tw_tensor view() const;

  /// Writing to it is a fault from now on.
  void make_read_only();
  /// Fills it with what no kernel computes: NaN, or a pattern of bits; and mends what `damage` looks at.
  void poison();
  /// What happened to the bytes beside the array, in words; nothing: they are as they were.
  std::optional<std::string> damage() const;

 private:
  void fill_edges();
  std::string name_;
  int32_t dtype_;
  std::vector<int64_t> shape_;
  int64_t elements_ = 1;
  std::size_t bytes_ = 0;
  char* mapping_ = nullptr;
  std::size_t mapping_bytes_ = 0;
  char* pages_ = nullptr;  // those that may be touched
  std::size_t pages_bytes_ = 0;
  char* data_ = nullptr;
  int region_ = -1;
};

}  // namespace tw::autotune
