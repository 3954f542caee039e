// Exact race detection for nested fork-join by time stamps.
//
// Turns of concurrent loops run one after the other, depth first, and a clock ticks when a loop begins and
// when each of its turns begins. An earlier access at time t conflicts with one made now exactly when some
// loop that is running now began at or before t and its present turn began after t: then the earlier access
// stood in another turn of the same loop. The levels' intervals [begin, turn) are disjoint and in order, so
// the search stops at the first level that contains t. GPU groups use two levels: the block's epoch between
// barriers with a turn for each warp, and the warp's epoch with a turn for each thread.
//
// Each element remembers three times: of its last plain write, of a read and of an atomic update. Of several
// reads (or updates) the first that is not ordered before the later ones is kept: whatever is unordered with
// a later one is unordered with it too, as in Feng and Leiserson's Nondeterminator (SPAA 1997).
#pragma once

#include <cstdint>
#include <vector>

namespace tw::interpreter {

using Time = uint64_t;  // 0: never

/// What an element remembers of its accesses.
struct AccessTimes {
  Time write = 0, read = 0, atomic = 0;
};

enum class AccessKind : uint8_t { kRead, kWrite, kAtomic };

class RaceClock {
 public:
  struct Level {
    Time begin, turn;
    uint32_t loop;  // which loop of the code: for messages
  };

  void enter(uint32_t loop) {
    ++now_;
    levels_.push_back({now_, now_, loop});
  }
  void next_turn() { levels_.back().turn = ++now_; }
  void leave() { levels_.pop_back(); }

  /// A new epoch, or a new turn, of a level of a GPU group.
  void begin_epoch(std::size_t level) { levels_[level].begin = levels_[level].turn = ++now_; }
  void begin_turn(std::size_t level) { levels_[level].turn = ++now_; }
  std::size_t depth() const { return levels_.size(); }

  /// The innermost running loop of which another turn made the access at time t; null when it is ordered
  /// before now.
  const Level* conflict(Time t) const {
    for (std::size_t k = levels_.size(); k-- > 0;) {
      if (t >= levels_[k].turn) return nullptr;
      if (t >= levels_[k].begin) return &levels_[k];
    }
    return nullptr;
  }

  /// What an access made now collides with: the other access's kind and the loop. No loop: nothing.
  struct Conflict {
    const Level* level = nullptr;
    AccessKind other = AccessKind::kRead;
  };
  Conflict access(AccessTimes& times, AccessKind kind) const {
    if (kind != AccessKind::kRead)
      if (const Level* level = conflict(times.read)) return {level, AccessKind::kRead};
    if (const Level* level = conflict(times.write)) return {level, AccessKind::kWrite};
    if (kind != AccessKind::kAtomic)
      if (const Level* level = conflict(times.atomic)) return {level, AccessKind::kAtomic};
    switch (kind) {
      case AccessKind::kRead: keep_unordered(times.read); break;
      case AccessKind::kWrite: times.write = now_; break;
      case AccessKind::kAtomic: keep_unordered(times.atomic); break;
    }
    return {};
  }

 private:
  void keep_unordered(Time& kept) const {
    if (kept != now_ && !conflict(kept)) kept = now_;
  }
  Time now_ = 0;
  std::vector<Level> levels_;
};

}  // namespace tw::interpreter
