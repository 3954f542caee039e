#include "schedule/copies.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "ir/analysis/accesses.h"
#include "ir/analysis/index_algebra.h"
#include "ir/analysis/iter_map.h"
#include "ir/simplify.h"
#include "ir/visit.h"
#include "schedule/blocks.h"
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

/// One box for all, or nothing.
std::optional<Region> clipped_box(const Buffer& buffer, const std::vector<Region>& boxes,
                                  const std::vector<Range>& limits, const Context& inside,
                                  const Context& outside) {
  std::optional<Region> box = box_of(buffer, boxes, inside);
  if (!box) return std::nullopt;
  for (std::size_t d = 0; d < limits.size(); ++d)
    box->ranges[d] = clipped(box->ranges[d], limits[d], outside);
  return box;
}

class Redirector : public Mutator {
 public:
  Redirector(const std::vector<Redirection>& redirections, const Context& context)
      : redirections_(redirections), context_(context) {}

 protected:
  using Mutator::on;
  Expr on(const Load& node) override { return redirect<Expr, Load>(node); }
  Stmt on(const Store& node) override { return redirect<Stmt, Store>(node); }
  Stmt on(const Prefetch& node) override { return redirect<Stmt, Prefetch>(node); }
  Stmt on(const Block& node) override {
    const auto is_from = [&](const Region& region) { return redirection_of(region.buffer) != nullptr; };
    const bool accesses = std::any_of(node.reads.begin(), node.reads.end(), is_from) ||
                          std::any_of(node.writes.begin(), node.writes.end(), is_from);
    return accesses || is_compound(node) ? redirected(node, redirections_) : Stmt(&node);
  }
  Buffer mutate_definition(const Buffer& buffer) override {
    const Redirection* redirection = redirection_of(buffer);
    return redirection ? redirection->to : Mutator::mutate_definition(buffer);
  }

 private:
  const Redirection* redirection_of(const Buffer& buffer) const {
    const auto found = std::find_if(redirections_.begin(), redirections_.end(),
                                    [&](const Redirection& r) { return r.from.same_as(buffer); });
    return found == redirections_.end() ? nullptr : &*found;
  }
  template <class Handle, class T>
  Handle redirect(const T& node) {
    const Ref<T> rebuilt = rebuild(node);
    const Redirection* found = redirection_of(node.buffer);
    if (!found) return Handle(rebuilt.get());
    auto* copy = new T(*rebuilt);
    const Handle owner(copy);
    copy->buffer = found->to;
    copy->indices = found->subscripts(rebuilt->indices);
    for (Expr& index : copy->indices) {
      // An axis shorter than a panel is in the first one; that it is the axis that tells must still be seen.
      const Expr simpler = simplify(index, context_);
      index = as_int(simpler) ? simplify(index) : simpler;
    }
    return owner;
  }

  const std::vector<Redirection>& redirections_;
  const Context& context_;
};

class BufferExchange : public Mutator {
 public:
  BufferExchange(const Buffer& old, const Buffer& fresh) : old_(old), fresh_(fresh) {}
  Buffer mutate_buffer(const Buffer& buffer) override {
    return buffer.same_as(old_) ? fresh_ : Mutator::mutate_buffer(buffer);
  }
  Buffer mutate_definition(const Buffer& buffer) override {
    return buffer.same_as(old_) ? fresh_ : Mutator::mutate_definition(buffer);
  }

 private:
  const Buffer &old_, &fresh_;
};

bool is_nothing(const Stmt& stmt) {
  const auto* seq = as<Seq>(stmt);
  return seq && seq->stmts.empty();
}

class HintRemoval : public Mutator {
 public:
  explicit HintRemoval(const Buffer& buffer) : buffer_(buffer) {}

