#include "te/scatter.h"

#include "support/error.h"
#include "te/check.h"
#include "te/promote.h"
#include "te/shape.h"

namespace tw::te {

const char* to_string(ScatterCombine combine) {
  switch (combine) {
#define TW_COMBINE(Name, text) \
  case ScatterCombine::k##Name: return text;
    TW_SCATTER_COMBINES(TW_COMBINE)
#undef TW_COMBINE
  }
  return "?";
}

ScatterCombine parse_scatter_combine(std::string_view text) {
  std::string names;
#define TW_COMBINE(Name, name)                      \
  if (text == name) return ScatterCombine::k##Name; \
  names += (names.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  TW_SCATTER_COMBINES(TW_COMBINE)
#undef TW_COMBINE
  raise_value("scatter: combine is \"{}\"; it must be one of {}", text, names);
}

std::vector<Expr> ScatterNode::expressions() const {
  std::vector<Expr> all;
  for (const Axis& axis : axes) all.push_back(axis.extent);
  all.insert(all.end(), indices.begin(), indices.end());
  all.push_back(value);
  return all;
}

Tensor scatter(const Tensor& init, const std::vector<Value>& domain, const PointsFunction& index,
               const PointFunction& value, ScatterCombine combine, const std::string& name,
               const std::vector<std::string>& axis_names) {
  const std::string what = describe(OpKind::kScatter, name);
  if (!init.operation())
    raise_value("{}: init '{}' is the state of a scan, which is no tensor of its own", what, init.name());
  auto* node = new ScatterNode(name);
  Operation op(node);
  node->init = init;
  node->combine = combine;
  node->output_shape = init.shape();
  node->dtypes = {init.dtype()};
  if (init.dtype().is_bool() && combine != ScatterCombine::kSet)
    raise_type("{}: combine \"{}\" of bool; use \"set\", or astype to an integer", what, to_string(combine));
  node->axes = make_axes(check_shape(domain, what + ", the domain"), axis_names, what);
  const std::vector<Var> point = vars_of(node->axes);
  const Place place{what, node->axes};
  const std::vector<Value> indices = index(point);
  // Read checks the number of subscripts, their type and range, as it does for the element that is written.
  const Expr target = read(outputs_of(op).front(), indices);
  node->indices = as<Load>(target)->indices;
  check_expression(target, place);
  node->value = to_data(value(point), init.dtype(), what + ": the value");
  check_expression(node->value, place);
  return outputs_of(op).front();
}

}  // namespace tw::te
