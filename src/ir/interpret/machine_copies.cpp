// Asynchronous copies: from the start on the destination is in flight, and the data arrives when the group is
// waited for.
//
// The source is read at the start; that it is the same when the copy ends is checked, as hardware may read it
// at any time between.
#include <algorithm>

#include "ir/interpret/machine.h"

namespace tw::interpreter {

std::vector<int64_t> Machine::copy_offsets(Thread& thread, const Storage& storage,
                                           const std::vector<Reg>& index, int64_t count, bool write) {
  std::vector<int64_t> subscripts;
  for (const Reg reg : index) subscripts.push_back(static_cast<int64_t>(thread.registers[reg]));
  std::vector<int64_t> offsets;
  for (int64_t i = 0; i < count; ++i) {
    offsets.push_back(offset_of(thread, storage, subscripts, write));
    if (!subscripts.empty()) ++subscripts.back();
  }
  return offsets;
}

void Machine::start_copy(Thread& thread, const CopySite& site) {
  PendingCopy copy;
  copy.pc = thread.pc;
  copy.to = storage_of(thread.registers[site.to]);
  copy.from = storage_of(thread.registers[site.from]);
  copy.to_raced = site.to_raced;
  copy.to_offsets = copy_offsets(thread, *copy.to, site.to_index, site.count, true);
  copy.from_offsets = copy_offsets(thread, *copy.from, site.from_index, site.count, false);
  const auto bytes = static_cast<std::size_t>(copy.to->buffer->dtype.bytes());
  auto access = [&](Storage& storage, int64_t offset, AccessKind kind) {
    const auto conflict = clock_.access(storage.times[static_cast<std::size_t>(offset)], kind);
    if (conflict.level) fail_race(thread, storage, offset, kind, conflict);
  };
  for (const int64_t offset : copy.from_offsets) {
    if (copy.from->states[static_cast<std::size_t>(offset)] != ElementState::kDefined)
      fail_state(thread, *copy.from, offset);
    if (site.from_raced) access(*copy.from, offset, AccessKind::kRead);
    const std::byte* element = copy.from->data.get() + static_cast<std::size_t>(offset) * bytes;
    copy.taken.insert(copy.taken.end(), element, element + bytes);
  }
  for (const int64_t offset : copy.to_offsets) {
    ElementState& state = copy.to->states[static_cast<std::size_t>(offset)];
    if (state == ElementState::kInFlight) fail_state(thread, *copy.to, offset);
    if (site.to_raced) access(*copy.to, offset, AccessKind::kWrite);
    state = ElementState::kInFlight;
  }
  memory_.acquire(copy.to);
  memory_.acquire(copy.from);
  thread.uncommitted.push_back(std::move(copy));
}

void Machine::wait(Thread& thread, int64_t pending) {
  while (static_cast<int64_t>(thread.groups.size()) > std::max<int64_t>(pending, 0)) {
    for (const PendingCopy& copy : thread.groups.front()) finish(thread, copy);
    thread.groups.pop_front();
  }
}

void Machine::finish(Thread& thread, const PendingCopy& copy) {
  const auto bytes = static_cast<std::size_t>(copy.to->buffer->dtype.bytes());
  for (std::size_t i = 0; i < copy.to_offsets.size(); ++i) {
    const auto from = static_cast<std::size_t>(copy.from_offsets[i]),
               to = static_cast<std::size_t>(copy.to_offsets[i]);
    if (std::memcmp(copy.from->data.get() + from * bytes, copy.taken.data() + i * bytes, bytes) != 0) {
      Thread at = thread;
      at.pc = copy.pc;
      fail(at, ErrorKind::kValue,
           fmt::format(
               "the source of an asynchronous copy, {}, is overwritten before the copy has been waited for",
               name_of(*copy.from, copy.from_offsets[i])));
    }
    if (copy.to_raced) {
      const auto conflict = clock_.access(copy.to->times[to], AccessKind::kWrite);
      if (conflict.level) fail_race(thread, *copy.to, copy.to_offsets[i], AccessKind::kWrite, conflict);
    }
    std::memcpy(copy.to->data.get() + to * bytes, copy.taken.data() + i * bytes, bytes);
    copy.to->states[to] = ElementState::kDefined;
    ++statements_;
  }
  memory_.release(copy.to);
  memory_.release(copy.from);
}

void Machine::drop_copies(Thread& thread) {
  auto drop = [&](const std::vector<PendingCopy>& copies) {
    for (const PendingCopy& copy : copies) {
      memory_.release(copy.to);
      memory_.release(copy.from);
    }
  };
  drop(thread.uncommitted);
  for (const auto& group : thread.groups) drop(group);
  thread.uncommitted.clear();
  thread.groups.clear();
}

}  // namespace tw::interpreter
