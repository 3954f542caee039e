#include "schedule/separate_init.h"

#include <algorithm>

#include <fmt/format.h>

#include "ir/analysis/accesses.h"
#include "ir/analysis/iter_map.h"
#include "ir/analysis/regions.h"
#include "ir/equal.h"
#include "ir/visit.h"
#include "schedule/blocks.h"

namespace tw::schedule {
namespace {

using Loops = std::vector<const For*>;

bool uses_any(const Expr& e, const Loops& loops) {
  return std::any_of(loops.begin(), loops.end(), [&](const For* loop) { return uses_var(e, loop->var); });
}

std::vector<LoopRange> ranges_of(const Loops& loops) {
  std::vector<LoopRange> ranges;
  for (const For* loop : loops) ranges.push_back({loop->var, loop->extent});
  return ranges;
}

std::vector<const BlockAxis*> axes_of(const Block& block, bool spatial) {
  std::vector<const BlockAxis*> axes;
  for (const BlockAxis& axis : block.axes)
    if ((axis.axis_kind == AxisKind::kSpatial) == spatial) axes.push_back(&axis);
  return axes;
}

std::vector<Expr> bindings_of(const std::vector<const BlockAxis*>& axes) {
  std::vector<Expr> bindings;
  for (const BlockAxis* axis : axes) bindings.push_back(axis->binding);
  return bindings;
}

std::vector<Expr> extents_of(const std::vector<const BlockAxis*>& axes) {
  std::vector<Expr> extents;
  for (const BlockAxis* axis : axes) extents.push_back(axis->extent);
  return extents;
}

bool only_sets(const Stmt& body) {
  if (const auto* store = as<Store>(body)) return !store->predicate && !store->atomic;
  const auto* seq = as<Seq>(body);
  return seq && std::all_of(seq->stmts.begin(), seq->stmts.end(), only_sets);
}

bool is_plain_init(const Block& block) {
  return !block.reducer && !block.init && block.reads.empty() && axes_of(block, false).empty() &&
         only_sets(block.body);
}

/// Whether both write the same elements at the same points.
bool sets_the_same(const Block& init, const Block& update) {
  const auto own = axes_of(init, true), spatial = axes_of(update, true);
  if (own.size() != spatial.size() || init.writes.size() != update.writes.size()) return false;
  VarMap axes;
  for (std::size_t a = 0; a < own.size(); ++a) {
    if (!structural_equal(own[a]->extent, spatial[a]->extent)) return false;
    axes[&*own[a]->var] = spatial[a]->var;
  }
  return std::all_of(update.writes.begin(), update.writes.end(), [&](const Region& region) {
    return std::any_of(init.writes.begin(), init.writes.end(), [&](const Region& set) {
      if (!set.buffer.same_as(region.buffer)) return false;
      for (std::size_t d = 0; d < region.ranges.size(); ++d)
        if (!is_int(region.ranges[d].extent, 1) || !is_int(set.ranges[d].extent, 1) ||
            !structural_equal(substitute(set.ranges[d].min, axes), region.ranges[d].min))
          return false;
      return true;
    });
  });
}

/// An update and the block that may be its init, in one turn of the loops around both.
class Pair {
 public:
  Pair(const BlockPlace& init, const BlockPlace& update) : init_(init.block()), update_(update.block()) {
    std::size_t common = 0;
    while (common < init.around.size() && common < update.around.size() &&
           init.around[common] == update.around[common])
      ++common;
    for (const BlockPlace* place : {&init, &update}) {
      Loops& inner = place == &init ? init_loops_ : update_loops_;
      for (std::size_t i = 0; i < place->around.size(); ++i) {
        const StmtNode* around = place->around[i];
        if (i >= common && (around->kind == Kind::kIf || around->kind == Kind::kLet)) in_plain_loops_ = false;
        const auto* loop = as<For>(static_cast<const Node*>(around));
        if (!loop) continue;
        if (i < common) {
          if (place == &init) context_.bind(loop->var, 0, loop->extent);
        } else {
          inner.push_back(loop);
        }
      }
    }
  }

  bool in_plain_loops() const { return in_plain_loops_; }

  /// Both run through their whole domains, the update once.
  bool run_whole() const {
    const auto own = axes_of(init_, true);
    const IterMapResult sets =
        detect_iter_map(bindings_of(own), ranges_of(init_loops_), init_.predicate, context_);
    if (!sets || !is_surjective(*sets, extents_of(own), context_)) return false;
    std::vector<const BlockAxis*> axes;
    for (const BlockAxis& axis : update_.axes) axes.push_back(&axis);
    const IterMapResult adds =
        detect_iter_map(bindings_of(axes), ranges_of(update_loops_), update_.predicate, context_);
    return adds && is_bijective(*adds, extents_of(axes), context_);
  }

  /// Both run through the same points in like loops, and the update adds up whole reductions there.
  bool run_alike() const {
    const auto own = axes_of(init_, true), spatial = axes_of(update_, true);
    const auto reduced = axes_of(update_, false);
    Loops points, sums;
    for (const For* loop : update_loops_) {
      const bool is_spatial = std::any_of(spatial.begin(), spatial.end(), [&](const BlockAxis* axis) {
        return uses_var(axis->binding, loop->var);
      });
      (is_spatial ? points : sums).push_back(loop);
    }
    if (points.size() != init_loops_.size()) return false;
    VarMap names;
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (!structural_equal(substitute(init_loops_[i]->extent, names), points[i]->extent)) return false;
      names[&*init_loops_[i]->var] = points[i]->var;
    }
    for (std::size_t a = 0; a < own.size(); ++a)
      if (!structural_equal(substitute(own[a]->binding, names), spatial[a]->binding)) return false;
    for (const BlockAxis* axis : reduced)
      if (uses_any(axis->binding, points)) return false;

