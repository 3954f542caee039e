// Pieces as loops over just their parts of the domain.
//
//   i < n                              for i in n:            block Y(vi: spatial(n) = i): Y[vi] = f(vi)
//   i >= n            becomes          for i in m - n:        block Y(vi: spatial(m - n) = i): Y[vi + n] =
//   g(vi + n) i % 2 == 0                         for i in ceil(m / 2):  block Y(…): Y[vi * 2] = h(vi * 2)
#include <algorithm>

#include "ir/analysis/accesses.h"
#include "ir/simplify.h"
#include "support/error.h"
#include "te/lower_operation.h"

namespace tw::te {
namespace {

/// What conditions say of one axis: begin <= i < end and, with a step, i % step == residue.
struct AxisPart {
  Expr begin, end;     // null: not restricted
  Expr step, residue;  // null: every element
};

/// The part of the domain where a condition holds: a range or residue class of each axis, and what is left of
/// the condition.
class Part {
 public:
  Part(const PiecesNode& node, const Expr& condition) : node_(node), axes_(node.axes.size()) {
    for (const Axis& axis : node.axes) context_.bind(axis.var, 0, axis.extent);
    std::vector<Expr> open;
    add_atoms(condition, open);
    // An atom that says nothing by itself may do so once the others are known: !(i >= 3 && i < 7) where i
    // >= 3.
    for (bool progress = true; progress;) {
      progress = false;
      std::vector<Expr> left;
      std::swap(left, open);
      for (const Expr& atom : left) {
        std::vector<Expr> parts;
        add_atoms(reduce_atom(atom), parts);
        for (const Expr& part : parts) {
          if (restrict_axis(part)) {
            context_.assume(part);
            progress = true;
          } else {
            open.push_back(part);
          }
        }
      }
    }
    if (finish_residues(open)) context_.assume(condition);
    for (const Expr& atom : open) left_ = left_ ? tw::logical_and(left_, atom) : atom;
  }

  const std::vector<AxisPart>& axes() const { return axes_; }
  /// What the loops do not see to; null: nothing.
  const Expr& left() const { return left_; }
  bool never() const { return left_ && is_int(left_, 0); }

 private:
  /// Splits conjunctions and moves negations down to comparisons.
  static void add_atoms(const Expr& condition, std::vector<Expr>& atoms) {
    for (const Expr& part : conjuncts(condition)) {
      const auto* negation = as<Unary>(part);
      const auto* inner = negation && negation->op == UnaryOp::kNot ? as<Binary>(negation->a) : nullptr;
      const auto* twice = negation && negation->op == UnaryOp::kNot ? as<Unary>(negation->a) : nullptr;
      if (is_int(part, 1)) continue;
      if (twice) {
        add_atoms(twice->a, atoms);
      } else if (inner && inner->op == BinaryOp::kOr) {
        add_atoms(tw::logical_not(inner->a), atoms);
        add_atoms(tw::logical_not(inner->b), atoms);
      } else {
        atoms.push_back(inner ? negate_comparison(part, *inner) : part);
      }
    }
  }

  static Expr negate_comparison(const Expr& negation, const Binary& inner) {
    const bool total = !inner.a.dtype().is_float();  // NaN is neither less nor not less
    switch (inner.op) {
      case BinaryOp::kEq: return ne(inner.a, inner.b);
      case BinaryOp::kNe: return eq(inner.a, inner.b);
      case BinaryOp::kLt: return total ? le(inner.b, inner.a) : negation;
      case BinaryOp::kLe: return total ? lt(inner.b, inner.a) : negation;
      default: return negation;
    }
  }

  /// !(a && b) where a holds is !b.
  Expr reduce_atom(const Expr& atom) const {
    const auto* negation = as<Unary>(atom);
    if (!negation || negation->op != UnaryOp::kNot) return atom;
    Expr kept = make_bool(true);
    for (const Expr& part : conjuncts(negation->a))
      if (!prove(part, context_)) kept = tw::logical_and(kept, part);
    return tw::logical_not(kept);
  }

  bool is_fixed(const Expr& e) const {
    if (is_data_dependent(e) || contains<Reduce>(e.get())) return false;
    for (const Axis& axis : node_.axes)
      if (uses_var(e, axis.var)) return false;
    return true;
  }

