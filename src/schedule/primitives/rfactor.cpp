// rfactor(ko, 0):
//
//   for i in n:                                       for i in n:
//     for ko in 8:                                      for ko in 8:
//       for ki in 4:                                      for ki in 4:
//         block C(vi = i, vk = ko*4 + ki):       =>         block C_rf(vi = i, vko = ko, vki: reduce = ki):
//           init: C[vi] = 0                                   init: C_rf[vko, vi] = 0
//           C[vi] = C[vi] + A[vi, vk]                         C_rf[vko, vi] = C_rf[vko, vi] + A[vi, vko*4 +
//           vki]
//                                                     for i in n:
//                                                       for ko in 8:
//                                                         block C(vi = i, vko: reduce = ko):
//                                                           init: C[vi] = 0
//                                                           C[vi] = C[vi] + C_rf[vko, vi]
//
// Every turn of a reduction loop gets a partial result of its own, in a buffer with one more dimension; a
// second reduction combines them. The loop then is spatial for the partial block and may run in parallel, or
// as lanes. The reduction block keeps its number and writes what it wrote; its loops now belong to the
// partial block. Any declared reducer will do. Instances that the block's predicate leaves out, because the
// reduction was split by factors that do not divide it, become a condition inside the partial block, whose
// results start from the identity.
//
// Needed: one reduction below the loop, the loop drives reduction axes alone, and the subscripts that are
// written are spatial. Several loops: one after the other, each on the partial block.
#include <algorithm>

#include "ir/analysis/iter_map.h"
#include "ir/analysis/regions.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/copies.h"
#include "schedule/moving.h"
#include "schedule/partial_results.h"

namespace tw::schedule {
namespace {

class Rfactor {
 public:
  explicit Rfactor(const Step& step)
      : step_(step), loop_(step.loop(0)), block_place_(find_reduction()), block_(block_place_.block()) {}

  Outcome apply() {
    find_factored();
    find_components();
    const Place site = find_site();
    const BlockId id = step_.new_block_id();
    const Stmt partial = partial_block(id);
    const Stmt final_nest = combining_nest(site);

    const Program with_partial =
        ProgramNode::make("", step_.program()->params, replaced_at(step_.program(), block_place_, partial));
    const Place nest = same_site(with_partial, site);
    Stmt both = Seq::make({identities_nest(), Stmt(nest.node), final_nest});
    for (auto c = components_.rbegin(); c != components_.rend(); ++c) both = Allocate::make(c->partial, both);
    return {step_.with_body(replaced_at(with_partial, nest, both)), {id}, {}};
  }

 private:
  const std::string& name() const { return block_.name; }
  const For& loop() const { return loop_.loop(); }
  const std::string& loop_name() const { return loop().var->name; }

  /// A loop that no axis follows, because it has one turn or because the predicate leaves it one. Where sizes
  /// are 1 the loops of a reduction are such.
  bool is_idle(const Block& block, const For& loop) const {
    if (drives(block, loop.var, true) || drives(block, loop.var, false)) return false;
    return prove(le(loop.extent, 1)) || (block.predicate && uses_var(block.predicate, loop.var));
  }

  BlockPlace find_reduction() {
    std::vector<const Block*> found;
    for (const Block* block : blocks_below(loop_.node))
      if (drives(*block, loop().var, false)) found.push_back(block);
    if (found.empty())
      step_.refuse(loop_.node, "loop {} drives no reduction axis of a block; take a loop of a reduction",
                   loop_name());
    if (found.size() > 1)
      step_.refuse(found[1],
                   "loop {} drives the reductions of blocks {} and {}; it can be factored for one alone",
                   loop_name(), found[0]->name.text, found[1]->name.text);
    const Block& block = *found.front();
    if (!block.reducer)
      step_.refuse(&block, "block {} declares no reducer, so how partial results combine is not known",
                   block.name.text);
    if (drives(block, loop().var, true))
      step_.refuse(
          &block,
          "loop {} drives both spatial and reduction axes of block {}; take a loop of the reduction alone",
          loop_name(), block.name.text);
    return find_block(step_.program(), block.id.value);
  }

