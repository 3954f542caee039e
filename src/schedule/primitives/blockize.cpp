// blockize(i_1):
//
//   for i_0 in 4:                                   for i_0 in 4:
//     for k_0 in 8:                                   for k_0 in 8:
//       for i_1 in 16:                                  block C_tile(vi_0 = i_0, vk_0: reduce = k_0):
//         for k_1 in 4:                                   init:
//           block C(vi = i_0*16 + i_1,            =>        for i_1 in 16:
//                   vk: reduce = k_0*4 + k_1):                block C_init(vi = vi_0*16 + i_1): C[vi] = 0
//             init: C[vi] = 0                             for i_1 in 16:
//             C[vi] = C[vi] + A[vi, vk]                     for k_1 in 4:
//                                                             block C(vi = vi_0*16 + i_1, vk: reduce = vk_0*4
//                                                             + k_1):
//                                                               C[vi] = C[vi] + A[vi, vk]
//
// The whole nest becomes the body of one block. Its axes are the loops outside that the nest uses: reductions
// where they drive a reduction inside, ordered where they drive an ordered axis, spatial otherwise.
// Conditions stay at the blocks inside. Where the nest holds a part of a reduction only, what the reduction
// starts from becomes the init of the new block, over its tile.
//
// Needed: the loops outside that the nest uses have numbers of turns of sizes alone, and nothing in the nest
// is bound to a GPU index. For an init that moves out: as for decompose_reduction, loops drive either spatial
// or reduction axes, and nothing else in the nest touches the elements.
#include <algorithm>

#include "ir/analysis/accesses.h"
#include "ir/analysis/regions.h"
#include "ir/text.h"
#include "schedule/blocks.h"
#include "schedule/loops.h"
#include "schedule/separate_init.h"

namespace tw::schedule {
namespace {

/// The init of a block as a nest of its own, over the loops of a tile.
class TileInit {
 public:
  TileInit(const Step& step, const LoopPlace& tile, const Block& block, const std::vector<BlockAxis>& outer)
      : step_(step),
        tile_(tile),
        block_(block),
        outer_(outer),
        place_(find_block(step.program(), block.id.value)) {}

  Stmt nest() {
    require_whole_points();
    find_loops();
    require_scope();
    require_alone();
    const BlockId id = step_.new_block_id();
    return nest_of_init(block_, fresh_name(step_.program(), name() + "_init"), id, spatial_, condition());
  }

 private:
  const std::string& name() const { return block_.name; }

  /// The points that are set must be the same in every turn of the reduction outside, and all of it this
  /// block's.
  void require_whole_points() {
    for (const BlockAxis& axis : outer_) {
      if (axis.axis_kind == AxisKind::kSpatial) continue;
      const Var loop(static_cast<const Variable*>(axis.binding.get()));
      if (axis.axis_kind == AxisKind::kOrdered || !drives(block_, loop, false) || drives(block_, loop, true))
        step_.refuse(
            &block_,
            "the tile holds a part of the reduction of block {}, and loop {} outside does not drive its "
            "reduction alone, so when its elements are set cannot be told; use decompose_reduction first",
            name(), loop->name.text);
    }
  }

  /// Sorts the loops of the tile around the block.
  void find_loops() {
    std::vector<const For*> around = place_.loops();
    around.erase(around.begin(), std::find(around.begin(), around.end(), &tile_.loop()));
    for (const For* loop : around) {
      const bool reduces = drives(block_, loop->var, false), moves = drives(block_, loop->var, true);
      if (reduces && moves)
        step_.refuse(
            loop,
            "loop {} drives both spatial and reduction axes of block {}; use decompose_reduction before "
            "they are fused",
            loop->var->name.text, name());
      const bool guards = block_.predicate && uses_var(block_.predicate, loop->var);
      if (reduces) reduction_.push_back(loop);
      if (!reduces && (moves || guards)) spatial_.push_back(loop);
    }
    require_turns(around);
    for (const BlockAxis& axis : outer_)
      if (axis.axis_kind != AxisKind::kSpatial)
        outer_reduction_.emplace_back(static_cast<const Variable*>(axis.binding.get()));
    for (const For* loop : spatial_)
      for (const Var& var : free_vars(loop->extent))
        if (is_reduction(var))
          step_.refuse(
              loop, "the number of turns of loop {}, {}, depends on loop {}, which the init does not run in",
              loop->var->name.text, to_text(loop->extent), var->name.text);
  }

