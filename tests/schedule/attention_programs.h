// Attention and its softmax in the ways people write them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "schedule/schedule.h"
#include "te/lower.h"

namespace tw::schedule {

/// Ways to write attention.
enum class AttentionForm {
  kBlocks,       // e, l, o, out = o / l
  kInline,       // exp in the sums, out = sum / l in one expression
  kBefore,       // p = e / l, out = sum of p * v
  kReciprocal,   // sum of e * (1 / l) * v
  kProductOfSum  // sum of e * v, times 1 / l
};
inline const std::vector<AttentionForm> kAttentionForms = {AttentionForm::kBlocks, AttentionForm::kInline,
                                                           AttentionForm::kBefore, AttentionForm::kReciprocal,
                                                           AttentionForm::kProductOfSum};

/// The score of a query and a key.
using Score = std::function<Expr(const te::Value& i, const te::Value& k)>;

/// "out"[i, j] = sum_k softmax_k(score(i, k)) * V[k, j], i < n, k < m, j < d. Blocks, as far as the form has
/// them: "highest", "e", "total", "part" = e / total, "product", "out".
Program attend(const te::Value& n, const te::Value& m, const te::Value& d, AttentionForm form,
               const Score& score, DType type = kFloat32);

/// Scores are an input S.
Program attend_scores(const te::Value& n, const te::Value& m, const te::Value& d, AttentionForm form,
                      DType type = kFloat32);

/// "score" = Q K^T, "scaled": a quarter of it, -inf for keys behind the query; then kBlocks.
Program causal_attention(const te::Value& n, const te::Value& m, const te::Value& d);

/// Applies online_softmax to a block.
Value online(Schedule& s, const std::string& block, const Value& chunk);

}  // namespace tw::schedule
