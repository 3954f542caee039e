// compute_at(B, io):
//
//   for i in 64:                                  for io in 16:
//     block B(vi = i): T[vi] = A[vi] * 2            for i in 6:
//   for io in 16:                             =>      block B(vi = io*4 + i) if io*4 + i < 64: T[vi] = A[vi]
//   * 2
//     for ii in 4:                                  for ii in 4:
//       block C(vi = io*4 + ii):                      block C(vi = io*4 + ii):
//         D[vi] = T[vi] + T[vi + 2]                     D[vi] = T[vi] + T[vi + 2]
//
// A block is computed where it is read: in each turn of the loop, in new loops, exactly the box that blocks
// of that turn read, before the first of them. Boxes of several turns may overlap (the halo of a stencil):
// those elements are computed again. Reductions run whole. The old loops of the block are gone. Where only
// blocks below the loop use the buffer, its allocation moves into the loop, at its full shape: lowering
// shrinks it to what is touched (codegen/passes/compact_allocations.h).
//
// Needed: the block stands before the loop and can run again (no ordered axis, no update in place); every
// axis can be told from the subscripts it writes at; nothing between the two places, or below the loop,
// changes what it reads. If its buffer is read elsewhere too, the turns of the loop must compute all of it.
// Where all readers run under a condition of loops around, the block does too.
//
// A block that fills a circle of rows (rolling_buffer) moves further into the turn that it stands in: the
// axes that say which row keep their loops and conditions, and the others run through what is read, which
// must be the same in each turn that shares the rows.
//
// Not checked: whether computing again pays.
#include <algorithm>

#include "ir/analysis/dependence.h"
#include "ir/analysis/iter_map.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/moving.h"

namespace tw::schedule {
namespace {

class ComputeAt {
 public:
  explicit ComputeAt(const Step& step)
      : step_(step), move_(plan_move(step, step.block(0), step.loop(1))), block_(move_.block.block()) {
    for (const std::size_t i : move_.own) {
      const Access& access = move_.accesses[i];
      if (access.write && !writes(access.buffer)) written_.push_back(access.buffer);
    }
  }

  Outcome apply() {
    require_repeatable();
    require_before_loop();
    for (std::size_t i = 0; i < move_.accesses.size(); ++i)
      if (!move_.is_own(move_.accesses[i])) judge(i);
    find_circle();
    find_own_part();
    const Stmt nest = new_nest(spans());
    const Stmt loop = with_nest(nest);
    Stmt body = body_of_move(step_, move_, loop);
    if (is_needed_elsewhere()) require_complete(body);
    for (const Buffer& buffer : written_) body = sink(body, buffer);
    const Program moved = step_.with_body(body);
    require_turns_apart(step_, moved, loops_around(move_));
    return {moved, {}, {}};
  }

 private:
  const std::string& name() const { return block_.name; }
  const std::string& loop_name() const { return move_.loop.loop().var->name; }

  bool writes(const Buffer& buffer) const {
    return std::any_of(written_.begin(), written_.end(), [&](const Buffer& b) { return b.same_as(buffer); });
  }

  /// Computing a point a second time gives the same, and does no harm.
  void require_repeatable() {
    require_no_order(step_, move_);
    if (block_.reducer && !block_.init)
      step_.refuse(&block_,
                   "block {} adds to what another block has set, and would do so again; move it "
                   "before decompose_reduction",
                   name());
    for (const Region& read : block_.reads)
      if (writes(read.buffer))
        step_.refuse(
            &block_,
            "block {} updates buffer {} in place, and would do so again; only a block that computes its "
            "elements anew can be computed where they are read",
            name(), read.buffer->name.text);
    for (const std::size_t i : move_.own)
      if (move_.accesses[i].atomic)
        step_.refuse(&block_, "block {} updates buffer {} in place, and would do so again", name(),
                     move_.accesses[i].buffer->name.text);
  }

  void require_before_loop() {
    if (move_.block_begin() > move_.loop_begin())
      step_.refuse(move_.loop.node,
                   "block {} stands after loop {}, and what is computed where it is read stands before; take "
                   "reverse_compute_at to move a reader to its producer",
                   name(), loop_name());
  }

