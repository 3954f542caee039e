#include "autotune/space/chain_tile.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "autotune/space/chain_product.h"
#include "autotune/space/elementwise.h"
#include "autotune/space/rows_nest.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

class Tile {
 public:
  Tile(Draft& d, const Ties& ties, const RowGroup& group, std::string prefix)
      : d_(d), s_(d.script), ties_(ties), group_(group), prefix_(std::move(prefix)) {}

  void schedule() {
    choose_rows();
    for (const int m : group_.members)
      if (is_product(m)) pack(m);
    if (is_product(group_.leader)) pack(group_.leader);
    for (const int m : group_.members)
      if (is_product(m)) stored_by_[m] = s_.cache_write(d_.ref(m), "local");
    find_epilogues();
    find_chains();
    for (const auto& [leader, chain] : chains_) plans_[leader] = plan_row(d_, chain, chain_prefix(leader));
    open_leader();
    if (!is_product(group_.leader)) close_leader();
    place_members();
    for (auto& [leader, chain] : chains_)
      if (leader != group_.leader) compute_chain(leader, chain);
    for (const int m : group_.members)
      if (is_product(m)) sums_in_registers(d_, m, d_.ref(m), stored_by_.at(m), tile_, vectors_.at(m));
    if (is_product(group_.leader)) close_leader();
    outer_.push_back(tile_);
    double operations = d_.block(group_.leader).operations;
    for (const int m : group_.members) operations += d_.block(m).operations;
    if (worth_threads(d_, operations, 0)) s_.parallel(s_.fuse(outer_));
  }

 private:
  std::string hole(const char* name, int m) const { return fmt::format("{}{}{}", prefix_, name, m); }
  bool is_product(int m) const { return d_.block(m).kind == BlockKind::kContraction; }
  bool in_group(int m) const {
    return m == group_.leader || std::count(group_.members.begin(), group_.members.end(), m) > 0;
  }

  void choose_rows() {
    const int axis = group_.rows.back();
    const int64_t extent = d_.block(group_.leader).axes[static_cast<std::size_t>(axis)].extent;
    const bool many = d_.machine().vector_registers >= 32;
    std::vector<int64_t> rows;
    for (const int64_t r : {1, 2, 4, 6, 8, 12, 16})
      if (r == 1 || (r <= extent && r <= (many ? 16 : 6))) rows.push_back(r);
    rows_ = d_.choose.pick(prefix_ + "rows", rows, many ? 8 : 4);
    for (const int m : group_.members)
      if (is_product(m)) choose_vectors(m);
    if (is_product(group_.leader)) choose_vectors(group_.leader);
  }

  void choose_vectors(int m) {
    const std::vector<int64_t> vectors = vectors_for(d_, m, rows_);
    vectors_[m] = d_.choose.pick(hole("vectors", m), vectors, rows_ <= 4 ? 4 : 2);
  }

  void pack(int m) { pack_columns(d_, m, vectors_.at(m) * d_.lanes(d_.block(m)), prefix_); }

  /// Blocks of points that take the sums of one product, which nobody else reads, may do so in registers.
  void find_epilogues() {
    for (const int m : group_.members) {
      const BlockFacts& block = d_.block(m);
      if (block.kind != BlockKind::kElementwise) continue;
      int product = -1, products = 0;
      for (const int p : block.producers) {
        if (!in_group(p) || !is_product(p)) continue;
        product = p;
        ++products;
      }
      // What else it reads must be there before the product.
      const bool alone = std::all_of(block.producers.begin(), block.producers.end(),
                                     [&](int p) { return p == product || !in_group(p); });
      if (products != 1 || !alone || d_.block(product).consumers.size() != 1) continue;
      if (block.points != points_of_result(product)) continue;
      if (d_.choose.flag(hole("in_registers", m), true) && folded(m)) epilogues_.insert(m);
    }
  }

