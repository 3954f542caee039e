// rolling_buffer(T, i):
//
//   for i in 62:                                        alloc T[3, 64]
//     alloc T[64, 64]                                   for i in ordered(62):
//     for y in 3:                                         for y in 3:
//       for x in 64:                                        for x in 64:
//         block B(vy = i + y, vx = x):             =>         block B(vy = i + y, vx = x) if i == 0 || 2 <=
//         y:
//           T[vy, vx] = A[vy, vx] * 2                           T[vy % 3, vx] = A[vy, vx] * 2
//     for x in 64:                                        for x in 64:
//       block C(vy = i, vx = x):                            block C(vy = i, vx = x):
//         D[vy, vx] = T[vy, vx] + T[vy + 2, vx]               D[vy, vx] = T[vy % 3, vx] + T[(vy + 2) % 3, vx]
//
// After compute_at, turns of a loop compute rows that their neighbours compute too. A rolling buffer keeps
// the rows that the next turn still reads: it has as many as one turn reads, used in a circle, and every turn
// but the first computes the new ones alone. The loop carries the buffer from then on: it is ordered, and the
// allocation stands around it.
//
// Needed: all uses of the buffer are in the loop, which is serial; one block writes it, and would compute the
// same again; the rows of one turn move on by the same step every turn, fewer than there are; each turn reads
// only rows that it computes; one dimension moves. Not checked: whether the rows fit a cache.
#include <algorithm>

#include "ir/analysis/regions.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/blocks.h"
#include "schedule/copies.h"
#include "schedule/loops.h"
#include "schedule/moving.h"
#include "schedule/spans.h"

namespace tw::schedule {
namespace {

/// Accesses of a buffer become accesses of the circular one.
class ToCircle : public Mutator {
 public:
  ToCircle(const Buffer& old, const Buffer& fresh, std::size_t dim) : old_(old), fresh_(fresh), dim_(dim) {}

 protected:
  using Mutator::on;
  Expr on(const Load& node) override {
    const Expr rewritten = Mutator::on(node);
    const auto& load = *as<Load>(rewritten);
    return load.buffer.same_as(old_) ? Load::make(fresh_, circular(load.indices), load.predicate) : rewritten;
  }
  Stmt on(const Store& node) override {
    const Stmt rewritten = Mutator::on(node);
    const auto& store = *as<Store>(rewritten);
    return store.buffer.same_as(old_)
               ? Store::make(fresh_, circular(store.indices), store.value, store.predicate)
               : rewritten;
  }

 private:
  std::vector<Expr> circular(std::vector<Expr> indices) const {
    indices[dim_] = floormod(indices[dim_], fresh_->shape[dim_]);
    return indices;
  }
  Buffer old_, fresh_;
  std::size_t dim_;
};

class RollingBuffer {
 public:
  explicit RollingBuffer(const Step& step)
      : step_(step),
        buffer_(step.buffer(0)),
        loop_(step.loop(1)),
        accesses_(collect_accesses(step.program()->body)) {
    context_ = context_at(loop_);
    context_.bind(loop().var, 0, loop().extent);
  }

  Outcome apply() {
    require_serial(step_, loop_);
    sort_accesses();
    require_repeatable(*writer_, {});
    require_every_turn();
    find_rows();
    if (!rows_) return with_loop(step_, loop_, [](For& only_turn) { only_turn.ordered = true; });
    auto* circle = new BufferNode(*buffer_);
    const Buffer fresh(circle);
    circle->shape[dim_] = rows_;

    const Stmt body = ordered_loop(fresh);
    Stmt whole = replaced_at(step_.program(), loop_, body);
    const Program shell = ProgramNode::make("", {}, whole);
    const Place allocation = allocation_of(shell, buffer_);
    whole = replaced_at(shell, allocation, static_cast<const Allocate*>(allocation.node)->body);
    const Program without = ProgramNode::make("", {}, whole);
    const LoopPlace loop = find_loop(without, this->loop().var);
    whole = replaced_at(without, loop, Allocate::make(fresh, Stmt(loop.node)));
    const Program rolled = step_.with_body(without_prefetches(whole, buffer_));
    // Turns of loops below had memory of their own if the allocation stood in them; now they share the
    // circle.
    require_turns_apart(step_, rolled, loops_below());
    return {rolled, {}, {{buffer_, fresh}}};
  }

 private:
  const For& loop() const { return loop_.loop(); }
  const std::string& loop_name() const { return loop().var->name; }
  const std::string& buffer_name() const { return buffer_->name; }
  std::size_t depth() const { return loop_.loops().size() + 1; }

  bool is_inside(const Access& access) const {
    return access.loops.size() >= depth() && access.loops[depth() - 1] == &loop();
  }

