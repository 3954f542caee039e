// Writes the text of programs (text.h). One method a node kind: a kind without one does not compile.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ir/text.h"
#include "ir/text/text_names.h"

namespace tw {

class Printer {
 public:
  explicit Printer(const TextMark& mark, const LineNotes& notes = {}) : mark_(mark), notes_(notes) {}
  /// Names as `canonical_text` has them.
  enum class Canonical {};
  explicit Printer(Canonical) : canonical_(true), names_(true) {}

  void program(const ProgramNode& program);
  /// A statement as the lines of a suite: the elements of a sequence follow each other.
  void suite(const Stmt& stmt);
  /// Parenthesised when it binds less tightly than `precedence` (ops.h).
  void expr(const Expr& e, int precedence = 0);
  void region(const Region& region);
  /// The text so far, with the marked place pointed at and notes at the ends of lines; lines end in a newline
  /// once there are several.
  std::string finish() &&;

 private:
  using NameScope = TextNames::Scope;

  // printer_expr.cpp
#define TW_PRINT(Struct) void print(const Struct& node, int precedence);
  TW_EXPR_NODES(TW_PRINT)
#undef TW_PRINT
  void infix(const Binary& node, int precedence);
  void reducer(const ReducerNode& reducer);
  /// Its label; in a canonical text that of the known reducer that it equals, else "r".
  std::string name_of(const ReducerNode& reducer);
  /// The type, unless it is index, and what is known of the variable's values: ` float32 in [0, 7]
  /// multiple_of 2`.
  void traits(const Variable& var);
  void introduction(NameScope& scope,
                    const Var& var);  // the name, and the traits after a colon if there are any
  void subscripts(const std::vector<Expr>& indices, const Expr& predicate);
  void access(const Buffer& buffer, const std::vector<Expr>& indices, const Expr& predicate = {});

  // printer_stmt.cpp
#define TW_PRINT(Struct) void print(const Struct& node);
  TW_STMT_NODES(TW_PRINT)
#undef TW_PRINT
  /// One statement from the start of a line; `last`: of its suite, so that its body may go on there.
  void statement(const Stmt& stmt, bool last);
  void axis(NameScope& scope, const BlockAxis& axis);
  void param(NameScope& scope, const Param& param);
  void buffer_type(const BufferNode& buffer);
  void attrs(const Attrs& attrs);
  void attr_value(const AttrValue& value);
  /// The body of a Let, Allocate or Attr.
  void rest(const Stmt& body);
  void indented(const Stmt& body);

  // printer.cpp
  void line();  // starts the next line
  void add_notes();
  void put(std::string_view text) {
    out_ += text;
  }
  void put_name(const Buffer& buffer);
  template <class List, class F>
  void list(const List& items, F&& item, std::string_view between = ", ") {
    bool first = true;
    for (const auto& each : items) {
      if (!std::exchange(first, false)) put(between);
      item(each);
    }
  }

  /// Remembers where the marked node is printed first.
  class Place {
   public:
    Place(Printer& printer, const Node* node);
    ~Place();

   private:
    Printer& printer_;
    bool marked_;
  };

  TextMark mark_;
  LineNotes notes_;
  std::vector<std::pair<std::size_t, std::string>> noted_;  // a place in the line, and its note
  std::size_t mark_begin_ = std::string::npos, mark_end_ = 0;
  std::string out_;
  int indent_ = 0;
  bool last_in_suite_ = false;  // of the statement being printed
  bool canonical_ = false;
  TextNames names_;
};

}  // namespace tw
