// Traces as JSON:
//   {"format": "tilewright-trace", "version": 1, "steps": [["split", [{"ref": "b0.0"}, [null, 14]]], …]}
// Handles are {"ref": origin}, parameters {"param": {…}}, index maps {"map": text}; the rest is plain JSON.
// Where steps use intrinsics that a user has declared, "intrinsics": {"fma_8": {…}} holds the declarations.
#include <nlohmann/json.hpp>

#include "schedule/schedule.h"

namespace tw::schedule {
namespace {

using nlohmann::json;

json to_json_value(const Value& value) {
  return std::visit(
      []<class T>(const T& v) -> json {
        if constexpr (std::same_as<T, std::monostate>) {
          return nullptr;
        } else if constexpr (std::same_as<T, Origin>) {
          return {{"ref", v.name}};
        } else if constexpr (std::same_as<T, IndexMap>) {
          return {{"map", v.text()}};
        } else if constexpr (std::same_as<T, Tunable>) {
          return {{"param",
                   {{"name", v.name},
                    {"min", v.min},
                    {"max", v.max},
                    {"multiple_of", v.multiple_of},
                    {"default", v.default_value}}}};
        } else if constexpr (std::same_as<T, List>) {
          json list = json::array();
          for (const Value& part : v) list.push_back(to_json_value(part));
          return list;
        } else if constexpr (std::same_as<T, LoopRef> || std::same_as<T, BlockRef> ||
                             std::same_as<T, BufferRef>) {
          raise_internal("a trace holds a handle that has no origin");
        } else {
          return v;
        }
      },
      static_cast<const Value::variant&>(value));
}

Value from_json_value(const json& value) {
  if (value.is_null()) return {};
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    List list;
    for (const json& part : value) list.push_back(from_json_value(part));
    return list;
  }
  if (value.contains("ref")) return Origin{value.at("ref").get<std::string>()};
  if (value.contains("map")) return IndexMap::parse(value.at("map").get<std::string>());
  if (value.contains("param")) {
    const json& param = value.at("param");
    return Tunable{param.at("name").get<std::string>(), param.at("min").get<int64_t>(),
                   param.at("max").get<int64_t>(), param.at("multiple_of").get<int64_t>(),
                   param.at("default").get<int64_t>()};
  }
  raise_value("a trace holds {}, which is no argument of a step", value.dump());
}

}  // namespace

std::string Trace::to_json() const {
  json list = json::array();
  for (const TraceStep& step : steps) {
    json args = json::array();
    for (const Value& arg : step.args) args.push_back(to_json_value(arg));
    list.push_back(json::array({step.primitive, args}));
  }
  json data{{"format", "tilewright-trace"}, {"version", kVersion}, {"steps", list}};
  for (const auto& [name, declaration] : intrinsics) data["intrinsics"][name] = json::parse(declaration);
  return data.dump();
}

Trace Trace::from_json(const std::string& text) {
  try {
    const json data = json::parse(text);
    if (data.value("format", "") != "tilewright-trace")
      raise_value("this is no trace: its format is not 'tilewright-trace'");
    const int version = data.at("version").get<int>();
    if (version > kVersion)
      raise_value("the trace has version {}, and this program reads up to {}; use a newer Tilewright",
                  version, kVersion);
    Trace trace;
    for (const json& step : data.at("steps")) {
      const auto name = step.at(0).get<std::string>();
      if (!find_primitive(name))
        raise_value("the trace has a step '{}', and there is no primitive of that name", name);
      TraceStep parsed{name, {}};
      for (const json& arg : step.at(1)) parsed.args.push_back(from_json_value(arg));
      trace.steps.push_back(std::move(parsed));
    }
    const json intrinsics = data.value("intrinsics", json::object());
    for (const auto& [name, declaration] : intrinsics.items()) trace.intrinsics[name] = declaration.dump();
    return trace;
  } catch (const json::exception& error) {
    raise_value("this is no trace: {}", error.what());
  }
}

}  // namespace tw::schedule
