#include "autotune/measure/arguments.h"

#include <algorithm>
#include <cstring>

#include "codegen/function_description.h"
#include "ir/simplify.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

VarMap values_of(const Program& program, const Values& sizes) {
  VarMap values;
  for (const Param& param : program->params) {
    if (param.is_buffer() || param.param_kind == ParamKind::kTunable) continue;
    const std::string& name = param.var->name;
    const auto found = sizes.find(name);
    if (found == sizes.end()) raise_value("{}: the size '{}' is not given", program->name.text, name);
    const int64_t value = found->second;
    if (value < param.var->min || value > param.var->max || value % param.var->multiple_of != 0)
      raise_value("{}: the size '{}' cannot be {}: it lies in [{}, {}], a multiple of {}", program->name.text,
                  name, value, param.var->min, param.var->max, param.var->multiple_of);
    values[&*param.var] = Expr(value);
  }
  return values;
}

/// Of integers that are read as subscripts the extent of the smallest dimension that they count.
std::map<const BufferNode*, int64_t> subscript_limits(const Program& program, const VarMap& sizes) {
  std::map<const BufferNode*, int64_t> limits;
  const auto limit_reads = [&](const Buffer& buffer, const std::vector<Expr>& indices) {
    for (std::size_t d = 0; d < indices.size(); ++d) {
      for_each_node(indices[d], [&](const Node* node) {
        const auto* read = as<Load>(node);
        if (!read || !read->buffer->dtype.is_integer()) return;
        const auto extent = as_int(simplify(substitute(buffer->shape[d], sizes)));
        if (!extent) return;
        const auto at = limits.emplace(read->buffer.get(), *extent).first;
        at->second = std::min(at->second, *extent);
      });
    }
  };
  for_each_node(program, [&](const Node* node) {
    if (const auto* load = as<Load>(node)) limit_reads(load->buffer, load->indices);
    if (const auto* store = as<Store>(node)) limit_reads(store->buffer, store->indices);
  });
  return limits;
}

}  // namespace

std::vector<int64_t> shape_at(const Program& program, const BufferNode& buffer, const Values& sizes) {
  const VarMap values = values_of(program, sizes);
  std::vector<int64_t> shape;
  for (const Expr& extent : buffer.shape) {
    const auto number = as_int(simplify(substitute(extent, values)));
    if (!number)
      raise_internal("{}: an extent of '{}' does not follow from the sizes", program->name.text,
                     buffer.name.text);
    if (*number < 0)
      raise_value("{}: these sizes give '{}' a negative extent, {}", program->name.text, buffer.name.text,
                  *number);
    shape.push_back(*number);
  }
  return shape;
}

Arguments::Arguments(const Program& program, const Values& sizes, uint64_t seed, Draw what)
    : sizes_(sizes), what_(what) {
  const auto limits = subscript_limits(program, values_of(program, sizes));
  uint64_t position = 0;
  for (const Param& param : program->params) {
    if (!param.is_buffer()) continue;
    const BufferNode& buffer = *param.buffer;
    GuardedArray& array = *arrays_.emplace_back(std::make_unique<GuardedArray>(
        buffer.name, codegen::dtype_code(buffer.dtype), shape_at(program, buffer, sizes)));
    ++position;
    if (param.param_kind != ParamKind::kOutput) {
      const auto limit = limits.find(&buffer);
      draw(array.view(), what, seed + position * 0x9e3779b97f4a7c15,
           limit == limits.end() ? -1 : limit->second);
    }
    if (param.param_kind == ParamKind::kInOut)
      in_place_.push_back({&array, {array.data(), array.data() + array.bytes()}});
    if (param.param_kind == ParamKind::kOutput || param.param_kind == ParamKind::kInOut)
      outputs_.push_back(&array);
    else
      array.make_read_only();
  }
  reset();
}

Arguments::Arguments(const Arguments& other, GuardedArray::Against against)
    : Arguments(other, against, false) {}

Arguments Arguments::nudged(const Arguments& other) {
  return {other, GuardedArray::Against::kEnd, true};
}

Arguments::Arguments(const Arguments& other, GuardedArray::Against against, bool nudges)
    : sizes_(other.sizes_), what_(other.what_) {
  for (const auto& array : other.arrays_) {
    GuardedArray& copy = *arrays_.emplace_back(
        std::make_unique<GuardedArray>(array->name(), array->view().dtype, array->shape(), against));
    const bool is_output =
        std::find(other.outputs_.begin(), other.outputs_.end(), array.get()) != other.outputs_.end();
    const char* const initial = other.initial(array->name());
    if (!is_output || initial) {
      std::memcpy(copy.data(), is_output ? initial : array->data(), array->bytes());
      if (nudges) nudge(copy.view(), arrays_.size());
    }
    if (initial) in_place_.push_back({&copy, {copy.data(), copy.data() + copy.bytes()}});
    if (is_output)
      outputs_.push_back(&copy);
    else
      copy.make_read_only();
  }
  reset();
}

void Arguments::reset() const {
  for (GuardedArray* output : outputs_) output->poison();
  for (const InPlace& one : in_place_) std::memcpy(one.array->data(), one.values.data(), one.values.size());
}

const char* Arguments::initial(const std::string& name) const {
  for (const InPlace& one : in_place_)
    if (one.array->name() == name) return one.values.data();
  return nullptr;
}

const GuardedArray* Arguments::find(const std::string& name) const {
  const auto found =
      std::find_if(arrays_.begin(), arrays_.end(), [&](const auto& a) { return a->name() == name; });
  return found == arrays_.end() ? nullptr : found->get();
}

}  // namespace tw::autotune
