// The matrices of Winograd's minimal filtering F(m, 3), sums with their rows, and how they spread errors.
//
// y = A^T ((G g) o (B^T d)) computes m outputs of a filter g of 3 taps from d, m + 2 inputs, with m + 2
// multiplications. In two dimensions the matrices are applied to rows and columns.
// Lavin, Gray: Fast algorithms for convolutional neural networks, 2015, arXiv 1509.09308.
#pragma once

#include <functional>
#include <vector>

#include "ir/expr.h"

namespace tw::schedule {

using Coefficients = std::vector<std::vector<double>>;

struct WinogradTransform {
  int m = 0;            // outputs of a tile, in one dimension
  Coefficients input;   // B^T, m + 2 by m + 2
  Coefficients filter;  // G, m + 2 by 3
  Coefficients output;  // A^T, m by m + 2
  int tile() const { return m + 2; }
};

/// F(2, 3) or F(4, 3); null for another m.
const WinogradTransform* winograd_transform(int64_t m);

/// Row number `row` (any index expression in range) of the product of a matrix with a vector of expressions.
/// Each row is a sum of its own, without the terms that are zero, chosen by comparing the row with constants:
/// where the row is a constant, as in an unrolled loop, only the sum is left.
Expr row_of_product(const Coefficients& matrix, const Expr& row, const std::function<Expr(int)>& vector);

/// To first order in eps, with n = 9 C terms a result:
///   |error| <= (fixed + per_term * n) * eps * n * max|data| * max|weight|
/// Each of the numbers that are added up to a result has been rounded at most
///   R = C + (r(B^T) + r(G) + r(A^T) of the rows) + (the same of the columns)
/// times, where r counts the roundings of one product with a matrix: of the coefficient, unless it is exact,
/// of the multiplication, unless by a power of two, and of all additions of the row but the first term (pairs
/// have fewer); one for the product, C - 1 for the sum over channels. And the sum of their magnitudes is at
/// most
///   C * k * k' * max|data| * max|weight|,   k = max over i of sum over a of |A^T|_ia * |G|_a * |B^T|_a
/// with |M|_a the sum of the magnitudes of row a, k that of the rows and k' that of the columns. So the
/// factor is k k' / 9 * R.
struct WinogradError {
  double fixed = 0, per_term = 0;
};
WinogradError error_of(const WinogradTransform& rows, const WinogradTransform& columns);

}  // namespace tw::schedule
