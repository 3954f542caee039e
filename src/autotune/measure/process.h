// A worker as the tuner sees it: a child process with a socket for its stdin and stdout.
//
// It stands in a process group of its own, so that Ctrl-C in a terminal reaches the tuner alone; its end of
// the socket closes when the tuner dies, however it dies, and workers end then. Nothing here blocks for ever,
// nor raises a signal in the tuner.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace tw::autotune {

class Process {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Errors: a value error when the command cannot be started.
  explicit Process(const std::vector<std::string>& command);
  /// Kills it if it is still there.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }

  enum class Outcome {
    kDone,
    kEnded,  // it closed its end: it has died, or is about to
    kLate    // the time is over
  };
  /// Writes all of the bytes.
  Outcome send(std::string_view bytes, Time deadline);
  /// Appends what has come, at least one byte.
  Outcome receive(std::string& bytes, Time deadline);

  /// How it ended. One that does not end within a second is killed: what speaks no more is of no use.
  struct End {
    int signal = 0;  // that killed it; 0: none
    int status = 0;  // else what it exited with
  };
  End wait();
  /// Kills it with all that it started, and forgets it.
  void kill();

 private:
  Outcome poll_for(short events, Time deadline);
  pid_t pid_ = -1;  // -1: it has been waited for
  int socket_ = -1;
};

}  // namespace tw::autotune
