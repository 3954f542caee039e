// Constants, strings and names as program text writes them, in both directions.
//
// Numbers: `3` has type index, `3i8`, `7u64`, `1.5f32`, `1e-08bf16`, `inf_f16`, `nan_f64`; a floating
// constant has the fewest digits that read back to the same value. Strings stand in double quotes, odd names
// in backquotes, both with the escapes \\ \" \` \n \r \t \xHH.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ir/dtype.h"

namespace tw {

/// A constant of an integer type or bool; uint64 takes its bit pattern.
std::string int_text(DType type, int64_t value);

/// A constant of a floating type that is exactly representable in it.
std::string float_text(DType type, double value);

/// The text between quotes of the given kind.
std::string quoted(std::string_view text, char quote);

/// The text with control characters and malformed UTF-8 escaped: fit for a message.
std::string printable(std::string_view text);

/// The name itself where it reads as a name, else in backquotes.
std::string name_text(std::string_view name);

/// Whether the text is letters, digits, `_` and inner dots, and starts with no digit or dot.
bool is_identifier(std::string_view text);

/// Words that names may not be without backquotes: those that begin statements, constants and dtypes.
bool is_reserved(std::string_view word);

/// The type that a literal's suffix says ("" is index); nothing if none.
std::optional<DType> type_of_suffix(std::string_view suffix);

/// The value of digits, with point and exponent if any, correctly rounded to a floating type; nothing if
/// malformed or out of its range.
std::optional<double> parse_float(DType type, std::string_view digits);

/// A constant spelled as a word: nan_f32, inf_bf16.
struct FloatWord {
  DType type;
  double value;
};
std::optional<FloatWord> float_word(std::string_view word);

/// The inverse of `quoted`, without the quotes; nothing when an escape is malformed.
std::optional<std::string> unquoted(std::string_view text);

}  // namespace tw
