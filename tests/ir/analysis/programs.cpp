#include "programs.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::test {

const For* loop_named(const Program& program, const std::string& name) {
  const For* found = nullptr;
  for_each_node(program, [&](const Node* node) {
    if (const auto* loop = as<For>(node); loop && loop->var->name.text == name) found = loop;
  });
  check_internal(found != nullptr, "no loop {}", name);
  return found;
}

const Block* block_named(const Program& program, const std::string& name) {
  const Block* found = nullptr;
  for_each_node(program, [&](const Node* node) {
    if (const auto* block = as<Block>(node); block && block->name.text == name) found = block;
  });
  check_internal(found != nullptr, "no block {}", name);
  return found;
}

std::string text_of(const std::vector<Region>& regions) {
  std::string text;
  for (const Region& region : regions) text += (text.empty() ? "" : ", ") + to_text(region);
  return text;
}

void expect_order(const std::string& text, const std::string& loop, TurnOrder order) {
  const Program program = parse_program(text);
  const LoopDependence found = loop_dependence(program, loop_named(program, loop));
  EXPECT_EQ(found.order, order) << "loop " << loop << ": " << found.message;
}

}  // namespace tw::test
