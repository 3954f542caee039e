// The weights of an exported library: constants of its function that were prepared beforehand.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "codegen/export.h"
#include "runtime/core/weights.h"

namespace tw::codegen {

using Bytes = std::span<const char>;

/// The image that runtime/core/weights.h describes. The arrays stay where they are, and have to.
class WeightsImage {
 public:
  /// `constants`: ascending by buffer.
  explicit WeightsImage(const std::vector<ExportedConstant>& constants);

  /// The whole image, piece by piece.
  const std::vector<Bytes>& pieces() const { return pieces_; }
  /// What it begins with, which a library has whose weights are in a file.
  Bytes header() const { return pieces_.front(); }
  int64_t bytes() const { return static_cast<int64_t>(bytes_); }

 private:
  uint64_t place_arrays(const std::vector<ExportedConstant>& constants);

  std::vector<uint64_t> words_;  // the header
  std::vector<Bytes> pieces_;
  uint64_t bytes_ = 0;
};

}  // namespace tw::codegen
