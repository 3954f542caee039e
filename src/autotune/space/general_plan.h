// Tiles for a nest: which loop runs in the lanes of vectors, and how many turns of each other loop are
// written out so that loaded vectors serve several points and sums do not wait for each other.
#pragma once

#include <vector>

#include "autotune/space/general_nest.h"

namespace tw::autotune {

struct TilePlan {
  int vector = -1;  // the loop whose turns are lanes; -1: none
  int64_t lanes = 1, vectors = 1;
  std::vector<int64_t> factors;  // by loop; the vector's: lanes * vectors
  bool across = false;           // the vector loop is summed: lanes hold partial sums, combined at the end
  int64_t width() const { return lanes * vectors; }
};

/// About the cycles that a point of the nest takes in such tiles, where threads share the tiles (if
/// `shared`).
double cost_of(const NestView& view, const TilePlan& plan, const Machine& machine, bool shared);

/// The plan that the choices ask for, in holes that begin with `prefix`; preferred is that of the least cost
/// that is found by making tiles greater step by step.
TilePlan choose_tiles(const NestView& view, const Machine& machine, bool shared, const std::string& prefix,
                      Choices& choose);

/// How many turns of the reduction are written out: preferably all of a short one.
int64_t choose_unroll(const NestView& view, const TilePlan& plan, const std::string& prefix, Choices& choose);

/// Vectors along the best loop without further tiles.
TilePlan plain_plan(const TilePlan& plan);

}  // namespace tw::autotune
