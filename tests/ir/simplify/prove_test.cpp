// Bounds and proofs.
#include <gtest/gtest.h>

#include "ir/context.h"
#include "ir/text.h"

namespace tw::test {
namespace {

class Prove : public testing::Test {
 protected:
  Prove() {
    for (const char* name : {"i", "j", "io", "ii", "x", "y"}) names.vars[name] = Var(name);
    for (const char* name : {"mc", "nc"}) names.vars[name] = Variable::make(name, kIndex, 1, 512);
    for (const char* name : {"M", "N"}) names.vars[name] = Variable::make(name, kIndex, 0);
    names.vars["w"] = Variable::make("w", kIndex, 1, 100, 8);
    names.vars["a"] = Var("a", kInt32);
    names.vars["b"] = Var("b", kInt8);
    names.vars["c"] = Var("c", kUInt8);
    names.vars["l"] = Var("l", kInt64);
    names.vars["ul"] = Var("ul", kUInt64);
  }
  Expr parse(const char* text) { return parse_expr(text, names); }
  /// A text as the printer spaces it.
  std::string tidy(const char* text) { return to_text(parse(text)); }
  Var var(const char* name) { return names.vars.at(name); }
  bool proved(const char* text) { return prove(parse(text), context); }
  std::string ends(const char* text) {
    const Interval range = bounds(parse(text), context);
    return (range.min == kNoMin ? "" : std::to_string(range.min)) + ".." +
           (range.max == kNoMax ? "" : std::to_string(range.max));
  }
  Names names;
  Context context;
};

TEST_F(Prove, BoundsOfIndexExpressionsNeverOverflow) {
  context.bind(var("i"), Expr(0), Expr(10));
  EXPECT_EQ(ends("i*4 + 3"), "3..39");
  EXPECT_EQ(ends("i - i"), "0..0");
  EXPECT_EQ(ends("i//3 - i%4"), "-3..3");
  EXPECT_EQ(ends("min(i, 4) + max(x, 2)"), "2..");
  EXPECT_EQ(ends("w"), "8..96");
  EXPECT_EQ(ends("x*x"), "0..");
  EXPECT_EQ(ends("select(i < 20, 1, x)"), "1..1");
}

TEST_F(Prove, MultiplesStepOverWhatLiesBetween) {
  EXPECT_TRUE(proved("w%8 == 0"));
  EXPECT_TRUE(proved("(w + 7)//8*8 == w"));
  EXPECT_TRUE(proved("w*x%4 == 0"));
  EXPECT_FALSE(proved("w%16 == 0"));
  context.assume(parse("9 <= w"));
  EXPECT_EQ(ends("w"), "16..96");
  EXPECT_EQ(ends("w//8"), "2..12");
  EXPECT_TRUE(proved("16 <= w"));
  context.bind(var("io"), Expr(0), parse("w//8"));
  context.bind(var("ii"), Expr(0), Expr(8));
  EXPECT_TRUE(proved("io*8 + ii < w"));
  EXPECT_TRUE(proved("x*w + io*8 + ii < x*w + w"));
  const auto range = symbolic_bounds(parse("io*8 + ii"), {var("io"), var("ii")}, context);
  ASSERT_TRUE(range);
  EXPECT_EQ(to_text(range->max), tidy("w - 1"));
}

TEST_F(Prove, BoundsOfTypesThatWrap) {
  EXPECT_EQ(ends("b"), "-128..127");
  EXPECT_EQ(ends("b + 1i8"), "-128..127");
  EXPECT_EQ(ends("b//2i8"), "-64..63");
  EXPECT_EQ(ends("-b"), "-128..127");
  EXPECT_EQ(ends("c//16u8 + 3u8"), "3..18");
  EXPECT_EQ(ends("c - 1u8"), "0..255");
  EXPECT_EQ(ends("c & 15u8"), "0..15");
  EXPECT_EQ(ends("l + 1i64"), "..");
  EXPECT_EQ(ends("ul"), "0..");
  EXPECT_EQ(ends("ul%10u64"), "0..9");
}

TEST_F(Prove, BoundsFollowFactsAndOuterLoops) {
  context.bind(var("i"), Expr(0), Expr(10));
  context.bind(var("j"), parse("i"), Expr(3));
  EXPECT_EQ(ends("j"), "0..11");
  context.assume(parse("2*x + 1 <= 8 && 0 <= x"));
  EXPECT_EQ(ends("x"), "0..3");
  context.assume(parse("a < 5i32"));
  EXPECT_EQ(ends("a"), "-2147483648..4");
}

TEST_F(Prove, TilesOfSymbolicSize) {
  context.bind(var("io"), Expr(0), parse("(M + mc - 1)//mc"));
  context.bind(var("ii"), Expr(0), parse("mc"));
  EXPECT_TRUE(proved("io*mc + ii < (M + mc - 1)//mc*mc"));
  EXPECT_TRUE(proved("0 <= io*mc + ii"));
  EXPECT_FALSE(proved("io*mc + ii < M"));
  EXPECT_TRUE(proved("io*mc < M"));
  context.assume(parse("io*mc + ii < M"));
  EXPECT_TRUE(proved("io*mc + ii < M"));
  EXPECT_TRUE(proved("io*mc + ii <= M + 3"));
}

TEST_F(Prove, RoundingUpCoversEverything) {
  EXPECT_TRUE(proved("(M + mc - 1)//mc*mc >= M"));
  EXPECT_TRUE(proved("(M + mc - 1)//mc*mc < M + mc"));
  EXPECT_TRUE(proved("(M + 3)//4*4 >= M"));
  EXPECT_FALSE(proved("M//4*4 >= M"));
}

TEST_F(Prove, ExtremesRemaindersAndProducts) {
  EXPECT_TRUE(proved("min(x, y) <= x"));
  EXPECT_TRUE(proved("x <= max(y, x)"));
  EXPECT_TRUE(proved("min(x, y) <= max(x, y)"));
  EXPECT_TRUE(proved("x%mc < mc"));
  EXPECT_TRUE(proved("0 <= x%mc"));
  EXPECT_FALSE(proved("x%y < y"));
  EXPECT_TRUE(proved("N*M >= 0"));
  EXPECT_TRUE(proved("M*mc >= M"));
  EXPECT_FALSE(proved("M*N >= M"));
  EXPECT_TRUE(proved("max(0, x) >= 0 && min(0, x) <= 0"));
}

TEST_F(Prove, QuotientsAreExact) {
  context.bind(var("i"), Expr(0), parse("N"));
  context.bind(var("j"), Expr(0), Expr(4));
  EXPECT_TRUE(proved("(i*4 + j)//4 == i"));
  EXPECT_TRUE(proved("i//4 < (N + 3)//4"));
  EXPECT_TRUE(proved("i//mc < (N + mc - 1)//mc"));
  EXPECT_TRUE(proved("2*i != 2*j + 1"));
  EXPECT_TRUE(proved("N >= 1"));  // there is an i
}

TEST_F(Prove, FactsEndWithTheirScope) {
  {
    const ContextScope scope(context);
    context.assume(parse("x < y"));
    EXPECT_TRUE(proved("x <= y"));
  }
  EXPECT_FALSE(proved("x <= y"));
  EXPECT_TRUE(context.facts().empty() && context.known_sums().empty());
}

TEST_F(Prove, SymbolicBoundsOfTiles) {
  context.bind(var("io"), Expr(0), parse("(M + mc - 1)//mc"));
  context.bind(var("ii"), Expr(0), parse("mc"));
  const auto tile = symbolic_bounds(parse("io*mc + ii"), {var("ii")}, context);
  ASSERT_TRUE(tile);
  EXPECT_EQ(to_text(tile->min), tidy("io*mc"));
  EXPECT_EQ(to_text(tile->max), tidy("io*mc + mc - 1"));
  const auto clipped = symbolic_bounds(parse("min(io*mc + ii, M - 1)"), {var("ii")}, context);
  ASSERT_TRUE(clipped);
  EXPECT_EQ(to_text(clipped->max), tidy("min(io*mc + mc - 1, M - 1)"));
  const auto all = symbolic_bounds(parse("io*mc + ii"), {var("io"), var("ii")}, context);
  ASSERT_TRUE(all);
  EXPECT_EQ(to_text(all->min), tidy("0"));
  EXPECT_EQ(to_text(all->max), tidy("(M + mc - 1)//mc*mc - 1"));
  const auto quotient = symbolic_bounds(parse("(io*mc + ii)//mc"), {var("ii")}, context);
  ASSERT_TRUE(quotient);
  EXPECT_EQ(to_text(quotient->min), tidy("io"));
  EXPECT_EQ(to_text(quotient->max), tidy("io"));
  const auto remainder = symbolic_bounds(parse("(x + ii)%4"), {var("ii")}, context);
  ASSERT_TRUE(remainder);
  EXPECT_EQ(to_text(remainder->min) + " " + to_text(remainder->max), "0 3");
  EXPECT_FALSE(symbolic_bounds(parse("ii*x"), {var("x")}, context));
}

}  // namespace
}  // namespace tw::test