  std::vector<const For*> loops_below() const {
    std::vector<const For*> loops;
    for (const std::vector<const Access*>* uses : {&writes_, &reads_})
      for (const Access* access : *uses)
        for (std::size_t i = depth(); i < access->loops.size(); ++i)
          if (std::find(loops.begin(), loops.end(), access->loops[i]) == loops.end())
            loops.push_back(access->loops[i]);
    return loops;
  }

  void sort_accesses() {
    if (is_parameter(step_.program(), buffer_))
      step_.refuse(
          nullptr,
          "buffer {} belongs to the caller, who sees all of it; only a buffer inside the program can roll",
          buffer_name());
    if (!buffer_->strides.empty() || buffer_->lane_map)
      step_.refuse(nullptr, "buffer {} has a layout of its own; only a plain buffer can roll", buffer_name());
    for (const Access& access : accesses_) {
      if (!access.buffer.same_as(buffer_)) continue;
      if (!is_inside(access))
        step_.refuse(access.unit,
                     "block {} uses buffer {} outside of loop {}; all of its uses must be in the loop "
                     "(compute_at moves "
                     "its producer there)",
                     access.unit ? access.unit->name.text : "?", buffer_name(), loop_name());
      const bool plain =
          access.unit && (access.node->kind == Kind::kLoad || access.node->kind == Kind::kStore);
      if (!plain)
        step_.refuse(access.unit,
                     "buffer {} is used by {}; only reads and writes of elements can go in a circle",
                     buffer_name(), kind_name(access.node->kind));
      if (access.write) {
        if (writer_ && writer_ != access.unit)
          step_.refuse(access.unit,
                       "buffer {} is written by blocks {} and {}; only a buffer with one writer can roll",
                       buffer_name(), writer_->name.text, access.unit->name.text);
        writer_ = access.unit;
        writes_.push_back(&access);
      }
    }
    if (!writer_) step_.refuse(loop_.node, "nothing in loop {} writes buffer {}", loop_name(), buffer_name());
    if (is_compound(*writer_))
      step_.refuse(writer_,
                   "block {} holds the blocks that write buffer {}; let the buffer roll before blockize",
                   writer_->name.text, buffer_name());
    for (const Access& access : accesses_)
      if (access.buffer.same_as(buffer_) && !access.write && access.unit != writer_)
        reads_.push_back(&access);
    if (reads_.empty())
      step_.refuse(loop_.node, "nothing in loop {} reads buffer {}", loop_name(), buffer_name());
    bool written = false;
    for (const Access& access : accesses_) {
      written |= &access == writes_.front();
      if (!written && &access == reads_.front())
        step_.refuse(access.unit, "block {} reads buffer {} before block {} computes it",
                     access.unit->name.text, buffer_name(), writer_->name.text);
    }
  }

  /// A block whose elements are the same in whichever turn they are computed, and so are its inputs.
  void require_repeatable(const Block& block, std::vector<const Block*> below) {
    below.push_back(&block);
    const auto refuse = [&](const std::string& why) {
      step_.refuse(&block,
                   "block {} {}, so what it computed in an earlier turn of loop {} cannot stand for what it "
                   "would compute "
                   "now",
                   block.name.text, why, loop_name());
    };
    for (const BlockAxis& axis : block.axes)
      if (axis.axis_kind == AxisKind::kOrdered) refuse("has the ordered axis " + axis.var->name.text);
    if (block.reducer && !block.init) refuse("adds to what another block has set");
    for (const Region& read : block.reads) {
      for (const Region& write : block.writes)
        if (read.buffer.same_as(write.buffer))
          refuse("updates buffer " + read.buffer->name.text + " in place");
      const Block* source = nullptr;
      for (const Access& access : accesses_) {
        if (!access.write || !access.buffer.same_as(read.buffer) || !is_inside(access)) continue;
        if (!access.unit || (source && source != access.unit))
          refuse("reads buffer " + read.buffer->name.text + ", which several blocks change");
        source = access.unit;
      }
      if (!source) continue;
      if (std::find(below.begin(), below.end(), source) != below.end())
        refuse("reads buffer " + read.buffer->name.text + ", which depends on what it computes");
      require_repeatable(*source, below);
    }
  }

  /// No turn leaves out rows that the next one would look for.
  void require_every_turn() {
    Context inside = context_;
    for (std::size_t i = depth(); i < writes_.front()->loops.size(); ++i)
      inside.bind(writes_.front()->loops[i]->var, 0, writes_.front()->loops[i]->extent);
    for (const Expr& condition : conditions_beyond_domain(*writer_, inside))
      if (uses_var(condition, loop().var))
        step_.refuse(
            writer_,
            "block {} runs where {} alone, so some turns of loop {} leave out rows that the next ones "
            "would look for; roll this buffer first",
            writer_->name.text, to_text(condition), loop_name());
  }

