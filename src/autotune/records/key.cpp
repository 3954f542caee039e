#include "autotune/records/key.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include <fmt/core.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ir/text.h"
#include "runtime/machine.h"

namespace tw::autotune {
namespace {

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}
bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

/// Where the word or number that begins at `begin` ends; exponents keep their sign.
std::size_t end_of_word(std::string_view text, std::size_t begin) {
  const bool number = is_digit(text[begin]);
  std::size_t end = begin;
  while (end < text.size() &&
         (is_word(text[end]) || (number && (text[end] == '-' || text[end] == '+') && text[end - 1] == 'e' &&
                                 end + 1 < text.size() && is_digit(text[end + 1]))))
    ++end;
  return end;
}

/// A number of type index, which programs write without a suffix; otherwise -1.
int64_t plain_number(std::string_view word) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size() ? value : -1;
}

/// The text with a hole for each number, and the integers that stood there. Constants of data are left out
/// too, since many of them come from sizes: a mean divides by one. Numbers of blocks ("s#3") stay.
std::pair<std::string, std::vector<int64_t>> without_numbers(std::string_view text) {
  std::string family;
  std::vector<int64_t> sizes;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_word(text[at])) {
      family += text[at++];
      continue;
    }
    const std::size_t end = end_of_word(text, at);
    const std::string_view word = text.substr(at, end - at);
    if (!is_digit(word[0]) || (at > 0 && text[at - 1] == '#')) {
      family += word;
    } else {
      family += '_';
      if (const int64_t value = plain_number(word); value >= 0) sizes.push_back(value);
    }
    at = end;
  }
  return {family, sizes};
}

}  // namespace

std::string hash_of(std::string_view text) {
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

WorkloadKey key_of_text(std::string text) {
  auto [family, sizes] = without_numbers(text);
  WorkloadKey key;
  key.hash = hash_of(text);
  key.family = hash_of(family);
  key.sizes = std::move(sizes);
  key.text = std::move(text);
  return key;
}

WorkloadKey key_of(const Program& first) {
  return key_of_text(canonical_text(first));
}

Setting setting_for(const codegen::Target& target, const std::string& cache, bool bounded,
                    std::vector<Values> sizes) {
  Setting setting;
  setting.target = target.to_string();
  setting.machine = runtime::this_machine().fingerprint();
  setting.cache = cache;
  setting.bounded = bounded;
  setting.sizes = std::move(sizes);
  return setting;
}

Setting setting_for(const Program& first, const codegen::Target& target, const std::string& cache,
                    bool bounded, const std::vector<Values>& sizes) {
  // Both programs have the same parameters in the same order.
  const Program canonical = parse_program(canonical_text(first));
  std::vector<Values> renamed;
  for (const Values& point : sizes) {
    Values& to = renamed.emplace_back();
    for (std::size_t i = 0; i < first->params.size(); ++i) {
      if (first->params[i].is_buffer()) continue;
      const auto value = point.find(first->params[i].var->name.text);
      if (value != point.end()) to[canonical->params[i].var->name.text] = value->second;
    }
  }
  return setting_for(target, cache, bounded, std::move(renamed));
}

double distance(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  std::set<std::pair<int64_t, int64_t>> changes;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i]) changes.emplace(a[i], b[i]);
  double sum = 0;
  for (const auto& [from, to] : changes) {
    const double octaves = std::log2(static_cast<double>(from) + 1) - std::log2(static_cast<double>(to) + 1);
    sum += octaves * octaves;
  }
  return std::sqrt(sum);
}

}  // namespace tw::autotune
