// The rewrite of convolutions by minimal filtering, against the direct sum and its declared bounds.
#include <cmath>
#include <random>
#include <set>

#include <gmock/gmock.h>

#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "schedule/blocks.h"
#include "schedule/convolutions.h"
#include "schedule/rewrite.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;

/// What data and weights are, by position.
using Element = std::function<double(int64_t)>;

struct Measured {
  double error = 0, bound = 0;
};

/// The largest error against the direct sum in float64, and the declared bound.
Measured measured(const Conv& conv, int64_t m, const Element& all_data, const Element& all_weights,
                  int64_t across = 0) {
  double largest_data = 0, largest_weight = 0;
  const auto fill = [&]() -> Fill {
    return [&, data = all_data, weight = all_weights](const std::string& buffer, int64_t i) {
      if (buffer == "conv") return 0.0;
      const double value = static_cast<float>((buffer == "weight" ? weight : data)(i));
      double& largest = buffer == "weight" ? largest_weight : largest_data;
      largest = std::max(largest, std::fabs(value));
      return value;
    };
  };
  const Schedule s = rewritten(conv_program(conv), "winograd", m, across);
  const auto found = results_of(s.program(), fill()).front();
  Conv exact = conv;
  exact.dtype = kFloat64;
  const auto wanted = results_of(conv_program(exact), fill()).front();
  const AppliedRewrite applied = applied_rewrites(s.program()).front();
  EXPECT_EQ(applied.error_scale, ErrorScale::kLargest);
  const double terms = 9.0 * static_cast<double>(conv.depthwise ? 1 : *as_int(expr(conv.c)));
  Measured result;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    result.error = std::max(result.error, std::fabs(found[i] - wanted[i]));
  result.bound = (applied.error_factor + applied.error_per_term * terms) * std::ldexp(1.0, -24) * terms *
                 largest_data * largest_weight;
  return result;
}

Element normal(unsigned seed) {
  return [random = std::mt19937(seed), normal = std::normal_distribution<double>()](int64_t) mutable {
    return normal(random);
  };
}

/// Values of one magnitude, nearly: signs by chance.
Element signs(unsigned seed) {
  return [random = std::mt19937(seed)](int64_t) mutable {
    const double value = 1.0 - std::ldexp(static_cast<double>(random() % 1024), -20);
    return random() % 2 ? value : -value;
  };
}

class Winograd : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Tiles, Winograd, testing::Values(2, 4), testing::PrintToStringParamName());

TEST_P(Winograd, is_close_to_the_direct_sum) {
  for (const Conv& conv : all_kinds()) {
    const Schedule s = rewritten(conv_program(conv), "winograd", GetParam());
    expect_close_meaning(s, {}, 1e-4);
    const Measured m = measured(conv, GetParam(), normal(1), normal(2));
    EXPECT_LE(m.error, m.bound);
  }
}

TEST_P(Winograd, of_groups_and_of_many_channels) {
  expect_close_meaning(rewritten(conv_program({.n = 2, .groups = 3}), "winograd", GetParam()), {}, 1e-4);
  expect_close_meaning(
      rewritten(conv_program({.y = 6, .x = 5, .c = 33, .f = 5, .nhwc = true}), "winograd", GetParam()), {},
      1e-4);
}

TEST_P(Winograd, of_symbolic_sizes_and_sizes_of_zero) {
  const Conv conv{.n = te::var("n"),
                  .y = te::var("y"),
                  .x = te::var("x"),
                  .c = te::var("c"),
                  .f = te::var("f"),
                  .padding = Padding::kBuffer};
  const Schedule s = rewritten(conv_program(conv), "winograd", GetParam());
  for (const auto& [n, y, x, c, f] : std::vector<std::array<int64_t, 5>>{
           {1, 5, 7, 3, 2}, {2, 3, 2, 1, 5}, {0, 3, 3, 1, 1}, {1, 3, 3, 0, 2}, {1, 8, 4, 2, 1}})
    expect_close_meaning(s, {{"n", n}, {"y", y}, {"x", x}, {"c", c}, {"f", f}}, 1e-4);
}

TEST_P(Winograd, of_halves_is_done_in_float32) {
  for (const DType dtype : {kFloat16, kBFloat16}) {
    const Schedule s = rewritten(conv_program({.dtype = dtype}), "winograd", GetParam());
    EXPECT_THAT(text_of(s), HasSubstr("conv_sum_product: float32"));
    expect_close_meaning(s, {}, dtype == kFloat16 ? 2e-3 : 1e-2);
  }
}

TEST_P(Winograd, filters_are_transformed_by_blocks_of_their_own) {
  Schedule s = rewritten(conv_program({}), "winograd", GetParam());
  for (const char* name : {"conv_filter_rows", "conv_filter"}) {
    const std::string text = text_of(s);
    const std::size_t at = text.find(std::string("block ") + name + "#");
    ASSERT_NE(at, std::string::npos) << text;
    EXPECT_EQ(text.substr(at, text.find("block ", at + 6) - at).find("data["), std::string::npos);
  }
}