 protected:
  using Mutator::on;
  Stmt on(const Prefetch& node) override {
    return node.buffer.same_as(buffer_) ? Seq::make({}) : Stmt(&node);
  }
  Stmt on(const Block& node) override { return is_compound(node) ? Mutator::on(node) : Stmt(&node); }
  Stmt on(const For& node) override {
    const Stmt loop(rebuild(node).get());
    return is_nothing(static_cast<const For*>(loop.get())->body) ? Seq::make({}) : loop;
  }
  Stmt on(const Seq& node) override {
    std::vector<Stmt> stmts;
    bool changed = false;
    for (const Stmt& stmt : node.stmts) {
      const Stmt fresh = mutate(stmt);
      changed |= !fresh.same_as(stmt);
      if (!is_nothing(fresh)) stmts.push_back(fresh);
    }
    return changed ? Seq::make(std::move(stmts)) : Stmt(&node);
  }

 private:
  const Buffer& buffer_;
};

}  // namespace

Scope scope_argument(const Step& step, int arg) {
  const auto scope = enum_from_text<Scope>(step.text(arg));
  if (!scope)
    step.refuse(nullptr, "there is no scope '{}'; a buffer lies in 'global', 'shared' or 'local' memory",
                step.text(arg));
  if (*scope == Scope::kFragment)
    step.refuse(
        nullptr,
        "a fragment needs a lane map, which a matrix intrinsic gives; take 'local', and tensorize the block");
  return *scope;
}

Buffer read_argument(const Step& step, const Block& block, int arg) {
  std::vector<Buffer> distinct;
  for (const Region& region : block.reads)
    if (std::none_of(distinct.begin(), distinct.end(),
                     [&](const Buffer& b) { return b->name.text == region.buffer->name.text; }))
      distinct.push_back(region.buffer);
  return distinct.at(static_cast<std::size_t>(step.integer(arg)));
}

void require_plain_accesses(const Step& step, const Block& block, const Buffer& buffer) {
  auto refuse_at = [&](const Node* node) {
    step.refuse(&block,
                "block {} accesses buffer {} by a {}, whose boxes stay as they are; do this before tensorize "
                "and pipeline",
                block.name.text, buffer->name.text, kind_name(node->kind));
  };
  for_each_node(&block, [&](const Node* node) {
    if (const auto* copy = as<AsyncCopy>(node))
      if (copy->to.same_as(buffer) || copy->from.same_as(buffer)) refuse_at(node);
    if (const auto* call = as<TensorCall>(node))
      for (const Region& operand : call->operands)
        if (operand.buffer.same_as(buffer)) refuse_at(node);
  });
}

void require_allocatable(const Step& step, const Place& at, Scope scope) {
  if (scope != Scope::kShared) return;
  for (const For* loop : at.loops())
    if (loop->loop_kind == LoopKind::kBound && is_thread(loop->gpu_index))
      step.refuse(loop,
                  "the buffer would be allocated inside loop {}, bound to {}, where each thread would fill "
                  "shared memory anew; "
                  "take 'local', or do this before the loop is bound",
                  loop->var->name.text, to_string(loop->gpu_index));
}

std::optional<Place> outermost_unhindered(const BlockPlace& block, const std::vector<Buffer>& buffers,
                                          const std::function<bool(const Block&)>& hinders) {
  std::size_t first = 0;
  for (std::size_t i = 0; i < block.around.size(); ++i)
    if (const auto* allocate = as<Allocate>(static_cast<const Node*>(block.around[i])))
      for (const Buffer& buffer : buffers)
        if (buffer.get() == allocate->buffer.get()) first = std::max(first, i + 1);
  for (std::size_t i = first; i <= block.around.size(); ++i) {
    const StmtNode* node = i < block.around.size() ? block.around[i] : block.node;
    if (node->kind == Kind::kAllocate || node->kind == Kind::kSeq) continue;
    const std::vector<const Block*> below = blocks_below(node);
    if (std::any_of(below.begin(), below.end(), [&](const Block* b) { return hinders(*b); })) continue;
    Place place;
    place.around.assign(block.around.begin(), block.around.begin() + static_cast<std::ptrdiff_t>(i));
    place.node = node;
    return place;
  }
  return std::nullopt;
}

