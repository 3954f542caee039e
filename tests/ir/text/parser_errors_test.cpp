// What the parser says of texts that are wrong: where, what was found, what was expected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "support/error.h"

namespace tw {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& text) {
  try {
    (void)parse_program(text);
  } catch (const UserError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kValue);
    return error.what();
  }
  return "no error";
}

/// The error of a body in a program with a size n and buffers A (float32), I (int32) and M (float32, two
/// dimensions).
std::string error_in(const std::string& body) {
  return error_of("program f(n: size, A: inout float32[n], I: inout int32[n], M: in float32[n, n]):\n  " +
                  body + "\n");
}

TEST(ParseError, ShowsTheLineAndACaret) {
  EXPECT_EQ(error_of("program f():\n  for i in :\n    pass\n"),
            "line 2, column 12: found `:`, expected an expression\n"
            "    for i in :\n"
            "             ^");
}

TEST(ParseError, CountsColumnsNotBytes) {
  EXPECT_THAT(error_of("program f():\n  assert \"größe\" 1\n"),
              HasSubstr("line 2, column 11: found a string"));
  EXPECT_EQ(error_of("program `größe` x"),
            "line 1, column 17: found `x`, expected `(`\n"
            "  program `größe` x\n"
            "                  ^");
}

TEST(ParseError, SaysWhatIsExpected) {
  EXPECT_THAT(error_of(""), HasSubstr("found the end of the text, expected `program`"));
  EXPECT_THAT(error_of("program f()\n  pass"), HasSubstr("found the end of the line, expected `:`"));
  EXPECT_THAT(error_of("program f():\npass"), HasSubstr("found `pass`, expected an indented line"));
  EXPECT_THAT(error_of("program f():\n  pass\npass"), HasSubstr("expected the end of the text"));
  EXPECT_THAT(error_of("program f():\n    pass\n  pass"),
              HasSubstr("found an indentation that no line around it has"));
  EXPECT_THAT(error_of("program f():\n\tpass"), HasSubstr("found a tab; indent with spaces"));
  EXPECT_THAT(error_of("program for():\n  pass"), HasSubstr("(a reserved word needs backquotes)"));
  EXPECT_THAT(error_of("program f(A: float32[4]):\n  pass"),
              HasSubstr("found `float32`, expected the kind of a parameter: `in` `const` `out`"));
  EXPECT_THAT(error_of("program f(A: in float33[4]):\n  pass"), HasSubstr("expected a type such as float32"));
  EXPECT_THAT(error_of("program f(A: in float32[4], A: out float32[4]):\n  pass"),
              HasSubstr("the name A stands here twice"));
  EXPECT_THAT(error_in("barrier grid"), HasSubstr("expected who waits at a barrier: `warp` `block`"));
  EXPECT_THAT(error_in("block B(v: parallel(8) = 0):\n    pass"),
              HasSubstr("expected the kind of an axis: `spatial` `reduce` `ordered`"));
  EXPECT_THAT(error_in("while n:\n    pass"), HasSubstr("found `while`, expected a statement"));
  EXPECT_THAT(error_in("for i in bind(8):\n    pass"), HasSubstr("as in bind(threadIdx.x, 32)"));
  EXPECT_THAT(error_in("let x = 1"), HasSubstr("expected a statement in its scope"));
  EXPECT_THAT(error_in("assert n < 1, \"open"), HasSubstr("a quotation that does not end on its line"));
  EXPECT_THAT(error_in("assert n < 1, \"\\q\""), HasSubstr("found an unknown escape"));
  EXPECT_THAT(error_in("attr a = n\n  pass"), HasSubstr("expected a value such as 3, 0.5f64 or \"text\""));
  EXPECT_THAT(error_in("for i in 8 {a = 1, a = 2}:\n    pass"), HasSubstr("the key \"a\" stands here twice"));
  EXPECT_THAT(error_in("A[n] = 1.0f32 $"), HasSubstr("found `$`, which begins nothing"));
}

TEST(ParseError, NamesThatAreNotThere) {
  EXPECT_THAT(error_in("A[k] = 1.0f32"), HasSubstr("line 2, column 5: k is no variable that is known here"));
  EXPECT_THAT(error_in("B[n] = 1.0f32"), HasSubstr("B is no buffer that is known here"));
  EXPECT_THAT(error_in("n[0] = 1.0f32"), HasSubstr("n is a variable, not a buffer"));
  EXPECT_THAT(error_in("A[A] = 1.0f32"), HasSubstr("A is a buffer; it needs subscripts"));
  EXPECT_THAT(error_in("A[n] = sinh(1.0f32)"), HasSubstr("there is no function `sinh`"));
  EXPECT_THAT(error_in("for i in 8:\n    pass\n  A[i] = 1.0f32"),
              HasSubstr("i is no variable that is known here"));
  EXPECT_THAT(error_in("block B(v: reduce(8) = 0):\n    reducer sum(bool)\n    pass"),
              HasSubstr("there is no known reducer `sum` of bool"));
}

