#include "faults/processes.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

namespace tw::autotune::test {

namespace {

/// State ("R", "Z", …) and parent of a process; an empty state: there is none.
struct Standing {
  std::string state;
  pid_t parent = 0;
};

Standing standing_of(const std::string& process) {
  std::ifstream file("/proc/" + process + "/stat");
  std::string text;
  std::getline(file, text);
  Standing standing;
  // "pid (name) state parent …", and the name may be anything.
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return standing;
  std::istringstream rest(text.substr(end + 1));
  rest >> standing.state >> standing.parent;
  return standing;
}

}  // namespace

std::vector<pid_t> children() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") == std::string::npos && standing_of(name).parent == getpid())
      found.push_back(std::stoi(name));
  }
  return found;
}

bool is_zombie(pid_t process) {
  return standing_of(std::to_string(process)).state == "Z";
}

Census::Census() : processes(children().size()) {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  files = static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

}  // namespace tw::autotune::test
