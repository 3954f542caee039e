// reverse_compute_at(C, io):
//
//   for io in 16:                                 for io in 16:
//     for ii in 4:                                  for ii in 4:
//       block B(vi = io*4 + ii): T[vi] = …            block B(vi = io*4 + ii): T[vi] = …
//   for i in 64:                              =>    for i in 4:
//     block C(vi = i): D[vi] = T[vi] * 2              block C(vi = io*4 + i): D[vi] = T[vi] * 2
//
// A block is computed where what it reads is finished: at the end of each turn of a loop of its producers, in
// new loops over the points whose inputs that turn has completed. The old loops of the block are gone. A
// buffer that is then used within one turn only is allocated in the loop.
//
// Needed: the block stands after the loop; no other turn writes what an instance reads (the producers'
// reductions run inside the loop), the turns together run every instance once, and nothing between the two
// places touches what the block writes or changes what it reads. A reduction may be divided over the turns.
#include <algorithm>

#include "ir/analysis/dependence.h"
#include "ir/text.h"
#include "schedule/moving.h"

namespace tw::schedule {
namespace {

class ReverseComputeAt {
 public:
  explicit ReverseComputeAt(const Step& step)
      : step_(step), move_(plan_move(step, step.block(0), step.loop(1))), block_(move_.block.block()) {}

  Outcome apply() {
    require_no_order(step_, move_);
    if (move_.block_begin() < move_.loop_begin())
      step_.refuse(
          move_.loop.node,
          "block {} stands before loop {}, and what is computed after its producer stands after it; take "
          "compute_at to move a producer to its readers",
          name(), loop_name());
    require_nothing_between();
    require_whole_domain();
    const Stmt nest = nest_over(move_, spans());
    const For& loop = move_.loop.loop();
    auto* copy = new For(loop);
    const Stmt owner(copy);
    copy->body = Seq::make({loop.body, nest});
    Stmt body = body_of_move(step_, move_, owner);
    require_once(body);
    require_finished(body);
    for (const Buffer& buffer : inputs_)
      body = sink_allocation(body, buffer, [&](const For& crossed) {
        return (is_crossed(crossed) && serves_only_this(buffer)) || keeps_to_its_turn(body, buffer, crossed);
      });
    for (const Buffer& buffer : written_beside_inputs())
      body = sink_allocation(body, buffer,
                             [&](const For& crossed) { return keeps_to_its_turn(body, buffer, crossed); });
    const Program moved = step_.with_body(body);
    require_turns_apart(step_, moved, loops_around(move_));
    return {moved, {}, {}};
  }

 private:
  const std::string& name() const { return block_.name; }
  const std::string& loop_name() const { return move_.loop.loop().var->name; }

  void require_whole_domain() const {
    const Verdict all = DomainCover(move_.block, move_.common).reaches_all();
    if (!all)
      step_.refuse(
          &block_,
          "block {} is not proved to run through its whole domain, and in new loops it would: {}; move it "
          "before loop_partition and pipeline",
          name(), all.reason);
  }

  void require_nothing_between() {
    for (std::size_t i = move_.loop_end(); i < move_.block_begin(); ++i) {
      const Access& other = move_.accesses[i];
      for (const std::size_t own : move_.own) {
        const Access& access = move_.accesses[own];
        if (!may_meet(move_, other, access)) continue;
        step_.refuse(other.unit ? static_cast<const Node*>(other.unit) : move_.loop.node,
                     "{} {} buffer {} between loop {} and block {}, which {} it; move that one first",
                     other.unit ? "block " + other.unit->name.text : "the program",
                     other.write ? "writes" : "reads", other.buffer->name.text, loop_name(), name(),
                     access.write ? "writes" : "reads");
      }
    }
  }

