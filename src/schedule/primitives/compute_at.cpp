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
// shrinks it to what is touched (compaction.h).
//
// Needed: the block stands before the loop and can run again (no ordered axis, no update in place); every
// axis can be told from the subscripts it writes at; nothing between the two places, or below the loop,
// changes what it reads. If its buffer is read elsewhere too, the turns of the loop must compute all of it.
// Not checked: whether computing again pays.
#include <algorithm>

#include "ir/analysis/iter_map.h"
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
    const Stmt nest = nest_over(move_, spans());
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
    for (const Expr& part : conjuncts(block_.predicate))
      if (contains<Binary>(part.get(), [](const Binary& b) { return b.op == BinaryOp::kOr; }))
        step_.refuse(&block_,
                     "block {} runs under {}: it fills a rolling buffer in its loop, and cannot leave it; "
                     "move it before "
                     "rolling_buffer",
                     name(), to_text(part));
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
      } else if (!other.write && (position > move_.block_begin() || move_.common > 0)) {
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
    for (std::size_t a = 0; a < spans.size(); ++a) require_axis(block_.axes[a], spans[a], context);
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
    const BlockPlace place =
        find_block(ProgramNode::make("", step_.program()->params, body), block_.id.value);
    std::vector<LoopRange> loops;
    std::vector<Expr> bindings, extents;
    Context context;
    for (const BlockAxis& axis : place.block().axes) {
      bindings.push_back(axis.binding);
      extents.push_back(axis.extent);
    }
    for (const For* loop : place.loops()) {
      // A loop around both places that no axis follows repeats the block, as it did before.
      const bool repeats = context.ranges().size() + loops.size() < move_.common &&
                           std::none_of(bindings.begin(), bindings.end(),
                                        [&](const Expr& b) { return uses_var(b, loop->var); });
      if (repeats) {
        context.bind(loop->var, 0, loop->extent);
      } else {
        loops.push_back({loop->var, loop->extent});
      }
    }
    const IterMapResult map = detect_iter_map(bindings, loops, place.block().predicate, context);
    const Verdict all = map ? is_surjective(*map, extents, context) : Verdict{false, map.reason};
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
    return sink_allocation(body, buffer, [](const For&) { return true; });
  }

  const Step& step_;
  Move move_;
  const Block& block_;
  std::vector<Buffer> written_;
  std::vector<std::size_t> readers_;         // accesses below the loop that read what the block writes
  std::vector<std::size_t> read_elsewhere_;  // and others that come after it
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