  /// The reduction axes that the loop has a part in, and the other loops that have one: these become axes
  /// themselves.
  void find_factored() {
    const std::vector<const For*> around = block_place_.loops();
    factored_.assign(block_.axes.size(), false);
    std::vector<const For*> parts = {&loop()};
    for (bool grown = true; grown;) {
      grown = false;
      for (std::size_t a = 0; a < block_.axes.size(); ++a) {
        const BlockAxis& axis = block_.axes[a];
        if (factored_[a] || axis.axis_kind == AxisKind::kSpatial) continue;
        if (std::none_of(parts.begin(), parts.end(),
                         [&](const For* l) { return uses_var(axis.binding, l->var); }))
          continue;
        if (axis.axis_kind == AxisKind::kOrdered)
          step_.refuse(&block_, "axis {} of block {} is ordered; only reductions can be factored",
                       axis.var->name.text, name());
        factored_[a] = grown = true;
        for (const For* other : around)
          if (uses_var(axis.binding, other->var) &&
              std::find(parts.begin(), parts.end(), other) == parts.end())
            parts.push_back(other);
      }
    }
    bool inside = false;  // of a loop that has a part, or of all loops of spatial axes
    for (auto at = around.begin(); at != around.end(); ++at) {
      const For* other = *at;
      inside = inside || std::find(parts.begin(), parts.end(), other) != parts.end() ||
               std::none_of(at, around.end(), [&](const For* l) { return drives(block_, l->var, true); });
      if (inside && is_idle(block_, *other) && other != &loop()) parts_.push_back(other);
      if (std::find(parts.begin(), parts.end(), other) == parts.end() || is_idle(block_, *other)) continue;
      if (drives(block_, other->var, true))
        step_.refuse(
            other, "loop {} drives both spatial and reduction axes of block {}; factor before they are fused",
            other->var->name.text, name());
      for (const For* outer : around)
        if (uses_var(other->extent, outer->var))
          step_.refuse(
              other, "loop {} has {} turns, which depends on loop {}; partial results need a constant shape",
              other->var->name.text, to_text(other->extent), outer->var->name.text);
      if (other != &loop()) parts_.push_back(other);
    }
  }

  void find_components() {
    const std::size_t count = block_.reducer->results.size();
    for_each_node(block_.body, [&](const Node* node) {
      if (const auto* store = as<Store>(node)) components_.push_back({store->buffer, {}, store->indices});
    });
    if (components_.size() != count)
      step_.refuse(
          &block_,
          "block {} has {} stores and its reducer {} components; only a reduction that stores each component "
          "once can be factored",
          name(), components_.size(), count);
    const auto rank = static_cast<int64_t>(components_.front().indices.size());
    const int64_t asked = step_.integer(1);
    if (asked < -rank - 1 || asked > rank)
      step_.refuse(&block_,
                   "the partial results of block {} have {} dimensions, and {} is no place for the new one; "
                   "take 0 to {}",
                   name(), rank + 1, asked, rank);
    position_ = static_cast<std::size_t>(asked < 0 ? asked + rank + 1 : asked);
    for (Component& component : components_) {
      if (component.indices.size() != static_cast<std::size_t>(rank))
        step_.refuse(&block_, "the components of block {} have buffers of different ranks", name());
      for (const Expr& index : component.indices)
        for (const BlockAxis& axis : block_.axes)
          if (is_data_dependent(index) || (axis.axis_kind != AxisKind::kSpatial && uses_var(index, axis.var)))
            step_.refuse(&block_,
                         "block {} writes at {}, which depends on data or on what is reduced over, so "
                         "partial results have "
                         "no place of their own",
                         name(), to_text(index));
      auto* partial = new BufferNode(
          *BufferNode::make(fresh_name(step_.program(), component.buffer->name.text + "_rf"),
                            component.buffer->dtype, component.buffer->shape, component.buffer->scope));
      component.partial = Buffer(partial);
      partial->shape.insert(partial->shape.begin() + static_cast<std::ptrdiff_t>(position_), loop().extent);
    }
  }

