// bind to thread indices of nests that share local memory: each element belongs to one thread.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/place.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;

/// The chain with the buffer between its blocks in local memory.
Schedule local_chain(const te::Value& n, const te::Value& m) {
  Schedule s(chain_program(n, m));
  s.apply("set_scope", {"shifted", "local"});
  return s;
}

/// A schedule of Y = T[subscript] behind T = X, in nests of these loops.
Schedule phases(const std::string& writer, const std::string& reader, const std::string& subscript = "v") {
  return Schedule(
      parse_program("program p(X: in float32[8], Y: out float32[8]):\n"
                    "  allocate T: local float32[8]\n"
                    "  for i in " +
                    writer +
                    ":\n"
                    "    block copy#0(v: spatial(8) = i):\n"
                    "      reads X[v]\n"
                    "      writes T[v]\n"
                    "      T[v] = X[v]\n"
                    "  for j in " +
                    reader +
                    ":\n"
                    "    block use#1(v: spatial(8) = j):\n"
                    "      reads T[" +
                    subscript +
                    "]\n"
                    "      writes Y[v]\n"
                    "      Y[v] = T[" +
                    subscript + "]\n"));
}

TEST(BindLocal, TakesNestsThatGiveAnElementToOneThread) {
  const Var n = te::var("n", 0, 64), m = te::var("m", 0, 64);
  for (const bool symbolic : {false, true}) {
    Schedule s = symbolic ? local_chain(n, m) : local_chain(5, 7);
    // The first is bound in full while the other one is serial, and in another order.
    for (const auto* const block : {"shifted", "scaled"}) {
      const auto loops = loops_of(s, block);
      const bool first = std::string(block) == "shifted";
      s.apply("bind", {loops[first ? 0 : 1], first ? "threadIdx.y" : "threadIdx.x"});
      s.apply("bind", {loops[first ? 1 : 0], first ? "threadIdx.x" : "threadIdx.y"});
    }
    for (const int64_t size : {0, 1, 6, 11}) {
      expect_same_meaning(s, {{"n", size}, {"m", 7}});
      if (!symbolic) break;
    }
  }
}

TEST(BindLocal, TakesTilesThatAreSplitAlike) {
  const Var n = te::var("n", 0, 64);
  for (const Value& tile : {Value(4), Value(Tunable{"tile", 1, 8})}) {
    Schedule s = local_chain(n, 7);
    for (const auto* const block : {"shifted", "scaled"})
      s.apply("bind", {split(s, loops_of(s, block)[0], {{}, tile})[0], "threadIdx.x"});
    for (const int64_t size : {0, 1, 4, 13}) expect_same_meaning(s, {{"n", size}, {"tile", 3}});
  }
}

TEST(BindLocal, RefusesOtherDimensionsAndOtherTiles) {
  Schedule s = local_chain(8, 8);
  const auto writer = loops_of(s, "shifted"), reader = loops_of(s, "scaled");
  s.apply("bind", {writer[0], "threadIdx.x"});
  const std::string before = text_of(s);
  const std::string message = error_of([&] { s.apply("bind", {reader[1], "threadIdx.x"}); });
  EXPECT_THAT(message, HasSubstr("bind(j, 'threadIdx.x'): with loop j bound to threadIdx.x, one thread may "
                                 "write an element of shifted that another thread touches, and local memory "
                                 "belongs to one thread: block scaled reads shifted["));
  EXPECT_THAT(message, HasSubstr("(in loop j, bound to threadIdx.x), block shifted writes shifted["));
  EXPECT_THAT(message, HasSubstr("(in loop i, bound to threadIdx.x); split and order the loops of both so "
                                 "that an element has one thread, move one block into the threads of the "
                                 "other with compute_at, or put shifted in shared memory with set_scope"));
  EXPECT_EQ(text_of(s), before);
  const List tiles = split(s, reader[0], {{}, 4});
  for (const Value& loop : tiles)
    EXPECT_THAT(error_of([&] { s.apply("bind", {loop, "threadIdx.x"}); }), HasSubstr("local memory"));
  s.apply("bind", {s.apply("fuse", {Value(tiles)})[0], "threadIdx.x"});
  expect_same_meaning(s);
}

