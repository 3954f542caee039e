// The tuner's side of one worker: starts it, asks it, and tells how it died.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "autotune/measure/process.h"
#include "autotune/measure/protocol.h"

namespace tw::autotune {

/// How a worker died.
struct Death {
  Status status = Status::kCrash;
  std::string cause;
  bool is_from_outside = false;  // somebody killed it: what it did may not be to blame
  bool is_certain = false;       // what it did is to blame, whoever repeats it
};

/// How long a worker may be silent.
struct Patience {
  double seconds = 60;           // without a sign of life, until it is killed
  Status late = Status::kCrash;  // what it then died of
};

/// Who hears what comes: positions that the worker turns to, then the reply. What `reply` cannot read
/// (Garbled, or a JSON error) is the death of the worker.
struct Listener {
  std::function<void(const protocol::Json& reply)> reply;
  std::function<void(int position)> at = {};
};

class WorkerLink {
 public:
  /// `setup` is the request that each new process gets. Nothing is started yet.
  WorkerLink(std::vector<std::string> command, protocol::Json setup);

  /// Sends a request and waits for its reply; starts a process where there is none. Gives how the worker died
  /// meanwhile, if it did. Errors: a value error when no worker can be started; what the worker says of a
  /// request that cannot be met.
  std::optional<Death> ask(const protocol::Json& request, const Patience& patience,
                           const Listener& listener = {});

  /// Machine code that the process has. Empty when it has died.
  std::set<int>& held() { return held_; }

 private:
  void start();
  std::optional<Death> try_to_start();
  std::optional<Death> exchange(const protocol::Json& request, const Patience& patience,
                                const Listener& listener);
  protocol::Json next_message(Process::Time deadline);
  Death how_it_ended();
  Death buried(Death death);

  std::vector<std::string> command_;
  protocol::Json setup_;
  std::unique_ptr<Process> process_;
  protocol::Reader reader_;
  std::set<int> held_;
};

}  // namespace tw::autotune
