// Sketches: schedules with holes. A sketch knows a kind of expression by its structure and schedules it, and
// wherever a number or a way is a matter of taste it asks its Choices:
//
//   void tiled(Script& s, const Workload& w, Choices& choose) {
//     const int64_t rows = choose.pick("rows", {4, 6, 8, 12, 14}, 14);
//     const Tunable mc = choose.parameter("mc", multiples(rows, 512), 8 * rows);
//     …
//
// So one function is both the space and the way to each of its points. The values offered may depend on those
// picked before. All of them are legal by construction; what cannot be known before is found out by trying,
// and a refused step makes the point one that does not exist. A *parameter* is filled when the kernel runs:
// points that differ in parameters alone share their machine code.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "autotune/space/machine.h"
#include "autotune/space/script.h"
#include "schedule/schedule.h"

namespace tw::autotune {

/// The values of the holes of a sketch, by name.
using Values = std::map<std::string, int64_t>;

/// What is to be scheduled.
struct Workload {
  Program program;       // the first program of the expression
  Machine machine;       // that it is for
  bool bounded = false;  // whether rewrites that stay within a stated error may be used
  Values sizes;          // symbolic sizes at which decisions are taken, by name: the heaviest of the list

  /// An extent as a number: its value where sizes are as listed.
  int64_t number(const Expr& extent) const;
};

/// A point that does not exist: a way that does not fit the values picked before.
struct Rejected : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Choices {
 public:
  /// Takes a hole's value from `given` where it has one (the nearest of those offered), else draws it where
  /// `random` is given, else takes the preferred one.
  explicit Choices(Values given = {}, std::mt19937_64* random = nullptr)
      : given_(std::move(given)), random_(random) {}

  /// One of the values, which is what the code is generated for. No values: Rejected. A preferred value that
  /// is not offered counts as the nearest offered one.
  int64_t pick(const std::string& name, std::vector<int64_t> values, int64_t preferred);
  bool flag(const std::string& name, bool preferred) { return pick(name, {0, 1}, preferred) != 0; }
  /// One of the ways, by its number; `ways` are words for people.
  std::size_t way(const std::string& name, const std::vector<std::string>& ways, std::size_t preferred = 0);
  /// A parameter of the kernel that takes any of the values; all are multiples of the least of them. For
  /// factors of split.
  Tunable parameter(const std::string& name, std::vector<int64_t> values, int64_t preferred);

  [[noreturn]] void reject(const std::string& why) const { throw Rejected(why); }

  /// A hole as it was filled.
  struct Hole {
    std::string name;
    std::vector<int64_t> values;  // sorted
    int64_t value = 0, preferred = 0;
    bool parameter = false;
    std::vector<std::string> ways;  // names of the values, where they are ways
  };
  const std::vector<Hole>& holes() const { return holes_; }

 private:
  int64_t fill(const std::string& name, std::vector<int64_t> values, int64_t preferred, bool parameter);
  Values given_;
  std::mt19937_64* random_;
  std::vector<Hole> holes_;
};

/// 1, 2, 4, … times `unit`, and 3/2 of these, up to `most`; `unit` itself at least.
std::vector<int64_t> lattice(int64_t unit, int64_t most);
/// The divisors of n, ascending.
std::vector<int64_t> divisors(int64_t n);

struct Sketch {
  std::string name;     // "contraction"
  std::string summary;  // one line
  /// A sketch that serves any expression is tried only where no other applies, or beside few.
  bool general = false;
  std::function<bool(const Workload&)> applies;
  std::function<void(Script&, const Workload&, Choices&)> apply;
};

/// Registers at start-up: `const SketchRegistration registration{{.name = …}};`.
struct SketchRegistration {
  explicit SketchRegistration(Sketch sketch);
};
/// Adds a sketch while the program runs (an operator's author); one of the same name is replaced.
void add_sketch(Sketch sketch);
void remove_sketch(const std::string& name);
/// Those that apply to the workload, by name; general ones last. Never empty.
std::vector<const Sketch*> sketches_for(const Workload& workload);
const Sketch* find_sketch(const std::string& name);

/// A point of the space: a schedule of the workload, and how it came about.
struct Candidate {
  std::string sketch;
  std::vector<Choices::Hole> holes;
  schedule::Trace trace;
  Program program;         // scheduled; parameters have the values of this point as their defaults
  Values parameters;       // of the kernel, by name
  uint64_t structure = 0;  // equal for candidates that differ in parameters alone
  Values values() const;   // of the holes
};

/// Schedules the workload as the sketch does with these choices. Nothing where a step is refused or the
/// sketch rejects; `why`, where given, then gets the reason.
std::optional<Candidate> make_candidate(const Workload& workload, const Sketch& sketch, Choices choices,
                                        std::string* why = nullptr);

}  // namespace tw::autotune
