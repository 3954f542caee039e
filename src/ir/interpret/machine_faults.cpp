#include <algorithm>

#include "ir/interpret/machine.h"

namespace tw::interpreter {
namespace {

const char* verb(AccessKind kind) {
  switch (kind) {
    case AccessKind::kRead: return "read";
    case AccessKind::kWrite: return "written";
    case AccessKind::kAtomic: return "updated";
  }
  return "";
}

}  // namespace

void Machine::fail(const Thread& thread, ErrorKind kind, const std::string& what, const std::string& note) {
  const Site& site = code_.sites[code_.site_of[thread.pc]];
  Values values;
  for (uint32_t at = site.scope; at != kNone; at = code_.scopes[at].outer)
    values.emplace_back(code_.scopes[at].name, static_cast<int64_t>(thread.registers[code_.scopes[at].reg]));
  std::reverse(values.begin(), values.end());
  throw UserError(kind, describe(program_, what, note, values, site.node));
}

void Machine::fail_subscript(Thread& thread, const Storage& storage, const std::vector<int64_t>& subscripts,
                             bool write) {
  const std::string& name = storage.buffer->name.text;
  for (std::size_t d = 0; d < subscripts.size(); ++d) {
    const int64_t extent = storage.dims[d].extent;
    if (subscripts[d] >= 0 && subscripts[d] < extent) continue;
    const std::string found =
        fmt::format("subscript {} is {}, not in 0 <= subscript < {}", d, subscripts[d], extent);
    fail(thread, ErrorKind::kIndex,
         fmt::format("out-of-bounds {} of {}: {}", write ? "write" : "read", element_name(name, subscripts),
                     found),
         found);
  }
  raise_internal("no subscript of {} is out of bounds", name);
}

std::string Machine::name_of(const Storage& storage, int64_t offset) const {
  std::vector<int64_t> subscripts;
  const std::string& name = storage.buffer->name.text;
  if (!storage.buffer->strides.empty())
    return fmt::format("'{}' at {} elements from its start", name, offset);
  for (const Dimension& dim : storage.dims) {
    subscripts.push_back(offset / dim.stride);
    offset %= dim.stride;
  }
  return element_name(name, subscripts);
}

void Machine::fail_state(Thread& thread, const Storage& storage, int64_t offset) {
  const std::string element = name_of(storage, offset);
  if (storage.states[static_cast<std::size_t>(offset)] == ElementState::kInFlight)
    fail(thread, ErrorKind::kValue,
         fmt::format("{} is in flight: an asynchronous copy to it has not been waited for", element));
  fail(thread, ErrorKind::kValue,
       fmt::format("read of uninitialised memory: nothing has been written to {}", element));
}

void Machine::fail_race(Thread& thread, const Storage& storage, int64_t offset, AccessKind kind,
                        const RaceClock::Conflict& conflict) {
  std::string others = "another thread with no barrier between";
  if (conflict.level->loop != kNone) {
    const LoopSite& loop = code_.loops[conflict.level->loop];
    others = fmt::format("another turn of {} loop '{}' than {} = {}", loop.kind, loop.name, loop.name,
                         static_cast<int64_t>(thread.registers[loop.var]));
  }
  fail(thread, ErrorKind::kValue,
       fmt::format("race: {} is {} here and {} in {}", name_of(storage, offset), verb(kind),
                   verb(conflict.other), others));
}

void Machine::fail_owner(Thread& thread, const Storage& storage, int64_t offset, int64_t here) {
  const auto name = [](int64_t id) {
    constexpr int64_t kMask = (int64_t{1} << kThreadBits) - 1;
    return fmt::format("({}, {}, {})", (id - 1) & kMask, ((id - 1) >> kThreadBits) & kMask,
                       (id - 1) >> (2 * kThreadBits));
  };
  fail(thread, ErrorKind::kValue,
       fmt::format("{} is read here in thread {} and was written in thread {}: local memory belongs to one "
                   "thread; exchange values through shared memory",
                   name_of(storage, offset), name(here),
                   name(storage.owners[static_cast<std::size_t>(offset)])));
}

void Machine::fail_overflow(Thread& thread, const Instr& instr) {
  auto value = [&](Reg reg) { return static_cast<int64_t>(thread.registers[reg]); };
  auto two = [&](const char* op) { return fmt::format("{} {} {}", value(instr.b), op, value(instr.c)); };
  std::string expression;
  switch (instr.op) {
    case Op::kIndexAdd: expression = two("+"); break;
    case Op::kIndexSub: expression = two("-"); break;
    case Op::kIndexMul: expression = two("*"); break;
    case Op::kIndexFloorDiv: expression = two("//"); break;
    case Op::kIndexNeg: expression = fmt::format("-({})", value(instr.b)); break;
    default: expression = fmt::format("abs({})", value(instr.b));
  }
  fail(thread, ErrorKind::kValue,
       fmt::format("index overflow: {} leaves the range of 64-bit integers", expression));
}

void Machine::fail_check(Thread& thread, const Instr& instr) {
  auto value = [&](Reg reg) { return static_cast<int64_t>(thread.registers[reg]); };
  switch (instr.op) {
    case Op::kLoopEnter:
      fail(thread, ErrorKind::kValue,
           fmt::format("negative extent: a loop of extent {}; it must be at least 0", value(instr.b)));
    case Op::kCheckAxis:
      fail(thread, ErrorKind::kIndex,
           fmt::format("axis {} is bound to {}, not in 0 <= {} < {}", code_.messages[instr.c], value(instr.a),
                       code_.messages[instr.c], value(instr.b)));
    case Op::kCheckInside:
      fail(thread, ErrorKind::kIndex,
           fmt::format("out-of-bounds access of {}: a subscript is {}, not in 0 <= subscript < {}",
                       code_.messages[instr.c], value(instr.a), value(instr.b)));
    case Op::kCheckOperand:
      fail(thread, ErrorKind::kValue,
           fmt::format("{} is a box of extent {}; the intrinsic needs {}", code_.messages[instr.c],
                       value(instr.a), value(instr.b)));
    case Op::kCheckOwner:
      fail(thread, ErrorKind::kValue,
           fmt::format(
               "lane {} accesses an element of fragment '{}' that lane {} owns; only a tensor intrinsic may",
               value(instr.b), storage_of(thread.registers[instr.c])->buffer->name.text, value(instr.a)));
    default: raise_internal("no check fails here");
  }
}

}  // namespace tw::interpreter
