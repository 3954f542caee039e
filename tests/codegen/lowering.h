// Scheduled programs through the passes, each result checked against the meaning of the program.
#pragma once

#include <map>
#include <string>

#include "codegen/pass.h"
#include "schedule/fixtures.h"

namespace tw::codegen {

/// The program after the pass of that name; verified after every pass, and the results of each compared with
/// those of the first program for these values of sizes and parameters.
Program expect_lowers(const schedule::Schedule& s, const std::string& last_pass,
                      const std::map<std::string, int64_t>& values = {});

}  // namespace tw::codegen
