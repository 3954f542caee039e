#include "codegen/export/new_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include <fmt/core.h>
#include <unistd.h>

#include "support/error.h"

namespace tw::codegen {
namespace {

[[noreturn]] void cannot_write(const std::filesystem::path& path, int error) {
  raise_value("cannot write '{}': {}; the folder has to exist, and files in it to be writable", path.string(),
              std::strerror(error));
}

}  // namespace

NewFile::NewFile(std::filesystem::path path)
    : path_(std::move(path)), beside_(path_.string() + fmt::format(".{}.new", getpid())) {
  if (std::filesystem::is_directory(path_)) cannot_write(path_, EISDIR);
  write({});
}

NewFile::~NewFile() {
  std::error_code ignored;
  std::filesystem::remove(beside_, ignored);
}

void NewFile::write(std::span<const std::span<const char>> pieces) {
  errno = 0;
  std::ofstream file(beside_, std::ios::binary);
  for (const std::span<const char> piece : pieces)
    file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
  if (file.flush()) return;
  const int error = errno;
  std::error_code ignored;
  std::filesystem::remove(beside_, ignored);
  cannot_write(path_, error);
}

void NewFile::keep() {
  if (std::rename(beside_.c_str(), path_.c_str()) != 0) cannot_write(path_, errno);
}

}  // namespace tw::codegen
