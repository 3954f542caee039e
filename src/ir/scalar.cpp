#include "ir/scalar.h"

#include <bit>

#include "support/error.h"

namespace tw {

double round_to(DType type, double value) {
  if (type.is_bfloat()) return BFloat16::to_double(BFloat16::from_double(value));
  if (type.bits == 16) return Float16::to_double(Float16::from_double(value));
  if (type.bits == 32) return static_cast<float>(value);
  return value;
}

int64_t wrap_to(DType type, int64_t value) {
  if (type.is_bool()) return value != 0;
  if (type.bits == 64) return value;
  const int drop = 64 - type.bits;
  const auto shifted = static_cast<uint64_t>(value) << drop;
  return type.is_uint() ? static_cast<int64_t>(shifted >> drop) : static_cast<int64_t>(shifted) >> drop;
}

namespace {

/// Calls f with a value of the C++ type of an integer lane.
template <class F>
auto with_integer(DType type, F&& f) {
  if (type.is_bool()) return f(bool{});
  switch (type.bits) {
    case 8: return type.is_uint() ? f(uint8_t{}) : f(int8_t{});
    case 16: return type.is_uint() ? f(uint16_t{}) : f(int16_t{});
    case 32: return type.is_uint() ? f(uint32_t{}) : f(int32_t{});
    default: return type.is_uint() ? f(uint64_t{}) : f(int64_t{});
  }
}

/// Calls f with each operator as a constant until one matches; gives its result.
template <class F>
std::optional<Scalar> with_op(BinaryOp op, F&& f) {
  switch (op) {
#define TW_CASE(Name, text, precedence) \
  case BinaryOp::k##Name: return f.template operator()<BinaryOp::k##Name>();
    TW_BINARY_OPS(TW_CASE)
#undef TW_CASE
  }
  return std::nullopt;
}
template <class F>
std::optional<Scalar> with_op(Intrinsic op, F&& f) {
  switch (op) {
#define TW_CASE(Name, text, arity, integers) \
  case Intrinsic::k##Name: return f.template operator()<Intrinsic::k##Name>();
    TW_INTRINSICS(TW_CASE)
#undef TW_CASE
  }
  return std::nullopt;
}

template <class R>
Scalar result(DType type, R value) {
  if constexpr (std::same_as<R, bool>) return Scalar::of_int(kBool, value);
  if constexpr (std::floating_point<R>) return Scalar::of_float(type, value);
  if constexpr (std::integral<R> && !std::same_as<R, bool>)
    return Scalar::of_int(type, static_cast<int64_t>(value));
}

}  // namespace

int64_t saturate_to(DType type, double value) {
  return with_integer(type, [&]<class T>(T) { return static_cast<int64_t>(scalar::convert<T>(value)); });
}

std::optional<int64_t> index_binary(BinaryOp op, int64_t a, int64_t b) {
  int64_t value = 0;
  switch (op) {
    case BinaryOp::kAdd: return __builtin_add_overflow(a, b, &value) ? std::nullopt : std::optional(value);
    case BinaryOp::kSub: return __builtin_sub_overflow(a, b, &value) ? std::nullopt : std::optional(value);
    case BinaryOp::kMul: return __builtin_mul_overflow(a, b, &value) ? std::nullopt : std::optional(value);
    case BinaryOp::kFloorDiv:
      if (a == INT64_MIN && b == -1) return std::nullopt;
      return scalar::floor_div(a, b);
    case BinaryOp::kFloorMod: return scalar::floor_mod(a, b);
    case BinaryOp::kMin: return a < b ? a : b;
    case BinaryOp::kMax: return a < b ? b : a;
    case BinaryOp::kEq: return a == b;
    case BinaryOp::kNe: return a != b;
    case BinaryOp::kLt: return a < b;
    case BinaryOp::kLe: return a <= b;
    case BinaryOp::kAnd: return a && b;
    case BinaryOp::kOr: return a || b;
    case BinaryOp::kBitAnd: return a & b;
    case BinaryOp::kBitOr: return a | b;
    case BinaryOp::kBitXor: return a ^ b;
    case BinaryOp::kShiftLeft: return scalar::binary<BinaryOp::kShiftLeft>(a, b);
    case BinaryOp::kShiftRight: return scalar::binary<BinaryOp::kShiftRight>(a, b);
    case BinaryOp::kDiv: return std::nullopt;
  }
  return std::nullopt;
}

bool Scalar::identical(const Scalar& other) const {
  if (type != other.type) return false;
  if (!type.is_float()) return i == other.i;
  if (std::isnan(f) || std::isnan(other.f)) return std::isnan(f) && std::isnan(other.f);
  return std::bit_cast<uint64_t>(f) == std::bit_cast<uint64_t>(other.f);
}

std::optional<Scalar> evaluate(UnaryOp op, const Scalar& a) {
  switch (op) {
    case UnaryOp::kNot: return Scalar::of_int(kBool, !a.i);
    case UnaryOp::kBitNot: return Scalar::of_int(a.type, ~a.i);
    case UnaryOp::kNeg:
      if (a.type.is_float()) return Scalar::of_float(a.type, -a.f);
      if (a.type.is_index() && a.i == INT64_MIN) return std::nullopt;
      return Scalar::of_int(a.type, static_cast<int64_t>(0 - static_cast<uint64_t>(a.i)));
  }
  return std::nullopt;
}

std::optional<Scalar> evaluate(BinaryOp op, const Scalar& a, const Scalar& b) {
  if (a.type.is_index()) {
    const auto value = index_binary(op, a.i, b.i);
    return value ? std::optional(Scalar::of_int(is_comparison(op) ? kBool : kIndex, *value)) : std::nullopt;
  }
  return with_op(op, [&]<BinaryOp kOp>() -> std::optional<Scalar> {
    auto apply = [&]<class T>(T x, T y) -> std::optional<Scalar> {
      if constexpr (scalar::is_defined<kOp, T>()) return result(a.type, scalar::binary<kOp, T>(x, y));
      return std::nullopt;
    };
    if (a.type.is_float()) {
      if (a.type.bits == 64) return apply(a.f, b.f);
      return apply(static_cast<float>(a.f), static_cast<float>(b.f));
    }
    return with_integer(a.type, [&]<class T>(T) { return apply(static_cast<T>(a.i), static_cast<T>(b.i)); });
  });
}

std::optional<Scalar> evaluate(Intrinsic op, const Scalar& a, const Scalar& b) {
  return with_op(op, [&]<Intrinsic kOp>() -> std::optional<Scalar> {
    if (a.type.is_float()) {
      if (a.type.bits == 64) return result(a.type, scalar::intrinsic<kOp, double>(a.f, b.f));
      return result(a.type, scalar::intrinsic<kOp, float>(static_cast<float>(a.f), static_cast<float>(b.f)));
    }
    if (a.type.is_index() && kOp == Intrinsic::kAbs && a.i == INT64_MIN) return std::nullopt;
    return with_integer(a.type, [&]<class T>(T) -> std::optional<Scalar> {
      if constexpr (std::same_as<T, bool>) return std::nullopt;
      if constexpr (!std::same_as<T, bool>)
        return result(a.type, scalar::intrinsic<kOp, T>(static_cast<T>(a.i), static_cast<T>(b.i)));
    });
  });
}

std::optional<Scalar> evaluate_cast(DType type, const Scalar& a) {
  if (type.is_float()) {
    if (a.type.is_float()) return Scalar::of_float(type, a.f);
    const bool is_u64 = a.type.is_uint() && a.type.bits == 64;
    if (type.bits == 32)
      return Scalar::of_float(
          type, is_u64 ? static_cast<float>(static_cast<uint64_t>(a.i)) : static_cast<float>(a.i));
    double wide = is_u64 ? static_cast<double>(static_cast<uint64_t>(a.i)) : static_cast<double>(a.i);
    if (type.is_half()) {
      // Round to odd on the way, so that the second rounding sees whether anything was lost by the first.
      const auto back =
          is_u64 ? static_cast<int64_t>(scalar::convert<uint64_t>(wide)) : scalar::convert<int64_t>(wide);
      const uint64_t bits = std::bit_cast<uint64_t>(wide);
      if (back != a.i && !(bits & 1)) {
        const bool rounded_up =
            is_u64 ? static_cast<uint64_t>(back) > static_cast<uint64_t>(a.i) : back > a.i;
        const bool towards_zero = rounded_up == (wide > 0);
        wide = std::bit_cast<double>(towards_zero ? bits - 1 : bits + 1);
      }
    }
    return Scalar::of_float(type, wide);
  }
  if (a.type.is_float()) return Scalar::of_int(type, saturate_to(type, a.f));
  return Scalar::of_int(type, a.i);
}

}  // namespace tw
