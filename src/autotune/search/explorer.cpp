#include "autotune/search/explorer.h"

#include <algorithm>

#include "autotune/model/nest.h"

namespace tw::autotune {
namespace {

using Hole = Choices::Hole;

std::size_t position_of(const Hole& hole) {
  const auto at = std::lower_bound(hole.values.begin(), hole.values.end(), hole.value);
  return static_cast<std::size_t>(at - hole.values.begin());
}

/// The values one step up and down; all others where they are ways.
std::vector<int64_t> neighbours_of(const Hole& hole) {
  std::vector<int64_t> values;
  const auto at = static_cast<int64_t>(position_of(hole));
  const auto size = static_cast<int64_t>(hole.values.size());
  for (int64_t i = 0; i < size; ++i)
    if (i != at && (!hole.ways.empty() || std::abs(i - at) == 1))
      values.push_back(hole.values[static_cast<std::size_t>(i)]);
  return values;
}

template <class T>
std::size_t any_of(const std::vector<T>& items, std::mt19937_64& random) {
  return std::uniform_int_distribution<std::size_t>(0, items.size() - 1)(random);
}

int64_t draw(const Hole& hole, std::mt19937_64& random) {
  const std::vector<int64_t> near = neighbours_of(hole);
  if (!near.empty() && std::bernoulli_distribution(0.6)(random)) return near[any_of(near, random)];
  return hole.values[any_of(hole.values, random)];
}

bool has_choice(const Hole& hole) {
  return hole.values.size() > 1;
}

}  // namespace

Candidate with_parameters(const Candidate& candidate, const Values& parameters) {
  Candidate changed = candidate;
  for (Hole& hole : changed.holes)
    if (const auto found = parameters.find(hole.name); hole.parameter && found != parameters.end())
      hole.value = found->second;
  for (auto& [name, value] : changed.parameters)
    if (const auto found = parameters.find(name); found != parameters.end()) value = found->second;
  return changed;
}

Explorer::Explorer(const Workload& workload, uint64_t seed)
    : workload_(workload), random_(seed), sketches_(sketches_for(workload)) {}

Prospect Explorer::prospect(Candidate candidate, const char* origin) const {
  const Nest nest = nest_of(candidate.program, candidate.parameters, workload_.sizes, workload_.machine);
  Prospect made{std::move(candidate), {}, origin};
  made.example.features = features_of(nest, workload_.machine);
  made.example.analytic = analytic_seconds(nest, workload_.machine);
  return made;
}

bool Explorer::mark(const Candidate& candidate) {
  return made_.emplace(candidate.structure, candidate.parameters).second;
}

void Explorer::add(std::vector<Prospect>& to, const Sketch& sketch, Choices choices, const char* origin) {
  std::optional<Candidate> made = make_candidate(workload_, sketch, std::move(choices));
  if (!made) {
    ++refused_;
  } else if (tried_.emplace(sketch.name, made->values()).second && mark(*made)) {
    to.push_back(prospect(std::move(*made), origin));
  }
}

std::vector<Prospect> Explorer::preferred() {
  std::vector<Prospect> found;
  for (const Sketch* sketch : sketches_) add(found, *sketch, Choices(), "preferred");
  return found;
}

std::vector<Prospect> Explorer::recorded(const std::string& name, const Values& choices) {
  std::vector<Prospect> found;
  for (const Sketch* sketch : sketches_)
    if (sketch->name == name) add(found, *sketch, Choices(choices), "recorded");
  return found;
}

std::vector<Prospect> Explorer::random(int count) {
  std::vector<Prospect> found;
  // A general sketch beside special ones gets fewer draws.
  std::vector<double> weights;
  for (const Sketch* sketch : sketches_)
    weights.push_back(sketch->general && sketches_.size() > 1 ? 0.25 : 1);
  std::discrete_distribution<std::size_t> pick(weights.begin(), weights.end());
  for (int tries = 0; tries < 3 * count && static_cast<int>(found.size()) < count; ++tries)
    add(found, *sketches_[pick(random_)], Choices({}, &random_), "random");
  return found;
}

std::vector<Prospect> Explorer::mutations(const std::vector<const Candidate*>& parents, int count) {
  std::vector<Prospect> found;
  if (parents.empty()) return found;
  for (int tries = 0; tries < 3 * count && static_cast<int>(found.size()) < count; ++tries) {
    // The better parents, which come first, are taken more often.
    const std::size_t first = any_of(parents, random_), second = any_of(parents, random_);
    const Candidate& parent = *parents[std::min(first, second)];
    const Sketch* sketch = find_sketch(parent.sketch);
    if (!sketch) continue;
    Values choices = parent.values();
    const Candidate& other = *parents[any_of(parents, random_)];
    if (&other != &parent && other.sketch == parent.sketch && std::bernoulli_distribution(0.25)(random_)) {
      for (const auto& [name, value] : other.values())
        if (std::bernoulli_distribution(0.5)(random_)) choices[name] = value;
    }
    const int changes = std::uniform_int_distribution<int>(1, 3)(random_);
    for (int i = 0; i < changes && !parent.holes.empty(); ++i) {
      const Hole& hole = parent.holes[any_of(parent.holes, random_)];
      choices[hole.name] = draw(hole, random_);
    }
    if (tried_.count({parent.sketch, choices})) continue;
    add(found, *sketch, Choices(std::move(choices), &random_), "mutation");
  }
  return found;
}

std::vector<Prospect> Explorer::steps(const Candidate& from, int most, bool* finished) {
  std::vector<Prospect> found;
  *finished = true;
  const Sketch* sketch = find_sketch(from.sketch);
  if (!sketch) return found;
  std::vector<Values> ways;
  for (const Hole& hole : from.holes)
    for (const int64_t value : neighbours_of(hole)) {
      Values choices = from.values();
      choices[hole.name] = value;
      if (!tried_.count({from.sketch, choices})) ways.push_back(std::move(choices));
    }
  std::shuffle(ways.begin(), ways.end(), random_);
  for (Values& choices : ways) {
    if (static_cast<int>(found.size()) >= most) {
      *finished = false;
      break;
    }
    tried_.emplace(from.sketch, choices);
    std::optional<Candidate> made = make_candidate(workload_, *sketch, Choices(choices));
    if (!made) {
      ++refused_;
      continue;
    }
    tried_.emplace(from.sketch, made->values());
    if (mark(*made)) found.push_back(prospect(std::move(*made), "step"));
  }
  return found;
}

std::vector<Prospect> Explorer::parameter_points(const Candidate& from, int count) {
  std::vector<Prospect> found;
  std::vector<const Hole*> holes;
  for (const Hole& hole : from.holes)
    if (hole.parameter && has_choice(hole)) holes.push_back(&hole);
  if (holes.empty()) return found;
  for (int tries = 0; tries < 3 * count && static_cast<int>(found.size()) < count; ++tries) {
    Values changed;
    const int changes = std::uniform_int_distribution<int>(1, 2)(random_);
    for (int i = 0; i < changes; ++i) {
      const Hole& hole = *holes[any_of(holes, random_)];
      changed[hole.name] = draw(hole, random_);
    }
    Candidate candidate = with_parameters(from, changed);
    if (mark(candidate)) found.push_back(prospect(std::move(candidate), "parameters"));
  }
  return found;
}

}  // namespace tw::autotune
