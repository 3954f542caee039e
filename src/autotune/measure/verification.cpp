#include "autotune/measure/verification.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <fmt/ranges.h>

#include "autotune/measure/compare.h"
#include "autotune/measure/fault.h"
#include "autotune/measure/reference.h"
#include "codegen/function_description.h"
#include "ir/interpret.h"
#include "runtime/core/call.h"
#include "runtime/threads.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

constexpr int kSampledPoints = 16;
constexpr double kInterpreterSeconds = 0.5;  // for all points of a reference
constexpr double kMostInstances = 4e6;       // of a point

double typical_of(const runtime::Array& array) {
  double sum = 0;
  int64_t count = 0;
  const int64_t elements = array.elements();
  for (int64_t i = 0; i < elements; ++i) {
    const double x = element_as_double(array.data(), array.dtype(), i);
    if (!std::isfinite(x)) continue;
    sum += x * x;
    ++count;
  }
  return std::max(std::sqrt(sum / static_cast<double>(std::max<int64_t>(count, 1))),
                  std::numeric_limits<double>::min());
}

std::string sizes_text(const Values& sizes) {
  std::string text;
  for (const auto& [name, value] : sizes)
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, value);
  return text;
}

/// Corners of a shape, then points drawn from it, many of them at its edges: there schedules go wrong.
std::vector<std::vector<int64_t>> points_of(const std::vector<int64_t>& shape) {
  std::vector<std::vector<int64_t>> points;
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return points;
  std::mt19937_64 random(1);
  for (int i = 0; i < kSampledPoints; ++i) {
    std::vector<int64_t> point;
    for (const int64_t extent : shape) {
      const uint64_t kind = i < 2 ? static_cast<uint64_t>(i) : random() % 4;
      const auto inside = static_cast<int64_t>(random() % static_cast<uint64_t>(extent));
      point.push_back(kind == 0 ? 0 : kind == 1 ? extent - 1 : inside);
    }
    if (std::find(points.begin(), points.end(), point) == points.end()) points.push_back(std::move(point));
  }
  return points;
}

/// The interpreter's value of one element of an output.
class Interpretation {
 public:
  Interpretation(const Program& first, const Arguments& arguments) : first_(first), arguments_(arguments) {
    for (const Param& param : first->params) {
      if (!param.is_argument()) continue;
      if (!param.is_buffer()) {
        given_.emplace_back(arguments.sizes().at(param.var->name.text));
        continue;
      }
      const GuardedArray& array = *arguments.find(param.buffer->name);
      void* data = array.data();
      if (param.param_kind == ParamKind::kOutput) {
        outputs_.push_back(runtime::Array::allocate(array.view().dtype, array.shape()));
        std::memset(outputs_.back().data(), 0, static_cast<std::size_t>(outputs_.back().bytes()));
        data = outputs_.back().data();
      }
      given_.emplace_back(ArrayView{data, param.buffer->dtype, array.shape(), {}});
    }
  }

  /// Whether it could be had at a fair cost; then `array(output)` holds it at its place.
  bool compute(int output, const std::vector<int64_t>& point) {
    const Program program =
        restricted(first_, output, point, std::vector<int64_t>(point.size(), 1), arguments_.sizes());
    if (instances_of(program) > kMostInstances) return false;
    interpret(program, given_, {.check_races = false, .outputs_undefined = false});
    return true;
  }
  const runtime::Array& array(std::size_t output) const { return outputs_[output]; }

 private:
  Program first_;
  const Arguments& arguments_;
  std::vector<Argument> given_;
  std::vector<runtime::Array> outputs_;
};

}  // namespace

Expectation::Expectation(const Program& first, const codegen::Target& target,
                         std::shared_ptr<const Arguments> arguments)
    : first_(first), target_(target), arguments_(std::move(arguments)), wide_(run(arranged(widened(first)))) {
  for (const runtime::Array& array : wide_) typical_.push_back(typical_of(array));
}

const runtime::Array& Expectation::narrow(std::size_t output) {
  if (narrow_.empty()) narrow_ = run(arranged(first_));
  return narrow_[output];
}

std::vector<runtime::Array> Expectation::run(const Program& program) const {
  const auto module = codegen::build(program, target_);
  const tw_function& function = module->function();
  std::vector<runtime::Array> outputs;
  std::vector<tw_tensor> tensors;
  std::vector<int64_t> sizes;
  outputs.reserve(arguments_->outputs().size());
  for (const Param& param : program->params) {
    if (param.param_kind == ParamKind::kOutput) {
      outputs.push_back(runtime::Array::allocate(codegen::dtype_code(param.buffer->dtype),
                                                 arguments_->find(param.buffer->name)->shape()));
      tensors.push_back(outputs.back().view());
    } else if (param.is_buffer()) {
      tensors.push_back(arguments_->find(param.buffer->name)->view());
    } else if (param.param_kind == ParamKind::kSize) {
      sizes.push_back(arguments_->sizes().at(param.var->name.text));
    }
  }
  if (tw_call(&function, runtime::shared_pool(), target_.threads, tensors.data(), sizes.data(), nullptr) !=
      TW_OK)
    raise_value("the reference of {} cannot be computed: {}", first_->name.text, tw_error());
  return outputs;
}