Stmt put_beside(const Program& program, const Place& at, std::vector<Stmt> statements,
                const std::vector<Buffer>& buffers) {
  Place where = at;
  if (!at.around.empty())
    if (const auto* seq = as<Seq>(static_cast<const Node*>(at.around.back()))) {
      std::vector<Stmt> all;
      for (const Stmt& stmt : seq->stmts) {
        if (stmt.get() == at.node)
          all.insert(all.end(), statements.begin(), statements.end());
        else
          all.push_back(stmt);
      }
      statements = std::move(all);
      where.node = at.around.back();
      where.around.pop_back();
    }
  Stmt fresh = Seq::make(std::move(statements));
  for (auto buffer = buffers.rbegin(); buffer != buffers.rend(); ++buffer)
    fresh = Allocate::make(*buffer, fresh);
  return replaced_at(program, where, fresh);
}

Range clipped(const Range& range, const Range& limits, const Context& context) {
  IndexAlgebra algebra(context);
  Expr first = range.min, end = algebra.normal(range.min + range.extent);
  const Expr limit = algebra.normal(limits.min + limits.extent);
  if (!algebra.le(limits.min, first))
    first = algebra.le(first, limits.min) ? limits.min : max(first, limits.min);
  if (!algebra.le(end, limit)) end = algebra.le(limit, end) ? limit : min(end, limit);
  if (algebra.equal(first, limits.min) && algebra.equal(end, limit)) return limits;
  Expr extent = simplify(algebra.normal(end - first), context);
  if (!algebra.nonnegative(extent) && !prove(le(0, extent), context)) extent = max(extent, 0);
  return {simplify(first, context), extent};
}

Region region_of_all(const Block& block, const Buffer& buffer, bool writes) {
  Context context;
  std::vector<Var> axes;
  for (const BlockAxis& axis : block.axes) {
    context.bind(axis.var, 0, axis.extent);
    axes.push_back(axis.var);
  }
  const AccessRegions regions = infer_block_regions(block);
  std::vector<Region> boxes;
  for (const Region& region : writes ? regions.writes : regions.reads)
    if (region.buffer.same_as(buffer)) boxes.push_back(eliminate(region, axes, context));
  const auto box = clipped_box(buffer, boxes, whole(buffer).ranges, {}, {});
  check_internal(box.has_value(), "block {} does not access {}", block.name.text, buffer->name.text);
  return *box;
}

Region region_read_at(const Place& at, const Block& block, const Region& limits) {
  const Context outside = context_at(at);
  std::vector<Region> boxes;
  for (const Access& access : collect_accesses(Stmt(at.node))) {
    if (access.write || access.unit != &block || !access.buffer.same_as(limits.buffer)) continue;
    Context inside = outside;
    enter(inside, access);
    std::vector<Var> vars;
    for (const For* loop : access.loops) vars.push_back(loop->var);
    boxes.push_back(eliminate({access.buffer, access.box}, vars, inside));
  }
  const auto box = clipped_box(limits.buffer, boxes, limits.ranges, outside, outside);
  check_internal(box.has_value(), "block {} does not read {}", block.name.text, limits.buffer->name.text);
  return *box;
}

Redirection into_box(const Region& box, const Buffer& copy) {
  return {box.buffer, copy, [box](std::vector<Expr> indices) {
            for (std::size_t d = 0; d < indices.size(); ++d) indices[d] = indices[d] - box.ranges[d].min;
            return indices;
          }};
}

Stmt redirected(const Block& block, const std::vector<Redirection>& redirections) {
  Context context;
  for (const BlockAxis& axis : block.axes) bind_keeping(context, axis.var, axis.extent);
  Redirector redirector(redirections, context);
  auto* copy = new Block(block);
  const Stmt owner(copy);
  if (block.init) copy->init = redirector.mutate(block.init);
  copy->body = redirector.mutate(block.body);
  return with_inferred_regions(*copy);
}

