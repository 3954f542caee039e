// What was found out about one state of a context, kept while that state is asked about.
//
// Lowering asks the same at the same place many times: one subscript stands in several accesses, and simplify
// visits what it made until nothing changes. Answers are kept for the last few states of contexts, each told
// from others by its ranges and facts.
#pragma once

#include <memory>
#include <unordered_map>

#include "ir/simplify/sample_points.h"

namespace tw {

class Knowledge {
 public:
  explicit Knowledge(const Context& context) : context_(context) {}
  Knowledge(const Knowledge&) = delete;
  Knowledge& operator=(const Knowledge&) = delete;

  /// What is known of the state that the context is in; shared by all who ask in this thread.
  static std::shared_ptr<Knowledge> of(const Context& context);

  /// Whether the sum was found not to be negative, or no proof of it; null: it was not asked.
  const bool* find(const Sum& sum) const;
  void remember(const Sum& sum, bool proved);

  /// What a simplifier made of the expression; null: nothing yet.
  const Expr* find(const Expr& e) const;
  void remember(const Expr& e, const Expr& simpler);

  /// Points where all that is known holds.
  SamplePoints& points() { return points_; }

 private:
  struct Claim {
    Sum sum;
    bool proved;
  };
  Context context_;
  std::unordered_multimap<std::size_t, Claim> claims_;
  std::unordered_multimap<std::size_t, std::pair<Expr, Expr>> simpler_;
  SamplePoints points_{context_};
};

}  // namespace tw
