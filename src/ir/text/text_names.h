// The names that a text gives to variables and buffers: their labels, made unique by a numeric suffix.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/program.h"

namespace tw {

/// What each variable and buffer is called at the current place of a text. Names are as `name_text` writes
/// them.
class TextNames {
 public:
  /// `canonical`: labels are passed over, so that names tell nothing but the order in which they are met.
  explicit TextNames(bool canonical = false) : canonical_(canonical) {}

  /// The name of an object where it is used: that of the innermost scope that introduces it. An object that
  /// no scope introduces is named when it is first met.
  std::string use(const Variable& var) { return use(&var, label_of(var)); }
  std::string use(const BufferNode& buffer) { return use(&buffer, label_of(buffer)); }

  /// Whether a name that a scope introduces stays taken when the scope ends. What expressions introduce is
  /// released, because shared expressions are printed many times; all other names are different in the whole
  /// text.
  enum class Lifetime { kText, kScope };

  /// Introduces objects; an object introduced again inside its own scope has another name there.
  class Scope {
   public:
    explicit Scope(TextNames& names, Lifetime lifetime = Lifetime::kText)
        : names_(names), lifetime_(lifetime) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();
    std::string introduce(const Variable& var) { return introduce(&var, names_.label_of(var)); }
    std::string introduce(const BufferNode& buffer) { return introduce(&buffer, names_.label_of(buffer)); }

   private:
    std::string introduce(const Node* object, const std::string& label);
    struct Entry {
      const Node* object;
      std::string label, name;
      std::optional<std::string> before;  // the object's name outside of this scope
    };
    TextNames& names_;
    Lifetime lifetime_;
    std::vector<Entry> entries_;
  };

 private:
  std::string label_of(const Variable& var) const { return canonical_ ? "v" : var.name.text; }
  std::string label_of(const BufferNode& buffer) const { return canonical_ ? "b" : buffer.name.text; }
  std::string use(const Node* object, const std::string& label);
  /// The label, or the label with the smallest suffix that is free; takes it.
  std::string take(const std::string& label);

  bool canonical_;
  std::unordered_map<const Node*, std::string> names_;
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> suffixes_;  // the last one tried for each label
};

}  // namespace tw
