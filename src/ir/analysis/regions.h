// The boxes of buffers that statements and expressions read and write.
//
// A box (Region) is a range of subscripts in each dimension. It covers what is accessed: exactly where
// subscripts are plain, with the whole dimension where they depend on the contents of buffers. A program
// never leaves its buffers, so where it cannot be proved that a box lies inside its buffer (a guarded read of
// a padded border), the box is clipped to the buffer when variables are eliminated.
//
// Several accesses of one buffer stay several boxes, in the order they are met, unless joining two loses
// nothing: one covers the other, or they differ in one dimension only and touch there (A[i-1], A[i], A[i+1]
// is one box; A[i, k] and A[j, k] are two). `box_of` joins what is left when one box a buffer is wanted.
#pragma once

#include "ir/context.h"
#include "ir/program.h"

namespace tw {

struct AccessRegions {
  std::vector<Region> reads, writes;
};

/// What one instance of the block reads and writes, over its axes: from `init` and `body`; the block's own
/// `reads` and `writes` are not looked at. What a block with a reducer reads of the elements that it writes
/// is no read of the region list. Loops inside the body are eliminated, buffers allocated there left out.
AccessRegions infer_block_regions(const Block& block, const Context& context = {});

/// The block with `reads` and `writes` as inferred.
Stmt with_inferred_regions(const Block& block, const Context& context = {});

/// What one run of the statement reads and writes, over the variables free in it. Includes what reducers read
/// again. Buffers allocated below are left out. An extent may be below 1 when a loop runs no turn.
AccessRegions touched_regions(const Stmt& s, const Context& context = {});

/// What evaluating the expression reads.
std::vector<Region> touched_regions(const Expr& e, const Context& context = {});

/// The region over all values that the variables take in the context (the ranges that `bind` gave them).
Region eliminate(const Region& region, const std::vector<Var>& vars, const Context& context);

/// Joins boxes of one buffer when nothing is lost; keeps the order of the first of each.
std::vector<Region> merge_regions(std::vector<Region> regions, const Context& context = {});

/// One box that covers every region of the buffer in the list; nothing when there is none.
std::optional<Region> box_of(const Buffer& buffer, const std::vector<Region>& regions,
                             const Context& context = {});

/// The whole buffer.
Region whole(const Buffer& buffer);

/// Whether the first covers the second, for all values of variables. False: not proved.
bool covers(const Region& outer, const Region& inner, const Context& context = {});

/// Whether two boxes of one buffer have no element in common. False: not proved.
bool disjoint(const Region& a, const Region& b, const Context& context = {});

}  // namespace tw
