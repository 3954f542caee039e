// The primitive `rewrite` and what every rewrite gets from it, on small rewrites that the test registers.
#include "schedule/rewrite.h"

#include <gmock/gmock.h>

#include "ir/equal.h"
#include "ir/text.h"
#include "schedule/blocks.h"
#include "schedule/fixtures.h"
#include "te/math.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;

te::Tensor stand_in(const Buffer& buffer) {
  return te::placeholder({buffer->shape.begin(), buffer->shape.end()}, buffer->dtype, buffer->name.text);
}

std::vector<te::Value> shape_of(const Buffer& buffer) {
  return {buffer->shape.begin(), buffer->shape.end()};
}

const Buffer& read_of(const Block& block, const std::string& name) {
  for (const Region& region : block.reads)
    if (region.buffer->name.text == name) return region.buffer;
  throw UserError(ErrorKind::kValue, "no such read");
}

/// scaled = shifted * 2  =>  padded by a copy in between: twice = shifted + shifted; scaled = twice.
Replacement twice(const Step& step, const BlockPlace& place) {
  const Block& block = place.block();
  const Store* store = only_store(block);
  if (!store || block.reads.size() != 1)
    step.refuse(&block, "block {} does not store one value of one buffer", block.name.text);
  const Buffer& from = block.reads.front().buffer;
  const te::Tensor x = stand_in(from);
  const auto sum = te::compute(shape_of(from),
                               [&](const std::vector<Var>& p) -> te::Value {
                                 return te::add(x({p[0], p[1]}), x({p[0], p[1]}));
                               },
                               "twice", {"i", "j"});
  const auto result = te::compute(shape_of(from),
                                  [&](const std::vector<Var>& p) -> te::Value {
                                    return sum({p[0], p[1]});
                                  },
                                  block.name.text, {"i", "j"});
  return {{block.id.value}, {{x, from}}, {{result, store->buffer}}, 0.5, 0.25, ErrorScale::kLargest};
}

const RewriteRegistration register_twice{{
    .name = "test_twice",
    .summary = "x * 2 as x + x.",
    .options = {{"m", ArgKind::kInt, "A number."},
                {"size", ArgKind::kExtent, "A size.", 4, false},
                {"note", ArgKind::kText, "A text.", "none", false}},
    .apply = twice,
}};

/// Both blocks of the chain at once, through a tile of the size that the option says.
Replacement whole_chain(const Step& step, const BlockPlace& place) {
  const Block& scaled = place.block();
  const Buffer& middle = scaled.reads.front().buffer;
  const Block& shifted = writers_of(step.program(), middle).front().block();
  const Buffer& input = shifted.reads.front().buffer;
  const te::Tensor a = stand_in(input), bias = stand_in(read_of(shifted, "bias"));
  const Expr size = step.extent(option_value(step, "size"));
  const auto tile = te::compute({size},
                                [&](const std::vector<Var>& p) -> te::Value {
                                  return te::multiply(te::astype(Expr(p[0]), kFloat32), 0.0);
                                },
                                "zero", {"t"});
  const auto result = te::compute(
      shape_of(middle),
      [&](const std::vector<Var>& p) -> te::Value {
        return te::add(te::maximum(te::multiply(te::add(a({p[0], p[1]}), bias({p[1]})), 2.0), 0.0),
                       tile({0}));
      },
      "scaled", {"i", "j"});
  return {{shifted.id.value, scaled.id.value},
          {{a, input}, {bias, read_of(shifted, "bias")}},
          {{result, scaled.writes.front().buffer}}};
}

const RewriteRegistration register_chain{{
    .name = "test_chain",
    .summary = "max(2 (a + b), 0) in one block.",
    .options = {{"size", ArgKind::kExtent, "A size.", 4, false}},
    .apply = whole_chain,
}};

Value options(std::initializer_list<std::pair<const char*, Value>> pairs) {
  List list;
  for (const auto& [name, value] : pairs) list.emplace_back(List{name, value});
  return list;
}

