#include "ir/interpret/faults.h"

#include <fmt/ranges.h>

#include "ir/text.h"

namespace tw::interpreter {

std::string describe(const Program& program, const std::string& what, const std::string& note,
                     const Values& values, const Node* node) {
  std::string text = fmt::format("{}, in program '{}'", what, program->name.text);
  for (std::size_t i = 0; i < values.size(); ++i)
    text += fmt::format("{}{} = {}", i == 0 ? "\nwhere " : ", ", values[i].first, values[i].second);
  return text + "\n" + to_text(program, TextMark{node, note.empty() ? what : note});
}

std::string element_name(const std::string& buffer, const std::vector<int64_t>& subscripts) {
  return fmt::format("{}[{}]", buffer, fmt::join(subscripts, ", "));
}

}  // namespace tw::interpreter
