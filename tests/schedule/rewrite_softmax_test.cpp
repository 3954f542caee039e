// The rewrite online_softmax: softmax and attention in one pass over chunks of a row.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/attention_programs.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"
#include "schedule/rewrite.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using Point = std::vector<Var>;
using te::Tensor;
using testing::HasSubstr;
using testing::Not;

/// The outputs are close to those of the first program.
void expect_close(const Schedule& s, const std::map<std::string, int64_t>& values = {}) {
  expect_close_meaning(s, values, 2e-6);
}

TEST(OnlineSoftmax, takes_every_form_of_attention) {
  for (const AttentionForm form : kAttentionForms)
    for (const auto& [n, m, d] :
         std::vector<std::tuple<int, int, int>>{{5, 7, 3}, {1, 1, 1}, {4, 16, 2}, {3, 31, 5}})
      for (const int chunk : {1, 4, 8, 64}) {
        SCOPED_TRACE(static_cast<int>(form));
        Schedule s(attend_scores(n, m, d, form));
        online(s, "out", chunk);
        expect_close(s);
        for (const char* gone : {"e", "part", "total", "product", "highest"})
          EXPECT_THAT(text_of(s), Not(HasSubstr("allocate " + std::string(gone) + ":")));
      }
}

TEST(OnlineSoftmax, takes_a_softmax_without_product) {
  for (const int m : {1, 7, 16, 31})
    for (const int chunk : {1, 4, 16, 40}) {
      Schedule s(softmax_program(5, m));
      online(s, "softmax", chunk);
      expect_close(s);
    }
}

TEST(OnlineSoftmax, takes_the_sum_alone_and_keeps_what_others_read) {
  Schedule s(softmax_program(5, 13));
  online(s, "total", 4);
  expect_close(s);
  EXPECT_THAT(text_of(s), HasSubstr("block highest"));
  EXPECT_THAT(text_of(s), HasSubstr("block shifted"));
}

TEST(OnlineSoftmax, takes_symbolic_sizes_and_a_parameter) {
  const Var n = te::var("n"), m = te::var("m"), d = te::var("d", 1, 64);
  for (const AttentionForm form : {AttentionForm::kBlocks, AttentionForm::kBefore}) {
    Schedule s(attend_scores(n, m, d, form));
    online(s, "out", Tunable{"chunk", 1, 64});
    for (const auto& [rows, columns] : std::vector<std::pair<int, int>>{{1, 1}, {5, 7}, {3, 16}, {2, 31}})
      for (const int64_t chunk : {1, 4, 8, 64})
        expect_close(s, {{"n", rows}, {"m", columns}, {"d", 3}, {"chunk", chunk}});
    expect_close(s, {{"n", 0}, {"m", 7}, {"d", 3}, {"chunk", 4}});
  }
}

TEST(OnlineSoftmax, of_empty_rows_is_what_the_chain_gives) {
  const Var m = te::var("m");
  Schedule s(softmax_program(5, m));
  online(s, "total", 4);
  expect_close(s, {{"m", 0}});
  Schedule t(attend_scores(3, m, 2, AttentionForm::kBlocks));
  online(t, "out", 4);
  for (const Program& program : {t.program(), t.first_program()}) {
    const auto results = results_of(program, normal_data(), {{"m", 0}});
    for (const double x : results[0]) EXPECT_TRUE(std::isnan(x));
  }
}

TEST(OnlineSoftmax, needs_no_condition_where_chunks_divide) {
  Schedule s(attend_scores(5, 16, 3, AttentionForm::kBlocks));
  online(s, "out", 4);
  EXPECT_THAT(text_of(s), Not(HasSubstr("vk <")));
  const Var m = Variable::make("m", kIndex, 8, 64, 8);
  Schedule t(attend_scores(5, Expr(m), 3, AttentionForm::kBlocks));
  online(t, "out", 4);
  EXPECT_THAT(text_of(t), Not(HasSubstr("< m")));
  expect_close(t, {{"m", 24}});
}

TEST(OnlineSoftmax, takes_masked_and_scaled_scores_of_producers) {
  for (const auto& [n, m, d] :
       std::vector<std::tuple<int, int, int>>{{5, 5, 3}, {7, 7, 2}, {13, 11, 4}, {1, 1, 1}})
    for (const int chunk : {2, 4, 16}) {
      Schedule s(causal_attention(n, m, d));
      online(s, "out", chunk);
      expect_close(s);
    }
}

TEST(OnlineSoftmax, takes_halves_with_the_roundings_of_the_chain) {
  for (const DType type : {kFloat16, kBFloat16})
    for (const AttentionForm form : kAttentionForms) {
      Schedule s(attend_scores(4, 13, 3, form, type));
      online(s, form == AttentionForm::kBefore || form == AttentionForm::kReciprocal ? "out_sum" : "out", 4);
      expect_close_meaning(s, {}, 4 * (type == kFloat16 ? 0x1p-10 : 0x1p-7));
    }
}

