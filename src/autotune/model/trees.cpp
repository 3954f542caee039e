#include "autotune/model/trees.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

namespace tw::autotune {
namespace {

constexpr std::size_t kBins = 32;

/// Bounds between which a column's numbers fall, ascending: bin i holds what is at most bounds[i].
std::vector<float> bounds_of(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  std::vector<float> bounds;
  for (std::size_t bin = 1; bin < kBins; ++bin) {
    const float bound = values[std::min(values.size() - 1, bin * values.size() / kBins)];
    if (bound < values.back() && (bounds.empty() || bound > bounds.back())) bounds.push_back(bound);
  }
  return bounds;
}

}  // namespace

class TreeGrower {
 public:
  TreeGrower(const std::vector<float>& rows, std::size_t columns, std::vector<float> targets,
             const BoostedTrees::Options& options)
      : columns_(columns),
        count_(targets.size()),
        residuals_(std::move(targets)),
        options_(options),
        random_(options.seed) {
    bins_.resize(columns_ * count_);
    for (std::size_t c = 0; c < columns_; ++c) {
      std::vector<float> values(count_);
      for (std::size_t i = 0; i < count_; ++i) values[i] = rows[i * columns_ + c];
      bounds_.push_back(bounds_of(values));
      const std::vector<float>& bounds = bounds_.back();
      for (std::size_t i = 0; i < count_; ++i)
        bins_[c * count_ + i] =
            static_cast<uint8_t>(std::lower_bound(bounds.begin(), bounds.end(), values[i]) - bounds.begin());
    }
  }

  BoostedTrees::Tree grow() {
    // So many columns are looked at, drawn by a shuffle that is the same everywhere.
    std::vector<std::size_t> drawn(columns_);
    std::iota(drawn.begin(), drawn.end(), 0);
    for (std::size_t i = drawn.size(); i > 1; --i) std::swap(drawn[i - 1], drawn[random_() % i]);
    drawn.resize(std::max<std::size_t>(
        1, static_cast<std::size_t>(std::ceil(options_.columns * static_cast<double>(columns_)))));
    looked_at_ = std::move(drawn);
    tree_.clear();
    std::vector<std::size_t> all(count_);
    std::iota(all.begin(), all.end(), 0);
    grow_node(all, 0);
    return tree_;
  }

 private:
  struct Best {
    double gain = 1e-9;
    std::size_t column = 0, bin = 0;
  };

  int grow_node(const std::vector<std::size_t>& members, int depth) {
    const int number = static_cast<int>(tree_.size());
    tree_.emplace_back();
    double sum = 0;
    for (const std::size_t i : members) sum += residuals_[i];
    const auto size = static_cast<double>(members.size());
    const Best best = depth < options_.depth ? best_split(members, sum, size) : Best{};
    if (best.gain <= 1e-9) {
      const auto value = static_cast<float>(options_.rate * sum / (size + options_.ridge));
      tree_[static_cast<std::size_t>(number)].value = value;
      for (const std::size_t i : members) residuals_[i] -= value;
      return number;
    }
    std::vector<std::size_t> left, right;
    for (const std::size_t i : members)
      (bins_[best.column * count_ + i] <= best.bin ? left : right).push_back(i);
    const int left_node = grow_node(left, depth + 1), right_node = grow_node(right, depth + 1);
    BoostedTrees::Node& node = tree_[static_cast<std::size_t>(number)];
    node.column = static_cast<int>(best.column);
    node.threshold = bounds_[best.column][best.bin];
    node.left = left_node;
    node.right = right_node;
    return number;
  }

  Best best_split(const std::vector<std::size_t>& members, double sum, double size) const {
    Best best;
    const double before = sum * sum / (size + options_.ridge);
    for (const std::size_t column : looked_at_) {
      double sums[kBins] = {}, sizes[kBins] = {};
      for (const std::size_t i : members) {
        const uint8_t bin = bins_[column * count_ + i];
        sums[bin] += residuals_[i];
        sizes[bin] += 1;
      }
      double left = 0, left_size = 0;
      for (std::size_t bin = 0; bin < bounds_[column].size(); ++bin) {
        left += sums[bin];
        left_size += sizes[bin];
        if (left_size < options_.least_leaf || size - left_size < options_.least_leaf) continue;
        const double right = sum - left;
        const double gain = left * left / (left_size + options_.ridge) +
                            right * right / (size - left_size + options_.ridge) - before;
        if (gain > best.gain) best = {gain, column, bin};
      }
    }
    return best;
  }

  std::size_t columns_, count_;
  std::vector<float> residuals_;
  BoostedTrees::Options options_;
  std::mt19937_64 random_;
  std::vector<std::vector<float>> bounds_;
  std::vector<uint8_t> bins_;
  std::vector<std::size_t> looked_at_;
  BoostedTrees::Tree tree_;
};

BoostedTrees BoostedTrees::fit(const std::vector<float>& rows, std::size_t columns,
                               const std::vector<float>& targets, const Options& options) {
  BoostedTrees model;
  if (targets.empty() || columns == 0) return model;
  TreeGrower grower(rows, columns, targets, options);
  for (int i = 0; i < options.trees; ++i) model.trees_.push_back(grower.grow());
  return model;
}

double BoostedTrees::predict(const std::vector<float>& row) const {
  double total = 0;
  for (const Tree& tree : trees_) {
    const Node* node = &tree.front();
    while (node->column >= 0) {
      const auto column = static_cast<std::size_t>(node->column);
      const float value = column < row.size() ? row[column] : 0;
      node = &tree[static_cast<std::size_t>(value <= node->threshold ? node->left : node->right)];
    }
    total += node->value;
  }
  return total;
}

nlohmann::json BoostedTrees::to_json() const {
  nlohmann::json json = nlohmann::json::array();
  for (const Tree& tree : trees_) {
    nlohmann::json nodes = nlohmann::json::array();
    for (const Node& node : tree) {
      if (node.column < 0) {
        nodes.push_back({node.value});
      } else {
        nodes.push_back({node.column, node.threshold, node.left, node.right});
      }
    }
    json.push_back(std::move(nodes));
  }
  return json;
}

BoostedTrees BoostedTrees::from_json(const nlohmann::json& json) {
  BoostedTrees model;
  for (const auto& nodes : json) {
    Tree tree;
    for (const auto& fields : nodes) {
      Node node;
      if (fields.size() == 1) {
        node.value = fields.at(0).get<float>();
      } else {
        node = {fields.at(0).get<int>(), fields.at(1).get<float>(), 0, fields.at(2).get<int>(),
                fields.at(3).get<int>()};
        const int own = static_cast<int>(tree.size()), size = static_cast<int>(nodes.size());
        // Children stand behind their parent, so that every walk ends.
        if (node.column < 0 || node.left <= own || node.left >= size || node.right <= own ||
            node.right >= size)
          throw nlohmann::json::other_error::create(501, "a tree's branch leads nowhere", nullptr);
      }
      tree.push_back(node);
    }
    if (!tree.empty()) model.trees_.push_back(std::move(tree));
  }
  return model;
}

}  // namespace tw::autotune
