#include "ir/text/lexer.h"

#include <algorithm>

#include "ir/text/literals.h"
#include "support/error.h"

namespace tw {
namespace {

// Longer ones first.
constexpr std::string_view kSymbols[] = {
    "->", ":+", "//", "==", "!=", "<=", ">=", "<<", ">>", "&&", "||", "(", ")", "[", "]", "{", "}",
    ",",  ":",  ";",  "=",  "+",  "-",  "*",  "/",  "%",  "<",  ">",  "&", "|", "^", "~", "!", "#"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

class Lexer {
 public:
  Lexer(const SourceText& source, bool one_expression)
      : source_(source),
        text_(source.text()),
        brackets_(one_expression ? 1 : 0),
        one_expression_(one_expression) {}

  std::vector<Token> run() {
    while (start_line()) {
      while (at_ < text_.size() && !end_of_line()) token();
      if (brackets_ == 0) add(TokenKind::kNewline, at_, 0);
    }
    const bool mid_line = !tokens_.empty() && tokens_.back().kind != TokenKind::kNewline && !one_expression_;
    if (mid_line) add(TokenKind::kNewline, at_, 0);
    for (; indents_.size() > 1; indents_.pop_back()) add(TokenKind::kDedent, at_, 0);
    add(TokenKind::kEnd, at_, 0);
    return std::move(tokens_);
  }

 private:
  void add(TokenKind kind, std::size_t begin, std::size_t length) {
    tokens_.push_back({kind, text_.substr(begin, length), begin});
  }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  /// Goes to the first character of the next line that holds something and notes its indentation; false at
  /// the end.
  bool start_line() {
    for (;;) {
      const std::size_t begin = at_;
      while (peek() == ' ') ++at_;
      const std::size_t column = at_ - begin;
      if (peek() == '\r') ++at_;
      if (at_ >= text_.size()) return false;
      if (peek() == '\n') {
        ++at_;
        continue;
      }
      if (peek() == '\t') source_.fail(at_, "found a tab; indent with spaces");
      if (brackets_ == 0) indentation(column);
      return true;
    }
  }

  void indentation(std::size_t column) {
    if (indents_.empty()) indents_.push_back(column);
    if (column > indents_.back()) {
      indents_.push_back(column);
      add(TokenKind::kIndent, at_, 0);
    }
    while (column < indents_.back() && indents_.size() > 1) {
      indents_.pop_back();
      add(TokenKind::kDedent, at_, 0);
    }
    if (column != indents_.back())
      source_.fail(at_, "found an indentation that no line around it has; indent like one of them");
  }

  /// Skips blanks; true when that leads to the next line (or to the end) and the line counts as ended.
  bool end_of_line() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        if (brackets_ == 0) return true;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return false;
      }
    }
    return true;
  }

  void token() {
    const char c = peek();
    if (is_digit(c)) return number();
    if (is_word(c)) return word();
    if (c == '"') return quotation(TokenKind::kString);
    if (c == '`') return quotation(TokenKind::kQuoted);
    for (const std::string_view symbol : kSymbols) {
      if (!text_.substr(at_).starts_with(symbol)) continue;
      add(TokenKind::kSymbol, at_, symbol.size());
      at_ += symbol.size();
      if (symbol == "(" || symbol == "[" || symbol == "{") ++brackets_;
      const bool closes = symbol == ")" || symbol == "]" || symbol == "}";
      if (closes && brackets_ > (one_expression_ ? 1 : 0)) --brackets_;
      return;
    }
    source_.fail(at_, "found " + quoted(text_.substr(at_, 1), '`') + ", which begins nothing");
  }

  void word() {
    const std::size_t begin = at_;
    while (is_word(peek()) || (peek() == '.' && is_word(peek(1)))) ++at_;
    add(TokenKind::kName, begin, at_ - begin);
  }

  void number() {
    const std::size_t begin = at_;
    const auto digits = [&] {
      while (is_digit(peek())) ++at_;
    };
    digits();
    if (peek() == '.' && is_digit(peek(1))) {
      ++at_;
      digits();
    }
    const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if (peek() == 'e' && is_digit(peek(1 + sign))) {
      at_ += 1 + sign;
      digits();
    }
    while (is_word(peek())) ++at_;  // the suffix
    add(TokenKind::kNumber, begin, at_ - begin);
  }

  void quotation(TokenKind kind) {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    while (peek() != quote) {
      if (at_ >= text_.size() || peek() == '\n')
        source_.fail(begin, "found a quotation that does not end on its line");
      at_ += peek() == '\\' && peek(1) != '\n' && at_ + 1 < text_.size() ? 2 : 1;
    }
    add(kind, begin + 1, at_ - begin - 1);
    ++at_;
  }

  const SourceText& source_;
  std::string_view text_;
  std::size_t at_ = 0;
  int brackets_;  // how many are open
  bool one_expression_;
  std::vector<std::size_t> indents_;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(const SourceText& source, bool one_expression) {
  return Lexer(source, one_expression).run();
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kNewline: return "the end of the line";
    case TokenKind::kIndent: return "a deeper indentation";
    case TokenKind::kDedent: return "the end of the indented lines";
    case TokenKind::kEnd: return "the end of the text";
    case TokenKind::kString: return "a string";
    case TokenKind::kName:
    case TokenKind::kQuoted:
    case TokenKind::kNumber:
    case TokenKind::kSymbol: break;
  }
  constexpr std::size_t kLongest = 40;
  return quoted(token.text.substr(0, kLongest), '`');
}

void SourceText::fail(std::size_t at, const std::string& message) const {
  at = std::min(at, text_.size());
  const std::size_t begin = at == 0 ? 0 : text_.rfind('\n', at - 1) + 1;  // npos + 1 is 0
  const std::size_t end = std::min(text_.find('\n', at), text_.size());
  const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(begin), '\n');
  // A window of a long line.
  constexpr std::size_t kBefore = 80, kAfter = 40;
  const std::size_t from = at - begin > kBefore ? at - kBefore : begin;
  const std::size_t to = end - at > kAfter ? at + kAfter : end;
  const std::string before = printable(text_.substr(from, at - from));
  const auto columns = [](std::string_view text) {
    return std::count_if(text.begin(), text.end(),
                         [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  };
  raise_value("line {}, column {}: {}\n  {}{}\n  {}^", line, 1 + columns(text_.substr(begin, at - begin)),
              message, before, printable(text_.substr(at, to - at)),
              std::string(static_cast<std::size_t>(columns(before)), ' '));
}

}  // namespace tw
