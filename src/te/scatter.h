// Writes whose places are data: out = copy of init; then for each point of a domain out[index(point)] is
// combined with value(point).
#pragma once

#include "te/tensor.h"

namespace tw::te {

// X(Name, text): how a written value meets the element there.
#define TW_SCATTER_COMBINES(X)                                                  \
  X(Set, "set") /* replaces it; the last point in row-major order wins */       \
  X(Sum, "sum") /* float16 and bfloat16 accumulate in float32 and round once */ \
  X(Max, "max") /* NaN if either is */                                          \
  X(Min, "min")

enum class ScatterCombine : uint8_t {
#define TW_COMBINE(Name, text) k##Name,
  TW_SCATTER_COMBINES(TW_COMBINE)
#undef TW_COMBINE
};
const char* to_string(ScatterCombine combine);
/// A value error that lists the names for any other text.
ScatterCombine parse_scatter_combine(std::string_view text);

struct ScatterNode : OperationNode {
  explicit ScatterNode(std::string n) : OperationNode(OpKind::kScatter, std::move(n)) {}
  Tensor init;
  std::vector<Axis> axes;     // of the domain
  std::vector<Expr> indices;  // one a dimension of init
  Expr value;
  ScatterCombine combine = ScatterCombine::kSet;
  std::vector<Expr> expressions() const override;
  std::vector<Tensor> whole_inputs() const override { return {init}; }
};

/// The tensor of init's shape and dtype after all writes. `index` gives one subscript a dimension of init;
/// one out of range is an error here when provable, else when the program runs. Errors besides those of
/// `compute`: a wrong number of subscripts; a value of another dtype than init's; sum, max or min of bool.
Tensor scatter(const Tensor& init, const std::vector<Value>& domain, const PointsFunction& index,
               const PointFunction& value, ScatterCombine combine = ScatterCombine::kSet,
               const std::string& name = "", const std::vector<std::string>& axis_names = {});

}  // namespace tw::te
