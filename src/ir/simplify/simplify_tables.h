// The tables of rules (simplify_tables.cpp).
#pragma once

#include <span>

#include "ir/simplify/simplify_rules.h"

namespace tw {

/// All tables, one for each operator.
std::span<const std::span<const RuleText>> rule_tables();

}  // namespace tw
