#include "autotune/space/sketch.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

std::map<std::string, std::shared_ptr<const Sketch>>& registry() {
  static std::map<std::string, std::shared_ptr<const Sketch>> sketches;
  return sketches;
}

/// The value nearest to `wanted` as a ratio; of two the smaller.
int64_t nearest(const std::vector<int64_t>& values, int64_t wanted) {
  const auto distance = [&](int64_t value) {
    if (value <= 0 || wanted <= 0) return static_cast<double>(std::llabs(value - wanted));
    return std::fabs(std::log(static_cast<double>(value) / static_cast<double>(wanted)));
  };
  return *std::min_element(values.begin(), values.end(),
                           [&](int64_t a, int64_t b) { return distance(a) < distance(b); });
}

/// The same program whose parameters have the values as defaults; those not named get their least one.
Program with_defaults(const Program& program, const Values* values) {
  std::vector<Param> params = program->params;
  for (Param& param : params) {
    if (param.param_kind != ParamKind::kTunable) continue;
    const auto found = values ? values->find(param.var->name.text) : Values::const_iterator{};
    if (values && found != values->end()) param.default_value = found->second;
    if (!values) param.default_value = param.var->min;
  }
  return ProgramNode::make(program->name.text, std::move(params), program->body, program->attrs);
}

Values parameters_of(const Program& program) {
  Values values;
  for (const Param& param : program->params)
    if (param.param_kind == ParamKind::kTunable) values[param.var->name.text] = param.default_value;
  return values;
}

/// Equal for programs that differ in names and in defaults of parameters, but not in names of parameters.
uint64_t structure_of(const Program& program, const Values& parameters) {
  uint64_t hash = structural_hash(with_defaults(program, nullptr)).low;
  for (const auto& [name, value] : parameters) hash = hash * 1099511628211u ^ std::hash<std::string>()(name);
  return hash;
}

}  // namespace

int64_t Workload::number(const Expr& extent) const {
  if (const auto constant = as_int(extent)) return *constant;
  VarMap values;
  for (const Param& param : program->params) {
    if (param.is_buffer()) continue;
    const auto found = sizes.find(param.var->name.text);
    const int64_t low = param.var->min, high = param.var->max;
    const int64_t value = found != sizes.end() ? found->second : std::clamp<int64_t>(128, low, high);
    values[&*param.var] = Expr(value);
  }
  const auto number = as_int(simplify(substitute(extent, values)));
  return number.value_or(1);
}

int64_t Choices::fill(const std::string& name, std::vector<int64_t> values, int64_t preferred,
                      bool parameter) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  if (values.empty()) reject(fmt::format("nothing is possible for {}", name));
  preferred = nearest(values, preferred);
  int64_t value = preferred;
  if (const auto found = given_.find(name); found != given_.end()) {
    value = nearest(values, found->second);
  } else if (random_) {
    // Half of the draws stay near what is preferred: far from it most points are slow.
    const auto at = std::lower_bound(values.begin(), values.end(), preferred) - values.begin();
    const auto last = static_cast<int64_t>(values.size()) - 1;
    std::uniform_int_distribution<int64_t> near(std::max<int64_t>(0, at - 1), std::min(last, at + 1)),
        any(0, last);
    const bool is_near = std::bernoulli_distribution(0.5)(*random_);
    value = values[static_cast<std::size_t>(is_near ? near(*random_) : any(*random_))];
  }
  holes_.push_back({name, std::move(values), value, preferred, parameter, {}});
  return value;
}

int64_t Choices::pick(const std::string& name, std::vector<int64_t> values, int64_t preferred) {
  return fill(name, std::move(values), preferred, false);
}

std::size_t Choices::way(const std::string& name, const std::vector<std::string>& ways,
                         std::size_t preferred) {
  std::vector<int64_t> numbers;
  for (std::size_t i = 0; i < ways.size(); ++i) numbers.push_back(static_cast<int64_t>(i));
  const int64_t value = fill(name, std::move(numbers), static_cast<int64_t>(preferred), false);
  holes_.back().ways = ways;
  return static_cast<std::size_t>(value);
}

Tunable Choices::parameter(const std::string& name, std::vector<int64_t> values, int64_t preferred) {
  const int64_t value = fill(name, std::move(values), preferred, true);
  const std::vector<int64_t>& offered = holes_.back().values;
  for (const int64_t other : offered)
    check_internal(other % offered.front() == 0, "{}: {} is no multiple of {}", name, other, offered.front());
  return {name, offered.front(), offered.back(), offered.front(), value};
}

std::vector<int64_t> lattice(int64_t unit, int64_t most) {
  std::vector<int64_t> values{unit};
  for (int64_t power = 2; power * unit <= most; power *= 2) {
    if (power >= 4) values.push_back(power / 4 * 3 * unit);
    values.push_back(power * unit);
  }
  return values;
}

std::vector<int64_t> divisors(int64_t n) {
  std::vector<int64_t> low, high;
  for (int64_t d = 1; d * d <= n; ++d) {
    if (n % d) continue;
    low.push_back(d);
    if (d * d != n) high.push_back(n / d);
  }
  low.insert(low.end(), high.rbegin(), high.rend());
  return low;
}

void add_sketch(Sketch sketch) {
  const std::string name = sketch.name;
  registry()[name] = std::make_shared<const Sketch>(std::move(sketch));
}

void remove_sketch(const std::string& name) {
  registry().erase(name);
}

SketchRegistration::SketchRegistration(Sketch sketch) {
  add_sketch(std::move(sketch));
}

std::vector<const Sketch*> sketches_for(const Workload& workload) {
  std::vector<const Sketch*> found;
  for (const auto& [name, sketch] : registry())
    if (sketch->applies(workload)) found.push_back(sketch.get());
  std::stable_partition(found.begin(), found.end(), [](const Sketch* sketch) { return !sketch->general; });
  return found;
}

const Sketch* find_sketch(const std::string& name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : found->second.get();
}

Values Candidate::values() const {
  Values values;
  for (const Choices::Hole& hole : holes) values[hole.name] = hole.value;
  return values;
}

std::optional<Candidate> make_candidate(const Workload& workload, const Sketch& sketch, Choices choices,
                                        std::string* why) {
  try {
    schedule::Schedule schedule(workload.program);
    Script script(schedule);
    sketch.apply(script, workload, choices);
    Candidate made;
    made.sketch = sketch.name;
    made.holes = choices.holes();
    made.trace = schedule.trace();
    Values wanted;
    for (const Choices::Hole& hole : made.holes)
      if (hole.parameter) wanted[hole.name] = hole.value;
    made.program = with_defaults(schedule.program(), &wanted);
    made.parameters = parameters_of(made.program);
    made.structure = structure_of(made.program, made.parameters);
    return made;
  } catch (const Rejected& rejected) {
    if (why) *why = rejected.what();
  } catch (const UserError& refused) {
    if (why) *why = refused.what();
  }
  return std::nullopt;
}

}  // namespace tw::autotune