TEST_P(Winograd, is_followed_by_the_steps_of_a_schedule) {
  const int m = GetParam();
  Schedule s =
      rewritten(conv_program({.y = 6, .x = 9, .c = 5, .f = 16, .nhwc = true, .padding = Padding::kWhere}),
                "winograd", m);
  const auto unroll = [&](const char* block, int count) {
    const auto loops = loops_of(s, block);
    for (int i = 0; i < count; ++i) s.apply("unroll", {loops[static_cast<std::size_t>(i)]});
  };
  for (const char* block :
       {"conv_filter_rows", "conv_filter", "conv_input_rows", "conv_input", "conv_output_rows"})
    unroll(block, 2);
  for (const char* block : {"conv_input", "conv_output_rows"}) {
    const auto loops = loops_of(s, block);
    s.apply("reorder", {Value(List{loops[2], loops[3], loops[0], loops[1]})});
  }
  s.apply("vectorize", {loops_of(s, "conv_output_rows")[1]});
  auto loops = loops_of(s, "conv_input");
  s.apply("compute_at", {s.block("conv_input_rows"), loops[0]});
  s.apply("compute_at", {s.block("conv_tiles"), loops[0]});
  loops = loops_of(s, "conv");
  const auto split = [&](const Value& loop) {
    return *s.apply("split", {loop, Value(List{{}, m})}).front().get_if<List>();
  };
  const List y = split(loops[1]), x = split(loops[2]);
  s.apply("reorder", {Value(List{loops[0], y[0], x[0], loops[3], y[1], x[1]})});
  s.apply("unroll", {y[1]});
  s.apply("unroll", {x[1]});
  expect_close_meaning(s, {}, 1e-4);
  for (const auto& [y_size, x_size, c, f] :
       std::vector<std::array<int64_t, 4>>{{5, 7, 3, 4}, {11, 2, 1, 17}}) {
    const Conv other{.y = y_size, .x = x_size, .c = c, .f = f, .nhwc = true, .padding = Padding::kWhere};
    expect_close_meaning(Schedule::replay(conv_program(other), s.trace()), {}, 1e-4);
  }
}

/// The value that the block stores, with constants for two of its axes, simplified over the others.
Expr value_at(const Schedule& s, const std::string& name, std::size_t axis, int64_t position,
              int64_t stride) {
  for (const BlockPlace& place : all_blocks(s.program())) {
    const Block& block = place.block();
    if (block.name.text != name) continue;
    Context context;
    for (const BlockAxis& own : block.axes) context.bind(own.var, 0, own.extent);
    const Var turn("turn");
    context.bind(turn, 0, 1000);
    const Expr at = stride ? turn * Expr(stride) + Expr(position) : Expr(position);
    return simplify(substitute(only_store(block)->value, {{&*block.axes[axis].var, at}}), context);
  }
  ADD_FAILURE() << "no block " << name;
  return {};
}

TEST_P(Winograd, leaves_straight_sums_where_positions_are_constant) {
  const int m = GetParam();
  const Schedule s = rewritten(conv_program({.y = 9, .x = 9}), "winograd", m);
  const auto expect_sum = [](const Expr& value) {
    EXPECT_FALSE(contains<Select>(value.get())) << to_text(value);
    EXPECT_FALSE(contains<FloatImm>(value.get(), [](const FloatImm& c) {
      return c.value == 0 || c.value == 1;
    })) << to_text(value);
  };
  for (int64_t a = 0; a < m + 2; ++a) {
    for (const char* name : {"conv_filter_rows", "conv_input_rows"}) expect_sum(value_at(s, name, 0, a, 0));
    for (const char* name : {"conv_filter", "conv_input"}) expect_sum(value_at(s, name, 1, a, 0));
  }
  for (int64_t i = 0; i < m; ++i) {
    expect_sum(value_at(s, "conv_output_rows", 0, i, 0));
    expect_sum(value_at(s, "conv", 3, i, m));
  }
}

/// The sums and differences in some values, equal ones counted once.
std::size_t additions(const std::vector<Expr>& values) {
  std::set<std::string> found;
  for (const Expr& value : values)
    for_each_node(value, [&](const Node* node) {
      const auto* sum = node->kind == Kind::kBinary ? static_cast<const Binary*>(node) : nullptr;
      if (sum && sum->dtype.is_float() && (sum->op == BinaryOp::kAdd || sum->op == BinaryOp::kSub))
        found.insert(to_text(Expr(sum)));
    });
  return found.size();
}

