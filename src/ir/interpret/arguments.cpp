#include "ir/interpret/arguments.h"

#include <algorithm>
#include <cstring>

#include "ir/interpret/compiler.h"
#include "ir/interpret/machine.h"

namespace tw::interpreter {
namespace {

/// Calls f with the position of each element, the last dimension fastest.
template <class F>
void for_each_position(const std::vector<int64_t>& shape, F&& f) {
  if (std::any_of(shape.begin(), shape.end(), [](int64_t extent) { return extent <= 0; })) return;
  std::vector<int64_t> at(shape.size(), 0);
  while (true) {
    f(at);
    std::size_t d = shape.size();
    while (d > 0 && ++at[d - 1] == shape[d - 1]) at[--d] = 0;
    if (d == 0) return;
  }
}

int64_t offset_in(const std::vector<int64_t>& at, const std::vector<int64_t>& strides) {
  int64_t offset = 0;
  for (std::size_t d = 0; d < at.size(); ++d) offset += at[d] * strides[d];
  return offset;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return element_name("", shape);
}

}  // namespace

Arguments::Arguments(const Program& program, std::span<const Argument> arguments,
                     const InterpretOptions& options, Memory& memory)
    : program_(program), options_(options), memory_(memory) {
  take(arguments);
  take_tunables();
  deduce_shapes();
  check_extents();
  check_overlap();
}

void Arguments::mismatch(const std::string& what) const {
  std::string expected;
  for (const Param& param : program_->params) {
    if (!param.is_argument()) continue;
    expected += expected.empty() ? "" : ", ";
    expected += param.is_buffer() ? param.buffer->name.text : param.var->name.text;
  }
  raise_value("{}; program '{}' takes ({})", what, program_->name.text, expected);
}

void Arguments::set(const Var& var, int64_t value, const std::string& what) {
  const auto [at, fresh] = values_.try_emplace(&*var, value);
  if (!fresh && at->second != value)
    mismatch(fmt::format("{} gives {} = {}, but {} gives {}", what, var->name.text, value, sources_[&*var],
                         at->second));
  if (!fresh) return;
  sources_[&*var] = what;
  if (value < var->min || value > var->max)
    mismatch(fmt::format("{} gives {} = {}, which is not in [{}, {}]", what, var->name.text, value,
                         var->min == kNoMin ? "-inf" : std::to_string(var->min),
                         var->max == kNoMax ? "inf" : std::to_string(var->max)));
  if (value % var->multiple_of != 0)
    mismatch(fmt::format("{} gives {} = {}, which is not a multiple of {}", what, var->name.text, value,
                         var->multiple_of));
}

void Arguments::take(std::span<const Argument> arguments) {
  std::size_t position = 0;
  const auto count = std::count_if(program_->params.begin(), program_->params.end(),
                                   [](const Param& param) { return param.is_argument(); });
  if (static_cast<std::size_t>(count) != arguments.size())
    mismatch(fmt::format("{} arguments are given, {} are needed", arguments.size(), count));
  for (const Param& param : program_->params) {
    if (!param.is_argument()) continue;
    const Argument& argument = arguments[position];
    if (param.is_buffer()) {
      take_array(param, argument, position);
    } else {
      const auto* value = std::get_if<int64_t>(&argument);
      if (!value)
        mismatch(fmt::format("argument {} ('{}') is an array; an integer is needed", position,
                             param.var->name.text));
      set(param.var, *value, fmt::format("argument {} ('{}')", position, param.var->name.text));
    }
    ++position;
  }
}

void Arguments::take_array(const Param& param, const Argument& argument, std::size_t position) {
  const Buffer& buffer = param.buffer;
  const std::string name = fmt::format("argument {} ('{}')", position, buffer->name.text);
  const auto* view = std::get_if<ArrayView>(&argument);
  if (!view) mismatch(fmt::format("{} is an integer; an array is needed", name));
  if (view->dtype != buffer->dtype)
    mismatch(
        fmt::format("{} has type {}; {} is needed", name, to_string(view->dtype), to_string(buffer->dtype)));
  if (view->shape.size() != buffer->shape.size())
    mismatch(fmt::format("{} has rank {} (shape {}); rank {} is needed", name, view->shape.size(),
                         shape_text(view->shape), buffer->rank()));
  if (!view->strides.empty() && view->strides.size() != view->shape.size())
    mismatch(
        fmt::format("{} has {} strides for {} dimensions", name, view->strides.size(), view->shape.size()));
  bool empty = false;
  for (const int64_t extent : view->shape) {
    if (extent < 0) mismatch(fmt::format("{} has the negative extent {}", name, extent));
    empty |= extent == 0;
  }
  if (!view->data && !empty) mismatch(fmt::format("{} has no memory", name));
  Array array{&param, *view, view->strides, name};
  if (array.strides.empty())
    for (const Dimension& dim : dense_dimensions(view->shape)) array.strides.push_back(dim.stride);
  arrays_.push_back(std::move(array));
}

void Arguments::take_tunables() {
  auto left = options_.tunables;
  for (const Param& param : program_->params) {
    if (param.param_kind != ParamKind::kTunable) continue;
    const std::string& name = param.var->name;
    const auto given = left.find(name);
    set(param.var, given == left.end() ? param.default_value : given->second,
        fmt::format("tunable '{}'", name));
    if (given != left.end()) left.erase(given);
  }
  if (!left.empty()) mismatch(fmt::format("the program has no tunable '{}'", left.begin()->first));
}

void Arguments::deduce_shapes() {
  std::map<const Variable*, bool> shapes;
  for (const Param& param : program_->params)
    if (param.param_kind == ParamKind::kShape) shapes[&*param.var] = true;
  for (const Array& array : arrays_)
    for (std::size_t d = 0; d < array.view.shape.size(); ++d)
      if (const auto* var = as<Variable>(array.param->buffer->shape[d]); var && shapes.contains(var))
        set(Var(var), array.view.shape[d], fmt::format("dimension {} of {}", d, array.name));
  for (const Param& param : program_->params)
    if (!param.is_buffer() && !values_.contains(&*param.var))
      raise_value("no argument's shape shows '{}' of program '{}'; make it a size, which the caller gives",
                  param.var->name.text, program_->name.text);
}

void Arguments::check_extents() {
  const CompiledExtents compiled = compile_extents(program_);
  Machine machine(program_, compiled.code, memory_);
  for (const auto& [var, reg] : compiled.variables)
    machine.registers()[reg] = static_cast<Slot>(values_.at(var));
  machine.run();
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    const Array& array = arrays_[i];
    for (std::size_t d = 0; d < array.view.shape.size(); ++d) {
      const auto needed = static_cast<int64_t>(machine.registers()[compiled.extents[i][d]]);
      if (array.view.shape[d] != needed)
        mismatch(fmt::format("dimension {} of {} is {}; {} is needed", d, array.name, array.view.shape[d],
                             needed));
      if (compiled.strides[i].empty() || needed <= 1) continue;
      const auto stride = static_cast<int64_t>(machine.registers()[compiled.strides[i][d]]);
      if (array.strides[d] != stride)
        mismatch(fmt::format("dimension {} of {} has stride {}; {} is needed", d, array.name,
                             array.strides[d], stride));
    }
  }
}