  bool moves(const Span& span) const {
    return uses_var(span.min, loop().var) || uses_var(span.extent, loop().var);
  }

  bool access_moves(const Access& access, std::size_t d) const {
    if (uses_var(access.box[d].min, loop().var)) return true;
    for (std::size_t i = depth(); i < access.loops.size(); ++i)
      if (uses_var(access.loops[i]->extent, loop().var)) return true;
    return false;
  }

  void find_rows() {
    const std::vector<Span> written = touched_box(writes_, depth()), read = touched_box(reads_, depth());
    int moving = -1;
    for (std::size_t d = 0; d < written.size(); ++d) {
      if (!written[d] && access_moves(*writes_.front(), d))
        step_.refuse(
            writer_,
            "what block {} writes in dimension {} of buffer {} in one turn of loop {} cannot be told",
            writer_->name.text, d, buffer_name(), loop_name());
      if (!written[d]) continue;
      require_covered(written[d], read[d], d);
      if (!moves(written[d])) continue;
      if (moving >= 0)
        step_.refuse(writer_, "dimensions {} and {} of buffer {} both move with loop {}; only one can roll",
                     moving, d, buffer_name(), loop_name());
      moving = static_cast<int>(d);
    }
    if (moving < 0 && prove(le(loop().extent, 1), context_)) return;  // one turn: nothing to keep
    if (moving < 0)
      step_.refuse(writer_,
                   "every turn of loop {} computes the same elements of buffer {}; compute the block outside "
                   "of the loop",
                   loop_name(), buffer_name());
    dim_ = static_cast<std::size_t>(moving);
    first_ = written[dim_].min;
    rows_ = written[dim_].extent;
    require_steady();
    require_own_rows();
    require_uncut_rows();
  }

  /// The window is as long as the loops over its rows say: no condition ends it before.
  void require_uncut_rows() {
    const Access& write = *writes_.front();
    Context inside = context_;
    for (std::size_t i = depth(); i < write.loops.size(); ++i)
      inside.bind(write.loops[i]->var, 0, write.loops[i]->extent);
    for (const Expr& condition : conditions_beyond_domain(*writer_, inside))
      for (std::size_t i = depth(); i < write.loops.size(); ++i)
        if (uses_var(condition, write.loops[i]->var) && uses_var(write.box[dim_].min, write.loops[i]->var))
          step_.refuse(
              writer_,
              "block {} runs where {} alone, and its loops say that a turn of loop {} computes more rows "
              "than that; let the buffer roll before they are split",
              writer_->name.text, to_text(condition), loop_name());
  }

  void require_covered(const Span& written, const Span& read, std::size_t d) {
    const Expr& size = buffer_->shape[d];
    const Expr end = written.min + written.extent;
    const bool begins =
        prove(le(written.min, 0), context_) || (read && prove(le(written.min, read.min), context_));
    const bool ends =
        prove(ge(end, size), context_) || (read && prove(le(read.min + read.extent, end), context_));
    if (begins && ends) return;
    const std::string found =
        read ? fmt::format("{} elements from {}", to_text(read.extent), to_text(read.min))
             : "elements that cannot be told";
    step_.refuse(
        reads_.front()->unit,
        "in dimension {} of buffer {} a turn of loop {} reads {}, and computes {} from {}; it must compute "
        "all that it reads (compute_at does that)",
        d, buffer_name(), loop_name(), found, to_text(written.extent), to_text(written.min));
  }

  /// Rows move on by one step every turn, and some stay.
  void require_steady() {
    for (const Var& var : free_vars(rows_))
      if (context_.range_of(&*var))
        step_.refuse(writer_,
                     "the number of rows that a turn of loop {} computes, {}, differs from turn to turn; the "
                     "circle needs a "
                     "fixed size",
                     loop_name(), to_text(rows_));
    const VarMap next{{&*loop().var, loop().var + 1}};
    step_rows_ = simplify(substitute(first_, next) - first_, context_);
    if (uses_var(step_rows_, loop().var) || !prove(ge(step_rows_, 1), context_))
      step_.refuse(writer_,
                   "the rows of buffer {} begin at {} and move by {} a turn of loop {}; they must move on by "
                   "the same number every "
                   "turn",
                   buffer_name(), to_text(first_), to_text(step_rows_), loop_name());
    if (!prove(lt(step_rows_, rows_), context_))
      step_.refuse(writer_,
                   "a turn of loop {} reads {} rows of buffer {} and the next one begins {} later, so no row "
                   "is read again; "
                   "there is nothing to keep",
                   loop_name(), to_text(rows_), buffer_name(), to_text(step_rows_));
  }

