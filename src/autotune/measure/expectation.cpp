#include "autotune/measure/expectation.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "autotune/measure/compare.h"
#include "codegen/build.h"
#include "codegen/function_description.h"
#include "ir/interpret.h"
#include "runtime/core/call.h"
#include "runtime/element.h"
#include "runtime/threads.h"
#include "support/error.h"
#include "support/half.h"

namespace tw::autotune {
namespace {

constexpr int kSampledPoints = 16;
constexpr double kInterpreterSeconds = 0.5;  // for all points of a reference
constexpr double kMostInstances = 4e6;       // of a point
constexpr double kOfRounding = 8;            // that an error may be

double greatest_of(int32_t dtype) {
  switch (dtype) {
    case TW_FLOAT16: return 65504;
    case TW_BFLOAT16:
    case TW_FLOAT32: return std::numeric_limits<float>::max();
    default: return std::numeric_limits<double>::max();
  }
}

/// Of results whose own type is `dtype`.
double typical_of(const runtime::Array& array, int32_t dtype) {
  double sum = 0;
  int64_t count = 0;
  const int64_t elements = array.elements();
  const double most = greatest_of(dtype);
  for (int64_t i = 0; i < elements; ++i) {
    const double x = element_as_double(array.data(), array.dtype(), i);
    if (!(std::fabs(x) <= most)) continue;
    sum += x * x;
    ++count;
  }
  return std::max(std::sqrt(sum / static_cast<double>(std::max<int64_t>(count, 1))),
                  std::numeric_limits<double>::min());
}

/// One element as a tensor.
tw_tensor element_of(const void* data, int32_t dtype, int64_t index) {
  const char* at = static_cast<const char*>(data) + index * runtime::element_type(dtype).bytes;
  return {const_cast<char*>(at), dtype, 0, nullptr, nullptr};
}

/// The values with which an array begins, in the type that the program has for it.
void put_initial(const GuardedArray& array, const char* values, const runtime::Array& to) {
  if (to.dtype() == array.view().dtype) {
    std::memcpy(to.data(), values, array.bytes());
    return;
  }
  auto* const wide = static_cast<double*>(to.data());
  for (int64_t i = 0; i < to.elements(); ++i) wide[i] = element_as_double(values, array.view().dtype, i);
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
      if (is_output(param)) {
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
    for (const Arguments::InPlace& one : arguments_.in_place())
      std::memcpy(array(position_of(*one.array)).data(), one.values.data(), one.values.size());
    interpret(program, given_, {.check_races = false, .outputs_undefined = false});
    return true;
  }
  const runtime::Array& array(std::size_t output) const { return outputs_[output]; }

 private:
  std::size_t position_of(const GuardedArray& output) const {
    const auto& all = arguments_.outputs();
    return static_cast<std::size_t>(std::find(all.begin(), all.end(), &output) - all.begin());
  }

  Program first_;
  const Arguments& arguments_;
  std::vector<Argument> given_;
  std::vector<runtime::Array> outputs_;
};

}  // namespace

Expectation::Expectation(const Program& first, const codegen::Target& target,
                         std::shared_ptr<const Arguments> arguments)
    : first_(first),
      target_(target),
      arguments_(std::move(arguments)),
      wide_(run(arranged(widened(first)), *arguments_)) {
  for (std::size_t o = 0; o < wide_.size(); ++o)
    typical_.push_back(typical_of(wide_[o], arguments_->outputs()[o]->view().dtype));
}

std::vector<runtime::Array> Expectation::run(const Program& program, const Arguments& arguments) const {
  const auto module = codegen::build(program, target_);
  const tw_function& function = module->function();
  std::vector<runtime::Array> outputs;
  std::vector<tw_tensor> tensors;
  std::vector<int64_t> sizes;
  outputs.reserve(arguments.outputs().size());
  for (const Param& param : program->params) {
    if (is_output(param)) {
      const GuardedArray& array = *arguments.find(param.buffer->name);
      outputs.push_back(runtime::Array::allocate(codegen::dtype_code(param.buffer->dtype), array.shape()));
      if (const char* values = arguments.initial(param.buffer->name))
        put_initial(array, values, outputs.back());
      tensors.push_back(outputs.back().view());
    } else if (param.is_buffer()) {
      tensors.push_back(arguments.find(param.buffer->name)->view());
    } else if (param.param_kind == ParamKind::kSize) {
      sizes.push_back(arguments.sizes().at(param.var->name.text));
    }
  }
  if (tw_call(&function, runtime::shared_pool(), target_.threads, tensors.data(), sizes.data(), nullptr) !=
      TW_OK)
    raise_value("the reference of {} cannot be computed: {}", first_->name.text, tw_error());
  return outputs;
}

bool Expectation::is_mostly_nan() const {
  return std::any_of(wide_.begin(), wide_.end(), [](const runtime::Array& array) {
    int64_t count = 0;
    for (int64_t i = 0; i < array.elements(); ++i)
      count += std::isnan(element_as_double(array.data(), array.dtype(), i));
    return 2 * count > array.elements();
  });
}

double Expectation::rounding(std::size_t output, int64_t index) {
  if (wide_[output].dtype() != TW_FLOAT64) return 0;
  if (wide_nudged_.empty()) {
    const Arguments nudged = Arguments::nudged(*arguments_);
    wide_nudged_ = run(arranged(widened(first_)), nudged);
    narrow_nudged_ = run(arranged(first_), nudged);
  }
  const auto value = [&](const runtime::Array& array, int64_t i) {
    return element_as_double(array.data(), array.dtype(), i);
  };
  const std::vector<int64_t>& shape = arguments_->outputs()[output]->shape();
  const int64_t row = shape.empty() ? 1 : shape.back(), begin = index / row * row;
  double most = 0;
  for (int64_t i = begin; i < begin + row; ++i) {
    const double x = value(wide_nudged_[output], i), y = value(narrow_nudged_[output], i);
    if (std::isfinite(value(wide_[output], i)) != std::isfinite(x))
      return std::numeric_limits<double>::infinity();
    if (std::isfinite(x - y)) most = std::max(most, std::fabs(x - y));
  }
  return most;
}

bool Expectation::accepts(std::size_t output, const void* data, int64_t index, const Tolerance& tolerance) {
  const int32_t dtype = arguments_->outputs()[output]->view().dtype;
  const tw_tensor got = element_of(data, dtype, index);
  const auto is_near = [&](const runtime::Array& reference, const Tolerance& allowed) {
    return first_difference(got, element_of(reference.data(), reference.dtype(), index), allowed).index < 0;
  };
  if (is_near(wide_[output], tolerance)) return true;
  if (narrow_.empty()) narrow_ = run(arranged(first_), *arguments_);
  if (is_near(narrow_[output], tolerance)) return true;
  if (arguments_->what() == Draw::kNormal) return false;
  const double off = rounding(output, index);
  if (std::isinf(off)) return true;
  return off > 0 && is_near(wide_[output], {tolerance.relative, tolerance.absolute + kOfRounding * off});
}

void Expectation::check() {
  const auto start = std::chrono::steady_clock::now();
  Interpretation interpreted(first_, *arguments_);
  const std::vector<GuardedArray*>& outputs = arguments_->outputs();
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    const tw_tensor shape = outputs[o]->view();
    const Tolerance tolerance = tolerance_of(first_, first_, static_cast<int>(o), typical_[o]);
    for (const std::vector<int64_t>& point : points_of(outputs[o]->shape())) {
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      if (spent.count() > kInterpreterSeconds) return;
      if (!interpreted.compute(static_cast<int>(o), point)) break;
      int64_t index = 0;
      for (std::size_t d = 0; d < point.size(); ++d) index = index * shape.shape[d] + point[d];
      const runtime::Array& value = interpreted.array(o);
      if (!accepts(o, value.data(), index, tolerance))
        raise_internal("the reference of {} is wrong: {} is {:.9g}, the interpreter says {:.9g}",
                       first_->name.text, element_name(outputs[o]->name(), shape, index),
                       element_as_double(wide_[o].data(), wide_[o].dtype(), index),
                       element_as_double(value.data(), value.dtype(), index));
    }
  }
}

}  // namespace tw::autotune
