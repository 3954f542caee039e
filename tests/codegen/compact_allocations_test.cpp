// Allocations cut to what is touched, once blocks are lowered.
#include "schedule/compaction.h"

#include <gmock/gmock.h>

#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ir/visit.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;

/// Blocks as the statements they stand for.
class Lowering : public Mutator {
 protected:
  using Mutator::on;
  Stmt on(const Block& node) override {
    VarMap values;
    Expr first = make_bool(true);
    for (const BlockAxis& axis : node.axes) {
      values[&*axis.var] = axis.binding;
      if (axis.axis_kind != AxisKind::kSpatial) first = logical_and(first, eq(axis.binding, 0));
    }
    Stmt body = substitute(node.body, values);
    if (node.init) body = Seq::make({If::make(first, substitute(node.init, values)), body});
    return node.predicate ? If::make(node.predicate, body) : body;
  }
};

Program lowered(const Program& program) {
  return simplify(Lowering().mutate(program));
}

List split(Schedule& s, const Value& loop, const List& factors) {
  return *s.apply("split", {loop, factors})[0].get_if<List>();
}

TEST(Compaction, leaves_a_tile_and_its_halo) {
  for (const int n : {7, 13, 16}) {
    Schedule s(padded_blur_program(n, 11));
    const auto loops = loops_of(s, "blurred");
    const List i = split(s, loops[0], {{}, 4}), j = split(s, loops[1], {{}, 3});
    s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
    s.apply("compute_at", {s.block("scaled"), j[0]});
    const Program compact = compact_allocations(lowered(s.program()));
    EXPECT_THAT(to_text(compact), HasSubstr("allocate scaled: float32[6, 5]"));
    EXPECT_NO_THROW(verify(compact, Stage::kLowered));
    expect_same_results(compact, s.first_program());
  }
}

TEST(Compaction, leaves_a_row) {
  Schedule s(softmax_program(5, 7));
  const auto row = loops_of(s, "softmax")[0];
  for (const char* block : {"total", "shifted", "highest"}) s.apply("compute_at", {s.block(block), row});
  const Program compact = compact_allocations(lowered(s.program()));
  EXPECT_THAT(to_text(compact), HasSubstr("shifted: float32[1, 7]"));
  EXPECT_THAT(to_text(compact), HasSubstr("highest: float32[1]"));
  expect_same_results(compact, s.first_program());
}

TEST(Compaction, of_tiles_of_parameters_has_their_size) {
  const Var n = te::var("n", 1, 64);
  Schedule s(dense_program(n, 11, 5));
  const List i = split(s, loops_of(s, "product")[0], {{}, Tunable{"mc", 1, 64}});
  s.apply("reverse_compute_at", {s.block("result"), i[0]});
  const Program compact = compact_allocations(lowered(s.program()));
  EXPECT_THAT(to_text(compact), HasSubstr("product: float32[mc, 11]"));
  for (const int64_t size : {1, 7, 16})
    for (const int64_t mc : {1, 4, 64})
      expect_same_results(compact, s.first_program(), {{"n", size}, {"mc", mc}});
}

TEST(Compaction, keeps_a_circle_of_rows) {
  Schedule s(blur_program(9, 7));
  const auto loops = loops_of(s, "blurred");
  s.apply("compute_at", {s.block("across"), loops[0]});
  s.apply("rolling_buffer", {"across", loops[0]});
  const Program compact = compact_allocations(lowered(s.program()));
  EXPECT_THAT(to_text(compact), HasSubstr("across: float32[3, 7]"));
  expect_same_results(compact, s.first_program());
}

}  // namespace
}  // namespace tw::schedule
