#include "autotune/measure/link.h"

#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "support/error.h"

namespace tw::autotune {
namespace {

using protocol::Json;
using std::chrono::steady_clock;

constexpr double kSecondsToStart = 60;

/// A worker ended while it was waited for.
struct Ended {
  bool is_late = false;
};

Process::Time in_seconds(double seconds) {
  return steady_clock::now() +
         std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>(seconds));
}

/// Signals that compiled code or a compiler does not send itself.
bool is_from_outside(int signal) {
  return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
}

/// An error that a worker reports of a request, as it was there.
[[noreturn]] void raise(const Json& message) {
  const std::string kind = message.value("kind", ""), text = message["error"].get<std::string>();
  for (const ErrorKind known :
       {ErrorKind::kValue, ErrorKind::kType, ErrorKind::kIndex, ErrorKind::kUnsupported})
    if (kind == to_string(known)) throw UserError(known, text);
  raise_internal("a worker failed: {}", text);
}

}  // namespace

WorkerLink::WorkerLink(std::vector<std::string> command, Json setup)
    : command_(std::move(command)), setup_(std::move(setup)) {}

Json WorkerLink::next_message(Process::Time deadline) {
  for (;;) {
    if (auto message = reader_.next()) return std::move(*message);
    std::string bytes;
    switch (process_->receive(bytes, deadline)) {
      case Process::Outcome::kDone: reader_.add(bytes); break;
      case Process::Outcome::kEnded: throw Ended{};
      case Process::Outcome::kLate: throw Ended{.is_late = true};
    }
  }
}

/// Starts a process and hands it the task. Gives what it died of, if it did.
std::optional<Death> WorkerLink::try_to_start() {
  process_ = std::make_unique<Process>(command_);
  reader_ = {};
  held_.clear();
  try {
    const Json hello = next_message(in_seconds(kSecondsToStart));
    const int version = hello.value("hello", 0);
    if (version == protocol::kVersion) return exchange(setup_, {.seconds = kSecondsToStart}, {});
    return buried({.cause = version == 0 ? "what it says is no message of a worker"
                                         : fmt::format("it is of version {}, this is version {}", version,
                                                       protocol::kVersion)});
  } catch (const Ended& ended) {
    return buried(ended.is_late ? Death{.cause = "it says nothing"} : how_it_ended());
  } catch (const protocol::Garbled& garbled) {
    return buried({.cause = fmt::format("what it says is no message: {}", garbled.what())});
  } catch (...) {
    process_.reset();  // it cannot have this task
    throw;
  }
}

void WorkerLink::start() {
  // Somebody who kills workers may meet one that starts.
  constexpr int kTries = 10;
  for (int tries = 1;; ++tries) {
    const auto death = try_to_start();
    if (!death) return;
    if (!death->is_from_outside || tries == kTries)
      raise_value("the worker '{}' does not start: {}", command_[0], death->cause);
  }
}

std::optional<Death> WorkerLink::ask(const Json& request, const Patience& patience,
                                     const Listener& listener) {
  if (!process_) start();
  return exchange(request, patience, listener);
}

std::optional<Death> WorkerLink::exchange(const Json& request, const Patience& patience,
                                          const Listener& listener) {
  const auto late = [&] {
    return buried({.status = patience.late,
                   .cause = fmt::format("no sign of life for {:g} s: killed", patience.seconds),
                   .is_certain = patience.late != Status::kCrash});
  };
  const auto garbled = [&](const std::exception& error) {
    return buried({.cause = fmt::format("what it sent is no message: {}", error.what())});
  };
  try {
    // One that dies while it is written to may have left its last words.
    if (process_->send(protocol::framed(request), in_seconds(patience.seconds)) == Process::Outcome::kLate)
      return late();
    for (;;) {
      const Json message = next_message(in_seconds(patience.seconds));
      if (const auto at = message.find("at"); at != message.end()) {
        if (listener.at) listener.at(at->get<int>());
      } else if (const auto reply = message.find("reply"); reply != message.end()) {
        if (listener.reply) listener.reply(*reply);
        return std::nullopt;
      } else if (message.contains("error")) {
        raise(message);
      } else if (const auto fault = message.find("fault"); fault != message.end()) {
        const Status status = status_of(fault->at("status"));
        return buried(
            {.status = status, .cause = fault->at("cause"), .is_certain = status != Status::kCrash});
      } else {
        throw protocol::Garbled("a message of no kind");
      }
    }
  } catch (const Ended& ended) {
    return ended.is_late ? late() : buried(how_it_ended());
  } catch (const protocol::Garbled& error) {
    return garbled(error);
  } catch (const Json::exception& error) {
    return garbled(error);
  }
}

Death WorkerLink::how_it_ended() {
  const Process::End end = process_->wait();
  if (end.signal == 0)
    return {.cause =
                end.status == 0 ? "it ended by itself" : fmt::format("it ended with status {}", end.status)};
  const bool outside = is_from_outside(end.signal);
  return {.cause = fmt::format("killed by signal {} ({}){}", end.signal, strsignal(end.signal),
                               end.signal == SIGKILL ? ", from outside or for want of memory" : ""),
          .is_from_outside = outside};
}

Death WorkerLink::buried(Death death) {
  process_.reset();
  held_.clear();
  return death;
}

}  // namespace tw::autotune