namespace {

struct Span {
  uintptr_t begin, end;
};

/// The bytes from the first to the last of an array.
Span bytes_of(const ArrayView& view, const std::vector<int64_t>& strides) {
  const auto base = reinterpret_cast<uintptr_t>(view.data);
  int64_t low = 0, high = 1;
  for (std::size_t d = 0; d < view.shape.size(); ++d) {
    if (view.shape[d] == 0) return {base, base};
    const int64_t reach = (view.shape[d] - 1) * strides[d];
    (reach < 0 ? low : high) += reach;
  }
  const int64_t bytes = view.dtype.bytes();
  return {base + static_cast<uintptr_t>(low * bytes), base + static_cast<uintptr_t>(high * bytes)};
}

}  // namespace

void Arguments::check_overlap() const {
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    const Array& out = arrays_[i];
    if (!out.is_output()) continue;
    const Span span = bytes_of(out.view, out.strides);
    if (span.begin == span.end) continue;
    std::vector<bool> owned;  // bytes of the output
    auto mark = [&] {
      owned.assign(span.end - span.begin, false);
      const auto bytes = static_cast<std::size_t>(out.view.dtype.bytes());
      for_each_position(out.view.shape, [&](const std::vector<int64_t>& at) {
        const auto base = reinterpret_cast<uintptr_t>(out.view.data) - span.begin +
                          static_cast<uintptr_t>(offset_in(at, out.strides)) * bytes;
        for (std::size_t b = 0; b < bytes; ++b) {
          if (owned[base + b])
            mismatch(fmt::format("two elements of {}, which is written, share memory", out.name));
          owned[base + b] = true;
        }
      });
    };
    if (!out.view.strides.empty()) mark();
    for (std::size_t j = 0; j < arrays_.size(); ++j) {
      const Array& other = arrays_[j];
      const Span overlap = bytes_of(other.view, other.strides);
      if (i == j || overlap.begin >= span.end || overlap.end <= span.begin) continue;
      if (owned.empty()) mark();
      const auto bytes = static_cast<std::size_t>(other.view.dtype.bytes());
      for_each_position(other.view.shape, [&](const std::vector<int64_t>& at) {
        const auto base = reinterpret_cast<uintptr_t>(other.view.data) +
                          static_cast<uintptr_t>(offset_in(at, other.strides)) * bytes;
        for (std::size_t b = 0; b < bytes; ++b)
          if (base + b >= span.begin && base + b < span.end && owned[base + b - span.begin])
            mismatch(fmt::format("{}, which is written, shares memory with {}", out.name, other.name));
      });
    }
  }
}

