// reverse_compute_inline: an elementwise block folded into the blocks that write what it reads.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "te/math.h"
#include "te/pieces.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;
using Point = std::vector<Var>;

te::Tensor input(const std::vector<te::Value>& shape, const std::string& name) {
  return te::placeholder(shape, kFloat32, name);
}

te::Tensor tripled(const te::Tensor& a, const std::vector<te::Value>& shape) {
  return te::compute(shape,
                     [&](const Point& p) -> te::Value {
                       return te::multiply(a({p[0], p[1]}), 3.0);
                     },
                     "T", {"i", "j"});
}

TEST(ReverseComputeInline, puts_the_reader_into_its_producer) {
  Schedule s(chain_program(5, 7));
  s.apply("reverse_compute_inline", {s.block("scaled")});
  EXPECT_THAT(text_of(s), HasSubstr("block shifted#0"));
  EXPECT_THAT(text_of(s), HasSubstr("scaled[vi, vj] = max("));
  EXPECT_THAT(text_of(s), Not(HasSubstr("alloc")));
  EXPECT_EQ(s.blocks().size(), 1u);
  expect_same_meaning(s);
}

TEST(ReverseComputeInline, of_symbolic_sizes_and_tiles) {
  const Var n = te::var("n", 0, 64);
  Schedule s(chain_program(n, 7));
  s.apply("split", {loops_of(s, "shifted")[0], List{{}, Tunable{"mc", 1, 64}}});
  s.apply("split", {loops_of(s, "scaled")[1], List{{}, 4}});
  s.apply("reverse_compute_inline", {s.block("scaled")});
  for (const int64_t size : {0, 1, 9})
    for (const int64_t mc : {1, 4, 20}) expect_same_meaning(s, {{"n", size}, {"mc", mc}});
}

TEST(ReverseComputeInline, follows_transposed_and_reshaped_reads) {
  const auto a = input({6, 4}, "A");
  const auto t = tripled(a, {6, 4});
  Schedule transposed(te::first_program({te::compute({4, 6},
                                                     [&](const Point& p) -> te::Value {
                                                       return te::add(t({p[1], p[0]}), 1.0);
                                                     },
                                                     "Y", {"i", "j"})}));
  transposed.apply("reverse_compute_inline", {transposed.block("Y")});
  EXPECT_THAT(text_of(transposed), HasSubstr("Y[vj, vi] ="));
  expect_same_meaning(transposed);
  Schedule flat(te::first_program(
      {te::compute({24},
                   [&](const Point& p) -> te::Value {
                     return te::add(t({te::floor_divide(p[0], 4), te::remainder(p[0], 4)}), 1.0);
                   },
                   "Y", {"i"})}));
  flat.apply("reverse_compute_inline", {flat.block("Y")});
  EXPECT_THAT(text_of(flat), HasSubstr("Y[vi * 4 + vj] ="));
  expect_same_meaning(flat);
}

TEST(ReverseComputeInline, computes_a_value_that_is_used_twice_once) {
  const auto a = input({6, 4}, "A");
  const auto t = tripled(a, {6, 4});
  Schedule s(te::first_program({te::compute({6, 4},
                                            [&](const Point& p) -> te::Value {
                                              return te::multiply(t({p[0], p[1]}), t({p[0], p[1]}));
                                            },
                                            "Y", {"i", "j"})}));
  s.apply("reverse_compute_inline", {s.block("Y")});
  EXPECT_THAT(text_of(s), HasSubstr("x * x"));
  expect_same_meaning(s);
}

TEST(ReverseComputeInline, folds_into_every_writer) {
  const auto a = input({9}, "A");
  const auto parts = te::pieces(
      {9},
      {{[](const Point& p) -> te::Value { return te::less(p[0], 4); },
        [&](const Point& p) -> te::Value { return te::multiply(a({p[0]}), 2.0); }},
       {te::PointFunction(), [&](const Point& p) -> te::Value { return te::negative(a({p[0]})); }}},
      "P", {"i"});
  Schedule s(te::first_program({te::compute(
      {9}, [&](const Point& p) -> te::Value { return te::maximum(parts({p[0]}), 0.0); }, "Y", {"i"})}));
  s.apply("reverse_compute_inline", {s.block("Y")});
  EXPECT_EQ(s.blocks().size(), 2u);
  EXPECT_THAT(text_of(s), Not(HasSubstr("P[")));
  expect_same_meaning(s);
}

