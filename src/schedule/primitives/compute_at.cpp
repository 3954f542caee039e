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
// An update without init moves together with the block that sets what it adds to (separate_init.h): in the
// loop first that block over the spans, then the update.
//
// Not checked: whether computing again pays.
#include <algorithm>

#include "ir/analysis/dependence.h"
#include "ir/analysis/iter_map.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/kept_part.h"
#include "schedule/moving.h"
#include "schedule/separate_init.h"

namespace tw::schedule {
namespace {

class ComputeAt {
 public:
  explicit ComputeAt(const Step& step) : step_(step), move_(plan(step)), block_(move_.block.block()) {
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
    kept_.emplace(step_, move_);
    conditions_ = kept_->conditions();
    if (kept_->has_circle() && is_needed_elsewhere())
      kept_->refuse_circle("not only blocks below the loop read what it writes");
    const Stmt nest = new_nests(spans());
    const Stmt loop = with_nest_before(step_, move_, move_.accesses[readers_.front()].unit, nest);
    Stmt body = body_of_move(step_, move_, loop);
    if (is_needed_elsewhere()) require_complete(body);
    for (const Buffer& buffer : written_) body = sink(body, buffer);
    const Program moved = step_.with_body(body);
    require_turns_apart(step_, moved, loops_around(move_));
    return {moved, {}, {}};
  }

 private:
  /// An update takes along the block that sets what it adds to.
  static Move plan(const Step& step) {
    const BlockPlace block = step.block(0);
    const std::string& name = block.block().name;
    if (const BlockPlace update = find_update_of(step.program(), block); update.node)
      step.refuse(block.node, "block {} sets what block {} adds to; move block {}, which takes {} along",
                  name, update.block().name.text, update.block().name.text, name);
    if (!is_update(block.block())) return plan_move(step, block, step.loop(1));
    const SeparateInit init = find_separate_init(step.program(), block);
    if (!init)
      step.refuse(
          block.node,
          "block {} adds to what another block has set, and would do so again; it moves only together "
          "with that block: {}",
          name, init.reason);
    return plan_move(step, block, step.loop(1), init.place);
  }

  const std::string& name() const { return block_.name; }
  const std::string& loop_name() const { return move_.loop.loop().var->name; }

  bool writes(const Buffer& buffer) const {
    return std::any_of(written_.begin(), written_.end(), [&](const Buffer& b) { return b.same_as(buffer); });
  }

  /// Computing a point a second time gives the same, and does no harm.
  void require_repeatable() {
    require_no_order(step_, move_);
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
    if (move_.own.back() > move_.loop_begin())
      step_.refuse(move_.loop.node,
                   "block {} stands after loop {}, and what is computed where it is read stands before; take "
                   "reverse_compute_at to move a reader to its producer",
                   name(), loop_name());
  }

  /// One access of another block against those of the moving block.
  void judge(std::size_t position) {
    const Access& other = move_.accesses[position];
    const bool inside = move_.is_inside(other);
    for (const std::size_t own : move_.own) {
      const Access& access = move_.accesses[own];
      if (!access.buffer.same_as(other.buffer) || (!access.write && !other.write)) continue;
      if (inside && !other.write) {
        readers_.push_back(position);
        return;
      }
      const bool between = position > own && position < move_.loop_begin();
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

  /// The init, which is set in the whole domain or under the conditions of the update, and then the block.
  Stmt new_nests(const std::vector<Span>& spans) {
    if (!move_.init) {
      find_shared_conditions();
      return new_nest(block_, spans);
    }
    require_whole_pair();
    find_shared_conditions();
    const Stmt init = with_bindings_of(move_.init->block(), block_);
    std::vector<Span> spatial;
    for (std::size_t a = 0; a < spans.size(); ++a)
      if (block_.axes[a].axis_kind == AxisKind::kSpatial) spatial.push_back(spans[a]);
    return Seq::make({new_nest(static_cast<const Block&>(*init), spatial), new_nest(block_, spans)});
  }

  void require_whole_pair() const {
    const Block& init = move_.init->block();
    if (!kept_->is_whole())
      step_.refuse(&block_,
                   "block {} runs through a part of its domain, and block {} sets what it adds to; move them "
                   "before what cut the block",
                   name(), init.name.text);
    const std::vector<Expr> others = conditions_beyond_domain(init, context_at(*move_.init));
    const auto is_among = [](const Expr& e, const std::vector<Expr>& all) {
      return std::any_of(all.begin(), all.end(), [&](const Expr& x) { return structural_equal(x, e); });
    };
    const auto all_among = [&](const std::vector<Expr>& some, const std::vector<Expr>& all) {
      return std::all_of(some.begin(), some.end(), [&](const Expr& e) { return is_among(e, all); });
    };
    if (!all_among(others, conditions_) || !all_among(conditions_, others))
      step_.refuse(&block_, "blocks {} and {} run under different conditions; move them before these arise",
                   init.name.text, name());
  }

  Stmt new_nest(const Block& block, const std::vector<Span>& spans) {
    if (kept_->has_circle()) kept_->require_same_parts(spans);
    Context context = context_at(move_.loop);
    context.bind(move_.loop.loop().var, 0, move_.loop.loop().extent);
    for (const For* loop : kept_->row_loops()) context.bind(loop->var, 0, loop->extent);
    Stmt nest = nest_over(
        block, spans,
        [&](const BlockAxis& axis) { return kept_->in_circle(axis) || keeps_binding(move_, axis); }, context);
    if (!conditions_.empty() || kept_->has_part()) {
      const BlockPlace place = all_blocks(ProgramNode::make("", {}, nest)).front();
      for (const For* loop : place.loops()) context.bind(loop->var, 0, loop->extent);
      Expr condition = kept_->within_part(place.block(), context);
      for (const Expr& kept : conditions_) condition = logical_and(condition, kept);
      auto* copy = new Block(place.block());
      const Stmt owner(copy);
      if (copy->predicate) condition = logical_and(copy->predicate, condition);
      copy->predicate = is_int(condition, 1) ? Expr() : condition;
      nest = replaced_at(step_.program(), place, owner);
    }
    for (auto loop = kept_->row_loops().rbegin(); loop != kept_->row_loops().rend(); ++loop) {
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
      if (!kept_->in_circle(block_.axes[a])) require_axis(block_.axes[a], spans[a], context);
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

  bool is_needed_elsewhere() const {
    return !read_elsewhere_.empty() ||
           std::any_of(written_.begin(), written_.end(),
                       [&](const Buffer& buffer) { return is_parameter(step_.program(), buffer); });
  }

  /// Readers elsewhere, and the caller, find everything only if the turns compute every point.
  void require_complete(const Stmt& body) {
    const Program moved = ProgramNode::make("", step_.program()->params, body);
    Verdict all = DomainCover(find_block(moved, block_.id.value), move_.common).reaches_all();
    if (all && move_.init)
      all = DomainCover(find_block(moved, move_.init->block().id.value), move_.common).reaches_all();
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
    if (kept_->has_circle()) return body;
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
  std::optional<KeptPart> kept_;
  std::vector<Buffer> written_;
  std::vector<std::size_t> readers_;         // accesses below the loop that read what the block writes
  std::vector<std::size_t> read_elsewhere_;  // and others that come after it
  std::vector<Expr> conditions_;             // of its new place, besides those of its domain
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
may change what it reads. If its buffer is read elsewhere too, the turns must compute all of it.

An update without init, as a reduction of a size that may be 0 or decompose_reduction has it, takes along the block that
sets what it adds to: in the loop that block stands first, in a nest of its own. Asked for alone, that block stays.)",
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
