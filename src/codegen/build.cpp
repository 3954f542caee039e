#include "codegen/build.h"

#include <utility>

#include "codegen/backend.h"
#include "codegen/load.h"

namespace tw::codegen {

std::shared_ptr<const Module> build(const Program& program, const Target& target) {
  return find_backend(target.kind).build(program, target);
}

std::shared_ptr<const Module> load(const Program& program, const Target& target, std::string object,
                                   BuildStats stats) {
  return find_backend(target.kind).load(program, target, std::move(object), std::move(stats));
}

}  // namespace tw::codegen
