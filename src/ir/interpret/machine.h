// The register machine: runs code with every access checked.
#pragma once

#include <deque>
#include <memory>
#include <set>

#include "ir/interpret.h"
#include "ir/interpret/bytecode.h"
#include "ir/interpret/faults.h"
#include "ir/interpret/memory.h"

namespace tw::interpreter {

/// A copy that has begun, element by element.
struct PendingCopy {
  Storage *to, *from;
  std::vector<int64_t> to_offsets, from_offsets;
  std::vector<std::byte> taken;  // the source as it was at the start
  bool to_raced;
  Pc pc;
};

/// Why a thread does not run.
enum class ThreadStatus { kReady, kEnded, kAtBlockBarrier, kAtWarpBarrier, kAtTensorCall };

/// A strand with registers of its own: the program itself, or a thread of a group.
struct Thread {
  std::vector<Slot> registers;
  Pc pc = 0;
  ThreadStatus status = ThreadStatus::kReady;
  int64_t position[3] = {0, 0, 0};  // threadIdx x, y, z
  int64_t linear = 0;               // x fastest
  bool leads = false;               // the first of its warp
  std::vector<PendingCopy> uncommitted;
  std::deque<std::vector<PendingCopy>> groups;    // committed, oldest first
  std::unordered_map<uint32_t, int64_t> entries;  // how often it has come to an allocation that it shares
};

/// The threads of an instance of nested loops over thread indices.
struct Group {
  /// An instance of a buffer that several threads hold.
  struct Shared {
    Storage* storage = nullptr;
    std::size_t left = 0;  // how many threads are done with it
  };
  const GroupSite* site = nullptr;
  std::vector<std::unique_ptr<Thread>> threads;
  std::map<std::tuple<uint32_t, int64_t, int64_t>, Shared> shared;  // by allocation, warp (or -1) and entry
  std::vector<Storage*> to_release;
  std::size_t epoch_level =
      0;  // of the clock: warps between barriers of the block; the next: threads between those of the warp
};

class Machine {
 public:
  Machine(const Program& program, const Code& code, Memory& memory);
  /// The registers that the program starts with.
  std::vector<Slot>& registers() { return main_.registers; }
  void run();
  int64_t statements() const { return statements_; }

 private:
  static Storage* storage_of(Slot slot) { return reinterpret_cast<Storage*>(slot); }
  ThreadStatus run(Thread& thread);
  ThreadStatus stop(Thread& thread, ThreadStatus status, Pc next);

  // Memory.
  int64_t offset_of(Thread& thread, const Storage& storage, const Reg* subscripts, std::size_t rank,
                    bool write);
  int64_t offset_of(Thread& thread, const Storage& storage, const std::vector<int64_t>& subscripts,
                    bool write);
  Storage* allocate(Thread& thread, uint32_t site);
  void share(Thread& thread, const Instr& instr);
  void unshare(Thread& thread, const Instr& instr);
  bool lane_map_checked(const Storage& storage, uint32_t site);
  void place_in_lane(Thread& thread, const Storage& storage, int64_t lane, int64_t slot);
  bool first_instance(Thread& thread, const InitSite& site);

  // Groups of threads.
  void spawn(const Thread& parent, uint32_t site, Pc body);
  void run_group(Thread& parent);
  void run_block_epoch(Group& group);
  void run_warp_epochs(Group& group, std::size_t begin, std::size_t end);
  void check_met(Group& group, std::size_t begin, std::size_t end, const char* who);
  std::size_t warp_end(const Group& group, std::size_t begin) const;
  void order_threads(Group& group);

  // Asynchronous copies.
  void start_copy(Thread& thread, const CopySite& site);
  void wait(Thread& thread, int64_t pending);
  void finish(Thread& thread, const PendingCopy& copy);
  std::vector<int64_t> copy_offsets(Thread& thread, const Storage& storage, const std::vector<Reg>& index,
                                    int64_t count, bool write);
  void drop_copies(Thread& thread);

  // Errors. Each takes the place from the thread's pc.
  [[noreturn]] void fail(const Thread& thread, ErrorKind kind, const std::string& what,
                         const std::string& note = "");
  [[noreturn]] void fail_overflow(Thread& thread, const Instr& instr);
  [[noreturn]] void fail_state(Thread& thread, const Storage& storage, int64_t offset);
  [[noreturn]] void fail_race(Thread& thread, const Storage& storage, int64_t offset, AccessKind kind,
                              const RaceClock::Conflict& conflict);
  [[noreturn]] void fail_owner(Thread& thread, const Storage& storage, int64_t offset, int64_t here);
  [[noreturn]] void fail_check(Thread& thread, const Instr& instr);
  [[noreturn]] void fail_subscript(Thread& thread, const Storage& storage,
                                   const std::vector<int64_t>& subscripts, bool write);
  std::string name_of(const Storage& storage, int64_t offset) const;

  const Program& program_;
  const Code& code_;
  Memory& memory_;
  RaceClock clock_;
  Thread main_;
  Group group_;
  std::map<uint32_t, std::vector<Dimension>> checked_maps_;  // by allocation: the extents that were checked
  std::set<std::pair<int64_t, int64_t>> places_;             // of the lane map being checked
  int64_t statements_ = 0;
};

}  // namespace tw::interpreter