Stmt redirected(const Stmt& body, const Redirection& redirection) {
  const std::vector<Redirection> redirections{redirection};
  const Context context;
  return Redirector(redirections, context).mutate(body);
}

Stmt with_buffer(const Stmt& body, const Buffer& old, const Buffer& fresh) {
  return BufferExchange(old, fresh).mutate(body);
}

Stmt without_prefetches(const Stmt& body, const Buffer& buffer) {
  return HintRemoval(buffer).mutate(body);
}

Var copy_axis(std::size_t number) {
  return Var(fmt::format("vi{}", number));
}

bool covers_domain(const BlockPlace& place, bool spatial_only) {
  std::vector<LoopRange> loops;
  for (const StmtNode* stmt : place.around) {
    if (stmt->kind == Kind::kIf || stmt->kind == Kind::kLet) return false;
    if (const auto* loop = as<For>(static_cast<const Node*>(stmt)))
      loops.push_back({loop->var, loop->extent});
  }
  std::vector<Expr> bindings, extents;
  for (const BlockAxis& axis : place.block().axes) {
    if (spatial_only && axis.axis_kind != AxisKind::kSpatial) continue;
    bindings.push_back(axis.binding);
    extents.push_back(axis.extent);
  }
  // Loops without turns reach nothing; that there is a domain to reach may be taken for granted.
  Context context;
  for (const BlockAxis& axis : place.block().axes)
    if (!spatial_only || axis.axis_kind == AxisKind::kSpatial) context.assume(le(1, axis.extent));
  const Context nonempty = context;
  // Loops of the reduction alone may have no turn: what sets its results then is another block.
  const auto drives_reduction_alone = [&](const LoopRange& loop) {
    const auto uses = [&](const Expr& e) { return uses_var(e, loop.var); };
    return spatial_only && std::none_of(bindings.begin(), bindings.end(), uses) &&
           std::any_of(place.block().axes.begin(), place.block().axes.end(),
                       [&](const BlockAxis& axis) { return uses(axis.binding); });
  };
  std::vector<LoopRange> driving;
  for (const LoopRange& loop : loops) {
    if (drives_reduction_alone(loop)) continue;
    if (!prove(le(1, loop.extent), context)) return false;
    context.bind(loop.var, 0, loop.extent);
    driving.push_back(loop);
  }
  // Where a reduction ends says nothing of its results: parts that speak of its loops alone are left out.
  Expr predicate;
  if (place.block().predicate)
    for (const Expr& part : conjuncts(place.block().predicate)) {
      const auto uses = [&](const LoopRange& loop) { return uses_var(part, loop.var); };
      const bool reduces = std::any_of(loops.begin(), loops.end(), [&](const LoopRange& loop) {
        return uses(loop) && drives_reduction_alone(loop);
      });
      const bool is_spatial = std::any_of(driving.begin(), driving.end(), uses);
      if (reduces && is_spatial) return false;
      if (!reduces) predicate = predicate ? logical_and(predicate, part) : part;
    }
  const IterMapResult map = detect_iter_map(bindings, driving, predicate, nonempty);
  return map && is_surjective(*map, extents, nonempty);
}

