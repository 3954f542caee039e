#include "schedule/moving_programs.h"

#include "ir/simplify.h"
#include "te/lower.h"
#include "te/math.h"
#include "te/reduce.h"
#include "te/symbol.h"

namespace tw::schedule {
namespace {

using Point = std::vector<Var>;
using te::Tensor;
using te::Value;

Expr plus(const Value& a, const Value& b) {
  return te::add(a, b);
}

/// An extent that is greater by a constant.
Expr grown(const Value& extent, int by) {
  return simplify(te::astype(te::add(extent, by), kIndex));
}

}  // namespace

Program padded_blur_program(const Value& n, const Value& m) {
  const Tensor a = te::placeholder({n, m}, kFloat32, "A");
  const Tensor scaled = te::compute({n, m},
                                    [&](const Point& p) -> Value {
                                      return te::multiply(a({p[0], p[1]}), 2.0);
                                    },
                                    "scaled", {"i", "j"});
  const ReduceAxis y = te::reduce_axis(3, "y"), x = te::reduce_axis(3, "x");
  const Tensor blurred =
      te::compute({n, m},
                  [&](const Point& p) -> Value {
                    const Expr row = te::subtract(plus(p[0], y), 1), column = te::subtract(plus(p[1], x), 1);
                    const Expr inside =
                        te::logical_and(te::logical_and(te::greater_equal(row, 0), te::less(row, n)),
                                        te::logical_and(te::greater_equal(column, 0), te::less(column, m)));
                    return te::sum(te::where(inside, scaled({row, column}), 0.0), {y, x});
                  },
                  "blurred", {"i", "j"});
  return te::first_program({blurred}, std::nullopt, "padded_blur");
}

Program blur_program(const Value& n, const Value& m) {
  const Expr rows = grown(n, 2), columns = grown(m, 2);
  const Tensor a = te::placeholder({rows, columns}, kFloat32, "A");
  const Tensor across =
      te::compute({rows, m},
                  [&](const Point& p) -> Value {
                    return plus(plus(a({p[0], p[1]}), a({p[0], plus(p[1], 1)})), a({p[0], plus(p[1], 2)}));
                  },
                  "across", {"i", "j"});
  const Tensor blurred = te::compute(
      {n, m},
      [&](const Point& p) -> Value {
        return plus(plus(across({p[0], p[1]}), across({plus(p[0], 1), p[1]})), across({plus(p[0], 2), p[1]}));
      },
      "blurred", {"i", "j"});
  return te::first_program({blurred}, std::nullopt, "blur");
}

Program softmax_program(const Value& n, const Value& m) {
  const Tensor a = te::placeholder({n, m}, kFloat32, "A");
  const ReduceAxis j = te::reduce_axis(m, "j"), k = te::reduce_axis(m, "k");
  const Tensor highest = te::compute({n},
                                     [&](const Point& p) -> Value {
                                       return te::max(a({p[0], j}), {j});
                                     },
                                     "highest", {"i"});
  const Tensor shifted = te::compute({n, m},
                                     [&](const Point& p) -> Value {
                                       return te::exp(te::subtract(a({p[0], p[1]}), highest({p[0]})));
                                     },
                                     "shifted", {"i", "j"});
  const Tensor total = te::compute({n},
                                   [&](const Point& p) -> Value {
                                     return te::sum(shifted({p[0], k}), {k});
                                   },
                                   "total", {"i"});
  const Tensor softmax = te::compute({n, m},
                                     [&](const Point& p) -> Value {
                                       return te::divide(shifted({p[0], p[1]}), total({p[0]}));
                                     },
                                     "softmax", {"i", "j"});
  return te::first_program({softmax}, std::nullopt, "softmax");
}

Program layer_norm_program(const Value& n, const Value& m) {
  const Tensor a = te::placeholder({n, m}, kFloat32, "A");
  const Tensor gamma = te::placeholder({m}, kFloat32, "gamma"), beta = te::placeholder({m}, kFloat32, "beta");
  const ReduceAxis j = te::reduce_axis(m, "j"), k = te::reduce_axis(m, "k");
  const Expr count = te::astype(m, kFloat32);
  const Tensor mean = te::compute({n},
                                  [&](const Point& p) -> Value {
                                    return te::divide(te::sum(a({p[0], j}), {j}), count);
                                  },
                                  "mean", {"i"});
  const Tensor variance =
      te::compute({n},
                  [&](const Point& p) -> Value {
                    const Expr centred = te::subtract(a({p[0], k}), mean({p[0]}));
                    return te::divide(te::sum(te::multiply(centred, centred), {k}), count);
                  },
                  "variance", {"i"});
  const Tensor normalised =
      te::compute({n, m},
                  [&](const Point& p) -> Value {
                    const Expr scale = te::rsqrt(plus(variance({p[0]}), 1e-5));
                    const Expr centred = te::subtract(a({p[0], p[1]}), mean({p[0]}));
                    return plus(te::multiply(te::multiply(centred, scale), gamma({p[1]})), beta({p[1]}));
                  },
                  "normalised", {"i", "j"});
  return te::first_program({normalised}, std::nullopt, "layer_norm");
}

Program bottleneck_program(const Value& h, const Value& w, const Value& c, const Value& e, const Value& o) {
  const Expr rows = grown(h, 2), columns = grown(w, 2);
  const Tensor a = te::placeholder({rows, columns, c}, kFloat32, "A");
  const Tensor expand = te::placeholder({c, e}, kFloat32, "expand");
  const Tensor filter = te::placeholder({3, 3, e}, kFloat32, "filter");
  const Tensor project = te::placeholder({e, o}, kFloat32, "project");
  const ReduceAxis ci = te::reduce_axis(c, "ci"), ei = te::reduce_axis(e, "ei"),
                   dy = te::reduce_axis(3, "dy"), dx = te::reduce_axis(3, "dx");
  const Tensor expanded =
      te::compute({rows, columns, e},
                  [&](const Point& p) -> Value {
                    return te::sum(te::multiply(a({p[0], p[1], ci}), expand({ci, p[2]})), {ci});
                  },
                  "expanded", {"y", "x", "c"});
  const Tensor filtered = te::compute(
      {h, w, e},
      [&](const Point& p) -> Value {
        return te::sum(te::multiply(expanded({plus(p[0], dy), plus(p[1], dx), p[2]}), filter({dy, dx, p[2]})),
                       {dy, dx});
      },
      "filtered", {"y", "x", "c"});
  const Tensor projected =
      te::compute({h, w, o},
                  [&](const Point& p) -> Value {
                    return te::sum(te::multiply(filtered({p[0], p[1], ei}), project({ei, p[2]})), {ei});
                  },
                  "projected", {"y", "x", "o"});
  return te::first_program({projected}, std::nullopt, "bottleneck");
}

Program dense_program(const Value& n, const Value& m, const Value& k) {
  const Tensor a = te::placeholder({n, k}, kFloat32, "A"), b = te::placeholder({k, m}, kFloat32, "B");
  const Tensor bias = te::placeholder({m}, kFloat32, "bias");
  const ReduceAxis kk = te::reduce_axis(k, "k");
  const Tensor product = te::compute({n, m},
                                     [&](const Point& p) -> Value {
                                       return te::sum(te::multiply(a({p[0], kk}), b({kk, p[1]})), {kk});
                                     },
                                     "product", {"i", "j"});
  const Tensor result = te::compute({n, m},
                                    [&](const Point& p) -> Value {
                                      return te::maximum(plus(product({p[0], p[1]}), bias({p[1]})), 0.0);
                                    },
                                    "result", {"i", "j"});
  return te::first_program({result}, std::nullopt, "dense");
}

}  // namespace tw::schedule
