#include "runtime/library.h"

#include <filesystem>

#include <dlfcn.h>

#include "support/error.h"

namespace tw::runtime {

std::shared_ptr<const Library> Library::open(const std::string& path) {
  // A name without a folder would be looked for among the system's libraries.
  void* handle = dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) raise_value("cannot load '{}': {}", path, dlerror());
  const auto entry = reinterpret_cast<tw_library_entry>(dlsym(handle, TW_LIBRARY_ENTRY));
  if (!entry) {
    dlclose(handle);
    raise_value(
        "'{}' is no library that this version of Tilewright can load: it has no '{}'; export it again", path,
        TW_LIBRARY_ENTRY);
  }
  const std::shared_ptr<const Library> library(new Library(handle, entry()));
  if (library->library_->check() != TW_OK) raise_unsupported("{}", library->library_->error());
  return library;
}

Library::~Library() {
  dlclose(handle_);
}

}  // namespace tw::runtime
