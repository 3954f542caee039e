// What the judge says of calls: legal or not, by the relations of the program alone.
//
// A call is judged when it is well-formed. What well-formed means is all here:
//   - arguments name what is there: blocks, loops around them, dimensions, scopes but "fragment", free GPU
//     indices; factors and extents cover the loop, with one None where loop_partition wants it;
//   - loops that are split, fused, reordered, tiled or partitioned, or that a block moves under, are serial,
//     and so are those around them; fused, reordered and tiled ones stand directly in each other, and no
//     number of turns depends on one that would stand inside of it;
//   - vectorised and unrolled loops have a constant number of turns; a lane holds no parallel loop;
//   - loops that are ordered stay serial (the IR defines them so);
//   - blocks that move, or are folded into others, have no ordered axis and no conditions around them, and no
//     buffer they use lives only around their old place;
//   - a block that moves writes nothing that others write too (compute_at: anywhere; reverse_compute_at:
//   below
//     the loop): an update and what sets its elements belong together; cache_write of such an update
//     likewise;
//   - a block that moves with reverse_compute_at finds all inputs of a point in one turn of the loop;
//   - a partial result is asked for (rfactor) of a reduction with an init, in loops that drive it alone and
//   in
//     which nothing else uses its result; cache_write likewise finds nobody else in the loops of the
//     reduction;
//   - programs in which scopes are chosen are serial: who sees which memory is the rule of scopes, not of
//     dependences;
//   - blockize takes no part of a reduction that has an init, and loops around it have constant extents;
//   - what is folded backwards reads one element of one computed buffer for each element of an output, and
//     nothing else touches either; each is computed once, by one plain store;
//   - what is prefetched lies in global memory and is another part in another turn of the loop; a loop that
//     shares the hints out stands inside of it;
//   - what is inlined stores once, at axes each once, without a reduction, to a buffer of the program that no
//     other block writes;
//   - what is padded has a serial loop of its own for each axis that is named, and stores once, at these axes
//   whole;
//   - where buffers roll or loops are pipelined, all loops are serial, blocks hold no loops, subscripts are
//     affine, and stages that notes name are there; a window that rolls shows two turns of its full size.
// What rolls is legal when one block writes the buffer, the same in every turn and all that the turn reads;
// all uses are in the loop; in one dimension the rows of a turn are a window that moves on by less than its
// size; and with the window in a circle, and each turn computing only rows that the one before did not, all
// reads have the sources they had. A pipeline is legal when some statement runs ahead, by the rule of
// pipeline's documentation, and with each statement as many turns later as its stage, and a version of each
// buffer of one turn for each turn under way, all reads have the sources they had.
#pragma once

#include <optional>

#include "schedule/corpus/calls.h"

namespace tw::schedule::judge {

/// Whether the call is legal where sizes and parameters have these values; nothing when it is not well-formed
/// or the judge does not know the primitive.
std::optional<bool> is_legal(Schedule& schedule, const Call& call, const IntValues& values);

/// The primitives that `is_legal` knows. Not among them: tensorize and rewrite, whose legality is a match.
std::vector<std::string> judged_primitives();

/// What is wrong with an accepted step: reads that have another source, or loops at once whose turns meet.
/// Empty: nothing, or the blocks are not the same ones.
std::string fault_of_step(const Program& before, const Program& after, const IntValues& values);

}  // namespace tw::schedule::judge
