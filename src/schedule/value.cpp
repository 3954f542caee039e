#include "schedule/value.h"

#include <fmt/format.h>

#include "ir/text.h"
#include "support/error.h"

namespace tw::schedule {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

/// The parts between commas that stand outside parentheses.
std::vector<std::string_view> split_at_commas(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    depth += (c == '(' || c == '[') - (c == ')' || c == ']');
    if (c != ',' || depth != 0) continue;
    if (const auto part = trimmed(text.substr(begin, i - begin)); !part.empty()) parts.push_back(part);
    begin = i + 1;
  }
  return parts;
}

std::string_view without_parentheses(std::string_view text, const std::string& whole) {
  text = trimmed(text);
  if (text.size() < 2 || text.front() != '(' || text.back() != ')')
    raise_value("'{}' is no index map; write it like \"(i, j) -> (i // 8, j, i % 8)\"", whole);
  return text.substr(1, text.size() - 2);
}

}  // namespace

std::string IndexMap::text() const {
  std::vector<std::string> left, right;
  for (const Var& var : from) left.push_back(var->name);
  for (const Expr& e : to) right.push_back(tw::to_text(e));
  return fmt::format("({}) -> ({})", fmt::join(left, ", "), fmt::join(right, ", "));
}

IndexMap IndexMap::parse(const std::string& text) {
  const auto arrow = text.find("->");
  if (arrow == std::string::npos)
    raise_value("'{}' is no index map; write it like \"(i, j) -> (i // 8, j, i % 8)\"", text);
  IndexMap map;
  Names names;
  for (const auto name :
       split_at_commas(without_parentheses(std::string_view(text).substr(0, arrow), text))) {
    map.from.emplace_back(std::string(name));
    if (!names.vars.emplace(name, map.from.back()).second)
      raise_value("index map '{}' names '{}' twice on the left", text, name);
  }
  for (const auto part :
       split_at_commas(without_parentheses(std::string_view(text).substr(arrow + 2), text))) {
    map.to.push_back(parse_expr(part, names));
    if (!map.to.back().dtype().is_index())
      raise_type("'{}' in the index map '{}' has type {}, not index", part, text,
                 to_string(map.to.back().dtype()));
  }
  return map;
}

std::string to_text(const Value& value, const std::function<std::string(const Value&)>& name_of) {
  return std::visit(
      [&]<class T>(const T& v) -> std::string {
        if constexpr (std::same_as<T, std::monostate>) return "None";
        if constexpr (std::same_as<T, bool>) return v ? "True" : "False";
        if constexpr (std::same_as<T, int64_t> || std::same_as<T, double>) return fmt::format("{}", v);
        if constexpr (std::same_as<T, std::string>) return fmt::format("'{}'", v);
        if constexpr (std::same_as<T, Origin>) return v.name;
        if constexpr (std::same_as<T, IndexMap>) return v.text();
        if constexpr (std::same_as<T, Tunable>)
          return v.multiple_of == 1 ? fmt::format("param('{}')", v.name)
                                    : fmt::format("param('{}', multiple_of={})", v.name, v.multiple_of);
        if constexpr (std::same_as<T, LoopRef> || std::same_as<T, BlockRef> || std::same_as<T, BufferRef>)
          return name_of(v);
        if constexpr (std::same_as<T, List>) {
          std::vector<std::string> parts;
          for (const Value& part : v) parts.push_back(to_text(part, name_of));
          return fmt::format("[{}]", fmt::join(parts, ", "));
        }
      },
      static_cast<const Value::variant&>(value));
}

}  // namespace tw::schedule
