#include "ir/interpret/machine.h"

namespace tw::interpreter {

int64_t Machine::offset_of(Thread& thread, const Storage& storage, const std::vector<int64_t>& subscripts,
                           bool write) {
  int64_t offset = storage.origin;
  for (std::size_t d = 0; d < subscripts.size(); ++d) {
    const Dimension& dim = storage.dims[d];
    if (subscripts[d] < 0 || subscripts[d] >= dim.extent) fail_subscript(thread, storage, subscripts, write);
    offset += subscripts[d] * dim.stride;
  }
  return offset;
}

int64_t Machine::offset_of(Thread& thread, const Storage& storage, const Reg* subscripts, std::size_t rank,
                           bool write) {
  int64_t offset = storage.origin;
  for (std::size_t d = 0; d < rank; ++d) {
    const Slot at = thread.registers[subscripts[d]];
    const Dimension& dim = storage.dims[d];
    if (at >= static_cast<Slot>(dim.extent)) {
      std::vector<int64_t> all(rank);
      for (std::size_t i = 0; i < rank; ++i) all[i] = static_cast<int64_t>(thread.registers[subscripts[i]]);
      fail_subscript(thread, storage, all, write);
    }
    offset += static_cast<int64_t>(at) * dim.stride;
  }
  return offset;
}

Storage* Machine::allocate(Thread& thread, uint32_t site) {
  const Allocation& allocation = code_.allocations[site];
  const std::string& name = allocation.buffer->name.text;
  std::vector<int64_t> extents;
  for (const Reg reg : allocation.extents) {
    extents.push_back(static_cast<int64_t>(thread.registers[reg]));
    if (extents.back() < 0)
      fail(thread, ErrorKind::kValue,
           fmt::format("negative extent: dimension {} of buffer '{}' has extent {}; it must be at least 0",
                       extents.size() - 1, name, extents.back()));
  }
  std::vector<Dimension> dims = dense_dimensions(extents);
  for (std::size_t d = 0; d < allocation.strides.size(); ++d)
    dims[d].stride = static_cast<int64_t>(thread.registers[allocation.strides[d]]);
  Storage* storage = memory_.allocate(
      {allocation.buffer, site, dims, allocation.tracked, allocation.owned, allocation.init_tables});
  if (!storage)
    fail(thread, ErrorKind::kValue,
         fmt::format(
             "memory limit: buffer '{}' of {} x {} does not fit beside the {} bytes in use; the limit is {} "
             "bytes (InterpretOptions::max_memory)",
             name, element_name("", extents), to_string(allocation.buffer->dtype), memory_.in_use(),
             memory_.limit()));
  return storage;
}

namespace {

std::tuple<uint32_t, int64_t, int64_t> key_of(const Thread& thread, uint32_t site, bool of_warp,
                                              int64_t entry) {
  return {site, of_warp ? thread.linear / 32 : -1, entry};
}

}  // namespace

// The n-th time that a thread comes to an allocation it takes the n-th instance there; the first to come
// makes it.
void Machine::share(Thread& thread, const Instr& instr) {
  const int64_t entry = thread.entries[instr.b]++;
  Group::Shared& shared = group_.shared[key_of(thread, instr.b, instr.n, entry)];
  if (!shared.storage) shared.storage = allocate(thread, instr.b);
  thread.registers[instr.a] = reinterpret_cast<Slot>(shared.storage);
}

void Machine::unshare(Thread& thread, const Instr& instr) {
  const auto found = group_.shared.find(key_of(thread, instr.b, instr.n, thread.entries[instr.b] - 1));
  std::size_t holders = 0;
  for (const auto& other : group_.threads) holders += !instr.n || other->linear / 32 == thread.linear / 32;
  if (++found->second.left < holders) return;
  memory_.release(found->second.storage);
  group_.shared.erase(found);
}

bool Machine::lane_map_checked(const Storage& storage, uint32_t site) {
  auto& checked = checked_maps_[site];
  const bool same = checked.size() == storage.dims.size() &&
                    std::equal(checked.begin(), checked.end(), storage.dims.begin(),
                               [](const Dimension& a, const Dimension& b) { return a.extent == b.extent; });
  if (same && !checked.empty()) return true;
  checked = storage.dims;
  places_.clear();
  return false;
}

void Machine::place_in_lane(Thread& thread, const Storage& storage, int64_t lane, int64_t slot) {
  const std::string& name = storage.buffer->name.text;
  if (lane < 0 || lane >= 32 || slot < 0)
    fail(thread, ErrorKind::kValue,
         fmt::format("the lane map of fragment '{}' puts an element into slot {} of lane {}; lanes are 0 to "
                     "31 and slots "
                     "at least 0",
                     name, slot, lane));
  if (!places_.emplace(lane, slot).second)
    fail(thread, ErrorKind::kValue,
         fmt::format(
             "the lane map of fragment '{}' puts two elements into slot {} of lane {}; it must be injective",
             name, slot, lane));
}

}  // namespace tw::interpreter
