#include "schedule/rewrites/winograd_transform.h"

#include <algorithm>
#include <cmath>

namespace tw::schedule {
namespace {

const WinogradTransform kF2{
    .m = 2,
    .input = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}},
    .filter = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
    .output = {{1, 1, 1, 0}, {0, 1, -1, -1}},
};

const WinogradTransform kF4{
    .m = 4,
    .input = {{4, 0, -5, 0, 1, 0},
              {0, -4, -4, 1, 1, 0},
              {0, 4, -4, -1, 1, 0},
              {0, -2, -1, 2, 1, 0},
              {0, 2, -1, -2, 1, 0},
              {0, 4, 0, -5, 0, 1}},
    .filter = {{1.0 / 4, 0, 0},
               {-1.0 / 6, -1.0 / 6, -1.0 / 6},
               {-1.0 / 6, 1.0 / 6, -1.0 / 6},
               {1.0 / 24, 1.0 / 12, 1.0 / 6},
               {1.0 / 24, -1.0 / 12, 1.0 / 6},
               {0, 0, 1}},
    .output = {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}},
};

/// A signed multiple of an element, or of the sum or difference of two.
struct Term {
  bool negative = false;
  double size = 0;
  Expr element;

  Expr value() const { return size == 1 ? element : make_const(element.dtype(), size) * element; }
};

/// Two terms of equal size as one.
Term paired(const Term& first, const Term& second) {
  const bool differ = first.negative != second.negative;
  return {first.negative, first.size,
          differ ? first.element - second.element : first.element + second.element};
}

/// The terms of a row; those of equal size in pairs. The points of a transform come as x and -x, next to each
/// other, and their rows or columns have the same sums and differences: compilers find them if they are
/// written out. First neighbours 2k + 1, 2k + 2, as the points stand; then any that are left.
std::vector<Term> terms_of(const std::vector<double>& row, const std::function<Expr(int)>& vector) {
  std::vector<Term> singles, terms;
  for (std::size_t j = 0; j < row.size(); ++j) {
    const auto term = [&](std::size_t k) {
      return Term{row[k] < 0, std::fabs(row[k]), vector(static_cast<int>(k))};
    };
    if (row[j] == 0) continue;
    if (j % 2 == 1 && j + 1 < row.size() && std::fabs(row[j]) == std::fabs(row[j + 1])) {
      terms.push_back(paired(term(j), term(j + 1)));
      ++j;
    } else {
      singles.push_back(term(j));
    }
  }
  for (std::size_t i = 0; i < singles.size(); ++i) {
    const auto other = std::find_if(singles.begin() + static_cast<std::ptrdiff_t>(i) + 1, singles.end(),
                                    [&](const Term& term) { return term.size == singles[i].size; });
    if (other == singles.end()) {
      terms.push_back(singles[i]);
    } else {
      terms.push_back(paired(singles[i], *other));
      singles.erase(other);
    }
  }
  return terms;
}

/// The sum of coefficient * element over a row. It begins with a term that has no factor, and no sign, if
/// there is one: what follows are multiply-adds.
Expr row_sum(const std::vector<double>& row, const std::function<Expr(int)>& vector) {
  std::vector<Term> terms = terms_of(row, vector);
  std::stable_sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) {
    return std::pair(a.negative, a.size != 1) < std::pair(b.negative, b.size != 1);
  });
  Expr sum = terms.front().negative ? -terms.front().value() : terms.front().value();
  for (std::size_t i = 1; i < terms.size(); ++i)
    sum = terms[i].negative ? sum - terms[i].value() : sum + terms[i].value();
  return sum;
}

/// How often what an element adds to a row of the product is rounded.
double roundings(const Coefficients& matrix) {
  double most = 0;
  for (const std::vector<double>& row : matrix) {
    double additions = -1, factor = 0;
    for (const double c : row) {
      if (c == 0) continue;
      additions += 1;
      int exponent;
      if (std::fabs(std::frexp(c, &exponent)) == 0.5) continue;  // a power of two
      factor = std::max(factor, std::floor(c) == c ? 1.0 : 2.0);
    }
    most = std::max(most, additions + factor);
  }
  return most;
}

double roundings(const WinogradTransform& transform) {
  return roundings(transform.input) + roundings(transform.filter) + roundings(transform.output);
}

double magnitude(const std::vector<double>& row) {
  double sum = 0;
  for (const double c : row) sum += std::fabs(c);
  return sum;
}

/// How much larger than data * weight the numbers are that are added up to a result.
double growth(const WinogradTransform& transform) {
  double most = 0;
  for (const std::vector<double>& row : transform.output) {
    double sum = 0;
    for (std::size_t a = 0; a < row.size(); ++a)
      sum += std::fabs(row[a]) * magnitude(transform.filter[a]) * magnitude(transform.input[a]);
    most = std::max(most, sum);
  }
  return most;
}

}  // namespace

const WinogradTransform* winograd_transform(int64_t m) {
  return m == 2 ? &kF2 : m == 4 ? &kF4 : nullptr;
}

Expr row_of_product(const Coefficients& matrix, const Expr& row, const std::function<Expr(int)>& vector) {
  Expr value = row_sum(matrix.back(), vector);
  for (std::size_t i = matrix.size() - 1; i-- > 0;)
    value = select(eq(row, Expr(static_cast<int64_t>(i))), row_sum(matrix[i], vector), value);
  return value;
}

WinogradError error_of(const WinogradTransform& rows, const WinogradTransform& columns) {
  const double k = growth(rows) * growth(columns);
  return {k / 9 * (roundings(rows) + roundings(columns)), k / 81};
}

}  // namespace tw::schedule