  /// e == sign * axis + rest with a fixed rest.
  struct Shifted {
    std::size_t axis;
    int sign;
    Expr rest;
  };
  std::optional<Shifted> as_shifted(const Expr& e) const {
    if (!e.dtype().is_index() || is_data_dependent(e) || contains<Reduce>(e.get())) return std::nullopt;
    for (std::size_t i = 0; i < node_.axes.size(); ++i) {
      const Var& var = node_.axes[i].var;
      if (!uses_var(e, var)) continue;
      const Expr rest = simplify(substitute(e, {{&*var, Expr(0)}}));
      if (!is_fixed(rest)) return std::nullopt;
      if (is_int(simplify(e - rest - var), 0)) return Shifted{i, 1, rest};
      if (is_int(simplify(e - rest + var), 0)) return Shifted{i, -1, rest};
      return std::nullopt;
    }
    return std::nullopt;
  }

  bool restrict_axis(const Expr& atom) {
    const auto* compare = as<Binary>(atom);
    if (!compare || !compare->a.dtype().is_index()) return false;
    if (compare->op == BinaryOp::kEq &&
        (restrict_residue(compare->a, compare->b) || restrict_residue(compare->b, compare->a)))
      return true;
    if (compare->op != BinaryOp::kLt && compare->op != BinaryOp::kLe && compare->op != BinaryOp::kEq)
      return false;
    const auto gap = as_shifted(compare->b - compare->a);
    if (!gap) return false;
    const Expr slack = compare->op == BinaryOp::kLt ? Expr(1) : Expr(0);  // gap >= slack
    AxisPart& part = axes_[gap->axis];
    const Expr bound =
        gap->sign > 0 ? simplify(-gap->rest) : gap->rest;  // the value of the axis where the gap is 0
    if (gap->sign > 0 || compare->op == BinaryOp::kEq) {
      const Expr begin = bound + slack;
      part.begin = part.begin ? tw::max(part.begin, begin) : begin;
    }
    if (gap->sign < 0 || compare->op == BinaryOp::kEq) {
      const Expr end = bound - slack + 1;
      part.end = part.end ? tw::min(part.end, end) : end;
    }
    return true;
  }

  /// (axis + c) % step == residue, for a positive step and a residue that can occur.
  bool restrict_residue(const Expr& side, const Expr& residue) {
    const auto* modulo = as<Binary>(side);
    if (!modulo || modulo->op != BinaryOp::kFloorMod || !is_fixed(modulo->b) || !is_fixed(residue))
      return false;
    const auto shifted = as_shifted(modulo->a);
    if (!shifted || shifted->sign < 0 || axes_[shifted->axis].step) return false;
    if (!prove(lt(0, modulo->b), context_) || !prove(le(0, residue), context_) ||
        !prove(lt(residue, modulo->b), context_))
      return false;
    axes_[shifted->axis].step = modulo->b;
    axes_[shifted->axis].residue = simplify(floormod(residue - shifted->rest, modulo->b), context_);
    return true;
  }

  /// i % s != r for all residues of a constant s but one is i % s == that one.
  bool finish_residues(std::vector<Expr>& open) {
    for (std::size_t axis = 0; axis < axes_.size(); ++axis) {
      std::optional<int64_t> modulus;
      std::vector<bool> excluded;
      std::vector<Expr> others;
      for (const Expr& atom : open) {
        const auto* compare = as<Binary>(atom);
        const auto* modulo = compare && compare->op == BinaryOp::kNe ? as<Binary>(compare->a) : nullptr;
        const auto residue = modulo ? as_int(compare->b) : std::nullopt;
        const auto step = modulo && modulo->op == BinaryOp::kFloorMod ? as_int(modulo->b) : std::nullopt;
        const bool fits = residue && step && *step > 0 && *step <= 1024 && *residue >= 0 &&
                          *residue < *step && modulo->a.same_as(node_.axes[axis].var) &&
                          (!modulus || *modulus == *step);
        if (!fits) {
          others.push_back(atom);
          continue;
        }
        modulus = step;
        excluded.resize(static_cast<std::size_t>(*step));
        excluded[static_cast<std::size_t>(*residue)] = true;
      }
      if (!modulus || std::count(excluded.begin(), excluded.end(), false) != 1 || axes_[axis].step) continue;
      axes_[axis].step = Expr(*modulus);
      axes_[axis].residue = Expr(std::find(excluded.begin(), excluded.end(), false) - excluded.begin());
      open = others;
      return true;
    }
    return false;
  }

