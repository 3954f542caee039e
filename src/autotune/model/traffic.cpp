#include "autotune/model/traffic.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tw::autotune {
namespace {

constexpr double kLineBytes = 64, kPageBytes = 4096;
constexpr double kPagesAtHand = 72;

using Kind = Nest::Loop::Kind;

const Nest::Loop& loop_at(const Nest& nest, const Nest::Statement& statement, std::size_t depth) {
  return nest.loops[static_cast<std::size_t>(statement.loops[depth])];
}

/// What a parallel loop's turns are spread over.
double threads_of(const Nest::Loop& loop, const Machine& machine) {
  return std::max(1.0, std::min<double>(machine.threads, loop.turns));
}

/// By depth.
const std::vector<double>& counts_of(const Nest::Access& access, Granule granule) {
  return granule == Granule::kPage          ? access.pages
         : granule == Granule::kCrowdedLine ? access.crowded
                                            : access.lines;
}

}  // namespace

std::array<MemoryLevel, kLevels> memory_levels(const Machine& machine) {
  return {MemoryLevel{static_cast<double>(machine.first), false, Granule::kCrowdedLine},
          MemoryLevel{static_cast<double>(machine.second), false, Granule::kLine},
          MemoryLevel{static_cast<double>(machine.last), true, Granule::kLine},
          MemoryLevel{kPagesAtHand * kPageBytes, false, Granule::kPage}};
}

double fits(double bytes, double cache) {
  const double ratio = bytes / (0.9 * std::max(1.0, cache));
  if (ratio > 30) return 0;
  const double cube = ratio * ratio * ratio;
  return 1 / (1 + cube * cube);
}

int parallel_depth(const Nest& nest, const Nest::Statement& statement) {
  for (std::size_t d = 0; d < statement.loops.size(); ++d)
    if (loop_at(nest, statement, d).kind == Kind::kParallel) return static_cast<int>(d);
  return -1;
}

Footprints footprints_of(const Nest& nest, const Machine& machine) {
  const std::size_t loops = nest.loops.size(), buffers = nest.buffers.size();
  Footprints found;
  for (const Granule granule : {Granule::kLine, Granule::kCrowdedLine, Granule::kPage}) {
    const double bytes = granule == Granule::kPage ? kPageBytes : kLineBytes;
    // Accesses of one buffer mostly meet the same elements: the largest counts.
    std::vector<double> most((loops + 2) * buffers);
    for (const Nest::Statement& statement : nest.statements) {
      const int parallel = parallel_depth(nest, statement);
      for (const Nest::Access& access : statement.accesses) {
        const auto buffer = static_cast<std::size_t>(access.buffer);
        if (nest.buffers[buffer].registers) continue;
        const std::vector<double>& counts = counts_of(access, granule);
        const auto note = [&](std::size_t row, double count) {
          most[row * buffers + buffer] = std::max(most[row * buffers + buffer], count * bytes);
        };
        for (std::size_t d = 0; d < statement.loops.size(); ++d)
          note(static_cast<std::size_t>(statement.loops[d]), counts[d + 1]);
        double apart = 1;
        if (parallel >= 0 && access.varies[static_cast<std::size_t>(parallel)])
          apart = threads_of(loop_at(nest, statement, static_cast<std::size_t>(parallel)), machine);
        note(loops, counts[0] / apart);
        note(loops + 1, counts[0]);
      }
    }
    std::vector<double>& sums = found.bytes[static_cast<std::size_t>(granule)];
    sums.resize(loops + 1);
    const auto row = [&](std::size_t i) { return most.begin() + static_cast<std::ptrdiff_t>(i * buffers); };
    for (std::size_t i = 0; i <= loops; ++i) sums[i] = std::accumulate(row(i), row(i + 1), 0.0);
    if (granule == Granule::kLine) found.all_threads = std::accumulate(row(loops + 1), row(loops + 2), 0.0);
  }
  return found;
}

namespace {

/// The crossings into one level. One pass looks at each access alone; the other at each buffer, as what one
/// statement brings is there for the next while the loop around both needs little: its sum is shared out.
class Crossings {
 public:
  Crossings(const Nest& nest, const MemoryLevel& level, const Footprints& footprints, const Machine& machine)
      : nest_(nest), level_(level), footprints_(footprints), machine_(machine) {}

  std::vector<std::vector<Crossing>> all() const {
    std::vector<std::vector<Crossing>> found(nest_.statements.size());
    std::vector<double> alone(nest_.buffers.size());
    for (std::size_t i = 0; i < found.size(); ++i)
      for (const Nest::Access& access : nest_.statements[i].accesses) {
        found[i].push_back(crossing_of(nest_.statements[i], access));
        alone[static_cast<std::size_t>(access.buffer)] += found[i].back().lines;
      }
    const std::vector<double> together = by_buffer();
    for (std::size_t i = 0; i < found.size(); ++i)
      for (std::size_t j = 0; j < found[i].size(); ++j) {
        const auto buffer = static_cast<std::size_t>(nest_.statements[i].accesses[j].buffer);
        if (alone[buffer] > 0) found[i][j].lines *= std::min(1.0, together[buffer] / alone[buffer]);
      }
    return found;
  }

 private:
  /// How much of what one turn of a loop needs is kept until the next.
  double kept(std::size_t number, double threads) const {
    const double need = footprints_.of(level_.granule)[number];
    return fits(level_.shared ? need * threads : need, level_.bytes);
  }

