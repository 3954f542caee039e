#include "ir/text/literals.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include "ir/scalar.h"

namespace tw {
namespace {

constexpr std::string_view kReserved[] = {
    "program", "for",  "ordered",    "block",        "reads",      "writes",   "reducer",
    "init",    "if",   "else",       "let",          "allocate",   "seq",      "pass",
    "assert",  "attr", "atomic",     "where",        "in",         "prefetch", "barrier",
    "call",    "null", "async_copy", "async_commit", "async_wait", "true",     "false"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// Length of the well-formed UTF-8 sequence of several bytes that the text starts with; 0 if none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool outside = (first == 0xed && byte(1) >= 0xa0) || (first == 0xf4 && byte(1) >= 0x90);
  return overlong || outside ? 0 : length;
}

template <class T>
std::string shortest(T value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

/// The shortest decimal that reads back as a value of a 16-bit type, which no type of C++ helps with.
std::string shortest_half(DType type, double value) {
  for (int digits = 0; digits < 17; ++digits) {
    char buffer[64];
    const auto end =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific, digits).ptr;
    double decimal = 0;
    std::from_chars(buffer, end, decimal);
    if (round_to(type, decimal) == value) return shortest(decimal);
  }
  return shortest(value);
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string int_text(DType type, int64_t value) {
  if (type.is_bool()) return value ? "true" : "false";
  const std::string digits =
      type.is_uint() ? std::to_string(static_cast<uint64_t>(value)) : std::to_string(value);
  return digits + literal_suffix(type);
}

std::string float_text(DType type, double value) {
  const std::string suffix = literal_suffix(type);
  if (std::isnan(value)) return "nan_" + suffix;
  if (std::isinf(value)) return (value < 0 ? "-inf_" : "inf_") + suffix;
  std::string digits = type.is_half()    ? shortest_half(type, value)
                       : type.bits == 32 ? shortest(static_cast<float>(value))
                                         : shortest(value);
  if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
  return digits + suffix;
}

std::string printable(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c >= ' ' && c < '\x7f') {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (const std::size_t length = utf8_length(text.substr(i))) {
      out += text.substr(i, length);
      i += length - 1;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::string quoted(std::string_view text, char quote) {
  std::string escaped;
  for (const char c : text) {
    if (c == quote || c == '\\') escaped += '\\';
    escaped += c;
  }
  return quote + printable(escaped) + quote;
}

std::optional<std::string> unquoted(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    switch (text[i]) {
      case '\\':
      case '"':
      case '`': out += text[i]; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'x': {
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
        break;
      }
      default: return std::nullopt;
    }
  }
  return out;
}

std::string name_text(std::string_view name) {
  return is_identifier(name) && !is_reserved(name) ? std::string(name) : quoted(name, '`');
}

bool is_identifier(std::string_view text) {
  bool part_starts = true;  // at the start and after a dot
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.') {
      if (part_starts) return false;
      part_starts = true;
    } else {
      if (!is_letter(text[i]) && !(is_digit(text[i]) && i > 0)) return false;
      part_starts = false;
    }
  }
  return !part_starts;
}

bool is_reserved(std::string_view word) {
  return std::find(std::begin(kReserved), std::end(kReserved), word) != std::end(kReserved) ||
         dtype_from_string(word) || float_word(word);
}

std::optional<DType> type_of_suffix(std::string_view suffix) {
  if (suffix.empty()) return kIndex;
  for (DType type : kScalarTypes)
    if (suffix == literal_suffix(type)) return type;
  return std::nullopt;
}

std::optional<double> parse_float(DType type, std::string_view digits) {
  const char* const end = digits.data() + digits.size();
  // In one rounding: a float32 read as a double first could be rounded twice.
  float narrow = 0;
  double wide = 0;
  const bool is_narrow = type.bits == 32;
  const auto [rest, error] =
      is_narrow ? std::from_chars(digits.data(), end, narrow) : std::from_chars(digits.data(), end, wide);
  if (rest != end) return std::nullopt;
  const double value = is_narrow ? double{narrow} : round_to(type, wide);
  if (error != std::errc() || std::isinf(value)) return std::nullopt;
  return value;
}

std::optional<FloatWord> float_word(std::string_view word) {
  const bool nan = word.starts_with("nan_");
  if (!nan && !word.starts_with("inf_")) return std::nullopt;
  const auto type = type_of_suffix(word.substr(4));
  if (!type || !type->is_float()) return std::nullopt;
  return FloatWord{*type,
                   nan ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity()};
}

}  // namespace tw
