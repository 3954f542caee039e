// Object code loaded into this process.
#pragma once

#include <memory>
#include <string>

namespace tw::codegen {

/// Code that stays loaded as long as this lives.
class LoadedCode {
 public:
  virtual ~LoadedCode() = default;
  /// The address of a symbol; an internal error when there is none.
  virtual void* address(const std::string& symbol) const = 0;
  virtual int64_t bytes() const = 0;
};

/// Links an object file of the host's triple. Symbols that it lacks come from the process (libc, libm).
std::unique_ptr<LoadedCode> load_object(const std::string& object);

}  // namespace tw::codegen
