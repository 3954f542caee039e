// Makes candidates: preferred ones, random ones, changes of good ones, and points that differ in parameters
// alone. None twice.
#pragma once

#include <random>
#include <set>
#include <vector>

#include "autotune/model/model.h"
#include "autotune/space/sketch.h"

namespace tw::autotune {

/// A candidate with what the models need of it.
struct Prospect {
  Candidate candidate;
  Example example;
  const char* origin = "";  // "preferred", "recorded", "random", "mutation", "step", "parameters"
};

class Explorer {
 public:
  Explorer(const Workload& workload, uint64_t seed);

  /// Each sketch as it prefers.
  std::vector<Prospect> preferred();
  /// A point that a record tells of, of this workload or a neighbour: its choices as far as they are offered.
  std::vector<Prospect> recorded(const std::string& sketch, const Values& choices);
  std::vector<Prospect> random(int count);
  /// Some holes of one parent filled anew, or some of them taken from another parent of its sketch.
  std::vector<Prospect> mutations(const std::vector<const Candidate*>& parents, int count);
  /// One hole moved by one value, up and down; each way of those with ways. `finished` says whether nothing
  /// was left out: all steps from here have been made.
  std::vector<Prospect> steps(const Candidate& from, int most, bool* finished);
  /// Points of the same structure: parameters moved by one or two values, some at random.
  std::vector<Prospect> parameter_points(const Candidate& from, int count);

  /// Marks a point as made; false if it was before. Points of `steps` and the others are marked by
  /// themselves.
  bool mark(const Candidate& candidate);
  /// Draws that were rejected or refused so far.
  int64_t refused() const { return refused_; }
  /// How many sketches apply.
  std::size_t sketches() const { return sketches_.size(); }
  std::mt19937_64& generator() { return random_; }
  Prospect prospect(Candidate candidate, const char* origin) const;

 private:
  void add(std::vector<Prospect>& to, const Sketch& sketch, Choices choices, const char* origin);
  const Workload& workload_;
  std::mt19937_64 random_;
  std::vector<const Sketch*> sketches_;
  std::set<std::pair<uint64_t, Values>> made_;
  std::set<std::pair<std::string, Values>> tried_;  // choices that gave a point, or none
  int64_t refused_ = 0;
};

/// The same structure with other values of parameters, by name.
Candidate with_parameters(const Candidate& candidate, const Values& parameters);

}  // namespace tw::autotune
