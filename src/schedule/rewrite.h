// The registry of rewrites: one algorithm in place of another, as a step of a schedule.
//
// A rewrite recognises what a block (with the blocks that feed it, where it says so) computes, from its axes
// and accesses alone, and gives tensor expressions that compute the same elements in another way. The
// primitive `rewrite` lowers those to blocks, which take the place of the old ones. Each rewrite is one file
// under rewrites/ that registers itself; it declares how far its results may be from the old ones, and what
// it does with values that are not finite.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "schedule/primitive.h"
#include "te/tensor.h"

namespace tw::schedule {

// X(Name, text): what the error of a result is measured by.
#define TW_ERROR_SCALES(X)                                                            \
  X(Terms, "terms") /* the sum of the magnitudes of the terms of its own reduction */ \
  X(Largest,                                                                          \
    "largest") /* that sum if every operand had the largest magnitude in its buffer: n * max|a| * max|b| */

enum class ErrorScale : uint8_t {
#define TW_SCALE(Name, text) k##Name,
  TW_ERROR_SCALES(TW_SCALE)
#undef TW_SCALE
};

/// What a rewrite puts in the place of blocks.
struct Replacement {
  /// The blocks that go: the one asked for and those that only it needed.
  std::vector<int64_t> replaced;
  /// Placeholders that the new expressions read, and the buffers of the program that they stand for.
  std::vector<std::pair<te::Tensor, Buffer>> inputs;
  /// Results of the new expressions, and the buffers that take them whole: those that the blocks wrote.
  std::vector<std::pair<te::Tensor, Buffer>> outputs;
  /// |new - exact| <= (error_factor + error_per_term * n) * eps * scale, to first order in eps and unless
  /// something underflows. n counts the terms of the old reduction (its operands taken exactly),
  /// `error_scale` says what scale is, and eps is half a unit in the last place of 1 in the accumulating
  /// type. What the old order of summation may itself lose is not in it: a reduction of n terms has n - 1. 0:
  /// exact but for the order of a declared reduction.
  double error_factor = 0;
  double error_per_term = 0;
  ErrorScale error_scale = ErrorScale::kTerms;
};

struct Rewrite {
  std::string name;
  std::string summary;           // one line
  std::string doc;               // what is recognised, what comes in its place, sources
  std::string error;             // the bound in words and formula
  std::string non_finite;        // what becomes of infinities, NaN and overflow
  std::vector<ArgSpec> options;  // of kinds kInt, kExtent, kBool, kText and kAttr
  /// Python that a test runs, over `s`, a schedule of a matrix product C, unless it makes its own.
  std::string example;
  /// Refuses, naming what is not as it must be, or gives the replacement. Options have been checked:
  /// `option_value` gives them.
  std::function<Replacement(const Step&, const BlockPlace&)> apply;
};

/// Registers at start-up: `const RewriteRegistration registration{{.name = …}};`.
struct RewriteRegistration {
  explicit RewriteRegistration(Rewrite rewrite);
};

/// All rewrites by name, sorted.
const std::vector<const Rewrite*>& rewrites();
/// Null when there is none.
const Rewrite* find_rewrite(const std::string& name);

/// An option of the rewrite that a step of `rewrite(block, name, **options)` asks for: what was given, or its
/// default.
Value option_value(const Step& step, const std::string& option);

/// A rewrite that a program has been through.
struct AppliedRewrite {
  std::string call;  // "winograd(m=4)"
  double error_factor = 0, error_per_term = 0;
  ErrorScale error_scale = ErrorScale::kTerms;
};

/// The rewrites that made the program, in order, kept in its attribute "rewrites". Who compares its results
/// with others derives the tolerance from them.
std::vector<AppliedRewrite> applied_rewrites(const Program& program);

/// The same attributes with one more.
Attrs with_applied_rewrite(const Program& program, const AppliedRewrite& rewrite);

}  // namespace tw::schedule
