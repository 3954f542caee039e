// What programs do wrong: each error with its message, place and values.
#include <random>

#include "ir/interpret/run_program.h"
#include "ir/text.h"
#include "ir/visit.h"

namespace tw::interpret_tests {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Errors, AnOutOfBoundsReadShowsThePlaceAndTheValues) {
  Array x(kFloat32, {4, 3}, scrambled), y(kFloat32, {4, 3});
  const std::string message = error_of(R"(program shift(X: in float32[4, 3], Y: out float32[4, 3]):
  for i in 4:
    for j in 3:
      Y[i, j] = X[i, j + 1]
)",
                                       {x, y});
  EXPECT_EQ(message,
            R"(out-of-bounds read of X[0, 3]: subscript 1 is 3, not in 0 <= subscript < 3, in program 'shift'
where i = 0, j = 2
program shift(X: in float32[4, 3], Y: out float32[4, 3]):
  for i in 4:
    for j in 3:
      Y[i, j] = X[i, j + 1]
      ^^^^^^^^^^^^^^^^^^^^^ subscript 1 is 3, not in 0 <= subscript < 3
)");
}

TEST(Errors, OutOfBoundsIsAnIndexErrorTheOthersValueErrors) {
  Array y(kFloat32, {4});
  try {
    run("program p(Y: out float32[4]):\n  Y[-1] = 0.0f32\n", {y});
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kIndex);
    EXPECT_THAT(error.what(),
                StartsWith("out-of-bounds write of Y[-1]: subscript 0 is -1, not in 0 <= subscript < 4"));
  }
  try {
    run("program p(Y: out float32[4]):\n  Y[0] = Y[0]\n", {y});
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kValue);
  }
}

TEST(Errors, OfAssertionsAreOfTheKindThatTheySay) {
  Array y(kFloat32, {4});
  for (const bool index : {false, true}) try {
      run("program p(Y: out float32[4]):\n  assert false, " + std::string(index ? "index " : "") + "\"no\"\n",
          {y});
      FAIL();
    } catch (const UserError& error) {
      EXPECT_EQ(error.kind(), index ? ErrorKind::kIndex : ErrorKind::kValue);
      EXPECT_THAT(error.what(), StartsWith("assertion failed: no"));
    }
}

TEST(Errors, EveryRankIsChecked) {
  Array y(kInt32, {2, 3, 2, 2});
  const auto error = [&](const std::string& at) {
    return error_of("program p(n: size, Y: inout int32[2, 3, 2, 2]):\n  Y[" + at + "] = 1i32\n", {9, y});
  };
  EXPECT_THAT(error("n, 0, 0, 0"), HasSubstr("Y[9, 0, 0, 0]: subscript 0 is 9"));
  EXPECT_THAT(error("0, 3, 0, 0"), HasSubstr("Y[0, 3, 0, 0]: subscript 1 is 3"));
  EXPECT_THAT(error("0, 0, -n, 0"), HasSubstr("Y[0, 0, -9, 0]: subscript 2 is -9"));
  EXPECT_THAT(error("0, 0, 0, 2"), HasSubstr("subscript 3 is 2"));
  Array z(kInt32, {2, 3, 2});
  for (const char* at : {"2, 0, 0", "0, 3, 0", "0, 0, 2"})
    EXPECT_THAT(error_of("program p(Z: inout int32[2, 3, 2]):\n  Z[" + std::string(at) + "] = 1i32\n", {z}),
                HasSubstr("out-of-bounds write of Z[" + std::string(at) + "]"));
}