TEST_P(Winograd, shares_sums_and_differences_between_the_rows_of_a_transform) {
  const int m = GetParam();
  const Schedule s = rewritten(conv_program({.y = 9, .x = 9}), "winograd", m);
  std::vector<Expr> input, output;
  for (int64_t a = 0; a < m + 2; ++a) input.push_back(value_at(s, "conv_input", 1, a, 0));
  for (int64_t i = 0; i < m; ++i) output.push_back(value_at(s, "conv_output_rows", 0, i, 0));
  EXPECT_EQ(additions(input), m == 2 ? 4 : 14);
  EXPECT_EQ(additions(output), m == 2 ? 4 : 10);
}

TEST_P(Winograd, stays_within_the_declared_bound) {
  const int m = GetParam();
  double worst = 0;
  const auto check = [&](const Conv& conv, const Element& data, const Element& weight) {
    const Measured found = measured(conv, m, data, weight);
    EXPECT_LE(found.error, found.bound);
    worst = std::max(worst, found.error / found.bound);
  };
  for (unsigned seed = 0; seed < 4; ++seed) {
    check({.y = 8, .x = 8, .c = 1, .f = 4}, signs(seed), signs(seed + 100));
    check({.y = 8, .x = 8, .c = 16, .f = 2}, signs(seed), signs(seed + 100));
    check({.y = 5, .x = 7, .c = 4}, normal(seed), normal(seed + 100));
  }
  // Sums that cancel: large data of one value, weights that add up to nothing.
  const Element flat = [](int64_t i) { return 1e6 + static_cast<double>(i % 7); };
  const Element edges = [](int64_t i) { return i % 9 == 4 ? 8.0 : -1.0; };
  check({.y = 8, .x = 8, .c = 4}, flat, edges);
  // One huge element beside small ones.
  const Element spike = [](int64_t i) { return i == 24 ? 1e8 : std::sin(static_cast<double>(i)); };
  check({.y = 8, .x = 8, .c = 2}, spike, normal(3));
  EXPECT_GE(worst, 0.002) << "the bound says nothing";
}

TEST_P(Winograd, spreads_infinities_over_their_tiles_and_no_further) {
  const int64_t m = GetParam(), y = 9, x = 9, edge = y + 2;
  const Conv conv{.y = y, .x = x, .c = 2, .f = 2};
  for (const double poison : std::vector<double>{INFINITY, -INFINITY, NAN}) {
    const auto with = [&](double value) {
      Element weights = normal(2), elements = normal(1);
      const Fill fill = [&](const std::string& buffer, int64_t i) {
        if (buffer == "weight") return weights(i);
        const double element = elements(i);
        return buffer == "data" && i == 5 * edge + 6 ? value : element;
      };
      return results_of(rewritten(conv_program(conv), "winograd", m).program(), fill).front();
    };
    const auto clean = with(0.0), dirty = with(poison);
    for (int64_t i = 0; i < static_cast<int64_t>(clean.size()); ++i) {
      const int64_t oy = i / x % y, ox = i % x;
      const bool in_window = oy <= 5 && 5 < oy + 3 && ox <= 6 && 6 < ox + 3;
      const int64_t ty = oy / m * m, tx = ox / m * m;
      const bool in_tile = ty <= 5 && 5 < ty + m + 2 && tx <= 6 && 6 < tx + m + 2;
      const double found = dirty[static_cast<std::size_t>(i)];
      if (in_window) {
        EXPECT_FALSE(std::isfinite(found));
      } else if (!in_tile) {
        EXPECT_EQ(found, clean[static_cast<std::size_t>(i)]);
      }
    }
  }
}

TEST_P(Winograd, a_weight_that_is_not_finite_spoils_its_filter_alone) {
  const Conv conv{.y = 5, .x = 5, .c = 2, .f = 3};
  Element weights = normal(2), elements = normal(1);
  const Fill fill = [&](const std::string& buffer, int64_t i) {
    const double value = buffer == "weight" ? weights(i) : elements(i);
    return buffer == "weight" && i == 18 + 4 ? NAN : value;
  };
  const auto found =
      results_of(rewritten(conv_program(conv), "winograd", GetParam()).program(), fill).front();
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(std::isfinite(found[i]), i / 25 != 1) << i;
}

