#include "autotune/space/general_nest.h"

#include <algorithm>

#include "autotune/space/facts_reads.h"
#include "ir/analysis/access_map.h"
#include "ir/analysis/accesses.h"
#include "ir/visit.h"
#include "schedule/blocks.h"

namespace tw::autotune {
namespace {

/// Values for everything free in an expression but these variables: sizes as the workload has them, the rest
/// 0.
int64_t number_at_zero(const Workload& workload, const Expr& e) {
  VarMap zeros;
  for (const Var& var : free_vars(e)) {
    const bool known = std::any_of(workload.program->params.begin(), workload.program->params.end(),
                                   [&](const Param& p) { return p.var.get() == var.get(); });
    if (!known) zeros[&*var] = Expr(0);
  }
  return is_data_dependent(e) ? 0 : workload.number(substitute(e, zeros));
}

/// The accesses of a block, its axes replaced by what they are bound to.
class Accesses : public Visitor {
 public:
  Accesses(const Workload& workload, const Block& block, NestView& view)
      : workload_(workload), block_(block), view_(view) {
    for (const BlockAxis& axis : block.axes) bindings_[&*axis.var] = axis.binding;
    for (const NestLoop& loop : view.loops) vars_.push_back(loop.var);
  }

 protected:
  using Visitor::on;
  void on(const Load& node) override {
    if (!own_sum(node.buffer)) add(node.buffer, node.indices, false);
    walk(node);
  }
  void on(const Store& node) override {
    add(node.buffer, node.indices, true);
    view_.operations += operations_of(node.value);
    walk(node);
  }
  void on(const Let& node) override {
    view_.operations += operations_of(node.value);
    walk(node);
  }

 private:
  bool own_sum(const Buffer& buffer) const {
    return block_.reducer && std::any_of(block_.writes.begin(), block_.writes.end(),
                                         [&](const Region& r) { return r.buffer.same_as(buffer); });
  }

  bool is_argument(const Buffer& buffer) const {
    return std::any_of(workload_.program->params.begin(), workload_.program->params.end(),
                       [&](const Param& p) { return p.buffer.get() == buffer.get(); });
  }

  void add(const Buffer& buffer, const std::vector<Expr>& indices, bool store) {
    NestAccess access{buffer.get(), store, !is_argument(buffer), 0, {}};
    std::vector<Expr> bound;
    for (const Expr& index : indices) bound.push_back(substitute(index, bindings_));
    const std::vector<Expr> steps = strides_of(*buffer);
    for (std::size_t d = 0; d < bound.size(); ++d)
      access.first += number_at_zero(workload_, bound[d]) * number_at_zero(workload_, steps[d]);
    const AccessMap map = access_map(bound, vars_);
    for (const Var& var : vars_) {
      const std::optional<Expr> stride = stride_of(map, buffer, var);
      access.strides.push_back(stride ? std::optional<int64_t>(number_at_zero(workload_, *stride))
                                      : std::nullopt);
    }
    view_.accesses.push_back(std::move(access));
    const DType dtype = buffer->dtype;
    const bool position = dtype.is_int() && dtype.bytes() == 8;
    if (!position && dtype.bytes() > view_.dtype.bytes()) view_.dtype = dtype;
  }

  const Workload& workload_;
  const Block& block_;
  NestView& view_;
  VarMap bindings_;
  std::vector<Var> vars_;
};

NestLoop loop_of(const Workload& workload, const Block& block, const For& loop, LoopRef ref) {
  NestLoop found{ref, loop.var};
  found.constant = as_int(loop.extent).has_value();
  found.turns = std::max<int64_t>(0, number_at_zero(workload, loop.extent));
  for (std::size_t a = 0; a < block.axes.size(); ++a) {
    if (!uses_var(block.axes[a].binding, loop.var)) continue;
    found.axis = found.axis == -1 ? static_cast<int>(a) : -2;
    if (block.axes[a].axis_kind == AxisKind::kReduction) found.role = NestLoop::Role::kSummed;
    if (block.axes[a].axis_kind == AxisKind::kOrdered) found.role = NestLoop::Role::kOrdered;
  }
  found.axis = std::max(found.axis, -1);
  if (loop.ordered) found.role = NestLoop::Role::kOrdered;
  return found;
}

}  // namespace

std::vector<PlacedBlock> placed_blocks(Script& s) {
  const std::vector<BlockRef> refs = s.schedule().blocks();
  std::vector<schedule::BlockPlace> places = schedule::all_blocks(s.schedule().program());
  std::vector<PlacedBlock> blocks;
  // A block has one handle, and blocks in blocks are not made here.
  check_internal(refs.size() == places.size(), "{} blocks have {} handles", places.size(), refs.size());
  for (std::size_t i = 0; i < refs.size(); ++i) blocks.push_back({refs[i], std::move(places[i])});
  return blocks;
}

std::optional<PlacedBlock> placed(Script& s, BlockRef ref) {
  for (PlacedBlock& block : placed_blocks(s))
    if (block.ref == ref) return std::move(block);
  return std::nullopt;
}

double NestView::instances() const {
  double product = 1;
  for (const NestLoop& loop : loops) product *= static_cast<double>(loop.turns);
  return product;
}

double NestView::points() const {
  double product = 1;
  for (const NestLoop& loop : loops)
    if (!loop.summed()) product *= static_cast<double>(loop.turns);
  return product;
}

int NestView::loop_of(int axis) const {
  for (std::size_t i = 0; i < loops.size(); ++i)
    if (axis >= 0 && loops[i].axis == axis) return static_cast<int>(i);
  return -1;
}

NestView view_of(const Workload& workload, Script& s, const PlacedBlock& block, int depth) {
  NestView view;
  view.depth = depth;
  view.dtype = kInt8;
  view.sums = static_cast<bool>(block.block().reducer);
  view.has_init = static_cast<bool>(block.block().init);
  const std::vector<LoopRef> refs = s.loops(block.ref);
  const std::vector<const For*> loops = block.place.loops();
  for (std::size_t i = static_cast<std::size_t>(depth); i < loops.size(); ++i)
    view.loops.push_back(loop_of(workload, block.block(), *loops[i], refs[i]));
  Accesses(workload, block.block(), view).visit(block.block().body);
  return view;
}

int shared_depth(const PlacedBlock& block) {
  const std::vector<const For*> loops = block.place.loops();
  std::size_t depth = 0;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    bool kept = loops[i]->ordered;
    for (const BlockAxis& axis : block.block().axes)
      kept = kept || (axis.axis_kind == AxisKind::kOrdered && uses_var(axis.binding, loops[i]->var));
    if (kept || schedule::blocks_below(loops[i]).size() > 1) depth = i + 1;
  }
  return static_cast<int>(depth);
}

}  // namespace tw::autotune