TEST(Errors, UninitialisedReadsOfAllocationsAndOutputs) {
  Array y(kInt32, {2, 2});
  EXPECT_THAT(error_of("program p(Y: out int32[2, 2]):\n  Y[0, 0] = Y[1, 0]\n", {y}),
              HasSubstr("read of uninitialised memory: nothing has been written to Y[1, 0], in program 'p'"));
  EXPECT_THAT(error_of("program p(Y: out int32[2, 2]):\n  allocate T: int32[3]\n  Y[0, 0] = T[2]\n", {y}),
              HasSubstr("nothing has been written to T[2]"));
  InterpretOptions options;
  options.outputs_undefined = false;
  run("program p(Y: out int32[2, 2]):\n  Y[0, 0] = Y[1, 0] + 4i32\n", {y}, options);
  EXPECT_EQ(y[0], 4);
}

TEST(Errors, OutputsMustBeWrittenInFull) {
  Array y(kInt32, {2, 2});
  EXPECT_THAT(error_of("program p(Y: out int32[2, 2]):\n  for i in 2:\n    Y[i, 0] = 1i32\n", {y}),
              HasSubstr("Y[0, 1] of output 'argument 0 ('Y')' is never written, in program 'p'"));
}

TEST(Errors, IndexArithmeticThatOverflows) {
  Array y(kInt64, {1});
  const auto error = [&](const std::string& e, int64_t n) {
    return error_of("program p(n: size, Y: out int64[1]):\n  Y[0] = int64(" + e + ")\n", {n, y});
  };
  EXPECT_THAT(error("n + 1", INT64_MAX),
              HasSubstr("index overflow: 9223372036854775807 + 1 leaves the range of 64-bit integers"));
  EXPECT_THAT(error("n - 1", INT64_MIN), HasSubstr("index overflow: -9223372036854775808 - 1 leaves"));
  EXPECT_THAT(error("n * n", INT64_MAX),
              HasSubstr("index overflow: 9223372036854775807 * 9223372036854775807 leaves"));
  EXPECT_THAT(error("n // -1", INT64_MIN), HasSubstr("index overflow: -9223372036854775808 // -1 leaves"));
  EXPECT_THAT(error("-n", INT64_MIN), HasSubstr("index overflow: -(-9223372036854775808) leaves"));
  EXPECT_THAT(error("abs(n)", INT64_MIN), HasSubstr("index overflow: abs(-9223372036854775808) leaves"));
  run("program p(n: size, Y: out int64[1]):\n  Y[0] = int64(n) + 1i64\n", {INT64_MAX, y});
  EXPECT_EQ(y.as<int64_t>()[0], INT64_MIN);
}

TEST(Errors, NegativeExtentsOfLoopsAndBuffers) {
  Array y(kInt64, {1});
  EXPECT_THAT(
      error_of("program p(n: size, Y: inout int64[1]):\n  for i in n - 5:\n    Y[0] = 1i64\n", {3, y}),
      HasSubstr("negative extent: a loop of extent -2; it must be at least 0"));
  EXPECT_THAT(
      error_of("program p(n: size, Y: inout int64[1]):\n  allocate T: int64[2, n]\n  Y[0] = 1i64\n", {-3, y}),
      HasSubstr("negative extent: dimension 1 of buffer 'T' has extent -3; it must be at least 0"));
}

TEST(Errors, MemoryBeyondTheLimit) {
  Array y(kInt64, {1});
  const auto text = [](const std::string& shape) {
    return "program p(n: size, Y: inout int64[1]):\n  allocate T: int64[" + shape + "]\n  Y[0] = 1i64\n";
  };
  InterpretOptions options;
  options.max_memory = 1000;
  run(text("n"), {125, y}, options);
  EXPECT_THAT(error_of(text("n"), {126, y}, options),
              HasSubstr("memory limit: buffer 'T' of [126] x int64 does not fit beside the 0 bytes in use; "
                        "the limit is 1000 "
                        "bytes (InterpretOptions::max_memory)"));
  EXPECT_THAT(error_of(text("n, n, n"), {INT64_MAX, y}), HasSubstr("memory limit"));
  EXPECT_THAT(error_of(text("n] strides [n"), {INT64_MAX / 2, y}), HasSubstr("memory limit"));
  // Memory is given back: the limit holds for what lives at one time.
  run("program p(n: size, Y: inout int64[1]):\n  for i in 100:\n    allocate T: int64[n]\n    Y[0] = 1i64\n",
      {125, y}, options);
}

