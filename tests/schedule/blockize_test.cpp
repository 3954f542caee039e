// blockize: blocks that hold loops and blocks, and what steps do with them.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<std::array<int, 3>> kSizes = {{1, 1, 1}, {5, 7, 3}, {13, 11, 17}, {16, 12, 8}};

Value blockize(Schedule& s, const Value& loop) {
  return s.apply("blockize", {loop})[0];
}

/// The product with tiles of all loops: i_0, j_0, k_0, i_1, j_1, k_1.
List tiled(Schedule& s) {
  const auto loops = loops_of(s, "C");
  return *s.apply("tile", {Value(List{loops[0], loops[1], loops[2]}), Value(List{4, 3, 2})})[0]
              .get_if<List>();
}

TEST(Blockize, makes_one_block_of_a_nest) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(matmul_program(n, m, k));
    const auto loops = loops_of(s, "C");
    const Value tile = blockize(s, loops[2]);
    EXPECT_EQ(s.name_of(tile), "C_tile");
    EXPECT_EQ(s.loops(*tile.get_if<BlockRef>()).size(), 2U);
    EXPECT_EQ(s.loops(s.block("C")).size(), 3U);
    EXPECT_EQ(s.blocks().size(), 2U);
    expect_same_meaning(s);
  }
}

TEST(Blockize, moves_the_init_out_where_the_tile_holds_a_part_of_the_reduction) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(matmul_program(n, m, k));
    const List loops = tiled(s);
    blockize(s, loops[3]);
    EXPECT_THAT(text_of(s), HasSubstr("block C_init"));
    EXPECT_THAT(text_of(s), HasSubstr("vk_0: reduce("));
    expect_same_meaning(s);
  }
}

TEST(Blockize, of_the_outermost_loop_has_no_axis) {
  Schedule s(matmul_program(5, 7, 3));
  const Value tile = blockize(s, loops_of(s, "C")[0]);
  EXPECT_TRUE(s.loops(*tile.get_if<BlockRef>()).empty());
  expect_same_meaning(s);
}

TEST(Blockize, of_symbolic_sizes_and_parameters) {
  const Var n = te::var("n", 0, 64);
  Schedule s(matmul_program(n, 7, 5));
  const auto loops = loops_of(s, "C");
  const List made = *s.apply("tile", {Value(List{loops[0], loops[1], loops[2]}),
                                      Value(List{Tunable{"mc", 1, 64}, 4, Tunable{"kc", 1, 64}})})[0]
                         .get_if<List>();
  blockize(s, made[3]);
  for (const int64_t size : {0, 1, 7, 16})
    for (const int64_t mc : {1, 4, 64})
      for (const int64_t kc : {1, 2, 64}) expect_same_meaning(s, {{"n", size}, {"mc", mc}, {"kc", kc}});
}

TEST(Blockize, of_several_blocks_and_what_they_allocate) {
  for (const auto& [n, m] : std::vector<std::pair<int, int>>{{1, 1}, {5, 7}, {12, 8}}) {
    Schedule s(blur_program(n, m));
    const auto loops = loops_of(s, "blurred");
    const List i = split(s, loops[0], {{}, 4});
    s.apply("compute_at", {s.block("across"), i[0]});
    const Value tile = blockize(s, i[0]);
    EXPECT_EQ(s.name_of(tile), "blurred_tile");
    expect_same_meaning(s);
  }
}

TEST(Blockize, leaves_the_loops_inside_to_be_changed_among_themselves) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(matmul_program(n, m, k));
    const List loops = tiled(s);
    blockize(s, loops[3]);
    const List k_1 = split(s, loops[5], {{}, 2});
    s.apply("reorder", {Value(List{k_1[1], loops[4]})});
    const List j_1 = split(s, loops[4], {{}, 2});
    s.apply("vectorize", {j_1[1]});
    s.apply("unroll", {k_1[1]});
    s.apply("loop_partition", {loops[3], List{{}, 1}});
    s.apply("parallel", {loops[0]});
    s.apply("fuse", {Value(List{loops[1], loops[2]})});
    expect_same_meaning(s);
  }
}

TEST(Blockize, then_loops_around_are_changed_as_ever) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(matmul_program(n, m, k));
    const List loops = tiled(s);
    s.apply("decompose_reduction", {s.block("C"), loops[2]});
    blockize(s, loops[3]);
    s.apply("reorder", {Value(List{loops[1], loops[0]})});
    split(s, loops[2], {{}, 2});
    s.apply("loop_partition", {loops[0], List{1, {}}});
    expect_same_meaning(s);
  }
}

