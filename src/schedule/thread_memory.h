// Whether loops over threads leave each thread the local memory that it uses.
//
// Local memory belongs to one thread. Nests that share a local buffer allocated around them are bound one
// after the other; where both are bound to an index, an element that one writes must be touched by the other
// in the same thread:
//
//   allocate T: local float32[64]
//   for i in bind(threadIdx.x, 64):                for i in bind(threadIdx.x, 64):
//     T[i] = …                                       T[i] = …
//   for j in bind(threadIdx.x, 64):                for j in bind(threadIdx.x, 64):
//     … = T[j]              own memory               … = T[63 - j]        of another thread
#pragma once

#include "schedule/primitive.h"

namespace tw::schedule {

/// Refuses to bind the loop to a thread index when an element of a local buffer that is allocated around it
/// may then be written by one thread and touched by another. Nests that are not bound to an index yet, and
/// have a serial loop left that may be, are let pass: the one that is bound last is judged.
void require_own_memory(const Step& step, const LoopPlace& place, GpuIndex index);

}  // namespace tw::schedule
