// pad(T, [14]), n = 100:
//
//   alloc T: float32[100, k]                  alloc T: float32[112, k]
//   for i in 100:                             for i in 112:
//     for j in k:                      =>       for j in k:
//       block T(vi = i, vj = j):                  block T(vi = i, vj = j):
//         T[vi, vj] = A[vi, vj]                     T[vi, vj] = select(vi < 100, A[vi, vj], 0)
//
// Rounds the domain of a block up to multiples, and the buffers that it fills with it. Tiles of that size
// then need no condition; who reads the buffer goes on to read what was there before. What is computed beyond
// is defined: a read that might leave its buffer, or find an element that nobody has written, gives 0 there.
// Reads of a producer that was padded before stay plain, so padding goes from producers to readers, and a
// reduction over padded copies is the plain product.
//
// A reduction axis that grows adds nothing: its further instances are left out by a condition, or run where
// the sum is proved to grow by zeros alone, which padded copies hold.
//
// Needed: loops of its own for each padded axis, as a first program, cache_read, cache_write and rfactor give
// them; buffers that the program allocates, that no other block writes, stored at the padded axes. An update
// takes along the block that sets what it adds to.
#include <algorithm>

#include "ir/analysis/accesses.h"
#include "ir/analysis/regions.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/copies.h"
#include "schedule/filled.h"
#include "schedule/separate_init.h"

namespace tw::schedule {
namespace {

/// An axis of a block whose extent grows.
struct Growth {
  Var var;
  Expr old, rounded;
};

Expr inside_of(const std::vector<Growth>& growths) {
  Expr inside = make_bool(true);
  for (const Growth& growth : growths) inside = logical_and(inside, lt(growth.var, growth.old));
  return inside;
}

/// Gives 0 for the reads of a block that the grown domain would lead astray.
class Guard : public Mutator {
 public:
  Guard(const Program& program, const BlockPlace& place, const std::vector<Growth>& growths)
      : program_(program), place_(place), growths_(growths) {
    for (const BlockAxis& axis : place.block().axes) {
      const auto growth = std::find_if(growths.begin(), growths.end(),
                                       [&](const Growth& g) { return g.var.same_as(axis.var); });
      context_.bind(axis.var, 0, growth == growths.end() ? axis.extent : growth->rounded);
    }
  }

  /// What is known in the block.
  const Context& context() const { return context_; }
  Stmt under(const Expr& condition, const Stmt& body) { return where(condition, body); }

 protected:
  using Mutator::on;
  Expr on(const Load& node) override {
    const std::vector<Growth> used = growths_that_matter(node);
    if (used.empty() || is_own(node) || is_safe(node)) return Mutator::on(node);
    return tw::select(inside_of(used), Expr(&node), make_zero(node.dtype));
  }
  Expr on(const Select& node) override {
    const Expr cond = mutate(node.cond);
    return tw::select(cond, where(node.cond, node.on_true), where(logical_not(node.cond), node.on_false));
  }
  Stmt on(const If& node) override {
    const Stmt otherwise = node.else_body ? where(logical_not(node.cond), node.else_body) : Stmt();
    return If::make(mutate(node.cond), where(node.cond, node.then_body), otherwise);
  }

 private:
  template <class Handle>
  Handle where(const Expr& condition, const Handle& what) {
    const ContextScope scope(context_);
    context_.assume(condition);
    conditions_.push_back(condition);
    Handle result = mutate(what);
    conditions_.pop_back();
    return result;
  }

  /// Axes that the subscripts follow, or that a condition around had kept from where they lead astray.
  std::vector<Growth> growths_that_matter(const Load& node) const {
    std::vector<Growth> used;
    for (const Growth& growth : growths_) {
      const auto uses = [&](const Expr& e) { return uses_var(e, growth.var); };
      if (std::any_of(node.indices.begin(), node.indices.end(), uses) ||
          std::any_of(conditions_.begin(), conditions_.end(), uses))
        used.push_back(growth);
    }
    return used;
  }

