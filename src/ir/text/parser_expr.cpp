#include <algorithm>
#include <charconv>

#include "ir/reducers.h"
#include "ir/text/literals.h"
#include "ir/text/parser.h"
#include "ir/well_formed.h"
#include "support/error.h"

namespace tw {
namespace {

/// An infix operator; `swapped`: written the other way round, as a > b is b < a.
struct Infix {
  BinaryOp op;
  bool swapped = false;
};

std::optional<Infix> infix(const Token& token) {
  if (token.kind != TokenKind::kSymbol) return std::nullopt;
  if (token.text == ">") return Infix{BinaryOp::kLt, true};
  if (token.text == ">=") return Infix{BinaryOp::kLe, true};
  if (const auto op = binary_op_from_text(token.text)) return Infix{*op};
  return std::nullopt;
}

/// Where digits, point and exponent of a number end and its suffix begins.
std::size_t suffix_of(std::string_view number) {
  std::size_t at = 0;
  const auto digits = [&] {
    while (at < number.size() && number[at] >= '0' && number[at] <= '9') ++at;
  };
  digits();
  if (at < number.size() && number[at] == '.') ++at, digits();
  const std::size_t mantissa = at;
  if (at < number.size() && number[at] == 'e') {
    ++at;
    if (at < number.size() && (number[at] == '+' || number[at] == '-')) ++at;
    const std::size_t first = at;
    digits();
    if (at == first) at = mantissa;
  }
  return at;
}

bool is_float_token(const Token& token) {
  if (token.kind == TokenKind::kName) return float_word(token.text).has_value();
  const auto type = type_of_suffix(token.text.substr(suffix_of(token.text)));
  return type && type->is_float();
}

bool is_literal(const Token& token) {
  return token.kind == TokenKind::kNumber || is_float_token(token);
}

}  // namespace

Parser::Term Parser::finish(const ExprNode* node, int depth, std::size_t at) {
  Expr e(node);
  if (const std::string fault = node_fault(*node); !fault.empty()) in_.fail(at, fault);
  if (depth >= kMaxTextDepth) in_.fail(at, "the expression is nested too deeply");
  return {std::move(e), depth + 1, at};
}

Parser::Term Parser::binary(int precedence) {
  const Nesting nesting(*this);
  Term left = unary();
  for (;;) {
    const auto op = infix(in_.peek());
    if (!op || info(op->op).precedence < precedence) return left;
    const std::size_t at = in_.take().at;
    Term right = binary(info(op->op).precedence + 1);
    const int depth = std::max(left.depth, right.depth);
    if (op->swapped) std::swap(left, right);
    left = finish(new Binary(op->op, std::move(left.e), std::move(right.e)), depth, at);
    const auto next = infix(in_.peek());
    if (is_comparison(op->op) && next && is_comparison(next->op))
      in_.fail(in_.at(), "comparisons do not chain; use parentheses, or join them by `&&`");
  }
}

Parser::Term Parser::unary() {
  const Nesting nesting(*this);
  if (in_.accept_symbol("(")) {
    Term inner = term();
    in_.expect_symbol(")");
    return inner;
  }
  switch (const Kind kind = kind_of_primary()) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return read(Reads<Struct>());
    TW_EXPR_NODES(TW_CASE)
#undef TW_CASE
    default: raise_internal("{} is not an expression", kind_name(kind));
  }
}

