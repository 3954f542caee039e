#include "schedule/judge/verdict.h"

#include <algorithm>

#include <fmt/format.h>

#include "schedule/judge/case.h"
#include "schedule/judge/relations.h"

namespace tw::schedule::judge {
namespace {

const Judges& judges() {
  static const Judges table = [] {
    Judges all;
    for (const auto& some : {loop_judges, move_judges, block_judges, buffer_judges, note_judges, turn_judges})
      all.merge(some());
    return all;
  }();
  return table;
}

/// Whether the two programs hold the same blocks, whatever loops stand around them.
bool have_same_blocks(const Program& before, const Program& after) {
  std::map<int64_t, const Block*> known;
  for (const BlockPlace& place : all_blocks(before, Blocks::kOpened))
    known[place.block().id.value] = &place.block();
  const std::vector<BlockPlace> places = all_blocks(after, Blocks::kOpened);
  return places.size() == known.size() &&
         std::all_of(places.begin(), places.end(), [&](const BlockPlace& place) {
           const auto found = known.find(place.block().id.value);
           return found != known.end() && found->second->body.same_as(place.block().body) &&
                  found->second->init.same_as(place.block().init);
         });
}

}  // namespace

std::optional<bool> is_legal(Schedule& schedule, const Call& call, const IntValues& values) {
  const auto found = judges().find(call.primitive);
  return found == judges().end() ? std::nullopt : found->second(Case(schedule, call, values));
}

std::vector<std::string> judged_primitives() {
  std::vector<std::string> names;
  for (const auto& [name, judge] : judges()) names.push_back(name);
  return names;
}

std::string fault_of_step(const Program& before, const Program& after, const IntValues& values) {
  const Reading second = read_program(after, values);
  if (!second.unknown.empty()) return "";
  for (const LoopPlace& place : all_loops(after, Blocks::kOpened)) {
    if (place.loop().loop_kind == LoopKind::kSerial || place.loop().loop_kind == LoopKind::kUnrolled)
      continue;
    const Relation found = conflicts(second, &place.loop());
    if (!found.is_empty())
      return fmt::format("turns of loop {} meet: {}", place.loop().var->name.text, found.text());
  }
  if (!have_same_blocks(before, after)) return "";
  const Reading first = read_program(before, values);
  if (!first.unknown.empty()) return "";
  const Model a = model_of(first), b = model_of(second);
  const Relation fresh = flow(b) - flow(a), gone = flow(a) - flow(b);
  if (!fresh.is_empty()) return fmt::format("reads have other sources: {}", fresh.text());
  if (!gone.is_empty()) return fmt::format("reads have lost their sources: {}", gone.text());
  if (!(combined(a) == combined(b))) return "reads have other partial results";
  return "";
}

}  // namespace tw::schedule::judge
