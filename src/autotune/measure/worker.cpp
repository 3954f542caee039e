// The worker's side of measuring: answers requests (protocol.h) until its input ends.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <memory>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "autotune/measure/fault.h"
#include "autotune/measure/kernel.h"
#include "autotune/measure/protocol.h"
#include "autotune/measure/sampling.h"
#include "autotune/measure/verification.h"
#include "ir/text.h"
#include "runtime/machine.h"
#include "schedule/intrinsic_json.h"
#include "support/error.h"
#include "support/sanitizers.h"

namespace tw::autotune {
namespace {

using protocol::Json;

constexpr int kGarbledStatus = 71;

/// Messages over two files. The tuner's end closing is the end of this process, whatever it is doing.
class Channel {
 public:
  Channel(int input, int output) : input_(input), output_(output) {
    std::thread([input] {
      for (;;) {
        pollfd end{input, 0, 0};  // that the other end is closed needs no asking
        if (poll(&end, 1, -1) > 0 && (end.revents & (POLLHUP | POLLERR | POLLNVAL))) _exit(0);
      }
    }).detach();
  }

  std::optional<Json> receive() {
    for (;;) {
      if (auto message = reader_.next()) return message;
      char block[1 << 16];
      const ssize_t got = read(input_, block, sizeof block);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return std::nullopt;
      reader_.add({block, static_cast<std::size_t>(got)});
    }
  }

  void send(const Json& message) const {
    const std::string bytes = protocol::framed(message);
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = write(output_, bytes.data() + sent, bytes.size() - sent);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) _exit(0);  // nobody listens
      sent += static_cast<std::size_t>(n);
    }
  }

  int output() const { return output_; }

 private:
  int input_, output_;
  protocol::Reader reader_;
};

/// What a kernel prints must not disturb messages, and what it reads must not take them: they get files of
/// their own, and stdout becomes stderr, stdin nothing.
int moved_away(int file) {
  if (file != STDIN_FILENO && file != STDOUT_FILENO) return file;
  const int moved = fcntl(file, F_DUPFD_CLOEXEC, 16);
  if (file == STDOUT_FILENO) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
  } else if (const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC); nothing >= 0) {
    dup2(nothing, STDIN_FILENO);
    close(nothing);
  }
  return moved;
}

