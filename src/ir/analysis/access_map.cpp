#include "ir/analysis/access_map.h"

#include <algorithm>

#include "ir/analysis/accesses.h"
#include "ir/analysis/index_algebra.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw {
namespace {

/// Reads subscripts as forms.
class FormReader {
 public:
  FormReader(const std::vector<Var>& vars, const Context& context) : vars_(vars), algebra_(context) {}

  SubscriptForm read(const Expr& e) {
    SubscriptForm form = form_of(e);
    form.affine = sorted(form.affine);
    return form;
  }

 private:
  SubscriptForm constant(Expr value) { return {{{}, std::move(value)}, {}, {}}; }
  SubscriptForm opaque(const Expr& e) { return {{{}, 0}, {}, e}; }

  bool moves(const Expr& e) const {
    return std::any_of(vars_.begin(), vars_.end(), [&](const Var& var) { return uses_var(e, var); });
  }

  SubscriptForm form_of(const Expr& e) {
    if (!moves(e)) return is_data_dependent(e) ? opaque(e) : constant(e);
    if (const auto* var = as<Variable>(e)) return {{{{Var(var), 1}}, 0}, {}, {}};
    if (const auto* unary = as<Unary>(e); unary && unary->op == UnaryOp::kNeg)
      return scaled(form_of(unary->a), -1);
    const auto* binary = as<Binary>(e);
    if (!binary) return opaque(e);
    switch (binary->op) {
      case BinaryOp::kAdd: return added(form_of(binary->a), form_of(binary->b));
      case BinaryOp::kSub: return added(form_of(binary->a), scaled(form_of(binary->b), -1));
      case BinaryOp::kMul:
        if (!moves(binary->b) && !is_data_dependent(binary->b)) return scaled(form_of(binary->a), binary->b);
        if (!moves(binary->a) && !is_data_dependent(binary->a)) return scaled(form_of(binary->b), binary->a);
        return opaque(e);
      case BinaryOp::kFloorDiv:
      case BinaryOp::kFloorMod: {
        const SubscriptForm operand = form_of(binary->a);
        if (!operand.is_affine() || moves(binary->b) || is_data_dependent(binary->b)) return opaque(e);
        return {{{}, 0}, {{1, binary->op, sorted(operand.affine), binary->b}}, {}};
      }
      default: return opaque(e);
    }
  }

  SubscriptForm scaled(SubscriptForm form, const Expr& factor) {
    for (AffineTerm& term : form.affine.terms) term.coefficient = term.coefficient * factor;
    form.affine.base = form.affine.base * factor;
    for (QuotientTerm& term : form.quotients) term.scale = term.scale * factor;
    if (form.opaque) form.opaque = form.opaque * factor;
    return form;
  }

  SubscriptForm added(SubscriptForm a, const SubscriptForm& b) {
    a.affine.terms.insert(a.affine.terms.end(), b.affine.terms.begin(), b.affine.terms.end());
    a.affine.base = a.affine.base + b.affine.base;
    a.quotients.insert(a.quotients.end(), b.quotients.begin(), b.quotients.end());
    if (b.opaque) a.opaque = a.opaque ? a.opaque + b.opaque : b.opaque;
    return a;
  }

  /// One term for each variable, in their order, without those whose factor is 0.
  AffineForm sorted(const AffineForm& form) {
    AffineForm result{{}, algebra_.normal(form.base)};
    for (const Var& var : vars_) {
      Expr factor = 0;
      for (const AffineTerm& term : form.terms)
        if (term.var.same_as(var)) factor = factor + term.coefficient;
      factor = algebra_.normal(factor);
      if (!is_int(factor, 0)) result.terms.push_back({var, factor});
    }
    return result;
  }

