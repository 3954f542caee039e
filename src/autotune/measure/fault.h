// A worker's last words: when compiled code touches what it must not, or takes too long, the worker sends the
// cause as a message (protocol.h) and ends. All of it works inside of a signal handler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "autotune/measure/runner.h"

namespace tw::autotune::fault {

/// From now on signals that end a process, and the time limits below, send a fault to `output` first.
void install(int output);

/// Memory of an argument between pages that nothing may touch. The table has room for kMostRegions; faults in
/// others are crashes of no known cause.
struct Region {
  const char* mapping = nullptr;  // the pages in front, the array's, the pages behind
  std::size_t mapping_bytes = 0;
  const char* data = nullptr;
  std::size_t bytes = 0;
  bool is_input = false;
};
inline constexpr int kMostRegions = 1024;
/// Remembers a region; gives its number, for `remove_region`; -1: the table is full.
int add_region(const std::string& name, const Region& region);
void remove_region(int number);

/// While it lives, a limit on what runs: when the time is over, the worker ends with this status.
class TimeLimit {
 public:
  TimeLimit(double seconds, Status status);
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
};

}  // namespace tw::autotune::fault
