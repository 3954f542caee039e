// What a scheduled program does, counted from its loops: operations, bytes that each level of the memory must
// deliver, vectors, parallel turns, registers. The analytic model and the features of the learned one are
// made of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autotune/model/work.h"
#include "autotune/space/sketch.h"

namespace tw::autotune {

struct Nest {
  struct Loop {
    enum class Kind : uint8_t { kSerial, kParallel, kVector, kUnrolled } kind = Kind::kSerial;
    double turns = 1;
    bool reduction = false;  // it runs through a sum, for some statement inside
    bool streaming = false;  // its stores pass the caches by
    int depth = 0;           // 0: nothing is around it
    int parent = -1;         // the loop around it
  };

  struct Buffer {
    std::string name;
    int bytes = 4;        // of an element
    double elements = 1;  // as it is allocated: what one turn of the loops around it needs
    int home = 0;         // how many loops are around its allocation; 0 for arguments
    bool argument = false;
    bool constant = false;  // a weight, or computed from weights alone beforehand
    bool written = false;
    bool registers = false;  // each of its elements has a place that is known when code is generated
    bool prefetched = false;
  };

  /// What a statement reads or writes at one place of its text. Counts are by depth: at [d] they are of all
  /// turns of the loops at depths d, d + 1, … while those outside stand still, so [0] is the whole run and
  /// the last, one beyond the loops, one instance. A buffer that is allocated inside of loops is the same
  /// memory in each of their turns.
  struct Access {
    int buffer = 0;
    bool store = false;
    bool scattered = false;  // its subscripts depend on data
    bool updates = false;    // a read of what the statement writes: a running sum
    int64_t stride = 0;      // in elements, from lane to lane, or from turn to turn without vectors
    double box = 1;          // elements of one instance: 1 but for tensor intrinsics
    std::vector<double> elements, lines, pages;
    std::vector<double> crowded;  // lines; those that meet in few sets of the first cache count for all sets
    std::vector<bool> varies;     // whether the loop at a depth moves it
  };

  /// A store with the loops around it.
  struct Statement {
    std::vector<int> loops;  // outermost first
    std::vector<Access> accesses;
    Work work;  // of one instance
    double instances = 1;
    double share = 1;       // of the turns of the loops that run it: ragged ends leave some out
    std::string intrinsic;  // empty: none
    int vector = -1;        // depth of the vectorised loop; -1: none
    int inner = 0;          // loops from this depth on are written out, vectors, or of one turn
    bool conditional = false;
  };

  std::vector<Loop> loops;
  std::vector<Buffer> buffers;
  std::vector<Statement> statements;
  double operations = 0;
  double compulsory_bytes = 0;  // arguments of a run, each once
  DType dtype = kFloat32;       // that most operations are of
};

/// Of a program in stage kSchedule; `parameters` and `sizes` give values to what is symbolic, defaults serve
/// for the others. What depends on constants alone is not part of a run and left out.
Nest nest_of(const Program& program, const Values& parameters, const Values& sizes, const Machine& machine);

/// Seconds that a run takes, from a roofline for each level of the memory, throughput of arithmetic by vector
/// use, register pressure, imbalance of threads. It ranks; it is no promise.
double analytic_seconds(const Nest& nest, const Machine& machine);

/// Numbers of fixed length for the learned model, relative to the machine: logarithms of ratios to its
/// caches, vectors, registers and threads. `kFeatureVersion` changes with their meaning.
inline constexpr int kFeatureVersion = 1;
std::vector<float> features_of(const Nest& nest, const Machine& machine);
/// The analytic model's seconds, which are among the features; 0 for features of another version.
double analytic_seconds_of(const std::vector<float>& features);
/// What each is, for reports.
const std::vector<std::string>& feature_names();

}  // namespace tw::autotune