std::vector<Value> apply(Schedule& s, const std::string& block, const std::string& name,
                         std::initializer_list<std::pair<const char*, Value>> given) {
  return s.apply("rewrite", {s.block(block), name, options(given)});
}

std::string refusal(Schedule& s, const std::string& block, const std::string& name,
                    std::initializer_list<std::pair<const char*, Value>> given) {
  const Program before = s.program();
  const std::string message = error_of([&] { apply(s, block, name, given); });
  EXPECT_TRUE(before.same_as(s.program()));
  return message;
}

/// D = relu(A + bias) * 2, E = relu(A + bias) + 1: the buffer in the middle has two readers.
Program diamond_program() {
  const auto a = te::placeholder({5, 7}, kFloat32, "A");
  const auto bias = te::placeholder({7}, kFloat32, "bias");
  const auto shifted = te::compute({5, 7},
                                   [&](const std::vector<Var>& p) -> te::Value {
                                     return te::maximum(te::add(a({p[0], p[1]}), bias({p[1]})), 0.0);
                                   },
                                   "shifted", {"i", "j"});
  const auto scaled = te::compute({5, 7},
                                  [&](const std::vector<Var>& p) -> te::Value {
                                    return te::multiply(shifted({p[0], p[1]}), 2.0);
                                  },
                                  "scaled", {"i", "j"});
  const auto other = te::compute({5, 7},
                                 [&](const std::vector<Var>& p) -> te::Value {
                                   return te::add(shifted({p[0], p[1]}), 1.0);
                                 },
                                 "other", {"i", "j"});
  return te::first_program({scaled, other}, std::nullopt, "diamond");
}

TEST(Rewrite, puts_the_blocks_of_an_expression_in_the_place_of_a_block) {
  Schedule s(chain_program(5, 7));
  const Value blocks = apply(s, "scaled", "test_twice", {{"m", 2}}).front();
  const List& made = *blocks.get_if<List>();
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(s.name_of(made[0]), "twice");
  EXPECT_EQ(s.name_of(made[1]), "scaled");
  expect_same_meaning(s);
}

TEST(Rewrite, replaces_several_blocks_and_what_lay_between_them) {
  Schedule s(chain_program(5, 7));
  apply(s, "scaled", "test_chain", {});
  EXPECT_THAT(text_of(s), testing::Not(HasSubstr("shifted")));
  expect_same_meaning(s);
}

TEST(Rewrite, of_symbolic_sizes_and_sizes_of_zero) {
  for (const char* name : {"test_twice", "test_chain"}) {
    Schedule s(chain_program(te::var("n", 0, 64), te::var("m")));
    if (std::string(name) == "test_twice")
      apply(s, "scaled", name, {{"m", 2}});
    else
      apply(s, "scaled", name, {});
    for (const int64_t n : {0, 1, 5}) expect_same_meaning(s, {{"n", n}, {"m", 3}});
  }
}

TEST(Rewrite, takes_parameters_as_extents) {
  Schedule s(chain_program(5, 7));
  apply(s, "scaled", "test_chain", {{"size", Tunable{"t", 1, 64}}});
  EXPECT_THAT(text_of(s), HasSubstr("t: param"));
  for (const int64_t t : {1, 3, 64}) expect_same_meaning(s, {{"t", t}});
}

TEST(Rewrite, names_of_new_blocks_and_buffers_are_their_own) {
  Schedule s(chain_program(5, 7));
  apply(s, "scaled", "test_twice", {{"m", 2}});
  apply(s, "twice", "test_twice", {{"m", 2}});
  EXPECT_THAT(error_of([&] { s.block("twice_2"); }), HasSubstr("twice, twice_1, scaled"));
}