TEST(Errors, WritesToInputs) {
  Array x(kInt64, {1});
  EXPECT_THAT(error_of("program p(X: in int64[1]):\n  X[0] = 1i64\n", {x}),
              HasSubstr("the program writes to 'X', which is an input, in program 'p'"));
}

/// Programs that texts cannot say.
Program with_store(const Buffer& y, Expr index, Expr value) {
  return ProgramNode::make("p", {Param::of_buffer(ParamKind::kInOut, y)},
                           Store::make(y, {std::move(index)}, std::move(value)));
}

TEST(Errors, NamesThatNothingIntroduces) {
  Array data(kInt64, {2}, scrambled);
  const Buffer y = BufferNode::make("Y", kInt64, {2}), other = BufferNode::make("Z", kInt64, {2});
  const Expr one = make_const(kInt64, int64_t{1});
  EXPECT_THAT(error_of(with_store(y, Var("i"), one), {data}), HasSubstr("variable 'i' has no value here"));
  EXPECT_THAT(error_of(with_store(y, Expr(0), Load::make(other, {Expr(0)})), {data}),
              HasSubstr("buffer 'Z' has no memory here"));
}

TEST(Errors, ALoopVariableHasNoValueAfterItsLoop) {
  Array data(kInt64, {2}, scrambled);
  const Buffer y = BufferNode::make("Y", kInt64, {2});
  const Var i("i");
  const Stmt store = Store::make(y, {i}, make_const(kInt64, int64_t{1}));
  const Program program = ProgramNode::make("p", {Param::of_buffer(ParamKind::kInOut, y)},
                                            Seq::make({For::make(i, Expr(2), store), store}));
  EXPECT_THAT(error_of(program, {data}), HasSubstr("variable 'i' has no value here"));
}

TEST(Errors, VectorsWhereOneValueIsNeeded) {
  Array data(kInt64, {2}, scrambled);
  const Buffer y = BufferNode::make("Y", kInt64, {2});
  const Stmt store = Store::make(y, {Expr(0)}, make_const(kInt64, int64_t{1}));
  const Expr vector = Broadcast::make(make_bool(true), 4);
  const Program program =
      ProgramNode::make("p", {Param::of_buffer(ParamKind::kInOut, y)}, If::make(vector, store));
  EXPECT_THAT(error_of(program, {data}), HasSubstr("a condition has type boolx4; it must be bool"));
}

TEST(Errors, ReductionsAreNoPartOfLoopPrograms) {
  Array data(kInt64, {1}, scrambled);
  const Buffer y = BufferNode::make("Y", kInt64, {1});
  const Var a("a", kInt64), b("b", kInt64), k("k");
  const Reducer sum = ReducerNode::make("sum", {a}, {b}, {a + b}, {make_const(kInt64, int64_t{0})});
  const Expr reduce = Reduce::make(sum, {{k, Expr(0), Expr(4)}}, {cast(kInt64, k)});
  EXPECT_THAT(error_of(with_store(y, Expr(0), reduce), {data}),
              HasSubstr("a Reduce cannot be computed in a loop program"));
}

TEST(Robustness, DeepNestingRunsOrRaises) {
  for (const int depth : {500, 3000}) {
    Array data(kInt64, {1}, scrambled);
    const Buffer y = BufferNode::make("Y", kInt64, {1});
    Expr e = make_const(kInt64, int64_t{1});
    Stmt s = Store::make(y, {Expr(0)}, make_const(kInt64, int64_t{1}));
    for (int i = 0; i < depth; ++i) {
      e = Binary::make(BinaryOp::kAdd, e, make_const(kInt64, int64_t{1}));
      s = For::make(Var("i"), Expr(1), s, i % 3 ? LoopKind::kSerial : LoopKind::kParallel);
    }
    for (const Program& program :
         {with_store(y, Expr(0), e), ProgramNode::make("p", {Param::of_buffer(ParamKind::kInOut, y)}, s)}) {
      try {
        run(program, {data});
      } catch (const UserError& error) {
        EXPECT_THAT(error.what(), HasSubstr("nests too deeply"));
      }
    }
  }
}

