// Back ends: one row each, registered by the folder that holds it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "codegen/build.h"
#include "codegen/target.h"

namespace tw::codegen {

struct Backend {
  std::string name;     // the first word of targets: "llvm"
  std::string summary;  // one line
  /// Why it cannot be used on this machine; empty: it can.
  std::function<std::string()> why_not;
  /// Checks what the text of a target said and fills in the rest.
  std::function<void(Target& target)> complete;
  std::function<std::shared_ptr<const Module>(const Program& program, const Target& target)> build;
  /// A module again from its object code.
  std::function<std::shared_ptr<const Module>(const Program& program, const Target& target,
                                              std::string object, BuildStats stats)>
      load;
};

/// Registers at start-up: `const BackendRegistration registration{{.name = …}};`.
struct BackendRegistration {
  explicit BackendRegistration(Backend backend);
};

/// All of them, by name.
const std::vector<Backend>& backends();

/// A value error that lists the names when there is none of this one.
const Backend& find_backend(const std::string& name);

}  // namespace tw::codegen