Verifier::Verifier(Task task, codegen::Target target,
                   std::function<std::shared_ptr<const Arguments>(std::size_t)> arguments_at)
    : task_(std::move(task)),
      target_(std::move(target)),
      arguments_at_(std::move(arguments_at)),
      sizes_(task_.sizes) {
  for (Values& sizes : ragged_sizes(task_.program, task_.sizes.front())) sizes_.push_back(std::move(sizes));
}

Expectation& Verifier::at(std::size_t size) {
  std::unique_ptr<Expectation>& expected = expected_[size];
  if (!expected) {
    auto arguments = size < task_.sizes.size()
                         ? arguments_at_(size)
                         : std::make_shared<const Arguments>(task_.program, sizes_[size], task_.seed);
    auto made = std::make_unique<Expectation>(task_.program, target_, std::move(arguments));
    check_reference(*made);
    expected = std::move(made);
  }
  return *expected;
}

void Verifier::check_reference(Expectation& expected) {
  const auto begin = std::chrono::steady_clock::now();
  Interpretation interpreted(task_.program, expected.arguments());
  const std::vector<GuardedArray*>& outputs = expected.arguments().outputs();
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    const tw_tensor shape = outputs[o]->view();
    const Tolerance tolerance =
        tolerance_of(task_.program, task_.program, static_cast<int>(o), expected.typical(o));
    for (const std::vector<int64_t>& point : points_of(outputs[o]->shape())) {
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
      if (spent.count() > kInterpreterSeconds) return;
      if (!interpreted.compute(static_cast<int>(o), point)) break;
      int64_t index = 0;
      for (std::size_t d = 0; d < point.size(); ++d) index = index * shape.shape[d] + point[d];
      const runtime::Array& value = interpreted.array(o);
      const auto differs = [&](const runtime::Array& reference) {
        tw_tensor one = value.view(), other = reference.view();
        one.ndim = other.ndim = 0;
        one.data = static_cast<char*>(one.data) + index * (value.bytes() / value.elements());
        other.data = static_cast<char*>(other.data) + index * (reference.bytes() / reference.elements());
        return first_difference(one, other, tolerance).index >= 0;
      };
      if (differs(expected.wide(o)) && differs(expected.narrow(o)))
        raise_internal("the reference of {} is wrong: {} is {:.9g}, the interpreter says {:.9g}",
                       task_.program->name.text, element_name(outputs[o]->name(), shape, index),
                       element_as_double(expected.wide(o).data(), expected.wide(o).dtype(), index),
                       element_as_double(value.data(), value.dtype(), index));
    }
  }
}

Verdict Verifier::run(Kernel& kernel, const Values& parameters, const Arguments& arguments,
                      Expectation& expected, double run_seconds) {
  const BoundCall call = kernel.bind(arguments, parameters);
  for (GuardedArray* output : arguments.outputs()) output->poison();
  int32_t code = TW_OK;
  {
    const fault::TimeLimit limit(run_seconds, Status::kTimeout);
    code = call.run_checked();
  }
  if (code != TW_OK) return {Status::kFailed, tw_error()};
  Verdict verdict;
  for (const auto& array : arguments.arrays())
    if (const auto damage = array->damage()) return {Status::kOutOfBounds, *damage};
  for (std::size_t o = 0; o < arguments.outputs().size(); ++o) {
    const GuardedArray& output = *arguments.outputs()[o];
    const Tolerance tolerance =
        tolerance_of(kernel.program(), task_.program, static_cast<int>(o), expected.typical(o));
    for (int64_t begin = 0;;) {
      const Difference off = first_difference(output.view(), expected.wide(o).view(), tolerance, begin);
      verdict.worst = std::max(verdict.worst, off.worst);
      if (off.index < 0) break;
      // Where the workload's own types give something else than float64 does, that is right too.
      const double got = element_as_double(output.data(), output.view().dtype, off.index);
      tw_tensor one = output.view(), other = expected.narrow(o).view();
      const int64_t shape[] = {off.index + 1};
      one.ndim = other.ndim = 1;
      one.shape = other.shape = shape;
      if (first_difference(one, other, tolerance, off.index).index < 0) {
        begin = off.index + 1;
        continue;
      }
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

Verdict Verifier::verify(Kernel& kernel, const Values& parameters, PreparedCache& cache, double run_seconds,
                         const std::function<void()>& alive) {
  Verdict verdict;
  for (std::size_t size = 0; size < sizes_.size(); ++size) {
    alive();
    Expectation& expected = at(size);
    kernel.prepare(expected.arguments(), cache);
    alive();
    Verdict one = run(kernel, parameters, expected.arguments(), expected, run_seconds);
    if (one.status == Status::kOk) {
      alive();
      verdict.worst = std::max(verdict.worst, one.worst);
      const Arguments shifted(expected.arguments(), GuardedArray::Against::kStart);
      one = run(kernel, parameters, shifted, expected, run_seconds);
    }
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
