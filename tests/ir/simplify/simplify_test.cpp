// What simplified expressions look like, as people read them.
#include "ir/simplify.h"

#include <gtest/gtest.h>

#include "ir/equal.h"
#include "ir/text.h"

namespace tw::test {
namespace {

class Simplify : public testing::Test {
 protected:
  Simplify() {
    for (const char* name : {"i", "j", "k", "io", "ii", "f", "x", "y", "z"}) add(Var(name));
    for (const char* name : {"mc", "nc", "M", "N"}) add(Variable::make(name, kIndex, 1));
    add(Variable::make("m14", kIndex, 1, 4096, 14));
    add(Variable::make("n32", kIndex, 1, 4096, 32));
    for (const char* name : {"p", "q"}) add(Var(name, kBool));
    for (const char* name : {"a", "b"}) add(Var(name, kInt32));
    for (const char* name : {"u", "v"}) add(Var(name, kFloat32));
    names.buffers["A"] = BufferNode::make("A", kFloat32, {Expr(64)});
  }

  void add(const Var& var) { names.vars[var->name.text] = var; }
  Expr parse(const char* text) { return parse_expr(text, names); }
  void bind(const char* var, const char* extent) { context.bind(names.vars.at(var), Expr(0), parse(extent)); }
  void assume(const char* condition) { context.assume(parse(condition)); }
  /// A text as the printer spaces it.
  std::string tidy(const char* text) { return to_text(parse(text)); }
  std::string simplified(const char* text) {
    const Expr result = simplify(parse(text), context);
    EXPECT_TRUE(simplify(result, context).same_as(result)) << to_text(result);
    return to_text(result);
  }