TEST(Rewrite, its_blocks_take_further_steps) {
  Schedule s(chain_program(13, 7));
  const List made = *apply(s, "scaled", "test_twice", {{"m", 2}}).front().get_if<List>();
  const auto loops = loops_of(s, "scaled");
  const Value parts = s.apply("split", {loops[0], Value(List{{}, 4})}).front();
  const List& i = *parts.get_if<List>();
  s.apply("compute_at", {made[0], i[0]});
  s.apply("vectorize", {i[1]});
  s.apply("compute_inline", {s.block("shifted")});
  expect_same_meaning(s);
}

TEST(Rewrite, comes_after_steps_on_other_blocks_and_on_its_own_loops) {
  Schedule s(chain_program(13, 7));
  auto loops = loops_of(s, "shifted");
  s.apply("parallel", {loops[0]});
  loops = loops_of(s, "scaled");
  s.apply("split", {loops[0], Value(List{{}, Tunable{"c", 1, 64}})});
  s.apply("vectorize", {loops[1]});
  apply(s, "scaled", "test_twice", {{"m", 2}});
  EXPECT_THAT(text_of(s), HasSubstr("parallel"));
  for (const int64_t c : {1, 5, 64}) expect_same_meaning(s, {{"c", c}});
}

TEST(Rewrite, of_blocks_that_stand_in_each_others_loops) {
  Schedule s(chain_program(13, 7));
  s.apply("compute_at", {s.block("shifted"), loops_of(s, "scaled")[0]});
  apply(s, "scaled", "test_chain", {});
  expect_same_meaning(s);
}

TEST(Rewrite, handles_of_what_goes_say_so_and_others_live) {
  Schedule s(chain_program(5, 7));
  const BlockRef shifted = s.block("shifted"), scaled = s.block("scaled");
  const BufferRef middle = s.buffer("shifted");
  apply(s, "scaled", "test_twice", {{"m", 2}});
  EXPECT_NO_THROW(s.loops(shifted));
  EXPECT_THAT(error_of([&] { s.loops(scaled); }), HasSubstr("gone since step 0, rewrite"));
  s.apply("set_scope", {middle, "local"});
  expect_same_meaning(s);
}

TEST(Rewrite, the_program_keeps_the_bounds) {
  Schedule s(chain_program(5, 7));
  EXPECT_TRUE(applied_rewrites(s.program()).empty());
  apply(s, "scaled", "test_twice", {{"m", 2}, {"note", "a b"}});
  apply(s, "scaled", "test_twice", {{"m", 3}});
  s.apply("parallel", {loops_of(s, "scaled")[0]});
  const auto applied = applied_rewrites(parse_program(text_of(s)));
  ASSERT_EQ(applied.size(), 2U);
  EXPECT_EQ(applied[0].call, "test_twice(m=2, note='a b')");
  EXPECT_EQ(applied[1].call, "test_twice(m=3)");
  EXPECT_EQ(applied[0].error_factor, 0.5);
  EXPECT_EQ(applied[0].error_per_term, 0.25);
  EXPECT_EQ(applied[0].error_scale, ErrorScale::kLargest);
}

TEST(Rewrite, refuses_unknown_names_and_lists_those_there_are) {
  Schedule s(chain_program(5, 7));
  const std::string message = refusal(s, "scaled", "fft", {});
  EXPECT_THAT(message, HasSubstr("rewrite(scaled, 'fft'): there is no rewrite 'fft'"));
  EXPECT_THAT(message, HasSubstr("test_chain, test_twice"));
}

