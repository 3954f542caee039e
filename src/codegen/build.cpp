#include "codegen/build.h"

#include "codegen/backend.h"

namespace tw::codegen {

std::shared_ptr<const Module> build(const Program& program, const Target& target) {
  return find_backend(target.kind).build(program, target);
}

}  // namespace tw::codegen
