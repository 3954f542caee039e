// Schedules of what online_softmax makes: attention without a matrix of scores.
#include <gmock/gmock.h>

#include "codegen/pass.h"
#include "ir/visit.h"
#include "schedule/attention_programs.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"

namespace tw::codegen {
namespace {

using namespace tw::schedule;

void expect_close(const Schedule& s, const std::map<std::string, int64_t>& values = {}) {
  expect_close_meaning(s, values, 2e-6);
}

/// Attention by tiles of rows: in each, one pass over chunks of keys.
void schedule_attention(Schedule& s, const Value& rows, const Value& chunk) {
  online(s, "out", chunk);
  const auto split = [&](const Value& loop, const Value& by) {
    return *s.apply("split", {loop, Value(List{Value(), by})})[0].get_if<List>();
  };
  const auto loops = loops_of(s, "product_online");
  const List i = split(loops[0], rows);
  s.apply("reorder", {Value(List{i[0], loops[2], i[1], loops[1]})});
  for (const char* block : {"product_part", "total_part", "exp_part", "highest_part", "scaled", "score"})
    s.apply("compute_at", {s.block(block), loops[2]});
  s.apply("reverse_compute_at", {s.block("out"), i[0]});
  s.apply("parallel", {i[0]});
}

Program compacted(const Schedule& s) {
  return lower(s.program(), {.verify_each = true, .stop_after = "compact_allocations"}).program;
}

std::vector<Buffer> allocated(const Program& program) {
  std::vector<Buffer> buffers;
  for_each_node(program->body, [&](const Node* node) {
    if (const auto* allocation = as<Allocate>(node)) buffers.push_back(allocation->buffer);
  });
  return buffers;
}

TEST(OnlineSoftmaxSchedule, schedules_to_attention_without_a_matrix_of_scores) {
  for (const auto& [n, m, d] : std::vector<std::tuple<int, int, int>>{
           {1, 1, 1}, {7, 7, 3}, {13, 13, 5}, {16, 16, 4}, {31, 29, 2}, {64, 61, 3}}) {
    Schedule s(causal_attention(n, m, d));
    schedule_attention(s, 4, 8);
    expect_close(s);
    const Program compact = compacted(s);
    const auto got = results_of(compact, normal_data())[0], want = results_of(s.program(), normal_data())[0];
    EXPECT_EQ(got, want);
    for (const Buffer& buffer : allocated(compact)) {
      int64_t elements = 1;
      for (const Expr& extent : buffer->shape) elements *= as_int(extent).value_or(n * m);
      EXPECT_LE(elements, 4 * std::max(8, d)) << buffer->name.text;
    }
  }
}

TEST(OnlineSoftmaxSchedule, schedules_to_attention_with_tiles_of_parameters) {
  const Var n = te::var("n", 1, 512), m = te::var("m", 1, 512);
  Schedule s(causal_attention(n, m, 3));
  schedule_attention(s, Tunable{"rows", 1, 512}, Tunable{"chunk", 1, 512});
  const Program compact = compacted(s);
  for (const Buffer& buffer : allocated(compact))
    for (const Expr& extent : buffer->shape)
      EXPECT_FALSE(uses_var(extent, n) || uses_var(extent, m)) << buffer->name.text;
  for (const auto& [rows, columns] : std::vector<std::pair<int, int>>{{1, 1}, {7, 5}, {13, 16}, {17, 31}})
    for (const auto& [tile, chunk] : std::vector<std::pair<int, int>>{{1, 4}, {4, 8}, {16, 5}, {64, 64}}) {
      const std::map<std::string, int64_t> values = {
          {"n", rows}, {"m", columns}, {"rows", tile}, {"chunk", chunk}};
      expect_close(s, values);
      EXPECT_EQ(results_of(compact, normal_data(), values), results_of(s.program(), normal_data(), values));
    }
}

TEST(OnlineSoftmaxSchedule, schedules_with_rows_that_may_be_empty) {
  const Var n = te::var("n"), m = te::var("m");
  Schedule s(causal_attention(n, m, 3));
  schedule_attention(s, 4, 8);
  for (const auto& [rows, columns] : std::vector<std::pair<int, int>>{{0, 3}, {1, 1}, {7, 5}, {13, 16}})
    expect_close(s, {{"n", rows}, {"m", columns}});
}

TEST(OnlineSoftmaxSchedule, splits_the_chunks_among_threads) {
  for (const int m : {7, 29, 64}) {
    Schedule s(attend_scores(5, m, 3, AttentionForm::kBlocks));
    online(s, "out", 4);
    const auto loops = loops_of(s, "product_online");
    const List c = *s.apply("split", {loops[2], Value(List{Value(3), Value()})})[0].get_if<List>();
    s.apply("rfactor", {c[0], 0});
    s.apply("reorder", {Value(List{c[0], loops[0], loops[1], c[1]})});
    s.apply("parallel", {c[0]});
    expect_close(s);
  }
}

TEST(OnlineSoftmaxSchedule, leaves_the_parts_to_be_inlined) {
  for (const int m : {7, 16}) {
    Schedule s(softmax_program(5, m));
    online(s, "softmax", 4);
    s.apply("compute_inline", {s.block("exp_part")});
    expect_close(s);
  }
}

TEST(OnlineSoftmaxSchedule, replays_on_other_sizes) {
  Schedule s(causal_attention(16, 16, 4));
  schedule_attention(s, 4, 8);
  const Trace trace = Trace::from_json(s.trace().to_json());
  for (const auto& [n, m, d] : std::vector<std::tuple<int, int, int>>{{13, 11, 3}, {1, 1, 1}, {5, 40, 2}})
    expect_close(Schedule::replay(causal_attention(n, m, d), trace));
  EXPECT_THAT(error_of([&] { Schedule::replay(matmul_program(5, 3, 7), trace); }),
              testing::HasSubstr("step"));
}

}  // namespace
}  // namespace tw::codegen
