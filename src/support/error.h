// The two kinds of failure, kept apart.
//
// `UserError`: what was asked is wrong. The message says what was wrong, what was found against what is
// needed, and how to mend it. Its kind maps to a Python exception that also derives from ValueError,
// TypeError or IndexError. `InternalError`: we are wrong; the message says so and asks for a report.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/core.h>

namespace tw {

/// What kind of mistake a `UserError` reports; decides the Python exception.
enum class ErrorKind {
  kValue,        // a value that is not allowed: also ValueError
  kType,         // a dtype or an object of the wrong type: also TypeError
  kIndex,        // an index or axis out of range: also IndexError
  kUnsupported,  // a legal request for a part that is not there: also NotImplementedError
};

/// "value error", …
const char* to_string(ErrorKind kind);

/// What was asked is wrong. Thrown before anything changes.
class UserError : public std::runtime_error {
 public:
  UserError(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

/// The program itself is wrong. Never the user's fault.
class InternalError : public std::logic_error {
 public:
  explicit InternalError(const std::string& message)
      : std::logic_error("internal error: " + message +
                         "\nThis is a fault in Tilewright; please report it.") {}
};

template <class... Args>
[[noreturn]] void raise_value(fmt::format_string<Args...> format, Args&&... args) {
  throw UserError(ErrorKind::kValue, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void raise_type(fmt::format_string<Args...> format, Args&&... args) {
  throw UserError(ErrorKind::kType, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void raise_index(fmt::format_string<Args...> format, Args&&... args) {
  throw UserError(ErrorKind::kIndex, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void raise_unsupported(fmt::format_string<Args...> format, Args&&... args) {
  throw UserError(ErrorKind::kUnsupported, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void raise_internal(fmt::format_string<Args...> format, Args&&... args) {
  throw InternalError(fmt::format(format, std::forward<Args>(args)...));
}

/// An invariant of ours: throws `InternalError` with the message when it does not hold.
template <class... Args>
void check_internal(bool holds, fmt::format_string<Args...> format, Args&&... args) {
  if (!holds) [[unlikely]]
    throw InternalError(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tw