  /// One access of another block against those of the moving block.
  void judge(std::size_t position) {
    const Access& other = move_.accesses[position];
    const bool inside = move_.is_inside(other);
    const bool between = !inside && position > move_.block_begin() && position < move_.loop_begin();
    for (const std::size_t own : move_.own) {
      const Access& access = move_.accesses[own];
      if (!access.buffer.same_as(other.buffer) || (!access.write && !other.write)) continue;
      if (inside && !other.write) {
        readers_.push_back(position);
        return;
      }
      if (inside || between) {
        if (may_meet(move_, access, other)) refuse_conflict(access, other, inside);
      } else if (!other.write && (position > move_.block_begin() || move_.common > 0) &&
                 overlap(access, other, 0) != Overlap::kNever) {
        read_elsewhere_.push_back(position);
        return;
      }
    }
  }

  [[noreturn]] void refuse_conflict(const Access& own, const Access& other, bool inside) {
    const std::string where = inside ? "below loop " + loop_name() : "before loop " + loop_name();
    const std::string who = other.unit ? "block " + other.unit->name.text : "the program";
    const Node* place = other.unit ? static_cast<const Node*>(other.unit) : move_.loop.node;
    if (!other.write)
      step_.refuse(
          place,
          "{} reads buffer {} {}, and block {}, which computes it, would come later; move that reader first",
          who, other.buffer->name.text, where, name());
    step_.refuse(place, "{} changes buffer {} {}, which block {} {}; the block cannot be moved past that",
                 who, other.buffer->name.text, where, name(), own.write ? "writes" : "reads");
  }

  /// The loops around the block's old place alone.
  std::vector<const For*> own_loops() const {
    const std::vector<const For*> loops = move_.block.loops();
    return {loops.begin() + static_cast<std::ptrdiff_t>(move_.common), loops.end()};
  }

  bool uses_any(const Expr& e, const std::vector<const For*>& loops) const {
    return std::any_of(loops.begin(), loops.end(), [&](const For* loop) { return uses_var(e, loop->var); });
  }

  bool in_circle(const BlockAxis& axis) const {
    return std::any_of(circle_axes_.begin(), circle_axes_.end(),
                       [&](const BlockAxis* other) { return other->var.same_as(axis.var); });
  }

  /// Whether the points of the block write elements of their own.
  bool writes_apart(const Region& region) const {
    std::vector<LoopRange> points;
    std::vector<Expr> subscripts;
    for (const Range& range : region.ranges) subscripts.push_back(range.min);
    Context context;
    for (const BlockAxis& axis : block_.axes) {
      const bool tells = std::any_of(subscripts.begin(), subscripts.end(),
                                     [&](const Expr& subscript) { return uses_var(subscript, axis.var); });
      if (tells) points.push_back({axis.var, axis.extent});
    }
    const IterMapResult map = detect_iter_map(subscripts, points, {}, context);
    return map && is_injective(*map, context);
  }

  /// The axes that say which row of a circle the block fills, and the loops that they and its conditions
  /// follow.
  void find_circle() {
    const Context context = context_at(move_.block);
    const std::vector<const For*> own = own_loops();
    for (const Region& region : block_.writes) {
      if (writes_apart(region)) continue;
      for (const BlockAxis& axis : block_.axes)
        for (const Range& range : region.ranges)
          if (uses_var(range.min, axis.var) && !range.min.same_as(axis.var) && !in_circle(axis))
            circle_axes_.push_back(&axis);
    }
    for (const Expr& condition : conditions_beyond_domain(block_, context))
      if (!uses_any(condition, own) || !circle_axes_.empty()) conditions_.push_back(condition);
    if (circle_axes_.empty()) return;
    for (const For* loop : own) {
      const auto follows = [&](const Expr& e) { return uses_var(e, loop->var); };
      const bool is_row = std::any_of(conditions_.begin(), conditions_.end(), follows) ||
                          std::any_of(circle_axes_.begin(), circle_axes_.end(),
                                      [&](const BlockAxis* axis) { return follows(axis->binding); });
      if (is_row) row_loops_.push_back(loop);
    }
    for (const BlockAxis& axis : block_.axes)
      if (!in_circle(axis) && uses_any(axis.binding, row_loops_))
        refuse_circle("its rows share loops with other axes");
    if (is_needed_elsewhere()) refuse_circle("not only blocks below the loop read what it writes");
  }

