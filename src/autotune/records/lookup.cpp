#include "autotune/records/lookup.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "autotune/records/ranking.h"
#include "schedule/intrinsic_json.h"
#include "schedule/schedule.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

/// Of records that hold here: those of the cache state asked for before others, those of the sizes asked for
/// before others, and of other sizes the newest.
const Record* preferred(const std::vector<const Record*>& records, const Setting& setting) {
  const auto narrowed = [](std::vector<const Record*> from, const auto& test) {
    std::vector<const Record*> kept;
    std::copy_if(from.begin(), from.end(), std::back_inserter(kept), test);
    return kept.empty() ? from : kept;
  };
  if (records.empty()) return nullptr;
  auto left = narrowed(records, [&](const Record* r) { return r->setting.cache == setting.cache; });
  left = narrowed(left, [&](const Record* r) { return r->setting.sizes == setting.sizes; });
  const Record* newest = *std::max_element(
      left.begin(), left.end(), [](const Record* a, const Record* b) { return a->created < b->created; });
  left = narrowed(left, [&](const Record* r) { return r->setting.sizes == newest->setting.sizes; });
  return *std::min_element(left.begin(), left.end(),
                           [](const Record* a, const Record* b) { return is_better(*a, *b); });
}

bool holds_here(const Record& record, const Setting& setting) {
  return record.setting.target == setting.target && record.setting.machine == setting.machine &&
         (setting.bounded || !record.setting.bounded);
}

bool is_right(const Record& record) {
  return record.status == Status::kOk && record.verified && record.contradicted.empty();
}

/// Narrows records down by the conditions of a hit, and says which of them leaves none.
std::string reason(std::vector<Record> records, const Setting& setting) {
  const auto keep = [&](const auto& test) {
    std::erase_if(records, [&](const Record& r) { return !test(r); });
    return !records.empty();
  };
  if (records.empty()) return "it holds no record of this workload";
  const Record first = records.front();
  if (!keep([&](const Record& r) { return r.setting.target == setting.target; }))
    return fmt::format("its records of this workload are for another target: {}", first.setting.target);
  const Record of_target = records.front();
  if (!keep([&](const Record& r) { return r.setting.machine == setting.machine; }))
    return fmt::format("its records of this workload were measured on another machine: {}",
                       of_target.setting.machine);
  if (!keep([&](const Record& r) { return setting.bounded || !r.setting.bounded; }))
    return "its records of this workload may use rewrites whose results differ within a bound, and only "
           "exact "
           "ones are allowed";
  const std::size_t trials = records.size();
  const Record failure = records.back();
  if (!keep([](const Record& r) { return r.status == Status::kOk; }))
    return fmt::format("all {} candidates of this workload failed, the last with \"{}\": {}", trials,
                       to_string(failure.status), failure.cause);
  for (const Record& record : records)
    if (!record.contradicted.empty())
      return fmt::format("its records of this workload failed verification: {}", record.contradicted);
  return "no record of this workload was verified";
}

/// Looks in one place; the note says why nothing of it is used.
bool take(const std::vector<Record>& bests, const std::string& place, const Program& first,
          const Setting& setting, Lookup& result) {
  std::vector<const Record*> usable;
  for (const Record& record : bests)
    if (is_right(record) && holds_here(record, setting)) usable.push_back(&record);
  const Record* record = preferred(usable, setting);
  if (!record) return false;
  const std::string name = record->source.empty()
                               ? fmt::format("record {} of {}", record->id, place)
                               : fmt::format("a record of {} (tilewright's own)", record->source);
  try {
    const schedule::Trace trace = schedule::Trace::from_json(record->trace);
    if (const std::string reason = schedule::difference_from(trace.intrinsics); !reason.empty()) {
      result.note += fmt::format("{}{} cannot be used: {}", result.note.empty() ? "" : "; ", name, reason);
      return true;
    }
    result.program = scheduled_as(*record, first);
  } catch (const UserError& error) {
    const auto version = record->versions.find("tilewright");
    result.note +=
        fmt::format("{}{} cannot be used by this version of Tilewright (it was made by {}): {}",
                    result.note.empty() ? "" : "; ", name,
                    version == record->versions.end() ? "an unknown one" : version->second, error.what());
    return true;
  }
  result.record = *record;
  result.note = name;
  return true;
}

void add_reason(Lookup& result, const std::string& place, std::vector<Record> records,
                const Setting& setting) {
  result.note +=
      fmt::format("{}{}: {}", result.note.empty() ? "" : "; ", place, reason(std::move(records), setting));
}

}  // namespace

Program scheduled_as(const Record& record, const Program& first) {
  const auto schedule = schedule::Schedule::replay(first, schedule::Trace::from_json(record.trace));
  Values left = record.parameters;
  std::vector<Param> params = schedule.program()->params;
  for (Param& param : params) {
    if (param.param_kind != ParamKind::kTunable) continue;
    const auto value = left.find(param.var->name.text);
    if (value == left.end()) continue;
    const Variable& var = *param.var;
    if (value->second < var.min || value->second > var.max || value->second % var.multiple_of != 0)
      raise_value("its parameter '{}' is {}, which the schedule does not allow", value->first, value->second);
    param.default_value = value->second;
    left.erase(value);
  }
  if (!left.empty()) raise_value("its schedule has no parameter '{}'", left.begin()->first);
  return ProgramNode::make(schedule.program()->name, std::move(params), schedule.program()->body,
                           schedule.program()->attrs);
}

Lookup look_up(const Program& first, const Setting& setting, const Database* db,
               const ShippedRecords* shipped) {
  const WorkloadKey key = key_of(first);
  Lookup result;
  if (db) {
    Query query;
    query.workload = key.hash;
    query.only_best = true;
    if (!take(db->records(query), db->path(), first, setting, result)) {
      query.only_best = false;
      add_reason(result, db->path(), db->records(query), setting);
    }
  }
  if (shipped && !result.record) {
    std::vector<Record> known;
    for (const Record& record : shipped->records())
      if (record.workload.hash == key.hash) known.push_back(record);
    if (!take(known, "", first, setting, result))
      add_reason(result, "the records that come with Tilewright", std::move(known), setting);
  }
  if (!db && !shipped) result.note = "no database was given";
  return result;
}

}  // namespace tw::autotune
