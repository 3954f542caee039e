// The order of terms and factors, and the expression that a sum is written as.
#include <algorithm>

#include "ir/context.h"
#include "ir/simplify/linear.h"
#include "ir/simplify/unit.h"

namespace tw {
namespace {

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

/// A total preorder of expressions: loop variables from outside in, then quotients and the like, then sizes
/// by the order they were declared in and by name. Equal only for variables or buffers of one name.
class Order {
 public:
  explicit Order(const Context& context) : context_(context) {}

  int compare(const Expr& a, const Expr& b) const {
    if (a.get() == b.get()) return 0;
    if (const int by_class = order(class_of(a), class_of(b))) return by_class;
    if (const int by_kind = order(a->kind, b->kind)) return by_kind;
    switch (a->kind) {
      case Kind::kVariable:
        return variables(static_cast<const Variable&>(*a), static_cast<const Variable&>(*b));
      case Kind::kIntImm: return order(as<IntImm>(a)->value, as<IntImm>(b)->value);
      case Kind::kFloatImm: return order(as<FloatImm>(a)->value, as<FloatImm>(b)->value);
      case Kind::kUnary:
        if (const int by_op = order(as<Unary>(a)->op, as<Unary>(b)->op)) return by_op;
        return compare(as<Unary>(a)->a, as<Unary>(b)->a);
      case Kind::kBinary: {
        const auto &x = *as<Binary>(a), &y = *as<Binary>(b);
        if (const int by_op = order(x.op, y.op)) return by_op;
        if (const int by_left = compare(x.a, y.a)) return by_left;
        return compare(x.b, y.b);
      }
      case Kind::kSelect: {
        const auto &x = *as<Select>(a), &y = *as<Select>(b);
        if (const int by_cond = compare(x.cond, y.cond)) return by_cond;
        if (const int by_true = compare(x.on_true, y.on_true)) return by_true;
        return compare(x.on_false, y.on_false);
      }
      case Kind::kCast: return compare(as<Cast>(a)->value, as<Cast>(b)->value);
      case Kind::kLoad: {
        const auto &x = *as<Load>(a), &y = *as<Load>(b);
        if (const int by_name = order(x.buffer->name.text, y.buffer->name.text)) return by_name;
        return lists(x.indices, y.indices);
      }
      case Kind::kCall: {
        const auto &x = *as<Call>(a), &y = *as<Call>(b);
        if (const int by_op = order(x.op, y.op)) return by_op;
        return lists(x.args, y.args);
      }
      default: return 0;
    }
  }

  /// Many factors first, then large strides, then by the factors.
  int compare(const Product& a, const Product& b) const {
    if (const int by_degree = order(b.degree, a.degree)) return by_degree;
    const auto magnitude = [](int64_t x) {
      return x < 0 ? 0 - static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
    };
    if (const int by_stride = order(magnitude(b.coefficient), magnitude(a.coefficient))) return by_stride;
    for (int i = 0; i < a.degree; ++i)
      if (const int by_factor = compare(a.factors[i], b.factors[i])) return by_factor;
    return order(b.coefficient > 0, a.coefficient > 0);
  }

 private:
  int class_of(const Expr& e) const {
    const auto* var = as<Variable>(e);
    return !var ? 1 : context_.rank_of(var) < Context::kFirstDeclared ? 0 : 2;
  }
  int variables(const Variable& a, const Variable& b) const {
    if (const int by_rank = order(context_.rank_of(&a), context_.rank_of(&b))) return by_rank;
    if (const int by_name = order(a.name.text, b.name.text)) return by_name;
    return order(a.min, b.min) ? order(a.min, b.min) : order(a.max, b.max);
  }
  int lists(const std::vector<Expr>& a, const std::vector<Expr>& b) const {
    if (const int by_size = order(a.size(), b.size())) return by_size;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (const int by_element = compare(a[i], b[i])) return by_element;
    return 0;
  }
  const Context& context_;
};

Expr product_of(const Product& term, int64_t coefficient) {
  Expr result = term.factors[0];
  for (int i = 1; i < term.degree; ++i) result = Binary::make(BinaryOp::kMul, result, term.factors[i]);
  if (coefficient == -1) return Unary::make(UnaryOp::kNeg, result);
  return coefficient == 1 ? result : Binary::make(BinaryOp::kMul, result, Expr(coefficient));
}

/// Factors in their order.
Product sorted_factors(Product term, const Order& order) {
  if (term.degree > 1)
    std::stable_sort(term.factors, term.factors + term.degree,
                     [&](const Expr& a, const Expr& b) { return order.compare(a, b) < 0; });
  return term;
}

}  // namespace

std::size_t Sum::leading_term(const Context& context) const {
  const Order order(context);
  std::size_t best = 0;
  for (std::size_t i = 1; i < terms.size(); ++i)
    if (order.compare(sorted_factors(terms[i], order), sorted_factors(terms[best], order)) < 0) best = i;
  return best;
}

Expr Sum::to_expr(const Context& context) const {
  if (terms.empty()) return Expr(constant);
  if (const Expr* atom = as_atom()) return *atom;
  const Order order(context);
  std::vector<Product> sorted = terms;
  for (Product& term : sorted) {
    term = sorted_factors(std::move(term), order);
    write_units(term.coefficient, term.factors, static_cast<std::size_t>(term.degree));
    term = sorted_factors(std::move(term), order);
  }
  if (sorted.size() > 1)
    std::stable_sort(sorted.begin(), sorted.end(),
                     [&](const Product& a, const Product& b) { return order.compare(a, b) < 0; });
  // A positive term leads where there is one: n - i, 4 - i.
  const auto lead =
      std::find_if(sorted.begin(), sorted.end(), [](const Product& term) { return term.coefficient > 0; });
  if (lead != sorted.end()) std::rotate(sorted.begin(), lead, lead + 1);
  Expr result;
  bool constant_done = constant == 0;
  if (lead == sorted.end() && constant > 0) {
    result = Expr(constant);
    constant_done = true;
  }
  for (const Product& term : sorted) {
    if (!result) {
      result = product_of(term, term.coefficient);
    } else if (term.coefficient < 0 && term.coefficient != INT64_MIN) {
      result = Binary::make(BinaryOp::kSub, result, product_of(term, -term.coefficient));
    } else {
      result = Binary::make(BinaryOp::kAdd, result, product_of(term, term.coefficient));
    }
  }
  if (constant_done) return result;
  if (constant < 0 && constant != INT64_MIN) return Binary::make(BinaryOp::kSub, result, Expr(-constant));
  return Binary::make(BinaryOp::kAdd, result, Expr(constant));
}

}  // namespace tw