std::vector<Storage*> Arguments::copy_in(const std::vector<Needs>& needs) {
  std::vector<Storage*> out;
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    Array& array = arrays_[i];
    array.storage = memory_.allocate({array.param->buffer.get(), i, dense_dimensions(array.view.shape),
                                      needs[i].tracked, false, needs[i].init_tables});
    if (!array.storage)
      raise_value("memory limit: the copy of {} of shape {} does not fit", array.name,
                  shape_text(array.view.shape));
    out.push_back(array.storage);
    if (array.param->param_kind == ParamKind::kOutput && options_.outputs_undefined) continue;
    const auto bytes = static_cast<std::size_t>(array.view.dtype.bytes());
    std::byte* to = array.storage->data.get();
    for_each_position(array.view.shape, [&](const std::vector<int64_t>& at) {
      std::memcpy(to,
                  static_cast<std::byte*>(array.view.data) +
                      offset_in(at, array.strides) * static_cast<int64_t>(bytes),
                  bytes);
      to += bytes;
    });
    std::fill_n(array.storage->states.get(), array.storage->elements, ElementState::kDefined);
  }
  return out;
}

void Arguments::copy_out() {
  for (const Array& array : arrays_) {
    if (!array.is_output()) continue;
    const ElementState* state = array.storage->states.get();
    for_each_position(array.view.shape, [&](const std::vector<int64_t>& at) {
      const ElementState found = *state++;
      if (found == ElementState::kDefined) return;
      raise_value("{} of output '{}' {}, in program '{}'", element_name(array.param->buffer->name, at),
                  array.name,
                  found == ElementState::kInFlight
                      ? "is still in flight: an asynchronous copy to it was never waited for"
                      : "is never written",
                  program_->name.text);
    });
  }
  for (const Array& array : arrays_) {
    if (!array.is_output()) continue;
    const auto bytes = static_cast<std::size_t>(array.view.dtype.bytes());
    const std::byte* from = array.storage->data.get();
    for_each_position(array.view.shape, [&](const std::vector<int64_t>& at) {
      std::memcpy(static_cast<std::byte*>(array.view.data) +
                      offset_in(at, array.strides) * static_cast<int64_t>(bytes),
                  from, bytes);
      from += bytes;
    });
  }
}

}  // namespace tw::interpreter
