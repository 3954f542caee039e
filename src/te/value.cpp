#include "te/value.h"

#include <cmath>

#include <fmt/format.h>

#include "te/tensor.h"

namespace tw::te {

double Weak::as_double() const {
  if (kind == Kind::kFloat) return f;
  return above_int64 ? static_cast<double>(static_cast<uint64_t>(i)) : static_cast<double>(i);
}

bool Weak::fits(DType type) const {
  if (type == kUInt64) return above_int64 || i >= 0;
  return !above_int64 && i >= int_min_of(type) && i <= int_max_of(type);
}

std::string Weak::text() const {
  if (kind == Kind::kBool) return i ? "True" : "False";
  if (kind == Kind::kInt) return above_int64 ? std::to_string(static_cast<uint64_t>(i)) : std::to_string(i);
  return fmt::format("{}", f);
}

Value::Value(const Tensor& scalar) : expr_(read(scalar, {})) {}

}  // namespace tw::te
