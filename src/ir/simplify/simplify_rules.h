// Rewrite rules as text: {what is matched, what it becomes, the types it holds for, when}.
//
//   {"(x + c0) + c1", "x + (c0 + c1)", kWrapping, nullptr}
//
// x y z w match anything, c0 c1 c2 only constants; a name met twice must be the same expression both times.
// Numbers, true and false match constants of the type at hand. Operators are those of ops.h; min, max,
// select, ramp, broadcast and intrinsics are written as calls. Both orders of a commutative operator match.
// Vectors match lane by lane, as all operators work so; c0 matches a constant in every lane.
//
// A condition is an expression too: over constants it is computed, otherwise it must be proved from the
// context. It may use `lanes` (of the whole expression) and no_loads(x): x reads no buffer and may be
// evaluated anywhere.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "ir/expr.h"
#include "ir/scalar.h"

namespace tw {

/// Kinds of element types that a rule holds for.
enum TypeSet : uint8_t {
  kBools = 1,
  kSigned = 2,    // int8 to int64, wrapping
  kUnsigned = 4,  // uint8 to uint64, wrapping
  kIndices = 8,   // index: promised not to overflow
  kFloats = 16,   // IEEE, every bit kept
  kWrapping = kSigned | kUnsigned,
  kIntegers = kWrapping | kIndices,
  kNumbers = kIntegers | kFloats,
  kAnyType = kNumbers | kBools,
};
TypeSet type_set_of(DType type);

/// A row of a table. `types` speaks of the type of the operands: those of the first comparison of the pattern
/// where it has one.
struct RuleText {
  const char* pattern;
  const char* result;
  uint8_t types;
  const char* condition;  // null: always
};

/// A node of a parsed pattern; children are positions in Rule::nodes.
struct PatternNode {
  enum class Kind : uint8_t {
    kAny,        // slot
    kConstant,   // slot
    kNumber,     // number, real
    kTruth,      // number
    kUnary,      // op, a
    kBinary,     // op, a, b
    kCall,       // op, a, b
    kSelect,     // a ? b : c
    kRamp,       // a, b
    kBroadcast,  // a
    kLanes,      // the number of lanes, in conditions
    kNoLoads,    // a, in conditions
  };
  Kind kind = Kind::kAny;
  uint8_t op = 0;
  uint8_t slot = 0;
  int8_t a = -1, b = -1, c = -1;
  int64_t number = 0;
  double real = 0;
};

/// A parsed rule, in one of the orders of its commutative operators.
struct Rule {
  static constexpr int kSlots = 8;  // x y z w c0 c1 c2 c3
  const RuleText* text = nullptr;
  uint8_t types = 0;
  int pattern = -1, result = -1, condition = -1;
  std::vector<PatternNode> nodes;
};

/// The rules for expressions with the root of `e`: of its kind and operator.
const std::vector<Rule>& rules_for(const ExprNode& e);

/// Every row of every table with the rules it stands for.
struct RuleRow {
  const RuleText* text;
  std::vector<const Rule*> rules;
};
const std::vector<RuleRow>& all_rules();

/// What the slots stand for after a match.
struct Match {
  std::array<const ExprNode*, Rule::kSlots> slots{};
  DType operand;          // the element type that the rule speaks of
  bool compared = false;  // `operand` is that of a comparison
  int lanes = 1;
};

/// Whether the expression has the shape and type of the rule's pattern. Conditions are not looked at.
bool matches(const Rule& rule, const ExprNode& e, Match& match);

/// The value of a pattern without kAny below; nothing when an index overflows or something is not constant.
std::optional<Scalar> constant_value(const Rule& rule, int node, const Match& match);

}  // namespace tw