  [[noreturn]] void refuse_circle(const char* why) const {
    step_.refuse(
        &block_,
        "block {} writes several of its points to one element of buffer {}, as rolling_buffer and pipeline "
        "make it, and {}; move it before that",
        name(), written_.front()->name.text, why);
  }

  /// The points that the block runs at in one turn of the loops around both places. New loops must not go
  /// beyond them: loop_partition makes blocks that run through a part of their domain.
  void find_own_part() {
    Context context;
    std::vector<LoopRange> loops, own;
    std::vector<Expr> bindings, extents;
    for (const BlockAxis& axis : block_.axes)
      if (!in_circle(axis)) {
        bindings.push_back(axis.binding);
        extents.push_back(axis.extent);
      }
    const std::vector<const For*> around = move_.block.loops();
    for (std::size_t i = 0; i < around.size(); ++i) {
      if (std::find(row_loops_.begin(), row_loops_.end(), around[i]) != row_loops_.end()) continue;
      const LoopRange range{around[i]->var, around[i]->extent};
      const bool used = std::any_of(bindings.begin(), bindings.end(),
                                    [&](const Expr& binding) { return uses_var(binding, range.var); });
      if (i >= move_.common) own.push_back(range);
      if (used || i >= move_.common) loops.push_back(range);
      context.bind(range.var, 0, range.extent);
    }
    Expr predicate = make_bool(true);
    for (const Expr& condition : conjuncts(block_.predicate))
      if (!is_kept(condition)) predicate = logical_and(predicate, condition);
    const IterMapResult whole = detect_iter_map(bindings, loops, predicate);
    const Verdict all = whole ? is_surjective(*whole, extents) : Verdict{false, whole.reason};
    if (all) return;

    for (const Expr& condition : conditions_beyond_domain(block_, context))
      if (!is_kept(condition)) refuse_part(all.reason);
    std::vector<Var> vars;
    for (const LoopRange& range : own) vars.push_back(range.var);
    extents.clear();
    for (Expr& binding : bindings) {
      const auto ends = symbolic_bounds(binding, vars, context);
      if (!ends) refuse_part(all.reason);
      parts_.push_back({ends->min, ends->max - ends->min + Expr(1)});
      extents.push_back(parts_.back().extent);
      binding = binding - ends->min;
    }
    Context outside;
    for (std::size_t i = 0; i < move_.common; ++i) outside.bind(around[i]->var, 0, around[i]->extent);
    const IterMapResult part = detect_iter_map(bindings, own, {}, outside);
    const Verdict filled = part ? is_surjective(*part, extents, outside) : Verdict{false, part.reason};
    if (!filled) refuse_part(filled.reason);
  }

  bool is_kept(const Expr& condition) const {
    return std::any_of(conditions_.begin(), conditions_.end(),
                       [&](const Expr& kept) { return structural_equal(kept, condition); });
  }

  [[noreturn]] void refuse_part(const std::string& reason) const {
    step_.refuse(&block_,
                 "block {} is not proved to run through its domain or a box of it, so new loops could run "
                 "where it did "
                 "not: {}; move it before what cut it",
                 name(), reason);
  }

  /// What keeps the axes of the block in its new place within its own part.
  Expr within_part(const Block& block, const Context& context) const {
    Expr condition = make_bool(true);
    std::size_t next = 0;
    for (const BlockAxis& axis : block.axes) {
      if (parts_.empty() || in_circle(axis)) continue;
      const Span& part = parts_[next++];
      for (const Expr& bound : {le(part.min, axis.binding), lt(axis.binding, part.min + part.extent)})
        if (!prove(bound, context)) condition = logical_and(condition, simplify(bound, context));
    }
    return condition;
  }

