// Programs in which producers stand in a loop of their readers, as pipeline and rolling_buffer want them, and
// calls that fit them now and then.
#pragma once

#include "schedule/corpus/calls.h"

namespace tw::schedule {

/// A schedule of a case of constant sizes after a few steps: producers, or copies of inputs, were moved below
/// loops of their readers.
struct Nest {
  CorpusCase sample;
  Schedule schedule;
  std::vector<BlockRef> moved;
  std::vector<LoopRef> loops;  // where the moved blocks went
};

/// A case of the corpus, or a stencil chain or matrix product made up; stencils mostly for rolling_buffer.
Nest random_nest(const Primitive& primitive, Random& random);

/// A call of pipeline or rolling_buffer: mostly with a moved block's loop and buffer, sometimes with another
/// loop or buffer. May first note stages on blocks.
Call random_nest_call(Nest& nest, const Primitive& primitive, Random& random);

}  // namespace tw::schedule
