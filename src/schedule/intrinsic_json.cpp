#include "schedule/intrinsic_json.h"

#include <nlohmann/json.hpp>

#include "ir/text.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::schedule {
namespace {

using nlohmann::json;

json json_of(const OperandDemand& demand) {
  json entries = json::object();
  for (const Scope scope : demand.scopes) entries["scopes"].push_back(to_string(scope));
  for (const StrideDemand& stride : demand.strides)
    entries["strides"].push_back({{"exactly", stride.exactly}, {"multiple_of", stride.multiple_of}});
  if (demand.alignment != 1) entries["alignment"] = demand.alignment;
  if (demand.lane_map) entries["lanes"] = to_text(*demand.lane_map);
  return entries;
}

OperandDemand demand_of(const json& entries) {
  OperandDemand demand;
  for (const json& name : entries.value("scopes", json::array())) {
    const auto scope = enum_from_text<Scope>(name.get<std::string>());
    if (!scope) raise_value("there is no scope {}", name.dump());
    demand.scopes.push_back(*scope);
  }
  for (const json& stride : entries.value("strides", json::array()))
    demand.strides.push_back({stride.at("exactly"), stride.at("multiple_of")});
  demand.alignment = entries.value("alignment", int64_t{1});
  if (entries.contains("lanes")) demand.lane_map = parse_lane_map(entries["lanes"].get<std::string>());
  return demand;
}

json json_of(const std::vector<OperandDemand>& demands) {
  json list = json::array();
  for (const OperandDemand& demand : demands) list.push_back(json_of(demand));
  return list;
}

std::vector<OperandDemand> demands_of(const json& list) {
  std::vector<OperandDemand> demands;
  for (const json& one : list) demands.push_back(demand_of(one));
  return demands;
}

json json_of(const RegisterOperand& operand) {
  return {{"operand", operand.operand},     {"type", operand.type},
          {"registers", operand.registers}, {"elements", operand.elements},
          {"place", operand.place.text()},  {"is_address", operand.is_address}};
}

RegisterOperand registers_of(const json& entries) {
  RegisterOperand operand;
  operand.operand = entries.at("operand");
  operand.type = entries.at("type");
  operand.registers = entries.at("registers");
  operand.elements = entries.at("elements");
  operand.place = IndexMap::parse(entries.at("place").get<std::string>());
  operand.is_address = entries.at("is_address");
  return operand;
}

json json_of(const Implementation& implementation) {
  json entries = {{"target", implementation.target},
                  {"features", implementation.features},
                  {"operands", json_of(implementation.operands)},
                  {"registers", implementation.registers}};
  if (const auto* program = std::get_if<Program>(&implementation.code)) {
    entries["program"] = canonical_text(*program);
    return entries;
  }
  const auto& instruction = std::get<Instruction>(implementation.code);
  json arguments = json::array();
  for (const RegisterOperand& argument : instruction.arguments) arguments.push_back(json_of(argument));
  entries["instruction"] = {
      {"name", instruction.name}, {"result", json_of(instruction.result)}, {"arguments", arguments}};
  return entries;
}

Implementation implementation_of(const json& entries) {
  Implementation implementation;
  implementation.target = entries.at("target");
  implementation.features = entries.at("features").get<std::vector<std::string>>();
  implementation.operands = demands_of(entries.at("operands"));
  implementation.registers = entries.at("registers");
  if (entries.contains("program")) {
    implementation.code = parse_program(entries["program"].get<std::string>());
    return implementation;
  }
  const json& given = entries.at("instruction");
  Instruction instruction;
  instruction.name = given.at("name");
  instruction.result = registers_of(given.at("result"));
  for (const json& argument : given.at("arguments")) instruction.arguments.push_back(registers_of(argument));
  implementation.code = std::move(instruction);
  return implementation;
}

/// Which of the parts that change results differ; empty: none.
std::string differing_part(const json& here, const json& there) {
  constexpr std::pair<const char*, const char*> kParts[] = {{"expression", "meaning"},
                                                            {"accumulates", "meaning"},
                                                            {"operands", "demands on operands"},
                                                            {"numerics", "numerics"},
                                                            {"implementations", "implementations"}};
  for (const auto& [key, name] : kParts)
    if (here.value(key, json()) != there.value(key, json())) return name;
  return "";
}

}  // namespace

std::string to_json(const Intrinsic& intrinsic) {
  const Numerics& numerics = intrinsic.numerics;
  json implementations = json::array();
  for (const Implementation& one : intrinsic.implementations) implementations.push_back(json_of(one));
  return json{{"name", intrinsic.name},
              {"summary", intrinsic.summary},
              {"expression", canonical_text(intrinsic.expression)},
              {"accumulates", intrinsic.accumulates},
              {"operands", json_of(intrinsic.operands)},
              {"numerics",
               {{"exact", numerics.exact},
                {"error_per_term", numerics.error_per_term},
                {"error", numerics.error},
                {"non_finite", numerics.non_finite}}},
              {"implementations", implementations}}
      .dump();
}

Intrinsic intrinsic_from_json(const std::string& text) {
  try {
    const json entries = json::parse(text);
    Intrinsic intrinsic;
    intrinsic.name = entries.at("name");
    intrinsic.summary = entries.at("summary");
    intrinsic.expression = parse_program(entries.at("expression").get<std::string>());
    intrinsic.accumulates = entries.at("accumulates");
    intrinsic.operands = demands_of(entries.at("operands"));
    const json& numerics = entries.at("numerics");
    intrinsic.numerics = {numerics.at("exact"), numerics.at("error_per_term"), numerics.at("error"),
                          numerics.at("non_finite")};
    for (const json& one : entries.at("implementations"))
      intrinsic.implementations.push_back(implementation_of(one));
    return intrinsic;
  } catch (const json::exception& error) {
    raise_value("this is no declaration of an intrinsic: {}", error.what());
  }
}

Declarations declaration_of(const std::string& name) {
  const Intrinsic* intrinsic = is_of_family(name) ? nullptr : find_intrinsic(name);
  return intrinsic ? Declarations{{name, to_json(*intrinsic)}} : Declarations{};
}

Declarations declarations_in(const Program& program) {
  Declarations declarations;
  for_each_node(program, [&](const Node* node) {
    const auto* call = as<TensorCall>(node);
    if (call && !declarations.contains(call->intrinsic)) declarations.merge(declaration_of(call->intrinsic));
  });
  return declarations;
}

void declare_all(const Declarations& declarations) {
  for (const auto& [name, text] : declarations) declare_intrinsic(intrinsic_from_json(text));
}

void declare_missing(const Declarations& declarations) {
  for (const auto& [name, text] : declarations)
    if (!find_intrinsic(name)) declare_intrinsic(intrinsic_from_json(text));
}

std::string difference_from(const Declarations& declarations) {
  for (const auto& [name, text] : declarations) {
    const Intrinsic* here = find_intrinsic(name);
    if (!here)
      return fmt::format(
          "it uses the intrinsic '{}', which is not declared here; declare it with tw.intrinsic first", name);
    const std::string part = differing_part(json::parse(to_json(*here)), json::parse(text, nullptr, false));
    if (!part.empty())
      return fmt::format(
          "it uses the intrinsic '{}', whose {} differ{} from those declared here; declare it as it was, or "
          "give the "
          "other one another name",
          name, part, part == "meaning" ? "s" : "");
  }
  return "";
}

}  // namespace tw::schedule