TEST(OnlineSoftmax, takes_float64) {
  Schedule s(attend_scores(4, 13, 3, AttentionForm::kInline, kFloat64));
  online(s, "out", 4);
  expect_close_meaning(s, {}, 1e-14);
}

TEST(OnlineSoftmax, takes_heads_rows_of_several_axes_and_reads_at_other_places) {
  // Heads side by side in the result: out[i, h * 3 + j], values of a group of two heads.
  const Tensor s = te::placeholder({4, 5, 7}, kFloat32, "S"), v = te::placeholder({2, 7, 3}, kFloat32, "V");
  const ReduceAxis a = te::reduce_axis(7, "a"), b = te::reduce_axis(7, "b"), k = te::reduce_axis(7, "k");
  const Tensor highest = te::compute(
      {4, 5},
      [&](const Point& p) -> te::Value {
        return te::max(s({p[0], p[1], a}), {a});
      },
      "highest");
  const auto e = [&](const te::Value& h, const te::Value& i, const te::Value& at) {
    return te::exp(te::subtract(s({h, i, at}), highest({h, i})));
  };
  const Tensor total = te::compute(
      {4, 5}, [&](const Point& p) -> te::Value { return te::sum(e(p[0], p[1], b), {b}); }, "total");
  const Tensor product = te::compute(
      {4, 5, 3},
      [&](const Point& p) -> te::Value {
        return te::sum(te::multiply(e(p[0], p[1], k), v({te::floor_divide(p[0], 2), k, p[2]})), {k});
      },
      "product");
  const Tensor out = te::compute(
      {5, 12},
      [&](const Point& p) -> te::Value {
        const Expr h = te::floor_divide(p[1], 3), j = te::remainder(p[1], 3);
        return te::divide(product({h, p[0], j}), total({h, p[0]}));
      },
      "out");
  Schedule t(te::first_program({out}));
  online(t, "out", 4);
  expect_close(t);
  EXPECT_THAT(text_of(t), HasSubstr("product_online_2"));  // the normaliser runs beside the product
}

TEST(OnlineSoftmax, takes_maxima_over_several_axes) {
  for (const int axis : {0, 1}) {
    const Tensor s = te::placeholder({4, 5, 7}, kFloat32, "S"), v = te::placeholder({5, 7, 3}, kFloat32, "V");
    const ReduceAxis a = te::reduce_axis(5, "a"), b = te::reduce_axis(7, "b");
    const ReduceAxis x = te::reduce_axis(7, "x"), y = te::reduce_axis(5, "y");
    const Tensor highest = te::compute(
        {4},
        [&](const Point& p) -> te::Value {
          return te::max(s({p[0], a, b}), {a, b});
        },
        "highest");
    const Tensor total = te::compute(
        {4},
        [&](const Point& p) -> te::Value {
          return te::sum(te::exp(te::subtract(s({p[0], y, x}), highest({p[0]}))), {x, y});
        },
        "total");
    const Tensor out = te::compute(
        {4, 3},
        [&](const Point& p) -> te::Value {
          const Expr e = te::exp(te::subtract(s({p[0], y, x}), highest({p[0]})));
          return te::divide(te::sum(te::multiply(e, v({y, x, p[1]})), {x, y}), total({p[0]}));
        },
        "out");
    Schedule t(te::first_program({out}));
    t.apply("rewrite", {t.block("out"), "online_softmax",
                        Value(List{Value(List{"axis", axis}), Value(List{"chunk", 3})})});
    expect_close(t);
  }
}

TEST(OnlineSoftmax, takes_what_is_computed_from_sums_at_single_points) {
  const Tensor x = te::placeholder({5, 13}, kFloat32, "X");
  const ReduceAxis a = te::reduce_axis(13, "a"), b = te::reduce_axis(13, "b");
  const Tensor highest = te::compute(
      {5},
      [&](const Point& p) -> te::Value {
        return te::max(x({p[0], a}), {a});
      },
      "highest");
  const Tensor shifted = te::compute(
      {5, 13},
      [&](const Point& p) -> te::Value {
        return te::subtract(x({p[0], p[1]}), highest({p[0]}));
      },
      "shifted");
  const Tensor total = te::compute(
      {5},
      [&](const Point& p) -> te::Value {
        return te::sum(te::exp(shifted({p[0], b})), {b});
      },
      "total");
  const Tensor out = te::compute(
      {5, 13},
      [&](const Point& p) -> te::Value {
        return te::subtract(shifted({p[0], p[1]}), te::log(total({p[0]})));
      },
      "out");
  Schedule s(te::first_program({out}));  // the log of a softmax
  online(s, "out", 4);
  expect_close(s);
  EXPECT_THAT(text_of(s), Not(HasSubstr("shifted")));
}

