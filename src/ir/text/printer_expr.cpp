#include "ir/equal.h"
#include "ir/reducers.h"
#include "ir/text/literals.h"
#include "ir/text/printer.h"

namespace tw {
namespace {

constexpr int kUnaryPrecedence = 10;  // between the infix operators and what stands for itself (ops.h)

bool is_literal(const Expr& e) {
  return as<IntImm>(e) || as<FloatImm>(e);
}

bool is_one(const Expr& e) {
  const auto* imm = as<IntImm>(e);
  return imm && imm->dtype.is_index() && imm->value == 1;
}

}  // namespace

void Printer::expr(const Expr& e, int precedence) {
  if (!e) return put("null");
  const Place place(*this, e.get());
  switch (e->kind) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return print(static_cast<const Struct&>(*e), precedence);
    TW_EXPR_NODES(TW_CASE)
#undef TW_CASE
    default: break;
  }
}

void Printer::print(const IntImm& node, int) {
  put(int_text(node.dtype, node.value));
}

void Printer::print(const FloatImm& node, int) {
  put(float_text(node.dtype, node.value));
}

void Printer::print(const Variable& node, int) {
  put(names_.use(node));
}

void Printer::print(const Unary& node, int precedence) {
  // `-5` is a constant, so that the negation of 5 is `-(5)`.
  const bool apart = node.op == UnaryOp::kNeg && is_literal(node.a);
  if (precedence > kUnaryPrecedence) put("(");
  put(info(node.op).text);
  if (apart) put("(");
  expr(node.a, kUnaryPrecedence);
  if (apart) put(")");
  if (precedence > kUnaryPrecedence) put(")");
}

void Printer::print(const Binary& node, int precedence) {
  if (!info(node.op).is_function()) return infix(node, precedence);
  put(info(node.op).text);
  put("(");
  expr(node.a);
  put(", ");
  expr(node.b);
  put(")");
}

void Printer::infix(const Binary& node, int precedence) {
  const int own = info(node.op).precedence;
  if (precedence > own) put("(");
  expr(node.a, is_comparison(node.op) ? own + 1 : own);  // comparisons do not chain
  put(" ");
  put(info(node.op).text);
  put(" ");
  expr(node.b, own + 1);
  if (precedence > own) put(")");
}

void Printer::print(const Select& node, int) {
  put("select(");
  expr(node.cond);
  put(", ");
  expr(node.on_true);
  put(", ");
  expr(node.on_false);
  put(")");
}

void Printer::print(const Cast& node, int) {
  put(to_string(node.dtype));
  put("(");
  expr(node.value);
  put(")");
}

void Printer::print(const Load& node, int) {
  access(node.buffer, node.indices, node.predicate);
}

void Printer::print(const Call& node, int) {
  put(info(node.op).text);
  put("(");
  list(node.args, [&](const Expr& arg) { expr(arg); });
  put(")");
}

void Printer::print(const Ramp& node, int) {
  put("ramp(");
  expr(node.base);
  put(", ");
  expr(node.stride);
  put(", " + std::to_string(node.dtype.lanes) + ")");
}

void Printer::print(const Broadcast& node, int) {
  put("broadcast(");
  expr(node.value);
  put(", " + std::to_string(node.dtype.lanes) + ")");
}

void Printer::print(const Reduce& node, int) {
  NameScope scope(names_, TextNames::Lifetime::kScope);
  put("reduce(");
  reducer(*node.reducer);
  put(", [");
  list(node.axes, [&](const ReduceAxis& axis) {
    introduction(scope, axis.var);
    put(" in ");
    expr(axis.begin);
    put(":+");
    expr(axis.extent);
  });
  put("], [");
  list(node.sources, [&](const Expr& source) { expr(source); });
  put("]");
  if (node.which != 0) put(", " + std::to_string(node.which));
  put(")");
}

std::string Printer::name_of(const ReducerNode& node) {
  if (!canonical_) return node.name.text;
  if (node.results.size() == 1)
    for (const char* name : {"sum", "prod", "max", "min", "all", "any"})
      if (const Reducer known = known_reducer(name, node.results.front().dtype()))
        if (structural_equal(known.get(), &node)) return name;
  return "r";
}

void Printer::reducer(const ReducerNode& node) {
  const Place place(*this, &node);
  const std::string name = name_of(node);
  put(name_text(name));
  if (node.results.size() == 1) {
    const DType type = node.results.front().dtype();
    if (const Reducer known = known_reducer(name, type))
      if (structural_equal(known.get(), &node)) return put("(" + to_string(type) + ")");
  }
  NameScope scope(names_, TextNames::Lifetime::kScope);
  put("(");
  list(node.lhs, [&](const Var& var) { introduction(scope, var); });
  put("; ");
  list(node.rhs, [&](const Var& var) { introduction(scope, var); });
  put(") -> (");
  list(node.results, [&](const Expr& result) { expr(result); });
  put(") from (");
  list(node.identities, [&](const Expr& identity) { expr(identity); });
  put(")");
}

void Printer::traits(const Variable& var) {
  if (var.dtype != kIndex) put(" " + to_string(var.dtype));
  if (var.min != kNoMin || var.max != kNoMax)
    put(" in [" + (var.min == kNoMin ? "" : std::to_string(var.min)) + ", " +
        (var.max == kNoMax ? "" : std::to_string(var.max)) + "]");
  if (var.multiple_of != 1) put(" multiple_of " + std::to_string(var.multiple_of));
}

void Printer::introduction(NameScope& scope, const Var& var) {
  if (!var) return put("null");
  const Place place(*this, var.get());
  put(scope.introduce(*var));
  const bool plain =
      var->dtype == kIndex && var->min == kNoMin && var->max == kNoMax && var->multiple_of == 1;
  if (plain) return;
  put(":");
  traits(*var);
}

void Printer::subscripts(const std::vector<Expr>& indices, const Expr& predicate) {
  put("[");
  list(indices, [&](const Expr& index) { expr(index); });
  if (predicate) {
    put(indices.empty() ? "where " : " where ");
    expr(predicate);
  }
  put("]");
}

void Printer::access(const Buffer& buffer, const std::vector<Expr>& indices, const Expr& predicate) {
  put_name(buffer);
  subscripts(indices, predicate);
}

void Printer::region(const Region& region) {
  put_name(region.buffer);
  put("[");
  list(region.ranges, [&](const Range& range) {
    expr(range.min);
    if (is_one(range.extent)) return;
    put(":+");
    expr(range.extent);
  });
  put("]");
}

}  // namespace tw
