// storage_align(T, 0, 32, 1):
//
//   alloc T: float32[64, 32]     =>     alloc T: float32[64, 32] strides [33, 1]
//
// Puts gaps behind the elements of the dimensions inside, so that the stride of the dimension is the least
// number that gives `offset` when divided by `factor`: rows that begin in different banks of shared memory,
// or at a multiple of a vector. Dimensions outside follow. Nothing else changes.
#include "ir/analysis/index_algebra.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/blocks.h"
#include "schedule/copies.h"

namespace tw::schedule {
namespace {

/// The stride that a dimension has without gaps of its own behind what is inside.
Expr dense_stride(const BufferNode& buffer, const std::vector<Expr>& strides, std::size_t dim) {
  return dim + 1 == strides.size() ? Expr(1) : strides[dim + 1] * buffer.shape[dim + 1];
}

std::size_t dimension(const Step& step, const BufferNode& buffer) {
  const int64_t rank = buffer.rank(), given = step.integer(1);
  const int64_t dim = given < 0 ? given + rank : given;
  if (dim < 0 || dim >= rank)
    step.refuse(nullptr, "buffer {} has {} dimensions, and number {} was asked for", buffer.name.text, rank,
                given);
  return static_cast<std::size_t>(dim);
}

Outcome storage_align(const Step& step) {
  const Buffer buffer = step.buffer(0);
  const std::size_t dim = dimension(step, *buffer);
  const int64_t factor = step.integer(2), offset = step.integer(3);
  if (is_parameter(step.program(), buffer))
    step.refuse(
        nullptr,
        "the caller decides the strides of buffer {}; align a copy that cache_read or cache_write makes",
        buffer->name.text);
  if (buffer->lane_map) step.refuse(nullptr, "buffer {} is a fragment; it has no strides", buffer->name.text);
  if (factor < 1 || offset < 0 || offset >= factor)
    step.refuse(
        nullptr,
        "a stride that gives {} when divided by {} does not exist; take a factor of at least 1 and an offset "
        "from 0 to factor - 1",
        offset, factor);

  std::vector<Expr> before = strides_of(*buffer);
  for (Expr& stride : before) stride = simplify(stride);
  std::vector<Expr> strides = before;
  const Context context;
  IndexAlgebra algebra(context);
  for (std::size_t d = dim; d-- > 0;)
    if (!algebra.equal(before[d], dense_stride(*buffer, before, d)))
      step.refuse(
          nullptr,
          "dimension {} of buffer {} is aligned already, to stride {}, which would change; align inner "
          "dimensions before outer ones",
          d, buffer->name.text, to_text(before[d]));
  const Expr dense = dense_stride(*buffer, strides, dim);
  strides[dim] = simplify(dense + floormod(Expr(offset) - dense, Expr(factor)));
  for (std::size_t d = dim; d-- > 0;) strides[d] = simplify(dense_stride(*buffer, strides, d));
  auto* node = new BufferNode(*buffer);
  const Buffer fresh(node);
  node->strides = std::move(strides);
  return {step.with_body(with_buffer(step.program()->body, buffer, fresh)), {}, {{buffer, fresh}}};
}

const Registration registration{{
    .name = "storage_align",
    .summary =
        "Puts gaps into a buffer so that the stride of a dimension is what a factor and an offset say.",
    .doc = "    alloc T: float32[64, 32]     =>     alloc T: float32[64, 32] strides [33, 1]       "
           "(dimension 0, 32, 1)\n\n"
           "The stride is the least, counted in elements, that does not overlap and gives `offset` when "
           "divided by `factor`. "
           "Strides of dimensions outside follow; those inside stay. The buffer is one that the program "
           "allocates.",
    .args = {{"buffer", ArgKind::kBuffer, "A buffer that the program allocates."},
             {"dim", ArgKind::kInt, "The dimension; negative numbers count from the last."},
             {"factor", ArgKind::kInt, "At least 1."},
             {"offset", ArgKind::kInt, "0 <= offset < factor.", 0, false}},
    .example = R"py(>>> _ = s.cache_read(s.block("C"), "B", "shared")
>>> s.storage_align("B_shared", 0, 32, 1))py",
    .apply = storage_align,
}};

}  // namespace
}  // namespace tw::schedule
