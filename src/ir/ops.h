// Operators and intrinsics of expressions, each listed once.
//
// Integer arithmetic of n bits wraps; `//` and `%` floor; division by zero gives 0 with remainder 0; shifts
// by at least the width give 0 (or -1 for a negative left side shifted right). Float arithmetic is IEEE with
// one rounding an operator; min and max propagate NaN; the sign of the zero that min or max of two zeros
// gives is the first's. float `//` and `%` are Python's. Nothing here has an effect; only Select is lazy.
// scalar.h is the executable meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tw {

// X(Name, text): prefix operators.
#define TW_UNARY_OPS(X) \
  X(Neg, "-")           \
  X(Not, "!")           \
  X(BitNot, "~")

// X(Name, text, precedence): infix when the text is a symbol, a function when it is a word. Higher binds
// tighter.
#define TW_BINARY_OPS(X) \
  X(Add, "+", 8)         \
  X(Sub, "-", 8)         \
  X(Mul, "*", 9)         \
  X(Div, "/", 9)         \
  X(FloorDiv, "//", 9)   \
  X(FloorMod, "%", 9)    \
  X(Min, "min", 11)      \
  X(Max, "max", 11)      \
  X(Eq, "==", 3)         \
  X(Ne, "!=", 3)         \
  X(Lt, "<", 3)          \
  X(Le, "<=", 3)         \
  X(And, "&&", 2)        \
  X(Or, "||", 1)         \
  X(BitAnd, "&", 6)      \
  X(BitOr, "|", 4)       \
  X(BitXor, "^", 5)      \
  X(ShiftLeft, "<<", 7)  \
  X(ShiftRight, ">>", 7)

// X(Name, text, arity, accepts integers): functions of values, lane by lane. Integers of any width where
// accepted.
#define TW_INTRINSICS(X)          \
  X(Exp, "exp", 1, false)         \
  X(Log, "log", 1, false)         \
  X(Sqrt, "sqrt", 1, false)       \
  X(Rsqrt, "rsqrt", 1, false)     \
  X(Tanh, "tanh", 1, false)       \
  X(Erf, "erf", 1, false)         \
  X(Sigmoid, "sigmoid", 1, false) \
  X(Sin, "sin", 1, false)         \
  X(Cos, "cos", 1, false)         \
  X(Pow, "pow", 2, true)          \
  X(Abs, "abs", 1, true)          \
  X(Floor, "floor", 1, true)      \
  X(Ceil, "ceil", 1, true)        \
  X(Round, "round", 1, true)

enum class UnaryOp : uint8_t {
#define TW_OP(Name, text) k##Name,
  TW_UNARY_OPS(TW_OP)
#undef TW_OP
};

enum class BinaryOp : uint8_t {
#define TW_OP(Name, text, precedence) k##Name,
  TW_BINARY_OPS(TW_OP)
#undef TW_OP
};

enum class Intrinsic : uint8_t {
#define TW_OP(Name, text, arity, integers) k##Name,
  TW_INTRINSICS(TW_OP)
#undef TW_OP
};

/// What a row of the lists says.
struct UnaryInfo {
  const char* text;
};
struct BinaryInfo {
  const char* text;
  int precedence;
  bool is_comparison() const { return precedence == 3; }
  bool is_function() const { return precedence == 11; }  // printed as min(a, b)
};
struct IntrinsicInfo {
  const char* text;
  int arity;
  bool accepts_integers;
};

const UnaryInfo& info(UnaryOp op);
const BinaryInfo& info(BinaryOp op);
const IntrinsicInfo& info(Intrinsic op);

/// The operator whose text this is.
std::optional<BinaryOp> binary_op_from_text(std::string_view text);
std::optional<Intrinsic> intrinsic_from_text(std::string_view text);

/// Whether a op b is b op a for all values, to the last bit.
inline bool is_commutative(BinaryOp op) {
  using enum BinaryOp;
  switch (op) {
    case kAdd:
    case kMul:
    case kMin:
    case kMax:
    case kEq:
    case kNe:
    case kAnd:
    case kOr:
    case kBitAnd:
    case kBitOr:
    case kBitXor: return true;
    default: return false;
  }
}

inline bool is_comparison(BinaryOp op) {
  return info(op).is_comparison();
}
inline bool is_logical(BinaryOp op) {
  return op == BinaryOp::kAnd || op == BinaryOp::kOr;
}
inline bool is_bitwise(BinaryOp op) {
  return op >= BinaryOp::kBitAnd;
}

}  // namespace tw