  /// Of all turns of a loop, where one turn brings `one`: `lines` if it moves with the loop.
  double over_turns(const Nest::Loop& loop, double one, bool varies, double lines, double kept,
                    bool is_outermost_parallel) const {
    const double again = std::max(1.0, loop.turns) * one;
    // What does not move with the loop stays for its next turn, in each thread's own cache.
    const double copies = is_outermost_parallel && !level_.shared ? threads_of(loop, machine_) : 1;
    const double once = varies ? std::max(lines, one) : one * copies;
    return std::min(again, kept * once + (1 - kept) * again);
  }

  /// Runs follow each other: what fits is there already.
  double between_runs() const {
    const double whole = level_.shared ? footprints_.all_threads : footprints_.of(level_.granule).back();
    return 1 - fits(whole, level_.bytes);
  }

  Crossing crossing_of(const Nest::Statement& statement, const Nest::Access& access) const {
    Crossing found;
    if (nest_.buffers[static_cast<std::size_t>(access.buffer)].registers) return found;
    const int parallel = parallel_depth(nest_, statement);
    double threads = 1;
    if (parallel >= 0)
      threads = threads_of(loop_at(nest_, statement, static_cast<std::size_t>(parallel)), machine_);
    const std::vector<double>& counts = level_.granule == Granule::kPage ? access.pages : access.lines;
    found.lines = counts[static_cast<std::size_t>(statement.inner)];
    for (auto d = static_cast<std::size_t>(statement.inner); d-- > 0;) {
      const auto depth = static_cast<int>(d);
      found.lines =
          over_turns(loop_at(nest_, statement, d), found.lines, access.varies[d], counts[d],
                     kept(static_cast<std::size_t>(statement.loops[d]), depth >= parallel ? threads : 1),
                     depth == parallel);
    }
    found.lines *= statement.share * between_runs();
    found.lonely = access.pages[0] / std::max(1.0, access.lines[0]);
    return found;
  }

  std::vector<double> by_buffer() const {
    const std::size_t loops = nest_.loops.size(), buffers = nest_.buffers.size();
    struct Cell {
      double sum = 0, most = 0, lines = 0;
      bool varies = false;
    };
    std::vector<Cell> cells((loops + 1) * buffers);
    const auto cell = [&](std::size_t row, std::size_t buffer) -> Cell& {
      return cells[row * buffers + buffer];
    };
    const auto add = [](Cell& to, double lines) {
      to.sum += lines;
      to.most = std::max(to.most, lines);
    };
    for (const Nest::Statement& statement : nest_.statements)
      for (const Nest::Access& access : statement.accesses) {
        const auto buffer = static_cast<std::size_t>(access.buffer);
        if (nest_.buffers[buffer].registers) continue;
        const std::vector<double>& counts = level_.granule == Granule::kPage ? access.pages : access.lines;
        for (std::size_t d = 0; d < statement.loops.size(); ++d) {
          Cell& here = cell(static_cast<std::size_t>(statement.loops[d]), buffer);
          here.lines = std::max(here.lines, counts[d]);
          here.varies = here.varies || access.varies[d];
        }
        const std::size_t row =
            statement.inner > 0
                ? static_cast<std::size_t>(statement.loops[static_cast<std::size_t>(statement.inner) - 1])
                : loops;
        add(cell(row, buffer), counts[static_cast<std::size_t>(statement.inner)] * statement.share);
      }
    std::vector<double> threads(loops, 1);
    std::vector<bool> inside(loops, false);  // of a parallel loop
    for (std::size_t i = 0; i < loops; ++i) {
      const Nest::Loop& loop = nest_.loops[i];
      if (loop.parent >= 0) {
        const auto parent = static_cast<std::size_t>(loop.parent);
        inside[i] = inside[parent] || nest_.loops[parent].kind == Kind::kParallel;
        threads[i] = threads[parent];
      }
      if (loop.kind == Kind::kParallel && !inside[i]) threads[i] = threads_of(loop, machine_);
    }
    for (std::size_t i = loops; i-- > 0;) {  // loops stand behind those around them
      const Nest::Loop& loop = nest_.loops[i];
      const double stays = kept(i, threads[i]);
      for (std::size_t buffer = 0; buffer < buffers; ++buffer) {
        const Cell& here = cell(i, buffer);
        if (here.sum == 0) continue;
        const double one = stays * here.most + (1 - stays) * here.sum;
        const double all =
            over_turns(loop, one, here.varies, here.lines, stays, loop.kind == Kind::kParallel && !inside[i]);
        add(cell(loop.parent >= 0 ? static_cast<std::size_t>(loop.parent) : loops, buffer), all);
      }
    }
    std::vector<double> found(buffers);
    for (std::size_t buffer = 0; buffer < buffers; ++buffer)
      found[buffer] = cell(loops, buffer).sum * between_runs();
    return found;
  }

  const Nest& nest_;
  const MemoryLevel& level_;
  const Footprints& footprints_;
  const Machine& machine_;
};

}  // namespace

std::vector<std::vector<Crossing>> crossings_of(const Nest& nest, const MemoryLevel& level,
                                                const Footprints& footprints, const Machine& machine) {
  return Crossings(nest, level, footprints, machine).all();
}

}  // namespace tw::autotune
