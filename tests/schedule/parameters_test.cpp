// Parameters through every primitive: a schedule with parameters, run with values, computes what the schedule
// with the values baked in computes, and what the one computes that was given constants in the first place.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"

namespace tw::schedule {
namespace {

/// A schedule whose steps take a tile and a chunk: parameters or constants.
using Steps = std::function<void(Schedule&, const Value& tile, const Value& chunk)>;

Value first(const std::vector<Value>& results) {
  return results[0];
}
List options(int64_t tile, int64_t chunk) {
  return {Value(List{"chunk", chunk}), Value(List{"tile", tile})};
}

const Tunable kTile{"tile", 1, 64}, kChunk{"chunk", 2, 64, 2};
const std::vector<std::pair<int64_t, int64_t>> kValues = {{1, 2}, {2, 6},   {3, 4},  {5, 8},
                                                          {7, 2}, {16, 32}, {64, 64}};

/// On a program of constant sizes, and on one of a symbolic size with these values.
void expect_parameters_hold(const std::vector<Program>& fixed, const Program& symbolic, const Steps& steps) {
  std::vector<std::pair<Program, std::vector<int64_t>>> programs;
  for (const Program& program : fixed) programs.push_back({program, {-1}});
  programs.push_back({symbolic, {0, 1, 6, 13}});
  for (const auto& [program, sizes] : programs) {
    Schedule parametric(program);
    steps(parametric, kTile, kChunk);
    for (const auto& [tile, chunk] : kValues) {
      Schedule constant(program);
      steps(constant, tile, chunk);
      Schedule baked = Schedule::replay(program, parametric.trace());
      baked.apply("specialise", {Value(options(tile, chunk))});
      for (const Param& param : baked.program()->params) EXPECT_NE(param.param_kind, ParamKind::kTunable);
      for (const int64_t size : sizes) {
        SCOPED_TRACE(fmt::format("size {}, tile {}, chunk {}", size, tile, chunk));
        std::map<std::string, int64_t> values;
        if (size >= 0) values["n"] = size;
        expect_same_meaning(constant, values);
        expect_same_meaning(baked, values);
        values["tile"] = tile;
        values["chunk"] = chunk;
        expect_same_meaning(parametric, values);
      }
    }
  }
}

const Var kN = te::var("n", 0, 200);

void expect_on_products(const Steps& steps) {
  expect_parameters_hold({matmul_program(13, 11, 9), matmul_program(8, 16, 4), matmul_program(1, 1, 1)},
                         matmul_program(kN, 7, 5), steps);
}
void expect_on_chains(const Steps& steps) {
  expect_parameters_hold({chain_program(13, 11), chain_program(8, 16)}, chain_program(kN, 7), steps);
}

TEST(Parameters, of_splits_fuses_and_reorders) {
  expect_on_products([](Schedule& s, const Value& tile, const Value& chunk) {
    const auto loops = loops_of(s, "C");
    const List i = split(s, loops[0], {{}, tile}), k = split(s, loops[2], {{}, chunk});
    s.apply("reorder", {Value(List{i[0], k[0], i[1], loops[1], k[1]})});
    const Value fused = first(s.apply("fuse", {Value(List{i[1], loops[1]})}));
    split(s, fused, {{}, chunk});
  });
}

TEST(Parameters, of_tiles_and_their_tiles) {
  expect_on_products([](Schedule& s, const Value& tile, const Value& chunk) {
    const auto loops = loops_of(s, "C");
    const List outer =
        *s.apply("tile", {Value(List{loops[0], loops[1]}), Value(List{tile, chunk})})[0].get_if<List>();
    s.apply("parallel", {outer[0]});
    s.apply("tile", {Value(List{outer[2], outer[3]}), Value(List{2, tile})});
  });
}

TEST(Parameters, of_parts_of_loops) {
  expect_on_products([](Schedule& s, const Value& tile, const Value& chunk) {
    const List i = split(s, loops_of(s, "C")[0], {{}, tile});
    s.apply("loop_partition", {i[0], List{{}, 1}});
    s.apply("loop_partition", {loops_of(s, "C")[2], List{chunk, {}}});
  });
}

TEST(Parameters, of_blocks_computed_at_tiles) {
  expect_on_chains([](Schedule& s, const Value& tile, const Value& chunk) {
    const auto loops = loops_of(s, "scaled");
    const List i = split(s, loops[0], {{}, tile});
    split(s, loops[1], {{}, chunk});
    s.apply("compute_at", {s.block("shifted"), i[0]});
  });
  expect_parameters_hold({blur_program(13, 11), blur_program(4, 8)}, blur_program(kN, 7),
                         [](Schedule& s, const Value& tile, const Value& chunk) {
                           const auto loops = loops_of(s, "blurred");
                           const List i = split(s, loops[0], {{}, tile});
                           const List j = split(s, loops[1], {{}, chunk});
                           s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
                           s.apply("compute_at", {s.block("across"), j[0]});
                         });
}

TEST(Parameters, of_consumers_moved_into_tiles) {
  expect_parameters_hold({dense_program(13, 11, 9), dense_program(8, 16, 4)}, dense_program(kN, 7, 5),
                         [](Schedule& s, const Value& tile, const Value& chunk) {
                           const auto loops = loops_of(s, "product");
                           const List i = split(s, loops[0], {{}, tile}), j = split(s, loops[1], {{}, chunk});
                           s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
                           s.apply("reverse_compute_at", {s.block("result"), j[0]});
                         });
}

TEST(Parameters, of_copies_of_inputs_and_outputs) {
  expect_on_products([](Schedule& s, const Value& tile, const Value& chunk) {
    const auto loops = loops_of(s, "C");
    const List i = split(s, loops[0], {{}, tile}), j = split(s, loops[1], {{}, chunk});
    s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
    const Value read = first(s.apply("cache_read", {s.block("C"), "B", "local"}));
    const Value written = first(s.apply("cache_write", {s.block("C"), "local"}));
    s.apply("compute_at", {read, j[0]});
    s.apply("reverse_compute_at", {written, j[0]});
  });
}

TEST(Parameters, of_partial_results) {
  expect_on_products([](Schedule& s, const Value& tile, const Value& chunk) {
    const auto loops = loops_of(s, "C");
    const List i = split(s, loops[0], {{}, tile}), k = split(s, loops[2], {{}, chunk});
    s.apply("reorder", {Value(List{k[0], i[0], i[1], loops[1], k[1]})});
    s.apply("rfactor", {k[0], 0});
    s.apply("parallel", {k[0]});
  });
}

TEST(Parameters, of_inits_in_front_of_chunks) {
  expect_on_products([](Schedule& s, const Value& tile, const Value& chunk) {
    const auto loops = loops_of(s, "C");
    const List i = split(s, loops[0], {{}, tile}), k = split(s, loops[2], {{}, chunk});
    s.apply("reorder", {Value(List{i[0], k[0], i[1], loops[1], k[1]})});
    s.apply("decompose_reduction", {s.block("C"), k[0]});
  });
}

TEST(Parameters, of_packed_panels) {
  expect_on_products([](Schedule& s, const Value& tile, const Value& chunk) {
    const auto loops = loops_of(s, "C");
    const List i = split(s, loops[0], {{}, tile}), k = split(s, loops[2], {{}, chunk});
    s.apply("reorder", {Value(List{k[0], i[0], i[1], loops[1], k[1]})});
    const Value panel = first(s.apply("cache_read", {s.block("C"), "A", "global"}));
    s.apply("transform_layout", {"A_global", "(i, k) -> (i // 4, k, i % 4)"});
    s.apply("compute_at", {panel, i[0]});
  });
}

TEST(Parameters, have_names_of_their_own) {
  Schedule s(matmul_program(13, 7, 5));
  const auto loops = loops_of(s, "C");
  EXPECT_THAT(error_of([&] {
                split(s, loops[0], {{}, Tunable{"A", 1, 64}});
              }),
              testing::HasSubstr("the name of the parameter 'A' is taken by an argument of the program"));
  for (const char* name : {"", "a b", "4"})
    EXPECT_THAT(error_of([&] {
                  split(s, loops[0], {{}, Tunable{name, 1, 64}});
                }),
                testing::StartsWith("split: the parameter"));
}

}  // namespace
}  // namespace tw::schedule
