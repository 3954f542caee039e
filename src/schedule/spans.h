// Which part of a block's domain belongs to a box of a buffer: how blocks that move find their new loops.
//
// Spans are not clipped to domains: the halo of a stencil keeps its constant extent at the borders, and a
// condition on the block leaves out what lies beyond.
#pragma once

#include <optional>
#include <vector>

#include "ir/analysis/accesses.h"
#include "ir/context.h"
#include "ir/program.h"

namespace tw::schedule {

/// min <= x < min + extent, over variables around the place in question. Null: unknown, everything.
struct Span {
  Expr min, extent;
  /// One point, whatever the sizes of loops are: no loop was eliminated.
  bool unit = false;
  explicit operator bool() const { return static_cast<bool>(min); }
};

/// Box of the elements that accesses touch in one turn of the loop number `depth` - 1 around all of them:
/// loops from `depth` on are eliminated. A dimension where ends are not known, or cannot be compared, is a
/// null span.
std::vector<Span> touched_box(const std::vector<const Access*>& accesses, std::size_t depth,
                              const Context& outside = {});

enum class Membership {
  kSome,  // points of the axis for which some value of the other axes reaches the span
  kAll,   // points for which all values of the other axes stay in it
};

/// Values of a block's axis for which a range of subscripts, over the axes, meets the span; null when they
/// cannot be told.
Span solve_axis(const Range& subscripts, const Block& block, std::size_t axis, const Span& span,
                Membership membership, const Context& context);

/// The same from all regions of the buffer: the smallest span that a dimension gives.
Span solve_axis(const std::vector<Region>& regions, const Buffer& buffer, const Block& block,
                std::size_t axis, const std::vector<Span>& box, Membership membership,
                const Context& context);

/// What holds both; null when the ends cannot be compared.
Span hull(const Span& a, const Span& b, const Context& context);

}  // namespace tw::schedule