  /// The init does not run in loops that only reduce: where they have no turn, it would set what the block
  /// leaves alone.
  void require_turns(const std::vector<const For*>& around) const {
    Context context = context_at(tile_);
    for (const For* loop : around) {
      const bool left_out = std::find(spatial_.begin(), spatial_.end(), loop) == spatial_.end();
      if (left_out && !prove(ge(loop->extent, 1), context))
        step_.refuse(
            loop,
            "loop {} has {} turns, which may be none, and the init of block {} would run without it; use "
            "decompose_reduction first",
            loop->var->name.text, to_text(loop->extent), name());
      context.bind(loop->var, 0, loop->extent);
    }
  }

  bool is_reduction(const Var& var) const {
    return std::any_of(reduction_.begin(), reduction_.end(),
                       [&](const For* l) { return l->var.same_as(var); }) ||
           std::any_of(outer_reduction_.begin(), outer_reduction_.end(),
                       [&](const Var& v) { return v.same_as(var); });
  }

  void require_scope() {
    bool inside = false;
    for (const StmtNode* around : place_.around) {
      inside = inside || around == tile_.node;
      if (!inside) continue;
      if (around->kind == Kind::kIf || around->kind == Kind::kLet)
        step_.refuse(around,
                     "block {} stands in a condition or a value, which its init would leave; use "
                     "decompose_reduction first",
                     name());
      const auto* allocation = as<Allocate>(static_cast<const Node*>(around));
      for (const Region& write : block_.writes)
        if (allocation && allocation->buffer.same_as(write.buffer))
          step_.refuse(allocation,
                       "buffer {} lives inside of the tile, which holds only a part of its reduction",
                       allocation->buffer->name.text);
    }
  }

  void require_alone() {
    for (const Block* other : blocks_below(tile_.node)) {
      if (other == &block_) continue;
      for (const std::vector<Region>* regions : {&other->reads, &other->writes})
        for (const Region& region : *regions)
          for (const Region& write : block_.writes)
            if (region.buffer.same_as(write.buffer))
              step_.refuse(other,
                           "block {} uses buffer {} in the tile, which holds only a part of the reduction of "
                           "block {}; use decompose_reduction first",
                           other->name.text, region.buffer->name.text, name());
    }
  }

  /// The parts of the block's predicate that speak of no reduction.
  Expr condition() const {
    Expr kept;
    for (const Expr& part : conjuncts(block_.predicate)) {
      bool reduces = false, moves = false;
      for (const Var& var : free_vars(part)) {
        if (is_reduction(var)) reduces = true;
        if (!is_reduction(var) && drives(block_, var, true)) moves = true;
      }
      if (reduces && moves)
        step_.refuse(
            &block_,
            "block {} runs under {}, which joins spatial and reduction loops; which elements are set "
            "cannot be told",
            name(), to_text(part));
      if (!reduces) kept = kept ? logical_and(kept, part) : part;
    }
    return kept;
  }