/// The program with a loop around its last block bound to threadIdx.x, whether or not that is right.
Program with_last_bound(const Program& program, std::size_t loop) {
  const Place place = find_statement(program, all_blocks(program).back().loops()[loop]);
  auto* bound = new For(static_cast<const For&>(*place.node));
  const Stmt owner(bound);
  bound->loop_kind = LoopKind::kBound;
  bound->gpu_index = GpuIndex::kThreadX;
  return ProgramNode::make(program->name, program->params, replaced_at(program, place, owner));
}

TEST(BindLocal, JudgesAsTheInterpreterDoes) {
  const std::vector<List> tilings{{{}, 3}, {{}, 4}, {4, {}}, {2, {}, 3}, {{}, 2, 3}};
  int taken = 0, refused = 0;
  for (const List& writer : tilings)
    for (const List& reader : tilings)
      for (std::size_t x = 0; x <= writer.size(); ++x)
        for (std::size_t y = 0; y <= reader.size(); ++y) {
          Schedule s = local_chain(12, 4);
          split(s, loops_of(s, "shifted")[0], writer);
          split(s, loops_of(s, "scaled")[0], reader);
          s.apply("bind", {loops_of(s, "shifted")[x], "threadIdx.x"});
          const Program bound = with_last_bound(s.program(), y);
          std::string fault, refusal;
          try {
            results_of(bound, normal_data());
          } catch (const UserError& error) {
            fault = error.what();
          }
          try {
            s.apply("bind", {loops_of(s, "scaled")[y], "threadIdx.x"});
          } catch (const UserError& error) {
            refusal = error.what();
          }
          EXPECT_EQ(fault.empty(), refusal.empty()) << to_text(bound) << fault << refusal;
          ++(refusal.empty() ? taken : refused);
        }
  EXPECT_GT(taken, 30);
  EXPECT_GT(refused, 100);
}

TEST(BindLocal, RefusesThreadsThatReadEachOther) {
  Schedule s = phases("bind(threadIdx.x, 8)", "8", "7 - v");
  EXPECT_THAT(
      error_of([&] {
        s.apply("bind", {loops_of(s, "use")[0], "threadIdx.x"});
      }),
      HasSubstr("block use reads T[7 - j] (in loop j, bound to threadIdx.x), block copy writes T[i]"));
  Schedule written = phases("8", "bind(threadIdx.x, 8)", "7 - v");
  EXPECT_THAT(error_of([&] {
                written.apply("bind", {loops_of(written, "copy")[0], "threadIdx.x"});
              }),
              HasSubstr("block copy writes T[i] (in loop i, bound to threadIdx.x), block use reads"));
  Schedule own = phases("bind(threadIdx.x, 8)", "8");
  own.apply("bind", {loops_of(own, "use")[0], "threadIdx.x"});
  expect_same_meaning(own);
  // Other threads than those of the index are others too.
  Schedule across = phases("bind(threadIdx.y, 8)", "8");
  across.apply("bind", {loops_of(across, "use")[0], "threadIdx.y"});
  expect_same_meaning(across);
}

