// Files that appear when all is well.
#pragma once

#include <filesystem>
#include <span>

namespace tw::codegen {

/// A file that takes its name when it is kept: until then it stands beside under another, and goes if it is
/// not kept. Errors, by path and reason: a folder that does not exist or cannot be written, a full disk.
class NewFile {
 public:
  /// An empty file.
  explicit NewFile(std::filesystem::path path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  /// Where its bytes go meanwhile.
  const std::filesystem::path& beside() const { return beside_; }
  void write(std::span<const std::span<const char>> pieces);
  void keep();

 private:
  std::filesystem::path path_, beside_;
};

}  // namespace tw::codegen