  /// What each axis runs through in one turn of the loop: the points that read from what the turn writes
  /// alone.
  std::vector<Span> spans() {
    Context context = context_at(move_.loop);
    context.bind(move_.loop.loop().var, 0, move_.loop.loop().extent);
    std::vector<Span> spans(block_.axes.size());
    std::vector<Region> reads = block_.reads;  // and what a reducer adds to
    if (block_.reducer) reads.insert(reads.end(), block_.writes.begin(), block_.writes.end());
    for (const std::size_t own : move_.own) {
      const Buffer& buffer = move_.accesses[own].buffer;
      const auto known = [&](const Buffer& b) { return b.same_as(buffer); };
      if (move_.accesses[own].write || std::any_of(inputs_.begin(), inputs_.end(), known)) continue;
      std::vector<const Access*> writes;
      for (const Access& access : move_.accesses)
        if (access.write && access.buffer.same_as(buffer) && move_.is_inside(access))
          writes.push_back(&access);
      if (writes.empty()) continue;
      inputs_.push_back(buffer);
      const std::vector<Span> box = touched_box(writes, move_.depth());
      for (std::size_t a = 0; a < spans.size(); ++a) {
        const Span span = solve_axis(reads, buffer, block_, a, box, Membership::kAll, context);
        if (span && (!spans[a] || prove(lt(span.extent, spans[a].extent), context))) spans[a] = span;
      }
    }
    if (inputs_.empty())
      step_.refuse(move_.loop.node,
                   "no block below loop {} writes what block {} reads; take a loop of its producer",
                   loop_name(), name());
    require_no_repetition(spans);
    return spans;
  }

  /// An axis that follows a loop around both places may not run whole in each turn of it.
  void require_no_repetition(const std::vector<Span>& spans) const {
    const std::vector<const For*> around = move_.block.loops();
    for (std::size_t a = 0; a < spans.size(); ++a) {
      const BlockAxis& axis = block_.axes[a];
      if (spans[a] || keeps_binding(move_, axis)) continue;
      for (std::size_t i = 0; i < move_.common; ++i)
        if (uses_var(axis.binding, around[i]->var))
          step_.refuse(&block_,
                       "axis {} of block {} is {}, and what a turn of loop {} finishes of it cannot be told",
                       axis.var->name.text, name(), to_text(axis.binding), loop_name());
    }
  }

  void require_once(const Stmt& body) {
    const Program moved = ProgramNode::make("", step_.program()->params, body);
    const Verdict once = DomainCover(find_block(moved, block_.id.value), move_.common).reaches_each_once();
    if (!once)
      step_.refuse(
          move_.loop.node,
          "the turns of loop {} are not proved to run every instance of block {} once: {}; take a loop "
          "whose turns each finish a part of what the block reads",
          loop_name(), name(), once.reason);
  }

  /// The accesses with 0 for loops of one turn: new bindings do without them.
  static std::vector<Access> with_single_turns_known(std::vector<Access> accesses) {
    for (Access& access : accesses) {
      VarMap first;
      for (const For* loop : access.loops)
        if (is_int(loop->extent, 1)) first[&*loop->var] = Expr(0);
      if (first.empty()) continue;
      for (Range& range : access.box) range = {substitute(range.min, first), substitute(range.extent, first)};
      for (Expr& guard : access.guards) guard = substitute(guard, first);
      for (Expr& binding : access.bindings) binding = substitute(binding, first);
    }
    return accesses;
  }

  /// Nothing that the block touches is written by a producer in another turn than it, and nothing it writes
  /// is touched there.
  void require_finished(const Stmt& body) {
    const std::vector<Access> accesses = with_single_turns_known(collect_accesses(body));
    const auto is_own = [&](const Access& access) {
      return access.unit && access.unit->id.value == block_.id.value;
    };
    const auto shared = [&](const Access& access) { return access.unit && !is_own(access); };
    const auto others = distinct_accesses(accesses, shared);
    for (const Access* own : distinct_accesses(accesses, is_own))
      for (const Access* other : others) {
        if (!own->buffer.same_as(other->buffer) || (!own->write && !other->write)) continue;
        for (std::size_t depth = move_.common; depth < move_.depth(); ++depth) {
          if (depth >= other->loops.size() || other->loops[depth] != own->loops[depth]) break;
          if (overlap_across_turns(*own, *other, depth) == Overlap::kNever) continue;
          step_.refuse(find_block(step_.program(), other->unit->id.value).node,
                       "block {} {} elements of buffer {} in other turns of loop {} than the one in which "
                       "block {} would {} them; "
                       "take a loop inside of which the block's reductions run whole",
                       other->unit->name.text, other->write ? "writes" : "reads", own->buffer->name.text,
                       own->loops[depth]->var->name.text, name(), own->write ? "write" : "read");
        }
      }
  }

