#include "autotune/measure/fault.h"

#include <atomic>
#include <cmath>
#include <csignal>
#include <cstring>

#include <fmt/format.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

namespace tw::autotune::fault {
namespace {

constexpr int kExitStatus = 70;

struct Entry {
  std::atomic<bool> in_use{false};
  Region region;
  char name[64] = {};
};

// What handlers read. It changes only while no compiled code runs.
int output_file = -1;
Entry regions[kMostRegions];
Status limit_status = Status::kTimeout;
char limit_cause[128] = {};
std::atomic<bool> is_reporting{false};

/// Text put together without memory: a handler may have interrupted whoever allocates. What does not fit is
/// left out.
class Words {
 public:
  Words& operator<<(const char* text) {
    while (*text && length_ < sizeof text_) text_[length_++] = *text++;
    return *this;
  }
  Words& operator<<(std::size_t value) {
    char digits[24];
    std::size_t n = sizeof digits;
    digits[--n] = '\0';
    do digits[--n] = static_cast<char>('0' + value % 10);
    while (value /= 10);
    return *this << digits + n;
  }
  const char* data() const { return text_; }
  std::size_t size() const { return length_; }

 private:
  char text_[512];
  std::size_t length_ = 0;
};

[[noreturn]] void report(Status status, const Words& cause) {
  // Threads may fault together: one reports, and ends the others with the process.
  if (is_reporting.exchange(true))
    for (;;) pause();
  Words text;
  text << "{\"fault\": {\"status\": \"" << to_string(status) << "\", \"cause\": \"";
  Words end;
  end << "\"}}";
  const std::size_t length = text.size() + cause.size() + end.size();
  char frame[4 + 1600];
  std::size_t at = 0;
  for (; at < 4; ++at) frame[at] = static_cast<char>(length >> 8 * at & 0xff);
  for (const Words* part : {static_cast<const Words*>(&text), &cause, static_cast<const Words*>(&end)}) {
    std::memcpy(frame + at, part->data(), part->size());
    at += part->size();
  }
  for (std::size_t sent = 0; sent < at;) {
    const ssize_t n = write(output_file, frame + sent, at - sent);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  _exit(kExitStatus);
}

bool is_write([[maybe_unused]] const void* context, [[maybe_unused]] bool otherwise) {
#ifdef __x86_64__
  constexpr greg_t kWriteBit = 2;  // of the error code of a page fault
  return (static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_ERR] & kWriteBit) != 0;
#else
  return otherwise;
#endif
}

/// Says which argument the address belongs to. Gives false when none.
bool describe(const char* address, const void* context, Words& cause) {
  for (const Entry& entry : regions) {
    if (!entry.in_use) continue;
    const Region& region = entry.region;
    if (address < region.mapping || address >= region.mapping + region.mapping_bytes) continue;
    if (region.is_input && address >= region.data && address < region.data + region.bytes) {
      cause << "it wrote to the input '" << entry.name << "', at byte "
            << static_cast<std::size_t>(address - region.data);
      return true;
    }
    cause << (is_write(context, false) ? "it wrote " : "it touched ");
    if (address < region.data) {
      cause << static_cast<std::size_t>(region.data - address) << " bytes before the first element of '";
    } else {
      cause << static_cast<std::size_t>(address - region.data - region.bytes)
            << " bytes behind the last element of '";
    }
    cause << entry.name << "'";
    return true;
  }
  return false;
}

const char* words_of(int signal) {
  switch (signal) {
    case SIGSEGV: return "it touched memory that is not its own (SIGSEGV)";
    case SIGBUS: return "it touched memory that is not there (SIGBUS)";
    case SIGFPE: return "an arithmetic fault (SIGFPE)";
    case SIGILL: return "an instruction that this machine does not have (SIGILL)";
    case SIGABRT: return "it gave itself up (SIGABRT)";
  }
  return "a signal";
}

void on_fault(int signal, siginfo_t* info, void* context) {
  Words cause;
  if ((signal == SIGSEGV || signal == SIGBUS) &&
      describe(static_cast<const char*>(info->si_addr), context, cause))
    report(Status::kOutOfBounds, cause);
  cause << words_of(signal);
  report(Status::kCrash, cause);
}

void on_time(int, siginfo_t*, void*) {
  Words cause;
  cause << limit_cause;
  report(limit_status, cause);
}

void handle(int signal, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

void set_timer(double seconds) {
  itimerval timer = {};
  timer.it_value.tv_sec = static_cast<time_t>(seconds);
  timer.it_value.tv_usec = static_cast<suseconds_t>(std::fmod(seconds, 1.0) * 1e6);
  setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

void install(int output) {
  // Handlers of this thread have a stack of their own: its stack may be what ran over.
  static char stack[1 << 16];
  stack_t own = {};
  own.ss_sp = stack;
  own.ss_size = sizeof stack;
  sigaltstack(&own, nullptr);
  output_file = output;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) handle(signal, on_fault);
  handle(SIGALRM, on_time);
}

int add_region(const std::string& name, const Region& region) {
  for (int i = 0; i < kMostRegions; ++i) {
    Entry& entry = regions[i];
    if (entry.in_use) continue;
    entry.region = region;
    // Names stand in a message as they are: nothing in them may end its text.
    std::size_t length = 0;
    for (const char c : name)
      if (length + 1 < sizeof entry.name && c >= ' ' && c != '"' && c != '\\') entry.name[length++] = c;
    entry.name[length] = '\0';
    entry.in_use = true;
    return i;
  }
  return -1;
}

void remove_region(int number) {
  if (number >= 0) regions[number].in_use = false;
}

TimeLimit::TimeLimit(double seconds, Status status) {
  limit_status = status;
  const auto end = fmt::format_to_n(limit_cause, sizeof limit_cause - 1, "{} took longer than {:g} s",
                                    status == Status::kCompileTime ? "compiling" : "a run", seconds);
  *end.out = '\0';
  set_timer(std::max(seconds, 1e-3));
}

TimeLimit::~TimeLimit() {
  set_timer(0);
}

}  // namespace tw::autotune::fault
