#include "te/pieces.h"

#include "support/error.h"
#include "te/check.h"
#include "te/math.h"
#include "te/piece_check.h"
#include "te/shape.h"

namespace tw::te {
namespace {

/// The common dtype of the values: plain numbers take that of the others.
std::vector<Expr> in_common_dtype(const std::vector<Value>& values, const std::string& what) {
  std::optional<DType> type;
  for (const Value& value : values)
    if (!value.is_weak()) type = type ? promote(*type, value.expr().dtype()) : value.expr().dtype();
  for (const Value& value : values) {
    const DType alone = value.is_weak() ? default_dtype(value.weak().kind) : *type;
    if (value.is_weak()) type = !type ? alone : promote(*type, value.weak().kind);
  }
  std::vector<Expr> converted;
  for (const Value& value : values)
    converted.push_back(value.is_weak() ? to_constant(value.weak(), type->is_index() ? kInt64 : *type, what)
                                        : convert(*type, to_data(value)));
  return converted;
}

}  // namespace

std::vector<Expr> PiecesNode::expressions() const {
  std::vector<Expr> all;
  for (const Piece& piece : pieces) {
    all.push_back(piece.condition);
    all.push_back(piece.value);
  }
  return all;
}

Tensor pieces(const std::vector<Value>& shape, const std::vector<PieceFunctions>& pieces,
              const std::string& name, const std::vector<std::string>& axis_names) {
  const std::string what = describe(OpKind::kPieces, name);
  if (pieces.empty()) raise_value("{}: there is no piece; give at least one (condition, value)", what);
  auto* node = new PiecesNode(name);
  Operation op(node);
  node->output_shape = check_shape(shape, what);
  node->axes = make_axes(node->output_shape, axis_names, what);
  const std::vector<Var> point = vars_of(node->axes);
  std::vector<Value> values;
  Expr elsewhere = make_bool(true);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    Expr condition = elsewhere;
    if (pieces[i].condition) {
      condition =
          to_condition(pieces[i].condition(point), fmt::format("{}: the condition of piece {}", what, i));
      check_expression(condition, {what, node->axes});
    } else if (i + 1 < pieces.size()) {
      raise_value("{}: piece {} is \"everywhere else\" (...), which must be the last of the {} pieces", what,
                  i, pieces.size());
    }
    elsewhere = tw::logical_and(elsewhere, tw::logical_not(condition));
    node->pieces.push_back({condition, {}});
    values.push_back(pieces[i].value(point));
  }
  const std::vector<Expr> typed = in_common_dtype(values, what);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    node->pieces[i].value = typed[i];
    // As a branch that is taken where the condition holds.
    check_expression(select(node->pieces[i].condition, typed[i], make_zero(typed[i].dtype())),
                     {what, node->axes});
  }
  node->dtypes = {typed.front().dtype()};
  node->checked = !check_pieces(*node, !pieces.back().condition, what);
  return outputs_of(op).front();
}

}  // namespace tw::te