/// The kind of the expression that begins at the next token.
Kind Parser::kind_of_primary() {
  const Token& token = in_.peek();
  const bool negative = in_.sees_symbol("-");
  if (negative || in_.sees_symbol("!") || in_.sees_symbol("~")) {
    if (!negative || !is_literal(in_.peek(1))) return Kind::kUnary;
    return is_float_token(in_.peek(1)) ? Kind::kFloatImm : Kind::kIntImm;
  }
  if (is_literal(token)) return is_float_token(token) ? Kind::kFloatImm : Kind::kIntImm;
  if (in_.sees_symbol("[", 1)) return Kind::kLoad;
  if (token.kind == TokenKind::kQuoted) return Kind::kVariable;
  if (token.kind != TokenKind::kName) in_.fail_expected("an expression");
  if (token.text == "true" || token.text == "false") return Kind::kIntImm;
  if (!in_.sees_symbol("(", 1)) return Kind::kVariable;
  if (dtype_from_string(token.text)) return Kind::kCast;
  if (token.text == "select") return Kind::kSelect;
  if (token.text == "ramp") return Kind::kRamp;
  if (token.text == "broadcast") return Kind::kBroadcast;
  if (token.text == "reduce") return Kind::kReduce;
  if (intrinsic_from_text(token.text)) return Kind::kCall;
  if (binary_op_from_text(token.text)) return Kind::kBinary;
  in_.fail(token.at, "there is no function " + quoted(token.text, '`'));
}

Parser::Term Parser::read(Reads<IntImm>) {
  const std::size_t at = in_.at();
  const bool negative = in_.accept_symbol("-");
  const Token token = in_.take();
  if (token.kind == TokenKind::kName) return finish(new IntImm(kBool, token.text == "true"), 0, at);
  const std::size_t suffix = suffix_of(token.text);
  const auto type = type_of_suffix(token.text.substr(suffix));
  if (!type) in_.fail(at, "the suffix " + quoted(token.text.substr(suffix), '`') + " names no type");
  uint64_t magnitude = 0;
  const char* const digits_end = token.text.data() + suffix;
  const auto [end, error] = std::from_chars(token.text.data(), digits_end, magnitude);
  if (end != digits_end && error == std::errc())
    in_.fail(at, "a number with a point or exponent needs the suffix of a floating type, such as f32");
  const bool minus = negative && magnitude != 0;
  const bool fits =
      magnitude <= static_cast<uint64_t>(int_max_of(*type)) + minus && !(minus && type->is_uint());
  if (error != std::errc() || !fits) in_.fail(at, "the constant is out of the range of " + to_string(*type));
  return finish(new IntImm(*type, static_cast<int64_t>(negative ? 0 - magnitude : magnitude)), 0, at);
}

Parser::Term Parser::read(Reads<FloatImm>) {
  const std::size_t at = in_.at();
  const bool negative = in_.accept_symbol("-");
  const Token token = in_.take();
  FloatWord constant{};
  if (token.kind == TokenKind::kName) {
    constant = *float_word(token.text);
  } else {
    const std::size_t suffix = suffix_of(token.text);
    constant.type = *type_of_suffix(token.text.substr(suffix));
    const auto value = parse_float(constant.type, token.text.substr(0, suffix));
    if (!value) in_.fail(at, "the constant is out of the range of " + to_string(constant.type));
    constant.value = *value;
  }
  Expr e = FloatImm::make(constant.type, negative ? -constant.value : constant.value);
  return {std::move(e), 1, at};
}

Parser::Term Parser::read(Reads<Variable>) {
  const std::size_t at = in_.at();
  const std::string text = name("an expression");
  if (Var var = names_.var(text)) return {var, 1, at};
  if (names_.buffer(text)) in_.fail(at, name_text(text) + " is a buffer; it needs subscripts");
  in_.fail(at, name_text(text) + " is no variable that is known here");
}

Parser::Term Parser::read(Reads<Unary>) {
  const Token token = in_.take();
  const UnaryOp op = token.text == "-" ? UnaryOp::kNeg : token.text == "!" ? UnaryOp::kNot : UnaryOp::kBitNot;
  Term operand = unary();
  return finish(new Unary(op, std::move(operand.e)), operand.depth, token.at);
}

std::vector<Parser::Term> Parser::arguments(std::size_t count, const char* function) {
  const std::size_t at = in_.at();
  std::vector<Term> terms;
  in_.expect_symbol("(");
  list_until(")", [&] { terms.push_back(term()); });
  if (terms.size() == count) return terms;
  in_.fail(at, fmt::format("{} takes {} arguments, not {}", function, count, terms.size()));
}

namespace {
template <class Terms>
int depth_of(const Terms& terms) {
  int depth = 0;
  for (const auto& each : terms) depth = std::max(depth, each.depth);
  return depth;
}
}  // namespace