  Names names;
  Context context;
};

TEST_F(Simplify, SumsReadAsPeopleWriteThem) {
  EXPECT_EQ(simplified("j + 4*i"), tidy("i*4 + j"));
  EXPECT_EQ(simplified("4*(i + j) - 4*j"), tidy("i*4"));
  EXPECT_EQ(simplified("i - (j - i)"), tidy("i*2 - j"));
  EXPECT_EQ(simplified("3 - i"), tidy("3 - i"));
  EXPECT_EQ(simplified("j*2 - i*3 - 7"), tidy("j*2 - i*3 - 7"));
  EXPECT_EQ(simplified("ii + io*mc"), tidy("io*mc + ii"));
  EXPECT_EQ(simplified("i + (-1)*j"), tidy("i - j"));
  EXPECT_EQ(simplified("i*j - j*i"), tidy("0"));
}

TEST_F(Simplify, LoopVariablesComeInTheOrderOfTheirLoops) {
  bind("k", "8");
  bind("i", "8");
  EXPECT_EQ(simplified("i + N + k"), tidy("k + i + N"));
  EXPECT_EQ(simplified("N*k*2 + i"), tidy("k*N*2 + i"));
}

TEST_F(Simplify, WhatDoesNotChangeIsTheSameNode) {
  const Expr e = parse("io*mc + ii");
  EXPECT_TRUE(simplify(e).same_as(e));
  const Expr load = parse("A[i*4 + j] * 2.0f32");
  EXPECT_TRUE(simplify(load).same_as(load));
}

TEST_F(Simplify, QuotientsByConstants) {
  bind("i", "N");
  bind("j", "4");
  EXPECT_EQ(simplified("(i*4 + j)//4"), tidy("i"));
  EXPECT_EQ(simplified("(i*4 + j)%4"), tidy("j"));
  EXPECT_EQ(simplified("(i*4 + j)//8"), tidy("i//2"));
  EXPECT_EQ(simplified("(i*4 + j)%8"), tidy("i%2*4 + j"));
  EXPECT_EQ(simplified("(x*6 + 3)//3"), tidy("x*2 + 1"));
  EXPECT_EQ(simplified("(x*6 + 4)%3"), tidy("1"));
  EXPECT_EQ(simplified("x//4//3"), tidy("x//12"));
  EXPECT_EQ(simplified("(x//4 + 1)//3"), tidy("(x + 4)//12"));
  EXPECT_EQ(simplified("x//-2"), tidy("-x//2"));
  EXPECT_EQ(simplified("x%12%4"), tidy("x%4"));
  EXPECT_EQ(simplified("j//4"), tidy("0"));
}

TEST_F(Simplify, QuotientsBySymbols) {
  bind("io", "N");
  bind("ii", "mc");
  EXPECT_EQ(simplified("(io*mc + ii)//mc"), tidy("io"));
  EXPECT_EQ(simplified("(io*mc + ii)%mc"), tidy("ii"));
  EXPECT_EQ(simplified("(io*mc + ii)//(mc*4)"), tidy("io//4"));
  EXPECT_EQ(simplified("(M + mc - 1)//mc"), tidy("(M + mc - 1)//mc"));
  EXPECT_EQ(simplified("(M*mc + mc - 1)//mc"), tidy("M"));
  EXPECT_EQ(simplified("(x*y)//y"), tidy("x*y//y"));  // y may be 0
}

TEST_F(Simplify, MultiplesDivideExactly) {
  bind("io", "N");
  bind("ii", "m14//14");
  bind("k", "14");
  EXPECT_EQ(simplified("(m14 + 13)//14"), tidy("m14//14"));
  EXPECT_EQ(simplified("m14*3%14"), tidy("0"));
  EXPECT_EQ(simplified("m14%7"), tidy("0"));
  EXPECT_EQ(simplified("m14//14*14"), tidy("m14"));
  EXPECT_EQ(simplified("(m14 + 13)//14*14"), tidy("m14"));
  EXPECT_EQ(simplified("m14//7*7 - m14"), tidy("0"));
  EXPECT_EQ(simplified("(m14 + k)//14"), tidy("m14//14"));
  EXPECT_EQ(simplified("(m14 + k)%14"), tidy("k"));
  EXPECT_EQ(simplified("(m14*n32 + 5)//448"), tidy("m14//14*(n32//32)"));
  EXPECT_EQ(simplified("m14//2//7"), tidy("m14//14"));
  EXPECT_EQ(simplified("m14//14//2"), tidy("m14//28"));
  EXPECT_EQ(simplified("(m14 + 27)//28"), tidy("(m14 + 14)//28"));
  EXPECT_EQ(simplified("m14%28"), tidy("m14%28"));
  EXPECT_EQ(simplified("m14//28*28 + m14%28"), tidy("m14"));
  EXPECT_EQ(simplified("m14 - m14//28*28"), tidy("m14%28"));
  EXPECT_EQ(simplified("(io*m14 + ii*14 + k)//m14"), tidy("io"));
  EXPECT_EQ(simplified("(io*m14 + ii*14 + k)//14"), tidy("io*(m14//14) + ii"));
  EXPECT_EQ(simplified("ii*14 + k < m14"), tidy("true"));
  EXPECT_EQ(simplified("m14 < 30"), tidy("m14 < 29"));
  EXPECT_EQ(simplified("m14 <= n32"), tidy("m14 <= n32"));
  EXPECT_EQ(simplified("m14 == 20"), tidy("false"));
  EXPECT_EQ(simplified("14 <= m14"), tidy("true"));
  assume("m14 == 28");
  EXPECT_EQ(simplified("m14*N + m14//14"), tidy("N*28 + 2"));
}

TEST_F(Simplify, QuotientsAndRemaindersJoin) {
  EXPECT_EQ(simplified("x//4*4 + x%4"), tidy("x"));
  EXPECT_EQ(simplified("x//mc*mc + x%mc"), tidy("x"));
  EXPECT_EQ(simplified("x - x//4*4"), tidy("x%4"));
  EXPECT_EQ(simplified("f//8*8 + f%8//4*4 + f%4"), tidy("f"));
  EXPECT_EQ(simplified("x//12*12 + x//4%3*4 + x%4"), tidy("x"));
}

TEST_F(Simplify, ComparisonsAreDecidedOrNormal) {
  bind("io", "(M + mc - 1)//mc");
  bind("ii", "mc");
  EXPECT_EQ(simplified("io*mc + ii < (M + mc - 1)//mc*mc"), tidy("true"));
  EXPECT_EQ(simplified("io*mc + ii < 0"), tidy("false"));
  EXPECT_EQ(simplified("M > io*mc + ii"), tidy("io*mc + ii < M"));
  EXPECT_EQ(simplified("4*x < 4*y + 3"), tidy("x <= y"));
  EXPECT_EQ(simplified("x - 3 < 4"), tidy("x < 7"));
  EXPECT_EQ(simplified("-1 < x"), tidy("0 <= x"));
  EXPECT_EQ(simplified("2*x == 3"), tidy("false"));
  EXPECT_EQ(simplified("3 - x == 0"), tidy("x == 3"));
}

TEST_F(Simplify, ComparisonsLoseWhatChangesNothingBetweenMultiples) {
  bind("i", "20");
  bind("io", "20");
  bind("ii", "14");
  EXPECT_EQ(simplified("i*14 + ii < 112"), tidy("i < 8"));
  EXPECT_EQ(simplified("i*14 + ii + 3 < 112"), tidy("i*14 + ii < 109"));
  EXPECT_EQ(simplified("i*14 + ii < (M + 13) // 14 * 14"), tidy("i < (M + 13) // 14"));
  EXPECT_EQ(simplified("io*140 + i*14 + ii < 280"), tidy("io*10 + i < 20"));
  EXPECT_EQ(simplified("io*m14 + i*14 + ii < 70"), tidy("io*(m14 // 14) + i < 5"));
  EXPECT_EQ(simplified("i*14 + ii < M"), tidy("i*14 + ii < M"));
}

TEST_F(Simplify, FactsDecideBranches) {
  EXPECT_EQ(simplified("select(x < 4, select(x < 8, y, z), 0)"), tidy("select(x < 4, y, 0)"));
  EXPECT_EQ(simplified("select(x == y, x - y, 1)"), tidy("select(x == y, 0, 1)"));
  EXPECT_EQ(simplified("x < 4 && x < 8"), tidy("x < 4"));
  EXPECT_EQ(simplified("x < 8 && x < 4"), tidy("x < 4"));
  EXPECT_EQ(simplified("x < 4 || x < 8"), tidy("x < 8"));
  EXPECT_EQ(simplified("x < 4 && 8 < x"), tidy("false"));
  EXPECT_EQ(simplified("p && !p"), tidy("false"));
  assume("x < M");
  EXPECT_EQ(simplified("min(x, M)"), tidy("x"));
  EXPECT_EQ(simplified("max(x + 1, M)"), tidy("M"));
}

TEST_F(Simplify, TilesThatAreClipped) {
  bind("io", "(M + mc - 1)//mc");
  EXPECT_EQ(simplified("min(io*mc + mc - 1, M - 1) - io*mc + 1"), tidy("min(mc, M - io*mc)"));
  EXPECT_EQ(simplified("M - max(io*mc, M - mc)"), tidy("min(M - io*mc, mc)"));
  EXPECT_EQ(simplified("min(x + 3, x + 5)"), tidy("x + 3"));
  EXPECT_EQ(simplified("((M + mc - 1)//mc + 2)//3"), tidy("(mc*3 + M - 1)//(mc*3)"));
}

TEST_F(Simplify, ReadsStayInTheirGuards) {
  EXPECT_EQ(simplified("select(0 <= x && x < 64, A[x], 0.0f32)"),
            tidy("select(0 <= x && x < 64, A[x], 0.0f32)"));
  EXPECT_EQ(simplified("select(p, A[x] < 1.0f32, false)"), tidy("select(p, A[x] < 1.0f32, false)"));
  EXPECT_EQ(simplified("x < 4 && select(x < 4, A[x], 0.0f32) < 1.0f32"),
            tidy("x < 4 && select(x < 4, A[x], 0.0f32) < 1.0f32"));
  EXPECT_EQ(simplified("select(p, A[x], A[x])"), tidy("A[x]"));
}

TEST_F(Simplify, FloatsKeepEveryBit) {
  EXPECT_EQ(simplified("u + 0.0f32"), tidy("u + 0.0f32"));
  EXPECT_EQ(simplified("u - 0.0f32"), tidy("u"));
  EXPECT_EQ(simplified("u * 1.0f32"), tidy("u"));
  EXPECT_EQ(simplified("u * 0.0f32"), tidy("u*0.0f32"));
  EXPECT_EQ(simplified("u - u"), tidy("u - u"));
  EXPECT_EQ(simplified("u == u"), tidy("u == u"));
  EXPECT_EQ(simplified("!(u < v)"), tidy("!(u < v)"));
  EXPECT_EQ(simplified("-(-u)"), tidy("u"));
  EXPECT_EQ(simplified("1.5f32 + 2.0f32"), tidy("3.5f32"));
}

TEST_F(Simplify, WrappingIntegersWrap) {
  EXPECT_EQ(simplified("a + 1i32 < a"), tidy("a + 1i32 < a"));
  EXPECT_EQ(simplified("a + 3i32 == 5i32"), tidy("a == 2i32"));
  EXPECT_EQ(simplified("a*2i32//2i32"), tidy("a*2i32//2i32"));
  EXPECT_EQ(simplified("a - a + b"), tidy("b"));
  EXPECT_EQ(simplified("a < a"), tidy("false"));
}

TEST_F(Simplify, VectorsFollowTheirLanes) {
  const Expr i = names.vars.at("i"), four = Expr(4);
  const Expr ramp = Ramp::make(i, Expr(1), 4), lanes = Broadcast::make(parse("j"), 4);
  EXPECT_TRUE(structural_equal(simplify(Binary::make(BinaryOp::kAdd, lanes, ramp)),
                               Ramp::make(parse("j + i"), Expr(1), 4)) ||
              structural_equal(simplify(Binary::make(BinaryOp::kAdd, lanes, ramp)),
                               Ramp::make(parse("i + j"), Expr(1), 4)));
  EXPECT_TRUE(
      structural_equal(simplify(Binary::make(BinaryOp::kSub, ramp, ramp)), Broadcast::make(Expr(0), 4)));
  const Expr aligned = Ramp::make(parse("i*4"), Expr(1), 4), by_four = Broadcast::make(four, 4);
  EXPECT_TRUE(structural_equal(simplify(Binary::make(BinaryOp::kFloorMod, aligned, by_four)),
                               Ramp::make(Expr(0), Expr(1), 4)));
  EXPECT_TRUE(
      structural_equal(simplify(Binary::make(BinaryOp::kFloorDiv, aligned, by_four)), Broadcast::make(i, 4)));
  context.bind(names.vars.at("i"), Expr(0), Expr(4));
  const Expr in_range = Binary::make(BinaryOp::kLt, aligned, Broadcast::make(Expr(16), 4));
  EXPECT_TRUE(structural_equal(simplify(in_range, context), Broadcast::make(make_bool(true), 4)));
}

TEST_F(Simplify, CastsThatKeepValuesGo) {
  const Expr i = names.vars.at("i");
  EXPECT_TRUE(simplify(cast(kIndex, cast(kInt64, i))).same_as(i));
  const Expr narrow = cast(kIndex, cast(kInt32, i));
  EXPECT_TRUE(simplify(narrow).same_as(narrow));
  context.bind(names.vars.at("i"), Expr(0), Expr(100));
  EXPECT_TRUE(simplify(narrow, context).same_as(i));
}

}  // namespace
}  // namespace tw::test