TEST(OnlineSoftmax, takes_a_numerator_and_sums_beside_it) {
  for (const int chunk : {3, 13}) {
    Schedule s(attend_scores(5, 13, 2, AttentionForm::kBlocks));
    online(s, "product", chunk);
    expect_close(s);
    EXPECT_THAT(text_of(s), HasSubstr("block total"));
    EXPECT_THAT(text_of(s), Not(HasSubstr("block highest#")));
    Schedule t(attend_scores(5, 13, 2, AttentionForm::kBefore));
    online(t, "part", chunk);  // the softmax; its product stays
    expect_close(t);
  }
}

TEST(OnlineSoftmax, divides_sums_that_are_divided_inside_wherever_they_are_read) {
  const Tensor s = te::placeholder({5, 13}, kFloat32, "S"), v = te::placeholder({13, 3}, kFloat32, "V");
  const Tensor x = te::placeholder({5, 3}, kFloat32, "X");
  const ReduceAxis a = te::reduce_axis(13, "a"), b = te::reduce_axis(13, "b"), k = te::reduce_axis(13, "k");
  const Tensor highest = te::compute(
      {5},
      [&](const Point& p) -> te::Value {
        return te::max(s({p[0], a}), {a});
      },
      "highest");
  const auto e = [&](const Var& i, const te::Value& at) {
    return te::exp(te::subtract(s({i, at}), highest({i})));
  };
  const Tensor total = te::compute(
      {5}, [&](const Point& p) -> te::Value { return te::sum(e(p[0], b), {b}); }, "total");
  const Tensor attended = te::compute(
      {5, 3},
      [&](const Point& p) -> te::Value {
        return te::sum(te::multiply(te::divide(e(p[0], k), total({p[0]})), v({k, p[1]})), {k});
      },
      "attended");
  const Tensor out = te::compute(
      {5, 3},
      [&](const Point& p) -> te::Value {
        return te::add(x({p[0], p[1]}), attended({p[0], p[1]}));
      },
      "out");
  for (const auto& outputs : std::vector<std::vector<Tensor>>{{out}, {attended, out}}) {
    Schedule t(te::first_program(outputs));
    online(t, "out", 4);
    expect_close(t);
  }
}

TEST(OnlineSoftmax, takes_the_second_of_two_in_a_row_and_then_the_first) {
  const Tensor s = te::placeholder({4, 9}, kFloat32, "S");
  const auto softmax = [](const Tensor& x, const std::string& name) {
    const ReduceAxis a = te::reduce_axis(9, "a"), b = te::reduce_axis(9, "b");
    const Tensor highest = te::compute(
        {4},
        [&](const Point& p) -> te::Value {
          return te::max(x({p[0], a}), {a});
        },
        name + "_highest");
    const auto e = [&](const Var& i, const te::Value& k) {
      return te::exp(te::subtract(x({i, k}), highest({i})));
    };
    const Tensor total = te::compute(
        {4}, [&](const Point& p) -> te::Value { return te::sum(e(p[0], b), {b}); }, name + "_total");
    return te::compute(
        {4, 9}, [&](const Point& p) -> te::Value { return te::divide(e(p[0], p[1]), total({p[0]})); }, name);
  };
  Schedule t(te::first_program({softmax(softmax(s, "first"), "second")}));
  online(t, "second", 4);
  expect_close(t);
  online(t, "first", 2);
  expect_close(t);
  EXPECT_EQ(applied_rewrites(t.program()).size(), 2U);
}

TEST(OnlineSoftmax, takes_scores_that_stand_in_blocks_here_and_inline_there) {
  const Tensor s = te::placeholder({5, 13}, kFloat32, "S");
  const ReduceAxis a = te::reduce_axis(13, "a"), b = te::reduce_axis(13, "b");
  const Tensor scaled = te::compute(
      {5, 13},
      [&](const Point& p) -> te::Value {
        return te::multiply(s({p[0], p[1]}), 0.5);
      },
      "scaled");
  const Tensor highest = te::compute(
      {5, 1},
      [&](const Point& p) -> te::Value {
        return te::max(scaled({p[0], a}), {a});
      },
      "highest");
  const Tensor total = te::compute(
      {5},
      [&](const Point& p) -> te::Value {
        return te::sum(te::exp(te::subtract(te::multiply(s({p[0], b}), 0.5), highest({p[0], 0}))), {b});
      },
      "total");
  Schedule t(te::first_program({total}));
  online(t, "total", 4);
  expect_close(t);
}