  /// What a reducer combines was set at this point before.
  bool is_own(const Load& node) const {
    const std::vector<Region>& writes = place_.block().writes;
    return std::any_of(writes.begin(), writes.end(),
                       [&](const Region& region) { return region.buffer.same_as(node.buffer); });
  }

  bool is_safe(const Load& node) const {
    for (std::size_t d = 0; d < node.indices.size(); ++d) {
      const Expr& index = node.indices[d];
      if (is_data_dependent(index) || !prove(le(0, index), context_) ||
          !prove(lt(index, node.buffer->shape[d]), context_))
        return false;
    }
    return is_filled_before(program_, whole_nest(place_), node.buffer);
  }

  const Program& program_;
  const BlockPlace& place_;
  const std::vector<Growth>& growths_;
  Context context_;
  std::vector<Expr> conditions_;
};

/// The reads that surely give 0, as 0.
class Zeros : public Mutator {
 public:
  Zeros(const Program& program, const Context& context) : program_(program), context_(context) {}

 protected:
  using Mutator::on;
  Expr on(const Load& node) override { return holds_zero(node) ? make_zero(node.dtype) : Expr(&node); }

 private:
  bool holds_zero(const Load& node) const {
    const std::vector<BlockPlace> writers = writers_of(program_, node.buffer);
    if (writers.size() != 1 || is_given(program_, node.buffer) || writers.front().block().reducer)
      return false;
    const Store* store = only_store(writers.front().block());
    if (!store) return false;
    VarMap values;
    for (std::size_t d = 0; d < node.indices.size(); ++d) {
      const auto* axis = as<Variable>(store->indices[d]);
      if (!axis || values.contains(axis)) return false;
      values[axis] = node.indices[d];
    }
    const Expr value = simplify(substitute(store->value, values), context_);
    return is_int(value, 0) || as_float(value) == 0.0;
  }

  const Program& program_;
  const Context& context_;
};

/// One block with its loops, padded.
class PaddedBlock {
 public:
  PaddedBlock(const Step& step, const BlockPlace& place, std::vector<Growth> growths)
      : step_(step), place_(place), block_(place.block()), growths_(std::move(growths)) {
    require_plain_body();
    for (const Growth& growth : growths_) {
      find_loop(growth);
      if (!is_reduced(growth)) spatial_.push_back(growth);
    }
  }

  /// The buffers that it stores to, each with a shape that has grown.
  std::vector<std::pair<Buffer, Buffer>> grown_buffers() const {
    std::vector<std::pair<Buffer, Buffer>> grown;
    for_each_node(&block_, [&](const Node* node) {
      const auto* store = as<Store>(node);
      if (!store) return;
      const std::vector<Expr> shape = grown_shape(*store);
      if (std::any_of(grown.begin(), grown.end(),
                      [&](const auto& pair) { return pair.first.same_as(store->buffer); }))
        return;
      require_own(store->buffer);
      auto* fresh = new BufferNode(*store->buffer);
      grown.emplace_back(store->buffer, fresh);
      fresh->shape = shape;
    });
    return grown;
  }

  /// The body of the program with it in the place of the block.
  Stmt replaced(const Stmt& body) const {
    auto* copy = new Block(block_);
    const Stmt owner(copy);
    for (BlockAxis& axis : copy->axes)
      for (const Growth& growth : growths_)
        if (growth.var.same_as(axis.var)) axis.extent = growth.rounded;
    copy->body = grown_body();
    if (block_.init) copy->init = Guard(step_.program(), place_, spatial_).mutate(block_.init);
    const Stmt padded = with_inferred_regions(*copy);
    return Loops(*this, padded).mutate(body);
  }

 private:
  /// Longer loops, and the block in them.
  class Loops : public Mutator {
   public:
    Loops(const PaddedBlock& owner, const Stmt& block) : owner_(owner), block_(block) {}