TEST(ParseError, TypesThatDoNotFit) {
  EXPECT_THAT(
      error_in("A[n] = 1i32 + 1.0f32"),
      HasSubstr("line 2, column 15: the operands of `+` have types int32 and float32; cast one of them"));
  EXPECT_THAT(error_in("A[n] = 1i32"),
              HasSubstr("a value of type int32 is stored to buffer A of float32; cast it"));
  EXPECT_THAT(error_in("A[1i32] = 1.0f32"),
              HasSubstr("a subscript of buffer A has type int32; cast it to index"));
  EXPECT_THAT(error_in("A[n, n] = 1.0f32"), HasSubstr("buffer A has 1 dimensions but gets 2 subscripts"));
  EXPECT_THAT(error_in("A[n] = M[n]"), HasSubstr("buffer M has 2 dimensions but gets 1 subscripts"));
  EXPECT_THAT(error_in("I[n] = 3i32 / 2i32"), HasSubstr("`/` takes floats, not int32"));
  EXPECT_THAT(error_in("if n:\n    pass"), HasSubstr("a condition has type index; it needs bool"));
  EXPECT_THAT(error_in("A[n] = select(n, 1.0f32, 2.0f32)"),
              HasSubstr("the condition of a select of float32 has type index; it needs bool"));
  EXPECT_THAT(error_in("A[n] = exp(1i32)"), HasSubstr("exp takes floats, not int32"));
  EXPECT_THAT(error_in("A[n] = exp(1.0f32, 1.0f32)"), HasSubstr("exp takes 1 arguments, not 2"));
  EXPECT_THAT(error_in("for i: float32 in 1.0f32:\n    pass"), HasSubstr("it needs an integer type"));
  EXPECT_THAT(error_in("for i in 8i32:\n    pass"),
              HasSubstr("variable i of a loop has type index but its range or binding has type int32"));
  EXPECT_THAT(error_in("let x: int32 = 1.0f32\n  pass"),
              HasSubstr("variable x of type int32 gets a value of type float32"));
  EXPECT_THAT(error_in("A[ramp(n, 1, 4)] = 1.0f32"),
              HasSubstr("a subscript of buffer A has 4 lanes where 1 are accessed"));
  EXPECT_THAT(error_in("A[n] = broadcast(1.0f32, 4)"),
              HasSubstr("4 lanes are stored to one element of buffer A"));
  EXPECT_THAT(error_in("A[ramp(n, 1, 70000)] = 1.0f32"),
              HasSubstr("a vector needs 2 to 65535 lanes, not 70000"));
  EXPECT_THAT(error_in("I[n] = int32x4(1.0f32)"), HasSubstr("changes the number of lanes"));
  EXPECT_THAT(error_in("assert n < n < n, \"x\""), HasSubstr("comparisons do not chain"));
  EXPECT_THAT(error_in("allocate T: index[4]\n  pass"),
              HasSubstr("it needs a scalar type that is not index"));
  EXPECT_THAT(error_in("allocate T: int8[4] align 3\n  pass"), HasSubstr("it needs a power of two"));
}

TEST(ParseError, NumbersOutOfRange) {
  EXPECT_THAT(error_in("I[n] = 2147483648i32"), HasSubstr("the constant is out of the range of int32"));
  EXPECT_THAT(error_in("I[-9223372036854775809] = 0i32"),
              HasSubstr("the constant is out of the range of index"));
  EXPECT_THAT(error_in("I[n] = int32(-1u8)"), HasSubstr("the constant is out of the range of uint8"));
  EXPECT_THAT(error_in("A[n] = 1e39f32"), HasSubstr("the constant is out of the range of float32"));
  EXPECT_THAT(error_in("A[n] = float32(65520.0f16)"),
              HasSubstr("the constant is out of the range of float16"));
  EXPECT_THAT(error_in("A[n] = 1.5"), HasSubstr("needs the suffix of a floating type, such as f32"));
  EXPECT_THAT(error_in("A[n] = 1.5f8"), HasSubstr("the suffix `f8` names no type"));
  EXPECT_THAT(error_of("program f(n: size in [3, 2]):\n  pass"),
              HasSubstr("variable n is said to lie in [3, 2]"));
}

TEST(ParseError, LongLinesAreShownInPart) {
  const std::string error = error_in("assert n < 1, " + std::string(1000, ' ') + "1");
  EXPECT_LT(error.size(), 400u);
}

TEST(ParseProgram, BothFormsOfScopesAndFreeLayoutAreRead) {
  const std::string flat =
      "program f(A: out float32[4]):\n  allocate T: float32[4]\n  T[0] = 1.0f32\n  A[0] = T[0]\n";
  EXPECT_EQ(to_text(parse_program(flat)), flat);
  EXPECT_EQ(
      to_text(parse_program("\n\n    program f(\n  A: out float32[\n4]):\n\n        allocate T: float32[4]:\n"
                            "            T[0] = 1.0f32\n\n            A[0] = T[0]")),
      flat);
}

TEST(ParseProgram, InnerNamesHideOuterOnes) {
  EXPECT_EQ(to_text(parse_program(
                "program f(A: out float32[4]):\n  for i in 2:\n    for i in 2:\n      A[i] = 1.0f32\n"
                "  for i in 2:\n    A[i] = 2.0f32\n")),
            "program f(A: out float32[4]):\n  for i in 2:\n    for i_1 in 2:\n      A[i_1] = 1.0f32\n"
            "  for i_2 in 2:\n    A[i_2] = 2.0f32\n");
}

}  // namespace
}  // namespace tw
