// Processes and files of a test, counted.
#pragma once

#include <vector>

#include <sys/types.h>

namespace tw::autotune::test {

/// The children of this process, zombies too.
std::vector<pid_t> children();

/// Whether a process has ended and nobody has asked how.
bool is_zombie(pid_t process);

/// How many children and open files this process has now.
struct Census {
  Census();
  std::size_t processes = 0, files = 0;
  bool operator==(const Census&) const = default;
};

}  // namespace tw::autotune::test
