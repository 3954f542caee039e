#include "autotune/space/rows_groups.h"

#include <algorithm>

#include "ir/visit.h"
#include "schedule/place.h"

namespace tw::autotune {
namespace {

bool has(const std::vector<int>& list, int item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

int axis_of(const Block& block, const Expr& index) {
  for (std::size_t a = 0; a < block.axes.size(); ++a)
    if (block.axes[a].var.same_as(index)) return static_cast<int>(a);
  return -1;
}

/// Gives `axes`, by axis of the writer, what the reader has in its place.
void tie(const Block& reader, const Block& writer, std::vector<int>& axes) {
  for_each_node(writer.body, [&](const Node* node) {
    const auto* store = as<Store>(node);
    if (!store) return;
    for_each_node(reader.body, [&](const Node* other) {
      const auto* load = as<Load>(other);
      if (!load || !load->buffer.same_as(store->buffer)) return;
      for (std::size_t d = 0; d < store->indices.size(); ++d) {
        const int from = axis_of(writer, store->indices[d]);
        if (from < 0) continue;
        const int to = axis_of(reader, load->indices[d]);
        int& known = axes[static_cast<std::size_t>(from)];
        known = known == -2 || known == to ? to : -1;
      }
    });
  });
}

bool is_product(const BlockFacts& block) {
  return block.kind == BlockKind::kContraction;
}

bool is_reduction(const BlockFacts& block) {
  return block.kind == BlockKind::kRowReduction || is_product(block);
}

/// Whether an axis counts rows: those of a product that are no columns, those of a sum that are not summed.
bool counts_rows(const BlockFacts& block, int axis) {
  const AxisFacts& facts = block.axes[static_cast<std::size_t>(axis)];
  if (is_product(block)) return facts.role == AxisRole::kBatch || facts.role == AxisRole::kRow;
  return !facts.reduced;
}

std::vector<int> row_axes(const BlockFacts& block) {
  std::vector<int> rows;
  for (std::size_t a = 0; a < block.axes.size(); ++a)
    if (counts_rows(block, static_cast<int>(a))) rows.push_back(static_cast<int>(a));
  return rows;
}

/// A group while it grows.
struct Growth {
  const Draft& d;
  const Ties& ties;
  RowGroup group;
  std::map<int, std::vector<int>> rows;  // of each block in the group, axes that stand for the leader's rows

  /// The axes of a producer that are rows of the group; -1 where it has none.
  std::vector<int> rows_of(int producer) const {
    std::vector<int> found(group.rows.size(), -2);
    for (const int consumer : d.block(producer).consumers)
      for (std::size_t r = 0; r < found.size(); ++r) {
        const int axis = ties.in_writer(producer, consumer, rows.at(consumer)[r]);
        found[r] = found[r] == -2 || found[r] == axis ? axis : -1;
      }
    return found;
  }
};

/// The rows that a leader has: the kept axes of itself, or of the reductions nearest before it.
std::vector<int> rows_of_leader(const Draft& d, const Ties& ties, int leader, const std::vector<int>& free) {
  if (is_reduction(d.block(leader))) return row_axes(d.block(leader));
  // For each block on the way, the leader's axis that each of its axes is.
  std::map<int, std::vector<int>> known;
  std::vector<int>& own = known[leader];
  for (std::size_t a = 0; a < d.block(leader).axes.size(); ++a) own.push_back(static_cast<int>(a));
  for (int p = leader - 1; p >= 0; --p) {
    if (!has(free, p)) continue;
    for (const int consumer : d.block(p).consumers) {
      const auto found = known.find(consumer);
      if (found == known.end()) continue;
      std::vector<int> axes;
      for (std::size_t a = 0; a < d.block(p).axes.size(); ++a) {
        const int tied = ties.in_reader(consumer, p, static_cast<int>(a));
        axes.push_back(tied < 0 ? -1 : found->second[static_cast<std::size_t>(tied)]);
      }
      known[p] = axes;
    }
    if (!known.count(p) || !is_reduction(d.block(p))) continue;
    std::vector<int> rows;
    bool whole = true;
    for (const int kept : row_axes(d.block(p))) {
      rows.push_back(known[p][static_cast<std::size_t>(kept)]);
      whole &= rows.back() >= 0;
    }
    std::sort(rows.begin(), rows.end());
    if (whole && !rows.empty()) return rows;
  }
  return {};
}

RowGroup grown(const Draft& d, const Ties& ties, int leader, std::vector<int>& free, bool alone) {
  Growth growth{d, ties, {leader, {}, {}}, {}};
  std::erase(free, leader);
  if (!alone || is_reduction(d.block(leader))) growth.group.rows = rows_of_leader(d, ties, leader, free);
  growth.rows[leader] = growth.group.rows;
  for (int p = leader - 1; p >= 0; --p) {
    const BlockFacts& block = d.block(p);
    const bool inside = !block.consumers.empty() && has(free, p) &&
                        std::all_of(block.consumers.begin(), block.consumers.end(),
                                    [&](int consumer) { return growth.rows.count(consumer) > 0; });
    if (!inside) continue;
    const std::vector<int> rows = growth.rows_of(p);
    const bool in_rows = !rows.empty() && std::all_of(rows.begin(), rows.end(), [&](int axis) {
      return axis >= 0 && counts_rows(block, axis);
    });
    const bool for_product = std::any_of(block.consumers.begin(), block.consumers.end(),
                                         [&](int consumer) { return is_product(d.block(consumer)); });
    const bool reduction = is_reduction(block);
    const bool can_inline = !reduction && !for_product && !d.is_output(block);
    if (reduction ? alone || !in_rows : !in_rows && !can_inline) continue;
    growth.rows[p] = rows;
    growth.group.members.push_back(p);
    std::erase(free, p);
  }
  std::reverse(growth.group.members.begin(), growth.group.members.end());
  return growth.group;
}

}  // namespace

Ties::Ties(const Draft& d) {
  std::map<std::string, const Block*> blocks;
  const std::vector<schedule::BlockPlace> places = schedule::all_blocks(d.workload.program);
  for (const schedule::BlockPlace& place : places) blocks[place.block().name.text] = &place.block();
  for (int writer = 0; writer < static_cast<int>(d.facts.blocks.size()); ++writer)
    for (const int reader : d.block(writer).consumers) {
      const Block &from = *blocks.at(d.block(writer).name), &to = *blocks.at(d.block(reader).name);
      std::vector<int> axes(from.axes.size(), -2);
      tie(to, from, axes);
      for (int& axis : axes) axis = std::max(axis, -1);
      axes_[{reader, writer}] = axes;
    }
}

int Ties::in_reader(int reader, int writer, int axis) const {
  const auto found = axes_.find({reader, writer});
  return found == axes_.end() || axis < 0 ? -1 : found->second[static_cast<std::size_t>(axis)];
}

int Ties::in_writer(int writer, int reader, int axis) const {
  const auto found = axes_.find({reader, writer});
  if (found == axes_.end() || axis < 0) return -1;
  const auto at = std::find(found->second.begin(), found->second.end(), axis);
  return at == found->second.end() ? -1 : static_cast<int>(at - found->second.begin());
}

std::vector<RowGroup> row_groups(const Draft& d, const Ties& ties, const std::vector<int>& blocks,
                                 bool alone) {
  std::vector<int> free = blocks;
  std::vector<RowGroup> groups;
  for (auto leader = blocks.rbegin(); leader != blocks.rend(); ++leader)
    if (has(free, *leader)) groups.push_back(grown(d, ties, *leader, free, alone));
  std::reverse(groups.begin(), groups.end());
  return groups;
}

}  // namespace tw::autotune
