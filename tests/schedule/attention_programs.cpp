#include "schedule/attention_programs.h"

#include <limits>

#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using Point = std::vector<Var>;
using te::Tensor;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

Program attend(const te::Value& n, const te::Value& m, const te::Value& d, AttentionForm form,
               const Score& score, DType type) {
  const Tensor v = te::placeholder({m, d}, type, "V");
  const ReduceAxis a = te::reduce_axis(m, "a"), b = te::reduce_axis(m, "b"), k = te::reduce_axis(m, "k");
  const Tensor highest = te::compute(
      {n}, [&](const Point& p) -> te::Value { return te::max(score(p[0], a), {a}); }, "highest", {"i"});
  const auto weight = [&](const te::Value& i, const te::Value& at) {
    return te::exp(te::subtract(score(i, at), highest({i})));
  };
  const Tensor e =
      te::compute({n, m}, [&](const Point& p) -> te::Value { return weight(p[0], p[1]); }, "e", {"i", "k"});
  const bool is_inline = form == AttentionForm::kInline;
  const Tensor total = te::compute({n},
                                   [&](const Point& p) -> te::Value {
                                     return te::sum(is_inline ? weight(p[0], b) : e({p[0], b}), {b});
                                   },
                                   "total", {"i"});
  const Tensor part = te::compute({n, m},
                                  [&](const Point& p) -> te::Value {
                                    return te::divide(e({p[0], p[1]}), total({p[0]}));
                                  },
                                  "part", {"i", "k"});
  const Tensor product = te::compute({n, d},
                                     [&](const Point& p) -> te::Value {
                                       return te::sum(te::multiply(e({p[0], k}), v({k, p[1]})), {k});
                                     },
                                     "product", {"i", "j"});
  const Tensor out = te::compute(
      {n, d},
      [&](const Point& p) -> te::Value {
        const Expr reciprocal = te::divide(1.0, total({p[0]}));
        switch (form) {
          case AttentionForm::kBlocks: return te::divide(product({p[0], p[1]}), total({p[0]}));
          case AttentionForm::kInline:
            return te::divide(te::sum(te::multiply(v({k, p[1]}), weight(p[0], k)), {k}), total({p[0]}));
          case AttentionForm::kBefore: return te::sum(te::multiply(part({p[0], k}), v({k, p[1]})), {k});
          case AttentionForm::kReciprocal:
            return te::sum(te::multiply(te::multiply(e({p[0], k}), reciprocal), v({k, p[1]})), {k});
          case AttentionForm::kProductOfSum: return te::multiply(product({p[0], p[1]}), reciprocal);
        }
        return 0.0;
      },
      "out", {"i", "j"});
  return te::first_program({out}, std::nullopt, "attention");
}

Program attend_scores(const te::Value& n, const te::Value& m, const te::Value& d, AttentionForm form,
                      DType type) {
  const Tensor s = te::placeholder({n, m}, type, "S");
  return attend(
      n, m, d, form,
      [&](const te::Value& i, const te::Value& k) {
        return s({i, k});
      },
      type);
}

Program causal_attention(const te::Value& n, const te::Value& m, const te::Value& d) {
  const Tensor q = te::placeholder({n, d}, kFloat32, "Q"), key = te::placeholder({m, d}, kFloat32, "K");
  const ReduceAxis x = te::reduce_axis(d, "x");
  const Tensor score = te::compute({n, m},
                                   [&](const Point& p) -> te::Value {
                                     return te::sum(te::multiply(q({p[0], x}), key({p[1], x})), {x});
                                   },
                                   "score", {"i", "k"});
  const Tensor scaled = te::compute(
      {n, m},
      [&](const Point& p) -> te::Value {
        return te::where(te::less_equal(p[1], p[0]), te::multiply(score({p[0], p[1]}), 0.25), -kInfinity);
      },
      "scaled", {"i", "k"});
  return attend(n, m, d, AttentionForm::kBlocks, [&](const te::Value& i, const te::Value& k) {
    return scaled({i, k});
  });
}

Value online(Schedule& s, const std::string& block, const Value& chunk) {
  return s.apply("rewrite", {s.block(block), "online_softmax", Value(List{Value(List{"chunk", chunk})})})[0];
}

}  // namespace tw::schedule