  const PiecesNode& node_;
  std::vector<AxisPart> axes_;
  Context context_;
  Expr left_;
};

/// The axes of a piece's own nest, and what the axes of the tensor are in them.
struct PartNest {
  std::vector<NestAxis> axes;
  VarMap points;
};

PartNest nest_of(const PiecesNode& node, const Part& part) {
  PartNest nest;
  for (std::size_t i = 0; i < node.axes.size(); ++i) {
    const Axis& axis = node.axes[i];
    const AxisPart& range = part.axes()[i];
    if (!range.begin && !range.end && !range.step) {
      nest.axes.push_back({axis.var, axis.extent});
      continue;
    }
    const Expr begin = range.begin ? simplify(tw::max(range.begin, 0)) : Expr(0);
    const Expr end = range.end ? simplify(tw::min(range.end, axis.extent)) : axis.extent;
    const Var var = axis_var(axis.var->name.text);
    Expr first = begin, count = end - begin, point = var;
    if (range.step) {
      first = simplify(begin + floormod(range.residue - begin, range.step));
      count = ceildiv(end - first, range.step);
      point = var * range.step;
    }
    nest.axes.push_back({var, simplify(tw::max(count, 0))});
    nest.points[&*axis.var] = point + first;
  }
  return nest;
}

bool is_empty(const std::vector<NestAxis>& axes) {
  for (const NestAxis& axis : axes)
    if (is_int(axis.extent, 0)) return true;
  return false;
}

void lower_piece(const Buffer& output, const PiecesNode& node, const Piece& piece, const BufferTable& table,
                 Sequence& out) {
  const Part part(node, piece.condition);
  const PartNest nest = nest_of(node, part);
  if (part.never() || is_empty(nest.axes)) return;
  const std::string& name = output->name.text;
  auto moved = [&](const Expr& e) { return nest.points.empty() ? e : substitute(e, nest.points); };
  ValueLowering lowering(table, name, nest.axes, out, !nest.points.empty());
  Target target{output, {}};
  for (const Axis& axis : node.axes) target.indices.push_back(lowering.tidy(moved(axis.var)));
  if (!part.left()) {
    store_values(lowering, name, nest.axes, {moved(piece.value)}, {target}, out);
    return;
  }
  const Expr condition = lowering.lower(moved(part.left()));
  const Expr value = lowering.lower_under(condition, moved(piece.value));
  out.stmts.push_back(
      make_nest({name, nest.axes, {}, {}, If::make(condition, Store::make(output, target.indices, value))}));
}

/// One block over the whole domain that makes sure that exactly one condition holds at each point.
void lower_checked(const Buffer& output, const PiecesNode& node, const BufferTable& table, Sequence& out) {
  const std::vector<NestAxis> axes = nest_axes(node.axes);
  const std::vector<Expr> point = points_of(axes);
  ValueLowering lowering(table, output->name.text, axes, out);
  Expr holding = make_const(kInt32, int64_t{0});
  std::vector<Stmt> stores;
  for (const Piece& piece : node.pieces) {
    const Expr condition = lowering.lower(piece.condition);
    const Expr value = lowering.lower_under(condition, piece.value);
    const Expr one = cast(kInt32, condition);
    holding = stores.empty() ? one : holding + one;
    stores.push_back(If::make(condition, Store::make(output, point, value)));
  }
  stores.insert(stores.begin(),
                Assert::make(eq(holding, make_const(kInt32, int64_t{1})),
                             fmt::format("pieces '{}': exactly one condition must hold at each point",
                                         output->name.text)));
  out.stmts.push_back(make_nest({output->name.text, axes, {}, {}, Seq::make(stores)}));
}

}  // namespace

void lower_pieces(const Operation& op, const PiecesNode& node, const BufferTable& table, Sequence& out) {
  const Buffer output = table.of(op, 0);
  if (node.checked) return lower_checked(output, node, table, out);
  for (const Piece& piece : node.pieces) lower_piece(output, node, piece, table, out);
}

}  // namespace tw::te
