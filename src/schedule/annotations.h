// Notes on loops and blocks: shared by the primitives that write them.
#pragma once

#include "schedule/primitive.h"

namespace tw::schedule {

/// The key; an empty one is refused.
inline std::string annotation_key(const Step& step, int arg) {
  if (step.text(arg).empty()) step.refuse(nullptr, "the key is empty; say what the note is about");
  return step.text(arg);
}

/// The value of an argument of kind kAttr.
inline AttrValue annotation_value(const Value& value) {
  if (const auto* number = value.get_if<int64_t>()) return *number;
  if (const auto* number = value.get_if<double>()) return *number;
  return *value.get_if<std::string>();
}

}  // namespace tw::schedule
