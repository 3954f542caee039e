// Software pipelining.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "ir/verify.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"
#include "te/symbol.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The copy's loops from number `outer` on as one, divided over eight threads.
void fetch_together(Schedule& s, const std::string& block, std::size_t outer) {
  const auto loops = loops_of(s, block);
  const List own(loops.begin() + static_cast<std::ptrdiff_t>(outer), loops.end());
  if (own.empty()) return;
  const Value fused = own.size() > 1 ? s.apply("fuse", {Value(own)})[0] : own[0];
  s.apply("bind", {split(s, fused, {{}, 8})[1], "threadIdx.x"});
}

/// A product on a GPU: tiles of 4 x 8 for a block of eight threads, which fetch `bk` columns of A and rows of
/// B into shared memory in each turn of the loop that it gives.
Value gpu_product(Schedule& s, const Value& bk, bool together = true) {
  const auto loops = loops_of(s, "C");
  const List i = split(s, loops[0], {{}, 4}), j = split(s, loops[1], {{}, 8}),
             k = split(s, loops[2], {{}, bk});
  s.apply("reorder", {Value(List{i[0], j[0], k[0], i[1], j[1], k[1]})});
  s.apply("bind", {i[0], "blockIdx.y"});
  s.apply("bind", {j[0], "blockIdx.x"});
  for (const char* operand : {"A", "B"}) {
    s.apply("compute_at", {s.apply("cache_read", {s.block("C"), operand, "shared"})[0], k[0]});
    if (together) {
      fetch_together(s, std::string(operand) + "_shared", 3);
    } else {
      s.apply("bind", {loops_of(s, std::string(operand) + "_shared").back(), "threadIdx.x"});
    }
  }
  s.apply("bind", {j[1], "threadIdx.x"});
  return k[0];
}

const std::vector<std::array<int, 3>> kSizes = {{1, 1, 1}, {9, 13, 11}, {4, 8, 4}, {7, 16, 8}, {5, 4, 17}};

TEST(Pipeline, keeps_tiles_of_a_product_on_their_way_into_shared_memory) {
  for (const auto& [n, m, k] : kSizes)
    for (const int stages : {2, 3, 4}) {
      Schedule s(matmul_program(n, m, k));
      s.apply("pipeline", {gpu_product(s, 4), stages});
      expect_same_meaning(s);
    }
}

TEST(Pipeline, gives_buffers_a_version_a_stage_of_what_a_turn_touches) {
  Schedule s(matmul_program(9, 13, 11));
  const Value loop = gpu_product(s, 4);
  s.apply("pipeline", {loop, 3});
  const std::string text = text_of(s);
  EXPECT_THAT(text, HasSubstr("allocate A_shared: shared float32[3, 9, 4]"));
  EXPECT_THAT(text, HasSubstr("allocate B_shared: shared float32[3, 4, 13]"));
  EXPECT_THAT(text, HasSubstr("ordered for k_0 in 5 {pipeline = 3}"));
  EXPECT_THAT(text, HasSubstr("A_shared[vi1 // 4, vi0, vi1 % 4] = A[vi0, vi1]"));  // three turns in all
  EXPECT_THAT(text, HasSubstr("{async = 1}"));
  EXPECT_THAT(text, HasSubstr("2 <= k_0"));
  EXPECT_EQ(s.name_of(loop), "k_0");
  EXPECT_EQ(s.name_of(s.buffer("A_shared")), "A_shared");
}

TEST(Pipeline, takes_symbolic_sizes_and_tiles_of_parameters) {
  Schedule s(matmul_program(te::var("n", 1, 64), 13, te::var("k", 1, 64)));
  s.apply("pipeline", {gpu_product(s, Tunable{"bk", 1, 64}, false), 3});
  for (const int64_t n : {1, 7, 16})
    for (const int64_t k : {1, 2, 16, 23})
      for (const int64_t bk : {1, 4, 64}) expect_same_meaning(s, {{"n", n}, {"k", k}, {"bk", bk}});
}

TEST(Pipeline, runs_under_threads_bound_before_and_after) {
  for (const bool after : {false, true}) {
    Schedule s(matmul_program(9, 13, 11));
    const auto loops = loops_of(s, "C");
    const List i = split(s, loops[0], {{}, 4}), k = split(s, loops[2], {{}, 4});
    s.apply("reorder", {Value(List{i[0], k[0], i[1], loops[1], k[1]})});
    s.apply("compute_at", {s.apply("cache_read", {s.block("C"), "A", "shared"})[0], k[0]});
    if (after) s.apply("pipeline", {k[0], 2});
    s.apply("bind", {i[0], "blockIdx.x"});
    fetch_together(s, "A_shared", 2);
    s.apply("bind", {i[1], "threadIdx.x"});
    if (!after) s.apply("pipeline", {k[0], 2});
    expect_same_meaning(s);
  }
}