   protected:
    using Mutator::on;
    Stmt on(const Block& node) override { return &node == &owner_.block_ ? block_ : Stmt(&node); }
    Stmt on(const For& node) override {
      const Stmt rebuilt = Mutator::on(node);
      for (std::size_t g = 0; g < owner_.loops_.size(); ++g) {
        if (owner_.loops_[g] != &node) continue;
        auto* copy = new For(*as<For>(rebuilt));
        copy->extent = owner_.growths_[g].rounded;
        return Stmt(copy);
      }
      return rebuilt;
    }

   private:
    const PaddedBlock& owner_;
    const Stmt& block_;
  };

  const std::string& name() const { return block_.name; }

  bool is_reduced(const Growth& growth) const {
    return std::any_of(block_.axes.begin(), block_.axes.end(), [&](const BlockAxis& axis) {
      return axis.axis_kind == AxisKind::kReduction && axis.var.same_as(growth.var);
    });
  }

  /// Nothing but stores and conditions, of data that the block does not change otherwise than by its reducer.
  void require_plain_body() const {
    for (const Stmt& part : {block_.init, block_.body})
      for_each_node(part, [&](const Node* node) {
        const bool is_other = dynamic_cast<const StmtNode*>(node) && node->kind != Kind::kStore &&
                              node->kind != Kind::kIf && node->kind != Kind::kSeq;
        if (is_other)
          step_.refuse(&block_, "block {} holds a {}; only blocks of plain stores can be padded", name(),
                       kind_name(node->kind));
      });
    for (const Region& write : block_.writes)
      for (const Region& read : block_.reads)
        if (read.buffer.same_as(write.buffer))
          step_.refuse(&block_,
                       "block {} reads buffer {} while it writes it, so what padding reads is not told",
                       name(), read.buffer->name.text);
  }

  /// The loop of an axis: serial, of the axis alone, around nothing but the block.
  void find_loop(const Growth& growth) {
    const auto axis = std::find_if(block_.axes.begin(), block_.axes.end(),
                                   [&](const BlockAxis& a) { return a.var.same_as(growth.var); });
    const Place nest = whole_nest(place_);
    const For* found = nullptr;
    std::vector<const StmtNode*> inner(
        place_.around.begin() + static_cast<std::ptrdiff_t>(nest.around.size()), place_.around.end());
    for (const StmtNode* stmt : inner) {
      const auto* loop = as<For>(static_cast<const Node*>(stmt));
      if (loop && axis->binding.same_as(loop->var) && prove(eq(loop->extent, growth.old))) found = loop;
    }
    if (!found)
      step_.refuse(
          &block_,
          "axis {} of block {} is {}, which is no loop of its own over {} turns, around nothing but the "
          "block; pad before loops are split or the block moves",
          growth.var->name.text, name(), to_text(axis->binding), to_text(growth.old));
    if (found->loop_kind != LoopKind::kSerial || found->ordered)
      step_.refuse(found, "loop {} is no plain serial loop; pad before loops are given a kind",
                   found->var->name.text);
    const auto uses = [&](const Expr& e) { return e && uses_var(e, found->var); };
    bool elsewhere = uses(block_.predicate);
    for (const BlockAxis& other : block_.axes) elsewhere |= &other != &*axis && uses(other.binding);
    for (const StmtNode* stmt : inner) {
      const Node* node = stmt;
      if (const auto* loop = as<For>(node)) elsewhere |= uses(loop->extent);
      if (const auto* branch = as<If>(node)) elsewhere |= uses(branch->cond);
    }
    if (elsewhere)
      step_.refuse(found, "loop {} does more than run through axis {} of block {}; pad before that",
                   found->var->name.text, growth.var->name.text, name());
    loops_.push_back(found);
  }