Stmt following_nest(const BlockPlace& place, const Place& at, const std::string& name, BlockId id,
                    const Stmt& body) {
  for (std::size_t i = at.around.size(); i < place.around.size(); ++i)
    if (place.around[i]->kind == Kind::kIf || place.around[i]->kind == Kind::kLet) return {};
  const std::vector<const For*> around = place.loops();
  const std::vector<const For*> inner(around.begin() + static_cast<std::ptrdiff_t>(at.loops().size()),
                                      around.end());
  auto* block = new Block();
  const Stmt owner(block);
  block->name = name;
  block->id = id;
  std::set<const For*> needed;
  const auto need = [&](const Expr& e) {
    bool grown = false;
    for (const For* loop : inner)
      if (uses_var(e, loop->var)) grown |= needed.insert(loop).second;
    return grown;
  };
  const auto speaks_of_needed = [&](const Expr& e) {
    return std::any_of(needed.begin(), needed.end(), [&](const For* loop) { return uses_var(e, loop->var); });
  };
  VarMap renamed;
  for (const BlockAxis& axis : place.block().axes) {
    if (!uses_var(body, axis.var)) continue;
    BlockAxis own = axis;
    own.var = Var(axis.var->name.text);
    if (own.axis_kind == AxisKind::kReduction) own.axis_kind = AxisKind::kSpatial;
    renamed[&*axis.var] = own.var;
    need(own.binding);
    block->axes.push_back(std::move(own));
  }
  // A loop that may have no turn says whether anything runs; one of a reduction alone has some, unless a
  // partition or a fusion has left it none.
  for (const For* loop : inner) {
    const auto& axes = place.block().axes;
    const bool reduces = std::any_of(axes.begin(), axes.end(), [&](const BlockAxis& axis) {
      return axis.axis_kind == AxisKind::kReduction && uses_var(axis.binding, loop->var);
    });
    if ((!reduces && !prove(le(1, loop->extent))) || prove(le(loop->extent, 0))) needed.insert(loop);
  }
  const std::vector<Expr> conditions =
      place.block().predicate ? conjuncts(place.block().predicate) : std::vector<Expr>();
  for (bool grown = true; grown;) {
    grown = false;
    for (const Expr& part : conditions)
      if (speaks_of_needed(part)) grown |= need(part);
    for (const For* loop : inner)
      if (needed.contains(loop)) grown |= need(loop->extent);
  }
  for (const For* loop : inner)
    if (needed.contains(loop)) renamed[&*loop->var] = Var(loop->var->name.text);
  for (BlockAxis& axis : block->axes) axis.binding = substitute(axis.binding, renamed);
  for (const Expr& part : conditions) {
    const bool is_outer =
        std::none_of(inner.begin(), inner.end(), [&](const For* loop) { return uses_var(part, loop->var); });
    if (!is_outer && !speaks_of_needed(part)) continue;
    const Expr fresh = substitute(part, renamed);
    block->predicate = block->predicate ? logical_and(block->predicate, fresh) : fresh;
  }
  block->body = with_fresh_names(substitute(body, renamed));
  Stmt nest = with_inferred_regions(*block);
  for (auto loop = inner.rbegin(); loop != inner.rend(); ++loop) {
    if (!needed.contains(*loop)) continue;
    const auto* var = as<Variable>(renamed.at(&*(*loop)->var));
    nest =
        For::make(Var(var), substitute((*loop)->extent, renamed), nest, LoopKind::kSerial, (*loop)->ordered);
  }
  return nest;
}

Stmt copy_nest(const std::string& name, BlockId id, const std::vector<CopyAxis>& axes, Stmt body,
               Expr predicate) {
  auto* block = new Block();
  Stmt nest(block);
  block->name = name;
  block->id = id;
  block->body = std::move(body);
  std::vector<std::pair<Var, Expr>> loops;
  VarMap loop_of_axis;
  for (const CopyAxis& axis : axes) {
    BlockAxis own;
    own.var = axis.var;
    own.extent = axis.extent;
    own.binding = axis.begin;
    // An axis of one point has a loop too: the structure is the same at every size.
    if (!is_int(axis.turns, 1) || is_int(axis.extent, 1)) {
      const std::string& text = axis.var->name.text;
      const Var loop(text.size() > 1 && text.front() == 'v' ? text.substr(1) : text);
      loops.emplace_back(loop, axis.turns);
      own.binding = axis.begin + loop;
    }
    loop_of_axis[&*axis.var] = own.binding;
    block->axes.push_back(std::move(own));
  }
  if (predicate) block->predicate = substitute(predicate, loop_of_axis);
  nest = with_inferred_regions(*block);
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop)
    nest = For::make(loop->first, loop->second, nest);
  return nest;
}

}  // namespace tw::schedule