  /// An instance of the writer belongs to one row, which follows only loops that no reader shares.
  void require_own_rows() {
    row_ = writes_.front()->box[dim_].min;
    for (const Access* write : writes_)
      if (!structural_equal(write->box[dim_].min, row_) || !is_int(write->box[dim_].extent, 1))
        step_.refuse(writer_, "an instance of block {} writes several rows of buffer {}", writer_->name.text,
                     buffer_name());
    const std::vector<const For*>& loops = writes_.front()->loops;
    for (std::size_t i = depth(); i < loops.size(); ++i)
      for (const Access* read : reads_)
        if (i < read->loops.size() && read->loops[i] == loops[i] && uses_var(row_, loops[i]->var))
          step_.refuse(loops[i],
                       "the rows that block {} computes follow loop {}, which is around its reader too; make "
                       "that the loop "
                       "that rolls",
                       writer_->name.text, loops[i]->var->name.text);
  }

  Stmt ordered_loop(const Buffer& fresh) {
    Context inside = context_;
    for (std::size_t i = depth(); i < writes_.front()->loops.size(); ++i)
      inside.bind(writes_.front()->loops[i]->var, 0, writes_.front()->loops[i]->extent);
    const Expr is_new = simplify(ge(row_, first_ + rows_ - step_rows_), inside);
    const Expr condition = logical_or(eq(loop().var, 0), is_new);
    ToCircle to_circle(buffer_, fresh, dim_);
    const Stmt rolled = map_blocks(Stmt(&loop()), [&](const Block& block) -> Stmt {
      const auto uses = [&](const Region& r) { return r.buffer.same_as(buffer_); };
      if (std::none_of(block.reads.begin(), block.reads.end(), uses) &&
          std::none_of(block.writes.begin(), block.writes.end(), uses))
        return {};
      auto* copy = new Block(block);
      const Stmt owner(copy);
      if (&block == writer_)
        copy->predicate = block.predicate ? logical_and(block.predicate, condition) : condition;
      if (block.init) copy->init = to_circle.mutate(block.init);
      copy->body = to_circle.mutate(block.body);
      return with_inferred_regions(*copy);
    });
    auto* ordered = new For(*as<For>(rolled));
    ordered->ordered = true;
    return Stmt(ordered);
  }

  const Step& step_;
  Buffer buffer_;
  LoopPlace loop_;
  std::vector<Access> accesses_;
  Context context_;  // in a turn of the loop
  const Block* writer_ = nullptr;
  std::vector<const Access*> writes_, reads_;
  std::size_t dim_ = 0;  // the dimension that rolls
  Expr first_, rows_;    // rows that a turn reads; null when there is one turn
  Expr step_rows_;       // how far they move on
  Expr row_;             // of an instance of the writer
};

Outcome rolling_buffer(const Step& step) {
  return RollingBuffer(step).apply();
}

const Registration registration{{
    .name = "rolling_buffer",
    .summary = "Keeps the rows of a buffer that the next turn of a loop still reads.",
    .doc = R"(    for i in 62:                                        alloc T[3, 64]
      alloc T[64, 64]                                   for i in ordered(62):
      for y in 3:                                         for y in 3:
        for x in 64:                                        for x in 64:
          block B(vy = i + y, vx = x):             =>         block B(vy = i + y, vx = x) if i == 0 || 2 <= y:
            T[vy, vx] = A[vy, vx] * 2                           T[vy % 3, vx] = A[vy, vx] * 2
      for x in 64:                                        for x in 64:
        block C(vy = i, vx = x):                            block C(vy = i, vx = x):
          D[vy, vx] = T[vy, vx] + T[vy + 2, vx]               D[vy, vx] = T[vy % 3, vx] + T[(vy + 2) % 3, vx]

For a buffer whose producer stands in the loop of its readers (compute_at). It gets as many rows as a turn reads, used in a
circle; every turn but the first computes the new rows alone. The loop becomes ordered. All uses of the buffer are in the
loop, one block writes it and would compute the same again, and its rows move on by the same step every turn.)",
    .args = {{"buffer", ArgKind::kBuffer, "A buffer that is used in the loop alone."},
             {"loop", ArgKind::kLoop, "A serial loop; its turns keep rows for the next."}},
    .example = R"(>>> T = te.compute((10, 8), lambda i, j: i + j, name="T")
>>> s = tw.Schedule(te.compute((8, 8), lambda i, j: T[i, j] + T[i + 2, j], name="U"))
>>> row = s.loops("U")[0]
>>> s.compute_at(s.block("T"), row)
>>> s.rolling_buffer("T", row)
>>> "% 3" in str(s)
True)",
    .apply = rolling_buffer,
}};

}  // namespace
}  // namespace tw::schedule
