// The programs in docs/loop_programs.md are what the parser reads and the printer writes.
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "ir/text.h"

namespace tw {
namespace {

std::vector<std::string> program_blocks() {
  std::ifstream file(TW_SOURCE_DIR "/docs/loop_programs.md");
  std::vector<std::string> blocks;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (inside && line == "```") inside = false;
    if (inside) blocks.back() += line + "\n";
    if (line == "```program") {
      inside = true;
      blocks.emplace_back();
    }
  }
  return blocks;
}

TEST(Docs, ProgramsPrintAsTheyAreWritten) {
  const auto blocks = program_blocks();
  ASSERT_EQ(blocks.size(), 2u);
  for (const std::string& text : blocks) EXPECT_EQ(to_text(parse_program(text)), text);
}

}  // namespace
}  // namespace tw