TEST(Pipeline, of_an_accumulator_in_registers_and_a_separate_init) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(matmul_program(n, m, k));
    const auto loops = loops_of(s, "C");
    const List i = split(s, loops[0], {{}, 4}), kk = split(s, loops[2], {{}, 4});
    s.apply("reorder", {Value(List{i[0], kk[0], i[1], loops[1], kk[1]})});
    s.apply("reverse_compute_at", {s.apply("cache_write", {s.block("C"), "local"})[0], i[0]});
    s.apply("compute_at", {s.apply("cache_read", {s.block("C"), "A", "shared"})[0], kk[0]});
    s.apply("decompose_reduction", {s.block("C"), kk[0]});
    s.apply("pipeline", {kk[0], 2});
    s.apply("bind", {i[0], "blockIdx.x"});
    expect_same_meaning(s);
  }
}

TEST(Pipeline, packs_panels_ahead_on_a_cpu) {
  const Var n = te::var("n", 1, 64);
  for (const bool parametric : {false, true}) {
    Schedule s(matmul_program(n, 13, 11));
    const auto loops = loops_of(s, "C");
    const List j = split(s, loops[1], {{}, parametric ? Value(Tunable{"nc", 1, 64}) : Value(6)}),
               k = split(s, loops[2], {{}, parametric ? Value(Tunable{"kc", 1, 64}) : Value(4)});
    s.apply("reorder", {Value(List{j[0], k[0], loops[0], j[1], k[1]})});
    const Value panel = s.apply("cache_read", {s.block("C"), "B", "global"})[0];
    s.apply("compute_at", {panel, k[0]});
    s.apply("pipeline", {k[0], 2});
    s.apply("parallel", {j[0]});
    for (const int64_t size : {1, 8, 13})
      for (const auto& [nc, kc] : std::vector<std::pair<int, int>>{{1, 1}, {4, 3}, {64, 64}})
        expect_same_meaning(s, {{"n", size}, {"nc", nc}, {"kc", kc}});
  }
}

TEST(Pipeline, of_no_turns_and_of_one) {
  for (const int n : {0, 1, 4, 9}) {
    Schedule s(chain_program(n, 5));
    const List i = split(s, loops_of(s, "scaled")[0], {{}, 4});
    s.apply("compute_at", {s.block("shifted"), i[0]});
    s.apply("pipeline", {i[0], 3});
    expect_same_meaning(s);
  }
  Schedule s(chain_program(te::var("n", 0, 64), 5));
  const List i = split(s, loops_of(s, "scaled")[0], {{}, Tunable{"rows", 1, 64}});
  s.apply("compute_at", {s.block("shifted"), i[0]});
  s.apply("pipeline", {i[0], 3});
  for (const int64_t n : {0, 1, 5, 12})
    for (const int64_t rows : {1, 4, 64}) expect_same_meaning(s, {{"n", n}, {"rows", rows}});
}

TEST(Pipeline, of_turns_whose_parts_overlap_counts_turns_in_an_axis) {
  for (const int n : {1, 5, 13}) {
    Schedule s(blur_program(n, 6));
    const List i = split(s, loops_of(s, "blurred")[0], {{}, 4});
    s.apply("compute_at", {s.block("across"), i[0]});
    s.apply("pipeline", {i[0], 2});
    if (n > 4) {
      EXPECT_THAT(text_of(s), HasSubstr("allocate across: float32[2, 6, 6]"));
      EXPECT_THAT(text_of(s), HasSubstr("vi_0: spatial"));
    }
    expect_same_meaning(s);
  }
}

TEST(Pipeline, starts_reductions_anew_in_each_turn) {
  for (const int h : {1, 5, 6}) {
    Schedule s(bottleneck_program(h, 4, 3, 5, 2));
    const auto row = loops_of(s, "projected")[0];
    s.apply("compute_at", {s.block("filtered"), row});
    s.apply("compute_at", {s.block("expanded"), row});
    s.apply("pipeline", {row, 2});
    expect_same_meaning(s);
  }
}

TEST(Pipeline, survives_what_comes_after_it) {
  Schedule s(matmul_program(9, 13, 11));
  const Value k = gpu_product(s, 4, false);
  s.apply("pipeline", {k, 2});
  const auto loops = loops_of(s, "C");
  s.apply("unroll", {loops.back()});
  s.apply("storage_align", {s.buffer("A_shared"), 1, 8, 1});
  split(s, k, {{}, 2});
  expect_same_meaning(s);
}

