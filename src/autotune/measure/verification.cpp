#include "autotune/measure/verification.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/ranges.h>

#include "autotune/measure/compare.h"
#include "autotune/measure/fault.h"
#include "ir/equal.h"
#include "ir/reducers.h"
#include "ir/visit.h"
#include "runtime/core/call.h"
#include "schedule/rewrite.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

std::string sizes_text(const Values& sizes) {
  std::string text;
  for (const auto& [name, value] : sizes)
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, value);
  return text;
}

/// Whether NaN and infinities give the same results in whatever order reductions run: one of a user's own may
/// keep either of two.
bool takes_non_finite(const Program& program) {
  return !contains<Block>(program->body.get(), [](const Block& block) {
    if (!block.reducer) return false;
    const ReducerNode& reducer = *block.reducer;
    const Reducer known =
        reducer.lhs.size() == 1 ? known_reducer(reducer.name.text, reducer.lhs[0].dtype()) : Reducer();
    return !known || !structural_equal(block.reducer, known);
  });
}

}  // namespace

/// A candidate with what it is run with.
struct Verifier::Run {
  Kernel& kernel;
  const Values& parameters;
  PreparedCache& cache;
  double seconds;  // at most
};

Verifier::Verifier(Task task, codegen::Target target,
                   std::function<std::shared_ptr<const Arguments>(std::size_t)> arguments_at)
    : task_(std::move(task)),
      target_(std::move(target)),
      arguments_at_(std::move(arguments_at)),
      sizes_(task_.sizes) {
  for (Values& sizes : ragged_sizes(task_.program, task_.sizes.front())) sizes_.push_back(std::move(sizes));
}

Expectation& Verifier::normal_at(std::size_t size) {
  std::unique_ptr<Expectation>& expected = normal_[size];
  if (!expected) {
    auto arguments = size < task_.sizes.size()
                         ? arguments_at_(size)
                         : std::make_shared<const Arguments>(task_.program, sizes_[size], task_.seed);
    auto made = std::make_unique<Expectation>(task_.program, target_, std::move(arguments));
    made->check();
    expected = std::move(made);
  }
  return *expected;
}

/// Null where the workload has no results at the edges: subscripts that data give may lead out of a buffer
/// there.
Expectation* Verifier::edges_at(std::size_t size) {
  const auto known = edges_.find(size);
  if (known != edges_.end()) return known->second.get();
  std::unique_ptr<Expectation> made;
  for (const Draw what : {Draw::kNonFinite, Draw::kEdges}) {
    if (what == Draw::kNonFinite && !takes_non_finite(task_.program)) continue;
    try {
      made = std::make_unique<Expectation>(
          task_.program, target_,
          std::make_shared<const Arguments>(task_.program, sizes_[size], task_.seed, what));
    } catch (const UserError&) {
      break;
    }
    if (what == Draw::kEdges || !made->is_mostly_nan()) break;
  }
  if (made) made->check();
  return (edges_[size] = std::move(made)).get();
}

