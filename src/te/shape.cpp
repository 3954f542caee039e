#include "te/shape.h"

#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "support/error.h"
#include "te/promote.h"

namespace tw::te {

Expr check_size(const Expr& size, const std::string& what) {
  if (contains<Load>(size.get()) || contains<Reduce>(size.get()))
    raise_value("{} is {}, which depends on data; it must be made of ints and symbolic dimensions", what,
                to_text(size));
  for (const Var& var : free_vars(size))
    if (role_of(var) != VarRole::kSize)
      raise_value(
          "{} is {}, which depends on the axis '{}'; it must be made of ints and symbolic dimensions "
          "(te.var)",
          what, to_text(size), var->name.text);
  return size;
}

Expr extent_between(const Expr& begin, const Expr& end, const std::string& what) {
  const Expr extent = simplify(end - begin);
  if (bounds(extent).max < 0)
    raise_value("{}: the range is {} to {}, which is negative; the end must be at least the begin", what,
                to_text(begin), to_text(end));
  return extent;
}

std::vector<Expr> check_shape(const std::vector<Value>& shape, const std::string& what) {
  std::vector<Expr> extents;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const std::string place = fmt::format("{}: the extent of axis {}", what, axis);
    Expr extent = check_size(to_index(shape[axis], place), place);
    const Interval range = bounds(extent);
    if (range.max < 0)
      raise_value("{} is {}{}; it must be at least 0", place, to_text(extent),
                  as_int(extent) ? "" : fmt::format(", at most {}", range.max));
    extents.push_back(std::move(extent));
  }
  return extents;
}

}  // namespace tw::te