TEST(Blockize, of_consumers_keeps_conditions_inside) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(dense_program(n, m, k));
    const auto loops = loops_of(s, "result");
    const List made =
        *s.apply("tile", {Value(List{loops[0], loops[1]}), Value(List{4, 5})})[0].get_if<List>();
    blockize(s, made[2]);
    s.apply("compute_at", {s.block("product"), made[1]});
    expect_same_meaning(s);
  }
}

TEST(Blockize, refuses_extents_that_depend_on_loops) {
  Schedule s(parse_program(R"(program triangle(A: inout float32[8, 8, 8]):
  for i in 8:
    for j in i + 1:
      for k in 8:
        block B#0(vi: spatial(8) = i, vj: spatial(8) = j, vk: spatial(8) = k):
          writes A[vi, vj, vk]
          A[vi, vj, vk] = 1.0f32
)"));
  const std::string message = error_of([&] { blockize(s, loops_of(s, "B")[2]); });
  EXPECT_THAT(message, HasSubstr("blockize(k): loop j has i + 1 turns, which depends on loop i"));
  EXPECT_THAT(message, HasSubstr("here"));
}

TEST(Blockize, refuses_loops_bound_to_a_gpu_index) {
  Schedule s(matmul_program(5, 7, 3));
  const auto loops = loops_of(s, "C");
  s.apply("bind", {loops[1], "threadIdx.x"});
  EXPECT_THAT(error_of([&] { blockize(s, loops[1]); }), HasSubstr("loop j is bound to threadIdx.x"));
}

TEST(Blockize, refuses_an_init_whose_points_cannot_be_told) {
  Schedule fused(matmul_program(5, 7, 3));
  const auto loops = loops_of(fused, "C");
  const Value j_k = fused.apply("fuse", {Value(List{loops[1], loops[2]})})[0];
  const List parts = split(fused, j_k, {{}, 2});
  EXPECT_THAT(error_of([&] { blockize(fused, parts[1]); }), HasSubstr("does not drive its reduction alone"));

  Schedule inside(matmul_program(5, 6, 6));
  const auto of = loops_of(inside, "C");
  const List k = split(inside, of[2], {{}, 2});
  inside.apply("reorder", {Value(List{k[0], of[1], k[1]})});
  const Value both = inside.apply("fuse", {Value(List{of[1], k[1]})})[0];
  EXPECT_THAT(error_of([&] { blockize(inside, both); }), HasSubstr("drives both spatial and reduction axes"));
}

TEST(Blockize, refuses_a_part_of_a_reduction_that_others_read) {
  // The consumer runs in every turn of k, on what has been summed so far.
  Schedule s(parse_program(R"(program partial(A: in float32[6, 8], S: inout float32[8], P: out float32[6, 8]):
  for k in 6:
    for i in 8:
      block S#0(vi: spatial(8) = i, vk: reduce(6) = k):
        reads A[vk, vi]
        writes S[vi]
        reducer sum(float32)
        init:
          S[vi] = 0.0f32
        S[vi] = S[vi] + A[vk, vi]
      block P#1(vi: spatial(8) = i, vk: spatial(6) = k):
        reads S[vi]
        writes P[vk, vi]
        P[vk, vi] = S[vi]
)"));
  EXPECT_THAT(
      error_of([&] { blockize(s, loops_of(s, "S")[1]); }),
      HasSubstr("block P uses buffer S in the tile, which holds only a part of the reduction of block S"));
}

TEST(NestedBlocks, keep_the_order_of_what_is_carried_inside) {
  Schedule s(parse_program(R"(program skewed(A: inout float32[9, 10], n: size in [1, 4]):
  for t in n:
    for i in 8:
      for j in 9:
        block B#0(vt: ordered(n) = t, vi: spatial(8) = i, vj: spatial(9) = j):
          reads A[vi, vj + 1]
          writes A[vi + 1, vj]
          A[vi + 1, vj] = A[vi, vj + 1] + 1.0f32
)"));
  const auto loops = loops_of(s, "B");
  blockize(s, loops[1]);
  EXPECT_THAT(error_of([&] {
                s.apply("tile", {Value(List{loops[1], loops[2]}), Value(List{4, 3})});
              }),
              HasSubstr("the turns of loop i_1 must run as they stand"));
  EXPECT_THAT(error_of([&] {
                s.apply("reorder", {Value(List{loops[2], loops[1]})});
              }),
              HasSubstr("the turns of loop i must run as they stand"));
  EXPECT_THAT(error_of([&] { s.apply("parallel", {loops[1]}); }), HasSubstr("the turns of loop i cannot"));
}

TEST(NestedBlocks, are_refused_by_steps_that_take_plain_ones) {
  Schedule s(matmul_program(8, 6, 4));
  const List loops = tiled(s);
  const Value tile = blockize(s, loops[3]);
  const std::string before = text_of(s);
  EXPECT_THAT(
      error_of([&] { s.apply("compute_inline", {tile}); }),
      HasSubstr(
          "compute_inline(C_tile): block C_tile holds blocks, and compute_inline takes plain ones; do this "
          "before blockize"));
  EXPECT_THAT(
      error_of([&] {
        s.apply("bind", {loops[3], "threadIdx.x"});
      }),
      HasSubstr("bind(i_1, 'threadIdx.x'): loop i_1 stands in block C_tile, which is one whole for bind"));
  EXPECT_THAT(error_of([&] {
                s.apply("cache_write", {s.block("C"), "local"});
              }),
              HasSubstr("block C stands in block C_tile, which is one whole for cache_write"));
  EXPECT_THAT(error_of([&] { blockize(s, loops[5]); }), HasSubstr("loop k_1 stands in block C_tile"));
  EXPECT_THAT(error_of([&] {
                s.apply("reorder", {Value(List{loops[3], loops[2]})});
              }),
              HasSubstr("do not stand directly in each other"));
  EXPECT_EQ(text_of(s), before);
}

/// Values that an argument may have.
std::vector<Value> values_for(Schedule& s, const ArgSpec& spec) {
  std::vector<Value> loops, blocks;
  for (const BlockRef block : s.blocks()) {
    blocks.emplace_back(block);
    for (const LoopRef loop : s.loops(block))
      if (std::find(loops.begin(), loops.end(), Value(loop)) == loops.end()) loops.emplace_back(loop);
  }
  switch (spec.kind) {
    case ArgKind::kLoop: return loops;
    case ArgKind::kLoops:
      for (Value& loop : loops) loop = List{loop};
      return loops;
    case ArgKind::kBlock: return blocks;
    case ArgKind::kBuffer: return {"shifted", "product", "across"};
    case ArgKind::kRead:
    case ArgKind::kInt: return {0};
    case ArgKind::kText: return {"local", "threadIdx.x"};
    case ArgKind::kExtent: return {2};
    case ArgKind::kExtents: return {List{{}, 2}, List{2}};
    case ArgKind::kIndexMap: return {"(i, j) -> (j, i)"};
    default: return {spec.default_value};
  }
}

std::vector<std::vector<Value>> calls_of(Schedule& s, const Primitive& primitive) {
  std::vector<std::vector<Value>> calls = {{}};
  for (const ArgSpec& spec : primitive.args) {
    std::vector<std::vector<Value>> longer;
    for (const auto& call : calls)
      for (const Value& value : values_for(s, spec)) {
        longer.push_back(call);
        longer.back().push_back(value);
      }
    calls = std::move(longer);
  }
  return calls;
}

/// Every primitive on every loop and block, with arguments that often fit: what is not refused computes the
/// same.
void expect_nothing_goes_wrong(const Program& program, const std::function<void(Schedule&)>& steps,
                               std::map<std::string, int>& accepted) {
  Schedule start(program);
  steps(start);
  expect_same_meaning(start);
  for (const Primitive* primitive : primitives())
    for (const std::vector<Value>& call : calls_of(start, *primitive)) {
      Schedule s = start;
      try {
        s.apply(primitive->name, call);
      } catch (const UserError&) {
        continue;
      }
      SCOPED_TRACE(primitive->name + "\n" + text_of(start));
      expect_same_meaning(s);
      ++accepted[primitive->name];
    }
}

TEST(NestedBlocks, make_no_step_compute_something_else) {
  std::map<std::string, int> accepted;
  expect_nothing_goes_wrong(
      chain_program(4, 6), [](Schedule& s) { blockize(s, loops_of(s, "scaled")[1]); }, accepted);
  expect_nothing_goes_wrong(
      chain_program(4, 6), [](Schedule& s) { blockize(s, loops_of(s, "shifted")[0]); }, accepted);
  expect_nothing_goes_wrong(
      dense_program(3, 4, 4),
      [](Schedule& s) {
        const auto loops = loops_of(s, "product");
        const List k = split(s, loops[2], {{}, 2});
        s.apply("reorder", {Value(List{k[0], loops[1]})});
        blockize(s, loops[1]);
      },
      accepted);
  expect_nothing_goes_wrong(
      dense_program(3, 4, 4), [](Schedule& s) { blockize(s, loops_of(s, "product")[2]); }, accepted);
  expect_nothing_goes_wrong(
      blur_program(4, 3),
      [](Schedule& s) {
        const List i = split(s, loops_of(s, "blurred")[0], {{}, 2});
        blockize(s, i[1]);
      },
      accepted);
  for (const char* name : {"split", "parallel", "vectorize", "unroll", "loop_partition", "compute_at",
                           "set_scope", "compute_inline", "cache_read"})
    EXPECT_GT(accepted[name], 0) << name;
}

}  // namespace
}  // namespace tw::schedule