TEST_P(Winograd, does_not_overflow_below_the_declared_size) {
  const bool two = GetParam() == 2;
  const double growth = two ? 64.0 / 9 : 256, terms = 18, largest = 3.4e38;
  const double product = largest / (growth * terms) * 0.99, weight = 1e-6;
  for (unsigned seed = 0; seed < 4; ++seed) {
    Element data = signs(seed), weights = signs(seed + 50);
    const double size = std::min(product / weight, largest / (two ? 4 : 100) * 0.99);
    const Fill fill = [&](const std::string& buffer, int64_t i) {
      return buffer == "weight" ? weights(i) * weight : data(i) * size;
    };
    const Schedule s = rewritten(conv_program({.y = 8, .x = 8, .c = 2}), "winograd", GetParam());
    const auto results = results_of(s.program(), fill).front();
    for (const double value : results) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(WinogradOfTilesThatAreNotSquare, is_close_to_the_direct_sum) {
  for (const auto& [m, across] : std::vector<std::array<int64_t, 2>>{{4, 2}, {2, 4}}) {
    for (const Conv& conv : all_kinds()) {
      expect_close_meaning(rewritten(conv_program(conv), "winograd", m, across), {}, 1e-4);
      const Measured found = measured(conv, m, normal(1), normal(2), across);
      EXPECT_LE(found.error, found.bound);
    }
    const Schedule s = rewritten(conv_program({.y = 7, .x = 7}), "winograd", m, across);
    EXPECT_THAT(text_of(s),
                HasSubstr(m == 4 ? "conv_product: float32[6, 4, 8" : "conv_product: float32[4, 6, 8"));
    const AppliedRewrite applied = applied_rewrites(s.program()).front();
    EXPECT_NEAR(applied.error_per_term, 48.0 * 8 / 81, 1e-9);
    EXPECT_NEAR(applied.error_factor, 48.0 * 8 / 9 * 16, 1e-9);
  }
}

TEST(WinogradOfTilesThatAreNotSquare, the_same_number_twice_is_the_same_program) {
  for (const int64_t m : {2, 4}) {
    const auto of = [&](int64_t across) {  // without the attribute that says how it was asked for
      const Program program = rewritten(conv_program({}), "winograd", m, across).program();
      return ProgramNode::make("conv", program->params, program->body);
    };
    EXPECT_TRUE(structural_equal(of(0), of(m)));
  }
}

TEST(WinogradRefuses, other_kernels_strides_dilation_and_types) {
  EXPECT_THAT(refusal(conv_program({}), "winograd", 3), HasSubstr("m is 3, and must be 2 or 4"));
  EXPECT_THAT(error_of([] { rewritten(conv_program({}), "winograd", 2, 6); }),
              HasSubstr("across is 6, and must be 2 or 4, or 0 for m"));
  EXPECT_THAT(refusal(conv_program({.kernel = 5}), "winograd", 2),
              HasSubstr("axis vky has 5 taps, and must have 3"));
  EXPECT_THAT(refusal(conv_program({.stride = 2}), "winograd", 2),
              HasSubstr("the stride of axis vy is 2, and must be 1"));
  EXPECT_THAT(refusal(conv_program({.dilation = 2}), "winograd", 4),
              HasSubstr("the dilation of axis vy is 2, and must be 1"));
  EXPECT_THAT(refusal(conv_program({.dtype = kInt32}), "winograd", 4), HasSubstr("it sums int32"));
  EXPECT_THAT(
      refusal(matmul_program(5, 7, 3), "winograd", 4, "C"),
      HasSubstr("it needs two windows, pairs of an axis of the result and one that is summed over in one "
                "subscript, and has none"));
  EXPECT_THAT(refusal(chain_program(5, 7), "winograd", 4, "scaled"),
              HasSubstr("block scaled is no reduction"));
}

TEST(WinogradRefuses, convolutions_of_one_dimension) {
  const auto data = te::placeholder({9}, kFloat32, "data");
  const auto weight = te::placeholder({3, 4}, kFloat32, "weight");
  const ReduceAxis k = te::reduce_axis(3, "k");
  const auto conv = te::compute({7, 4},
                                [&](const std::vector<Var>& p) -> te::Value {
                                  return te::sum(te::multiply(data({p[0] + k.var}), weight({k, p[1]})), {k});
                                },
                                "conv", {"x", "f"});
  EXPECT_THAT(refusal(te::first_program({conv}), "winograd", 2), HasSubstr("and has 1: vx with vk"));
}

TEST(WinogradRefuses, data_that_depends_on_more_than_the_place) {
  const auto data = te::placeholder({9, 9}, kFloat32, "data");
  const auto weight = te::placeholder({3, 3}, kFloat32, "weight");
  const ReduceAxis ky = te::reduce_axis(3, "ky"), kx = te::reduce_axis(3, "kx");
  const auto conv = te::compute(
      {7, 7},
      [&](const std::vector<Var>& p) -> te::Value {
        const Expr element = data({p[0] + ky.var, p[1] + kx.var});
        return te::sum(te::multiply(te::where(lt(p[0], ky.var + 1), element, 0.0), weight({ky, kx})),
                       {ky, kx});
      },
      "conv", {"y", "x"});
  EXPECT_THAT(refusal(te::first_program({conv}), "winograd", 2),
              HasSubstr("its data depends on vy and vky in other ways than by their sum"));
}

}  // namespace
}  // namespace tw::schedule
