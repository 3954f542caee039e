// Reads the texts of rules into patterns, once.
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "ir/simplify/simplify_tables.h"
#include "support/error.h"

namespace tw {
namespace {

using PatternKind = PatternNode::Kind;

/// A recursive-descent reader of one text; appends nodes to the rule.
class Reader {
 public:
  Reader(const char* text, Rule& rule) : text_(text), at_(text), rule_(rule) {}

  int read() {
    const int root = infix(0);
    skip();
    check_internal(*at_ == 0, "rule '{}': unexpected '{}'", text_, at_);
    return root;
  }

 private:
  void skip() {
    while (*at_ == ' ') ++at_;
  }
  bool take(const char* token) {
    skip();
    const std::size_t size = std::strlen(token);
    if (std::strncmp(at_, token, size) != 0) return false;
    at_ += size;
    return true;
  }
  void expect(const char* token) {
    check_internal(take(token), "rule '{}': no '{}' at '{}'", text_, token, at_);
  }

  int add(PatternNode node) {
    rule_.nodes.push_back(node);
    check_internal(rule_.nodes.size() < 127, "rule '{}' is too long", text_);
    return static_cast<int>(rule_.nodes.size()) - 1;
  }
  int node(PatternKind kind, int op, int a, int b = -1, int c = -1) {
    PatternNode made;
    made.kind = kind;
    made.op = static_cast<uint8_t>(op);
    made.a = static_cast<int8_t>(a);
    made.b = static_cast<int8_t>(b);
    made.c = static_cast<int8_t>(c);
    return add(made);
  }

  /// The longest operator that stands here; `>` and `>=` are not of the language.
  std::optional<BinaryOp> peek_operator(std::size_t& size) {
    skip();
    for (size = 2; size >= 1; --size) {
      if (std::strlen(at_) < size) continue;
      const auto op = binary_op_from_text(std::string_view(at_, size));
      if (op && !info(*op).is_function()) return op;
    }
    return std::nullopt;
  }

  int infix(int lowest) {
    int left = prefix();
    std::size_t size = 0;
    while (const auto op = peek_operator(size)) {
      const int precedence = info(*op).precedence;
      if (precedence <= lowest) break;
      at_ += size;
      const int right = infix(precedence);
      left = node(PatternKind::kBinary, static_cast<int>(*op), left, right);
    }
    return left;
  }

  int prefix() {
    skip();
    if (*at_ == '-' && std::isdigit(at_[1])) return number();
    if (std::strncmp(at_, "-inf", 4) == 0) return number();
    if (take("-")) return node(PatternKind::kUnary, static_cast<int>(UnaryOp::kNeg), prefix());
    if (take("!")) return node(PatternKind::kUnary, static_cast<int>(UnaryOp::kNot), prefix());
    if (take("~")) return node(PatternKind::kUnary, static_cast<int>(UnaryOp::kBitNot), prefix());
    if (take("(")) {
      const int inside = infix(0);
      expect(")");
      return inside;
    }
    if (std::isdigit(*at_)) return number();
    return name();
  }

  int number() {
    char* end = nullptr;
    PatternNode made;
    made.kind = PatternKind::kNumber;
    made.real = std::strtod(at_, &end);
    made.number = std::isfinite(made.real) ? std::strtoll(at_, nullptr, 10) : 0;
    at_ = end;
    return add(made);
  }

  int name() {
    const char* begin = at_;
    while (std::isalnum(*at_) || *at_ == '_') ++at_;
    const std::string word(begin, at_);
    if (word.size() == 1 && word[0] >= 'x' && word[0] <= 'z') return slot(PatternKind::kAny, word[0] - 'x');
    if (word == "w") return slot(PatternKind::kAny, 3);
    if (word.size() == 2 && word[0] == 'c' && word[1] >= '0' && word[1] <= '3')
      return slot(PatternKind::kConstant, 4 + word[1] - '0');
    if (word == "true" || word == "false") {
      PatternNode made;
      made.kind = PatternKind::kTruth;
      made.number = word == "true";
      return add(made);
    }
    if (word == "inf") {
      at_ = begin;
      return number();
    }
    if (word == "lanes") return node(PatternKind::kLanes, 0, -1);
    expect("(");
    int args[3] = {-1, -1, -1};
    int count = 0;
    do args[count++] = infix(0);
    while (count < 3 && take(","));
    expect(")");
    return call(word, args);
  }

  int slot(PatternKind kind, int slot) {
    PatternNode made;
    made.kind = kind;
    made.slot = static_cast<uint8_t>(slot);
    return add(made);
  }

  int call(const std::string& word, const int (&args)[3]) {
    if (word == "select") return node(PatternKind::kSelect, 0, args[0], args[1], args[2]);
    if (word == "ramp") return node(PatternKind::kRamp, 0, args[0], args[1]);
    if (word == "broadcast") return node(PatternKind::kBroadcast, 0, args[0]);
    if (word == "no_loads") return node(PatternKind::kNoLoads, 0, args[0]);
    if (const auto op = binary_op_from_text(word))
      return node(PatternKind::kBinary, static_cast<int>(*op), args[0], args[1]);
    const auto op = intrinsic_from_text(word);
    check_internal(op.has_value(), "rule '{}': unknown name '{}'", text_, word);
    return node(PatternKind::kCall, static_cast<int>(*op), args[0], args[1]);
  }

