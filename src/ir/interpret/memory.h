// The memory of a running program: storage of buffers with what is known of each element.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "ir/interpret/race_clock.h"
#include "ir/stmt.h"

namespace tw::interpreter {

/// What an element holds.
enum class ElementState : uint8_t { kUndefined, kDefined, kInFlight };

/// Counts the instances of a block run for each point of its spatial axes, to know which is the first. A
/// point whose instances have all run begins anew: a block may be computed again at an outer loop.
class InitTable {
 public:
  /// The counter of a point. The table is made for these extents, and afresh when they change.
  int64_t& counter(const int64_t* point, const int64_t* extents, std::size_t rank) {
    if (rank != extents_.size() || !same_extents(extents)) reset(extents, rank);
    if (dense_.empty()) return sparse_counter(point, rank);
    int64_t at = 0;
    for (std::size_t d = 0; d < rank; ++d) at = at * extents[d] + point[d];
    return dense_[static_cast<std::size_t>(at)];
  }
  /// Forgets everything.
  void clear();

 private:
  bool same_extents(const int64_t* extents) const {
    for (std::size_t d = 0; d < extents_.size(); ++d)
      if (extents_[d] != extents[d]) return false;
    return made_;
  }
  void reset(const int64_t* extents, std::size_t rank);
  int64_t& sparse_counter(const int64_t* point, std::size_t rank);

  bool made_ = false;
  std::vector<int64_t> extents_;
  std::vector<int64_t> dense_;
  std::map<std::vector<int64_t>, int64_t> sparse_;  // for domains too large for a dense table
};

/// One dimension as it lies in memory, in elements.
struct Dimension {
  int64_t extent = 0, stride = 0;
};

struct FreeMemory {
  void operator()(void* pointer) const { std::free(pointer); }
};
/// Zeroed lazily by the machine where it comes from calloc: large buffers cost what is touched of them.
template <class T>
using CArray = std::unique_ptr<T[], FreeMemory>;

/// An instance of a buffer.
struct Storage {
  const BufferNode* buffer = nullptr;
  int64_t elements = 0;  // that memory is held for
  int64_t origin = 0;    // the offset of element 0, …, 0: strides may be negative
  std::vector<Dimension> dims;
  CArray<std::byte> data;
  CArray<ElementState> states;
  CArray<AccessTimes> times;  // null: no two turns can meet here
  CArray<int64_t> owners;     // the thread that wrote an element, as Op::kOwner has it; null: not asked
  std::vector<InitTable> init_tables;
  int64_t references = 0;
  std::size_t site = 0;  // where it is allocated
};

/// Row-major strides.
std::vector<Dimension> dense_dimensions(const std::vector<int64_t>& extents);

/// All storage of a run.
class Memory {
 public:
  explicit Memory(int64_t limit) : limit_(limit) {}

  struct Request {
    const BufferNode* buffer;
    std::size_t site;             // requests of one site share discarded storage
    std::vector<Dimension> dims;  // extents at least 0
    bool tracked;                 // keep access times
    bool owned;                   // keep the threads that wrote
    std::size_t init_tables;
  };
  /// Undefined storage with one reference; null when the limit (or the machine's memory) does not allow it.
  Storage* allocate(const Request& request);
  void acquire(Storage* storage) { ++storage->references; }
  void release(Storage* storage);
  int64_t limit() const { return limit_; }
  int64_t in_use() const { return in_use_; }

 private:
  Storage* reuse(std::size_t site);
  static bool prepare(Storage& storage, const Request& request, int64_t elements, int64_t bytes);

  int64_t limit_, in_use_ = 0;
  std::vector<std::unique_ptr<Storage>> all_;
  std::unordered_map<std::size_t, std::vector<Storage*>> discarded_;  // by site
};

}  // namespace tw::interpreter
