#include "ir/text/parser.h"

#include <charconv>

#include "ir/text/literals.h"
#include "ir/well_formed.h"
#include "support/error.h"

namespace tw {

Var NamesInScope::var(std::string_view name) const {
  const auto found = names_.vars.find(name);
  return found == names_.vars.end() ? Var() : found->second;
}

Buffer NamesInScope::buffer(std::string_view name) const {
  const auto found = names_.buffers.find(name);
  return found == names_.buffers.end() ? Buffer() : found->second;
}

void NamesInScope::set(const std::string& name, const Var& var, const Buffer& buffer) {
  names_.vars.erase(name);
  names_.buffers.erase(name);
  if (var) names_.vars.emplace(name, var);
  if (buffer) names_.buffers.emplace(name, buffer);
}

bool NamesInScope::Scope::introduce(const std::string& name, const Var& var, const Buffer& buffer) {
  for (const Hidden& hidden : hidden_)
    if (hidden.name == name) return false;
  hidden_.push_back({name, scope_.var(name), scope_.buffer(name)});
  scope_.set(name, var, buffer);
  return true;
}

NamesInScope::Scope::~Scope() {
  for (const Hidden& hidden : hidden_) scope_.set(hidden.name, hidden.var, hidden.buffer);
}

Parser::Nesting::Nesting(Parser& parser) : parser_(parser) {
  // A level of a tree takes up to two levels of the parser: an operand, and parentheses around it.
  if (++parser_.nesting_ <= 3 * kMaxTextDepth) return;
  --parser_.nesting_;
  parser_.in_.fail(parser_.in_.at(), "the text is nested too deeply");
}

void Parser::check_fault(const Node& node, std::size_t at) const {
  if (const std::string fault = node_fault(node); !fault.empty()) in_.fail(at, fault);
}

std::string Parser::name(const char* what) {
  const Token token = in_.peek();
  if (token.kind == TokenKind::kName && !is_reserved(token.text)) return std::string(in_.take().text);
  if (token.kind != TokenKind::kQuoted)
    in_.fail_expected(std::string(what) +
                      (token.kind == TokenKind::kName ? " (a reserved word needs backquotes)" : ""));
  in_.take();
  if (auto text = unquoted(token.text)) return *text;
  in_.fail(token.at, "found an unknown escape; names know \\\\ \\\" \\` \\n \\r \\t \\xHH");
}

std::string Parser::string(const char* what) {
  const Token token = in_.expect(TokenKind::kString, what);
  if (auto text = unquoted(token.text)) return *text;
  in_.fail(token.at, "found an unknown escape; strings know \\\\ \\\" \\` \\n \\r \\t \\xHH");
}

int64_t Parser::integer(const char* what) {
  const std::size_t at = in_.at();
  const bool negative = in_.accept_symbol("-");
  const std::string_view digits = in_.expect(TokenKind::kNumber, what).text;
  uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude);
  const uint64_t largest = static_cast<uint64_t>(INT64_MAX) + negative;
  if (end != digits.data() + digits.size())
    in_.fail(at, "found " + quoted(digits, '`') + ", expected " + what);
  if (error != std::errc() || magnitude > largest) in_.fail(at, "the number does not fit into 64 bits");
  return static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
}

DType Parser::dtype() {
  if (in_.sees(TokenKind::kName))
    if (const auto type = dtype_from_string(in_.peek().text)) return in_.take(), *type;
  in_.fail_expected("a type such as float32");
}

Buffer Parser::buffer_use() {
  const std::size_t at = in_.at();
  const std::string text = name("the name of a buffer");
  if (Buffer buffer = names_.buffer(text)) return buffer;
  const char* what = names_.var(text) ? " is a variable, not a buffer" : " is no buffer that is known here";
  in_.fail(at, name_text(text) + what);
}

Program Parser::program() {
  const std::size_t at = in_.at();
  in_.expect_word("program");
  std::string label = name("the name of the program");
  NameScope scope(names_);
  std::vector<Param> params;
  in_.expect_symbol("(");
  list_until(")", [&] { params.push_back(param(scope)); });
  Attrs given = attrs();
  in_.expect_symbol(":");
  Stmt body = indented();
  in_.expect(TokenKind::kEnd, "the end of the text");
  Program program = ProgramNode::make(std::move(label), std::move(params), std::move(body), std::move(given));
  return checked(program, at);
}

Expr Parser::whole_expr() {
  Expr e = expr();
  in_.expect(TokenKind::kEnd, "an operator or the end of the text");
  return e;
}

Program parse_program(std::string_view text) {
  return Parser(text).program();
}

Expr parse_expr(std::string_view text, const Names& names) {
  return Parser(text, names).whole_expr();
}

}  // namespace tw