  /// Folds a block of points into the copy of the sums that it takes.
  bool folded(int m) {
    try {
      s_.reverse_compute_inline(d_.ref(m));
      return true;
    } catch (const UserError&) {
      return false;  // it reads the sums more than once, or in another order
    }
  }

  int64_t points_of_result(int m) const {
    int64_t points = 1;
    for (const AxisFacts& axis : d_.block(m).axes)
      if (!axis.reduced) points *= axis.extent;
    return points;
  }

  /// Whether a block of rows that a product reads comes before this one.
  bool feeds_product(int m) const {
    for (const int p : d_.block(m).producers) {
      if (!in_group(p) || is_product(p) || epilogues_.count(p)) continue;
      for (const int consumer : d_.block(p).consumers)
        if (is_product(consumer)) return true;
      if (feeds_product(p)) return true;
    }
    return false;
  }

  /// Finds which blocks between products are computed in whose rows.
  void find_chains() {
    chain_of_[group_.leader] = group_.leader;
    if (!is_product(group_.leader)) chains_[group_.leader].leader = group_.leader;
    for (auto it = group_.members.rbegin(); it != group_.members.rend(); ++it) {
      const int m = *it;
      if (is_product(m) || epilogues_.count(m)) continue;
      const std::vector<int>& consumers = d_.block(m).consumers;
      const auto in_leader = [&](int c) {
        return !is_product(c) && !epilogues_.count(c) && chain_of_.count(c) &&
               chain_of_.at(c) == group_.leader;
      };
      int chain = m;
      if (!is_product(group_.leader) && std::all_of(consumers.begin(), consumers.end(), in_leader)) {
        if (!feeds_product(m)) chain = group_.leader;
      } else {
        for (const int c : consumers)
          if (!is_product(c) && !epilogues_.count(c) && chain_of_.count(c) &&
              chain_of_.at(c) != group_.leader) {
            chain = chain_of_.at(c);
            break;
          }
      }
      chain_of_[m] = chain;
      chains_[chain].leader = chain;
      if (chain != m) chains_[chain].members.insert(chains_[chain].members.begin(), m);
    }
    for (auto& [leader, chain] : chains_) chain.rows = rows_of(leader);
  }

  /// The axes of a member that are the group's rows.
  std::vector<int> rows_of(int m) const {
    if (m == group_.leader) return group_.rows;
    for (const int consumer : d_.block(m).consumers) {
      if (!in_group(consumer)) continue;
      std::vector<int> rows;
      for (const int row : rows_of(consumer)) rows.push_back(ties_.in_writer(m, consumer, row));
      return rows;
    }
    return {};
  }

  void open_leader() {
    const BlockFacts& leader = d_.block(group_.leader);
    computes_ = stores_ = d_.ref(group_.leader);
    if (leader.kind != BlockKind::kElementwise) stores_ = s_.cache_write(computes_, "local");
    const BlockLoops loops = loops_of(s_, stores_);
    std::vector<LoopRef> along;
    std::size_t kept = 0;
    for (std::size_t a = 0; a < leader.axes.size(); ++a) {
      if (leader.axes[a].reduced) continue;
      const LoopRef loop = loops.all.at(kept++);
      const bool row = std::count(group_.rows.begin(), group_.rows.end(), static_cast<int>(a)) > 0;
      (row ? outer_ : along).push_back(loop);
    }
    const auto [tile, row] = s_.split<2>(outer_.back(), {None{}, rows_});
    outer_.back() = tile;
    std::vector<LoopRef> order = outer_;
    order.push_back(row);
    order.insert(order.end(), along.begin(), along.end());
    s_.reorder(order);
    outer_.pop_back();
    tile_ = tile;
    leader_row_ = row;
    along_ = along;
    if (leader.kind == BlockKind::kRowReduction) s_.compute_at(computes_, row);
    if (leader.kind == BlockKind::kContraction) s_.compute_at(computes_, tile);
  }