  /// Where a turn of a loop finds rows that another turn has left, the parts of both must be the same.
  void require_same_parts(const std::vector<Span>& spans) const {
    const Place allocation = allocation_of(step_.program(), written_.front());
    const std::size_t outside = allocation.loops().size();
    const std::vector<const For*> around = loops_around(move_);
    for (std::size_t i = outside; i < move_.common; ++i) {
      const Var& carried = around[i]->var;
      for (std::size_t a = 0; a < spans.size(); ++a) {
        const Span& span = spans[a];
        if (!in_circle(block_.axes[a]) && span &&
            (uses_var(span.min, carried) || uses_var(span.extent, carried)))
          refuse_circle("the part of a row that is read differs from turn to turn");
      }
      for (std::size_t k = move_.common; k < around.size(); ++k)
        if (uses_var(around[k]->extent, carried)) refuse_circle("the loop has other turns each time");
    }
  }

  /// Conditions of loops around, not of their domains, under which every reader runs.
  void find_shared_conditions() {
    if (is_needed_elsewhere()) return;
    const std::vector<const For*> around = loops_around(move_);
    std::vector<Expr> shared;
    for (std::size_t r = 0; r < readers_.size(); ++r) {
      const Access& reader = move_.accesses[readers_[r]];
      if (!reader.unit) return;
      Context context;
      for (const For* loop : reader.loops) context.bind(loop->var, 0, loop->extent);
      std::vector<Expr> here = conditions_beyond_domain(*reader.unit, context);
      std::erase_if(here, [&](const Expr& condition) {
        return std::any_of(reader.loops.begin(), reader.loops.end(), [&](const For* loop) {
          return uses_var(condition, loop->var) &&
                 std::find(around.begin(), around.end(), loop) == around.end();
        });
      });
      const auto is_here = [&](const Expr& e) {
        return std::any_of(here.begin(), here.end(), [&](const Expr& h) { return structural_equal(e, h); });
      };
      if (r == 0) shared = here;
      std::erase_if(shared, [&](const Expr& condition) { return !is_here(condition); });
    }
    for (const Expr& condition : shared)
      if (std::none_of(conditions_.begin(), conditions_.end(),
                       [&](const Expr& c) { return structural_equal(c, condition); }))
        conditions_.push_back(condition);
  }

  Stmt new_nest(const std::vector<Span>& spans) {
    find_shared_conditions();
    if (!circle_axes_.empty()) require_same_parts(spans);
    Context context = context_at(move_.loop);
    context.bind(move_.loop.loop().var, 0, move_.loop.loop().extent);
    for (const For* loop : row_loops_) context.bind(loop->var, 0, loop->extent);
    Stmt nest = nest_over(
        block_, spans, [&](const BlockAxis& axis) { return in_circle(axis) || keeps_binding(move_, axis); },
        context);
    if (!conditions_.empty() || !parts_.empty()) {
      const BlockPlace place = all_blocks(ProgramNode::make("", {}, nest)).front();
      for (const For* loop : place.loops()) context.bind(loop->var, 0, loop->extent);
      Expr condition = within_part(place.block(), context);
      for (const Expr& kept : conditions_) condition = logical_and(condition, kept);
      auto* copy = new Block(place.block());
      const Stmt owner(copy);
      if (copy->predicate) condition = logical_and(copy->predicate, condition);
      copy->predicate = is_int(condition, 1) ? Expr() : condition;
      nest = replaced_at(step_.program(), place, owner);
    }
    for (auto loop = row_loops_.rbegin(); loop != row_loops_.rend(); ++loop) {
      const Var fresh((*loop)->var->name.text);
      nest = For::make(fresh, (*loop)->extent, substitute(nest, {{&*(*loop)->var, fresh}}));
    }
    return nest;
  }

