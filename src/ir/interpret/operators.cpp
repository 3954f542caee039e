#include "ir/interpret/operators.h"

namespace tw::interpreter {
namespace {

template <UnaryOp op, class T>
Slot unary(Slot a, Slot) {
  using C = typename Lane<T>::Compute;
  const C x = Lane<T>::read(a);
  if constexpr (op == UnaryOp::kNot) return Lane<bool>::write(!Lane<bool>::read(a));
  if constexpr (op == UnaryOp::kNeg) {
    if constexpr (std::floating_point<C>) return Lane<T>::write(-x);
    if constexpr (std::integral<C>)
      return Lane<T>::write(static_cast<C>(scalar::Wrapping<C>(0) - static_cast<scalar::Wrapping<C>>(x)));
  }
  if constexpr (op == UnaryOp::kBitNot && std::integral<C> && !std::same_as<C, bool>)
    return Lane<T>::write(static_cast<C>(~x));
  return 0;
}

template <BinaryOp op, class T>
Slot binary(Slot a, Slot b) {
  using C = typename Lane<T>::Compute;
  const auto value = scalar::binary<op, C>(Lane<T>::read(a), Lane<T>::read(b));
  if constexpr (std::same_as<decltype(value), const bool>)
    return Lane<bool>::write(value);
  else
    return Lane<T>::write(value);
}

template <Intrinsic op, class T>
Slot intrinsic(Slot a, Slot b) {
  using C = typename Lane<T>::Compute;
  return Lane<T>::write(scalar::intrinsic<op, C>(Lane<T>::read(a), Lane<T>::read(b)));
}

template <class T>
constexpr bool kIsHalf = std::same_as<T, Half> || std::same_as<T, Brain>;
template <class T>
constexpr DType kHalfType = std::same_as<T, Half> ? kFloat16 : kBFloat16;

template <class To, class From>
Slot convert(Slot a, Slot) {
  using In = typename Lane<From>::Compute;
  const In x = Lane<From>::read(a);
  if constexpr (kIsHalf<To>) {
    if constexpr (std::same_as<In, float>) return Lane<To>::write(x);
    if constexpr (std::same_as<In, double>)  // in one rounding
      return Lane<float>::write(static_cast<float>(round_to(kHalfType<To>, x)));
    if constexpr (std::integral<In>) {
      if (sizeof(In) < 4 ||
          static_cast<int64_t>(x) == static_cast<int64_t>(x) << 40 >> 40)  // exact as a float
        return Lane<To>::write(static_cast<float>(x));
      constexpr DType type = std::same_as<In, uint64_t> ? kUInt64 : kInt64;
      const auto rounded = evaluate_cast(kHalfType<To>, {type, static_cast<int64_t>(x), 0});
      return Lane<float>::write(static_cast<float>(rounded->f));
    }
  } else {
    return Lane<To>::write(scalar::convert<typename Lane<To>::Compute>(x));
  }
}

}  // namespace

Operator find_operator(UnaryOp op, DType type) {
  return with_lane_type(type, [&]<class T>() -> Operator {
#define TW_CASE(Name, text) \
  if (op == UnaryOp::k##Name) return &unary<UnaryOp::k##Name, T>;
    TW_UNARY_OPS(TW_CASE)
#undef TW_CASE
    return nullptr;
  });
}

Operator find_operator(BinaryOp op, DType type) {
  return with_lane_type(type, [&]<class T>() -> Operator {
    switch (op) {
#define TW_CASE(Name, text, precedence)                                               \
  case BinaryOp::k##Name:                                                             \
    if constexpr (scalar::is_defined<BinaryOp::k##Name, typename Lane<T>::Compute>()) \
      return &binary<BinaryOp::k##Name, T>;                                           \
    break;
      TW_BINARY_OPS(TW_CASE)
#undef TW_CASE
    }
    return nullptr;
  });
}

Operator find_operator(Intrinsic op, DType type) {
  return with_lane_type(type, [&]<class T>() -> Operator {
    switch (op) {
#define TW_CASE(Name, text, arity, integers)                                 \
  case Intrinsic::k##Name:                                                   \
    if constexpr (!std::same_as<T, bool> && (integers || !std::integral<T>)) \
      return &intrinsic<Intrinsic::k##Name, T>;                              \
    break;
      TW_INTRINSICS(TW_CASE)
#undef TW_CASE
    }
    return nullptr;
  });
}

Operator find_cast(DType to, DType from) {
  return with_lane_type(to, [&]<class To>() -> Operator {
    return with_lane_type(from, [&]<class From>() -> Operator { return &convert<To, From>; });
  });
}

}  // namespace tw::interpreter
