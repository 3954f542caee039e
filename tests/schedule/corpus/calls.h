// Random calls of primitives, made from what the registry says of their arguments: a new primitive is called
// without a line here that names it.
#pragma once

#include "common/random_expr.h"
#include "schedule/corpus/programs.h"
#include "schedule/schedule.h"

namespace tw::schedule {

using test::Random;

struct Call {
  std::string primitive;
  std::vector<Value> args;
};

/// A call of the primitive. Most arguments are plausible: loops around the block that is named, extents near
/// those of the program; some are not.
Call random_call(Schedule& schedule, const Primitive& primitive, Random& random);

/// The buffers of the program that one name alone means.
std::vector<Buffer> named_buffers(const Program& program);

/// Values of the parameters of the program: small ones, larger than the extents, in steps that do not divide.
IntValues random_tunables(const Program& program, Random& random);

}  // namespace tw::schedule