  /// What the blocks that write the inputs write besides: the other parts of a tuple.
  std::vector<Buffer> written_beside_inputs() const {
    const auto holds = [](const std::vector<Buffer>& buffers, const Buffer& buffer) {
      return std::any_of(buffers.begin(), buffers.end(), [&](const Buffer& b) { return b.same_as(buffer); });
    };
    std::vector<Buffer> beside;
    for (const Access& access : move_.accesses) {
      if (!access.write || !access.unit || holds(inputs_, access.buffer) || holds(beside, access.buffer))
        continue;
      const bool writes_input =
          std::any_of(access.unit->writes.begin(), access.unit->writes.end(),
                      [&](const Region& write) { return holds(inputs_, write.buffer); });
      if (writes_input && move_.is_inside(access)) beside.push_back(access.buffer);
    }
    return beside;
  }

  /// A loop that the block has come into: no turn of it reads what another wrote, as far as the block is
  /// concerned.
  bool is_crossed(const For& loop) const {
    const std::vector<const For*> loops = loops_around(move_);
    for (std::size_t i = move_.common; i < loops.size(); ++i)
      if (loops[i]->var.same_as(loop.var)) return true;
    return false;
  }

  /// Whether the block is the only reader of the buffer besides the reduction that fills it.
  bool serves_only_this(const Buffer& buffer) const {
    const Block* writer = nullptr;
    for (const Access& access : move_.accesses) {
      if (!access.buffer.same_as(buffer) || !access.write) continue;
      if (writer && writer != access.unit) return false;
      writer = access.unit;
    }
    return std::all_of(move_.accesses.begin(), move_.accesses.end(), [&](const Access& access) {
      if (!access.buffer.same_as(buffer) || move_.is_own(access)) return true;
      // What the writer reads of its own buffer is the element that it updates, or, in a scan, an earlier
      // turn's.
      return access.unit == writer && (access.write || writer->reducer);
    });
  }

  const Step& step_;
  Move move_;
  const Block& block_;
  std::vector<Buffer> inputs_;  // read by the block, written below the loop
};

Outcome reverse_compute_at(const Step& step) {
  return ReverseComputeAt(step).apply();
}

const Registration registration{{
    .name = "reverse_compute_at",
    .summary = "Computes a block in a loop of its producers, as soon as what it reads is finished.",
    .doc = R"(    for io in 16:                                 for io in 16:
      for ii in 4:                                  for ii in 4:
        block B(vi = io*4 + ii): T[vi] = ...          block B(vi = io*4 + ii): T[vi] = ...
    for i in 64:                              =>    for i in 4:
      block C(vi = i): D[vi] = T[vi] * 2              block C(vi = io*4 + i): D[vi] = T[vi] * 2

The points whose inputs one turn of the loop completes are computed at its end, in new loops. The turns together must run
every instance once, and no turn may write what an instance of another reads: reductions of the producers run inside the
loop. Nothing between the two places may touch what the block writes or change what it reads.)",
    .args = {{"block", ArgKind::kBlock, "The block to move."},
             {"loop", ArgKind::kLoop, "A loop around blocks that compute what it reads."}},
    .example = R"(>>> T = te.compute((8,), lambda i: i * 2, name="T")
>>> s = tw.Schedule(te.compute((8,), lambda i: T[i] + 1, name="U"))
>>> s.reverse_compute_at(s.block("U"), s.loops("T")[0])
>>> s.loops("U")
[<tw.Loop i>])",
    .apply = reverse_compute_at,
}};

}  // namespace
}  // namespace tw::schedule
