// The simplifier of expressions: one visit from below, each operator by its canonical form or its table of
// rules.
#pragma once

#include <optional>

#include "ir/simplify/prove.h"
#include "ir/simplify/simplify_rules.h"

namespace tw {

class Simplifier {
 public:
  /// Reads the context; copies it when a branch adds facts.
  explicit Simplifier(const Context& context) : context_(&context) {}

  /// An expression of equal value; the node itself when nothing is simpler.
  Expr simplify(const Expr& e);

 private:
  class Scope;

  Expr visit(const Expr& e);
  Expr visit_binary(const Binary& e);
  Expr visit_index(const Binary& e);
  Expr visit_logic(const Binary& e);
  Expr visit_select(const Select& e);
  Expr visit_load(const Load& e);
  Expr visit_call(const Call& e);
  Expr visit_reduce(const Reduce& e);
  Expr known_value(const Expr& e);

  // Expressions of simplified operands. `original` is returned when the result is the same tree; may be null.
  Expr unary(UnaryOp op, const Expr& a, const ExprNode* original);
  Expr binary(BinaryOp op, const Expr& a, const Expr& b, const ExprNode* original);
  Expr select(const Expr& cond, const Expr& on_true, const Expr& on_false, const ExprNode* original);
  Expr cast(DType type, const Expr& value, const ExprNode* original);
  Expr call(Intrinsic op, std::vector<Expr> args, const ExprNode* original);
  Expr ramp(const Expr& base, const Expr& stride, int lanes, const ExprNode* original);
  Expr broadcast(const Expr& value, int lanes, const ExprNode* original);

  // Tables of rules (simplify.cpp).
  Expr with_rules(Expr e);
  bool allows(const Rule& rule, int condition, const Match& match);
  Expr build(const Rule& rule, int node, const Match& match, DType type);

  // The canonical form of index arithmetic (simplify_index.cpp). Null where there is none.
  void collect(Sum& sum, const Expr& e, int64_t scale);
  bool apply_equalities(Sum& sum);
  Expr sum_into_extreme(const Sum& sum);
  Expr canonical(Sum sum, const ExprNode* original);
  Expr index_sum(const Expr& e);
  Expr index_binary(BinaryOp op, const Expr& a, const Expr& b, const ExprNode* original);
  Expr index_extreme(BinaryOp op, const Expr& a, const Expr& b);
  void drop_rest(Sum& claim);
  Expr index_comparison(BinaryOp op, const Expr& a, const Expr& b, const ExprNode* original);
  Expr vector_comparison(BinaryOp op, const Expr& a, const Expr& b);

  // Quotients and remainders (simplify_divide.cpp).
  bool recombine(Sum& sum);
  bool recombine_pair(Sum& sum, const Product& remainder, const Product& quotient);
  bool recombine_rest(Sum& sum, const Product& quotient);
  Expr index_divide(BinaryOp op, const Expr& a, const Expr& b);
  void extract(const Sum& dividend, const Sum& divisor, Sum& quotient, Sum& rest);
  Sum divide(const Sum& dividend, const Sum& divisor, int depth);
  Sum modulo(const Sum& dividend, const Sum& divisor, int depth);
  bool within(const Sum& rest, const Sum& divisor);
  bool common_factor(const Sum& rest, const Sum& divisor, Sum& factor, Sum& reduced, Sum& reduced_divisor,
                     Sum& over);
  void unwrap_remainders(Sum& rest, const Sum& divisor);

  Context& writable();
  Prover prover() const { return Prover(*context_); }

  const Context* context_;
  std::optional<Context> own_;
  int nesting_ = 0;                       // of rules applied to the results of rules
  int scopes_ = 0;                        // alive, in which the context knows more than the given one
  std::shared_ptr<Knowledge> knowledge_;  // of the given context
};

/// Whether a read stands anywhere below.
bool reads_memory(const Expr& e);

}  // namespace tw
