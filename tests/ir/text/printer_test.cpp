// What programs look like, and where marks point.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/equal.h"
#include "ir/reducers.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "support/half.h"

namespace tw {
namespace {

/// The text that an expression's text becomes; its names are index variables i, j, n, int32 x, float32 f and
/// bool b, and buffers A (float32, two dimensions), S (float32, none) and I (int32, one).
std::string reprint(const std::string& text) {
  Names names;
  for (const char* name : {"i", "j", "n"}) names.vars[name] = Var(name);
  names.vars["x"] = Var("x", kInt32);
  names.vars["f"] = Var("f", kFloat32);
  names.vars["b"] = Var("b", kBool);
  names.buffers["A"] = BufferNode::make("A", kFloat32, {8, 8});
  names.buffers["S"] = BufferNode::make("S", kFloat32, {});
  names.buffers["I"] = BufferNode::make("I", kInt32, {8});
  return to_text(parse_expr(text, names));
}

TEST(PrintExpr, TextsThatAreTheirOwn) {
  for (const char* text :
       {"i",
        "-i",
        "--i",
        "-(5)",
        "-5",
        "-9223372036854775808",
        "i - -5",
        "i + j * n",
        "(i + j) * n",
        "i - (j - n)",
        "i - j - n",
        "i // 4 * 4 + i % 4",
        "x << 1i32 & x | x ^ 3i32",
        "(x | x) & x",
        "~x",
        "~(x + x)",
        "!b",
        "!(i < j) && b || b",
        "(i < j) == (j < n)",
        "min(i, max(j, n))",
        "A[i, j + 1]",
        "S[]",
        "S[where b]",
        "A[i, j where b]",
        "A[ramp(i, 1, 8), broadcast(j, 8)]",
        "float32(x)",
        "int64(i)",
        "select(b, f, -f)",
        "exp(f) / (1.0f32 + exp(f))",
        "pow(x, 2i32)",
        "float32x4(broadcast(x, 4))",
        "true",
        "false",
        "b & b",
        "reduce(sum(float32), [k in 0:+8, l in i:+n], [A[k, l]])",
        "reduce(argmax(v: float32, p: int64; w: float32, q: int64) -> (max(v, w), select(v < w, q, p)) from "
        "(-inf_f32, 0i64), [k in 0:+8], [A[i, k], int64(k)], 1)"})
    EXPECT_EQ(reprint(text), text);
}

TEST(PrintExpr, OtherSpellingsOfTheSame) {
  EXPECT_EQ(reprint("i > j"), "j < i");
  EXPECT_EQ(reprint("i >= j"), "j <= i");
  EXPECT_EQ(reprint("((i))+(j)"), "i + j");
  EXPECT_EQ(reprint("  A [ i ,\n j ] "), "A[i, j]");
  EXPECT_EQ(reprint("- 5"), "-5");
}

TEST(PrintExpr, LiteralsOfEveryType) {
  for (const char* text : {"3i8",
                           "-128i8",
                           "255u8",
                           "-32768i16",
                           "65535u16",
                           "2147483647i32",
                           "4294967295u32",
                           "-9223372036854775808i64",
                           "9223372036854775807i64",
                           "18446744073709551615u64",
                           "0.0f32",
                           "-0.0f32",
                           "1.5f16",
                           "65500.0f16",
                           "6e-08f16",
                           "0.1f16",
                           "-0.0f16",
                           "1e+38bf16",
                           "0.1bf16",
                           "-0.0bf16",
                           "3.14bf16",
                           "0.1f32",
                           "3.4028235e+38f32",
                           "1e-45f32",
                           "16777216.0f32",
                           "0.1f64",
                           "-0.0f64",
                           "5e-324f64",
                           "1.7976931348623157e+308f64",
                           "0.30000000000000004f64",
                           "nan_f16",
                           "nan_bf16",
                           "nan_f32",
                           "nan_f64",
                           "inf_f16",
                           "-inf_f16",
                           "inf_bf16",
                           "-inf_bf16",
                           "inf_f32",
                           "-inf_f32",
                           "inf_f64",
                           "-inf_f64"})
    EXPECT_EQ(reprint(text), text);
  EXPECT_EQ(reprint("-nan_f32"), "nan_f32");
  EXPECT_EQ(reprint("3f32"), "3.0f32");
  EXPECT_EQ(reprint("1000000e-3f64"), "1000.0f64");
}

TEST(PrintExpr, EveryHalfHasADecimalThatReadsBack) {
  for (const DType type : {kFloat16, kBFloat16})
    for (int bits = 0; bits < 0x10000; ++bits) {
      const auto half = static_cast<uint16_t>(bits);
      const double value = type.is_bfloat() ? BFloat16::to_double(half) : Float16::to_double(half);
      const Expr e = make_const(type, value);
      const std::string text = to_text(e);
      ASSERT_TRUE(structural_equal(parse_expr(text, {}), e)) << text;
      ASSERT_LE(text.size(), 20u) << text;
    }
}

TEST(PrintNames, AreMadeUniqueByASuffix) {
  const Var a("i"), b("i"), c("i_1");
  EXPECT_EQ(to_text(a + b * c + a), "i + i_1 * i_1_1 + i");
}

TEST(PrintNames, OddOnesStandInBackquotes) {
  const auto name = [](const char* text) { return to_text(Var(text)); };
  EXPECT_EQ(name(""), "``");
  EXPECT_EQ(name("for"), "`for`");
  EXPECT_EQ(name("float32"), "`float32`");
  EXPECT_EQ(name("int8x16"), "`int8x16`");
  EXPECT_EQ(name("inf_f32"), "`inf_f32`");
  EXPECT_EQ(name("my name"), "`my name`");
  EXPECT_EQ(name("größe"), "`größe`");
  EXPECT_EQ(name("a`b\\c\n\x01\xff"), "`a\\`b\\\\c\\n\\x01\\xff`");
  EXPECT_EQ(name("A.shared"), "A.shared");
  EXPECT_EQ(name("exp"), "exp");
}

TEST(PrintRegion, BoxesAndPoints) {
  const Buffer a = BufferNode::make("A", kFloat32, {8, 8});
  const Var i("i");
  EXPECT_EQ(to_text(Region{a, {{i, 1}, {i * 4, 4}}}), "A[i, i * 4:+4]");
}

constexpr const char* kMatmul =
    R"(program matmul(n: shape in [1, 512], A: in float32[n, 64], B: in float32[64, 32], C: out float32[n, 32]):
  for i in n:
    for j in parallel(32):
      for k in 64:
        block C#0(vi: spatial(n) = i, vj: spatial(32) = j, vk: reduce(64) = k):
          reads A[vi, vk], B[vk, vj]
          writes C[vi, vj]
          reducer sum(float32)
          init:
            C[vi, vj] = 0.0f32
          C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
)";

const Block& block_of(const Program& program) {
  const Block* found = nullptr;
  for_each_node(program, [&](const Node* node) { found = as<Block>(node) ? as<Block>(node) : found; });
  return *found;
}

TEST(PrintProgram, IsWhatItIsParsedFrom) {
  EXPECT_EQ(to_text(parse_program(kMatmul)), kMatmul);
}

std::string marked_line(const Program& program, const Node* node) {
  const std::string text = to_text(program, {node, "here"});
  const std::size_t caret = text.find('^');
  if (caret == std::string::npos) return "no mark";
  const std::size_t end = text.find('\n', caret), begin = text.rfind('\n', text.rfind('\n', caret) - 1) + 1;
  return text.substr(begin, end - begin);
}

TEST(PrintMark, PointsAtAnExpression) {
  const Program program = parse_program(kMatmul);
  const auto& store = static_cast<const Store&>(*block_of(program).body);
  const auto& sum = static_cast<const Binary&>(*store.value);
  EXPECT_EQ(marked_line(program, sum.b.get()),
            "          C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]\n"
            "                                  ^^^^^^^^^^^^^^^^^^^^^ here");
}

TEST(PrintMark, PointsAtTheFirstLineOfAStatement) {
  const Program program = parse_program(kMatmul);
  EXPECT_EQ(marked_line(program, program->body.get()), "  for i in n:\n  ^^^^^^^^^^^ here");
}

TEST(PrintMark, PointsAtABufferAndAVariableWhereTheyAreIntroduced) {
  const Program program = parse_program("program f(n: shape, A: in float32[n]):\n  pass\n");
  EXPECT_EQ(marked_line(program, program->params[1].buffer.get()),
            "program f(n: shape, A: in float32[n]):\n                    ^^^^^^^^^^^^^^^^ here");
  EXPECT_EQ(marked_line(program, program->params[0].var.get()),
            "program f(n: shape, A: in float32[n]):\n          ^^^^^^^^ here");
}

TEST(PrintMark, OfANodeThatIsNotThereChangesNothing) {
  const Program program = parse_program(kMatmul);
  const Expr other = make_bool(true);
  EXPECT_EQ(to_text(program, {other.get(), "nowhere"}), kMatmul);
}

TEST(PrintStmt, IncompleteOnesArePrintedForMessages) {
  EXPECT_EQ(to_text(For::make(Var("i"), 8, Stmt())), "for i in 8:\n  null\n");
  EXPECT_EQ(to_text(Stmt(new Store())), "null[] = null\n");
}

}  // namespace
}  // namespace tw