TEST(Rewrite, refuses_options_that_are_unknown_missing_or_of_another_kind) {
  Schedule s(chain_program(5, 7));
  EXPECT_THAT(refusal(s, "scaled", "test_twice", {{"k", 2}, {"m", 2}}),
              HasSubstr("has no option 'k'; its options are m, size, note"));
  EXPECT_THAT(refusal(s, "scaled", "test_twice", {}), HasSubstr("needs the option 'm': A number."));
  EXPECT_THAT(
      refusal(s, "scaled", "test_twice", {{"m", "two"}}),
      HasSubstr(
          "rewrite(scaled, 'test_twice', m='two'): the option 'm' of the rewrite test_twice must be an int"));
  EXPECT_THAT(refusal(s, "scaled", "test_twice", {{"m", Tunable{"t"}}}), HasSubstr("must be an int"));
  EXPECT_THAT(
      refusal(s, "scaled", "test_twice", {{"m", 1}, {"size", 0}}),
      HasSubstr("the option 'size' of the rewrite test_twice must be an int of at least 1 or a parameter"));
}

TEST(Rewrite, passes_on_what_the_rewrite_refuses) {
  Schedule s(chain_program(5, 7));
  EXPECT_THAT(refusal(s, "shifted", "test_twice", {{"m", 2}}),
              HasSubstr("block shifted does not store one value of one buffer"));
}

TEST(Rewrite, refuses_a_block_that_shares_its_loops) {
  Schedule s(chain_program(5, 7));
  s.apply("compute_at", {s.block("shifted"), loops_of(s, "scaled")[0]});
  EXPECT_THAT(refusal(s, "scaled", "test_twice", {{"m", 2}}),
              HasSubstr("loop i also runs other blocks, and each turn computes a part of block scaled only"));
}

TEST(Rewrite, refuses_what_others_need_between_the_blocks) {
  Schedule s(diamond_program());
  EXPECT_THAT(
      refusal(s, "scaled", "test_chain", {}),
      HasSubstr("block other uses buffer shifted, which lies between blocks that are replaced (scaled)"));
}

/// A program of two blocks, "shifted" into T and "scaled" into D, with statements around and between.
Schedule program_of(const std::string& before, const std::string& between, const std::string& loop = "i in 5",
                    const std::string& params = "", const std::string& input = "A") {
  return Schedule(parse_program("program chain(A: inout float32[5, 7], bias: in float32[7], " + params +
                                "D: inout float32[5, 7]):\n"
                                "  allocate T: float32[5, 7]\n" +
                                before +
                                "  for i in 5:\n"
                                "    for j in 7:\n"
                                "      block shifted#0(vi: spatial(5) = i, vj: spatial(7) = j):\n"
                                "        reads " +
                                input +
                                "[vi, vj], bias[vj]\n"
                                "        writes T[vi, vj]\n"
                                "        T[vi, vj] = " +
                                input + "[vi, vj] + bias[vj]\n" + between + "  for " + loop +
                                ":\n"
                                "    for j in 7:\n"
                                "      block scaled#1(vi: spatial(5) = i, vj: spatial(7) = j):\n"
                                "        reads T[vi, vj]\n"
                                "        writes D[vi, vj]\n"
                                "        D[vi, vj] = T[vi, vj] * 2.0f32\n"));
}

/// A nest over (5, 7) with one block that stores a value.
std::string block_text(const std::string& name, int id, const std::string& target, const std::string& value,
                       const std::string& reads) {
  return "  for i in 5:\n    for j in 7:\n      block " + name + "#" + std::to_string(id) +
         "(vi: spatial(5) = i, vj: spatial(7) = j):\n        reads " + reads + "\n        writes " + target +
         "[vi, vj]\n        " + target + "[vi, vj] = " + value + "\n";
}

TEST(Rewrite, refuses_a_result_with_other_writers) {
  Schedule s = program_of("", block_text("other", 2, "D", "0.0f32", "bias[vj]"));
  EXPECT_THAT(refusal(s, "scaled", "test_twice", {{"m", 2}}),
              HasSubstr("block other also writes buffer D; a rewrite replaces its only writer"));
}

