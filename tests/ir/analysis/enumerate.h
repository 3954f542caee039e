// Exhaustive evaluation of small index expressions: the judge of the analyses.
#pragma once

#include <functional>
#include <random>
#include <unordered_map>

#include "common/fuzzing.h"
#include "ir/analysis/iter_map.h"
#include "ir/program.h"

namespace tw::test {

using Env = std::unordered_map<const Variable*, int64_t>;

/// The value of an expression of type index or bool that reads no buffer.
int64_t evaluate(const Expr& e, const Env& env);

/// Calls f for every turn of the loops, in order; extents may use outer variables.
void for_each_turn(const std::vector<LoopRange>& loops, Env& env, const std::function<void()>& f,
                   std::size_t from = 0);

/// Uniform in [low, high].
int64_t pick(std::mt19937_64& random, int64_t low, int64_t high);

}  // namespace tw::test