  std::vector<Expr> grown_shape(const Store& store) const {
    std::vector<Expr> shape = store.buffer->shape;
    for (const Growth& growth : growths_) {
      int uses = 0;
      bool fits = false;
      for (std::size_t d = 0; d < shape.size(); ++d) {
        if (!uses_var(store.indices[d], growth.var)) continue;
        ++uses;
        fits = store.indices[d].same_as(growth.var) && prove(eq(store.buffer->shape[d], growth.old));
        shape[d] = growth.rounded;
      }
      if (is_reduced(growth) ? uses > 0 : uses != 1 || !fits)
        step_.refuse(&block_,
                     "block {} stores at {}, and an axis that is padded must be the whole of one subscript, "
                     "over all of that dimension (one that is reduced over: of none)",
                     name(), to_text(Load::make(store.buffer, store.indices)));
    }
    return shape;
  }

  /// Refuses a buffer that cannot grow.
  void require_own(const Buffer& buffer) const {
    const std::string& text = buffer->name.text;
    if (!allocation_of(step_.program(), buffer).node)
      step_.refuse(
          &block_,
          "block {} writes {}, which the caller gives in its size; pad a copy that cache_write makes", name(),
          text);
    if (!buffer->strides.empty() || buffer->lane_map)
      step_.refuse(&block_, "buffer {} has strides or lanes of its own; pad before they are chosen", text);
    for (const BlockPlace& reader : readers_of(step_.program(), buffer))
      require_plain_accesses(step_, reader.block(), buffer);
    for_each_node(step_.program()->body, [&](const Node* node) {
      const auto* hint = as<Prefetch>(node);
      if (hint && hint->buffer.same_as(buffer))
        step_.refuse(hint, "buffer {} is prefetched; pad before that", text);
    });
  }

  Stmt grown_body() const {
    Guard all(step_.program(), place_, growths_);
    if (spatial_.size() == growths_.size()) return all.mutate(block_.body);
    const Stmt guarded = all.mutate(block_.body);
    if (adds_zeros(guarded, all.context())) return guarded;
    std::vector<Growth> reduced = growths_;
    std::erase_if(reduced, [&](const Growth& growth) { return !is_reduced(growth); });
    const Expr inside = inside_of(reduced);
    return If::make(inside, Guard(step_.program(), place_, spatial_).mutate(block_.body));
  }

  /// Whether the body is a sum that grows by 0 alone beyond each reduction axis.
  bool adds_zeros(const Stmt& body, const Context& context) const {
    const auto* store = as<Store>(body);
    const auto* sum = store ? as<Binary>(store->value) : nullptr;
    if (!sum || sum->op != BinaryOp::kAdd) return false;
    const auto is_own = [&](const Expr& e) {
      const auto* load = as<Load>(e);
      return load && load->buffer.same_as(store->buffer);
    };
    if (!is_own(sum->a) && !is_own(sum->b)) return false;
    const Expr& term = is_own(sum->a) ? sum->b : sum->a;
    for (const Growth& growth : growths_) {
      if (!is_reduced(growth)) continue;
      Context beyond = context;
      beyond.assume(le(growth.old, growth.var));
      const Expr value = simplify(Zeros(step_.program(), beyond).mutate(simplify(term, beyond)), beyond);
      if (!is_int(value, 0) && as_float(value) != 0.0) return false;
    }
    return true;
  }

