#include "autotune/measure/base64.h"

#include <algorithm>
#include <cstdint>

#include "support/error.h"

namespace tw::autotune {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(bytes.size() - i, 3);
    uint32_t bits = 0;
    for (std::size_t b = 0; b < 3; ++b)
      bits = bits << 8 | (b < count ? static_cast<unsigned char>(bytes[i + b]) : 0u);
    for (std::size_t d = 0; d < 4; ++d) text += d <= count ? kDigits[bits >> (18 - 6 * d) & 63] : '=';
  }
  return text;
}

std::string from_base64(std::string_view text) {
  if (text.size() % 4 != 0) raise_value("{} characters are no base64: they come in fours", text.size());
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool is_last = i + 4 == text.size();
    const std::size_t padding = !is_last ? 0 : text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
    uint32_t bits = 0;
    for (std::size_t d = 0; d < 4; ++d) {
      const std::size_t digit = d < 4 - padding ? kDigits.find(text[i + d]) : 0;
      if (digit == std::string_view::npos) raise_value("'{}' is no character of base64", text[i + d]);
      bits = bits << 6 | static_cast<uint32_t>(digit);
    }
    for (std::size_t b = 0; b < 3 - padding; ++b) bytes += static_cast<char>(bits >> (16 - 8 * b) & 255);
  }
  return bytes;
}

}  // namespace tw::autotune
