#include "accuracy.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace tw::codegen::math_test {

double stated(const std::string& function, int column) {
  // A row of the table: | exp | 1.5 | 1 | ...
  std::ifstream document(TW_MATH_DOCUMENT);
  for (std::string line; std::getline(document, line);) {
    if (!line.starts_with("| `" + function + "` |")) continue;
    std::istringstream cells(line.substr(line.find('|', 1) + 1));
    std::string cell;
    for (int i = 0; i <= column; ++i) std::getline(cells, cell, '|');
    return std::stod(cell);
  }
  throw std::runtime_error("docs/math.md states no accuracy of " + function);
}

bool try_all() {
  const char* text = std::getenv("TW_MATH_ALL");
  return text && std::string(text) == "1";
}

}  // namespace tw::codegen::math_test