  const Step& step_;
  const BlockPlace& place_;
  const Block& block_;
  std::vector<Growth> growths_, spatial_;
  std::vector<const For*> loops_;  // of the growths
};

/// The axes that grow, by what is asked of each in their order.
std::vector<Growth> asked_growths(const Step& step, const Block& block) {
  const List& asked = *step.value(1).get_if<List>();
  if (asked.size() > block.axes.size())
    step.refuse(&block, "block {} has {} axes, and {} multiples were given", block.name.text,
                block.axes.size(), asked.size());
  std::vector<Growth> growths;
  for (std::size_t a = 0; a < asked.size(); ++a) {
    const BlockAxis& axis = block.axes[a];
    if (asked[a].is_none()) continue;
    const Expr multiple = step.extent(asked[a]);
    const Expr rounded = simplify(ceildiv(axis.extent, multiple) * multiple);
    if (prove(eq(rounded, axis.extent))) continue;
    if (axis.axis_kind == AxisKind::kOrdered)
      step.refuse(&block, "axis {} of block {} is ordered; only spatial and reduction axes can be padded",
                  axis.var->name.text, block.name.text);
    growths.push_back({axis.var, axis.extent, rounded});
  }
  return growths;
}

/// The same axes of the block that sets what an update adds to.
std::vector<Growth> growths_of_init(const Block& init, const Block& update,
                                    const std::vector<Growth>& growths) {
  std::vector<Growth> own;
  std::size_t next = 0;
  for (const BlockAxis& axis : update.axes) {
    if (axis.axis_kind != AxisKind::kSpatial) continue;
    const Var var = init.axes[next++].var;
    for (const Growth& growth : growths)
      if (growth.var.same_as(axis.var)) own.push_back({var, growth.old, growth.rounded});
  }
  return own;
}

Outcome pad(const Step& step) {
  const BlockPlace place = step.block(0);
  const Block& block = place.block();
  const std::vector<Growth> growths = asked_growths(step, block);
  if (growths.empty()) return {step.with_body(step.program()->body), {}, {}};

  std::optional<BlockPlace> init;
  if (is_update(block)) {
    const SeparateInit found = find_separate_init(step.program(), place);
    if (!found)
      step.refuse(&block, "what block {} adds to must grow with it: {}", block.name.text, found.reason);
    init = found.place;
  }
  const PaddedBlock padded(step, place, growths);
  const auto buffers = padded.grown_buffers();
  for (const auto& [old, fresh] : buffers)
    for (const BlockPlace& writer : writers_of(step.program(), old))
      if (writer.node != place.node && !(init && writer.node == init->node))
        step.refuse(writer.node, "block {} writes buffer {} too, which cannot grow for block {} alone",
                    writer.block().name.text, old->name.text, block.name.text);

  Stmt body = padded.replaced(step.program()->body);
  if (init) {
    const PaddedBlock set(step, *init, growths_of_init(init->block(), block, growths));
    (void)set.grown_buffers();
    body = set.replaced(body);
  }
  for (const auto& [old, fresh] : buffers)
    body = redirected(body, {old, fresh, [](std::vector<Expr> indices) { return indices; }});
  return {step.with_body(body), {}, buffers};
}

const Registration registration{{
    .name = "pad",
    .summary = "Rounds the domain of a block, and the buffers that it fills, up to multiples.",
    .doc = R"(    alloc T: float32[100, k]                  alloc T: float32[112, k]
    for i in 100:                             for i in 112:
      for j in k:                      =>       for j in k:
        block T(vi = i, vj = j):                  block T(vi = i, vj = j):
          T[vi, vj] = A[vi, vj]                     T[vi, vj] = select(vi < 100, A[vi, vj], 0)

Tiles of that size then need no condition. What is computed beyond is defined and read by nobody that did not ask for it:
where a read might leave its buffer, or find an element that nobody has written, it gives 0. Reads of a producer that was
padded before stay plain: pad producers first. Instances beyond a reduction axis change nothing: a condition leaves them
out, unless the sum is proved to grow by zeros alone, as it does over padded copies.

Each padded axis has a serial loop of its own, around nothing but the block: pad before split and compute_at. The buffers
are allocated by the program and no other block writes them; an update takes along the block that sets what it adds to.)",
    .args =
        {{"block", ArgKind::kBlock, "A block of plain stores."},
         {"multiples", ArgKind::kExtents,
          "One for each axis of the block, in order: ints or parameters, 1 or None to leave it; axes beyond "
          "the list stay."}},
    .example = R"py(>>> T = s.cache_read(s.block("C"), "B", "global")
>>> s.pad(T, [1, 24]))py",
    .apply = pad,
}};

}  // namespace
}  // namespace tw::schedule
