#include "schedule/judge/relations.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <isl/ctx.h>
#include <isl/flow.h>
#include <isl/options.h>

#include "support/error.h"

namespace tw::schedule::judge {
namespace {

isl_ctx* context() {
  static isl_ctx* const ctx = [] {
    isl_ctx* fresh = isl_ctx_alloc();
    isl_options_set_on_error(fresh, ISL_ON_ERROR_CONTINUE);
    return fresh;
  }();
  return ctx;
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

/// Conditions that speak of free subscripts say nothing of when a touch runs.
std::vector<std::string> own_conditions(const Touch& touch) {
  std::vector<std::string> kept;
  for (const std::string& part : touch.conditions)
    if (part.find("<= u") == std::string::npos) kept.push_back(part);
  return kept;
}

bool any(const Touch&) {
  return true;
}

std::string pointed(const Touch& touch, bool spatial) {
  const std::string block =
      touch.block_id < 0 ? fmt::format("end{}", -touch.block_id) : fmt::format("b{}", touch.block_id);
  return spatial && touch.own ? block : fmt::format("{}_{}", block, touch.number);
}

}  // namespace

Relation Relation::parse(const std::string& text) {
  isl_union_map* map = isl_union_map_read_from_str(context(), text.c_str());
  check_internal(map, "isl does not understand {}", text);
  return Relation(map);
}

std::string Relation::text() const {
  char* raw = isl_union_map_to_str(map_);
  const std::string text = raw ? raw : "?";
  free(raw);
  return text;
}

Relation Reading::to_tuple(const std::function<bool(const Touch&)>& which, const std::string& name,
                           const std::function<std::vector<std::string>(const Touch&)>& values) const {
  std::string text = "{ ";
  for (const Touch& touch : touches) {
    if (!which(touch)) continue;
    const std::vector<std::string> conditions = own_conditions(touch);
    text +=
        fmt::format("{}[{}] -> {}[{}] : {}; ", touch.tuple, joined(touch.iterators, ", "), name,
                    joined(values(touch), ", "), conditions.empty() ? "0 = 0" : joined(conditions, " and "));
  }
  return Relation::parse(text + "}");
}

Relation Reading::elements(const std::function<bool(const Touch&)>& which) const {
  std::string text = "{ ";
  std::map<const BufferNode*, std::string> names;
  for (const Touch& touch : touches) {
    names.try_emplace(touch.buffer, fmt::format("m{}", names.size()));
    if (!which(touch)) continue;
    text += fmt::format("{}[{}] -> {}[{}] : {}; ", touch.tuple, joined(touch.iterators, ", "),
                        names[touch.buffer], joined(touch.element, ", "),
                        touch.conditions.empty() ? "0 = 0" : joined(touch.conditions, " and "));
  }
  return Relation::parse(text + "}");
}

Relation Reading::times(const std::function<bool(const Touch&)>& which) const {
  std::string text = "{ ";
  for (const Touch& touch : touches) {
    if (!which(touch)) continue;
    std::vector<std::string> time = touch.time;
    time.resize(time_length, "0");
    const std::vector<std::string> conditions = own_conditions(touch);
    text += fmt::format("{}[{}] -> [{}] : {}; ", touch.tuple, joined(touch.iterators, ", "),
                        joined(time, ", "), conditions.empty() ? "0 = 0" : joined(conditions, " and "));
  }
  return Relation::parse(text + "}");
}

Relation Reading::points(const std::function<bool(const Touch&)>& which, bool spatial) const {
  std::string text = "{ ";
  for (const Touch& touch : touches) {
    if (!which(touch)) continue;
    const std::vector<std::string> conditions = own_conditions(touch);
    text +=
        fmt::format("{}[{}] -> {}[{}] : {}; ", touch.tuple, joined(touch.iterators, ", "),
                    pointed(touch, spatial), joined(spatial && touch.own ? touch.spatial : touch.point, ", "),
                    conditions.empty() ? "0 = 0" : joined(conditions, " and "));
  }
  return Relation::parse(text + "}");
}

Model model_of(const Reading& reading, std::size_t time_length,
               const std::function<bool(const Touch&)>& which) {
  const auto elements = [&](auto kind) {
    return reading.elements([&](const Touch& t) { return which(t) && kind(t); });
  };
  Reading padded = reading;
  padded.time_length = time_length;
  return {elements([](const Touch& t) { return !t.write && !t.own; }),
          elements([](const Touch& t) { return !t.write && t.own; }),
          elements([](const Touch& t) { return t.write && t.exact && !t.own && !t.init; }),
          elements([](const Touch& t) { return t.write && t.exact && t.own && !t.init; }),
          elements([](const Touch& t) { return t.write && t.exact && t.init; }),
          elements([](const Touch& t) { return t.write && !t.exact; }),
          padded.times(which),
          reading.points(which, false),
          reading.points(which, true)};
}

Model model_of(const Reading& reading) {
  return model_of(reading, reading.time_length, any);
}

Model operator|(const Model& a, const Model& b) {
  return {a.reads | b.reads,     a.own_reads | b.own_reads, a.writes | b.writes,
          a.updates | b.updates, a.inits | b.inits,         a.may_writes | b.may_writes,
          a.times | b.times,     a.points | b.points,       a.spatial | b.spatial};
}

namespace {

Relation dependences(isl_union_access_info* info) {
  isl_union_flow* result = isl_union_access_info_compute_flow(info);
  Relation found(isl_union_flow_get_may_dependence(result));
  isl_union_flow_free(result);
  return found;
}

}  // namespace

Relation sources(const Model& model) {
  isl_union_access_info* info = isl_union_access_info_from_sink((model.reads | model.own_reads).copy());
  info = isl_union_access_info_set_must_source(info, (model.writes | model.updates | model.inits).copy());
  info = isl_union_access_info_set_may_source(info, model.may_writes.copy());
  return dependences(isl_union_access_info_set_schedule_map(info, model.times.copy()));
}

Relation flow(const Model& model) {
  return model.spatial.reversed().then(sources(model)).then(model.spatial);
}

Relation contributions(const Model& model) {
  isl_union_access_info* info = isl_union_access_info_from_sink(model.reads.copy());
  info = isl_union_access_info_set_may_source(info, model.updates.copy());
  info = isl_union_access_info_set_kill(info, (model.inits | model.writes).copy());
  return dependences(isl_union_access_info_set_schedule_map(info, model.times.copy()));
}

Relation combined(const Model& model) {
  return model.points.reversed().then(contributions(model)).then(model.points);
}

Relation conflicts(const Reading& reading, const For* loop) {
  const auto below = [&](const Touch& t) {
    return !t.atomic && std::find(t.loops.begin(), t.loops.end(), loop) != t.loops.end();
  };
  const auto prefix = [&](bool with_loop) {
    return reading.to_tuple(below, "", [&](const Touch& t) {
      const auto depth = std::find(t.loops.begin(), t.loops.end(), loop) - t.loops.begin();
      return std::vector<std::string>(t.iterators.begin(), t.iterators.begin() + depth + with_loop);
    });
  };
  const Relation all = reading.elements(below);
  const Relation writes = reading.elements([&](const Touch& t) { return below(t) && t.write; });
  const Relation outer = prefix(false), inner = prefix(true);
  const Relation meeting = writes.then(all.reversed());
  return (meeting & outer.then(outer.reversed())) - inner.then(inner.reversed());
}

}  // namespace tw::schedule::judge
