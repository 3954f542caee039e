// Each rule: a program that breaks it, and what is said of that.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/verify.h"
#include "ir/verify/verify_rules.h"
#include "support/error.h"

namespace tw {
namespace {

using testing::HasSubstr;

struct Case {
  const char* rule;
  Stage stage;
  const char* message;
  const char* text;
};

const Case kCases[] = {
    {"known shapes", Stage::kSchedule, "size n is no extent by itself of a later parameter",
     R"(
program f(n: shape, A: out float32[n + 1]):
  pass
)"},
    {"parameters", Stage::kSchedule, "parameter A lies in shared memory",
     R"(
program f(A: out shared float32[4]):
  pass
)"},
    {"parameters", Stage::kSchedule, "the default 15 of mc is not in [14, 512] or no multiple of 14",
     R"(
program f(mc: param in [14, 512] multiple_of 14 = 15):
  pass
)"},
    {"inputs not written", Stage::kLowered, "buffer A is written, but it is a parameter of kind `in`",
     R"(
program f(A: in float32[4]):
  A[0] = 1.0f32
)"},
    {"inputs not written", Stage::kLowered, "buffer W is written, but it is a parameter of kind `const`",
     R"(
program f(W: const float32[4]):
  W[0] = 1.0f32
)"},
    {"closed blocks", Stage::kSchedule, "block C uses i, which is introduced around the block",
     R"(
program f(C: out float32[8]):
  for i in 8:
    block C(vi: spatial(8) = i):
      writes C[i]
      C[vi] = 1.0f32
)"},
    {"closed blocks", Stage::kSchedule, "the extent of axis vj of block C uses i; it may use sizes only",
     R"(
program f(C: out float32[8]):
  for i in 8:
    for j in i:
      block C(vj: spatial(i) = j):
        writes C[vj]
        C[vj] = 1.0f32
)"},
    {"bindings", Stage::kSchedule, "the binding index(A[i]) of axis vi reads memory",
     R"(
program f(A: in int64[8], C: out float32[8]):
  for i in 8:
    block C(vi: spatial(8) = index(A[i])):
      reads A[vi]
      writes C[vi]
      C[vi] = 1.0f32
)"},
    {"regions", Stage::kSchedule, "block C reads buffer A, which its reads do not list",
     R"(
program f(A: in float32[8], C: out float32[8]):
  for i in 8:
    block C(vi: spatial(8) = i):
      writes C[vi]
      C[vi] = A[vi]
)"},
    {"regions", Stage::kSchedule, "block C writes buffer C, which its writes do not list",
     R"(
program f(C: out float32[8]):
  for i in 8:
    block C(vi: spatial(8) = i):
      C[vi] = 1.0f32
)"},
    {"init", Stage::kSchedule, "block C has an init but no reduction axis",
     R"(
program f(C: out float32[8]):
  for i in 8:
    block C(vi: spatial(8) = i):
      writes C[vi]
      init:
        C[vi] = 0.0f32
      C[vi] = 1.0f32
)"},
    {"reducer body", Stage::kSchedule, "component 0 becomes C[0] * A[vk], but x + y is needed",
     R"(
program f(A: in float32[8], C: out float32[1]):
  for k in 8:
    block C(vk: reduce(8) = k):
      reads A[vk]
      writes C[0]
      reducer sum(float32)
      init:
        C[0] = 0.0f32
      C[0] = C[0] * A[vk]
)"},
    {"reducer body", Stage::kSchedule, "the store of component 1 reads buffer B, which is written before",
     R"(
program f(A: in float32[8], B: out float32[1], C: out float32[1]):
  for k in 8:
    block C(vk: reduce(8) = k):
      reads A[vk]
      writes B[0], C[0]
      reducer pair(x: float32, u: float32; y: float32, v: float32) -> (x + y, u + x * v) from (0.0f32, 0.0f32)
      B[0] = B[0] + A[vk]
      C[0] = C[0] + B[0] * A[vk]
)"},
    {"axis order", Stage::kSchedule, "the ordered axis vt is bound to loop t of kind `parallel`",
     R"(
program f(C: out float32[8]):
  for t in parallel(8):
    block C(vt: ordered(8) = t):
      writes C[vt]
      C[vt] = 1.0f32
)"},
    {"extents", Stage::kLowered, "the extent index(A[0]) of loop i reads memory; bind the value with a Let",
     R"(
program f(A: in int64[1], C: out float32[8]):
  for i in index(A[0]):
    C[i] = 1.0f32
)"},
    {"index loops", Stage::kSchedule, "variable i has type int32; it needs index",
     R"(
program f(C: out float32[8]):
  for i: int32 in 8i32:
    pass
)"},
    {"ordered loops", Stage::kSchedule, "loop i is ordered but of kind `parallel`",
     R"(
program f(C: out float32[8]):
  ordered for i in parallel(8):
    pass
)"},
    {"gpu indices", Stage::kLowered, "loop j is bound to threadIdx.x, as is loop i around it",
     R"(
program f(C: out float32[8]):
  for i in bind(threadIdx.x, 8):
    for j in bind(threadIdx.x, 8):
      pass
)"},
    {"gpu indices", Stage::kLowered, "loop j over blocks stands inside of loop i over threads",
     R"(
program f(C: out float32[8]):
  for i in bind(threadIdx.x, 8):
    for j in bind(blockIdx.x, 8):
      pass
)"},
    {"constant extents", Stage::kLowered, "loop i is vectorized but its extent n is not constant",
     R"(
program f(n: size, C: out float32[8]):
  for i in vectorized(n):
    pass
)"},
    {"constant extents", Stage::kFlat, "loop i is unrolled but its extent n is not constant",
     R"(
program f(n: size, C: out float32[8]):
  for i in unrolled(n):
    pass
)"},
    {"sequences", Stage::kLowered, "a sequence stands inside of a sequence",
     R"(
program f():
  seq:
    async_commit
    async_commit
  async_commit
)"},
    {"sequences", Stage::kLowered, "a sequence of one statement",
     R"(
program f():
  seq:
    async_commit
)"},
    {"no reductions", Stage::kLowered, "a reduction stands in a loop program",
     R"(
program f(A: in float32[8], C: out float32[1]):
  C[0] = reduce(sum(float32), [k in 0:+8], [A[k]])
)"},
    {"no blocks", Stage::kLowered, "block C is left in a lowered program",
     R"(
program f(C: out float32[1]):
  block C():
    writes C[0]
    C[0] = 1.0f32
)"},
    {"no vectors", Stage::kSchedule, "a value of type indexx8 stands in a program that is not lowered yet",
     R"(
program f(C: out float32[8]):
  C[ramp(0, 1, 8)] = broadcast(1.0f32, 8)
)"},
    {"no vector loops", Stage::kFlat, "loop i is vectorized; replace it by vectors",
     R"(
program f(C: out float32[8]):
  for i in vectorized(8):
    C[i] = 1.0f32
)"},
    {"flat buffers", Stage::kFlat, "buffer C has 2 dimensions; it needs one, without strides",
     R"(
program f(C: out float32[8, 8]):
  C[0, 0] = 1.0f32
)"},
    {"lane maps", Stage::kLowered, "buffer T has a lane map but lies in shared memory",
     R"(
program f():
  allocate T: shared float32[32] lanes (i) -> (i, 0)
  pass
)"},
    {"lane maps", Stage::kLowered, "fragment T lacks a lane map",
     R"(
program f():
  allocate T: fragment float32[32]
  pass
)"},
    {"atomics", Stage::kLowered, "an atomic store to buffer C does not read the element that it writes",
     R"(
program f(C: inout float32[8]):
  atomic C[0] = C[1] + 1.0f32
)"},
    {"async copies", Stage::kLowered,
     "goes from buffer A in global memory to buffer T in local memory; it needs to go from global to shared "
     "memory",
     R"(
program f(A: in float32[8]):
  allocate T: local float32[8]
  async_copy T[0] = A[0] count 4
)"},
    {"tensor calls", Stage::kLowered, "no tensor intrinsic 'nowhere' is declared",
     R"(
program f(A: in float32[8]):
  call nowhere(A[0:+8])
)"},
    {"tensor calls", Stage::kLowered, "takes 2 operands, not 1",
     R"(
program f(A: inout float32[8]):
  call test.copy4(A[0:+4])
)"},
    {"tensor calls", Stage::kLowered,
     "operand 1 of tensor intrinsic 'test.copy4' is B[0:+5]; the intrinsic takes a box of [4]",
     R"(
program f(A: inout float32[8], B: in float32[8]):
  call test.copy4(A[0:+4], B[0:+5])
)"},
    {"tensor calls", Stage::kLowered,
     "operand 1 of tensor intrinsic 'test.copy4' has type int32; the intrinsic takes float32",
     R"(
program f(A: inout float32[8], B: in int32[8]):
  call test.copy4(A[0:+4], B[0:+4])
)"},
};

void declare_copy4() {
  register_tensor_intrinsic("test.copy4", parse_program(R"(
program copy4(to: out float32[4], source: in float32[4]):
  for i in 4:
    to[i] = source[i]
)"));
}

TEST(VerifyRules, EachBrokenRuleIsNamedWithWhatWasFound) {
  declare_copy4();
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string(c.rule) + c.text);
    const Program program = parse_program(c.text);
    const auto found = find_violations(program, c.stage);
    ASSERT_FALSE(found.empty());
    for (const Violation& each : found) EXPECT_EQ(each.rule, c.rule) << each.message;
    EXPECT_THAT(found[0].message, HasSubstr(c.message));
    try {
      verify(program, c.stage);
      FAIL() << "no error";
    } catch (const UserError& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kValue);
      EXPECT_THAT(error.what(),
                  HasSubstr(std::string("breaks the rule '") + c.rule + "' of stage " + to_string(c.stage)));
      EXPECT_THAT(error.what(), HasSubstr("^ " + found[0].message));
    }
  }
}

