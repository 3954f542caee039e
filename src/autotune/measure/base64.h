// Bytes within messages, which are text.
#pragma once

#include <string>
#include <string_view>

namespace tw::autotune {

/// RFC 4648, with padding.
std::string to_base64(std::string_view bytes);
/// A value error for what is no such text.
std::string from_base64(std::string_view text);

}  // namespace tw::autotune