  /// The statement after which all partial results of the results it writes are there: it holds all reduction
  /// loops.
  Place find_site() {
    Place site = whole_nest(block_place_);
    const auto holds_reduction = [&] {
      return std::any_of(site.around.begin(), site.around.end(), [&](const StmtNode* stmt) {
        const auto* around = as<For>(static_cast<const Node*>(stmt));
        return around && drives(block_, around->var, false);
      });
    };
    while (holds_reduction()) {
      site.node = site.around.back();
      site.around.pop_back();
    }
    for (const Access& access : collect_accesses(Stmt(site.node)))
      for (const Component& component : components_)
        if (access.unit != &block_ && access.buffer.same_as(component.buffer))
          step_.refuse(access.unit ? static_cast<const Node*>(access.unit) : site.node,
                       "{} uses buffer {} in the loops of block {}, where only partial results will be; move "
                       "it out of them first",
                       access.unit ? "block " + access.unit->name.text : "the program",
                       component.buffer->name.text, name());
    for (const StmtNode* stmt : block_place_.around) {
      const bool inside = std::find(site.around.begin(), site.around.end(), stmt) == site.around.end();
      const auto* allocation = as<Allocate>(static_cast<const Node*>(stmt));
      if (!inside || !allocation) continue;
      for (const Component& component : components_)
        if (allocation->buffer.same_as(component.buffer))
          step_.refuse(allocation, "buffer {} lives inside of the reduction loops of block {}",
                       allocation->buffer->name.text, name());
    }
    return site;
  }

  /// The statement that stands at the site now.
  Place same_site(const Program& program, const Place& site) {
    const BlockPlace place = all_blocks(program)[block_number()];
    Place found;
    const std::size_t depth = site.around.size();
    found.around.assign(place.around.begin(), place.around.begin() + static_cast<std::ptrdiff_t>(depth));
    found.node = depth < place.around.size() ? place.around[depth] : place.node;
    return found;
  }

  std::size_t block_number() const {
    const std::vector<BlockPlace> all = all_blocks(step_.program());
    return static_cast<std::size_t>(
        std::find_if(all.begin(), all.end(),
                     [&](const BlockPlace& p) { return p.node == block_place_.node; }) -
        all.begin());
  }

  static std::string axis_name(const For& loop) { return "v" + loop.var->name.text; }

  Stmt partial_block(BlockId id) {
    auto* partial = new Block(block_);
    const Stmt owner(partial);
    partial->id = id;
    partial->name = components_.front().partial->name.text;
    partial->axes.clear();
    VarMap axes, loops;
    const auto add = [&](AxisKind kind, const std::string& text, const Expr& extent, const Expr& binding) {
      const Var var(text);
      BlockAxis axis;
      axis.axis_kind = kind;
      axis.extent = extent;
      axis.binding = binding;
      axis.var = var;
      partial->axes.push_back(axis);
      return var;
    };
    for (const BlockAxis& axis : block_.axes) {
      if (axis.axis_kind != AxisKind::kSpatial) continue;
      const Var var = add(AxisKind::kSpatial, axis.var->name, axis.extent, axis.binding);
      axes[&*axis.var] = var;
      if (const auto* bound = as<Variable>(axis.binding)) loops[bound] = var;
    }
    const Var turn = add(AxisKind::kSpatial, axis_name(loop()), loop().extent, loop().var);
    loops[&*loop().var] = turn;
    for (std::size_t a = 0; a < block_.axes.size(); ++a) {
      const BlockAxis& axis = block_.axes[a];
      if (axis.axis_kind != AxisKind::kSpatial && !factored_[a])
        axes[&*axis.var] = add(axis.axis_kind, axis.var->name, axis.extent, axis.binding);
    }
    for (const For* part : parts_)
      loops[&*part->var] = add(AxisKind::kReduction, axis_name(*part), part->extent, part->var);

    Context context;
    for (const BlockAxis& axis : partial->axes) context.bind(axis.var, 0, axis.extent);
    const Expr condition = divide_predicate(*partial, loops, context);
    for (std::size_t a = 0; a < block_.axes.size(); ++a)
      if (factored_[a])
        axes[&*block_.axes[a].var] = simplify(substitute(block_.axes[a].binding, loops), context);
    fill_partial(*partial, substitute(block_.body, axes), axes, turn, condition);
    context.assume(condition);
    return with_inferred_regions(*partial);
  }

