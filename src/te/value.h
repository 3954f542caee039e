// What a person may write where an expression is wanted: an expression, a tensor of rank 0, or a plain
// number.
//
// A plain number is *weak* (NEP 50): it has no dtype of its own and takes that of what it meets. promote.h
// says how.
#pragma once

#include <concepts>
#include <type_traits>

#include "ir/expr.h"

namespace tw::te {

class Tensor;

/// A plain number, as Python's: bool < int < float.
struct Weak {
  enum class Kind : uint8_t { kBool, kInt, kFloat };
  Kind kind = Kind::kInt;
  int64_t i = 0;             // of a bool or an int
  bool above_int64 = false;  // an int of at least 2^63: `i` is its bit pattern as uint64
  double f = 0;              // of a float

  static Weak of_bool(bool value) { return {Kind::kBool, value, false, 0}; }
  static Weak of_int(int64_t value) { return {Kind::kInt, value, false, 0}; }
  static Weak of_uint(uint64_t value) {
    return {Kind::kInt, static_cast<int64_t>(value), value >> 63 != 0, 0};
  }
  static Weak of_float(double value) { return {Kind::kFloat, 0, false, value}; }

  /// The nearest double.
  double as_double() const;
  /// Whether the value is in the range of an integer type (a bool or an int only).
  bool fits(DType type) const;
  /// "True", "3", "0.5".
  std::string text() const;
};

/// An operand: an expression or a weak number.
class Value {
 public:
  Value(const Expr& e) : expr_(e) {}
  /// The loop variable of a reduction axis.
  Value(const ReduceAxis& axis) : expr_(axis.var) {}
  /// The element of a tensor of rank 0. A type error for other ranks: they need subscripts.
  Value(const Tensor& scalar);
  Value(const Weak& weak) : weak_(weak) {}
  template <class T>
  requires std::is_arithmetic_v<T> Value(T number) {
    if constexpr (std::same_as<T, bool>)
      weak_ = Weak::of_bool(number);
    else if constexpr (std::floating_point<T>)
      weak_ = Weak::of_float(number);
    else if constexpr (std::unsigned_integral<T>)
      weak_ = Weak::of_uint(number);
    else
      weak_ = Weak::of_int(number);
  }

  bool is_weak() const { return !expr_; }
  const Expr& expr() const { return expr_; }  // null when weak
  const Weak& weak() const { return weak_; }

 private:
  Expr expr_;
  Weak weak_;
};

}  // namespace tw::te