/// The only violation of a program made by hand: what no text says.
Violation only(const Program& program, Stage stage = Stage::kLowered) {
  const auto found = find_violations(program, stage);
  EXPECT_EQ(found.size(), 1u);
  return found.empty() ? Violation{} : found.front();
}

Program around(Stmt body, std::vector<Param> params = {}) {
  return ProgramNode::make("f", std::move(params), std::move(body));
}

TEST(VerifyRules, AVariableOutsideOfItsLoopIsOutOfScope) {
  const Var i("i");
  const Buffer c = BufferNode::make("C", kFloat32, {8});
  const Stmt loop = For::make(i, 8, Seq::make({}));
  const Stmt store = Store::make(c, {i}, make_zero(kFloat32));
  const Violation found = only(around(Seq::make({loop, store}), {Param::of_buffer(ParamKind::kOutput, c)}));
  EXPECT_EQ(found.rule, "variables in scope");
  EXPECT_EQ(found.message, "variable i is used where nothing around introduces it");
}

TEST(VerifyRules, AReducerUsesItsOwnValuesOnly) {
  const Var x("x", kInt32), y("y", kInt32), outside("outside", kInt32);
  const Reducer reducer = ReducerNode::make("odd", {x}, {y}, {x + y + outside}, {make_zero(kInt32)});
  auto* block = new Block();
  Stmt body(block);
  block->reducer = reducer;
  const Buffer c = BufferNode::make("C", kInt32, {1});
  block->axes = {{AxisKind::kReduction, 8, 0, Var("k")}};
  block->writes = {{c, {{0, 1}}}};
  block->body = Store::make(c, {0}, Load::make(c, {0}) + outside + outside);
  const Stmt program = Let::make(outside, make_zero(kInt32), body);
  const Violation found = only(around(program, {Param::of_buffer(ParamKind::kOutput, c)}), Stage::kSchedule);
  EXPECT_EQ(found.rule, "variables in scope");
  EXPECT_THAT(found.message, HasSubstr("variable outside"));
}

