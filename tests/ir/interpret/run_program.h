// Arrays and runs of program texts for the tests of the interpreter.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/interpret.h"
#include "support/error.h"

namespace tw::interpret_tests {

/// A dense array of any type.
class Array {
 public:
  Array(DType dtype, std::vector<int64_t> shape);
  Array(DType dtype, std::vector<int64_t> shape, const std::function<double(int64_t)>& element);
  int64_t size() const { return size_; }
  /// Element i in row-major order, as a number.
  double operator[](int64_t i) const;
  void set(int64_t i, double value);
  /// The elements as the C++ type that holds them (16-bit floats: uint16_t).
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(bytes_.data());
  }
  ArrayView view();
  std::vector<double> values() const;

 private:
  DType dtype_;
  std::vector<int64_t> shape_;
  int64_t size_ = 1;
  std::vector<std::byte> bytes_;
};

/// Small integers in no simple order: exact in every type and in short sums.
double scrambled(int64_t i);

/// An argument: an array, or an integer.
struct Given {
  Given(Array& array) : argument(array.view()) {}
  Given(ArrayView view) : argument(std::move(view)) {}
  Given(int64_t value) : argument(value) {}
  Given(int value) : argument(int64_t{value}) {}
  Argument argument;
};

InterpretStats run(const Program& program, std::vector<Given> arguments,
                   const InterpretOptions& options = {});
InterpretStats run(const std::string& text, std::vector<Given> arguments,
                   const InterpretOptions& options = {});

/// The message of the user error that the run raises; fails the test when there is none.
std::string error_of(const Program& program, std::vector<Given> arguments,
                     const InterpretOptions& options = {});
std::string error_of(const std::string& text, std::vector<Given> arguments,
                     const InterpretOptions& options = {});

}  // namespace tw::interpret_tests
