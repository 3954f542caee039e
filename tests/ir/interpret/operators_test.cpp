// Operators of programs against `evaluate`, for every operator and type; conversions of 16-bit floats against
// half.h.
#include "ir/interpret/operators.h"

#include <bit>
#include <random>

#include "ir/expr.h"
#include "ir/interpret/lane_types.h"
#include "ir/interpret/run_program.h"
#include "ir/scalar.h"

namespace tw::interpret_tests {
namespace {

using interpreter::find_cast;
using interpreter::find_operator;
using interpreter::Lane;
using interpreter::Operator;
using interpreter::Slot;
using interpreter::with_lane_type;

Slot slot_of(const Scalar& s) {
  if (s.type.is_float())
    return s.type.bits == 64 ? Lane<double>::write(s.f) : Lane<float>::write(static_cast<float>(s.f));
  return static_cast<Slot>(s.i);
}

Scalar scalar_of(DType type, Slot slot) {
  if (type.is_float()) return {type, 0, type.bits == 64 ? Lane<double>::read(slot) : Lane<float>::read(slot)};
  return {type, static_cast<int64_t>(slot), 0};
}

/// Edge values and random ones of a type.
std::vector<Scalar> samples(DType type) {
  std::vector<Scalar> out;
  std::mt19937_64 random(7);
  if (type.is_float()) {
    for (const double x : {0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -3.5, 1e-7, 65504.0, 3e38, 1e300, -1e18,
                           (double)INFINITY, -(double)INFINITY, std::nan("")})
      out.push_back(Scalar::of_float(type, x));
    for (int i = 0; i < 12; ++i)
      out.push_back(Scalar::of_float(type, std::normal_distribution<>(0, 20)(random)));
  } else {
    for (const int64_t x : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{2}, int64_t{7}, int64_t{-8},
                            int64_t{63}, int_min_of(type), int_max_of(type)})
      out.push_back(Scalar::of_int(type, x));
    for (int i = 0; i < 8; ++i)
      out.push_back(Scalar::of_int(type, static_cast<int64_t>(random() >> (i * 7))));
  }
  return out;
}

constexpr BinaryOp kBinaryOps[] = {
#define TW_OP(Name, text, precedence) BinaryOp::k##Name,
    TW_BINARY_OPS(TW_OP)
#undef TW_OP
};
constexpr Intrinsic kIntrinsics[] = {
#define TW_OP(Name, text, arity, integers) Intrinsic::k##Name,
    TW_INTRINSICS(TW_OP)
#undef TW_OP
};

TEST(Operators, BinaryOperatorsMeanWhatScalarSays) {
  int64_t checked = 0;
  for (const DType type : kScalarTypes)
    for (const BinaryOp op : kBinaryOps) {
      const Operator f = find_operator(op, type);
      for (const Scalar& a : samples(type))
        for (const Scalar& b : samples(type)) {
          const auto expected = evaluate(op, a, b);
          if (!expected || (type.is_index() && is_logical(op)))
            continue;  // undefined, or an index that overflows
          ASSERT_NE(f, nullptr) << info(op).text << " of " << to_string(type);
          const Scalar found = scalar_of(expected->type, f(slot_of(a), slot_of(b)));
          ASSERT_TRUE(found.identical(*expected))
              << to_string(type) << ": " << a.i << " " << a.f << " " << info(op).text << " " << b.i << " "
              << b.f << " gives " << found.i << " " << found.f;
          ++checked;
        }
    }
  EXPECT_GT(checked, 30000);
}

TEST(Operators, IntrinsicsMeanWhatScalarSays) {
  for (const DType type : kScalarTypes)
    for (const Intrinsic op : kIntrinsics) {
      if (type.is_bool() || (type.is_integer() && !info(op).accepts_integers)) continue;
      const Operator f = find_operator(op, type);
      ASSERT_NE(f, nullptr);
      for (const Scalar& a : samples(type))
        for (const Scalar& b : samples(type)) {
          const auto expected = evaluate(op, a, b);
          if (!expected) continue;
          const Scalar found = scalar_of(type, f(slot_of(a), slot_of(b)));
          ASSERT_TRUE(found.identical(*expected))
              << info(op).text << " of " << to_string(type) << " " << a.i << " " << a.f;
        }
    }
}

TEST(Operators, UnaryOperatorsMeanWhatScalarSays) {
  for (const DType type : kScalarTypes)
    for (const UnaryOp op : {UnaryOp::kNeg, UnaryOp::kNot, UnaryOp::kBitNot}) {
      if ((op == UnaryOp::kNot) != type.is_bool() || (op == UnaryOp::kBitNot && !type.is_integer())) continue;
      for (const Scalar& a : samples(type)) {
        const auto expected = evaluate(op, a);
        if (!expected) continue;
        ASSERT_TRUE(scalar_of(type, find_operator(op, type)(slot_of(a), 0)).identical(*expected));
      }
    }
}

TEST(Operators, CastsMeanWhatScalarSays) {
  for (const DType from : kScalarTypes)
    for (const DType to : kScalarTypes)
      for (const Scalar& a : samples(from)) {
        const Scalar found = scalar_of(to, find_cast(to, from)(slot_of(a), 0));
        ASSERT_TRUE(found.identical(*evaluate_cast(to, a)))
            << to_string(from) << " " << a.i << " " << a.f << " to " << to_string(to) << " gives " << found.i
            << " " << found.f;
      }
}

TEST(Operators, EveryHalfReadsAndRoundsAsHalfSays) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto b = static_cast<uint16_t>(bits);
    const float half = interpreter::half_to_float(b), brain = interpreter::brain_to_float(b);
    if (!std::isnan(half)) {
      ASSERT_EQ(std::bit_cast<uint32_t>(half),
                std::bit_cast<uint32_t>(static_cast<float>(Float16::to_double(b))));
      ASSERT_EQ(interpreter::float_to_half(half), b);
    } else {
      ASSERT_TRUE(std::isnan(Float16::to_double(b)));
    }
    if (!std::isnan(brain)) {
      ASSERT_EQ(std::bit_cast<uint32_t>(brain),
                std::bit_cast<uint32_t>(static_cast<float>(BFloat16::to_double(b))));
      ASSERT_EQ(interpreter::float_to_brain(brain), b);
    } else {
      ASSERT_TRUE(std::isnan(BFloat16::to_double(b)));
    }
  }
  std::mt19937 random(3);
  for (int i = 0; i < 2000000; ++i) {
    // Exponents near those of float16 half of the time.
    uint32_t bits = static_cast<uint32_t>(random());
    if (i % 2) bits = (bits & 0x807fffffu) | ((100 + bits % 46) << 23);
    if (i % 8 == 1) bits &= ~0xfffu;  // ties
    const float x = std::bit_cast<float>(bits);
    ASSERT_EQ(interpreter::float_to_half(x), Float16::from_double(x)) << x;
    ASSERT_EQ(interpreter::float_to_brain(x), BFloat16::from_double(x)) << x;
  }
}

}  // namespace
}  // namespace tw::interpret_tests
