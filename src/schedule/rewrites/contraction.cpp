#include "schedule/rewrites/contraction.h"

#include <algorithm>

#include "ir/analysis/access_map.h"
#include "ir/analysis/accesses.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "te/check.h"

namespace tw::schedule {
namespace {

bool is_zero(const Expr& e) {
  return is_int(e, 0) || as_float(e) == 0.0;
}

/// The two operands of the product, with the condition around it at the first.
bool find_product(const Expr& source, Expr& first, Expr& second, Expr& condition) {
  Expr product = source;
  if (const auto* choice = as<Select>(source); choice && is_zero(choice->on_false)) {
    condition = choice->cond;
    product = choice->on_true;
  }
  const auto* binary = as<Binary>(product);
  if (!binary || binary->op != BinaryOp::kMul) return false;
  first = binary->a;
  second = binary->b;
  return true;
}

void add_window(std::vector<Window>& windows, const Window& window) {
  const auto equal = [](const Expr& a, const Expr& b) { return a && b && structural_equal(a, b); };
  for (Window& known : windows) {
    if (!known.spatial.same_as(window.spatial) || !known.summed.same_as(window.summed)) continue;
    if (!equal(known.stride, window.stride) || !equal(known.dilation, window.dilation))
      known.stride = known.dilation = {};
    return;
  }
  windows.push_back(window);
}

/// Calls f on the form of each subscript of a read.
void for_each_form(const Expr& e, const std::vector<Var>& vars,
                   const std::function<void(const SubscriptForm&)>& f) {
  for_each_node(e, [&](const Node* node) {
    if (const auto* load = as<Load>(node))
      for (const SubscriptForm& form : access_map(load->indices, vars).subscripts) f(form);
  });
}

/// Pairs of axes that meet in subscripts of the operand, and of which the other one does not use the first.
std::vector<Window> windows_of(const Contraction& c, const Expr& operand, const Expr& other) {
  std::vector<Var> vars;
  for (const te::Axis& axis : c.spatial) vars.push_back(axis.var);
  for (const te::Axis& axis : c.summed.axes) vars.push_back(axis.var);
  std::vector<Window> windows;
  for_each_form(operand, vars, [&](const SubscriptForm& form) {
    for (const te::Axis& spatial : c.spatial)
      for (const te::Axis& summed : c.summed.axes) {
        if (!uses_var(form, spatial.var) || !uses_var(form, summed.var) || uses_var(other, spatial.var))
          continue;
        Window window{spatial.var, summed.var, {}, {}};
        if (form.is_affine()) {
          window.stride = coefficient(form, spatial.var);
          window.dilation = coefficient(form, summed.var);
        }
        add_window(windows, window);
      }
  });
  return windows;
}

/// Divisors by which an operand divides the axis alone.
std::vector<Expr> divisors_of(const Expr& operand, const Var& axis) {
  std::vector<Expr> divisors;
  for_each_form(operand, {axis}, [&](const SubscriptForm& form) {
    for (const QuotientTerm& quotient : form.quotients)
      if (quotient.operand.terms.size() == 1 && is_int(quotient.operand.terms.front().coefficient, 1) &&
          is_int(quotient.operand.base, 0))
        divisors.push_back(quotient.divisor);
  });
  return divisors;
}

/// Splits an axis that both operands use where one of them needs only its quotient or its remainder.
bool split_axis(Contraction& c, std::size_t number) {
  const te::Axis axis = c.spatial[number];
  std::vector<Expr> divisors = divisors_of(c.first, axis.var);
  for (const Expr& divisor : divisors_of(c.second, axis.var)) divisors.push_back(divisor);
  for (const Expr& divisor : divisors) {
    const Expr count = simplify(floordiv(axis.extent, divisor));
    if (!prove(eq(count * divisor, axis.extent))) continue;
    const Contraction::Split split{axis.var,
                                   divisor,
                                   {Var(axis.var->name.text + "o"), count},
                                   {Var(axis.var->name.text + "i"), divisor}};
    Context context;
    context.bind(split.outer.var, 0, split.outer.extent);
    context.bind(split.inner.var, 0, split.inner.extent);
    const VarMap parts{{&*axis.var, split.outer.var * divisor + split.inner.var}};
    const Expr first = simplify(substitute(c.first, parts), context),
               second = simplify(substitute(c.second, parts), context);
    const auto both_use = [&](const te::Axis& part) {
      return uses_var(first, part.var) && uses_var(second, part.var);
    };
    if (both_use(split.outer) && both_use(split.inner)) continue;
    c.first = first;
    c.second = second;
    c.spatial[number] = split.outer;
    c.spatial.insert(c.spatial.begin() + static_cast<std::ptrdiff_t>(number) + 1, split.inner);
    c.splits.push_back(split);
    return true;
  }
  return false;
}

void split_axes(Contraction& c) {
  for (std::size_t i = 0; i < c.spatial.size(); ++i)
    while (uses_var(c.first, c.spatial[i].var) && uses_var(c.second, c.spatial[i].var) && split_axis(c, i)) {
    }
}

/// Puts a condition that stood around the product at the first operand, and at the second one as far as it is
/// about its axes, if it needs that to be read. False: what is left is not enough.
bool guard_operands(Contraction& c, Expr condition) {
  for (const Contraction::Split& split : c.splits)
    condition = substitute(condition, {{&*split.axis, split.outer.var * split.divisor + split.inner.var}});
  c.first = Select::make(condition, c.first, make_zero(c.first.dtype()));
  Context context;
  for (const std::vector<te::Axis>* axes : {&c.spatial, &c.summed.axes})
    for (const te::Axis& axis : *axes) context.bind(axis.var, 0, axis.extent);
  if (te::reads_in_bounds(c.second, context)) return true;
  Expr own = make_bool(true);
  for (const Expr& part : conjuncts(condition)) {
    const std::vector<Var> vars = free_vars(part);
    const bool about_second = std::all_of(vars.begin(), vars.end(), [&](const Var& var) {
      return !context.range_of(&*var) || uses_var(c.second, var);
    });
    if (about_second) own = logical_and(own, part);
  }
  c.second = select(own, c.second, make_zero(c.second.dtype()));
  return te::reads_in_bounds(c.second, context);
}

}  // namespace

Expr FlatAxes::extent() const {
  Expr extent(1);
  for (const te::Axis& axis : axes) extent = extent * axis.extent;
  return extent;
}

Expr FlatAxes::position(const VarMap& values) const {
  Expr position(0);
  for (const te::Axis& axis : axes) position = position * axis.extent + values.at(&*axis.var);
  return position;
}

void FlatAxes::place(const Expr& position, VarMap& values) const {
  Expr rest = position;
  for (std::size_t i = axes.size(); i-- > 0;) {
    values[&*axes[i].var] = i ? floormod(rest, axes[i].extent) : rest;
    rest = floordiv(rest, axes[i].extent);
  }
}

VarMap values_at(const Positions& positions) {
  VarMap values;
  for (const auto& [group, position] : positions) group->place(position, values);
  return values;
}

Dimensions::Dimensions(std::initializer_list<std::pair<const FlatAxes*, const char*>> groups) {
  for (const auto& [group, name] : groups) {
    if (group->axes.empty()) continue;
    groups_.push_back(group);
    names_.emplace_back(name);
  }
}

std::vector<te::Value> Dimensions::shape(std::vector<te::Value> before) const {
  for (const FlatAxes* group : groups_) before.emplace_back(group->extent());
  return before;
}

std::vector<std::string> Dimensions::names(std::vector<std::string> before) const {
  before.insert(before.end(), names_.begin(), names_.end());
  return before;
}

Positions Dimensions::positions(const std::vector<Var>& point) const {
  Positions positions;
  const std::size_t before = point.size() - groups_.size();
  for (std::size_t d = 0; d < groups_.size(); ++d) positions[groups_[d]] = point[before + d];
  return positions;
}

std::vector<te::Value> Dimensions::indices(const Positions& positions, std::vector<te::Value> before) const {
  for (const FlatAxes* group : groups_) before.emplace_back(positions.at(group));
  return before;
}

std::vector<te::Value> Dimensions::indices(const VarMap& values, std::vector<te::Value> before) const {
  for (const FlatAxes* group : groups_) before.emplace_back(group->position(values));
  return before;
}

bool Dimensions::are_single() const {
  return std::all_of(groups_.begin(), groups_.end(),
                     [](const FlatAxes* group) { return group->axes.size() == 1; });
}

te::Axis Contraction::axis(const Var& var) const {
  for (const std::vector<te::Axis>* axes : {&spatial, &summed.axes})
    for (const te::Axis& axis : *axes)
      if (axis.var.same_as(var)) return axis;
  raise_internal("{} is no axis of block {}", var->name.text, name());
}

std::vector<std::string> Contraction::output_names() const {
  std::vector<std::string> names;
  for (const Var& axis : sum.spatial) {
    const std::string& name = axis->name;
    names.push_back(name.size() > 1 && name[0] == 'v' ? name.substr(1) : name);
  }
  return names;
}

VarMap Contraction::values(const std::vector<Var>& point) const {
  VarMap values;
  for (std::size_t d = 0; d < point.size(); ++d) values[&*sum.spatial[d]] = point[d];
  for (const Split& split : splits) {
    const Expr whole = values.at(&*split.axis);
    values[&*split.outer.var] = floordiv(whole, split.divisor);
    values[&*split.inner.var] = floormod(whole, split.divisor);
  }
  return values;
}

Recognised<Contraction> find_contraction(const Program& program, const Block& block) {
  const Recognised<WholeReduction> reduction = whole_reduction(program, block);
  if (!reduction) return {{}, reduction.reason};
  if (!is_known(reduction->reducer, "sum")) return {{}, "does not reduce with sum"};
  Contraction found;
  found.sum = *reduction;
  Expr condition;
  if (!find_product(found.sum.sources.front(), found.first, found.second, condition))
    return {{}, "does not sum a product of two operands"};
  for (const Var& var : found.sum.spatial)
    for (const BlockAxis& axis : block.axes)
      if (axis.var.same_as(var)) found.spatial.push_back({var, axis.extent});
  for (const BlockAxis& axis : found.sum.reduced) found.summed.axes.push_back({axis.var, axis.extent});
  split_axes(found);
  found.windows = windows_of(found, found.first, found.second);
  const std::vector<Window> others = windows_of(found, found.second, found.first);
  if (others.size() > found.windows.size()) {
    std::swap(found.first, found.second);
    found.windows = others;
  }
  if (condition && !guard_operands(found, condition))
    return {{}, "sums a product under a condition, outside of which its second operand has no element"};
  for (const te::Axis& axis : found.spatial) {
    const bool in_first = uses_var(found.first, axis.var), in_second = uses_var(found.second, axis.var);
    FlatAxes& group = in_first && in_second ? found.batch : in_second ? found.columns : found.rows;
    group.axes.push_back(axis);
  }
  return {found, ""};
}

std::string name_of_read(const Expr& e) {
  std::string name = "operand";
  bool found = false;
  for_each_node(e, [&](const Node* node) {
    const auto* load = as<Load>(node);
    if (load && !found) name = load->buffer->name;
    found = found || load;
  });
  return name;
}

}  // namespace tw::schedule
