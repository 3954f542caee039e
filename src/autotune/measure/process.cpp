#include "autotune/measure/process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/error.h"

extern char** environ;

namespace tw::autotune {
namespace {

using std::chrono::steady_clock;

/// What a child gets: the socket as stdin and stdout, a process group of its own, signals as they usually are
/// (an embedding program may ignore some, which children would inherit).
class SpawnSettings {
 public:
  explicit SpawnSettings(int socket) {
    posix_spawn_file_actions_init(&files_);
    posix_spawn_file_actions_adddup2(&files_, socket, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files_, socket, STDOUT_FILENO);
    posix_spawnattr_init(&attributes_);
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGALRM, SIGCHLD})
      sigaddset(&usual, signal);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &usual);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&files_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* files() const { return &files_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

}  // namespace

Process::Process(const std::vector<std::string>& command) {
  if (command.empty()) raise_value("no command that starts a worker is given");
  // Closed in every other child: else a worker would keep another's socket open.
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    raise_value("a worker cannot be started: no socket: {}", std::strerror(errno));
  socket_ = ends[0];
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const SpawnSettings settings(ends[1]);
  const int fault =
      posix_spawnp(&pid_, words[0], settings.files(), settings.attributes(), words.data(), environ);
  close(ends[1]);
  if (fault == 0) return;
  pid_ = -1;
  close(socket_);
  raise_value("the worker '{}' cannot be started: {}", command[0], std::strerror(fault));
}

Process::~Process() {
  kill();
  close(socket_);
}

Process::Outcome Process::poll_for(short events, Time deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    pollfd waiting{socket_, events, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30)));
    if (ready > 0) return Outcome::kDone;
    if (ready == 0) return Outcome::kLate;
    if (errno != EINTR) return Outcome::kEnded;
  }
}

Process::Outcome Process::send(std::string_view bytes, Time deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (const Outcome outcome = poll_for(POLLOUT, deadline); outcome != Outcome::kDone) return outcome;
    } else if (errno != EINTR) {
      return Outcome::kEnded;
    }
  }
  return Outcome::kDone;
}

Process::Outcome Process::receive(std::string& bytes, Time deadline) {
  char block[1 << 16];
  for (;;) {
    if (const Outcome outcome = poll_for(POLLIN, deadline); outcome != Outcome::kDone) return outcome;
    const ssize_t got = recv(socket_, block, sizeof block, MSG_DONTWAIT);
    if (got > 0) {
      bytes.append(block, static_cast<std::size_t>(got));
      return Outcome::kDone;
    }
    if (got == 0) return Outcome::kEnded;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return Outcome::kEnded;
  }
}

Process::End Process::wait() {
  constexpr std::chrono::seconds kPatience(1);
  if (pid_ < 0) return {};
  const Time deadline = steady_clock::now() + kPatience;
  int status = 0;
  bool is_killed = false;
  for (;;) {
    const pid_t got = waitpid(pid_, &status, is_killed ? 0 : WNOHANG);
    if (got == pid_ || (got < 0 && errno != EINTR)) break;
    if (got < 0 || is_killed) continue;
    if (steady_clock::now() > deadline) {
      ::kill(-pid_, SIGKILL);
      is_killed = true;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  ::kill(-pid_, SIGKILL);  // what it may have started itself
  pid_ = -1;
  if (is_killed) return {};
  return {WIFSIGNALED(status) ? WTERMSIG(status) : 0, WIFEXITED(status) ? WEXITSTATUS(status) : 0};
}

void Process::kill() {
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);  // the group is not there before the child has made it
  wait();
}

}  // namespace tw::autotune
