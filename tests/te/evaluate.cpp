#include "te/evaluate.h"

#include <cstring>

#include <gtest/gtest.h>

#include "ir/equal.h"
#include "ir/interpret.h"
#include "ir/scalar.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ir/visit.h"

namespace tw::te {
namespace {

template <class T>
void put(std::vector<uint8_t>& bytes, T value) {
  const auto* begin = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof value);
}

void pack(std::vector<uint8_t>& bytes, DType type, double value) {
  if (type == kFloat16) return put(bytes, Float16::from_double(value));
  if (type == kBFloat16) return put(bytes, BFloat16::from_double(value));
  if (type == kFloat32) return put(bytes, static_cast<float>(value));
  if (type == kFloat64) return put(bytes, value);
  const auto integer =
      type == kUInt64 ? static_cast<int64_t>(static_cast<uint64_t>(value)) : static_cast<int64_t>(value);
  const auto* begin = reinterpret_cast<const uint8_t*>(&integer);
  bytes.insert(bytes.end(), begin, begin + type.bytes());
}

template <class T>
T get(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

double unpack(DType type, const uint8_t* at) {
  if (type == kFloat16) return Float16::to_double(get<uint16_t>(at));
  if (type == kBFloat16) return BFloat16::to_double(get<uint16_t>(at));
  if (type == kFloat32) return get<float>(at);
  if (type == kFloat64) return get<double>(at);
  int64_t bits = 0;
  std::memcpy(&bits, at, static_cast<std::size_t>(type.bytes()));
  bits = wrap_to(type, bits);
  return type == kUInt64 ? static_cast<double>(static_cast<uint64_t>(bits)) : static_cast<double>(bits);
}

int64_t size_value(const Expr& e, const std::map<std::string, int64_t>& sizes) {
  VarMap values;
  for (const Var& var : free_vars(e)) values[&*var] = Expr(sizes.at(var->name.text));
  const auto value = as_int(simplify(substitute(e, values)));
  EXPECT_TRUE(value) << to_text(e);
  return value.value_or(0);
}

}  // namespace

std::vector<Elements> evaluate_all(const std::vector<Tensor>& outputs, const Inputs& inputs,
                                   const std::map<std::string, int64_t>& sizes) {
  const Program program = first_program(outputs);
  SCOPED_TRACE(to_text(program));
  verify(program, Stage::kSchedule);
  EXPECT_TRUE(structural_equal(parse_program(to_text(program)), program));
  std::vector<std::vector<uint8_t>> memory;
  std::vector<Argument> arguments;
  for (const Param& param : program->params) {
    if (!param.is_argument()) continue;
    if (!param.is_buffer()) {
      arguments.push_back(sizes.at(param.var->name.text));
      continue;
    }
    const BufferNode& buffer = *param.buffer;
    ArrayView view{nullptr, buffer.dtype, {}, {}};
    int64_t count = 1;
    for (const Expr& extent : buffer.shape) {
      view.shape.push_back(size_value(extent, sizes));
      count *= view.shape.back();
    }
    auto& bytes = memory.emplace_back();
    if (param.param_kind == ParamKind::kOutput) {
      bytes.resize(static_cast<std::size_t>(count * buffer.dtype.bytes()));
    } else {
      const Elements& elements = inputs.at(buffer.name.text);
      EXPECT_EQ(static_cast<int64_t>(elements.size()), count) << buffer.name.text;
      for (const double element : elements) pack(bytes, buffer.dtype, element);
    }
    bytes.reserve(8);  // an address even when empty
    view.data = bytes.data();
    arguments.push_back(view);
  }
  interpret(program, arguments);
  std::vector<Elements> results;
  for (const Argument& argument : std::span(arguments).last(outputs.size())) {
    const auto& view = std::get<ArrayView>(argument);
    int64_t count = 1;
    for (const int64_t extent : view.shape) count *= extent;
    Elements& elements = results.emplace_back();
    for (int64_t i = 0; i < count; ++i)
      elements.push_back(unpack(view.dtype, static_cast<const uint8_t*>(view.data) + i * view.dtype.bytes()));
  }
  return results;
}

}  // namespace tw::te
