// Boosted regression trees: each grown on what the ones before leave unexplained.
//
// Friedman, Greedy function approximation: a gradient boosting machine (2001), for squared errors; splits are
// looked for among at most 32 quantiles of each column, drawn anew for no tree, so that equal data give equal
// trees. The whole is small on purpose: a search has hundreds of examples, not millions.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace tw::autotune {

class BoostedTrees {
 public:
  struct Options {
    int trees = 120;
    int depth = 5;
    int least_leaf = 3;    // examples
    double rate = 0.12;    // of learning
    double ridge = 1;      // added to the number of examples of a leaf
    double columns = 0.5;  // share of them that a tree looks at
    uint64_t seed = 0;
  };

  /// Rows of `columns` numbers each; `targets` one a row.
  static BoostedTrees fit(const std::vector<float>& rows, std::size_t columns,
                          const std::vector<float>& targets, const Options& options);
  double predict(const std::vector<float>& row) const;
  bool empty() const { return trees_.empty(); }
  nlohmann::json to_json() const;
  static BoostedTrees from_json(const nlohmann::json& json);

 private:
  /// value where column is -1; else left for rows whose number is at most `threshold`.
  struct Node {
    int column = -1;
    float threshold = 0, value = 0;
    int left = -1, right = -1;
  };
  using Tree = std::vector<Node>;
  friend class TreeGrower;
  std::vector<Tree> trees_;
};

}  // namespace tw::autotune
