#include "codegen/lowering.h"

namespace tw::codegen {

Program expect_lowers(const schedule::Schedule& s, const std::string& last_pass,
                      const std::map<std::string, int64_t>& values) {
  Program program;
  for (const Pass& pass : lowering_passes()) {
    program = lower(s.program(), {.verify_each = true, .stop_after = pass.name}).program;
    SCOPED_TRACE("after " + pass.name);
    schedule::expect_same_results(program, s.first_program(), values);
    if (pass.name == last_pass) break;
  }
  return program;
}

}  // namespace tw::codegen
