// Programs of the tests, and what stands in them by name.
#pragma once

#include "ir/analysis/dependence.h"
#include "ir/program.h"

namespace tw::test {

/// The loop, block or buffer of that name; an internal error when there is none.
const For* loop_named(const Program& program, const std::string& name);
const Block* block_named(const Program& program, const std::string& name);

/// Texts of regions, joined by ", ".
std::string text_of(const std::vector<Region>& regions);

/// Checks what the turns of the loop of that name are to each other in the program that the text writes.
void expect_order(const std::string& text, const std::string& loop, TurnOrder order);

}  // namespace tw::test
