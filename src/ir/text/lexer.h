// Splits program text into tokens and says where it is wrong.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tw {

enum class TokenKind {
  kName,    // a bare word
  kQuoted,  // a name in backquotes; `text` is what stands between them
  kNumber,  // digits with point, exponent and suffix, without a sign
  kString,  // `text` is what stands between the double quotes
  kSymbol,
  kNewline,  // the end of a line that holds something, outside of brackets
  kIndent,   // the next line stands further in
  kDedent,   // the next line stands further out by one step
  kEnd,
};

struct Token {
  TokenKind kind;
  std::string_view text;
  std::size_t at;  // offset of its first byte
};

/// A text that is read, for messages about it.
class SourceText {
 public:
  explicit SourceText(std::string_view text) : text_(text) {}
  std::string_view text() const { return text_; }
  /// Raises a value error: line and column, the message, the line, and a caret under the place.
  [[noreturn]] void fail(std::size_t at, const std::string& message) const;

 private:
  std::string_view text_;
};

/// The tokens, the last of which is kEnd. Lines are indented by spaces; the first line's indentation counts
/// as none, and inside brackets lines and indentation count for nothing. With `one_expression`, nowhere.
std::vector<Token> tokenize(const SourceText& source, bool one_expression = false);

/// "`while`", "the end of the line": what to call a token that is not wanted.
std::string describe(const Token& token);

/// Reads tokens one after the other.
class TokenCursor {
 public:
  explicit TokenCursor(std::string_view text, bool one_expression = false)
      : source_(text), tokens_(tokenize(source_, one_expression)) {}

  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[next_ + ahead < tokens_.size() ? next_ + ahead : tokens_.size() - 1];
  }
  Token take() {
    const Token token = peek();
    if (next_ + 1 < tokens_.size()) ++next_;
    return token;
  }
  std::size_t at() const { return peek().at; }

  bool sees(TokenKind kind) const { return peek().kind == kind; }
  bool sees_symbol(std::string_view symbol, std::size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::kSymbol && peek(ahead).text == symbol;
  }
  bool sees_word(std::string_view word) const { return sees(TokenKind::kName) && peek().text == word; }
  bool accept_symbol(std::string_view symbol) { return sees_symbol(symbol) && (take(), true); }
  bool accept_word(std::string_view word) { return sees_word(word) && (take(), true); }
  void expect_symbol(std::string_view symbol) {
    if (!accept_symbol(symbol)) fail_expected("`" + std::string(symbol) + "`");
  }
  void expect_word(std::string_view word) {
    if (!accept_word(word)) fail_expected("`" + std::string(word) + "`");
  }
  Token expect(TokenKind kind, const char* what) {
    if (!sees(kind)) fail_expected(what);
    return take();
  }

  [[noreturn]] void fail(std::size_t at, const std::string& message) const { source_.fail(at, message); }
  /// Says what stands at the next token instead of what is expected.
  [[noreturn]] void fail_expected(const std::string& expected) const {
    fail(at(), "found " + describe(peek()) + ", expected " + expected);
  }

 private:
  SourceText source_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
};

}  // namespace tw
