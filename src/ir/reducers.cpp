#include "ir/reducers.h"

#include <limits>

namespace tw {

Reducer known_reducer(std::string_view name, DType type) {
  if (!type.is_scalar() || type.is_bool() != (name == "all" || name == "any")) return {};
  const Var x("x", type), y("y", type);
  const auto make = [&](Expr result, Expr identity) {
    return ReducerNode::make(std::string(name), {x}, {y}, {std::move(result)}, {std::move(identity)});
  };
  const auto end_of_type = [&](int64_t integer, double floating) {
    return type.is_float() ? make_const(type, floating) : IntImm::make(type, integer);
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (name == "sum") return make(x + y, make_const(type, int64_t{0}));
  if (name == "prod") return make(x * y, make_const(type, int64_t{1}));
  if (name == "max") return make(max(x, y), end_of_type(int_min_of(type), -kInfinity));
  if (name == "min") return make(min(x, y), end_of_type(int_max_of(type), kInfinity));
  if (name == "all") return make(logical_and(x, y), make_bool(true));
  if (name == "any") return make(logical_or(x, y), make_bool(false));
  return {};
}

}  // namespace tw
