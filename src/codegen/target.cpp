#include "codegen/target.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include <fmt/format.h>

#include "codegen/backend.h"
#include "support/error.h"
#include "support/nearest.h"

namespace tw::codegen {
namespace {

constexpr int kMostThreads = 4096;

struct Option {
  std::string name, value;
  bool has_value = false;
};

Option option_of(const std::string& word) {
  Option option;
  const auto equals = word.find('=');
  option.name = word.substr(0, equals);
  if (equals == std::string::npos) return option;
  option.has_value = true;
  option.value = word.substr(equals + 1);
  return option;
}

int threads_of(const std::string& text, const std::string& value) {
  int threads = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), threads);
  if (error != std::errc() || end != value.data() + value.size() || threads < 1 || threads > kMostThreads)
    raise_value("target '{}': -threads is '{}'; it must be a number from 1 to {}", text, value, kMostThreads);
  return threads;
}

void apply(Target& target, const Option& option) {
  struct Known {
    std::string_view name;
    bool takes_value;
  };
  static constexpr Known kOptions[] = {
      {"-mtriple", true}, {"-mcpu", true}, {"-threads", true}, {"-fast-math", false}};
  const auto known = std::find_if(std::begin(kOptions), std::end(kOptions),
                                  [&](const Known& k) { return k.name == option.name; });
  if (known == std::end(kOptions)) {
    std::vector<std::string> names;
    for (const Known& k : kOptions) names.emplace_back(k.name);
    raise_value("target '{}': there is no option '{}'{}; the options are {}", target.text, option.name,
                did_you_mean(option.name, names), fmt::join(names, ", "));
  }
  if (known->takes_value != option.has_value || (option.has_value && option.value.empty()))
    raise_value("target '{}': write {}", target.text,
                known->takes_value ? fmt::format("{0}=…, with a value", option.name)
                                   : fmt::format("{}, without a value", option.name));
  if (option.name == "-mtriple") target.triple = option.value;
  if (option.name == "-mcpu") target.cpu = option.value;
  if (option.name == "-threads") target.threads = threads_of(target.text, option.value);
  if (option.name == "-fast-math") target.fast_math = true;
}

std::vector<Backend>& registered() {
  static std::vector<Backend> backends;
  return backends;
}

}  // namespace

BackendRegistration::BackendRegistration(Backend backend) {
  auto& all = registered();
  const auto place = std::upper_bound(all.begin(), all.end(), backend,
                                      [](const Backend& a, const Backend& b) { return a.name < b.name; });
  all.insert(place, std::move(backend));
}

const std::vector<Backend>& backends() {
  return registered();
}

const Backend& find_backend(const std::string& name) {
  std::vector<std::string> names;
  for (const Backend& backend : registered()) {
    if (backend.name == name) return backend;
    names.push_back(backend.name);
  }
  raise_value("there is no target '{}'{}; the targets are {}", name, did_you_mean(name, names),
              fmt::join(names, ", "));
}

bool Target::has_feature(const std::string& name) const {
  return std::binary_search(features.begin(), features.end(), name);
}

std::string Target::to_string() const {
  return fmt::format("{} -mtriple={} -mcpu={}{}{} [{}]", kind, triple, cpu,
                     threads ? fmt::format(" -threads={}", threads) : "", fast_math ? " -fast-math" : "",
                     fmt::join(features, " "));
}

Target parse_target(const std::string& text) {
  std::istringstream words(text);
  Target target;
  target.text = text;
  if (!(words >> target.kind))
    raise_value(
        "a target is a back end's name and options, such as \"llvm\" or \"llvm -threads=2\"; this is empty");
  const Backend& backend = find_backend(target.kind);
  for (std::string word; words >> word;) apply(target, option_of(word));
  backend.complete(target);
  return target;
}

}  // namespace tw::codegen