  /// Parts of the predicate that speak of factored loops move into the block, so that every partial result is
  /// written.
  Expr divide_predicate(Block& partial, const VarMap& loops, const Context& context) {
    Expr outside = make_bool(true), inside = make_bool(true);
    for (const Expr& part : conjuncts(block_.predicate)) {
      const auto uses = [&](const For* l) { return uses_var(part, l->var); };
      if (!uses(&loop()) && std::none_of(parts_.begin(), parts_.end(), uses)) {
        outside = logical_and(outside, part);
        continue;
      }
      for (const For* around : block_place_.loops())
        if (uses_var(part, around->var) && !loops.contains(&*around->var))
          step_.refuse(&block_,
                       "block {} runs under {}, which joins the reduction with loop {}; the condition cannot "
                       "be told from "
                       "the block's axes",
                       name(), to_text(part), around->var->name.text);
      inside = logical_and(inside, simplify(substitute(part, loops), context));
    }
    partial.predicate = is_int(outside, 1) ? Expr() : outside;
    return inside;
  }

  /// init and body. Without a reduction axis left, each partial result is one value, combined with the
  /// identity.
  void fill_partial(Block& partial, const Stmt& body, const VarMap& axes, const Var& turn,
                    const Expr& condition) {
    const ReducerNode& reducer = *block_.reducer;
    std::vector<Stmt> identities;
    for (std::size_t c = 0; c < components_.size(); ++c) {
      std::vector<Expr> indices;
      for (const Expr& index : components_[c].indices) indices.push_back(substitute(index, axes));
      identities.push_back(to_partial(Store::make(components_[c].buffer, indices, reducer.identities[c]),
                                      components_, position_, turn));
    }
    const Stmt identity = Seq::make(identities);
    const bool reduces = std::any_of(partial.axes.begin(), partial.axes.end(), [](const BlockAxis& axis) {
      return axis.axis_kind == AxisKind::kReduction;
    });
    may_be_empty_ = reduces && std::any_of(parts_.begin(), parts_.end(),
                                           [](const For* part) { return !prove(le(1, part->extent)); });
    partial.init = reduces && !may_be_empty_ ? identity : Stmt();
    partial.body = to_partial(body, components_, position_, turn);
    if (!reduces) {
      partial.reducer = {};
      partial.body = from_identity(partial.body, components_, reducer);
    }
    // A body that may leave its element alone combines nothing then.
    if (!reduces && contains<If>(partial.body.get(), [](const If&) { return true; }))
      partial.body = Seq::make({identity, partial.body});
    if (!is_int(condition, 1)) partial.body = If::make(condition, partial.body, reduces ? Stmt() : identity);
  }

