#include "te/symbol.h"

#include <cctype>

#include "ir/visit.h"
#include "support/error.h"
#include "te/promote.h"
#include "te/shape.h"

namespace tw::te {

VarRole role_of(const Var& var) {
  const auto* symbol = dynamic_cast<const Symbol*>(var.get());
  return symbol ? symbol->role : VarRole::kSize;
}

void check_name(const std::string& name, const std::string& what) {
  auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  bool legal = !name.empty() && !std::isdigit(static_cast<unsigned char>(name.front()));
  for (char c : name) legal = legal && is_word(c);
  if (!legal)
    raise_value("{}: the name '{}' is no identifier; use letters, digits and _, not beginning with a digit",
                what, name);
}

Var var(const std::string& name, int64_t min, int64_t max, int64_t multiple_of) {
  check_name(name, "symbolic dimension");
  const std::string what = fmt::format("symbolic dimension '{}'", name);
  if (multiple_of < 1) raise_value("{}: multiple_of is {}; it must be at least 1", what, multiple_of);
  if (min > max)
    raise_value("{}: the range is {} to {}; the first must not exceed the second", what, min, max);
  // The smallest multiple that is at least min; a range that is as wide as a multiple always holds one.
  const int64_t rest = ((min % multiple_of) + multiple_of) % multiple_of;
  const uint64_t to_next = rest ? static_cast<uint64_t>(multiple_of - rest) : 0;
  if (static_cast<uint64_t>(max) - static_cast<uint64_t>(min) < to_next)
    raise_value("{}: no multiple of {} lies in the range {} to {}", what, multiple_of, min, max);
  return Var(new Symbol(VarRole::kSize, name, min, max, multiple_of));
}

ReduceAxis reduce_axis(const Value& begin, const Value& end, const std::string& name) {
  check_name(name, "reduction axis");
  const std::string what = fmt::format("reduction axis '{}'", name);
  ReduceAxis axis;
  axis.begin = check_size(to_index(begin, what + ": the begin"), what + ": the begin");
  const Expr last = check_size(to_index(end, what + ": the end"), what + ": the end");
  axis.extent = extent_between(axis.begin, last, what);
  axis.var = Var(new Symbol(VarRole::kReduction, name, kNoMin, kNoMax, 1));
  return axis;
}

Var axis_var(const std::string& name) {
  return Var(new Symbol(VarRole::kAxis, name, kNoMin, kNoMax, 1));
}

}  // namespace tw::te