    std::vector<Expr> of_points;
    Expr of_sums = make_bool(true);
    for (const Expr& condition : conjuncts(update_.predicate)) {
      if (!uses_any(condition, sums)) {
        of_points.push_back(condition);
      } else if (uses_any(condition, points)) {
        return false;
      } else {
        of_sums = logical_and(of_sums, condition);
      }
    }
    for (const Expr& condition : conjuncts(init_.predicate)) {
      const Expr renamed = substitute(condition, names);
      if (std::none_of(of_points.begin(), of_points.end(),
                       [&](const Expr& e) { return structural_equal(e, renamed); }))
        return false;
    }
    const IterMapResult places = detect_iter_map(bindings_of(spatial), ranges_of(points), {}, context_);
    if (!places || !is_injective(*places, context_)) return false;
    const IterMapResult terms = detect_iter_map(bindings_of(reduced), ranges_of(sums), of_sums, context_);
    return terms && is_bijective(*terms, extents_of(reduced), context_);
  }

 private:
  const Block &init_, &update_;
  bool in_plain_loops_ = true;
  Loops init_loops_, update_loops_;  // inside of those around both
  Context context_;                  // the loops around both
};

SeparateInit none(std::string reason) {
  return {std::nullopt, std::move(reason)};
}

}  // namespace

Stmt nest_of_init(const Block& block, const std::string& name, BlockId id,
                  const std::vector<const For*>& loops, const Expr& condition,
                  const std::vector<Var>& turns) {
  VarMap fresh, axes;
  for (const For* loop : loops) fresh[&*loop->var] = Var(loop->var->name.text);
  auto* init = new Block();
  const Stmt owner(init);
  init->name = name;
  init->id = id;
  for (const BlockAxis& axis : block.axes) {
    const bool stays = std::any_of(turns.begin(), turns.end(),
                                   [&](const Var& turn) { return uses_var(axis.binding, turn); });
    if (axis.axis_kind != AxisKind::kSpatial && !(axis.axis_kind == AxisKind::kOrdered && stays)) continue;
    BlockAxis own = axis;
    own.var = Var(axis.var->name.text);
    own.binding = substitute(axis.binding, fresh);
    axes[&*axis.var] = own.var;
    init->axes.push_back(own);
  }
  if (condition) init->predicate = substitute(condition, fresh);
  init->body = substitute(block.init, axes);
  Stmt nest = with_inferred_regions(*init);
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) {
    auto* copy = new For(**loop);
    const Stmt around(copy);
    copy->var = Var(static_cast<const Variable*>(fresh.at(&*(*loop)->var).get()));
    copy->extent = substitute(copy->extent, fresh);
    copy->body = nest;
    nest = around;
  }
  return nest;
}

bool is_update(const Block& block) {
  return static_cast<bool>(block.reducer) && !block.init;
}

SeparateInit find_separate_init(const Program& program, const BlockPlace& update) {
  const Block& block = update.block();
  const std::string& name = block.name;
  if (!is_update(block)) return none(fmt::format("block {} is no update", name));
  std::optional<BlockPlace> init;
  for (const BlockPlace& place : all_blocks(program)) {
    if (place.node == update.node) break;
    const auto writes = [&](const Region& region) {
      return std::any_of(block.writes.begin(), block.writes.end(),
                         [&](const Region& own) { return own.buffer.same_as(region.buffer); });
    };
    if (std::any_of(place.block().writes.begin(), place.block().writes.end(), writes)) init = place;
  }
  if (!init) return none(fmt::format("no block before block {} sets what it adds to", name));
  const Block& setter = init->block();
  for (const Region& region : block.writes)
    for (const BlockPlace& writer : writers_of(program, region.buffer))
      if (writer.node != update.node && writer.node != init->node)
        return none(fmt::format("blocks {} and {} write buffer {} too", writer.block().name.text,
                                setter.name.text, region.buffer->name.text));
  if (!is_plain_init(setter))
    return none(fmt::format("block {} does more than set elements", setter.name.text));
  if (!sets_the_same(setter, block))
    return none(fmt::format("blocks {} and {} do not write the same elements at the same points",
                            setter.name.text, name));
  const Pair pair(*init, update);
  if (!pair.in_plain_loops())
    return none(
        fmt::format("conditions or values stand around block {} or {} alone", setter.name.text, name));
  if (!pair.run_whole() && !pair.run_alike())
    return none(
        fmt::format("it is not proved that block {} sets, in each turn of the loops around both, all that "
                    "block {} then adds to, once",
                    setter.name.text, name));
  return {init, ""};
}

BlockPlace find_update_of(const Program& program, const BlockPlace& init) {
  const Block& block = init.block();
  if (!is_plain_init(block) || block.writes.empty()) return {};
  for (const BlockPlace& writer : writers_of(program, block.writes.front().buffer)) {
    if (!is_update(writer.block())) continue;
    const SeparateInit found = find_separate_init(program, writer);
    if (found && found.place->node == init.node) return writer;
  }
  return {};
}

Stmt with_bindings_of(const Block& init, const Block& update) {
  auto* copy = new Block(init);
  const Stmt owner(copy);
  const auto spatial = axes_of(update, true);
  for (std::size_t a = 0; a < spatial.size(); ++a) copy->axes[a].binding = spatial[a]->binding;
  copy->predicate = {};
  return owner;
}

}  // namespace tw::schedule
