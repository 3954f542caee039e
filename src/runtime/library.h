// Exported libraries, loaded back into a process that has Tilewright.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/library.h"

namespace tw::runtime {

/// Stays loaded while someone holds it.
class Library {
 public:
  /// Errors: a value error when there is no such file or it is not a library that Tilewright exported;
  /// unsupported when this CPU cannot run it.
  /// `weights`: the path of its file of weights; empty: the library has them, or the file stands beside it.
  static std::shared_ptr<const Library> open(const std::string& path, const std::string& weights = "");
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  /// To be called with tw_call and a pool of this process.
  const tw_function& function() const { return *library_->function; }
  std::string name() const { return library_->name; }
  /// JSON, as docs/exported_libraries.md describes it.
  std::string description() const { return library_->description(); }
  /// At most so many threads, as its target says; 0: all.
  int threads() const { return library_->threads(); }
  /// Constants that were prepared beforehand: which of the function's buffers they are, and the arrays.
  std::vector<std::pair<int32_t, tw_tensor>> weights() const;

 private:
  Library(void* handle, const tw_library* library) : handle_(handle), library_(library) {}

  void* handle_;
  const tw_library* library_;
  tw_weights weights_{};
};

}  // namespace tw::runtime
