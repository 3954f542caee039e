// The rules (simplify_rules.h says how they are written). A test runs each one by itself on random and
// extreme values of every type it claims.
//
// Sums, products, quotients and comparisons of scalar index expressions have a canonical form of their own
// (simplify_index.cpp); rules that say index here serve vectors.
#include "ir/simplify/simplify_tables.h"

namespace tw {
namespace {

constexpr RuleText kNeg[] = {
    {"-(-x)", "x", kNumbers, nullptr},
    {"-(x - y)", "y - x", kIntegers, nullptr},  // of equal floats: -0 and +0
    {"-(x * c0)", "x * -c0", kNumbers, nullptr},
    {"-(x + c0)", "-c0 - x", kIntegers, nullptr},
    {"-ramp(x, y)", "ramp(-x, -y)", kIntegers, nullptr},
};

constexpr RuleText kNot[] = {
    {"!!x", "x", kBools, nullptr},
    {"!(x == y)", "x != y", kAnyType, nullptr},
    {"!(x != y)", "x == y", kAnyType, nullptr},
    {"!(x < y)", "y <= x", kIntegers | kBools, nullptr},  // neither holds of NaN
    {"!(x <= y)", "y < x", kIntegers | kBools, nullptr},
    {"!(x && y)", "!x || !y", kBools, nullptr},
    {"!(x || y)", "!x && !y", kBools, nullptr},
};

constexpr RuleText kBitNot[] = {
    {"~~x", "x", kIntegers, nullptr},
};

constexpr RuleText kAdd[] = {
    {"x + 0", "x", kIntegers, nullptr},
    {"x + -0.0", "x", kFloats, nullptr},
    {"x + -y", "x - y", kNumbers, nullptr},
    {"x + c0", "x - -c0", kSigned | kIndices, "c0 < 0 && 0 < -c0"},
    {"(x + c0) + c1", "x + (c0 + c1)", kIntegers, nullptr},
    {"(x - c0) + c1", "x + (c1 - c0)", kIntegers, nullptr},
    {"(c0 - x) + c1", "(c0 + c1) - x", kIntegers, nullptr},
    {"x + x", "x * 2", kIntegers, nullptr},
    {"x * c0 + x", "x * (c0 + 1)", kIntegers, nullptr},
    {"x * c0 + x * c1", "x * (c0 + c1)", kIntegers, nullptr},
    {"(x - y) + y", "x", kIntegers, nullptr},
    {"(x - y) + (y - z)", "x - z", kIntegers, nullptr},
    {"x // c0 * c0 + x % c0", "x", kIntegers, "c0 != 0"},
    {"max(x, y) + min(x, y)", "x + y", kIntegers, nullptr},
    {"ramp(x, y) + ramp(z, w)", "ramp(x + z, y + w)", kIntegers, nullptr},
    {"ramp(x, y) + broadcast(z)", "ramp(x + z, y)", kIntegers, nullptr},
};

constexpr RuleText kSub[] = {
    {"x - 0", "x", kNumbers, nullptr},
    {"0 - x", "-x", kIntegers, nullptr},  // 0.0 - 0.0 is +0
    {"-0.0 - x", "-x", kFloats, nullptr},
    {"x - -y", "x + y", kNumbers, nullptr},
    {"x - c0", "x + -c0", kSigned | kIndices, "c0 < 0 && 0 < -c0"},
    {"x - x", "0", kIntegers, nullptr},
    {"(x + c0) - c1", "x + (c0 - c1)", kIntegers, nullptr},
    {"(x - c0) - c1", "x - (c0 + c1)", kIntegers, nullptr},
    {"(c0 - x) - c1", "(c0 - c1) - x", kIntegers, nullptr},
    {"c0 - (x + c1)", "(c0 - c1) - x", kIntegers, nullptr},
    {"c0 - (x - c1)", "(c0 + c1) - x", kIntegers, nullptr},
    {"c0 - (c1 - x)", "x + (c0 - c1)", kIntegers, nullptr},
    {"(x + y) - x", "y", kIntegers, nullptr},
    {"(x - y) - x", "-y", kIntegers, nullptr},
    {"x - (x + y)", "-y", kIntegers, nullptr},
    {"x - (x - y)", "y", kIntegers, nullptr},
    {"x * c0 - x", "x * (c0 - 1)", kIntegers, nullptr},
    {"x - x * c0", "x * (1 - c0)", kIntegers, nullptr},
    {"x * c0 - x * c1", "x * (c0 - c1)", kIntegers, nullptr},
    {"x - x // c0 * c0", "x % c0", kIntegers, "c0 != 0"},
    {"ramp(x, y) - ramp(z, w)", "ramp(x - z, y - w)", kIntegers, nullptr},
    {"ramp(x, y) - broadcast(z)", "ramp(x - z, y)", kIntegers, nullptr},
    {"broadcast(z) - ramp(x, y)", "ramp(z - x, -y)", kIntegers, nullptr},
};

constexpr RuleText kMul[] = {
    {"x * 0", "0", kIntegers, nullptr},
    {"x * 1", "x", kNumbers, nullptr},
    {"x * -1", "-x", kNumbers, nullptr},
    {"(x * c0) * c1", "x * (c0 * c1)", kIntegers, nullptr},
    {"(x + c0) * c1", "x * c1 + c0 * c1", kIntegers, nullptr},
    {"(x - c0) * c1", "x * c1 - c0 * c1", kIntegers, nullptr},
    {"(c0 - x) * c1", "c0 * c1 - x * c1", kIntegers, nullptr},
    {"-x * c0", "x * -c0", kNumbers, nullptr},
    {"-x * -y", "x * y", kNumbers, nullptr},
    {"-x * y", "-(x * y)", kNumbers, nullptr},
    {"ramp(x, y) * broadcast(z)", "ramp(x * z, y * z)", kIntegers, nullptr},
};

constexpr RuleText kDiv[] = {
    {"x / 1", "x", kFloats, nullptr},         {"x / -1", "-x", kFloats, nullptr},
    {"-x / -y", "x / y", kFloats, nullptr},   {"-x / c0", "x / -c0", kFloats, nullptr},
    {"-x / y", "-(x / y)", kFloats, nullptr},
};

constexpr RuleText kFloorDiv[] = {
    {"x // 1", "x", kIntegers, nullptr},
    {"x // 0", "0", kIntegers, nullptr},
    {"0 // x", "0", kIntegers, nullptr},
    {"x // -1", "-x", kSigned | kIndices, nullptr},
    {"x // x", "1", kIntegers, "x != 0"},
    {"x // c0 // c1", "x // (c0 * c1)", kIntegers, "0 < c0 && 0 < c1 && 0 < c0 * c1 && c0 * c1 // c1 == c0"},
    {"x // y", "0", kIntegers, "0 <= x && x < y"},
    {"x * c0 // c1", "x * (c0 // c1)", kIndices, "c1 != 0 && c0 % c1 == 0"},
    {"(x * c0 + y) // c1", "x * (c0 // c1) + y // c1", kIndices, "c1 != 0 && c0 % c1 == 0"},
    {"ramp(x, c0) // broadcast(c1)", "ramp(x // c1, c0 // c1)", kIndices, "0 < c1 && c0 % c1 == 0"},
    {"ramp(x, c0) // broadcast(c1)", "broadcast(x // c1)", kIndices,
     "0 < c1 && 0 <= c0 && x % c1 + c0 * (lanes - 1) < c1"},
};

constexpr RuleText kFloorMod[] = {
    {"x % 1", "0", kIntegers, nullptr},
    {"x % 0", "0", kIntegers, nullptr},
    {"0 % x", "0", kIntegers, nullptr},
    {"x % -1", "0", kSigned | kIndices, nullptr},
    {"x % x", "0", kIntegers, nullptr},
    {"x % y % y", "x % y", kIntegers, nullptr},
    {"x % c0 % c1", "x % c1", kIntegers, "c0 != 0 && c1 != 0 && c0 % c1 == 0"},
    {"x % y", "x", kIntegers, "0 <= x && x < y"},
    {"x * c0 % c1", "0", kIndices, "c1 != 0 && c0 % c1 == 0"},
    {"(x * c0 + y) % c1", "y % c1", kIndices, "c1 != 0 && c0 % c1 == 0"},
    {"ramp(x, c0) % broadcast(c1)", "broadcast(x % c1)", kIndices, "c1 != 0 && c0 % c1 == 0"},
    {"ramp(x, c0) % broadcast(c1)", "ramp(x % c1, c0)", kIndices,
     "0 < c1 && 0 <= c0 && x % c1 + c0 * (lanes - 1) < c1"},
};

// Of two zeros or NaNs the first decides: floats take part only where the order of the operands stays.
constexpr RuleText kMin[] = {
    {"min(x, x)", "x", kNumbers, nullptr},
    {"min(x, inf)", "x", kFloats, nullptr},
    {"min(min(x, y), y)", "min(x, y)", kNumbers, nullptr},
    {"min(x, min(x, y))", "min(x, y)", kNumbers, nullptr},
    {"min(min(x, c0), c1)", "min(x, min(c0, c1))", kNumbers, nullptr},
    {"min(min(x, c0), y)", "min(min(x, y), c0)", kIntegers, nullptr},
    {"min(max(x, y), x)", "x", kIntegers, nullptr},
    {"min(max(x, c0), c1)", "c1", kIntegers, "c1 <= c0"},
    {"min(max(x, y), max(x, z))", "max(x, min(y, z))", kIntegers, nullptr},
    {"min(min(x, y), min(x, z))", "min(min(x, y), z)", kIntegers, nullptr},
    {"min(x, y)", "x", kWrapping, "x <= y"},
};

constexpr RuleText kMax[] = {
    {"max(x, x)", "x", kNumbers, nullptr},
    {"max(x, -inf)", "x", kFloats, nullptr},
    {"max(max(x, y), y)", "max(x, y)", kNumbers, nullptr},
    {"max(x, max(x, y))", "max(x, y)", kNumbers, nullptr},
    {"max(max(x, c0), c1)", "max(x, max(c0, c1))", kNumbers, nullptr},
    {"max(max(x, c0), y)", "max(max(x, y), c0)", kIntegers, nullptr},
    {"max(min(x, y), x)", "x", kIntegers, nullptr},
    {"max(min(x, c0), c1)", "c1", kIntegers, "c0 <= c1"},
    {"max(max(x, y), max(x, z))", "max(max(x, y), z)", kIntegers, nullptr},
    {"max(x, y)", "x", kWrapping, "y <= x"},
};

constexpr RuleText kEq[] = {
    {"x == x", "true", kIntegers | kBools, nullptr},
    {"x == true", "x", kBools, nullptr},
    {"x == false", "!x", kBools, nullptr},
    {"x + c0 == c1", "x == c1 - c0", kWrapping, nullptr},
    {"x - c0 == c1", "x == c0 + c1", kWrapping, nullptr},
    {"c0 - x == c1", "x == c0 - c1", kWrapping, nullptr},
    {"-x == c0", "x == -c0", kNumbers, nullptr},
    {"-x == -y", "x == y", kNumbers, nullptr},
    {"x + y == x", "y == 0", kWrapping, nullptr},
    {"x - y == 0", "x == y", kWrapping, nullptr},
    {"(x ^ y) == 0", "x == y", kIntegers, nullptr},
};

constexpr RuleText kNe[] = {
    {"x != x", "false", kIntegers | kBools, nullptr},
    {"x != true", "!x", kBools, nullptr},
    {"x != false", "x", kBools, nullptr},
    {"x + c0 != c1", "x != c1 - c0", kWrapping, nullptr},
    {"x - c0 != c1", "x != c0 + c1", kWrapping, nullptr},
    {"c0 - x != c1", "x != c0 - c1", kWrapping, nullptr},
    {"-x != c0", "x != -c0", kNumbers, nullptr},
    {"-x != -y", "x != y", kNumbers, nullptr},
    {"x + y != x", "y != 0", kWrapping, nullptr},
    {"x - y != 0", "x != y", kWrapping, nullptr},
    {"(x ^ y) != 0", "x != y", kIntegers, nullptr},
};

constexpr RuleText kLt[] = {
    {"x < x", "false", kAnyType, nullptr},
    {"x < false", "false", kBools, nullptr},
    {"x < true", "!x", kBools, nullptr},
    {"true < x", "false", kBools, nullptr},
    {"false < x", "x", kBools, nullptr},
    {"x < 0", "false", kUnsigned, nullptr},
    {"x < 1", "x == 0", kUnsigned, nullptr},
    {"0 < x", "x != 0", kUnsigned, nullptr},
    {"-x < -y", "y < x", kFloats, nullptr},
    {"-x < c0", "-c0 < x", kFloats, nullptr},
    {"c0 < -x", "x < -c0", kFloats, nullptr},
    {"x < -inf", "false", kFloats, nullptr},
    {"inf < x", "false", kFloats, nullptr},
    {"x < min(x, y)", "false", kIntegers, nullptr},
    {"max(x, y) < x", "false", kIntegers, nullptr},
};

constexpr RuleText kLe[] = {
    {"x <= x", "true", kIntegers | kBools, nullptr},
    {"x <= true", "true", kBools, nullptr},
    {"x <= false", "!x", kBools, nullptr},
    {"false <= x", "true", kBools, nullptr},
    {"true <= x", "x", kBools, nullptr},
    {"0 <= x", "true", kUnsigned, nullptr},
    {"x <= 0", "x == 0", kUnsigned, nullptr},
    {"1 <= x", "x != 0", kUnsigned, nullptr},
    {"-x <= -y", "y <= x", kFloats, nullptr},
    {"-x <= c0", "-c0 <= x", kFloats, nullptr},
    {"c0 <= -x", "x <= -c0", kFloats, nullptr},
    {"min(x, y) <= x", "true", kIntegers, nullptr},
    {"x <= max(x, y)", "true", kIntegers, nullptr},
};

constexpr RuleText kAnd[] = {
    {"x && x", "x", kBools, nullptr},
    {"x && true", "x", kBools, nullptr},
    {"x && false", "false", kBools, nullptr},
    {"x && !x", "false", kBools, nullptr},
    {"x && (x && y)", "x && y", kBools, nullptr},
    {"x && (x || y)", "x", kBools, nullptr},
    {"x && (!x || y)", "x && y", kBools, nullptr},
    {"x == y && x != y", "false", kAnyType, nullptr},
    {"x == c0 && x == c1", "false", kAnyType, "c0 != c1"},
    {"x < y && y < x", "false", kAnyType, nullptr},
    {"x < y && y <= x", "false", kAnyType, nullptr},
    {"x <= y && y <= x", "x == y", kAnyType, nullptr},
    {"x < c0 && x < c1", "x < min(c0, c1)", kNumbers, nullptr},
    {"c0 < x && c1 < x", "max(c0, c1) < x", kNumbers, nullptr},
    {"x <= c0 && x <= c1", "x <= min(c0, c1)", kNumbers, nullptr},
    {"c0 <= x && c1 <= x", "max(c0, c1) <= x", kNumbers, nullptr},
};

constexpr RuleText kOr[] = {
    {"x || x", "x", kBools, nullptr},
    {"x || true", "true", kBools, nullptr},
    {"x || false", "x", kBools, nullptr},
    {"x || !x", "true", kBools, nullptr},
    {"x || (x || y)", "x || y", kBools, nullptr},
    {"x || (x && y)", "x", kBools, nullptr},
    {"x || (!x && y)", "x || y", kBools, nullptr},
    {"x == y || x != y", "true", kAnyType, nullptr},
    {"x < y || y <= x", "true", kIntegers | kBools, nullptr},
    {"x <= y || y <= x", "true", kIntegers | kBools, nullptr},
    {"x < y || x == y", "x <= y", kAnyType, nullptr},
};

constexpr RuleText kBitAnd[] = {
    {"x & x", "x", kIntegers | kBools, nullptr},
    {"x & 0", "0", kIntegers, nullptr},
    {"x & -1", "x", kIntegers, nullptr},
    {"x & true", "x", kBools, nullptr},
    {"x & false", "false", kBools, nullptr},
    {"x & ~x", "0", kIntegers, nullptr},
    {"(x & c0) & c1", "x & (c0 & c1)", kIntegers | kBools, nullptr},
    {"(x & y) & y", "x & y", kIntegers | kBools, nullptr},
    {"x & (x | y)", "x", kIntegers | kBools, nullptr},
};

constexpr RuleText kBitOr[] = {
    {"x | x", "x", kIntegers | kBools, nullptr},
    {"x | 0", "x", kIntegers, nullptr},
    {"x | -1", "-1", kIntegers, nullptr},
    {"x | true", "true", kBools, nullptr},
    {"x | false", "x", kBools, nullptr},
    {"x | ~x", "-1", kIntegers, nullptr},
    {"(x | c0) | c1", "x | (c0 | c1)", kIntegers | kBools, nullptr},
    {"(x | y) | y", "x | y", kIntegers | kBools, nullptr},
    {"x | (x & y)", "x", kIntegers | kBools, nullptr},
};

constexpr RuleText kBitXor[] = {
    {"x ^ x", "0", kIntegers, nullptr},
    {"x ^ x", "false", kBools, nullptr},
    {"x ^ 0", "x", kIntegers, nullptr},
    {"x ^ -1", "~x", kIntegers, nullptr},
    {"x ^ true", "!x", kBools, nullptr},
    {"x ^ false", "x", kBools, nullptr},
    {"(x ^ c0) ^ c1", "x ^ (c0 ^ c1)", kIntegers | kBools, nullptr},
    {"(x ^ y) ^ y", "x", kIntegers | kBools, nullptr},
};

constexpr RuleText kShiftLeft[] = {
    {"x << 0", "x", kIntegers, nullptr},
    {"0 << x", "0", kIntegers, nullptr},
    {"x << c0 << c1", "x << (c0 + c1)", kIntegers, "0 <= c0 && c0 < 64 && 0 <= c1 && c1 < 64"},
};

constexpr RuleText kShiftRight[] = {
    {"x >> 0", "x", kIntegers, nullptr},
    {"0 >> x", "0", kIntegers, nullptr},
    {"x >> c0 >> c1", "x >> (c0 + c1)", kIntegers, "0 <= c0 && c0 < 64 && 0 <= c1 && c1 < 64"},
};

// Only the branch taken is evaluated: a condition that reads memory does not move out of its branch.
constexpr RuleText kSelect[] = {
    {"select(true, x, y)", "x", kAnyType, nullptr},
    {"select(false, x, y)", "y", kAnyType, nullptr},
    {"select(x, y, y)", "y", kAnyType, nullptr},
    {"select(!x, y, z)", "select(x, z, y)", kAnyType, nullptr},
    {"select(x, true, false)", "x", kBools, nullptr},
    {"select(x, false, true)", "!x", kBools, nullptr},
    {"select(x, y, false)", "x && y", kBools, "no_loads(y)"},
    {"select(x, false, y)", "!x && y", kBools, "no_loads(y)"},
    {"select(x, true, y)", "x || y", kBools, "no_loads(y)"},
    {"select(x, y, true)", "!x || y", kBools, "no_loads(y)"},
    {"select(x, select(x, y, z), w)", "select(x, y, w)", kAnyType, nullptr},
    {"select(x, y, select(x, z, w))", "select(x, y, w)", kAnyType, nullptr},
    {"select(x, select(y, z, w), w)", "select(x && y, z, w)", kAnyType, "no_loads(y)"},
    {"select(x, z, select(y, z, w))", "select(x || y, z, w)", kAnyType, "no_loads(y)"},
    {"select(x < y, x, y)", "min(x, y)", kIntegers, nullptr},
    {"select(x <= y, x, y)", "min(x, y)", kIntegers, nullptr},
    {"select(x < y, y, x)", "max(x, y)", kIntegers, nullptr},
    {"select(x <= y, y, x)", "max(x, y)", kIntegers, nullptr},
    {"select(x == y, x, y)", "y", kIntegers | kBools, nullptr},  // of floats: 0 and -0
    {"select(x != y, x, y)", "x", kIntegers | kBools, nullptr},
    {"select(broadcast(x), broadcast(y), broadcast(z))", "broadcast(select(x, y, z))", kAnyType, nullptr},
};

constexpr RuleText kRamp[] = {
    {"ramp(x, 0)", "broadcast(x)", kIntegers, nullptr},
};

constexpr RuleText kAbs[] = {
    {"abs(abs(x))", "abs(x)", kNumbers, nullptr},
    {"abs(-x)", "abs(x)", kSigned | kIndices | kFloats, nullptr},
    {"abs(x)", "x", kUnsigned, nullptr},
    {"abs(x)", "x", kSigned | kIndices, "0 <= x"},
    {"abs(x)", "-x", kSigned | kIndices, "x <= 0"},
};

constexpr RuleText kFloor[] = {
    {"floor(x)", "x", kIntegers, nullptr},
    {"floor(floor(x))", "floor(x)", kFloats, nullptr},
    {"floor(ceil(x))", "ceil(x)", kFloats, nullptr},
    {"floor(round(x))", "round(x)", kFloats, nullptr},
};

constexpr RuleText kCeil[] = {
    {"ceil(x)", "x", kIntegers, nullptr},
    {"ceil(floor(x))", "floor(x)", kFloats, nullptr},
    {"ceil(ceil(x))", "ceil(x)", kFloats, nullptr},
    {"ceil(round(x))", "round(x)", kFloats, nullptr},
};

constexpr RuleText kRound[] = {
    {"round(x)", "x", kIntegers, nullptr},
    {"round(floor(x))", "floor(x)", kFloats, nullptr},
    {"round(ceil(x))", "ceil(x)", kFloats, nullptr},
    {"round(round(x))", "round(x)", kFloats, nullptr},
};

constexpr RuleText kPow[] = {
    {"pow(x, 0)", "1", kIntegers, nullptr},
    {"pow(x, 1)", "x", kIntegers, nullptr},
    {"pow(1, x)", "1", kIntegers, nullptr},
};

constexpr std::span<const RuleText> kTables[] = {
    kNeg,       kNot,        kBitNot, kAdd,  kSub, kMul,   kDiv,  kFloorDiv, kFloorMod, kMin,
    kMax,       kEq,         kNe,     kLt,   kLe,  kAnd,   kOr,   kBitAnd,   kBitOr,    kBitXor,
    kShiftLeft, kShiftRight, kSelect, kRamp, kAbs, kFloor, kCeil, kRound,    kPow,
};

}  // namespace

std::span<const std::span<const RuleText>> rule_tables() {
  return kTables;
}

}  // namespace tw