  const std::vector<Var>& vars_;
  IndexAlgebra algebra_;
};

/// factors . vars = value
struct Row {
  std::vector<Expr> factors;
  Expr value;
};

std::vector<Row> rows_of(const AccessMap& map, const std::vector<Expr>& values) {
  std::vector<Row> rows;
  for (std::size_t d = 0; d < map.subscripts.size(); ++d) {
    const SubscriptForm& form = map.subscripts[d];
    if (!form.is_affine()) continue;
    Row row{{}, values.empty() ? Expr(0) : values[d] - form.affine.base};
    for (const Var& var : map.vars) row.factors.push_back(coefficient(form, var));
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Eliminates every variable with a pivot that passes the test, one row each. The row of each variable;
/// nothing when some variable finds none. `by_unit`: pivots are 1 or -1, and rows are divided by them.
template <class IsPivot>
std::optional<std::vector<std::size_t>> eliminate(IndexAlgebra& algebra, std::vector<Row>& rows,
                                                  std::size_t count, bool by_unit, IsPivot&& is_pivot) {
  std::vector<std::size_t> row_of(count, SIZE_MAX);
  std::vector<bool> used(rows.size());
  for (std::size_t step = 0; step < count; ++step) {
    std::size_t row = SIZE_MAX, column = SIZE_MAX;
    for (std::size_t r = 0; r < rows.size() && row == SIZE_MAX; ++r)
      for (std::size_t c = 0; c < count && !used[r]; ++c)
        if (row_of[c] == SIZE_MAX && is_pivot(rows[r].factors[c])) row = r, column = c;
    if (row == SIZE_MAX) return std::nullopt;
    used[row] = true;
    row_of[column] = row;
    const Expr pivot = rows[row].factors[column];
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const Expr factor = rows[r].factors[column];
      if (r == row || is_int(factor, 0)) continue;
      // By units: row - factor / pivot * pivot row; else pivot * row - factor * pivot row.
      const Expr left = by_unit ? Expr(1) : pivot, right = by_unit ? factor * pivot : factor;
      for (std::size_t c = 0; c < count; ++c)
        rows[r].factors[c] = algebra.normal(rows[r].factors[c] * left - rows[row].factors[c] * right);
      rows[r].value = rows[r].value * left - rows[row].value * right;
    }
  }
  return row_of;
}

}  // namespace

bool AccessMap::is_affine() const {
  return std::all_of(subscripts.begin(), subscripts.end(),
                     [](const SubscriptForm& s) { return s.is_affine(); });
}

AccessMap access_map(const std::vector<Expr>& indices, const std::vector<Var>& vars, const Context& context) {
  FormReader reader(vars, context);
  AccessMap map{vars, {}};
  for (const Expr& index : indices) map.subscripts.push_back(reader.read(index));
  return map;
}

Expr to_expr(const AffineForm& form) {
  Expr sum;
  for (const AffineTerm& term : form.terms) {
    const Expr product = Expr(term.var) * term.coefficient;
    sum = sum ? sum + product : product;
  }
  return sum ? sum + form.base : form.base;
}

Expr to_expr(const SubscriptForm& form) {
  Expr sum = to_expr(form.affine);
  for (const QuotientTerm& term : form.quotients) {
    const Expr operand = to_expr(term.operand);
    sum = sum + term.scale * (term.op == BinaryOp::kFloorDiv ? floordiv(operand, term.divisor)
                                                             : floormod(operand, term.divisor));
  }
  return form.opaque ? sum + form.opaque : sum;
}

Expr coefficient(const SubscriptForm& form, const Var& var) {
  for (const AffineTerm& term : form.affine.terms)
    if (term.var.same_as(var)) return term.coefficient;
  return 0;
}

bool uses_var(const SubscriptForm& form, const Var& var) {
  const auto has = [&](const AffineForm& affine) {
    return std::any_of(affine.terms.begin(), affine.terms.end(),
                       [&](const AffineTerm& term) { return term.var.same_as(var); });
  };
  return has(form.affine) || (form.opaque && uses_var(form.opaque, var)) ||
         std::any_of(form.quotients.begin(), form.quotients.end(),
                     [&](const QuotientTerm& term) { return has(term.operand); });
}

std::optional<Expr> stride_of(const AccessMap& map, const Buffer& buffer, const Var& var,
                              const Context& context) {
  check_internal(map.subscripts.size() == buffer->shape.size(), "{} subscripts of buffer {} of rank {}",
                 map.subscripts.size(), buffer->name.text, buffer->rank());
  const std::vector<Expr> strides = strides_of(*buffer);
  Expr stride = 0;
  for (std::size_t d = map.subscripts.size(); d-- > 0;) {
    SubscriptForm rest = map.subscripts[d];
    rest.affine.terms.clear();
    if (uses_var(rest, var)) return std::nullopt;
    stride = coefficient(map.subscripts[d], var) * strides[d] + stride;
  }
  IndexAlgebra algebra(context);
  return algebra.normal(stride);
}

std::vector<Var> contiguous_vars(const AccessMap& map, const Buffer& buffer, const Context& context) {
  std::vector<Var> found;
  for (const Var& var : map.vars)
    if (const auto stride = stride_of(map, buffer, var, context); stride && is_int(*stride, 1))
      found.push_back(var);
  return found;
}

Verdict is_injective(const AccessMap& map, const Context& context, const Expr& predicate) {
  IndexAlgebra algebra(context);
  std::vector<Row> rows = rows_of(map, {});
  if (eliminate(algebra, rows, map.vars.size(), false,
                [&](const Expr& factor) { return algebra.nonzero(factor); }))
    return {true, {}};
  // As digits: only subscripts of that form are of use, and they need ranges.
  std::vector<LoopRange> loops;
  for (const Var& var : map.vars) {
    const Context::BoundVar* range = context.range_of(&*var);
    if (!range || !is_int(range->begin, 0))
      return {false,
              fmt::format("the subscripts do not determine '{}' by rank, and its range is not known to begin "
                          "at 0",
                          var->name.text)};
    loops.push_back({var, range->extent});
  }
  std::vector<Expr> digits;
  for (const SubscriptForm& form : map.subscripts)
    if (!form.opaque && detect_iter_map({to_expr(form)}, loops, predicate, context))
      digits.push_back(to_expr(form));
  const IterMapResult joint = detect_iter_map(digits, loops, predicate, context);
  if (!joint) return {false, joint.reason};
  return is_injective(*joint, context);
}

std::optional<AffineInverse> inverse(const AccessMap& map, const std::vector<Expr>& subscript_values,
                                     const Context& context) {
  check_internal(subscript_values.size() == map.subscripts.size(), "{} values of {} subscripts",
                 subscript_values.size(), map.subscripts.size());
  if (!map.is_affine()) return std::nullopt;
  IndexAlgebra algebra(context);
  std::vector<Row> rows = rows_of(map, subscript_values);
  const auto row_of = eliminate(algebra, rows, map.vars.size(), true,
                                [](const Expr& factor) { return is_int(factor, 1) || is_int(factor, -1); });
  if (!row_of) return std::nullopt;
  AffineInverse result;
  std::vector<bool> used(rows.size());
  for (std::size_t v = 0; v < map.vars.size(); ++v) {
    const Row& row = rows[(*row_of)[v]];
    used[(*row_of)[v]] = true;
    result.values.push_back(algebra.normal(row.value * row.factors[v]));
  }
  for (std::size_t r = 0; r < rows.size(); ++r)
    if (!used[r]) result.conditions.push_back(eq(algebra.normal(rows[r].value), 0));
  return result;
}

}  // namespace tw
