// The names that someone may have meant.
#pragma once

#include <string>
#include <vector>

namespace tw {

/// Up to three of the names that differ from this one in few letters, nearest first.
std::vector<std::string> nearest_names(const std::string& name, const std::vector<std::string>& names);

/// " (did you mean 'znver4' or 'znver5'?)", or nothing when no name is near.
std::string did_you_mean(const std::string& name, const std::vector<std::string>& names);

}  // namespace tw
