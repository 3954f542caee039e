// Records and files for the tests of databases.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "autotune/records/database.h"

namespace tw::autotune {

/// A folder of its own for a test, removed when it ends.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// What a file holds.
std::string bytes_of(const std::string& path);
void write_bytes(const std::string& path, const std::string& bytes);

/// C = A B; all names begin with `prefix`.
Program matmul(int64_t m, int64_t n, int64_t k, const std::string& prefix = "", bool constant = false);

Setting this_setting();
/// A verified record of a matrix product that takes these seconds.
Record sample(double seconds, int64_t m = 64);
Run sample_run();

/// Everything but `id`, `run` and `source` as one text, for comparisons.
std::string text_of(const Record& record);

}  // namespace tw::autotune