Parser::Term Parser::read(Reads<Binary>) {
  const Token token = in_.take();
  const BinaryOp op = *binary_op_from_text(token.text);
  const auto args = arguments(2, info(op).text);
  return finish(new Binary(op, args[0].e, args[1].e), depth_of(args), token.at);
}

Parser::Term Parser::read(Reads<Select>) {
  const Token token = in_.take();
  const auto args = arguments(3, "select");
  return finish(new Select(args[0].e, args[1].e, args[2].e), depth_of(args), token.at);
}

Parser::Term Parser::read(Reads<Cast>) {
  const std::size_t at = in_.at();
  const DType type = dtype();
  const auto args = arguments(1, "a cast");
  return finish(new Cast(type, args[0].e), args[0].depth, at);
}

Parser::Term Parser::read(Reads<Load>) {
  const std::size_t at = in_.at();
  Buffer buffer = buffer_use();
  Subscripts given = subscripts();
  // The constructor of a load takes its type from the subscripts: their number must be right before.
  if (static_cast<int>(given.indices.size()) != buffer->rank())
    in_.fail(at, fmt::format("buffer {} has {} dimensions but gets {} subscripts",
                             name_text(buffer->name.text), buffer->rank(), given.indices.size()));
  return finish(new Load(std::move(buffer), std::move(given.indices), std::move(given.predicate)),
                given.depth, at);
}

Parser::Term Parser::read(Reads<Call>) {
  const Token token = in_.take();
  const Intrinsic op = *intrinsic_from_text(token.text);
  const auto args = arguments(static_cast<std::size_t>(info(op).arity), info(op).text);
  std::vector<Expr> operands;
  for (const Term& arg : args) operands.push_back(arg.e);
  return finish(new Call(op, std::move(operands)), depth_of(args), token.at);
}

int Parser::lanes() {
  const std::size_t at = in_.at();
  const int64_t count = integer("a number of lanes");
  if (count < 2 || count > UINT16_MAX)
    in_.fail(at, fmt::format("a vector needs 2 to {} lanes, not {}", UINT16_MAX, count));
  return static_cast<int>(count);
}

Parser::Term Parser::read(Reads<Ramp>) {
  const std::size_t at = in_.take().at;
  in_.expect_symbol("(");
  Term base = term();
  in_.expect_symbol(",");
  Term stride = term();
  in_.expect_symbol(",");
  const int count = lanes();
  in_.expect_symbol(")");
  return finish(new Ramp(base.e, stride.e, count), std::max(base.depth, stride.depth), at);
}

Parser::Term Parser::read(Reads<Broadcast>) {
  const std::size_t at = in_.take().at;
  in_.expect_symbol("(");
  Term value = term();
  in_.expect_symbol(",");
  const int count = lanes();
  in_.expect_symbol(")");
  return finish(new Broadcast(value.e, count), value.depth, at);
}

Parser::Term Parser::read(Reads<Reduce>) {
  const std::size_t at = in_.take().at;
  NameScope scope(names_);
  in_.expect_symbol("(");
  auto [combine, reducer_depth] = reducer();
  int depth = reducer_depth;  // clang 14 lets no lambda capture a structured binding
  in_.expect_symbol(",");
  std::vector<ReduceAxis> axes;
  in_.expect_symbol("[");
  list_until("]", [&] {
    const Declared axis = declaration("the variable of a reduction");
    in_.expect_word("in");
    const Term begin = term();
    in_.expect_symbol(":+");
    const Term extent = term();
    depth = std::max({depth, begin.depth, extent.depth});
    introduce(scope, axis);
    axes.push_back({axis.var, begin.e, extent.e});
  });
  in_.expect_symbol(",");
  in_.expect_symbol("[");
  std::vector<Expr> sources;
  list_until("]", [&] {
    Term source = term();
    depth = std::max(depth, source.depth);
    sources.push_back(std::move(source.e));
  });
  const std::size_t which_at = in_.at();
  const int64_t which = in_.accept_symbol(",") ? integer("the number of a component") : 0;
  in_.expect_symbol(")");
  if (which < 0 || which >= static_cast<int64_t>(sources.size()))
    in_.fail(which_at, fmt::format("there is no component {} of {}", which, sources.size()));
  return finish(new Reduce(std::move(combine), std::move(axes), std::move(sources), which), depth, at);
}