TEST(OnlineSoftmax, keeps_statistics_that_the_caller_wants) {
  const Tensor s = te::placeholder({5, 13}, kFloat32, "S"), v = te::placeholder({13, 3}, kFloat32, "V");
  const ReduceAxis a = te::reduce_axis(13, "a"), b = te::reduce_axis(13, "b"), k = te::reduce_axis(13, "k");
  const Tensor highest = te::compute(
      {5},
      [&](const Point& p) -> te::Value {
        return te::max(s({p[0], a}), {a});
      },
      "highest");
  const Tensor e = te::compute(
      {5, 13},
      [&](const Point& p) -> te::Value {
        return te::exp(te::subtract(s({p[0], p[1]}), highest({p[0]})));
      },
      "e");
  const Tensor total = te::compute(
      {5},
      [&](const Point& p) -> te::Value {
        return te::sum(e({p[0], b}), {b});
      },
      "total");
  const Tensor out = te::compute(
      {5, 3},
      [&](const Point& p) -> te::Value {
        return te::divide(te::sum(te::multiply(e({p[0], k}), v({k, p[1]})), {k}), total({p[0]}));
      },
      "out");
  Schedule t(te::first_program({highest, e, total, out}));
  online(t, "out", 4);
  expect_close(t);
}

TEST(OnlineSoftmax, refuses_other_chains) {
  const auto refusal = [](const Program& program, const std::string& block) {
    Schedule s(program);
    const std::string before = text_of(s);
    const std::string message = error_of([&] { online(s, block, 4); });
    EXPECT_EQ(text_of(s), before);
    return message;
  };
  EXPECT_THAT(
      refusal(matmul_program(5, 3, 7), "C"),
      HasSubstr("block C sums A[vi, vk] * B[vk, vj], which has no factor exp(s - m) with m the maximum "
                "of s over the same axis"));
  EXPECT_THAT(refusal(chain_program(5, 7), "scaled"), HasSubstr("where no sum of exponentials is"));
  EXPECT_THAT(refusal(softmax_program(5, 7), "highest"),
              HasSubstr("block highest is a reduction that is no sum"));
  EXPECT_THAT(refusal(softmax_program(5, 7), "shifted"), HasSubstr("where no sum of exponentials is"));

  const Tensor x = te::placeholder({5, 7}, kFloat32, "X"), y = te::placeholder({5, 7}, kFloat32, "Y");
  const ReduceAxis a = te::reduce_axis(7, "a"), b = te::reduce_axis(7, "b");
  const Tensor highest = te::compute(
      {5},
      [&](const Point& p) -> te::Value {
        return te::max(x({p[0], a}), {a});
      },
      "highest");
  const auto program = [&](const std::function<Expr(const Var&)>& term) {
    return te::first_program({te::compute(
        {5}, [&](const Point& p) -> te::Value { return te::sum(term(p[0]), {b}); }, "total")});
  };
  EXPECT_THAT(refusal(program([&](const Var& i) {
                        return te::exp(te::subtract(y({i, b}), highest({i})));
                      }),
                      "total"),
              HasSubstr("exp(s - m) with m the maximum of X["));
  EXPECT_THAT(refusal(program([&](const Var& i) {
                        return te::exp(te::multiply(te::subtract(x({i, b}), highest({i})), 2.0));
                      }),
                      "total"),
              HasSubstr("no factor exp(s - m)"));
  EXPECT_THAT(refusal(program([&](const Var& i) {
                        return te::multiply(te::exp(te::subtract(x({i, b}), highest({i}))), highest({i}));
                      }),
                      "total"),
              HasSubstr("which also uses buffer highest in another way"));
}

TEST(OnlineSoftmax, refuses_an_axis_that_is_not_there) {
  Schedule s(softmax_program(5, 7));
  EXPECT_THAT(error_of([&] {
                s.apply("rewrite", {s.block("softmax"), "online_softmax",
                                    Value(List{Value(List{"axis", 1}), Value(List{"chunk", 3})})});
              }),
              HasSubstr("block highest has 1 reduction axis; axis must be from 0 to 0, and is 1"));
}

TEST(OnlineSoftmax, takes_chains_in_one_loop_but_not_half_a_chain) {
  Schedule s(softmax_program(5, 7));
  s.apply("compute_at", {s.block("total"), loops_of(s, "softmax")[0]});
  online(s, "softmax", 4);
  expect_close(s);
  Schedule t(causal_attention(5, 5, 3));
  t.apply("compute_at", {t.block("scaled"), loops_of(t, "highest")[0]});
  EXPECT_THAT(
      error_of([&] { online(t, "out", 4); }),
      HasSubstr(
          "blocks highest and out are replaced together and must stand in the same loops; apply the rewrite "
          "before one of them is moved"));
}

}  // namespace
}  // namespace tw::schedule
