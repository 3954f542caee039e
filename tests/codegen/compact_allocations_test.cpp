// Allocations cut to what is touched, once blocks are lowered.
#include "codegen/passes/compact_allocations.h"

#include <gmock/gmock.h>

#include "codegen/lowering.h"
#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"

namespace tw::codegen {
namespace {

using namespace tw::schedule;

using testing::HasSubstr;

Program compacted(const Schedule& s) {
  return lower(s.program(), {.verify_each = true, .stop_after = "compact_allocations"}).program;
}

TEST(Compaction, leaves_a_tile_and_its_halo) {
  for (const int n : {7, 13, 16}) {
    Schedule s(padded_blur_program(n, 11));
    const auto loops = loops_of(s, "blurred");
    const List i = split(s, loops[0], {{}, 4}), j = split(s, loops[1], {{}, 3});
    s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
    s.apply("compute_at", {s.block("scaled"), j[0]});
    const Program compact = compacted(s);
    EXPECT_THAT(to_text(compact), HasSubstr("allocate scaled: float32[6, 5]"));
    expect_same_results(compact, s.first_program());
  }
}

TEST(Compaction, leaves_a_row) {
  Schedule s(softmax_program(5, 7));
  const auto row = loops_of(s, "softmax")[0];
  for (const char* block : {"total", "shifted", "highest"}) s.apply("compute_at", {s.block(block), row});
  const Program compact = compacted(s);
  EXPECT_THAT(to_text(compact), HasSubstr("shifted: float32[1, 7]"));
  EXPECT_THAT(to_text(compact), HasSubstr("highest: float32[1]"));
  expect_same_results(compact, s.first_program());
}

TEST(Compaction, of_tiles_of_parameters_has_their_size) {
  const Var n = te::var("n", 1, 64);
  Schedule s(dense_program(n, 11, 5));
  const List i = split(s, loops_of(s, "product")[0], {{}, Tunable{"mc", 1, 64}});
  s.apply("reverse_compute_at", {s.block("result"), i[0]});
  const Program compact = compacted(s);
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
  const Program compact = compacted(s);
  EXPECT_THAT(to_text(compact), HasSubstr("across: float32[3, 7]"));
  expect_same_results(compact, s.first_program());
}

}  // namespace
}  // namespace tw::codegen
