#include "autotune/search/workbench.h"

#include <algorithm>
#include <limits>
#include <set>

namespace tw::autotune {
namespace {

constexpr std::size_t kMostModules = 48;  // that workers hold

}  // namespace

int64_t Workbench::compile(const std::vector<const Candidate*>& candidates,
                           const std::function<void()>& begin) {
  std::vector<Program> programs;
  std::vector<uint64_t> structures;
  std::set<uint64_t> seen;
  for (const Candidate* candidate : candidates) {
    const auto known = compiled_.find(candidate->structure);
    if (known != compiled_.end() && (known->second.id >= 0 || known->second.status != Status::kOk)) continue;
    if (!seen.insert(candidate->structure).second) continue;
    programs.push_back(candidate->program);
    structures.push_back(candidate->structure);
  }
  if (programs.empty()) return 0;
  begin();
  const std::vector<Built> built = runner_.build(programs);
  for (std::size_t i = 0; i < built.size(); ++i)
    compiled_[structures[i]] = {built[i].status == Status::kOk ? built[i].id : -1, built[i].status,
                                built[i].cause, built[i].seconds};
  return static_cast<int64_t>(built.size());
}

std::optional<Point> Workbench::point_of(const Candidate& candidate) const {
  const auto found = compiled_.find(candidate.structure);
  if (found == compiled_.end() || found->second.id < 0) return std::nullopt;
  return Point{found->second.id, candidate.parameters};
}

void Workbench::free_memory(const std::map<uint64_t, double>& seconds) {
  std::vector<std::pair<double, uint64_t>> held;
  for (const auto& [structure, compiled] : compiled_) {
    if (compiled.id < 0) continue;
    const auto known = seconds.find(structure);
    held.emplace_back(known != seconds.end() ? known->second : std::numeric_limits<double>::infinity(),
                      structure);
  }
  if (held.size() <= kMostModules) return;
  std::sort(held.begin(), held.end());
  for (std::size_t i = kMostModules / 2; i < held.size(); ++i) {
    Compiled& compiled = compiled_[held[i].second];
    runner_.forget(compiled.id);
    compiled.id = -1;
  }
}

}  // namespace tw::autotune
