// annotate(C, "layout", "packed"):   block C(…): …     =>     block C(…) {layout = "packed"}: …
//
// Writes a note on a block for passes and code generators. It has no meaning of its own here. A later note of
// the same key replaces it.
#include "schedule/annotations.h"

namespace tw::schedule {
namespace {

Outcome annotate(const Step& step) {
  const BlockPlace place = step.block(0);
  const std::string key = annotation_key(step, 1);
  auto* copy = new Block(place.block());
  const Stmt owner(copy);
  copy->annotations[key] = annotation_value(step.value(2));
  return {step.with_body(replaced_at(step.program(), place, owner)), {}, {}};
}

const Registration registration{{
    .name = "annotate",
    .summary = "Writes a note on a block for the code generator.",
    .doc = "    block C(...): ...     =>     block C(...) {layout = \"packed\"}: ...\n\n"
           "Has no meaning in the schedule itself. A later note of the same key replaces it.",
    .args = {{"block", ArgKind::kBlock, "Any block."},
             {"key", ArgKind::kText, "What is said."},
             {"value", ArgKind::kAttr, "An int, a float or a text."}},
    .inside_blocks = true,
    .compound_blocks = true,
    .example = R"py(>>> s.annotate(s.block("C"), "library", "blas"))py",
    .apply = annotate,
}};

}  // namespace
}  // namespace tw::schedule
