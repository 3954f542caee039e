#include "support/nearest.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tw {
namespace {

/// Levenshtein's distance: insertions, deletions and replacements of letters.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

}  // namespace

std::vector<std::string> nearest_names(const std::string& name, const std::vector<std::string>& names) {
  const std::size_t most = std::max<std::size_t>(1, name.size() / 3);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& candidate : names)
    if (const std::size_t d = distance(name, candidate); d <= most) near.emplace_back(d, candidate);
  std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> nearest;
  for (std::size_t i = 0; i < std::min<std::size_t>(near.size(), 3); ++i) nearest.push_back(near[i].second);
  return nearest;
}

std::string did_you_mean(const std::string& name, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& near : nearest_names(name, names))
    text += (text.empty() ? "'" : " or '") + near + "'";
  return text.empty() ? "" : " (did you mean " + text + "?)";
}

}  // namespace tw
