// Reads the text of programs (text.h): recursive descent, one method a node kind.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ir/text.h"
#include "ir/text/lexer.h"
#include "ir/text/literals.h"

namespace tw {

/// The names that a place of a text may use.
class NamesInScope {
 public:
  explicit NamesInScope(Names names = {}) : names_(std::move(names)) {}
  Var var(std::string_view name) const;        // null: none
  Buffer buffer(std::string_view name) const;  // null: none

  /// Introduces names until it ends; then what they hid is there again.
  class Scope {
   public:
    explicit Scope(NamesInScope& scope) : scope_(scope) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();
    /// False if this scope has introduced the name already.
    bool introduce(const std::string& name, const Var& var) { return introduce(name, var, {}); }
    bool introduce(const std::string& name, const Buffer& buffer) { return introduce(name, {}, buffer); }

   private:
    bool introduce(const std::string& name, const Var& var, const Buffer& buffer);
    struct Hidden {
      std::string name;
      Var var;
      Buffer buffer;
    };
    NamesInScope& scope_;
    std::vector<Hidden> hidden_;
  };

 private:
  void set(const std::string& name, const Var& var, const Buffer& buffer);
  Names names_;
};

/// Chooses a parser's method by the node kind that it reads.
template <class T>
struct Reads {};

class Parser {
 public:
  explicit Parser(std::string_view text) : in_(text) {}
  Parser(std::string_view text, const Names& names) : in_(text, true), names_(names) {}
  Program program();
  Expr whole_expr();

 private:
  using NameScope = NamesInScope::Scope;

  /// An expression, the depth of its tree, and where it begins.
  struct Term {
    Expr e;
    int depth = 1;
    std::size_t at = 0;
  };

  /// What stands between brackets.
  struct Subscripts {
    std::vector<Expr> indices;
    Expr predicate;
    int depth = 0;
  };

  /// A variable that is said, but not known yet: what it ranges over cannot use it.
  struct Declared {
    Var var;
    std::string name;
    std::size_t at;
  };

  struct DeclaredAxis {
    BlockAxis axis;
    Declared declared;
  };

  // parser.cpp
  /// The node, if nothing is wrong with it by itself.
  template <class Handle>
  Handle checked(Handle node, std::size_t at) const {
    check_fault(*node, at);
    return node;
  }
  void check_fault(const Node& node, std::size_t at) const;
  std::string name(const char* what);
  std::string string(const char* what);
  int64_t integer(const char* what);
  template <class F>
  void list_until(std::string_view close, F&& item) {
    if (in_.accept_symbol(close)) return;
    do item();
    while (in_.accept_symbol(","));
    in_.expect_symbol(close);
  }
  template <class T>
  void introduce(NameScope& scope, const std::string& name, const T& object, std::size_t at) {
    if (!scope.introduce(name, object)) in_.fail(at, "the name " + name_text(name) + " stands here twice");
  }
  void introduce(NameScope& scope, const Declared& declared) {
    introduce(scope, declared.name, declared.var, declared.at);
  }
  Buffer buffer_use();
  DType dtype();

  /// Counts how deep the parser is in itself, so that no text exhausts the stack.
  class Nesting {
   public:
    explicit Nesting(Parser& parser);
    ~Nesting() { --parser_.nesting_; }

   private:
    Parser& parser_;
  };

  // parser_expr.cpp
  Expr expr() { return term().e; }
  Term term() { return binary(0); }
  Term binary(int precedence);
  Term unary();
  Kind kind_of_primary();
#define TW_READ(Struct) Term read(Reads<Struct>);
  TW_EXPR_NODES(TW_READ)
#undef TW_READ
  /// Makes a term of a new node whose operands are as deep as `depth`.
  Term finish(const ExprNode* node, int depth, std::size_t at);
  std::vector<Term> arguments(std::size_t count, const char* function);
  int lanes();
  std::pair<Reducer, int> reducer();  // and the depth of its expressions
  Var traits(const std::string& label, std::size_t at);
  Declared declaration(const char* what);                // a name, with traits after a colon
  Var introduction(NameScope& scope, const char* what);  // the same, introduced
  Subscripts subscripts();
  std::vector<Expr> plain_subscripts();  // without a predicate
  Region region();

  // parser_stmt.cpp
  std::vector<Stmt> statements();  // up to the end of the indentation
  Stmt sequence(std::vector<Stmt> stmts);
  Stmt suite();
  Stmt indented();  // what follows a colon: a suite on lines of its own
  Stmt rest();      // the body of a Let, Allocate or Attr: after a colon indented, else the rest of the suite
  Stmt statement();
  Kind kind_of_statement();
#define TW_READ(Struct) Stmt read(Reads<Struct>);
  TW_STMT_NODES(TW_READ)
#undef TW_READ
  Param param(NameScope& scope);
  DeclaredAxis axis();
  Buffer buffer_type(const std::string& label, std::size_t at);
  Attrs attrs();
  std::string key();
  AttrValue attr_value();
  std::vector<Region> regions(std::string_view keyword);
  void end_line() {
    in_.expect(TokenKind::kNewline, "the end of the line");
  }

  TokenCursor in_;
  NamesInScope names_;
  int nesting_ = 0;
};

/// How deep trees of expressions, and statements inside each other, may be.
inline constexpr int kMaxTextDepth = 1000;

}  // namespace tw