  /// Sets all partial results where loops of their reduction may have no turn, and so no first one; else
  /// null.
  Stmt identities_nest() {
    if (!may_be_empty_) return {};
    std::vector<Stmt> nests;
    for (std::size_t c = 0; c < components_.size(); ++c) {
      const Buffer& partial = components_[c].partial;
      std::vector<CopyAxis> axes;
      std::vector<Expr> point;
      for (std::size_t d = 0; d < partial->shape.size(); ++d) {
        axes.push_back({copy_axis(d), partial->shape[d], 0, partial->shape[d]});
        point.push_back(axes.back().var);
      }
      nests.push_back(copy_nest(fresh_name(step_.program(), partial->name.text + "_init"),
                                step_.new_block_id(), axes,
                                Store::make(partial, point, block_.reducer->identities[c])));
    }
    return Seq::make(std::move(nests));
  }

  /// The block that combines the partial results, in loops of its own over the results that the site
  /// completes.
  Stmt combining_nest(const Place& site) {
    auto* block = new Block(block_);
    const Stmt owner(block);
    std::erase_if(block->axes, [](const BlockAxis& axis) { return axis.axis_kind != AxisKind::kSpatial; });
    const Var turn(axis_name(loop()));
    BlockAxis reduction;
    reduction.axis_kind = AxisKind::kReduction;
    reduction.extent = loop().extent;
    reduction.binding = 0;
    reduction.var = turn;
    block->axes.push_back(reduction);
    block->body = combining_body(components_, position_, turn, *block_.reducer);
    const Stmt combining = with_inferred_regions(*block);

    Context context = context_at(block_place_);
    std::vector<Var> inner;
    for (const For* around : block_place_.loops())
      if (std::find(site.around.begin(), site.around.end(), around) == site.around.end())
        inner.push_back(around->var);
    std::vector<Span> spans;
    for (const BlockAxis& axis : block->axes) spans.push_back(span_at(axis, inner, site, context));
    const auto keeps = [&](const BlockAxis& axis) {
      const std::vector<Var> used = free_vars(axis.binding);
      return !used.empty() && std::none_of(inner.begin(), inner.end(),
                                           [&](const Var& v) { return uses_var(axis.binding, v); });
    };
    const Stmt nest = nest_over(*as<Block>(combining), spans, keeps, context_at(site));
    Expr outer = make_bool(true);  // turns of the loops around that the reduction leaves out
    for (const Expr& part : conjuncts(block_.predicate)) {
      if (std::none_of(inner.begin(), inner.end(), [&](const Var& v) { return uses_var(part, v); }))
        outer = logical_and(outer, part);
      else
        require_domain_bound(part, context);
    }
    if (is_int(outer, 1)) return nest;
    return map_blocks(nest, [&](const Block& inside) -> Stmt {
      auto* copy = new Block(inside);
      copy->predicate = copy->predicate ? logical_and(copy->predicate, outer) : outer;
      return Stmt(copy);
    });
  }

  /// A condition of spatial loops must be a bound of the domain: the combining block runs everywhere else.
  void require_domain_bound(const Expr& part, Context context) {
    const auto reduces = [&](const For* l) { return uses_var(part, l->var); };
    if (reduces(&loop()) || std::any_of(parts_.begin(), parts_.end(), reduces)) return;
    for (const BlockAxis& axis : block_.axes) {
      context.assume(ge(axis.binding, 0));
      context.assume(lt(axis.binding, axis.extent));
    }
    if (!prove(part, context))
      step_.refuse(&block_, "block {} runs under {}, which leaves out points of its domain; factor it before",
                   name(), to_text(part));
  }

  Span span_at(const BlockAxis& axis, const std::vector<Var>& inner, const Place& site,
               const Context& context) {
    const auto follows_outer = [&](const For* loop) { return uses_var(axis.binding, loop->var); };
    const std::vector<const For*> outer = site.loops();
    const bool whole = axis.axis_kind != AxisKind::kSpatial || covers_domain(block_place_, true);
    if (whole && std::none_of(outer.begin(), outer.end(), follows_outer)) return {};
    const auto ends = symbolic_bounds(axis.binding, inner, context);
    if (!ends)
      step_.refuse(
          &block_,
          "axis {} of block {} is {}, and what one turn of the loops around its nest computes cannot be told",
          axis.var->name.text, name(), to_text(axis.binding));
    const Expr extent = simplify(ends->max - ends->min + 1, context);
    require_filled(axis, ends->min, extent, inner, context, whole);
    return {ends->min, extent};
  }

