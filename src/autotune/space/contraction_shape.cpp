#include "autotune/space/contraction_shape.h"

#include <algorithm>

namespace tw::autotune {
namespace {

/// The only read of an operand; null when it is several.
const ReadFacts* only_read(const BlockFacts& facts, int operand) {
  const ReadFacts* found = nullptr;
  for (const ReadFacts& read : facts.reads) {
    if (read.operand != operand) continue;
    if (found) return nullptr;
    found = &read;
  }
  return found;
}

/// The last of the axes that has more than one point; else the last.
int last_of(const BlockFacts& facts, std::vector<int> axes) {
  if (axes.empty()) return -1;
  const int last = axes.back();
  while (!axes.empty() && facts.axes[static_cast<std::size_t>(axes.back())].extent == 1) axes.pop_back();
  return axes.empty() ? last : axes.back();
}

}  // namespace

ContractionShape::ContractionShape(const Workload& workload, const BlockFacts& f)
    : machine(workload.machine), facts(f), summed(f.of(AxisRole::kSummed)) {
  std::vector<int> of_rows = facts.of(AxisRole::kRow);
  column = last_of(facts, facts.of(AxisRole::kColumn));
  row = last_of(facts, of_rows);
  std::erase(of_rows, row);
  line = last_of(facts, of_rows);
  if (line >= 0 && (axis(line).extent == 1 || line > row || axis(line).group || axis(row).group)) line = -1;
  const auto extent = [&](int position) {
    if (position < 0) return int64_t{1};
    return std::max<int64_t>(1, axis(position).group ? axis(position).group : axis(position).extent);
  };
  lines = extent(line);
  rows = extent(row);
  columns = extent(column);
  for (std::size_t i = 0; i < facts.axes.size(); ++i) {
    const int position = static_cast<int>(i);
    const AxisFacts& own = facts.axes[i];
    windows = windows || own.window;
    if (own.reduced) steps *= std::max<int64_t>(1, own.extent);
    if (own.reduced || position == line || position == row || position == column) {
      if (own.group) outers *= own.extent / own.group;
      continue;
    }
    outer.push_back(position);
    outers *= std::max<int64_t>(1, own.extent);
  }
  lanes = machine.lanes(facts.dtype.is_half() ? kFloat32 : facts.dtype);
  constant_extents = workload.sizes.empty();
  first = only_read(facts, 0);
  second = only_read(facts, 1);
}

bool ContractionShape::can_pack() const {
  return second && !second->conditional && !axis(column).group && dimension_of(*second, column) >= 0 &&
         second->axes.size() > 1;
}

int ContractionShape::blocked_axis() const {
  int found = -1;
  for (const int position : summed) {
    if (axis(position).extent == 1) continue;
    if (found >= 0) return -1;
    found = position;
  }
  return found == (summed.empty() ? -1 : summed.back()) && facts.init.empty() ? found : -1;
}

bool ContractionShape::conditional() const {
  return std::any_of(facts.reads.begin(), facts.reads.end(),
                     [](const ReadFacts& read) { return read.conditional; });
}

int64_t ContractionShape::row_pitch() const {
  if (!first || row < 0) return 0;
  return std::max<int64_t>(0, first->strides[static_cast<std::size_t>(row)]) * first->dtype.bytes();
}

std::vector<int64_t> ContractionShape::multiples(int64_t of_rows, int64_t of_columns) const {
  std::vector<int64_t> multiples;
  for (std::size_t i = 0; i < facts.axes.size() && !facts.axes[i].reduced; ++i) {
    const int position = static_cast<int>(i);
    const bool whole = !facts.axes[i].group;
    multiples.push_back(position == row && whole ? of_rows : position == column && whole ? of_columns : 1);
  }
  return multiples;
}

bool is_product_with_columns(const BlockFacts& facts) {
  const std::vector<int> summed = facts.of(AxisRole::kSummed), columns = facts.of(AxisRole::kColumn);
  if (columns.empty() || summed.empty()) return false;
  if (facts.kind != BlockKind::kContraction && facts.kind != BlockKind::kRowReduction) return false;
  // First programs have the axes of the result before those that are summed.
  return summed.front() + static_cast<int>(summed.size()) == static_cast<int>(facts.axes.size());
}

int dimension_of(const ReadFacts& read, int axis) {
  const auto found = std::find(read.dimensions.begin(), read.dimensions.end(), axis);
  return found == read.dimensions.end() ? -1 : static_cast<int>(found - read.dimensions.begin());
}

}  // namespace tw::autotune