std::pair<Reducer, int> Parser::reducer() {
  const std::size_t at = in_.at();
  std::string label = name("a reducer");
  in_.expect_symbol("(");
  if (in_.sees(TokenKind::kName) && in_.sees_symbol(")", 1)) {
    const DType type = dtype();
    in_.take();
    if (Reducer known = known_reducer(label, type)) return {known, 0};
    in_.fail(at, fmt::format("there is no known reducer {} of {}", quoted(label, '`'), to_string(type)));
  }
  NameScope scope(names_);
  std::vector<Var> sides[2];
  list_until(";", [&] { sides[0].push_back(introduction(scope, "the left value of a reducer")); });
  list_until(")", [&] { sides[1].push_back(introduction(scope, "the right value of a reducer")); });
  int depth = 0;
  const auto values = [&] {
    std::vector<Expr> list;
    in_.expect_symbol("(");
    list_until(")", [&] {
      Term value = term();
      depth = std::max(depth, value.depth);
      list.push_back(std::move(value.e));
    });
    return list;
  };
  in_.expect_symbol("->");
  auto* node = new ReducerNode();
  Reducer made(node);
  node->name = std::move(label);
  node->results = values();
  in_.expect_word("from");
  node->identities = values();
  node->lhs.assign(sides[0].begin(), sides[0].end());
  node->rhs.assign(sides[1].begin(), sides[1].end());
  return {checked(made, at), depth};
}

Var Parser::traits(const std::string& label, std::size_t at) {
  DType type = kIndex;
  if (in_.sees(TokenKind::kName))
    if (const auto given = dtype_from_string(in_.peek().text)) in_.take(), type = *given;
  int64_t min = kNoMin, max = kNoMax, multiple_of = 1;
  if (in_.sees_word("in") && in_.sees_symbol("[", 1)) {
    in_.take(), in_.take();
    if (!in_.sees_symbol(",")) min = integer("a lower bound");
    in_.expect_symbol(",");
    if (!in_.sees_symbol("]")) max = integer("an upper bound");
    in_.expect_symbol("]");
  }
  if (in_.accept_word("multiple_of")) multiple_of = integer("a number");
  Var var(new Variable(type, label, min, max, multiple_of));
  return checked(var, at);
}

Parser::Declared Parser::declaration(const char* what) {
  const std::size_t at = in_.at();
  std::string label = name(what);
  Var var = in_.accept_symbol(":") ? traits(label, at) : Var(label);
  return {std::move(var), std::move(label), at};
}

Var Parser::introduction(NameScope& scope, const char* what) {
  const Declared declared = declaration(what);
  introduce(scope, declared);
  return declared.var;
}

Parser::Subscripts Parser::subscripts() {
  Subscripts given;
  const auto deepen = [&](Term part) {
    given.depth = std::max(given.depth, part.depth);
    return std::move(part.e);
  };
  in_.expect_symbol("[");
  if (!in_.sees_symbol("]") && !in_.sees_word("where")) do
      given.indices.push_back(deepen(term()));
    while (in_.accept_symbol(","));
  if (in_.accept_word("where")) given.predicate = deepen(term());
  in_.expect_symbol("]");
  return given;
}

std::vector<Expr> Parser::plain_subscripts() {
  const std::size_t at = in_.at();
  Subscripts given = subscripts();
  if (given.predicate) in_.fail(at, "a predicate cannot stand here");
  return std::move(given.indices);
}

Region Parser::region() {
  Region box;
  box.buffer = buffer_use();
  in_.expect_symbol("[");
  list_until("]", [&] {
    Expr min = expr();
    Expr extent = in_.accept_symbol(":+") ? expr() : Expr(1);
    box.ranges.push_back({std::move(min), std::move(extent)});
  });
  return box;
}

}  // namespace tw
