// Bytes that cross into each level of the memory while a nest runs.
#pragma once

#include <array>
#include <vector>

#include "autotune/model/nest.h"

namespace tw::autotune {

/// What a level is filled by: lines, lines of which those a page apart push each other out (few ways), pages.
enum class Granule : uint8_t { kLine, kCrowdedLine, kPage };

/// A level of the memory as one thread sees it.
struct MemoryLevel {
  double bytes = 0;
  bool shared = false;  // by all threads
  Granule granule = Granule::kLine;
};

/// The caches of a machine, nearest first, and last the pages whose addresses are at hand.
inline constexpr std::size_t kLevels = 4, kTranslation = 3;
std::array<MemoryLevel, kLevels> memory_levels(const Machine& machine);

/// How a loop's memory is used: bytes that one turn of each loop (by its number) needs, counted by each
/// granule; the whole run as the last entry. Of one thread; the run of all threads too.
struct Footprints {
  std::array<std::vector<double>, 3> bytes;
  double all_threads = 0;
  const std::vector<double>& of(Granule granule) const { return bytes[static_cast<std::size_t>(granule)]; }
};
Footprints footprints_of(const Nest& nest, const Machine& machine);

/// Of 1 how much stays in a cache of so many bytes between two uses that have this many in between.
double fits(double bytes, double cache);

/// What crosses into one level in a run, summed over all threads: for each statement and access.
struct Crossing {
  double lines = 0;   // or pages, as the level counts
  double lonely = 0;  // of the lines, those that lie alone on their page, as a share
};
std::vector<std::vector<Crossing>> crossings_of(const Nest& nest, const MemoryLevel& level,
                                                const Footprints& footprints, const Machine& machine);

/// The depth of the outermost parallel loop of a statement; -1: none.
int parallel_depth(const Nest& nest, const Nest::Statement& statement);

}  // namespace tw::autotune