  const Step& step_;
  const LoopPlace& tile_;
  const Block& block_;
  const std::vector<BlockAxis>& outer_;
  BlockPlace place_;
  std::vector<const For*> spatial_, reduction_;  // of the tile, outermost first
  std::vector<Var> outer_reduction_;
};

/// The axes of the new block: the loops outside that the nest uses.
std::vector<BlockAxis> axes_of(const Step& step, const LoopPlace& tile) {
  const std::vector<const For*> outside = tile.loops();
  const std::vector<const Block*> blocks = blocks_below(tile.node);
  std::vector<BlockAxis> axes;
  for (const For* loop : outside) {
    if (!uses_var(Stmt(tile.node), loop->var)) continue;
    for (const For* outer : outside)
      if (uses_var(loop->extent, outer->var))
        step.refuse(
            loop,
            "loop {} has {} turns, which depends on loop {}; an axis of a block has an extent of sizes "
            "alone",
            loop->var->name.text, to_text(loop->extent), outer->var->name.text);
    BlockAxis axis;
    axis.extent = loop->extent;
    axis.binding = loop->var;
    axis.var = Var("v" + loop->var->name.text);
    for (const Block* block : blocks)
      for (const BlockAxis& inner : block->axes)
        if (uses_var(inner.binding, loop->var)) axis.axis_kind = std::max(axis.axis_kind, inner.axis_kind);
    if (loop->ordered) axis.axis_kind = AxisKind::kOrdered;
    axes.push_back(axis);
  }
  return axes;
}

void require_no_index(const Step& step, const LoopPlace& tile) {
  for_each_node(tile.node, [&](const Node* node) {
    const auto* loop = as<For>(node);
    if (loop && loop->loop_kind == LoopKind::kBound)
      step.refuse(loop,
                  "loop {} is bound to {}, and a block holds what one thread runs; bind loops around it",
                  loop->var->name.text, to_string(loop->gpu_index));
  });
}

Outcome blockize(const Step& step) {
  const LoopPlace tile = step.loop(0);
  const std::vector<const Block*> blocks = blocks_below(tile.node);
  if (blocks.empty()) step.refuse(tile.node, "loop {} holds no block", tile.loop().var->name.text);
  require_no_index(step, tile);

  auto* block = new Block();
  const Stmt owner(block);
  block->name = fresh_name(step.program(), blocks.back()->name.text + "_tile");
  block->id = step.new_block_id();
  block->axes = axes_of(step, tile);
  VarMap values;
  for (const BlockAxis& axis : block->axes) values[as<Variable>(axis.binding)] = axis.var;

  std::vector<Stmt> inits;
  block->body = map_blocks(Stmt(tile.node), [&](const Block& inner) -> Stmt {
    const bool is_part = std::any_of(block->axes.begin(), block->axes.end(), [&](const BlockAxis& axis) {
      return drives(inner, Var(as<Variable>(axis.binding)), false);
    });
    if (!inner.init || !is_part) return {};
    inits.push_back(TileInit(step, tile, inner, block->axes).nest());
    auto* update = new Block(inner);
    const Stmt kept(update);
    update->init = {};
    return with_inferred_regions(*update);
  });
  block->body = substitute(block->body, values);
  if (!inits.empty()) block->init = substitute(Seq::make(inits), values);
  return {step.with_body(replaced_at(step.program(), tile, with_inferred_regions(*block))), {block->id}, {}};
}

const Registration registration{{
    .name = "blockize",
    .summary = "Makes one block of the whole nest of a loop.",
    .doc = R"(    for i_0 in 4:                                  for i_0 in 4:
      for k_0 in 8:                                  for k_0 in 8:
        for i_1 in 16:                                 block C_tile(vi_0 = i_0, vk_0: reduce = k_0):
          for k_1 in 4:                                  init:
            block C(vi = i_0*16 + i_1,           =>        for i_1 in 16:
                    vk: reduce = k_0*4 + k_1):               block C_init(vi = vi_0*16 + i_1): C[vi] = 0
              init: C[vi] = 0                            for i_1 in 16:
              C[vi] = C[vi] + A[vi, vk]                    for k_1 in 4:
                                                             block C(vi = vi_0*16 + i_1, vk: reduce = vk_0*4 + k_1):
                                                               C[vi] = C[vi] + A[vi, vk]

The axes of the new block are the loops outside that the nest uses. Where the nest holds a part of a reduction only, the
init becomes that of the new block, over its tile. The loops inside may still be split, fused, reordered and so on among
themselves; steps that take a block as one whole refuse this one unless they know of blocks in blocks.)",
    .args = {{"loop", ArgKind::kLoop, "The outermost loop of the nest."}},
    .results = {"The new block."},
    .example = R"(>>> i_0, i_1 = s.split(i, [None, 16])
>>> s.blockize(i_1)
<tw.Block C_tile>)",
    .apply = blockize,
}};

}  // namespace
}  // namespace tw::schedule