  const char* text_;
  const char* at_;
  Rule& rule_;
};

/// For which types both orders of the operands are the same, bit for bit.
uint8_t commutes_for(BinaryOp op) {
  switch (op) {
    case BinaryOp::kMin:
    case BinaryOp::kMax: return kIntegers;  // the first of two zeros or NaNs decides
    case BinaryOp::kAdd:
    case BinaryOp::kMul:
    case BinaryOp::kEq:
    case BinaryOp::kNe:
    case BinaryOp::kAnd:
    case BinaryOp::kOr:
    case BinaryOp::kBitAnd:
    case BinaryOp::kBitOr:
    case BinaryOp::kBitXor: return kAnyType;
    default: return 0;
  }
}

bool same_pattern(const Rule& rule, int a, int b) {
  if (a < 0 || b < 0) return a == b;
  const PatternNode &x = rule.nodes[static_cast<std::size_t>(a)],
                    &y = rule.nodes[static_cast<std::size_t>(b)];
  return x.kind == y.kind && x.op == y.op && x.slot == y.slot && x.number == y.number && x.real == y.real &&
         same_pattern(rule, x.a, y.a) && same_pattern(rule, x.b, y.b) && same_pattern(rule, x.c, y.c);
}

/// Adds the rule in each order of its pattern's commutative operators.
void add_orders(const Rule& rule, std::size_t pattern_end, std::size_t from, std::vector<Rule>& rules) {
  rules.push_back(rule);
  for (std::size_t i = from; i < pattern_end; ++i) {
    const PatternNode& node = rule.nodes[i];
    if (node.kind != PatternKind::kBinary || same_pattern(rule, node.a, node.b)) continue;
    Rule swapped = rule;
    swapped.types &= commutes_for(static_cast<BinaryOp>(node.op));
    std::swap(swapped.nodes[i].a, swapped.nodes[i].b);
    if (swapped.types) add_orders(swapped, pattern_end, i + 1, rules);
  }
}

int key_of(PatternKind kind, int op) {
  return static_cast<int>(kind) * 32 + op;
}

struct RuleBook {
  std::vector<std::vector<Rule>> by_root;
  std::vector<RuleRow> rows;

  RuleBook() : by_root(static_cast<std::size_t>(key_of(PatternKind::kNoLoads, 0))) {
    for (const auto& table : rule_tables())
      for (const RuleText& text : table) add(text);
    for (const auto& table : rule_tables())
      for (const RuleText& text : table) {
        RuleRow row{&text, {}};
        for (const auto& rules : by_root)
          for (const Rule& rule : rules)
            if (rule.text == &text) row.rules.push_back(&rule);
        rows.push_back(std::move(row));
      }
  }

  void add(const RuleText& text) {
    Rule rule;
    rule.text = &text;
    rule.types = text.types;
    rule.pattern = Reader(text.pattern, rule).read();
    const std::size_t pattern_end = rule.nodes.size();
    rule.result = Reader(text.result, rule).read();
    if (text.condition) rule.condition = Reader(text.condition, rule).read();
    const PatternNode& root = rule.nodes[static_cast<std::size_t>(rule.pattern)];
    check_internal(root.kind >= PatternKind::kUnary, "rule '{}' matches everything", text.pattern);
    add_orders(rule, pattern_end, 0, by_root[static_cast<std::size_t>(key_of(root.kind, root.op))]);
  }
};

const RuleBook& rule_book() {
  static const RuleBook book;
  return book;
}

}  // namespace

const std::vector<Rule>& rules_for(const ExprNode& e) {
  static const std::vector<Rule> none;
  const auto& by_root = rule_book().by_root;
  const auto at = [&](PatternKind kind, int op) -> const std::vector<Rule>& {
    return by_root[static_cast<std::size_t>(key_of(kind, op))];
  };
  switch (e.kind) {
    case tw::Kind::kUnary: return at(PatternKind::kUnary, static_cast<int>(static_cast<const Unary&>(e).op));
    case tw::Kind::kBinary:
      return at(PatternKind::kBinary, static_cast<int>(static_cast<const Binary&>(e).op));
    case tw::Kind::kCall: return at(PatternKind::kCall, static_cast<int>(static_cast<const Call&>(e).op));
    case tw::Kind::kSelect: return at(PatternKind::kSelect, 0);
    case tw::Kind::kRamp: return at(PatternKind::kRamp, 0);
    case tw::Kind::kBroadcast: return at(PatternKind::kBroadcast, 0);
    default: return none;
  }
}

const std::vector<RuleRow>& all_rules() {
  return rule_book().rows;
}

}  // namespace tw
