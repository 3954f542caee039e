#include "runtime/library.h"

#include <filesystem>

#include <dlfcn.h>

#include "support/error.h"

namespace tw::runtime {

std::shared_ptr<const Library> Library::open(const std::string& path, const std::string& weights) {
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
  const std::shared_ptr<Library> library(new Library(handle, entry()));
  const tw_library& interface = *library->library_;
  if (interface.check() != TW_OK) raise_unsupported("{}", interface.error());
  if (interface.weights(weights.empty() ? nullptr : weights.c_str(), &library->weights_) != TW_OK)
    raise_value("{}", interface.error());
  return library;
}

std::vector<std::pair<int32_t, tw_tensor>> Library::weights() const {
  std::vector<std::pair<int32_t, tw_tensor>> all;
  for (uint32_t i = 0; i < weights_.header->count; ++i)
    all.emplace_back(tw_weights_arrays(weights_.header)[i].buffer, tw_weights_tensor(&weights_, i));
  return all;
}

Library::~Library() {
  tw_weights_close(&weights_);
  dlclose(handle_);
}

}  // namespace tw::runtime
