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

/// The sum of coefficient * element over a row.
Expr row_sum(const std::vector<double>& row, const std::function<Expr(int)>& vector) {
  Expr sum;
  for (std::size_t j = 0; j < row.size(); ++j) {
    if (row[j] == 0) continue;
    const Expr element = vector(static_cast<int>(j));
    const double size = std::fabs(row[j]);
    const Expr term = size == 1 ? element : make_const(element.dtype(), size) * element;
    if (!sum)
      sum = row[j] < 0 ? -term : term;
    else
      sum = row[j] < 0 ? sum - term : sum + term;
  }
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

double magnitude(const std::vector<double>& row) {
  double sum = 0;
  for (const double c : row) sum += std::fabs(c);
  return sum;
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

WinogradError error_of(const WinogradTransform& transform) {
  double growth = 0;
  for (const std::vector<double>& row : transform.output) {
    double sum = 0;
    for (std::size_t a = 0; a < row.size(); ++a)
      sum += std::fabs(row[a]) * magnitude(transform.filter[a]) * magnitude(transform.input[a]);
    growth = std::max(growth, sum);
  }
  const double rounded =
      2 * (roundings(transform.input) + roundings(transform.filter) + roundings(transform.output));
  return {growth * growth / 9 * rounded, growth * growth / 81};
}

}  // namespace tw::schedule
