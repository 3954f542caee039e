// Whether the conditions of pieces hold at each point exactly once.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "te/pieces.h"

namespace tw::te {

/// True when it is certain that exactly one condition holds at each point; false when it cannot be decided. A
/// value error that shows a point where it is not so. `has_else`: the last condition is the negation of the
/// others.
bool check_pieces(const PiecesNode& node, bool has_else, const std::string& what);

/// Values of variables.
using PointValues = std::unordered_map<const Variable*, int64_t>;

/// The value of an index or bool expression at a point; nothing if it depends on data or on other variables.
std::optional<int64_t> value_at(const Expr& e, const PointValues& point);

}  // namespace tw::te
