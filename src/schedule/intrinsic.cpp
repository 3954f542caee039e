#include "schedule/intrinsic.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "ir/equal.h"
#include "schedule/intrinsic_check.h"
#include "support/error.h"

namespace tw::schedule {
namespace {

struct Registry {
  std::recursive_mutex mutex;  // making a member declares it
  std::map<std::string, IntrinsicFamily> families;
  std::map<std::string, std::unique_ptr<const Intrinsic>> intrinsics;
  std::vector<std::string> declared;                         // by `declare_intrinsic`, not as a member
  std::vector<std::unique_ptr<const Intrinsic>> superseded;  // by a declaration of the same meaning
};

Registry& registry() {
  static Registry table;
  return table;
}

/// The numbers in the places of the braces; nothing when the name is no member.
std::optional<std::vector<int64_t>> sizes_in(const std::string& pattern, const std::string& name) {
  std::vector<int64_t> sizes;
  std::size_t at = 0;
  for (std::size_t p = 0; p < pattern.size(); ++p) {
    if (pattern[p] != '{') {
      if (at >= name.size() || name[at++] != pattern[p]) return std::nullopt;
      continue;
    }
    p = pattern.find('}', p);
    const std::size_t begin = at;
    while (at < name.size() && name[at] >= '0' && name[at] <= '9') ++at;
    // One text a size: no leading zeros, nothing huge.
    if (at == begin || at - begin > 6 || name[begin] == '0') return std::nullopt;
    sizes.push_back(std::stoll(name.substr(begin, at - begin)));
  }
  return at == name.size() ? std::optional(sizes) : std::nullopt;
}

const IntrinsicFamily* family_of(const std::string& name) {
  for (const auto& [pattern, family] : registry().families)
    if (sizes_in(pattern, name)) return &family;
  return nullptr;
}

const Intrinsic& add(Intrinsic intrinsic) {
  complete_intrinsic(intrinsic);
  register_tensor_intrinsic(intrinsic.name, intrinsic.meaning);
  std::unique_ptr<const Intrinsic>& slot = registry().intrinsics[intrinsic.name];
  if (slot) registry().superseded.push_back(std::move(slot));
  slot = std::make_unique<const Intrinsic>(std::move(intrinsic));
  return *slot;
}

}  // namespace

bool Intrinsic::is_of_warp() const {
  return std::any_of(operands.begin(), operands.end(),
                     [](const OperandDemand& demand) { return demand.lane_map.has_value(); });
}

std::vector<std::string> operand_names(const Intrinsic& intrinsic) {
  std::vector<std::string> names;
  for (const Buffer& operand : intrinsic.pattern.operands) names.push_back(operand->name);
  return names;
}

const Intrinsic& declare_intrinsic(Intrinsic intrinsic) {
  const std::lock_guard lock(registry().mutex);
  if (const IntrinsicFamily* family = family_of(intrinsic.name))
    raise_value("intrinsic '{}': the name belongs to '{}'; give it another", intrinsic.name, family->name);
  const Intrinsic& added = add(std::move(intrinsic));
  std::vector<std::string>& declared = registry().declared;
  if (std::find(declared.begin(), declared.end(), added.name) == declared.end())
    declared.push_back(added.name);
  return added;
}

const Intrinsic* find_intrinsic(const std::string& name) {
  const std::lock_guard lock(registry().mutex);
  const auto found = registry().intrinsics.find(name);
  if (found != registry().intrinsics.end()) return found->second.get();
  const IntrinsicFamily* family = family_of(name);
  if (!family) return nullptr;
  Intrinsic member = family->make(*sizes_in(family->name, name));
  member.name = name;
  member.summary = family->summary;
  return &add(std::move(member));
}

bool is_of_family(const std::string& name) {
  const std::lock_guard lock(registry().mutex);
  return family_of(name) != nullptr;
}

IntrinsicRegistration::IntrinsicRegistration(IntrinsicFamily family) {
  const std::string name = family.name;
  check_internal(registry().families.emplace(name, std::move(family)).second,
                 "intrinsic {} is registered twice", name);
  provide_tensor_intrinsics([](const std::string& wanted) {
    try {
      find_intrinsic(wanted);
    } catch (const UserError&) {
      // A size that the family does not have: there is no such intrinsic.
    }
  });
}

std::vector<IntrinsicListing> intrinsics() {
  const std::lock_guard lock(registry().mutex);
  std::vector<IntrinsicListing> rows;
  for (const auto& [name, family] : registry().families)
    rows.push_back(
        {name, family.summary, family.members.empty() ? std::vector<std::string>{name} : family.members});
  for (const std::string& name : registry().declared)
    rows.push_back({name, registry().intrinsics.at(name)->summary, {name}});
  std::sort(rows.begin(), rows.end(),
            [](const IntrinsicListing& a, const IntrinsicListing& b) { return a.name < b.name; });
  return rows;
}

LaneMap parse_lane_map(const std::string& text) {
  const IndexMap map = IndexMap::parse(text);
  if (map.to.size() != 2)
    raise_value("'{}' is no lane map; write it like \"(i, j) -> (i % 8 * 4 + j // 2, j % 2)\": lane and slot",
                text);
  return {{map.from.begin(), map.from.end()}, map.to[0], map.to[1]};
}

std::string to_text(const LaneMap& map) {
  return IndexMap{{map.coords.begin(), map.coords.end()}, {map.lane, map.slot}}.text();
}

}  // namespace tw::schedule