  /// What each axis runs through in one turn of the loop.
  std::vector<Span> spans() {
    Context context = context_at(move_.loop);
    context.bind(move_.loop.loop().var, 0, move_.loop.loop().extent);
    if (readers_.empty())
      step_.refuse(move_.loop.node,
                   "no block below loop {} reads what block {} computes; take a loop of one of its readers",
                   loop_name(), name());
    std::vector<Span> spans(block_.axes.size());
    std::vector<bool> known(block_.axes.size());
    for (const Buffer& buffer : written_) {
      std::vector<const Access*> reads;
      for (const std::size_t i : readers_)
        if (move_.accesses[i].buffer.same_as(buffer)) reads.push_back(&move_.accesses[i]);
      if (reads.empty()) continue;
      const std::vector<Span> box = touched_box(reads, move_.depth());
      for (std::size_t a = 0; a < spans.size(); ++a) {
        const BlockAxis& axis = block_.axes[a];
        if (axis.axis_kind == AxisKind::kReduction) continue;
        const Span span = solve_axis(block_.writes, buffer, block_, a, box, Membership::kSome, context);
        spans[a] = known[a] ? hull(spans[a], span, context) : span;
        known[a] = true;
      }
    }
    for (std::size_t a = 0; a < spans.size(); ++a)
      if (!in_circle(block_.axes[a])) require_axis(block_.axes[a], spans[a], context);
    return spans;
  }

  void require_axis(const BlockAxis& axis, const Span& span, const Context& context) {
    const std::string& axis_name = axis.var->name;
    const bool kept = keeps_binding(move_, axis);
    if (axis.axis_kind == AxisKind::kReduction) {
      if (kept)
        step_.refuse(&block_,
                     "axis {} of block {} is reduced over by {}, around loop {} too, and each turn would see "
                     "a part of the "
                     "sum; move the block to a loop outside",
                     axis_name, name(), to_text(axis.binding), loop_name());
      return;
    }
    const bool in_subscripts =
        std::any_of(block_.writes.begin(), block_.writes.end(), [&](const Region& region) {
          return std::any_of(region.ranges.begin(), region.ranges.end(),
                             [&](const Range& range) { return uses_var(range.min, axis.var); });
        });
    if (kept) {
      if (in_subscripts && !(span && is_int(span.extent, 1) && prove(eq(span.min, axis.binding), context)))
        step_.refuse(&block_,
                     "axis {} of block {} is {}, around loop {} too, and elements of other turns are read "
                     "below it; take "
                     "a loop outside",
                     axis_name, name(), to_text(axis.binding), loop_name());
    } else if (!in_subscripts && !prove(le(axis.extent, 1), context)) {
      step_.refuse(
          &block_,
          "axis {} of block {} is no subscript of what it writes, so the points that a turn of loop {} needs "
          "cannot be told",
          axis_name, name(), loop_name());
    }
  }

  /// The loop with the nest before the first statement that reads what it computes.
  Stmt with_nest(const Stmt& nest) {
    const For& loop = move_.loop.loop();
    Place place;
    place.around = {&loop};
    place.node = loop.body.get();
    const StmtNode* first_reader = move_.accesses[readers_.front()].unit;
    for (;;) {
      const Node* node = place.node;
      if (const auto* allocation = as<Allocate>(node)) {
        place.around.push_back(place.node);
        place.node = allocation->body.get();
      } else if (const auto* attr = as<Attr>(node)) {
        place.around.push_back(place.node);
        place.node = attr->body.get();
      } else {
        break;
      }
    }
    Stmt fresh;
    if (const auto* seq = as<Seq>(static_cast<const Node*>(place.node))) {
      std::vector<Stmt> stmts = seq->stmts;
      const auto holds_reader = [&](const Stmt& stmt) {
        const auto blocks = blocks_below(stmt.get());
        return std::find(blocks.begin(), blocks.end(), first_reader) != blocks.end();
      };
      stmts.insert(std::find_if(stmts.begin(), stmts.end(), holds_reader), nest);
      fresh = Seq::make(std::move(stmts));
    } else {
      fresh = Seq::make({nest, Stmt(place.node)});
    }
    return replaced_at(step_.program(), place, fresh);
  }

  bool is_needed_elsewhere() const {
    return !read_elsewhere_.empty() ||
           std::any_of(written_.begin(), written_.end(),
                       [&](const Buffer& buffer) { return is_parameter(step_.program(), buffer); });
  }

