// pragma(i, "streaming", 1):   for i in n: …     =>     for i in n {streaming = 1}: …
//
// Writes a note on a loop for passes and code generators. It has no meaning of its own here. A later note of
// the same key replaces it.
#include "schedule/annotations.h"
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

Outcome pragma(const Step& step) {
  const std::string key = annotation_key(step, 1);
  const AttrValue value = annotation_value(step.value(2));
  return with_loop(step, step.loop(0), [&](For& loop) { loop.annotations[key] = value; });
}

const Registration registration{{
    .name = "pragma",
    .summary = "Writes a note on a loop for the code generator.",
    .doc = "    for i in n: ...     =>     for i in n {streaming = 1}: ...\n\n"
           "Has no meaning in the schedule itself. A later note of the same key replaces it.",
    .args = {{"loop", ArgKind::kLoop, "A loop of any kind."},
             {"key", ArgKind::kText, "What is said."},
             {"value", ArgKind::kAttr, "An int, a float or a text."}},
    .inside_blocks = true,
    .example = R"py(>>> s.pragma(i, "streaming", 1)
>>> "{streaming = 1}" in str(s)
True)py",
    .apply = pragma,
}};

}  // namespace
}  // namespace tw::schedule
