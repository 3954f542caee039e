#include "schedule/corpus/programs.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <fmt/format.h>

#include "ir/interpret.h"
#include "ir/scalar.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "support/error.h"
#include "support/half.h"

namespace tw::schedule {
namespace {

std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  check_internal(!text.str().empty(), "{} cannot be read", path.string());
  return text.str();
}

/// "NAME.argument = values": a size when the program has no buffer of that name.
void read_inputs(const std::filesystem::path& path, std::vector<CorpusCase>& cases) {
  std::stringstream lines(text_of_file(path));
  for (std::string line; std::getline(lines, line);) {
    const auto dot = line.find('.'), equals = line.find(" = ");
    const std::string name = line.substr(0, dot), argument = line.substr(dot + 1, equals - dot - 1);
    const auto found =
        std::find_if(cases.begin(), cases.end(), [&](const CorpusCase& c) { return c.name == name; });
    check_internal(found != cases.end(), "{} tells of a case '{}', which is not there", path.string(), name);
    std::vector<double> values;
    std::stringstream numbers(line.substr(equals + 3));
    for (double value; numbers >> value;) values.push_back(value);
    const bool is_buffer =
        std::any_of(found->program->params.begin(), found->program->params.end(),
                    [&](const Param& p) { return p.is_buffer() && p.buffer->name.text == argument; });
    if (is_buffer)
      found->inputs[argument] = values;
    else
      found->sizes[argument] = static_cast<int64_t>(values.at(0));
  }
}

std::vector<CorpusCase> load() {
  std::vector<CorpusCase> cases;
  const std::filesystem::path folder = TW_CORPUS;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".tw")
      cases.push_back({entry.path().stem().string(), parse_program(text_of_file(entry.path())), {}, {}});
  std::sort(cases.begin(), cases.end(),
            [](const CorpusCase& a, const CorpusCase& b) { return a.name < b.name; });
  read_inputs(folder / "inputs.txt", cases);
  return cases;
}

template <class T>
void put(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}
template <class T>
T get(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// Calls f with a value of the C++ type of the elements; half types come as their bits.
template <class F>
auto with_type(DType type, F&& f) {
  if (type == kFloat32) return f(float{});
  if (type == kFloat64) return f(double{});
  const bool is_signed = type.is_signed();
  switch (type.bytes()) {
    case 1: return is_signed ? f(int8_t{}) : f(uint8_t{});
    case 2: return is_signed ? f(int16_t{}) : f(uint16_t{});
    case 4: return is_signed ? f(int32_t{}) : f(uint32_t{});
    default: return is_signed ? f(int64_t{}) : f(uint64_t{});
  }
}

void write_element(char* at, DType type, double value) {
  if (type == kFloat16) return put(at, Float16::from_double(value));
  if (type == kBFloat16) return put(at, BFloat16::from_double(value));
  with_type(type, [&](auto t) { put(at, static_cast<decltype(t)>(value)); });
}

double read_element(const char* at, DType type) {
  if (type == kFloat16) return Float16::to_double(get<uint16_t>(at));
  if (type == kBFloat16) return BFloat16::to_double(get<uint16_t>(at));
  return with_type(type, [&](auto t) { return static_cast<double>(get<decltype(t)>(at)); });
}

double random_element(std::mt19937& random, DType type) {
  if (type.is_bool()) return random() % 2;
  return type.is_float() || type.is_signed() ? static_cast<double>(random() % 7) - 3
                                             : static_cast<double>(random() % 7);
}

std::vector<int64_t> shape_of(const Buffer& buffer, const Program& program, const IntValues& sizes) {
  VarMap known;
  for (const Param& param : program->params)
    if (param.var && sizes.contains(param.var->name)) known[&*param.var] = Expr(sizes.at(param.var->name));
  std::vector<int64_t> shape;
  for (const Expr& extent : buffer->shape) {
    const auto value = as_int(simplify(substitute(extent, known)));
    check_internal(value.has_value(), "no value for the extent {}", to_text(extent));
    shape.push_back(*value);
  }
  return shape;
}

/// How far a value may be from what another order of rounding gives, for values as large as `scale`.
double tolerance(DType type, double scale) {
  if (!type.is_float()) return 0;
  return (type.is_half() ? 2e-2 : type == kFloat64 ? 1e-9 : 2e-5) * std::max(1.0, scale);
}

}  // namespace