  /// Moves what has a nest of its own in the tile there, readers first; of those that may go next, what is no
  /// product, so that products stand behind it.
  void place_members() {
    std::set<int> placed{group_.leader}, left;
    for (const int m : group_.members) left.insert(m);
    while (!left.empty()) {
      int next = -1;
      for (const int m : left) {
        const std::vector<int>& consumers = d_.block(m).consumers;
        if (!std::all_of(consumers.begin(), consumers.end(), [&](int c) { return placed.count(c) > 0; }))
          continue;
        if (next < 0 || !is_product(m) || is_product(next)) next = m;
      }
      if (is_product(next)) s_.compute_at(stored_by_.at(next), tile_);
      if (needs_nest(next)) s_.compute_at(d_.ref(next), tile_);
      placed.insert(next);
      left.erase(next);
    }
  }

  /// Not what was inlined or folded, nor what the leader's rows have.
  bool needs_nest(int m) const {
    if (is_product(m)) return true;
    if (epilogues_.count(m)) return false;
    const int chain = chain_of_.at(m);
    if (chain == group_.leader) return false;
    const auto plan = plans_.at(chain).find(m);
    return plan == plans_.at(chain).end() || plan->second != MemberPlace::kInlined;
  }

  std::string chain_prefix(int leader) const {
    return leader == group_.leader ? prefix_ : hole("c", leader) + "_";
  }

  void compute_chain(int leader, const RowGroup& chain) {
    const BlockFacts& block = d_.block(leader);
    const BlockRef ref = d_.ref(leader);
    const BlockLoops loops = loops_of(s_, ref, tile_);
    std::vector<LoopRef> rows, order;
    for (const int axis : chain.rows)
      if (axis >= 0)
        for (const LoopRef loop : loops.of_axis[static_cast<std::size_t>(axis)]) rows.push_back(loop);
    order = rows;
    for (const LoopRef loop : loops.all)
      if (std::find(rows.begin(), rows.end(), loop) == rows.end()) order.push_back(loop);
    s_.reorder(order);
    compute_in_row(d_, chain, plans_.at(leader), ref, rows.empty() ? tile_ : rows.back(),
                   chain_prefix(leader));
    if (block.kind == BlockKind::kElementwise && order.size() > rows.size())
      run_along(s_, order.back(), d_.lanes(block), d_.choose.pick(hole("points", leader), {1, 2, 4}, 2));
  }

  void close_leader() {
    const BlockFacts& leader = d_.block(group_.leader);
    if (leader.kind == BlockKind::kContraction)
      return sums_in_registers(d_, group_.leader, computes_, stores_, tile_, vectors_.at(group_.leader));
    compute_in_row(d_, chains_.at(group_.leader), plans_.at(group_.leader), computes_, leader_row_, prefix_);
    if (!along_.empty())
      run_along(s_, along_.back(), d_.lanes(leader), d_.choose.pick(prefix_ + "points", {1, 2, 4}, 1));
  }

  Draft& d_;
  Script& s_;
  const Ties& ties_;
  const RowGroup& group_;
  std::string prefix_;
  int64_t rows_ = 8;
  std::map<int, int64_t> vectors_;     // of each product
  std::set<int> epilogues_;            // blocks of points that a product stores in the place of its sums
  std::map<int, BlockRef> stored_by_;  // each product: the block that stores its sums
  std::map<int, int> chain_of_;        // block: the leader of its chain
  std::map<int, RowGroup> chains_;     // by leader
  std::map<int, RowPlan> plans_;       // by leader of the chain
  BlockRef computes_, stores_;
  std::vector<LoopRef> outer_, along_;  // of the leader
  LoopRef tile_, leader_row_;
};

}  // namespace

void schedule_tile_group(Draft& d, const Ties& ties, const RowGroup& group, const std::string& prefix) {
  Tile(d, ties, group, prefix).schedule();
}

}  // namespace tw::autotune
