#include "autotune/space/general_pack.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "autotune/space/facts_reads.h"

namespace tw::autotune {
namespace {

constexpr double kUses = 64;  // of an element of the copy, at least

bool steps(const NestLoop& loop, int64_t lanes) {
  return loop.turns >= lanes && loop.role != NestLoop::Role::kOrdered;
}

/// Elements that long loops of the nest go on by when they read the buffer; nothing where one of them runs
/// along it, or where data tell. 0: none moves it.
std::optional<int64_t> step_of(const NestView& view, const BufferNode* buffer, int64_t lanes) {
  int64_t least = 0;
  for (const NestAccess& access : view.accesses) {
    if (access.buffer != buffer) continue;
    if (access.store || access.between) return std::nullopt;
    for (std::size_t l = 0; l < view.loops.size(); ++l) {
      if (!access.strides[l]) return std::nullopt;
      const int64_t stride = *access.strides[l];
      if (stride == 0 || !steps(view.loops[l], lanes)) continue;
      if (stride < 0 || stride == 1) return std::nullopt;
      least = least == 0 ? stride : std::min(least, stride);
    }
  }
  return least;
}

/// The dimension of which a turn is so many elements; -1: none.
int dimension_of_step(const Workload& workload, const BufferNode& buffer, int64_t step) {
  int64_t elements = 1;
  for (auto d = static_cast<int>(buffer.shape.size()) - 1; d >= 0; --d) {
    if (elements == step) return d;
    elements *= workload.number(buffer.shape[static_cast<std::size_t>(d)]);
  }
  return -1;
}

/// The layout in which a dimension is the last.
std::string with_last(std::size_t rank, int dimension) {
  std::vector<std::string> from, to;
  for (std::size_t d = 0; d < rank; ++d) from.push_back(fmt::format("d{}", d));
  for (std::size_t d = 0; d < rank; ++d)
    if (static_cast<int>(d) != dimension) to.push_back(from[d]);
  to.push_back(from[static_cast<std::size_t>(dimension)]);
  return fmt::format("({}) -> ({})", fmt::join(from, ", "), fmt::join(to, ", "));
}

}  // namespace

std::vector<BlockRef> pack_reads(Script& s, const Workload& workload, BlockRef ref, const std::string& prefix,
                                 Choices& choose) {
  const auto block = placed(s, ref);
  const NestView view = view_of(workload, s, *block, 0);
  const int64_t lanes = workload.machine.lanes(view.dtype);
  std::map<std::string, int> dimensions;  // that shall be the last, by buffer
  std::vector<Buffer> buffers;
  for (const Region& read : block->block().reads) {
    const std::optional<int64_t> step = step_of(view, read.buffer.get(), lanes);
    if (!step || *step < 2) continue;
    const auto elements = static_cast<double>(elements_of(workload, read.buffer));
    const int dimension = dimension_of_step(workload, *read.buffer, *step);
    if (dimension < 0 || view.instances() < kUses * elements) continue;
    if (dimensions.emplace(read.buffer->name, dimension).second) buffers.push_back(read.buffer);
  }
  std::vector<BlockRef> copies;
  for (const Buffer& buffer : buffers) {
    if (!choose.flag(prefix + "pack_" + buffer->name.text, true)) continue;
    attempt(s, [&] {
      const BlockRef copy = s.cache_read(ref, buffer->name, "global");
      s.transform_layout(s.name(copy), with_last(buffer->shape.size(), dimensions.at(buffer->name)));
      copies.push_back(copy);
    });
  }
  return copies;
}

void neighbours_in_lanes(Script& s, const Workload& workload, const NestView& view, int vector) {
  if (vector < 0) return;
  const Program kept = s.schedule().program();  // the view points into it
  for (const NestAccess& access : view.accesses) {
    const std::optional<int64_t> stride = access.strides[static_cast<std::size_t>(vector)];
    if (!access.store || !stride || *stride < 2) continue;
    const int dimension = dimension_of_step(workload, *access.buffer, *stride);
    if (dimension < 0) continue;
    s.transform_layout(access.buffer->name, with_last(access.buffer->shape.size(), dimension));
  }
}

}  // namespace tw::autotune
