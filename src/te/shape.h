// Extents: what may stand in a shape, and what is known of it.
#pragma once

#include <string>
#include <vector>

#include "te/symbol.h"

namespace tw::te {

/// The expression itself if it is made of constants and sizes alone; else a value error that begins with
/// `what`.
Expr check_size(const Expr& size, const std::string& what);

/// end - begin, a value error that begins with `what` if it is provably negative.
Expr extent_between(const Expr& begin, const Expr& end, const std::string& what);

/// The extents of a shape. Errors that begin with `what` and name the axis: an extent that is no integer,
/// depends on axes or data, or is provably negative.
std::vector<Expr> check_shape(const std::vector<Value>& shape, const std::string& what);

}  // namespace tw::te
