#include "ir/interpret/machine.h"

#include <algorithm>

namespace tw::interpreter {
namespace {

int64_t signed_of(Slot slot) {
  return static_cast<int64_t>(slot);
}

/// Elements may lie unaligned: a view of the caller's memory is copied, but a program's own buffer starts
/// anywhere.
template <class T>
T load_element(const Storage& storage, Slot offset) {
  T value;
  std::memcpy(&value, storage.data.get() + offset * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void store_element(Storage& storage, Slot offset, T value) {
  std::memcpy(storage.data.get() + offset * sizeof(T), &value, sizeof(T));
}

}  // namespace

Machine::Machine(const Program& program, const Code& code, Memory& memory)
    : program_(program), code_(code), memory_(memory) {
  main_.registers.resize(code.registers);
  for (const auto& [reg, value] : code.constants) main_.registers[reg] = value;
}

void Machine::run() {
  const ThreadStatus status = run(main_);
  check_internal(status == ThreadStatus::kEnded, "the program stops in its midst");
}

ThreadStatus Machine::stop(Thread& thread, ThreadStatus status, Pc next) {
  thread.pc = next;
  thread.status = status;
  return status;
}

// The two-address forms of the cases below. `I` is the instruction; a failing case stores its pc first.
#define TW_BINARY_CASE(Name, Tag, Expression) \
  case Op::k##Name: {                         \
    const auto x = Lane<Tag>::read(r[I.b]);   \
    const auto y = Lane<Tag>::read(r[I.c]);   \
    r[I.a] = Expression;                      \
    break;                                    \
  }
#define TW_FLOAT_CASES(Prefix, Tag)                                                             \
  TW_BINARY_CASE(Prefix##Add, Tag, Lane<Tag>::write(scalar::binary<BinaryOp::kAdd, Tag>(x, y))) \
  TW_BINARY_CASE(Prefix##Sub, Tag, Lane<Tag>::write(scalar::binary<BinaryOp::kSub, Tag>(x, y))) \
  TW_BINARY_CASE(Prefix##Mul, Tag, Lane<Tag>::write(scalar::binary<BinaryOp::kMul, Tag>(x, y)))
#define TW_INDEX_CASE(Name) \
  TW_BINARY_CASE(Index##Name, int64_t, static_cast<Slot>(scalar::binary<BinaryOp::k##Name, int64_t>(x, y)))
#define TW_CHECKED_CASE(Name, builtin)                                      \
  case Op::kIndex##Name: {                                                  \
    int64_t out;                                                            \
    if (builtin(signed_of(r[I.b]), signed_of(r[I.c]), &out)) [[unlikely]] { \
      thread.pc = pc;                                                       \
      fail_overflow(thread, I);                                             \
    }                                                                       \
    r[I.a] = static_cast<Slot>(out);                                        \
    break;                                                                  \
  }

ThreadStatus Machine::run(Thread& thread) {
  Slot* const r = thread.registers.data();
  const Instr* const instrs = code_.instrs.data();
  const Operator* const operators = code_.operators.data();
  for (Pc pc = thread.pc;; ++pc) {
    const Instr& I = instrs[pc];
    switch (I.op) {
      case Op::kEnd: return stop(thread, ThreadStatus::kEnded, pc);
      case Op::kThreadEnd: return stop(thread, ThreadStatus::kEnded, pc);
      case Op::kJump: pc = I.c - 1; break;
      case Op::kJumpIf:
        if (r[I.a]) pc = I.c - 1;
        break;
      case Op::kJumpIfNot:
        if (!r[I.a]) pc = I.c - 1;
        break;
      case Op::kMove: r[I.a] = r[I.b]; break;
      case Op::kLoopEnter:
        r[I.a] = 0;
        if (signed_of(r[I.b]) <= 0) {
          if (signed_of(r[I.b]) < 0) {
            thread.pc = pc;
            fail_check(thread, I);
          }
          pc = I.c - 1;
        }
        break;
      case Op::kLoopNext:
        if (++r[I.a] < r[I.b]) pc = I.c - 1;
        break;
      case Op::kForkEnter: clock_.enter(I.a); break;
      case Op::kForkNext:
        if (++r[I.a] < r[I.b]) {
          clock_.next_turn();
          pc = I.c - 1;
        }
        break;
      case Op::kForkLeave: clock_.leave(); break;
      case Op::kApply:
        r[I.a] = operators[I.n](r[I.b], r[I.c]);
        break;
        TW_CHECKED_CASE(Add, __builtin_add_overflow)
        TW_CHECKED_CASE(Sub, __builtin_sub_overflow)
        TW_CHECKED_CASE(Mul, __builtin_mul_overflow)
      case Op::kIndexFloorDiv:
        if (signed_of(r[I.b]) == INT64_MIN && signed_of(r[I.c]) == -1) [[unlikely]] {
          thread.pc = pc;
          fail_overflow(thread, I);
        }
        r[I.a] = static_cast<Slot>(scalar::floor_div(signed_of(r[I.b]), signed_of(r[I.c])));
        break;
      case Op::kIndexNeg:
      case Op::kIndexAbs: {
        const int64_t x = signed_of(r[I.b]);
        if (x == INT64_MIN) [[unlikely]] {
          thread.pc = pc;
          fail_overflow(thread, I);
        }
        r[I.a] = static_cast<Slot>(I.op == Op::kIndexNeg || x < 0 ? -x : x);
        break;
      }
        TW_INDEX_CASE(FloorMod)
        TW_INDEX_CASE(Min)
        TW_INDEX_CASE(Max)
        TW_INDEX_CASE(Eq)
        TW_INDEX_CASE(Ne)
        TW_INDEX_CASE(Lt)
        TW_INDEX_CASE(Le)
        TW_FLOAT_CASES(F32, float)
        TW_FLOAT_CASES(F64, double)
        TW_FLOAT_CASES(I32, int32_t)
      case Op::kAnd: r[I.a] = r[I.b] & r[I.c]; break;
      case Op::kOr: r[I.a] = r[I.b] | r[I.c]; break;
      case Op::kNot: r[I.a] = !r[I.b]; break;
      case Op::kGetLane: r[I.a] = r[I.b + r[I.c]]; break;
      case Op::kSetLane: r[I.a + r[I.b]] = r[I.c]; break;
      case Op::kOffset1: {
        const Storage& s = *storage_of(r[I.b]);
        const Dimension* dims = s.dims.data();
        const int64_t i = signed_of(r[I.c]);
        if (r[I.c] >= static_cast<Slot>(dims[0].extent)) [[unlikely]] {
          thread.pc = pc;
          fail_subscript(thread, s, {i}, I.n);
        }
        r[I.a] = static_cast<Slot>(s.origin + i * dims[0].stride);
        break;
      }
      case Op::kOffset2: {
        const Storage& s = *storage_of(r[I.b]);
        const Dimension* dims = s.dims.data();
        const int64_t i = signed_of(r[I.c]), j = signed_of(r[I.d]);
        if (r[I.c] >= static_cast<Slot>(dims[0].extent) || r[I.d] >= static_cast<Slot>(dims[1].extent))
            [[unlikely]] {
          thread.pc = pc;
          fail_subscript(thread, s, {i, j}, I.n);
        }
        r[I.a] = static_cast<Slot>(s.origin + i * dims[0].stride + j * dims[1].stride);
        break;
      }
      case Op::kOffset3: {
        const Storage& s = *storage_of(r[I.b]);
        const Dimension* dims = s.dims.data();
        const int64_t i = signed_of(r[I.c]), j = signed_of(r[I.d]), k = signed_of(r[I.e]);
        if (r[I.c] >= static_cast<Slot>(dims[0].extent) || r[I.d] >= static_cast<Slot>(dims[1].extent) ||
            r[I.e] >= static_cast<Slot>(dims[2].extent)) [[unlikely]] {
          thread.pc = pc;
          fail_subscript(thread, s, {i, j, k}, I.n);
        }
        r[I.a] = static_cast<Slot>(s.origin + i * dims[0].stride + j * dims[1].stride + k * dims[2].stride);
        break;
      }
      case Op::kOffsetN:
        thread.pc = pc;
        r[I.a] = static_cast<Slot>(offset_of(thread, *storage_of(r[I.b]), &code_.operands[I.c], I.d, I.n));
        break;
#define TW_CASE(Name, Tag)                                                                         \
  case Op::kLoadDefined##Name: {                                                                   \
    const Storage& s = *storage_of(r[I.b]);                                                        \
    if (s.states[r[I.c]] != ElementState::kDefined) [[unlikely]] {                                 \
      thread.pc = pc;                                                                              \
      fail_state(thread, s, signed_of(r[I.c]));                                                    \
    }                                                                                              \
    r[I.a] = Lane<Tag>::from_memory(load_element<Lane<Tag>::Memory>(s, r[I.c]));                   \
    break;                                                                                         \
  }                                                                                                \
  case Op::kLoad##Name:                                                                            \
    r[I.a] = Lane<Tag>::from_memory(load_element<Lane<Tag>::Memory>(*storage_of(r[I.b]), r[I.c])); \
    break;                                                                                         \
  case Op::kStore##Name: {                                                                         \
    Storage& s = *storage_of(r[I.a]);                                                              \
    ElementState& state = s.states[r[I.b]];                                                        \
    if (state == ElementState::kInFlight) [[unlikely]] {                                           \
      thread.pc = pc;                                                                              \
      fail_state(thread, s, signed_of(r[I.b]));                                                    \
    }                                                                                              \
    state = ElementState::kDefined;                                                                \
    store_element<Lane<Tag>::Memory>(s, r[I.b], Lane<Tag>::to_memory(r[I.c]));                     \
    ++statements_;                                                                                 \
    break;                                                                                         \
  }
        TW_LANE_TYPES(TW_CASE)
#undef TW_CASE
      case Op::kRace: {
        Storage& s = *storage_of(r[I.a]);
        const auto kind = static_cast<AccessKind>(I.n);
        if (const auto conflict = clock_.access(s.times[r[I.b]], kind); conflict.level) [[unlikely]] {
          thread.pc = pc;
          fail_race(thread, s, signed_of(r[I.b]), kind, conflict);
        }
        break;
      }
      case Op::kOwner: {
        Storage& s = *storage_of(r[I.a]);
        int64_t& owner = s.owners[r[I.b]];
        const int64_t here = signed_of(r[I.c]);
        const auto kind = static_cast<AccessKind>(I.n);
        if (kind != AccessKind::kWrite && owner != here && owner != 0 && here != 0) [[unlikely]] {
          thread.pc = pc;
          fail_owner(thread, s, signed_of(r[I.b]), here);
        }
        if (kind != AccessKind::kRead) owner = here;
        break;
      }
      case Op::kCheckAxis:
      case Op::kCheckInside:
        if (r[I.a] >= r[I.b] || signed_of(r[I.b]) < 0) [[unlikely]] {
          thread.pc = pc;
          fail_check(thread, I);
        }
        break;
      case Op::kCheckOperand:
      case Op::kCheckOwner:
        if (r[I.a] != r[I.b]) [[unlikely]] {
          thread.pc = pc;
          fail_check(thread, I);
        }
        break;
      case Op::kFail:
        thread.pc = pc;
        fail(thread, I.b ? ErrorKind::kIndex : ErrorKind::kValue, "assertion failed: " + code_.messages[I.a]);
      case Op::kAllocate:
        thread.pc = pc;
        r[I.a] = reinterpret_cast<Slot>(allocate(thread, I.b));
        break;
      case Op::kFree: memory_.release(storage_of(r[I.a])); break;
      case Op::kFreeLater: group_.to_release.push_back(storage_of(r[I.a])); break;
      case Op::kShare:
        thread.pc = pc;
        share(thread, I);
        break;
      case Op::kUnshare: unshare(thread, I); break;
      case Op::kLaneMapBegin:
        if (lane_map_checked(*storage_of(r[I.a]), I.b)) pc = I.c - 1;
        break;
      case Op::kLaneMapPlace:
        thread.pc = pc;
        place_in_lane(thread, *storage_of(r[I.a]), signed_of(r[I.b]), signed_of(r[I.c]));
        break;
      case Op::kInitPoint:
        if (!first_instance(thread, code_.inits[I.a])) pc = I.c - 1;
        break;
      case Op::kSpawn:
        spawn(thread, I.a, pc + 1);
        pc = I.c - 1;
        break;
      case Op::kRunGroup:
        thread.pc = pc;
        group_.site = &code_.groups[I.a];
        run_group(thread);
        break;
      case Op::kBarrier:
        return stop(thread,
                    static_cast<BarrierScope>(I.n) == BarrierScope::kBlock ? ThreadStatus::kAtBlockBarrier
                                                                           : ThreadStatus::kAtWarpBarrier,
                    pc);
      case Op::kCollect: return stop(thread, ThreadStatus::kAtTensorCall, pc);
      case Op::kUnlessLeader:
        if (!thread.leads) pc = I.c - 1;
        break;
      case Op::kAsyncCopy:
        thread.pc = pc;
        start_copy(thread, code_.copies[I.a]);
        break;
      case Op::kAsyncCommit:
        thread.groups.push_back(std::move(thread.uncommitted));
        thread.uncommitted.clear();
        break;
      case Op::kAsyncWait:
        thread.pc = pc;
        wait(thread, signed_of(r[I.a]));
        break;
    }
  }
}

bool Machine::first_instance(Thread& thread, const InitSite& site) {
  const std::vector<Slot>& r = thread.registers;
  constexpr std::size_t kFew = 8;
  int64_t few[2 * kFew];
  std::vector<int64_t> many;
  const std::size_t rank = site.point.size();
  int64_t* point = few;
  if (rank > kFew) {
    many.resize(2 * rank);
    point = many.data();
  }
  int64_t* const extents = point + rank;
  for (std::size_t d = 0; d < rank; ++d) {
    point[d] = signed_of(r[site.point[d]]);
    extents[d] = signed_of(r[site.extents[d]]);
  }
  int64_t& run = storage_of(r[site.buffer])->init_tables[site.table].counter(point, extents, rank);
  int64_t instances = 1;
  for (const Reg other : site.others)
    if (__builtin_mul_overflow(instances, signed_of(r[other]), &instances)) instances = INT64_MAX;
  const bool first = run == 0 || run >= instances;
  run = first ? 1 : run + 1;
  return first;
}

}  // namespace tw::interpreter
