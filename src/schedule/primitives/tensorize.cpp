// tensorize(i_1, "outer_f32_14x32"):
//
//   for i_0 in n // 14:                                  for i_0 in n // 14:
//     for j_0 in m // 32:                                  for j_0 in m // 32:
//       for k in l:                                          for k in l:
//         for i_1 in 14:                             =>        block C(vi = i_0, vj = j_0, vk = k):
//           for j_1 in 32:                                       init: for … C[vi*14 + …, vj*32 + …] = 0
//             block C(vi = i_0*14 + i_1, …):                     call outer_f32_14x32(A[vi*14 :+ 14, vk],
//               init: C[vi, vj] = 0                                  B[vk, vj*32 :+ 32], C[vi*14 :+ 14, …])
//               C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
//
// The loop and what stands in it, a perfect nest of serial loops around one block, become one call of a
// tensor intrinsic. The nest is matched against the intrinsic's meaning: the value that the block stores,
// with its types and reducer, the axes with their numbers of points, and the elements that each operand
// touches, which must be boxes whose dimensions stand in the intrinsic's order, laid out as it needs them
// (intrinsic.h). The intrinsic runs whole tiles, so no condition may leave out a part of one; then its boxes
// lie inside their buffers, as all elements that the nest accesses do.
//
// The init of a reduction stays, as loops over the tile. Buffers in local memory that the intrinsic wants
// spread over a warp become fragments with its lane map; other blocks that use them are to be tensorized
// with intrinsics of the same fragments. A warp computes such an intrinsic together: the block stands in no
// loop over threadIdx.x, and each turn of loops over other thread indices is a warp.
//
// An intrinsic that rounds in another way than its meaning leaves a note in the program's attribute
// "rewrites". Not checked: whether the machine that the program will run on has the intrinsic.
#include <algorithm>

#include "ir/simplify.h"
#include "ir/visit.h"
#include "schedule/copies.h"
#include "schedule/operand_demands.h"
#include "schedule/rewrite.h"

namespace tw::schedule {
namespace {

const Intrinsic& intrinsic_argument(const Step& step) {
  const std::string& name = step.text(1);
  if (const Intrinsic* found = find_intrinsic(name)) return *found;
  std::string known;
  for (const IntrinsicListing& row : intrinsics()) known += (known.empty() ? "" : ", ") + row.name;
  step.refuse(nullptr, "there is no intrinsic '{}'; there are {}, and those that you declare", name, known);
}

void require_warp(const Step& step, const Intrinsic& intrinsic, const LoopPlace& place) {
  if (!intrinsic.is_of_warp()) return;
  for (const For* loop : place.loops())
    if (loop->loop_kind == LoopKind::kBound && loop->gpu_index == GpuIndex::kThreadX)
      step.refuse(
          loop,
          "the 32 lanes of a warp, threadIdx.x, compute intrinsic {} together, and loop {} around it is "
          "bound to threadIdx.x; bind loops over tiles to threadIdx.y or .z, each turn is a warp",
          intrinsic.name, loop->var->name.text);
}

class Tensorize {
 public:
  explicit Tensorize(const Step& step)
      : step_(step), intrinsic_(intrinsic_argument(step)), place_(step.loop(0)) {}

  Outcome apply() {
    tile_ = cut_tile(step_, place_);
    require_warp(step_, intrinsic_, place_);
    const std::vector<MatchedOperand> operands = match_intrinsic(step_, intrinsic_, tile_);
    const auto exchanged = meet_demands(step_, intrinsic_, tile_, operands);

    std::vector<Region> boxes;
    for (const MatchedOperand& operand : operands) boxes.push_back(operand.box);
    const BlockId id = step_.new_block_id();
    Stmt body = replaced_at(step_.program(), place_, block_of(id, TensorCall::make(intrinsic_.name, boxes)));
    for (const auto& [old, fresh] : exchanged) body = with_buffer(body, old, fresh);
    return {with_numerics(step_.with_body(body)), {id}, exchanged, intrinsic_.name};
  }

 private:
  /// The program with a note of what the intrinsic loses, beside that of rewrites.
  Program with_numerics(const Program& program) const {
    const Numerics& numerics = intrinsic_.numerics;
    if (numerics.exact) return program;
    const AppliedRewrite applied{fmt::format("tensorize({})", intrinsic_.name), 0, numerics.error_per_term,
                                 ErrorScale::kTerms};
    return ProgramNode::make(program->name, program->params, program->body,
                             with_applied_rewrite(program, applied));
  }

