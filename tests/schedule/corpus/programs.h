// The corpus of operators as first loop programs, and runs of them on fixed data.
//
// The texts are in tests/common/corpus, written by tests/python/test_corpus_texts.py.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/runner.h"

namespace tw::schedule {

using IntValues = std::map<std::string, int64_t>;

/// A program with values of its sizes, and what its inputs hold where small random numbers would not do.
struct CorpusCase {
  std::string name;
  Program program;
  IntValues sizes;
  std::map<std::string, std::vector<double>> inputs;
};

/// All cases, sorted by name.
const std::vector<CorpusCase>& corpus();
/// The case of that name.
const CorpusCase& corpus_case(const std::string& name);

/// The elements of every output, as doubles.
struct Results {
  struct Output {
    std::string name;
    DType dtype;
    std::vector<double> values;
  };
  std::vector<Output> outputs;
};

using test::Runner;

/// Runs a program that takes the arguments of the case. Inputs without given values hold small integers, so
/// that sums are exact in any order. Without a runner: interprets it.
Results run_case(const CorpusCase& sample, const Program& program, const IntValues& tunables = {},
                 const Runner& runner = {});

/// Where and how much the results differ by more than rounding in another order explains; empty: nowhere.
std::string difference(const Results& found, const Results& expected);

}  // namespace tw::schedule