  /// Readers elsewhere, and the caller, find everything only if the turns compute every point.
  void require_complete(const Stmt& body) {
    const Program moved = ProgramNode::make("", step_.program()->params, body);
    const Verdict all = DomainCover(find_block(moved, block_.id.value), move_.common).reaches_all();
    if (all) return;
    if (read_elsewhere_.empty())
      step_.refuse(
          move_.loop.node,
          "the caller sees what block {} writes, and the turns of loop {} are not proved to compute all "
          "of it: {}",
          name(), loop_name(), all.reason);
    const Access& other = move_.accesses[read_elsewhere_.front()];
    const Node* where = other.unit ? static_cast<const Node*>(other.unit) : move_.loop.node;
    step_.refuse(where,
                 "{} reads buffer {} outside of loop {}, and the turns of the loop are not proved to compute "
                 "all of it ({}); "
                 "every reader must stand below the loop",
                 other.unit ? "block " + other.unit->name.text : "the program", other.buffer->name.text,
                 loop_name(), all.reason);
  }

  /// The buffer lives within a turn if the block alone writes it and only blocks below the loop read it.
  Stmt sink(const Stmt& body, const Buffer& buffer) {
    for (std::size_t i = 0; i < move_.accesses.size(); ++i) {
      const Access& access = move_.accesses[i];
      if (!access.buffer.same_as(buffer) || move_.is_own(access)) continue;
      if (access.write || !move_.is_inside(access)) return body;
    }
    if (!circle_axes_.empty()) return body;
    // Not into the block's own loops: they run for one result.
    const std::vector<const For*> around = loops_around(move_);
    return sink_allocation(body, buffer, [&](const For& crossed) {
      return std::any_of(around.begin(), around.end(),
                         [&](const For* loop) { return loop->var.same_as(crossed.var); });
    });
  }

  const Step& step_;
  Move move_;
  const Block& block_;
  std::vector<Buffer> written_;
  std::vector<std::size_t> readers_;           // accesses below the loop that read what the block writes
  std::vector<std::size_t> read_elsewhere_;    // and others that come after it
  std::vector<const BlockAxis*> circle_axes_;  // points of several go to one element
  std::vector<const For*> row_loops_;          // of the block's own, which these axes keep
  std::vector<Span> parts_;       // of the other axes: where the block ran, if not in its whole domain
  std::vector<Expr> conditions_;  // of its new place, besides those of its domain
};

Outcome compute_at(const Step& step) {
  return ComputeAt(step).apply();
}

const Registration registration{{
    .name = "compute_at",
    .summary = "Computes a block in a loop of its readers: in each turn what that turn reads.",
    .doc = R"(    for i in 64:                                  for io in 16:
      block B(vi = i): T[vi] = A[vi] * 2            for i in 6:
    for io in 16:                             =>      block B(vi = io*4 + i) if io*4 + i < 64: T[vi] = A[vi] * 2
      for ii in 4:                                  for ii in 4:
        block C(vi = io*4 + ii):                      block C(vi = io*4 + ii):
          D[vi] = T[vi] + T[vi + 2]                     D[vi] = T[vi] + T[vi + 2]

The box that blocks below the loop read in one turn is computed before the first of them, in new loops; reductions run
whole. Where boxes of turns overlap, elements are computed again. The allocation of the buffer moves into the loop when
nothing outside uses it. The block must stand before the loop and compute its elements anew; nothing that it is moved past
may change what it reads. If its buffer is read elsewhere too, the turns must compute all of it.)",
    .args = {{"block", ArgKind::kBlock, "The block to move."},
             {"loop", ArgKind::kLoop, "A loop around the blocks that read what it computes."}},
    .example = R"(>>> T = te.compute((8,), lambda i: i * 2, name="T")
>>> s = tw.Schedule(te.compute((8,), lambda i: T[i] + 1, name="U"))
>>> s.compute_at(s.block("T"), s.loops("U")[0])
>>> s.loops("T")
[<tw.Loop i>])",
    .apply = compute_at,
}};

}  // namespace
}  // namespace tw::schedule
