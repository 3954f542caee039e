#include "schedule/rewrite.h"

#include <map>

#include <fmt/format.h>

#include "support/error.h"

namespace tw::schedule {
namespace {

constexpr const char* kAttribute = "rewrites";
constexpr const char* kSeparator = "; ";

std::map<std::string, Rewrite>& registry() {
  static std::map<std::string, Rewrite> table;
  return table;
}

const char* to_string(ErrorScale scale) {
  switch (scale) {
#define TW_SCALE(Name, text) \
  case ErrorScale::k##Name: return text;
    TW_ERROR_SCALES(TW_SCALE)
#undef TW_SCALE
  }
  return "?";
}

/// What stands between two texts, or behind the first.
std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const std::size_t begin = text.find(before);
  check_internal(begin != std::string::npos, "'{}' names no {}", text, before);
  const std::size_t from = begin + before.size();
  return text.substr(from, after.empty() ? std::string::npos : text.find(after, from) - from);
}

AppliedRewrite parse(const std::string& text) {
  AppliedRewrite rewrite;
  rewrite.call = text.substr(0, text.find(": error_factor="));
  rewrite.error_factor = std::stod(between(text, "error_factor=", " "));
  rewrite.error_per_term = std::stod(between(text, "error_per_term=", " "));
  const std::string scale = between(text, "scale=", "");
#define TW_SCALE(Name, word) \
  if (scale == word) rewrite.error_scale = ErrorScale::k##Name;
  TW_ERROR_SCALES(TW_SCALE)
#undef TW_SCALE
  return rewrite;
}

}  // namespace

RewriteRegistration::RewriteRegistration(Rewrite rewrite) {
  const std::string name = rewrite.name;
  check_internal(registry().emplace(name, std::move(rewrite)).second, "rewrite {} is registered twice", name);
}

const std::vector<const Rewrite*>& rewrites() {
  static const std::vector<const Rewrite*> list = [] {
    std::vector<const Rewrite*> all;
    for (const auto& [name, rewrite] : registry()) all.push_back(&rewrite);
    return all;
  }();
  return list;
}

const Rewrite* find_rewrite(const std::string& name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : &found->second;
}

Value option_value(const Step& step, const std::string& option) {
  if (const Value* given = step.option(2, option)) return *given;
  const Rewrite* rewrite = find_rewrite(step.text(1));
  check_internal(rewrite, "there is no rewrite {}", step.text(1));
  for (const ArgSpec& spec : rewrite->options)
    if (spec.name == option) return spec.default_value;
  raise_internal("rewrite {} has no option {}", rewrite->name, option);
}

std::vector<AppliedRewrite> applied_rewrites(const Program& program) {
  std::vector<AppliedRewrite> applied;
  const auto found = program->attrs.find(kAttribute);
  if (found == program->attrs.end()) return applied;
  std::string rest = std::get<std::string>(found->second);
  for (std::size_t end = 0; end != std::string::npos;) {
    end = rest.find(kSeparator);
    applied.push_back(parse(rest.substr(0, end)));
    if (end != std::string::npos) rest = rest.substr(end + std::string(kSeparator).size());
  }
  return applied;
}

Attrs with_applied_rewrite(const Program& program, const AppliedRewrite& rewrite) {
  Attrs attrs = program->attrs;
  const std::string entry =
      fmt::format("{}: error_factor={} error_per_term={} scale={}", rewrite.call, rewrite.error_factor,
                  rewrite.error_per_term, to_string(rewrite.error_scale));
  const auto known = attrs.find(kAttribute);
  attrs[kAttribute] =
      known == attrs.end() ? entry : std::get<std::string>(known->second) + kSeparator + entry;
  return attrs;
}

}  // namespace tw::schedule