Verdict Verifier::run(const Run& run, const Arguments& arguments, Expectation& expected) {
  const BoundCall call = run.kernel.bind(arguments, run.parameters);
  arguments.reset();
  int32_t code = TW_OK;
  {
    const fault::TimeLimit limit(run.seconds, Status::kTimeout);
    code = call.run_checked();
  }
  if (code != TW_OK) return {Status::kFailed, tw_error()};
  Verdict verdict;
  for (const auto& array : arguments.arrays())
    if (const auto damage = array->damage()) return {Status::kOutOfBounds, *damage};
  // Where an algorithm is another one, what is NaN or infinite may spread to its neighbours.
  const bool may_spread =
      arguments.what() == Draw::kNonFinite && !schedule::applied_rewrites(run.kernel.program()).empty();
  for (std::size_t o = 0; o < arguments.outputs().size(); ++o) {
    const GuardedArray& output = *arguments.outputs()[o];
    const Tolerance tolerance =
        tolerance_of(run.kernel.program(), task_.program, static_cast<int>(o), expected.typical(o));
    for (int64_t begin = 0;; ++begin) {
      const Difference off = first_difference(output.view(), expected.wide(o).view(), tolerance, begin);
      verdict.worst = std::max(verdict.worst, off.worst);
      if (off.index < 0) break;
      begin = off.index;
      const double got = element_as_double(output.data(), output.view().dtype, off.index);
      if ((may_spread && !std::isfinite(got)) || expected.accepts(o, output.data(), off.index, tolerance))
        continue;
      const double reference =
          element_as_double(expected.wide(o).data(), expected.wide(o).dtype(), off.index);
      verdict.status = Status::kWrong;
      verdict.worst = std::numeric_limits<double>::infinity();
      verdict.cause = fmt::format("{} is {:.9g}, the reference {:.9g}, beyond the tolerance {:.3g}",
                                  element_name(output.name(), output.view(), off.index), got, reference,
                                  tolerance.absolute + tolerance.relative * std::fabs(reference));
      return verdict;
    }
  }
  return verdict;
}

Verdict Verifier::verify_at(std::size_t size, const Run& given, const std::function<void()>& alive) {
  Verdict verdict;
  const auto holds = [&](const Arguments& arguments, Expectation& expected) {
    alive();
    const double worst = verdict.worst;
    verdict = run(given, arguments, expected);
    verdict.worst = std::max(verdict.worst, worst);
    return verdict.status == Status::kOk;
  };
  alive();
  Expectation& normal = normal_at(size);
  given.kernel.prepare(normal.arguments(), given.cache);
  if (!holds(normal.arguments(), normal)) return verdict;
  if (!holds(Arguments(normal.arguments(), GuardedArray::Against::kStart), normal)) return verdict;
  alive();
  Expectation* const edges = edges_at(size);
  if (!edges) return verdict;
  given.kernel.prepare(edges->arguments(), given.cache);
  if (!holds(edges->arguments(), *edges))
    verdict.cause += edges->arguments().what() == Draw::kEdges
                         ? "; inputs have ties, zeros and large numbers"
                         : "; inputs have ties, zeros, large numbers, infinities and NaN";
  given.kernel.forget_prepared(edges->arguments().what());
  return verdict;
}

Verdict Verifier::verify(Kernel& kernel, const Values& parameters, PreparedCache& cache, double run_seconds,
                         const std::function<void()>& alive) {
  Verdict verdict;
  for (std::size_t size = 0; size < sizes_.size(); ++size) {
    Verdict one = verify_at(size, {kernel, parameters, cache, run_seconds}, alive);
    if (one.status != Status::kOk) {
      if (!sizes_[size].empty()) one.cause += fmt::format(" (at {})", sizes_text(sizes_[size]));
      return one;
    }
    verdict.worst = std::max(verdict.worst, one.worst);
  }
  return verdict;
}

std::vector<Values> ragged_sizes(const Program& program, const Values& sizes) {
  Values least, odd;
  for (const Param& param : program->params) {
    if (param.is_buffer() || param.param_kind == ParamKind::kTunable) continue;
    const std::string& name = param.var->name;
    const auto given = sizes.find(name);
    if (given == sizes.end()) return {};
    const int64_t unit = param.var->multiple_of;
    least[name] = std::min(given->second, (std::max<int64_t>(param.var->min, 1) + unit - 1) / unit * unit);
    odd[name] = std::max(least[name], given->second - unit);
  }
  std::vector<Values> ragged;
  for (const Values& one : {least, odd}) {
    if (one == sizes || std::find(ragged.begin(), ragged.end(), one) != ragged.end()) continue;
    try {
      for (const Param& param : program->params)
        if (param.is_buffer()) shape_at(program, *param.buffer, one);
      ragged.push_back(one);
    } catch (const UserError&) {  // sizes that do not go together
    }
  }
  return ragged;
}

}  // namespace tw::autotune
