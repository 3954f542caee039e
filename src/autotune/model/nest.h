// What a scheduled program does, counted from its loops: operations, bytes that each level of the memory must
// deliver, vectors, parallel turns, registers. The analytic model and the features of the learned one are
// made of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autotune/space/sketch.h"

namespace tw::autotune {

/// One statement of the program with the loops around it.
struct StatementNest {
  struct Loop {
    double turns = 1;
    enum class Kind : uint8_t { kSerial, kParallel, kVector, kUnrolled } kind = Kind::kSerial;
    bool reduction = false;
  };
  struct Access {
    std::string buffer;
    int bytes = 4;  // of an element
    bool store = false;
    bool local = false;  // a buffer that may live in registers
    bool constant = false;
    bool prepared = false;  // computed from constants alone: not part of a run
    int64_t stride =
        0;  // in elements, between neighbours of the innermost vector or serial loop; 0: the same
    std::vector<double> touched;  // distinct elements within one turn of loop i (0: the outermost), i.e. by
                                  // the loops inside of it; one more entry than loops: the last is 1
    std::vector<double> lines;    // distinct cache lines, same
  };
  std::vector<Loop> loops;  // outermost first
  std::vector<Access> accesses;
  double instances = 1;
  double operations = 0;  // of one instance; a multiply-add counts as 2
  double functions = 0;   // transcendental ones among them
  bool conditional = false;
};

struct Nest {
  std::vector<StatementNest> statements;
  double operations = 0;
  double compulsory_bytes = 0;     // arguments, each once
  DType dtype = kFloat32;  // that most operations are of
};

/// Of a program in stage kSchedule; `parameters` and `sizes` give values to what is symbolic.
Nest nest_of(const Program& program, const Values& parameters, const Values& sizes, const Machine& machine);

/// Seconds that a run takes, from a roofline for each level of the memory, throughput of arithmetic by vector
/// use, register pressure, imbalance of threads. It ranks; it is no promise.
double analytic_seconds(const Nest& nest, const Machine& machine);

/// Numbers of fixed length for the learned model, relative to the machine: logarithms of ratios to its
/// caches, vectors, registers and threads. `kFeatureVersion` changes with their meaning.
inline constexpr int kFeatureVersion = 1;
std::vector<float> features_of(const Nest& nest, const Machine& machine);
/// What each is, for reports.
const std::vector<std::string>& feature_names();

}  // namespace tw::autotune
