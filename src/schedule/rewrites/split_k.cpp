// rewrite(C, "split_k", parts=4):
//
//                                           alloc C_parts[4, n, m]
//   for i, j, k:                            for p in 4, i, j, k in (l + 3) // 4:
//     block C:                        =>      block C_parts:
//       C[i, j] += A[i, k] * B[k, j]            C_parts[p, i, j] += A[i, p*x + k] * B[p*x + k, j]
//                                           for i, j, p in 4:
//                                             block C: C[i, j] += C_parts[p, i, j]
//
// with x = (l + 3) // 4. Any reducer, of one component or several, known or declared: it is associative, so
// pieces of the reduction may run apart (on several threads, or one after the other where a piece of the
// operands fits a cache) and combine afterwards. rfactor does the same to a loop that is already split; this
// works on the expression, before loops are touched, so the pieces follow each other in memory and their
// number may be a parameter.
//
// Needed: the block reduces into the whole of its buffers, from the identity. Not checked: that the pieces
// are worth their memory.
#include "ir/visit.h"
#include "schedule/rewrite.h"
#include "schedule/rewrites/recognition.h"

namespace tw::schedule {
namespace {

/// Components 0, 1, … of a reduction.
std::vector<te::Value> components(const Reducer& reducer, const std::vector<ReduceAxis>& axes,
                                  const std::vector<Expr>& sources) {
  std::vector<te::Value> values;
  for (std::size_t c = 0; c < sources.size(); ++c)
    values.emplace_back(Reduce::make(reducer, axes, sources, static_cast<int64_t>(c)));
  return values;
}

Replacement split_k(const Step& step, const BlockPlace& place) {
  const Block& block = place.block();
  const Recognised<WholeReduction> found = whole_reduction(step.program(), block);
  if (!found)
    step.refuse(&block, "block {} {}; split_k takes a reduction into whole buffers, as te.compute makes it",
                block.name.text, found.reason);
  const int64_t axis = *option_value(step, "axis").get_if<int64_t>();
  const auto count = static_cast<int64_t>(found->reduced.size());
  if (axis < 0 || axis >= count)
    step.refuse(&block, "block {} has {} reduction {}; axis must be from 0 to {}, and is {}", block.name.text,
                count, count == 1 ? "axis" : "axes", count - 1, axis);
  const BlockAxis& split = found->reduced[static_cast<std::size_t>(axis)];
  const Expr parts = step.extent(option_value(step, "parts"));
  const Pieces pieces = Pieces::of_count(split.extent, parts);

  Placeholders inputs;
  std::vector<te::Value> shape = {parts};
  std::vector<std::string> names = {"p"};
  for (const Var& var : found->spatial) {
    for (const BlockAxis& own : block.axes)
      if (own.var.same_as(var)) shape.emplace_back(own.extent);
    names.push_back(axis_name(var));
  }
  const auto partial_values = [&](const std::vector<Var>& point) {
    VarMap values;
    for (std::size_t d = 0; d < found->spatial.size(); ++d) values[&*found->spatial[d]] = point[d + 1];
    std::vector<ReduceAxis> axes;
    Expr at;
    for (const BlockAxis& old : found->reduced) {
      const bool is_split = &old - found->reduced.data() == axis;
      axes.push_back(te::reduce_axis(is_split ? pieces.size : old.extent, axis_name(old.var)));
      if (is_split) at = pieces.point(point[0], axes.back().var);
      values[&*old.var] = is_split ? at : Expr(axes.back().var);
    }
    std::vector<Expr> sources;
    for (std::size_t c = 0; c < found->sources.size(); ++c)
      sources.push_back(pieces.guarded(at, inputs.reading(substitute(found->sources[c], values)),
                                       found->reducer->identities[c]));
    return components(found->reducer, axes, sources);
  };
  const std::vector<te::Tensor> partial =
      te::compute_several(shape, partial_values, block.name.text + "_parts", names);

  const auto combined_values = [&](const std::vector<Var>& point) {
    const ReduceAxis part = te::reduce_axis(parts, "p");
    std::vector<te::Value> indices = {part};
    indices.insert(indices.end(), point.begin(), point.end());
    std::vector<Expr> sources;
    for (const te::Tensor& tensor : partial) sources.push_back(tensor(indices));
    return components(found->reducer, {part}, sources);
  };
  const std::vector<te::Tensor> combined = te::compute_several(
      {shape.begin() + 1, shape.end()}, combined_values, block.name.text, {names.begin() + 1, names.end()});

  Replacement made;
  made.replaced = found->ids();
  made.inputs = inputs.tensors();
  for (std::size_t c = 0; c < combined.size(); ++c) made.outputs.emplace_back(combined[c], found->outputs[c]);
  return made;
}

const RewriteRegistration registration{{
    .name = "split_k",
    .summary = "Computes pieces of a reduction apart and combines them.",
    .doc = R"(    for i, j, k:                               for p in 4, i, j, k in (n + 3) // 4:
      C[i, j] += A[i, k] * B[k, j]      =>       C_parts[p, i, j] += A[i, p * m + k] * B[p * m + k, j]
                                               for i, j, p in 4:
                                                 C[i, j] += C_parts[p, i, j]

A reduction by any reducer, of one component or several, over one axis or several, becomes partial results over
`parts` pieces of one axis and a block that combines them. The pieces are neighbours in memory, m = (n + 3) // 4 long;
where the number does not divide, the last ones are shorter or empty and a condition guards them. Parts may run at once
(parallel over p), or the combining block may take each as soon as it is there (compute_at). The block must reduce into the
whole of its buffers from the identity.)",
    .error = "Exact but for the order in which a declared reduction is computed: error_factor 0.",
    .non_finite = "As before: a reduction in another order. Where a sum overflows, another order may "
                  "overflow elsewhere.",
    .options = {{"parts", ArgKind::kExtent, "How many pieces: an int or a parameter."},
                {"axis", ArgKind::kInt, "Which of the reduction axes is cut, from 0.", 0, false}},
    .example = R"(>>> A, B = te.placeholder((5, 37), name="A"), te.placeholder((37, 8), name="B")
>>> k = te.reduce_axis(37, name="k")
>>> C = te.compute((5, 8), lambda i, j: te.sum(A[i, k] * B[k, j], axis=k), name="C")
>>> s = tw.Schedule(C)
>>> s.rewrite("C", "split_k", parts=tw.param("parts", max=64))
[<tw.Block C_parts>, <tw.Block C>])",
    .apply = split_k,
}};

}  // namespace
}  // namespace tw::schedule