/// Candidates that leak or ask for too much are refused memory before the machine has none.
void limit_memory(int64_t bytes) {
  if (bytes <= 0) bytes = runtime::this_machine().memory_bytes / 4 * 3;
  if (bytes > 0 && !kAddressSanitizer && !kThreadSanitizer) {
    const rlimit limit{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
    setrlimit(RLIMIT_DATA, &limit);
  }
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

class Worker {
 public:
  explicit Worker(const Channel& channel) : channel_(channel) {}

  Json answer(const Json& request) {
    const std::string kind = request.at("request");
    if (kind == "setup") return set_up(request);
    if (kind == "build" || kind == "load") return build(request);
    if (kind == "measure") return measure(request);
    if (kind == "verify") return verify(request);
    if (kind == "forget") return forget(request);
    if (kind == "ping") return Json::object();
    throw protocol::Garbled("there is no request '" + kind + "'");
  }

 private:
  Json set_up(const Json& request) {
    task_ = protocol::task_of(request.at("task"));
    limits_ = protocol::limits_of(request.at("limits"));
    limit_memory(limits_.memory_bytes);
    target_ = codegen::parse_target(task_.target);
    if (!target_.is_host)
      raise_unsupported("'{}' is another machine: its code cannot be measured here", task_.target);
    arguments_.assign(task_.sizes.size(), nullptr);
    kernels_.clear();
    verifier_ =
        std::make_unique<Verifier>(task_, target_, [this](std::size_t size) { return arguments(size); });
    return Json::object();
  }

  Json build(const Json& request) {
    Built built;
    std::vector<std::string> objects;
    try {
      const fault::TimeLimit limit(limits_.compile_seconds, Status::kCompileTime);
      schedule::declare_all(request.at("intrinsics").get<schedule::Declarations>());
      const Program program = parse_program(request.at("program").get<std::string>());
      const auto given = request.find("objects");
      auto kernel = given == request.end()
                        ? std::make_unique<Kernel>(program, target_)
                        : std::make_unique<Kernel>(program, target_, protocol::objects_of(*given));
      built.stats = kernel->stats();
      objects = kernel->objects();
      kernels_[request.at("id")] = std::move(kernel);
    } catch (const UserError& error) {
      built.status = Status::kRefused;
      built.cause = error.what();
    } catch (const InternalError& error) {
      built.status = Status::kCompileCrash;
      built.cause = error.what();
    } catch (const std::bad_alloc&) {
      built.status = Status::kCompileCrash;
      built.cause = "no memory to compile it";
    }
    Json reply = protocol::to_json(built);
    if (request.at("request") == "build") reply["objects"] = protocol::to_json(objects);
    return reply;
  }

  /// What a point lacks before it can run; its status says so.
  Subject subject_of(
      const Point& point,
      std::map<std::pair<int, std::size_t>, std::shared_ptr<const runtime::Rotation>>& rotations) {
    Subject subject;
    try {
      Kernel& kernel = kernel_of(point.id);
      const fault::TimeLimit limit(limits_.run_seconds + limits_.compile_seconds, Status::kTimeout);
      for (std::size_t size = 0; size < task_.sizes.size(); ++size) {
        const std::shared_ptr<const Arguments> given = arguments(size);
        kernel.prepare(*given, prepared_);
        subject.calls.push_back(kernel.bind(*given, point.parameters));
        if (task_.cache != "model") continue;
        auto& rotation = rotations[{point.id, size}];
        const BoundCall& call = subject.calls.back();
        if (!rotation) rotation = std::make_shared<const runtime::Rotation>(call.tensors, call.constants);
        subject.rotations.push_back(rotation);
      }
    } catch (const UserError& error) {
      subject.result.status = Status::kFailed;
      subject.result.cause = error.what();
    }
    return subject;
  }

  Json measure(const Json& request) {
    std::vector<Subject> subjects;
    std::map<std::pair<int, std::size_t>, std::shared_ptr<const runtime::Rotation>> rotations;
    for (const Json& point : request.at("points")) {
      channel_.send({{"at", subjects.size()}});
      subjects.push_back(subject_of(protocol::point_of(point), rotations));
    }
    const double spent = take_turns(
        subjects, {protocol::options_of(request.at("options")), limits_.run_seconds}, [&](std::size_t i) {
          channel_.send({{"at", i}});
        });
    Json measured = Json::array();
    for (const Subject& subject : subjects) measured.push_back(protocol::to_json(subject.result));
    return {{"measured", std::move(measured)}, {"kernel_seconds", spent}};
  }

  Json verify(const Json& request) {
    const Point point = protocol::point_of(request.at("point"));
    Verdict verdict;
    try {
      verdict = verifier_->verify(kernel_of(point.id), point.parameters, prepared_, limits_.run_seconds, [&] {
        channel_.send({{"at", 0}});
      });
    } catch (const UserError& error) {
      verdict = {Status::kFailed, error.what()};
    }
    return protocol::to_json(verdict);
  }

  Json forget(const Json& request) {
    kernels_.erase(request.at("id").get<int>());
    std::erase_if(prepared_, [](const auto& entry) { return entry.second.expired(); });
    return Json::object();
  }

  Kernel& kernel_of(int id) {
    const auto found = kernels_.find(id);
    if (found == kernels_.end()) throw protocol::Garbled("no candidate of that number was built");
    return *found->second;
  }

  std::shared_ptr<const Arguments> arguments(std::size_t size) {
    std::shared_ptr<const Arguments>& made = arguments_[size];
    if (!made) made = std::make_shared<const Arguments>(task_.program, task_.sizes[size], task_.seed);
    return made;
  }

  const Channel& channel_;
  Task task_;
  protocol::Limits limits_;
  codegen::Target target_;
  std::vector<std::shared_ptr<const Arguments>> arguments_;  // at each of the task's sizes, once needed
  std::map<int, std::unique_ptr<Kernel>> kernels_;
  PreparedCache prepared_;
  std::unique_ptr<Verifier> verifier_;
};

Json error_of(const std::string& text, const std::string& kind) {
  return {{"error", text}, {"kind", kind}};
}

}  // namespace

int serve(int input, int output) {
  input = moved_away(input);
  output = moved_away(output);
  Channel channel(input, output);
  fault::install(output);
  channel.send({{"hello", protocol::kVersion},
                {"machine", runtime::this_machine().fingerprint()},
                {"pid", static_cast<int64_t>(getpid())}});
  Worker worker(channel);
  try {
    while (const auto request = channel.receive()) {
      try {
        channel.send({{"reply", worker.answer(*request)}});
      } catch (const UserError& error) {
        channel.send(error_of(error.what(), to_string(error.kind())));
      } catch (const InternalError& error) {
        channel.send(error_of(error.what(), "internal error"));
      }
    }
  } catch (const protocol::Garbled&) {
    return kGarbledStatus;
  } catch (const Json::exception&) {
    return kGarbledStatus;
  }
  return 0;
}

}  // namespace tw::autotune