TEST(ReverseComputeInline, takes_what_cache_write_made_back) {
  Schedule s(chain_program(5, 7));
  const auto out = s.apply("cache_write", {s.block("scaled"), "local"})[0];
  s.apply("reverse_compute_inline", {out});
  EXPECT_EQ(text_of(s), to_text(s.first_program()));
  expect_same_meaning(s);
}

TEST(ReverseComputeInline, takes_hints_at_the_buffer_with_it) {
  Schedule s(chain_program(5, 7));
  s.apply("prefetch", {s.block("scaled"), "shifted", loops_of(s, "scaled")[0], 1});
  s.apply("reverse_compute_inline", {s.block("scaled")});
  EXPECT_THAT(text_of(s), Not(HasSubstr("prefetch")));
  expect_same_meaning(s);
}

TEST(ReverseComputeInline, refuses_reductions) {
  Schedule s(matmul_program(5, 7, 3));
  const auto out = s.apply("cache_write", {s.block("C"), "local"})[0];
  const std::string before = text_of(s);
  const std::string message = error_of([&] { s.apply("reverse_compute_inline", {out}); });
  EXPECT_THAT(message, HasSubstr("reverse_compute_inline(C_out)"));
  EXPECT_THAT(message,
              HasSubstr("block C reduces into C_local, whose value is final after the last turn only"));
  EXPECT_THAT(message, HasSubstr("reverse_compute_at"));
  EXPECT_THAT(message, HasSubstr("here"));
  EXPECT_EQ(text_of(s), before);
  EXPECT_THAT(error_of([&] { s.apply("reverse_compute_inline", {s.block("C")}); }),
              HasSubstr("without a reduction"));
}

TEST(ReverseComputeInline, refuses_reads_that_leave_elements_out_or_repeat_them) {
  const auto a = input({6, 4}, "A");
  const auto t = tripled(a, {6, 4});
  Schedule part(te::first_program({te::compute({3, 4},
                                               [&](const Point& p) -> te::Value {
                                                 return te::add(t({p[0], p[1]}), 1.0);
                                               },
                                               "Y", {"i", "j"})}));
  EXPECT_THAT(error_of([&] { part.apply("reverse_compute_inline", {part.block("Y")}); }),
              HasSubstr("block Y does not read each element of T once"));
  Schedule stencil(
      te::first_program({te::compute({5, 4},
                                     [&](const Point& p) -> te::Value {
                                       return te::add(t({p[0], p[1]}), t({te::add(p[0], 1), p[1]}));
                                     },
                                     "Y", {"i", "j"})}));
  EXPECT_THAT(error_of([&] { stencil.apply("reverse_compute_inline", {stencil.block("Y")}); }),
              HasSubstr("block Y reads T at different subscripts, vi and vi + 1"));
}

TEST(ReverseComputeInline, refuses_what_others_read_too) {
  const auto a = input({6, 4}, "A");
  const auto t = tripled(a, {6, 4});
  const auto plus = [&](const char* name) {
    return te::compute({6, 4},
                       [&](const Point& p) -> te::Value {
                         return te::add(t({p[0], p[1]}), 1.0);
                       },
                       name, {"i", "j"});
  };
  Schedule s(te::first_program({plus("X"), plus("Y")}));
  EXPECT_THAT(error_of([&] { s.apply("reverse_compute_inline", {s.block("Y")}); }),
              HasSubstr("T is also read by block X"));
}

TEST(ReverseComputeInline, refuses_inputs_that_come_later) {
  const auto a = input({6, 4}, "A");
  const auto t = tripled(a, {6, 4});
  const auto late = te::compute({6, 4},
                                [&](const Point& p) -> te::Value {
                                  return te::add(a({p[0], p[1]}), 1.0);
                                },
                                "L", {"i", "j"});
  const auto y = te::compute({6, 4},
                             [&](const Point& p) -> te::Value {
                               return te::add(t({p[0], p[1]}), late({p[0], p[1]}));
                             },
                             "Y", {"i", "j"});
  Schedule s(te::first_program({t, y}));
  EXPECT_THAT(error_of([&] { s.apply("reverse_compute_inline", {s.block("L")}); }),
              HasSubstr("reads no buffer that other blocks of the program write for it alone"));
  // T is an output; L is written last, so the block folds into it.
  s.apply("reverse_compute_inline", {s.block("Y")});
  expect_same_meaning(s);
}

}  // namespace
}  // namespace tw::schedule