const std::vector<CorpusCase>& corpus() {
  static const std::vector<CorpusCase> cases = load();
  return cases;
}

const CorpusCase& corpus_case(const std::string& name) {
  for (const CorpusCase& sample : corpus())
    if (sample.name == name) return sample;
  raise_internal("the corpus has no case '{}'", name);
}

Results run_case(const CorpusCase& sample, const Program& program, const IntValues& tunables,
                 const Runner& runner) {
  std::mt19937 random(7);
  std::vector<std::vector<char>> storage;
  std::vector<Argument> arguments;
  std::vector<std::pair<std::size_t, Buffer>> outputs;
  storage.reserve(program->params.size());
  for (const Param& param : program->params) {
    if (!param.is_argument()) continue;
    if (!param.is_buffer()) {
      arguments.emplace_back(sample.sizes.at(param.var->name));
      continue;
    }
    ArrayView view;
    view.dtype = param.buffer->dtype;
    view.shape = shape_of(param.buffer, program, sample.sizes);
    std::size_t count = 1;
    for (const int64_t extent : view.shape) count *= static_cast<std::size_t>(extent);
    const auto size = static_cast<std::size_t>(view.dtype.bytes());
    storage.emplace_back(count * size + 1);
    const auto given = sample.inputs.find(param.buffer->name.text);
    check_internal(given == sample.inputs.end() || given->second.size() == count,
                   "inputs.txt has {} values for {}, of {}",
                   given == sample.inputs.end() ? 0 : given->second.size(), param.buffer->name.text, count);
    for (std::size_t i = 0; i < count; ++i)
      write_element(storage.back().data() + i * size, view.dtype,
                    given == sample.inputs.end() ? random_element(random, view.dtype) : given->second[i]);
    view.data = storage.back().data();
    if (param.param_kind == ParamKind::kOutput || param.param_kind == ParamKind::kInOut)
      outputs.emplace_back(storage.size() - 1, param.buffer);
    arguments.emplace_back(view);
  }
  InterpretOptions options;
  for (const Param& param : program->params)
    if (param.param_kind == ParamKind::kTunable && tunables.contains(param.var->name))
      options.tunables[param.var->name] = tunables.at(param.var->name);
  if (runner)
    runner(program, arguments, options);
  else
    interpret(program, arguments, options);
  Results results;
  for (const auto& [number, buffer] : outputs) {
    const auto size = static_cast<std::size_t>(buffer->dtype.bytes());
    Results::Output output{buffer->name, buffer->dtype, {}};
    for (std::size_t at = 0; at + size <= storage[number].size() - 1; at += size)
      output.values.push_back(read_element(storage[number].data() + at, buffer->dtype));
    results.outputs.push_back(std::move(output));
  }
  return results;
}

std::string difference(const Results& found, const Results& expected) {
  if (found.outputs.size() != expected.outputs.size()) return "another number of outputs";
  for (std::size_t o = 0; o < found.outputs.size(); ++o) {
    const auto& [name, dtype, values] = expected.outputs[o];
    const std::vector<double>& others = found.outputs[o].values;
    if (values.size() != others.size()) return fmt::format("{} has another size", name);
    double scale = 0;
    for (const double value : values)
      if (std::isfinite(value)) scale = std::max(scale, std::fabs(value));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const bool same = values[i] == others[i] || (std::isnan(values[i]) && std::isnan(others[i])) ||
                        std::fabs(values[i] - others[i]) <= tolerance(dtype, scale);
      if (!same)
        return fmt::format("{} has {} at element {}, and must have {}", name, others[i], i, values[i]);
    }
  }
  return "";
}

}  // namespace tw::schedule
