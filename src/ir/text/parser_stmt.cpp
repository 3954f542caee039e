#include "ir/text/literals.h"
#include "ir/text/parser.h"
#include "support/error.h"

namespace tw {
namespace {

/// The words that statements begin with; a store begins with the name of a buffer.
struct StatementWord {
  std::string_view word;
  Kind kind;
};
constexpr StatementWord kStatementWords[] = {
    {"for", Kind::kFor},
    {"ordered", Kind::kFor},
    {"block", Kind::kBlock},
    {"atomic", Kind::kStore},
    {"if", Kind::kIf},
    {"let", Kind::kLet},
    {"allocate", Kind::kAllocate},
    {"seq", Kind::kSeq},
    {"pass", Kind::kSeq},
    {"assert", Kind::kAssert},
    {"attr", Kind::kAttr},
    {"prefetch", Kind::kPrefetch},
    {"barrier", Kind::kBarrier},
    {"async_copy", Kind::kAsyncCopy},
    {"async_commit", Kind::kAsyncCommit},
    {"async_wait", Kind::kAsyncWait},
    {"call", Kind::kTensorCall},
};

#define TW_QUOTED(Name, text) " `" text "`"
}  // namespace

Kind Parser::kind_of_statement() {
  if (in_.sees_symbol("[", 1)) return Kind::kStore;
  if (in_.sees(TokenKind::kName))
    for (const auto& [word, kind] : kStatementWords)
      if (in_.peek().text == word) return kind;
  in_.fail_expected("a statement");
}

Stmt Parser::statement() {
  const Nesting nesting(*this);
  const std::size_t at = in_.at();
  switch (const Kind kind = kind_of_statement()) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return checked(read(Reads<Struct>()), at);
    TW_STMT_NODES(TW_CASE)
#undef TW_CASE
    default: raise_internal("{} is not a statement", kind_name(kind));
  }
}

std::vector<Stmt> Parser::statements() {
  std::vector<Stmt> stmts;
  do stmts.push_back(statement());
  while (!in_.sees(TokenKind::kDedent) && !in_.sees(TokenKind::kEnd));
  return stmts;
}

Stmt Parser::sequence(std::vector<Stmt> stmts) {
  auto* seq = new Seq();  // as it is written: make would flatten
  Stmt made(seq);
  seq->stmts = std::move(stmts);
  return made;
}

Stmt Parser::suite() {
  std::vector<Stmt> stmts = statements();
  return stmts.size() == 1 ? stmts.front() : sequence(std::move(stmts));
}

Stmt Parser::indented() {
  end_line();
  in_.expect(TokenKind::kIndent, "an indented line");
  Stmt body = suite();
  in_.expect(TokenKind::kDedent, "the end of the indented lines");
  return body;
}

Stmt Parser::rest() {
  if (in_.accept_symbol(":")) return indented();
  end_line();
  if (in_.sees(TokenKind::kDedent) || in_.sees(TokenKind::kEnd))
    in_.fail_expected("a statement in its scope (`pass` if there is none)");
  return suite();
}

Stmt Parser::read(Reads<For>) {
  auto* node = new For();
  Stmt made(node);
  node->ordered = in_.accept_word("ordered");
  in_.expect_word("for");
  const Declared loop = declaration("a loop variable");
  in_.expect_word("in");
  bool enclosed = false;
  if (in_.sees(TokenKind::kName) && in_.sees_symbol("(", 1))
    if (const auto kind = enum_from_text<LoopKind>(in_.peek().text)) {
      in_.take(), in_.take();
      node->loop_kind = *kind;
      enclosed = true;
      const auto index =
          in_.sees(TokenKind::kName) ? enum_from_text<GpuIndex>(in_.peek().text) : std::nullopt;
      if (index && in_.sees_symbol(",", 1)) {
        in_.take(), in_.take();
        node->gpu_index = *index;
      } else if (*kind == LoopKind::kBound) {
        in_.fail_expected("a GPU index and an extent, as in bind(threadIdx.x, 32)");
      }
    }
  node->extent = expr();
  if (enclosed) in_.expect_symbol(")");
  node->annotations = attrs();
  in_.expect_symbol(":");
  NameScope scope(names_);
  introduce(scope, loop);
  node->var = loop.var;
  node->body = indented();
  return made;
}

Parser::DeclaredAxis Parser::axis() {
  const std::size_t at = in_.at();
  DeclaredAxis declared;
  BlockAxis& axis = declared.axis;
  std::string label = name("an axis");
  in_.expect_symbol(":");
  const auto kind = in_.sees(TokenKind::kName) ? enum_from_text<AxisKind>(in_.peek().text) : std::nullopt;
  if (!kind) in_.fail_expected("the kind of an axis:" TW_AXIS_KINDS(TW_QUOTED));
  in_.take();
  axis.axis_kind = *kind;
  in_.expect_symbol("(");
  axis.extent = expr();
  in_.expect_symbol(")");
  axis.var = traits(label, at);
  in_.expect_symbol("=");
  axis.binding = expr();
  declared.declared = {axis.var, std::move(label), at};
  return declared;
}