TEST(Pipeline, of_buffers_with_strides) {
  Schedule s(matmul_program(9, 13, 11));
  const Value k = gpu_product(s, 4, false);
  s.apply("storage_align", {s.buffer("A_shared"), 0, 8, 1});
  s.apply("pipeline", {k, 2});
  EXPECT_THAT(text_of(s), HasSubstr("float32[2, 9, 11] strides [147, 17, 1]"));
  expect_same_meaning(s);
}

TEST(Pipeline, of_stages_that_notes_choose) {
  for (const int stage : {1, 2}) {
    Schedule s(matmul_program(9, 13, 11));
    const Value k = gpu_product(s, 4, false);
    const Value local = s.apply("cache_read", {s.block("C"), "A_shared", "local"})[0];
    s.apply("annotate", {local, "pipeline_stage", stage});
    s.apply("pipeline", {k, 3});
    EXPECT_THAT(text_of(s),
                HasSubstr(stage == 1 ? "A_shared: shared float32[2," : "A_shared: shared float32[3,"));
    EXPECT_THAT(text_of(s), HasSubstr(stage == 1 ? "A_shared_local: local float32[2,"
                                                 : "A_shared_local: local float32[9,"));
    expect_same_meaning(s);
  }
}

/// A schedule of a text, the loop called k, and what pipelining it says.
struct FromText {
  Schedule s;
  Value loop;
  explicit FromText(const std::string& body)
      : s(parse_program("program p(A: in float32[8, 4], D: out float32[8, 4], S: inout float32[8, 4]):\n" +
                        body)) {
    for (const BlockRef block : s.blocks())
      for (const LoopRef candidate : s.loops(block))
        if (s.name_of(candidate) == "k") loop = candidate;
  }
  void apply(int stages) { s.apply("pipeline", {loop, stages}); }
  std::string error(int stages = 2) {
    return error_of([&] { apply(stages); });
  }
};

std::string block(int indent, const std::string& head, const std::string& reads, const std::string& writes,
                  const std::string& body) {
  const std::string space(static_cast<std::size_t>(indent), ' ');
  std::string text = space + "block " + head + ":\n";
  if (!reads.empty()) text += space + "  reads " + reads + "\n";
  return text + space + "  writes " + writes + "\n" + space + "  " + body + "\n";
}

const std::string kCopy = "      for i in 4:\n" + block(8, "copy#0(v: spatial(8) = k, w: spatial(4) = i)",
                                                        "A[v, w]", "T[w]", "T[w] = A[v, w]");
const std::string kUse = "      for i in 4:\n" + block(8, "use#1(v: spatial(8) = k, w: spatial(4) = i)",
                                                       "T[w]", "D[v, w]", "D[v, w] = T[w]");

TEST(Pipeline, leaves_time_for_asynchronous_copies) {
  // What lowering may make of three versions: a group a turn, and two may be under way.
  const Program lowered =
      parse_program(R"(program p(A: in float32[8, 4], D: out float32[8, 4], S: inout float32[8, 4]):
  allocate T: shared float32[3, 4]
  for x in bind(threadIdx.x, 4):
    ordered for k in 10:
      if k < 8:
        async_copy T[k % 3, x] = A[k, x] count 1
      async_commit
      async_wait 2
      barrier block
      if 2 <= k:
        D[k - 2, x] = T[(k - 2) % 3, x] + T[(k - 2) % 3, 3 - x]
      barrier block
)");
  FromText p("  for k in 8:\n    allocate T: shared float32[4]:\n" + kCopy + "      for i in 4:\n" +
             block(8, "use#1(v: spatial(8) = k, w: spatial(4) = i)", "T[w], T[3 - w]", "D[v, w]",
                   "D[v, w] = T[w] + T[3 - w]"));
  p.apply(3);
  EXPECT_THAT(text_of(p.s), HasSubstr("{async = 1}"));
  expect_same_meaning(p.s);
  expect_same_results(lowered, p.s.program());
}

TEST(Pipeline, of_a_buffer_that_every_turn_fills_anew) {
  FromText p("  for k in 8:\n    allocate T: float32[4]:\n" + kCopy + kUse);
  p.apply(3);
  EXPECT_THAT(text_of(p.s), HasSubstr("allocate T: float32[3, 4]"));
  expect_same_meaning(p.s);
}

