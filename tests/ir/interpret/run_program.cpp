#include "ir/interpret/run_program.h"

#include <cstring>

#include "ir/interpret/lane_types.h"
#include "ir/text.h"

namespace tw::interpret_tests {

using interpreter::Lane;
using interpreter::with_lane_type;

Array::Array(DType dtype, std::vector<int64_t> shape) : dtype_(dtype), shape_(std::move(shape)) {
  for (const int64_t extent : shape_) size_ *= extent;
  bytes_.resize(static_cast<std::size_t>(size_ * dtype.bytes()));
}

Array::Array(DType dtype, std::vector<int64_t> shape, const std::function<double(int64_t)>& element)
    : Array(dtype, std::move(shape)) {
  for (int64_t i = 0; i < size_; ++i) set(i, element(i));
}

double Array::operator[](int64_t i) const {
  return with_lane_type(dtype_, [&]<class T>() -> double {
    typename Lane<T>::Memory memory;
    std::memcpy(&memory, bytes_.data() + i * static_cast<int64_t>(sizeof memory), sizeof memory);
    return static_cast<double>(Lane<T>::read(Lane<T>::from_memory(memory)));
  });
}

void Array::set(int64_t i, double value) {
  with_lane_type(dtype_, [&]<class T>() {
    using Compute = typename Lane<T>::Compute;
    const auto memory = Lane<T>::to_memory(Lane<T>::write(scalar::convert<Compute>(value)));
    std::memcpy(bytes_.data() + i * static_cast<int64_t>(sizeof memory), &memory, sizeof memory);
  });
}

ArrayView Array::view() {
  return {bytes_.data(), dtype_, shape_, {}};
}

std::vector<double> Array::values() const {
  std::vector<double> out;
  for (int64_t i = 0; i < size_; ++i) out.push_back((*this)[i]);
  return out;
}

double scrambled(int64_t i) {
  return static_cast<double>((i * 7 + i / 5 * 3) % 11 - 5);
}

InterpretStats run(const Program& program, std::vector<Given> arguments, const InterpretOptions& options) {
  std::vector<Argument> list;
  for (Given& given : arguments) list.push_back(std::move(given.argument));
  return interpret(program, list, options);
}

InterpretStats run(const std::string& text, std::vector<Given> arguments, const InterpretOptions& options) {
  return run(parse_program(text), std::move(arguments), options);
}

std::string error_of(const Program& program, std::vector<Given> arguments, const InterpretOptions& options) {
  try {
    run(program, std::move(arguments), options);
  } catch (const UserError& error) {
    EXPECT_TRUE(error.kind() == ErrorKind::kValue || error.kind() == ErrorKind::kIndex);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

std::string error_of(const std::string& text, std::vector<Given> arguments, const InterpretOptions& options) {
  return error_of(parse_program(text), std::move(arguments), options);
}

}  // namespace tw::interpret_tests
