#include "te/piece_check.h"

#include <algorithm>

#include "ir/scalar.h"
#include "ir/simplify.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::te {
namespace {

/// The most points that are tried one by one.
constexpr int64_t kMaxPoints = int64_t{1} << 16;

std::optional<Scalar> scalar_at(const Expr& e, const PointValues& point) {
  if (const auto* imm = as<IntImm>(e)) return Scalar{imm->dtype, imm->value, 0};
  if (const auto* imm = as<FloatImm>(e)) return Scalar{imm->dtype, 0, imm->value};
  if (const auto* variable = as<Variable>(e)) {
    const auto found = point.find(variable);
    return found == point.end() ? std::nullopt : std::optional(Scalar{variable->dtype, found->second, 0});
  }
  if (const auto* unary = as<Unary>(e)) {
    const auto a = scalar_at(unary->a, point);
    return a ? evaluate(unary->op, *a) : std::nullopt;
  }
  if (const auto* binary = as<Binary>(e)) {
    const auto a = scalar_at(binary->a, point), b = scalar_at(binary->b, point);
    return a && b ? evaluate(binary->op, *a, *b) : std::nullopt;
  }
  if (const auto* select = as<Select>(e)) {
    const auto cond = scalar_at(select->cond, point);
    return cond ? scalar_at(cond->i ? select->on_true : select->on_false, point) : std::nullopt;
  }
  if (const auto* cast = as<Cast>(e)) {
    const auto value = scalar_at(cast->value, point);
    return value ? evaluate_cast(cast->dtype, *value) : std::nullopt;
  }
  return std::nullopt;
}

enum class Verdict { kGood, kUnknown };

std::string point_text(const PiecesNode& node, const PointValues& point, const std::vector<Var>& sizes) {
  std::string text;
  auto add = [&](const Var& var, const char* between) {
    text += fmt::format("{}{} = {}", text.empty() ? "" : between, var->name.text, point.at(&*var));
  };
  for (const Axis& axis : node.axes) add(axis.var, ", ");
  for (std::size_t i = 0; i < sizes.size(); ++i) add(sizes[i], i || node.axes.empty() ? ", " : " with ");
  return text.empty() ? "the only point" : text;
}

/// Whether a condition depends on the axis.
bool is_used(const PiecesNode& node, const Var& axis) {
  return std::any_of(node.pieces.begin(), node.pieces.end(),
                     [&](const Piece& piece) { return uses_var(piece.condition, axis); });
}

/// Tries every point of the domain for these values of the sizes. kUnknown if there are too many, or some
/// condition has no value there.
Verdict try_points(const PiecesNode& node, const PointValues& sizes, const std::vector<Var>& size_vars,
                   const std::string& what) {
  std::vector<int64_t> extents;
  int64_t points = 1;
  for (const Axis& axis : node.axes) {
    auto extent = value_at(axis.extent, sizes);
    if (!extent) return Verdict::kUnknown;
    if (*extent <= 0) return Verdict::kGood;
    if (!is_used(node, axis.var)) extent = 1;  // one point stands for all
    if (*extent > kMaxPoints || points * *extent > kMaxPoints) return Verdict::kUnknown;
    points *= *extent;
    extents.push_back(*extent);
  }
  PointValues point = sizes;
  for (int64_t number = 0; number < points; ++number) {
    int64_t rest = number;
    for (std::size_t axis = extents.size(); axis-- > 0; rest /= extents[axis])
      point[&*node.axes[axis].var] = rest % extents[axis];
    std::optional<std::size_t> holds;
    for (std::size_t i = 0; i < node.pieces.size(); ++i) {
      const auto value = value_at(node.pieces[i].condition, point);
      if (!value) return Verdict::kUnknown;
      if (!*value) continue;
      if (holds)
        raise_value("{}: the conditions of pieces {} and {} both hold at {}; pieces must be disjoint", what,
                    *holds, i, point_text(node, point, size_vars));
      holds = i;
    }
    if (!holds)
      raise_value(
          "{}: no condition holds at {}; pieces must cover the domain: add a last piece for everywhere else "
          "(...)",
          what, point_text(node, point, size_vars));
  }
  return Verdict::kGood;
}

Context domain_of(const PiecesNode& node) {
  Context context;
  for (const Axis& axis : node.axes) context.bind(axis.var, 0, axis.extent);
  return context;
}

bool provably_disjoint(const Expr& a, const Expr& b, const Context& context) {
  if (prove(tw::logical_not(tw::logical_and(a, b)), context)) return true;
  for (const auto& [first, second] : {std::pair{a, b}, std::pair{b, a}}) {
    Context assumed = context;
    assumed.assume(first);
    if (prove(tw::logical_not(second), assumed)) return true;
  }
  return false;
}

bool provably_covers(const PiecesNode& node, const Context& context) {
  for (std::size_t last = 0; last < node.pieces.size(); ++last) {
    Context assumed = context;
    for (std::size_t i = 0; i < node.pieces.size(); ++i)
      if (i != last) assumed.assume(tw::logical_not(node.pieces[i].condition));
    if (prove(node.pieces[last].condition, assumed)) return true;
  }
  return false;
}

bool proves(const PiecesNode& node, bool has_else) {
  const Context context = domain_of(node);
  const std::size_t count = node.pieces.size() - has_else;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = i + 1; j < count; ++j)
      if (!provably_disjoint(node.pieces[i].condition, node.pieces[j].condition, context)) return false;
  return has_else || provably_covers(node, context);
}

/// The first legal value of a size that is at least `wanted`, or the last one below.
int64_t sample(const Var& size, int64_t wanted) {
  const int64_t multiple = size->multiple_of;
  int64_t value = scalar::floor_div(std::max(wanted, size->min) + multiple - 1, multiple) * multiple;
  if (value > size->max) value = scalar::floor_div(size->max, multiple) * multiple;
  return value;
}

}  // namespace

std::optional<int64_t> value_at(const Expr& e, const PointValues& point) {
  const auto value = scalar_at(e, point);
  return value ? std::optional(value->i) : std::nullopt;
}

bool check_pieces(const PiecesNode& node, bool has_else, const std::string& what) {
  std::vector<Var> sizes;
  auto collect = [&](const Expr& e) {
    for (const Var& var : free_vars(e)) {
      bool known = role_of(var) != VarRole::kSize;
      for (const Var& size : sizes) known = known || size.same_as(var);
      if (!known) sizes.push_back(var);
    }
  };
  for (const Axis& axis : node.axes) collect(axis.extent);
  for (const Piece& piece : node.pieces) collect(piece.condition);
  if (sizes.empty() && try_points(node, {}, {}, what) == Verdict::kGood) return true;
  if (proves(node, has_else)) return true;
  // Not proved: some sizes may show that it is wrong. Different ones, so that they are not equal by chance.
  for (const int64_t wanted : {1, 4, 11, 30}) {
    PointValues values;
    int64_t step = 0;
    for (const Var& size : sizes) values[&*size] = sample(size, wanted + step++);
    if (!sizes.empty()) try_points(node, values, sizes, what);
  }
  return false;
}

}  // namespace tw::te
