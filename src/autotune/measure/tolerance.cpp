#include <algorithm>
#include <cmath>

#include "autotune/measure/reference.h"
#include "ir/context.h"
#include "ir/visit.h"
#include "schedule/rewrite.h"

namespace tw::autotune {
namespace {

/// Half a unit in the last place of 1.
double epsilon_of(DType type) {
  if (type.is_bfloat()) return 0x1p-8;
  return type.bits == 16 ? 0x1p-11 : type.bits == 32 ? 0x1p-24 : 0x1p-53;
}

/// Terms of a block's reduction; a length that is not known counts as its bound, if that says anything.
double terms_of(const Block& block) {
  constexpr int64_t kUnknown = 4096;
  double terms = 1;
  for (const BlockAxis& axis : block.axes) {
    if (axis.axis_kind == AxisKind::kSpatial) continue;
    const int64_t most = bounds(axis.extent).max;
    terms *= static_cast<double>(most > (1 << 20) ? kUnknown : std::max<int64_t>(most, 1));
  }
  return terms;
}

struct Errors {
  double share = 0;    // of results, from roundings of all blocks
  double terms = 1;    // of the longest reduction
  double epsilon = 0;  // of the coarsest type that sums
  bool has_floats = false;
};

Errors errors_of(const Program& first) {
  Errors errors;
  for_each_node(first, [&](const Node* node) {
    const auto* block = as<Block>(node);
    if (!block) return;
    const double terms = terms_of(*block);
    for_each_node(block->body, [&](const Node* inner) {
      const auto* store = as<Store>(inner);
      if (!store || !store->buffer->dtype.is_float()) return;
      const DType type = store->buffer->dtype;
      errors.has_floats = true;
      // Each term of a sum may add a rounding. In halves that would allow anything: there they are taken to
      // be independent of each other.
      const double sums = type.is_half() ? 4 * std::sqrt(terms) : 2 * terms;
      errors.share += epsilon_of(type) * (16 + sums);
      errors.terms = std::max(errors.terms, terms);
      errors.epsilon = std::max(errors.epsilon, type.is_half() ? epsilon_of(kFloat32) : epsilon_of(type));
    });
  });
  // Values that are narrow only within an expression round too.
  for_each_node(first, [&](const Node* node) {
    const auto* cast = as<Cast>(node);
    if (cast && cast->dtype.is_half()) errors.share += 2 * epsilon_of(cast->dtype);
  });
  return errors;
}

DType output_type(const Program& program, int output) {
  for (const Param& param : program->params)
    if (is_output(param) && output-- == 0) return param.buffer->dtype;
  return kFloat32;
}

}  // namespace

Tolerance tolerance_of(const Program& candidate, const Program& first, int output, double typical) {
  const DType type = output_type(first, output);
  const Errors errors = errors_of(first);
  // An integer that floats are rounded to may be the next one.
  if (!type.is_float()) return {0, errors.has_floats && !type.is_bool() ? 1.0 : 0.0};
  double share = errors.share;
  for (const schedule::AppliedRewrite& rewrite : schedule::applied_rewrites(candidate)) {
    // Terms drawn from N(0, 1) add up to the square root of their number; their magnitudes to the number, and
    // the largest of two arrays are some 5 each.
    const double scale =
        std::sqrt(errors.terms) * (rewrite.error_scale == schedule::ErrorScale::kLargest ? 25 : 1);
    share += (rewrite.error_factor + rewrite.error_per_term * errors.terms) * errors.epsilon * scale;
  }
  const double epsilon = 4 * epsilon_of(type);
  return {epsilon + share, (epsilon + share) * typical};
}

}  // namespace tw::autotune