TEST(Rewrite, refuses_what_changes_or_is_read_between_the_blocks) {
  Schedule s = program_of("", block_text("bump", 2, "A", "A[vi, vj] + 1.0f32", "A[vi, vj]"));
  EXPECT_THAT(refusal(s, "scaled", "test_chain", {}),
              HasSubstr("block bump writes buffer A between blocks shifted and scaled"));
  Schedule t = program_of("", block_text("peek", 2, "E", "D[vi, vj]", "D[vi, vj]"), "i in 5",
                          "E: out float32[5, 7], ");
  EXPECT_THAT(refusal(t, "scaled", "test_chain", {}),
              HasSubstr("block peek reads buffer D between blocks shifted and scaled"));
  Schedule u = program_of("", block_text("look", 2, "E", "A[vi, vj]", "A[vi, vj]"), "i in 5",
                          "E: out float32[5, 7], ");
  apply(u, "scaled", "test_chain", {});
}

TEST(Rewrite, refuses_a_block_that_may_leave_points_out) {
  Schedule s = program_of("", "", "i in 4");
  EXPECT_THAT(refusal(s, "scaled", "test_twice", {{"m", 2}}),
              HasSubstr("the loops of block scaled are not proved to run it for every point"));
}

TEST(Rewrite, refuses_blocks_in_different_loops) {
  const auto a = te::placeholder({5, 7}, kFloat32, "A");
  const auto bias = te::placeholder({7}, kFloat32, "bias");
  const auto shifted = te::compute({5, 7},
                                   [&](const std::vector<Var>& p) -> te::Value {
                                     return te::add(a({p[0], p[1]}), bias({p[1]}));
                                   },
                                   "shifted", {"i", "j"});
  const auto scaled = te::compute({5, 7},
                                  [&](const std::vector<Var>& p) -> te::Value {
                                    return te::multiply(shifted({p[0], p[1]}), 2.0);
                                  },
                                  "scaled", {"i", "j"});
  const auto last = te::compute({5, 7},
                                [&](const std::vector<Var>& p) -> te::Value {
                                  return te::add(scaled({p[0], p[1]}), 1.0);
                                },
                                "last", {"i", "j"});
  Schedule s(te::first_program({last}));
  s.apply("compute_at", {s.block("scaled"), loops_of(s, "last")[0]});
  EXPECT_THAT(refusal(s, "scaled", "test_chain", {}),
              HasSubstr("blocks shifted and scaled are replaced together and must stand in the same loops"));
}

TEST(Rewrite, refuses_what_the_caller_sees_between_the_blocks) {
  const Schedule inner = program_of("", "");
  std::string text = to_text(inner.program());
  text.erase(text.find("  allocate T: float32[5, 7]\n"), std::string("  allocate T: float32[5, 7]\n").size());
  text.replace(text.find("D: inout"), 0, "T: inout float32[5, 7], ");
  Schedule s(parse_program(text));
  EXPECT_THAT(refusal(s, "scaled", "test_chain", {}),
              HasSubstr("buffer T lies between blocks that are replaced, and the caller sees it"));
}

TEST(Rewrite, refuses_what_does_not_live_at_the_new_place) {
  std::string text =
      to_text(program_of("  allocate P: float32[5, 7]\n" + block_text("made", 2, "P", "0.0f32", "bias[vj]"),
                         "", "i in 5", "", "P")
                  .program());
  // P lives around the first two nests only.
  const std::size_t begin = text.find("  allocate P: float32[5, 7]\n");
  const std::size_t from = text.find('\n', begin) + 1, to = text.find("  for", text.find("block shifted"));
  std::string indented;
  for (std::size_t at = from, end; at < to; at = end + 1) {
    end = text.find('\n', at);
    indented += "  " + text.substr(at, end + 1 - at);
  }
  text = text.substr(0, begin) + "  allocate P: float32[5, 7]:\n" + indented + text.substr(to);
  Schedule s(parse_program(text));
  EXPECT_THAT(refusal(s, "scaled", "test_chain", {}),
              HasSubstr("buffer P does not live where block scaled stands"));
}

}  // namespace
}  // namespace tw::schedule
