#include "ir/text/text_names.h"

#include "ir/text/literals.h"

namespace tw {

std::string TextNames::take(const std::string& label) {
  if (taken_.insert(label).second) return label;
  for (int& suffix = suffixes_[label];;) {
    const std::string name = label + "_" + std::to_string(++suffix);
    if (taken_.insert(name).second) return name;
  }
}

std::string TextNames::use(const Node* object, const std::string& label) {
  const auto found = names_.find(object);
  const std::string& name =
      found != names_.end() ? found->second : names_.emplace(object, take(label)).first->second;
  return name_text(name);
}

std::string TextNames::Scope::introduce(const Node* object, const std::string& label) {
  const auto found = names_.names_.find(object);
  const auto before = found == names_.names_.end() ? std::nullopt : std::optional(found->second);
  entries_.push_back({object, label, names_.take(label), before});
  names_.names_[object] = entries_.back().name;
  return name_text(entries_.back().name);
}

TextNames::Scope::~Scope() {
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (lifetime_ == Lifetime::kScope) {
      names_.taken_.erase(entry->name);
      names_.suffixes_.erase(entry->label);
    }
    // A name that stays taken also stays the object's: uses outside of the scope, though wrong, read well.
    if (entry->before) {
      names_.names_[entry->object] = *entry->before;
    } else if (lifetime_ == Lifetime::kScope) {
      names_.names_.erase(entry->object);
    }
  }
}

}  // namespace tw