TEST(BindLocal, TakesFewerThreadsThanTurnsOfTheOther) {
  Schedule s(parse_program(R"(program p(X: in float32[8], Y: out float32[5]):
  allocate T: local float32[8]
  for i in bind(threadIdx.x, 8):
    block copy#0(v: spatial(8) = i):
      reads X[v]
      writes T[v]
      T[v] = X[v]
  for j in 5:
    block use#1(v: spatial(5) = j):
      reads T[v]
      writes Y[v]
      Y[v] = T[v]
)"));
  s.apply("bind", {loops_of(s, "use")[0], "threadIdx.x"});
  expect_same_meaning(s);
}

TEST(BindLocal, RefusesANestThatCanNoLongerBeBound) {
  Schedule read = phases("8", "vectorized(8)");
  EXPECT_THAT(error_of([&] {
                read.apply("bind", {loops_of(read, "copy")[0], "threadIdx.x"});
              }),
              HasSubstr("block use reads T[j] (outside of loops over threadIdx.x, where no serial loop is "
                        "left)"));
  // What is written outside of all threads is written by each of them.
  Schedule filled = phases("vectorized(8)", "8", "7 - v");
  filled.apply("bind", {loops_of(filled, "use")[0], "threadIdx.x"});
  expect_same_meaning(filled);
}

TEST(BindLocal, RefusesTheIndexThatTakesTheLastLoop) {
  Schedule s = local_chain(4, 8);
  const auto writer = loops_of(s, "shifted"), reader = loops_of(s, "scaled");
  s.apply("bind", {writer[0], "threadIdx.y"});
  s.apply("bind", {writer[1], "threadIdx.x"});
  s.apply("vectorize", {reader[1]});
  EXPECT_THAT(
      error_of([&] {
        s.apply("bind", {reader[0], "threadIdx.y"});
      }),
      HasSubstr("block scaled reads shifted[i, j] (outside of loops over threadIdx.x, where no serial "
                "loop is left), block shifted writes"));
}

TEST(BindLocal, RefusesThreadsThatMeetInDifferentTurnsOfALoopAround) {
  const auto text = [](const std::string& subscript) {
    return "program p(X: in float32[8], Y: out float32[3, 8]):\n"
           "  allocate T: local float32[4, 8]\n"
           "  for p in 3:\n"
           "    for i in 8:\n"
           "      seq:\n"
           "        block use#0(q: ordered(3) = p, v: spatial(8) = i):\n"
           "          reads T[q, " +
           subscript +
           "]\n"
           "          writes Y[q, v]\n"
           "          Y[q, v] = select(q > 0, T[q, " +
           subscript +
           "], 0.0f32)\n"
           "        block copy#1(q: ordered(3) = p, v: spatial(8) = i):\n"
           "          reads X[v]\n"
           "          writes T[q + 1, v]\n"
           "          T[q + 1, v] = X[v]\n";
  };
  Schedule crossed(parse_program(text("7 - v")));
  EXPECT_THAT(error_of([&] {
                crossed.apply("bind", {loops_of(crossed, "use")[1], "threadIdx.x"});
              }),
              HasSubstr("local memory belongs to one thread: block use reads T[p, 7 - i] (in loop i"));
  Schedule own(parse_program(text("v")));
  own.apply("bind", {loops_of(own, "use")[1], "threadIdx.x"});
  expect_same_meaning(own);
}

/// C in tiles of threads, each of which keeps its part in local memory: cleared, summed up and stored in
/// three nests.
void keep_tiles_in_registers(Schedule& s, const Value& tile, bool wrong) {
  const auto loops = loops_of(s, "C");
  const List i = split(s, loops[0], {{}, 4, tile}), j = split(s, loops[1], {{}, 8, tile});
  s.apply("reorder", {Value(List{i[0], j[0], loops[2], i[1], j[1], i[2], j[2]})});
  const Value store = s.apply("cache_write", {s.block("C"), "local"})[0];
  s.apply("reverse_compute_at", {store, j[0]});
  const auto around = loops_of(s, "C_out");
  const std::size_t outer = around.size() - 2;
  const List rows = split(s, around[outer], {4, tile}), columns = split(s, around[outer + 1], {8, tile});
  s.apply("reorder", {Value(List{rows[0], columns[0], rows[1], columns[1]})});
  s.apply("decompose_reduction", {s.block("C"), loops[2]});
  for (const auto& [block, first] : {std::pair("C_init", 2), {"C", 3}, {"C_out", 2}}) {
    const auto nest = loops_of(s, block);
    const auto at = static_cast<std::size_t>(first);
    if (wrong && std::string(block) == "C_out") {
      s.apply("bind", {nest[at + 2], "threadIdx.y"});  // the loop in the tile of a thread
      continue;
    }
    s.apply("bind", {nest[at], "threadIdx.y"});
    s.apply("bind", {nest[at + 1], "threadIdx.x"});
  }
}

TEST(BindLocal, TakesTheRegisterTileOfAMatrixProduct) {
  const Var n = te::var("n", 1, 64), m = te::var("m", 1, 64), k = te::var("k", 1, 64);
  for (const Value& tile : {Value(4), Value(Tunable{"tile", 1, 4})}) {
    // In the small one the loops outside of the threads have one turn.
    Schedule constant(matmul_program(32, 64, 5)), odd(matmul_program(19, 37, 3)),
        small(matmul_program(5, 3, 1)), symbolic(matmul_program(n, m, k));
    for (Schedule* s : {&constant, &odd, &small, &symbolic}) {
      keep_tiles_in_registers(*s, tile, false);
      expect_same_meaning(*s, {{"n", 21}, {"m", 35}, {"k", 3}, {"tile", 2}});
    }
  }
}

TEST(BindLocal, RefusesAnotherRegisterTile) {
  Schedule s(matmul_program(32, 64, 5));
  EXPECT_THAT(error_of([&] { keep_tiles_in_registers(s, 4, true); }),
              HasSubstr("one thread may write an element of C_local that another thread touches"));
}

}  // namespace
}  // namespace tw::schedule