TEST(Pipeline, draws_in_a_buffer_whose_parts_belong_to_turns) {
  FromText p(
      "  allocate T: float32[8, 4]\n  for k in 8:\n    seq:\n      for i in 4:\n" +
      block(8, "copy#0(v: spatial(8) = k, w: spatial(4) = i)", "A[v, w]", "T[v, w]", "T[v, w] = A[v, w]") +
      "      for i in 4:\n" +
      block(8, "use#1(v: spatial(8) = k, w: spatial(4) = i)", "T[v, w]", "D[v, w]", "D[v, w] = T[v, w]"));
  p.apply(2);
  EXPECT_THAT(text_of(p.s), HasSubstr("allocate T: float32[2, 1, 4]"));
  expect_same_meaning(p.s);
}

TEST(Pipeline, of_loops_whose_extent_follows_the_turn) {
  FromText p("  for k in 4:\n    allocate T: float32[4]\n    for i in k + 1:\n" +
             block(6, "copy#0(v: spatial(4) = k, w: spatial(4) = i)", "A[v, w]", "T[w]", "T[w] = A[v, w]") +
             "    for i in 3 - k:\n" +
             block(6, "zero#2(v: spatial(4) = k, w: spatial(4) = k + 1 + i)", "", "T[w]", "T[w] = 0.0f32") +
             "    for i in k + 1:\n" +
             block(6, "use#1(v: spatial(4) = k, w: spatial(4) = i)", "S[v, w], T[w]", "S[v, w]",
                   "S[v, w] = S[v, w] + T[w]"));
  p.apply(3);
  EXPECT_NO_THROW(verify(p.s.program(), Stage::kSchedule));
  EXPECT_THAT(text_of(p.s), HasSubstr("for i_2 in max("));
}

TEST(Pipeline, refuses_fewer_than_two_stages_and_loops_that_are_not_serial) {
  FromText p("  for k in 8:\n    allocate T: float32[4]:\n" + kCopy + kUse);
  EXPECT_THAT(p.error(1), HasSubstr("pipeline(k, 1): a pipeline has at least 2 stages, not 1"));
  p.s.apply("parallel", {p.loop});
  EXPECT_THAT(p.error(), HasSubstr("loop k is already parallel"));
}

TEST(Pipeline, refuses_a_loop_in_which_nothing_can_run_ahead) {
  Schedule s(matmul_program(5, 6, 7));
  const std::string message = error_of([&] { s.apply("pipeline", {loops_of(s, "C")[2], 2}); });
  EXPECT_THAT(message,
              HasSubstr("pipeline(k, 2): no statement of loop k fills a buffer of its turn alone that a "
                        "later statement reads, so none can run ahead; cache_read and compute_at put a "
                        "copy into the loop"));
}

TEST(Pipeline, refuses_to_overwrite_rows_that_roll) {
  Schedule s(blur_program(9, 6));
  const auto row = loops_of(s, "blurred")[0];
  s.apply("compute_at", {s.block("across"), row});
  s.apply("rolling_buffer", {"across", row});
  s.apply("annotate", {s.block("across"), "pipeline_stage", 0});
  EXPECT_THAT(
      error_of([&] {
        s.apply("pipeline", {row, 2});
      }),
      HasSubstr("block blurred reads elements of buffer across that block across writes one turn later, and "
                "block across would now come first; only buffers that live in one turn of the loop get "
                "versions"));
}

TEST(Pipeline, refuses_to_read_ahead_what_later_stages_write) {
  const std::string copy = "      for i in 4:\n" + block(8, "copy#0(v: spatial(8) = k, w: spatial(4) = i)",
                                                         "S[v // 2, w]", "T[w]", "T[w] = S[v // 2, w]");
  const std::string use = "      for i in 4:\n" + block(8, "use#1(v: spatial(8) = k, w: spatial(4) = i)",
                                                        "T[w]", "S[v, w]", "S[v, w] = T[w]");
  FromText p("  for k in 8:\n    allocate T: float32[4]:\n" + copy + use);
  // By itself, the copy is no producer: it reads what the loop changes.
  EXPECT_THAT(p.error(), HasSubstr("none can run ahead"));
  p.s.apply("annotate", {p.s.block("copy"), "pipeline_stage", 0});
  EXPECT_THAT(p.error(3),
              HasSubstr("block use writes elements of buffer S that block copy reads one turn later"));
}