  /// Whether the axis has become one point that nothing needs: its tile is all of it.
  bool is_gone(std::size_t a) const {
    const TileAxis& axis = tile_.axes[a];
    const bool reduces = tile_.block->axes[a].axis_kind == AxisKind::kReduction;
    return axis.inner && is_int(axis.outer_extent, 1) && is_int(axis.binding, 0) &&
           !(reduces && keeps_init());
  }
  bool keeps_init() const { return tile_.block->init && !intrinsic_.pattern.sets_first; }

  Stmt block_of(BlockId id, const Stmt& call) const {
    auto* block = new Block(*tile_.block);
    const Stmt owner(block);
    block->id = id;
    block->predicate = tile_.predicate;
    block->axes.clear();
    VarMap gone;
    for (std::size_t a = 0; a < tile_.axes.size(); ++a) {
      if (is_gone(a)) {
        gone[&*tile_.axes[a].outer] = Expr(0);
        continue;
      }
      BlockAxis axis = tile_.block->axes[a];
      axis.var = tile_.axes[a].outer;
      axis.extent = tile_.axes[a].outer_extent;
      axis.binding = tile_.axes[a].binding;
      block->axes.push_back(axis);
    }
    const bool reduces = std::any_of(block->axes.begin(), block->axes.end(), [](const BlockAxis& axis) {
      return axis.axis_kind == AxisKind::kReduction;
    });
    if (!reduces) block->reducer = {};
    block->init = keeps_init() ? simplify(substitute(init_of_tile(), gone), tile_.context) : Stmt();
    block->body = simplify(substitute(call, gone), tile_.context);
    return with_inferred_regions(*block);
  }

  /// Sets the elements of the tile, one after the other.
  Stmt init_of_tile() const {
    VarMap values;
    std::vector<std::pair<Var, Expr>> loops;
    for (std::size_t a = 0; a < tile_.axes.size(); ++a) {
      const BlockAxis& axis = tile_.block->axes[a];
      if (axis.axis_kind != AxisKind::kSpatial) continue;
      const TileAxis& part = tile_.axes[a];
      values[&*axis.var] = part.begin;
      if (!part.inner) continue;
      const Var loop(axis.var->name.text.substr(axis.var->name.text.front() == 'v' ? 1 : 0));
      values[&*axis.var] = part.begin + loop;
      loops.emplace_back(loop, Expr(part.extent));
    }
    Stmt init = substitute(tile_.block->init, values);
    for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop)
      init = For::make(loop->first, loop->second, init);
    return init;
  }

  const Step& step_;
  const Intrinsic& intrinsic_;
  LoopPlace place_;
  BlockTile tile_;
};

Outcome tensorize(const Step& step) {
  return Tensorize(step).apply();
}

const Registration registration{{
    .name = "tensorize",
    .summary = "Computes a loop nest by a tensor intrinsic, one call for each run of the nest.",
    .doc = R"(    for i_0 in n // 14:                                for i_0 in n // 14:
      for j_0 in m // 32:                                for j_0 in m // 32:
        for k in l:                                        for k in l:
          for i_1 in 14:                          =>         block C(vi = i_0, vj = j_0, vk = k):
            for j_1 in 32:                                     call outer_f32_14x32(A[vi*14 :+ 14, vk],
              block C(vi = i_0*14 + i_1, ...):                     B[vk, vj*32 :+ 32],
                C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]      C[vi*14 :+ 14, vj*32 :+ 32])

The loop and what stands in it, a perfect nest of serial loops of constant extents around one block, are matched
against the meaning of the intrinsic: the same value with the same types and reducer (operands of + and * in either
order), as many points of each axis, operands that are boxes whose dimensions stand in the intrinsic's order, laid out
as it needs them. What differs is said. No condition may leave out a part of a tile. The init of a reduction stays, as
loops over the tile; an intrinsic that begins anew takes the whole reduction and its init. Buffers in local memory that
the intrinsic wants in the registers of a warp become fragments; a warp computes it together, so the block stands in no
loop over threadIdx.x. An intrinsic that rounds in another way leaves a note in the program's attribute "rewrites".
`tw.intrinsics()` lists the intrinsics, `tw.intrinsic` declares one. Whether the machine has it is not checked.)",
    .args = {{"loop", ArgKind::kLoop, "The outermost loop of the nest."},
             {"intrinsic", ArgKind::kText, "The name of an intrinsic, or what tw.intrinsic gives."}},
    .results = {"The block that calls the intrinsic."},
    .example = R"(>>> i_0, i_1 = s.split(i, [None, 8])
>>> j_0, j_1 = s.split(j, [None, 16])
>>> s.reorder(i_0, j_0, k, i_1, j_1)
>>> s.tensorize(i_1, "outer_f32_8x16")
<tw.Block C>)",
    .apply = tensorize,
}};

}  // namespace
}  // namespace tw::schedule
