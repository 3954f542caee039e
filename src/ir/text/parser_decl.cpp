#include "ir/text/literals.h"
#include "ir/text/parser.h"
#include "support/error.h"

namespace tw {

#define TW_QUOTED(Name, text) " `" text "`"

Param Parser::param(NameScope& scope) {
  const std::size_t at = in_.at();
  Param param;
  const std::string label = name("a parameter");
  in_.expect_symbol(":");
  const auto kind = in_.sees(TokenKind::kName) ? enum_from_text<ParamKind>(in_.peek().text) : std::nullopt;
  if (!kind) in_.fail_expected("the kind of a parameter:" TW_PARAM_KINDS(TW_QUOTED));
  in_.take();
  param.param_kind = *kind;
  if (param.is_buffer()) {
    param.buffer = buffer_type(label, at);
    introduce(scope, label, Buffer(param.buffer), at);
  } else {
    param.var = traits(label, at);
    introduce(scope, label, Var(param.var), at);
  }
  if (in_.accept_symbol("=")) param.default_value = integer("the default value");
  return param;
}

Buffer Parser::buffer_type(const std::string& label, std::size_t at) {
  auto* node = new BufferNode();
  Buffer made(node);
  node->name = label;
  if (in_.sees(TokenKind::kName))
    if (const auto scope = enum_from_text<Scope>(in_.peek().text)) in_.take(), node->scope = *scope;
  node->dtype = dtype();
  node->shape = plain_subscripts();
  if (in_.accept_word("strides")) node->strides = plain_subscripts();
  if (in_.accept_word("align")) node->alignment = integer("an alignment in bytes");
  if (in_.accept_word("lanes")) {
    LaneMap& map = node->lane_map.emplace();
    NameScope scope(names_);
    in_.expect_symbol("(");
    list_until(")", [&] { map.coords.push_back(introduction(scope, "a coordinate of a lane map")); });
    in_.expect_symbol("->");
    in_.expect_symbol("(");
    map.lane = expr();
    in_.expect_symbol(",");
    map.slot = expr();
    in_.expect_symbol(")");
  }
  return checked(made, at);
}

std::string Parser::key() {
  if (in_.sees(TokenKind::kString)) return string("a key");
  return std::string(in_.expect(TokenKind::kName, "a word, or a string").text);
}

Attrs Parser::attrs() {
  Attrs attrs;
  if (!in_.accept_symbol("{")) return attrs;
  list_until("}", [&] {
    const std::size_t at = in_.at();
    const std::string text = key();
    in_.expect_symbol("=");
    if (!attrs.emplace(text, attr_value()).second)
      in_.fail(at, "the key " + quoted(text, '"') + " stands here twice");
  });
  return attrs;
}

AttrValue Parser::attr_value() {
  if (in_.sees(TokenKind::kString)) return string("a value");
  const std::size_t at = in_.at();
  const Term value = unary();
  if (const auto* integer = as<IntImm>(value.e); integer && integer->dtype.is_index()) return integer->value;
  if (const auto* floating = as<FloatImm>(value.e); floating && floating->dtype == kFloat64)
    return floating->value;
  in_.fail(at, "expected a value such as 3, 0.5f64 or \"text\"");
}

}  // namespace tw
