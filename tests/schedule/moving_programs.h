// Operators of several blocks, for the tests of primitives that move blocks.
#pragma once

#include "ir/program.h"
#include "te/tensor.h"

namespace tw::schedule {

/// "scaled" = A * 2, then "blurred"[i, j] = sum of the 3 x 3 scaled elements around it, zero outside.
Program padded_blur_program(const te::Value& n, const te::Value& m);

/// "across"[i, j] = A[i, j .. j + 2], then "blurred"[i, j] = across[i .. i + 2, j], of shape (n, m): A is (n
/// + 2, m + 2).
Program blur_program(const te::Value& n, const te::Value& m);

/// Rows of A: "highest", "shifted" exponentials, "total", and "softmax".
Program softmax_program(const te::Value& n, const te::Value& m);

/// Rows of A: "mean", "variance", "normalised" with gamma and beta.
Program layer_norm_program(const te::Value& n, const te::Value& m);

/// "expanded" = 1x1 of A (h + 2, w + 2, c) to e channels, "filtered" = 3x3 of each channel, "projected" = 1x1
/// to o channels.
Program bottleneck_program(const te::Value& h, const te::Value& w, const te::Value& c, const te::Value& e,
                           const te::Value& o);

/// "product" = A B, then "result" = relu(product + bias).
Program dense_program(const te::Value& n, const te::Value& m, const te::Value& k);

}  // namespace tw::schedule