/// Changes constants of type index and kinds of loops, at random.
class Mutation : public Mutator {
 public:
  explicit Mutation(uint64_t seed) : random_(seed) {}

 protected:
  using Mutator::on;
  Expr on(const IntImm& node) override {
    if (!node.dtype.is_index() || random_() % 6) return Expr(&node);
    constexpr int64_t kValues[] = {0, 1, 2, -1, 3, 5, 17, 40, -9};
    return random_() % 2 ? Expr(node.value + static_cast<int64_t>(random_() % 5) - 2)
                         : Expr(kValues[random_() % 9]);
  }
  Stmt on(const For& node) override {
    const Stmt inner = Mutator::on(node);
    if (random_() % 6) return inner;
    auto* copy = new For(static_cast<const For&>(*inner));
    const Stmt made(copy);
    copy->loop_kind = static_cast<LoopKind>(random_() % 5);
    copy->gpu_index = static_cast<GpuIndex>(random_() % 6);
    return made;
  }

 private:
  std::mt19937_64 random_;
};

TEST(Robustness, MutatedProgramsRunOrRaise) {
  const char* const texts[] = {
      R"(program p(A: in float32[8, 8], C: inout float32[8, 8]):
  for i in parallel(8):
    for j in 8:
      for k in 8:
        block C(vi: spatial(8) = i, vj: spatial(8) = j, vk: reduce(8) = k) where i + j < 14:
          init:
            C[vi, vj] = 0.0f32
          C[vi, vj] = C[vi, vj] + A[vi, vk] * A[vk, vj]
)",
      R"(program p(A: in float32[8, 8], C: inout float32[8, 8]):
  allocate S: shared float32[2, 8] strides [8, 1]
  for ty in bind(threadIdx.y, 2):
    for tx in bind(threadIdx.x, 4):
      async_copy S[ty, tx * 2] = A[ty, tx * 2] count 2
      async_commit
      async_wait 0
      barrier block
      for i in 2:
        barrier warp
        C[ty, tx * 2 + i] = S[1 - ty, 7 - tx * 2 - i]
)",
      R"(program p(A: in float32[8, 8], C: inout float32[8, 8]):
  for i in 2:
    allocate T: float32[16] strides [2]
    T[ramp(i * 4, 1, 4)] = A[i, ramp(0, 2, 4) where ramp(0, 2, 4) < broadcast(7, 4)]
    let v: float32x4 = T[ramp(i * 4, 1, 4)]
    C[i, ramp(0, 1, 4) where ramp(0, 1, 4) < broadcast(i + 3, 4)] = select(ramp(0, 1, 4) < broadcast(2, 4), v, v * v)
)",
  };
  int fine = 0, raised = 0;
  for (const char* text : texts) {
    const Program program = parse_program(text);
    for (uint64_t seed = 0; seed < 400; ++seed) {
      Array a(kFloat32, {8, 8}, scrambled), c(kFloat32, {8, 8}, scrambled);
      InterpretOptions options;
      options.max_memory = 1 << 20;
      Program mutated;
      try {
        mutated = with_body(program, Mutation(seed).mutate(program->body));
        run(mutated, {a, c}, options);
        ++fine;
      } catch (const UserError&) {
        ++raised;
      }
    }
  }
  EXPECT_GT(fine, 100);
  EXPECT_GT(raised, 100);
}

}  // namespace
}  // namespace tw::interpret_tests