TEST(VerifyRules, ABufferOutsideOfItsAllocationIsOutOfScope) {
  const Buffer t = BufferNode::make("T", kFloat32, {8});
  const Stmt store = Store::make(t, {0}, make_zero(kFloat32));
  const Violation found = only(around(Seq::make({Allocate::make(t, store), store})));
  EXPECT_EQ(found.rule, "buffers in scope");
  EXPECT_EQ(found.message, "buffer T is neither a parameter nor allocated around its use");
}

TEST(VerifyRules, AVariableIsIntroducedOnce) {
  const Var i("i");
  const Stmt loop = For::make(i, 8, Seq::make({}));
  const Violation found = only(around(Seq::make({loop, loop})));
  EXPECT_EQ(found.rule, "introduced once");
  EXPECT_EQ(found.message, "variable i is introduced a second time; make a fresh one");
}

TEST(VerifyRules, ABufferIsIntroducedOnce) {
  const Stmt allocate = Allocate::make(BufferNode::make("T", kFloat32, {8}), Seq::make({}));
  const Violation found = only(around(Seq::make({allocate, allocate})));
  EXPECT_EQ(found.rule, "introduced once");
  EXPECT_THAT(found.message, HasSubstr("buffer T is introduced a second time"));
}

TEST(VerifyRules, AxesOfABlockAreDistinct) {
  const Var v("v");
  auto* block = new Block();
  Stmt body(block);
  block->axes = {{AxisKind::kSpatial, 8, 0, v}, {AxisKind::kSpatial, 8, 0, v}};
  block->body = Seq::make({});
  const Violation found = only(around(body), Stage::kSchedule);
  EXPECT_EQ(found.rule, "introduced once");
}

TEST(VerifyRules, NodesMadeByHandAreWellFormed) {
  auto* store = new Store();
  Stmt body(store);
  store->buffer = BufferNode::make("C", kFloat32, {8});
  store->indices = {0};
  store->value = make_zero(kInt32);
  const Violation found = only(around(body, {Param::of_buffer(ParamKind::kOutput, store->buffer)}));
  EXPECT_EQ(found.rule, "well formed");
  EXPECT_EQ(found.message, "a value of type int32 is stored to buffer C of float32; cast it");
  EXPECT_EQ(found.node, store);
}

TEST(VerifyRules, AMissingBodyIsNamed) {
  const Violation found = only(around(For::make(Var("i"), 8, Stmt())));
  EXPECT_EQ(found.rule, "well formed");
  EXPECT_EQ(found.message, "a For lacks its body");
}

TEST(VerifyRules, EveryRuleHasItsTest) {
  std::set<std::string> tested = {"variables in scope", "buffers in scope", "introduced once"};
  for (const Case& c : kCases) tested.insert(c.rule);
  for (const VerifyRule& rule : verify_rules()) EXPECT_TRUE(tested.contains(rule.name)) << rule.name;
}

}  // namespace
}  // namespace tw