TEST(Pipeline, accepts_distances_that_the_stages_do_not_reach) {
  // What a turn writes is read four turns later.
  const std::string copy = "      for i in 4:\n" + block(8, "copy#0(v: spatial(4) = k, w: spatial(4) = i)",
                                                         "S[v, w]", "T[w]", "T[w] = S[v, w]");
  const std::string use = "      for i in 4:\n" + block(8, "use#1(v: spatial(4) = k, w: spatial(4) = i)",
                                                        "T[w]", "S[v + 4, w]", "S[v + 4, w] = T[w]");
  FromText p("  for k in 4:\n    allocate T: float32[4]:\n" + copy + use);
  p.s.apply("annotate", {p.s.block("copy"), "pipeline_stage", 0});
  p.apply(3);
  EXPECT_NO_THROW(verify(p.s.program(), Stage::kSchedule));
}

TEST(Pipeline, refuses_what_runs_ahead_from_behind) {
  // The second filling of T would come before its first reader.
  const std::string again =
      "      for i in 4:\n" + block(8, "again#2(w: spatial(4) = i)", "", "T[w]", "T[w] = 1.0f32");
  const std::string more = "      for i in 4:\n" + block(8, "more#3(v: spatial(8) = k, w: spatial(4) = i)",
                                                         "T[w]", "S[v, w]", "S[v, w] = T[w]");
  FromText p("  for k in 8:\n    allocate T: float32[4]:\n" + kCopy + kUse + again + more);
  EXPECT_THAT(p.error(),
              HasSubstr("block use reads elements of buffer T that block again writes later in the turn, "
                        "and block again would now come first; move the block that runs ahead to the "
                        "front of the loop"));
}

TEST(Pipeline, refuses_statements_outside_of_blocks) {
  FromText p("  for k in 8:\n    allocate T: float32[4]:\n" + kCopy +
             "      if k < 3:\n        for i in 4:\n" +
             block(10, "use#1(v: spatial(8) = k, w: spatial(4) = i)", "T[w]", "D[v, w]", "D[v, w] = T[w]"));
  EXPECT_THAT(p.error(),
              HasSubstr("this stands in loop k outside of blocks, and turns in which its stage has nothing "
                        "to do cannot leave it out; only blocks in plain loops run in stages"));
}

TEST(Pipeline, refuses_notes_that_are_no_stage) {
  FromText p("  for k in 8:\n    allocate T: float32[4]:\n" + kCopy + kUse);
  p.s.apply("annotate", {p.s.block("copy"), "pipeline_stage", 2});
  EXPECT_THAT(p.error(), HasSubstr("the note pipeline_stage of block copy is no stage from 0 to 1"));
  p.s.apply("annotate", {p.s.block("copy"), "pipeline_stage", "first"});
  EXPECT_THAT(p.error(), HasSubstr("the note pipeline_stage of block copy is no stage from 0 to 1"));
  FromText both(
      "  for k in 8:\n    allocate T: float32[4]\n    for i in 4:\n" +
      block(6, "copy#0(v: spatial(8) = k, w: spatial(4) = i)", "A[v, w]", "T[w]", "T[w] = A[v, w]") +
      block(6, "use#1(v: spatial(8) = k, w: spatial(4) = i)", "T[w]", "D[v, w]", "D[v, w] = T[w]"));
  both.s.apply("annotate", {both.s.block("copy"), "pipeline_stage", 0});
  both.s.apply("annotate", {both.s.block("use"), "pipeline_stage", 1});
  EXPECT_THAT(both.error(),
              HasSubstr("block use is noted for stage 1, and another block of its statement for stage 0"));
}

TEST(Pipeline, refuses_fragments) {
  const std::string copy = "      for i in 4:\n" + block(8, "copy#0(v: spatial(8) = k, w: spatial(4) = i)",
                                                         "A[v, w]", "T[w]", "T[w] = A[v, w]");
  FromText p("  for k in 8:\n    allocate T: fragment float32[4] lanes (e) -> (e % 32, e // 32):\n" + copy +
             kUse);
  EXPECT_THAT(p.error(),
              HasSubstr("buffer T is a fragment, laid out over the lanes of a warp; it has no versions"));
}

TEST(Pipeline, refuses_a_reduction_that_does_not_know_its_turn) {
  FromText p("  for k in 8:\n    allocate T: float32[4]:\n" + kCopy + R"(      for i in 4:
        block sum#1(v: spatial(1) = 0, r: reduce(4) = i):
          reads T[r]
          writes D[v, v]
          reducer sum(float32)
          init:
            D[v, v] = 0.0f32
          D[v, v] = D[v, v] + T[r]
)");
  EXPECT_THAT(p.error(),
              HasSubstr("block sum cannot tell from its axes in which turn of loop k it runs, so it does not "
                        "know its version of buffer T; decompose_reduction takes the init away that stands "
                        "against an axis for the turn"));
}

}  // namespace
}  // namespace tw::schedule