  /// The combining block must find all partial results of a turn: they fill the span, but for what the end of
  /// the domain cuts off.
  void require_filled(const BlockAxis& axis, const Expr& min, const Expr& extent,
                      const std::vector<Var>& inner, const Context& context, bool whole) {
    std::vector<LoopRange> loops;
    for (const For* around : block_place_.loops())
      if (std::any_of(inner.begin(), inner.end(), [&](const Var& v) { return v.same_as(around->var); }))
        loops.push_back({around->var, around->extent});
    Expr predicate;  // the parts that speak of the same loops; of a whole domain they are its ends
    for (const Expr& part : conjuncts(block_.predicate))
      if (!whole && std::any_of(loops.begin(), loops.end(), [&](const LoopRange& loop) {
            return uses_var(part, loop.var) && uses_var(axis.binding, loop.var);
          }))
        predicate = predicate ? logical_and(predicate, part) : part;
    std::erase_if(loops, [&](const LoopRange& loop) { return whole && !uses_var(axis.binding, loop.var); });
    const IterMapResult map = detect_iter_map({simplify(axis.binding - min, context)}, loops, predicate);
    if (!map || !is_surjective(*map, {extent}))
      step_.refuse(
          &block_,
          "block {} runs through a part of axis {} alone, {} of the loops around it, which is no plain "
          "range; factor it before",
          name(), axis.var->name.text, to_text(axis.binding));
  }

  const Step& step_;
  LoopPlace loop_;
  BlockPlace block_place_;
  const Block& block_;
  std::vector<bool> factored_;     // axes of the block
  std::vector<const For*> parts_;  // other loops that become reduction axes, outermost first
  std::vector<Component> components_;
  std::size_t position_ = 0;   // of the new dimension
  bool may_be_empty_ = false;  // a partial result may have nothing to combine
};

Outcome rfactor(const Step& step) {
  return Rfactor(step).apply();
}

const Registration registration{{
    .name = "rfactor",
    .summary =
        "Gives every turn of a reduction loop a partial result, and combines them in a second reduction.",
    .doc = R"(    for i in n:                                       for i in n:
      for ko in 8:                                      for ko in 8:
        for ki in 4:                                      for ki in 4:
          block C(vi = i, vk = ko*4 + ki):       =>         block C_rf(vi = i, vko = ko, vki: reduce = ki):
            init: C[vi] = 0                                   init: C_rf[vko, vi] = 0
            C[vi] = C[vi] + A[vi, vk]                         C_rf[vko, vi] = C_rf[vko, vi] + A[vi, vko*4 + vki]
                                                      for i in n:
                                                        for ko in 8:
                                                          block C(vi = i, vko: reduce = ko):
                                                            init: C[vi] = 0
                                                            C[vi] = C[vi] + C_rf[vko, vi]

Any declared reducer, of one component or several. The loop drives reduction axes alone and then is spatial for the partial
block; the old loops belong to that block, and the combining block stands behind them in loops of its own. Where factors do
not divide the reduction, instances beyond it leave the identity. Several loops: one after the other.)",
    .args = {{"loop", ArgKind::kLoop, "A loop of one reduction."},
             {"axis", ArgKind::kInt,
              "Where the new dimension of the partial results stands; negative: from the end."}},
    .results = {"The block that computes the partial results."},
    .example = R"(>>> k0, k1 = s.split(k, [4, None])
>>> s.rfactor(k0, 0)
<tw.Block C_rf>)",
    .apply = rfactor,
}};

}  // namespace
}  // namespace tw::schedule
