// Builders of expressions: what folds, and what is refused.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/equal.h"
#include "ir/reducers.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw {
namespace {

TEST(ExprBuilders, IndexArithmeticFoldsAndDropsNeutralElements) {
  const Var i("i");
  EXPECT_EQ(to_text(Expr(2) + 3), "5");
  EXPECT_EQ(to_text(i + 0), "i");
  EXPECT_EQ(to_text(Expr(0) + i), "i");
  EXPECT_EQ(to_text(i - 0), "i");
  EXPECT_EQ(to_text(i * 1), "i");
  EXPECT_EQ(to_text(Expr(1) * i), "i");
  EXPECT_EQ(to_text(i * 0), "0");
  EXPECT_EQ(to_text(floordiv(i, 1)), "i");
  EXPECT_EQ(to_text(floormod(i, 1)), "0");
  EXPECT_EQ(to_text(floordiv(Expr(-7), 2)), "-4");
  EXPECT_EQ(to_text(ceildiv(Expr(7), 2)), "4");
  EXPECT_EQ(to_text(ceildiv(i, 8)), "(i + 7) // 8");
  EXPECT_EQ(to_text(min(Expr(3), 4)), "3");
  EXPECT_EQ(to_text(lt(Expr(3), 4)), "true");
  EXPECT_EQ(to_text(-Expr(3)), "-3");
  EXPECT_EQ(to_text(gt(i, 3)), "3 < i");
  EXPECT_EQ(to_text(ge(i, 3)), "3 <= i");
}

TEST(ExprBuilders, OverflowOfIndexConstantsIsLeftStanding) {
  EXPECT_EQ(to_text(Expr(INT64_MAX) + 1), "9223372036854775807 + 1");
  EXPECT_EQ(to_text(-Expr(INT64_MIN)), "-(-9223372036854775808)");
}

TEST(ExprBuilders, DataArithmeticIsLeftAsItIs) {
  const Expr x = make_const(kFloat32, 2.0), zero = make_zero(kFloat32);
  EXPECT_EQ(to_text(x + zero), "2.0f32 + 0.0f32");
  EXPECT_EQ(to_text(make_const(kInt32, int64_t{1}) * make_zero(kInt32)), "1i32 * 0i32");
}

TEST(ExprBuilders, LogicFolds) {
  const Var b("b", kBool);
  const Expr t = make_bool(true), f = make_bool(false);
  EXPECT_EQ(to_text(logical_and(t, b)), "b");
  EXPECT_EQ(to_text(logical_and(b, f)), "false");
  EXPECT_EQ(to_text(logical_or(f, b)), "b");
  EXPECT_EQ(to_text(logical_or(b, t)), "true");
  EXPECT_EQ(to_text(logical_not(t)), "false");
  EXPECT_EQ(to_text(logical_not(b)), "!b");
  EXPECT_EQ(to_text(select(t, b, f)), "b");
  EXPECT_EQ(to_text(select(b, f, t)), "select(b, false, true)");
}

TEST(ExprBuilders, ConstantsOfEveryType) {
  for (const DType type : kScalarTypes)
    for (const int lanes : {1, 4}) {
      const Expr one = make_const(type.with_lanes(lanes), int64_t{1});
      EXPECT_EQ(one.dtype(), type.with_lanes(lanes));
      if (type.is_float()) {
        EXPECT_EQ(as_float(one), 1.0);
      } else {
        EXPECT_EQ(as_int(one), 1);
      }
    }
  EXPECT_EQ(as_int(make_const(kInt8, int64_t{300})), 44);
  EXPECT_EQ(as_int(make_const(kUInt8, 1e9)), 255);
  EXPECT_EQ(as_float(make_const(kFloat16, 2049.0)), 2048.0);
  EXPECT_EQ(as_int(make_const(kBool, int64_t{7})), 1);
}

TEST(ExprBuilders, EveryNaNIsOne) {
  const Expr a = make_const(kFloat64, std::nan("")), b = make_const(kFloat64, -std::nan("7"));
  EXPECT_TRUE(structural_equal(a, b));
  EXPECT_EQ(structural_hash(a), structural_hash(b));
}

TEST(ExprBuilders, CastToTheSameTypeIsNothing) {
  const Var i("i");
  EXPECT_TRUE(cast(kIndex, i).same_as(i));
  EXPECT_EQ(to_text(cast(kInt32, i)), "int32(i)");
}

template <class F>
std::string fault_of(F&& f) {
  try {
    f();
  } catch (const InternalError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ExprMake, RefusesOperandsThatDoNotFit) {
  using testing::HasSubstr;
  const Var i("i"), x("x", kInt32), f("f", kFloat32), b("b", kBool);
  const Buffer a = BufferNode::make("A", kFloat32, {8});
  EXPECT_THAT(fault_of([&] { (void)(i + x); }), HasSubstr("have types index and int32"));
  EXPECT_THAT(fault_of([&] { (void)(x / x); }), HasSubstr("`/` takes floats, not int32"));
  EXPECT_THAT(fault_of([&] { (void)(b + b); }), HasSubstr("`+` takes numbers, not bool"));
  EXPECT_THAT(fault_of([&] { (void)Unary::make(UnaryOp::kNot, i); }), HasSubstr("`!` takes bool, not index"));
  EXPECT_THAT(fault_of([&] { (void)Unary::make(UnaryOp::kBitNot, f); }), HasSubstr("`~` takes integers"));
  EXPECT_THAT(fault_of([&] { (void)-Expr(b); }), HasSubstr("`-` takes numbers"));
  EXPECT_THAT(fault_of([&] { (void)Binary::make(BinaryOp::kBitAnd, f, f); }), HasSubstr("integers or bool"));
  EXPECT_THAT(fault_of([&] { (void)Binary::make(BinaryOp::kShiftLeft, b, b); }),
              HasSubstr("takes integers, not bool"));
  EXPECT_THAT(fault_of([&] { (void)Binary::make(BinaryOp::kAnd, i, i); }), HasSubstr("`&&` takes bool"));
  EXPECT_THAT(fault_of([&] { (void)Select::make(b, i, x); }), HasSubstr("branches of types index and int32"));
  EXPECT_THAT(fault_of([&] { (void)Select::make(i, x, x); }), HasSubstr("it needs bool"));
  EXPECT_THAT(fault_of([&] { (void)Cast::make(kInt32.with_lanes(4), i); }), HasSubstr("number of lanes"));
  EXPECT_THAT(fault_of([&] {
                (void)Load::make(a, {i, i});
              }),
              HasSubstr("1 dimensions but gets 2 subscripts"));
  EXPECT_THAT(fault_of([&] { (void)Load::make(a, {x}); }), HasSubstr("cast it to index"));
  EXPECT_THAT(fault_of([&] { (void)Call::make(Intrinsic::kExp, {x}); }),
              HasSubstr("exp takes floats, not int32"));
  EXPECT_THAT(fault_of([&] { (void)Call::make(Intrinsic::kPow, {f}); }),
              HasSubstr("pow takes 2 arguments, not 1"));
  EXPECT_THAT(fault_of([&] { (void)Ramp::make(f, f, 4); }), HasSubstr("one integer type"));
  EXPECT_THAT(fault_of([&] { (void)Ramp::make(i, i, 70000); }), HasSubstr("70000 lanes"));
  EXPECT_THAT(fault_of([&] { (void)Broadcast::make(i, 1); }), HasSubstr("1 lanes"));
  EXPECT_THAT(fault_of([&] { (void)IntImm::make(kInt8, 128); }), HasSubstr("out of the range of int8"));
  EXPECT_THAT(fault_of([&] { (void)FloatImm::make(kInt8, 1); }),
              HasSubstr("a floating constant has type int8"));
  EXPECT_THAT(fault_of([&] { (void)Variable::make("n", kIndex, 3, 2); }), HasSubstr("lie in [3, 2]"));
  EXPECT_THAT(fault_of([&] { (void)Reduce::make(known_reducer("sum", kFloat32), {}, {x}); }),
              HasSubstr("has type int32; the reducer takes float32"));
  EXPECT_THAT(fault_of([&] { (void)Store::make(a, {i}, x); }), HasSubstr("a value of type int32 is stored"));
}

TEST(Reducers, KnownOnesCombineAndHaveIdentities) {
  for (const DType type : kScalarTypes)
    for (const char* name : {"sum", "prod", "max", "min", "all", "any", "median"}) {
      const bool logical = name[0] == 'a';
      const bool known = std::string(name) != "median" && logical == type.is_bool();
      EXPECT_EQ(static_cast<bool>(known_reducer(name, type)), known) << name << " of " << to_string(type);
    }
  EXPECT_EQ(to_text(known_reducer("max", kInt8)->identities[0]), "-128i8");
  EXPECT_EQ(to_text(known_reducer("min", kFloat32)->identities[0]), "inf_f32");
  const Var a("a", kFloat32), b("b", kFloat32);
  EXPECT_EQ(to_text(known_reducer("sum", kFloat32)->combine({a}, {b})[0]), "a + b");
}

}  // namespace
}  // namespace tw