Stmt Parser::read(Reads<Block>) {
  auto* node = new Block();
  Stmt made(node);
  in_.take();
  node->name = name("the name of the block");
  if (in_.accept_symbol("#")) node->id.value = integer("the number of the block");
  std::vector<DeclaredAxis> axes;
  in_.expect_symbol("(");
  list_until(")", [&] { axes.push_back(axis()); });
  if (in_.accept_word("where")) node->predicate = expr();
  node->annotations = attrs();
  in_.expect_symbol(":");
  end_line();
  in_.expect(TokenKind::kIndent, "an indented line");
  NameScope scope(names_);  // of the axes: bindings and predicate see what is around the block
  for (DeclaredAxis& each : axes) {
    introduce(scope, each.declared);
    node->axes.push_back(std::move(each.axis));
  }
  node->reads = regions("reads");
  node->writes = regions("writes");
  if (in_.accept_word("reducer")) {
    node->reducer = reducer().first;
    end_line();
  }
  if (in_.accept_word("init")) {
    in_.expect_symbol(":");
    node->init = indented();
  }
  node->body = suite();
  in_.expect(TokenKind::kDedent, "the end of the indented lines");
  return made;
}

std::vector<Region> Parser::regions(std::string_view keyword) {
  std::vector<Region> boxes;
  if (!in_.accept_word(keyword)) return boxes;
  do boxes.push_back(region());
  while (in_.accept_symbol(","));
  end_line();
  return boxes;
}

Stmt Parser::read(Reads<Store>) {
  auto* node = new Store();
  Stmt made(node);
  node->atomic = in_.accept_word("atomic");
  node->buffer = buffer_use();
  Subscripts given = subscripts();
  node->indices = std::move(given.indices);
  node->predicate = std::move(given.predicate);
  in_.expect_symbol("=");
  node->value = expr();
  end_line();
  return made;
}

Stmt Parser::read(Reads<If>) {
  in_.take();
  Expr cond = expr();
  in_.expect_symbol(":");
  Stmt then_body = indented();
  Stmt else_body;
  if (in_.accept_word("else")) {
    in_.expect_symbol(":");
    else_body = indented();
  }
  return If::make(std::move(cond), std::move(then_body), std::move(else_body));
}

Stmt Parser::read(Reads<Let>) {
  in_.take();
  const Declared declared = declaration("the name of a value");
  in_.expect_symbol("=");
  Expr value = expr();
  NameScope scope(names_);
  introduce(scope, declared);
  return Let::make(declared.var, std::move(value), rest());
}

Stmt Parser::read(Reads<Allocate>) {
  in_.take();
  const std::size_t at = in_.at();
  const std::string label = name("the name of a buffer");
  in_.expect_symbol(":");
  Buffer buffer = buffer_type(label, at);
  NameScope scope(names_);
  introduce(scope, label, buffer, at);
  return Allocate::make(std::move(buffer), rest());
}

Stmt Parser::read(Reads<Seq>) {
  if (in_.take().text == "pass") {
    end_line();
    return sequence({});
  }
  in_.expect_symbol(":");
  end_line();
  in_.expect(TokenKind::kIndent, "an indented line");
  Stmt made = sequence(statements());
  in_.expect(TokenKind::kDedent, "the end of the indented lines");
  return made;
}

Stmt Parser::read(Reads<Assert>) {
  in_.take();
  Expr cond = expr();
  in_.expect_symbol(",");
  const auto kind = in_.sees(TokenKind::kName) ? enum_from_text<AssertKind>(in_.peek().text) : std::nullopt;
  if (kind) in_.take();
  std::string message = string("a message in double quotes");
  end_line();
  return Assert::make(std::move(cond), std::move(message), kind.value_or(AssertKind::kValue));
}

Stmt Parser::read(Reads<Attr>) {
  in_.take();
  std::string text = key();
  in_.expect_symbol("=");
  AttrValue value = attr_value();
  return Attr::make(std::move(text), std::move(value), rest());
}

Stmt Parser::read(Reads<Prefetch>) {
  in_.take();
  const bool write = in_.accept_word("write");
  if (!write && !in_.accept_word("read")) in_.fail_expected("`read` or `write`");
  Buffer buffer = buffer_use();
  std::vector<Expr> indices = plain_subscripts();
  in_.expect_symbol(",");
  const int64_t locality = integer("a locality");
  end_line();
  return Prefetch::make(std::move(buffer), std::move(indices), write, locality);
}

Stmt Parser::read(Reads<Barrier>) {
  in_.take();
  const auto scope =
      in_.sees(TokenKind::kName) ? enum_from_text<BarrierScope>(in_.peek().text) : std::nullopt;
  if (!scope) in_.fail_expected("who waits at a barrier:" TW_BARRIERS(TW_QUOTED));
  in_.take();
  end_line();
  return Barrier::make(*scope);
}

Stmt Parser::read(Reads<AsyncCopy>) {
  auto* node = new AsyncCopy();
  Stmt made(node);
  in_.take();
  node->to = buffer_use();
  node->to_indices = plain_subscripts();
  in_.expect_symbol("=");
  node->from = buffer_use();
  node->from_indices = plain_subscripts();
  in_.expect_word("count");
  node->count = integer("a number of elements");
  end_line();
  return made;
}

Stmt Parser::read(Reads<AsyncCommit>) {
  in_.take();
  end_line();
  return AsyncCommit::make();
}

Stmt Parser::read(Reads<AsyncWait>) {
  in_.take();
  const int64_t pending = integer("a number of groups");
  end_line();
  return AsyncWait::make(pending);
}

Stmt Parser::read(Reads<TensorCall>) {
  in_.take();
  std::string intrinsic = key();
  std::vector<Region> operands;
  in_.expect_symbol("(");
  list_until(")", [&] { operands.push_back(region()); });
  end_line();
  return TensorCall::make(std::move(intrinsic), std::move(operands));
}

}  // namespace tw
