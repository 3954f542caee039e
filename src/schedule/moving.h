// Moving a block under a loop of other blocks: what compute_at and reverse_compute_at share.
//
// A move takes the block out of its loops and puts it into the body of a loop, in new loops over the part of
// its domain that a turn of that loop asks for. Loops around both stay around both: within one turn of them
// the block only goes past the statements between its old and its new place.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "ir/analysis/accesses.h"
#include "ir/analysis/iter_map.h"
#include "schedule/blocks.h"
#include "schedule/spans.h"

namespace tw::schedule {

/// A block and the loop that it is to stand in.
struct Move {
  BlockPlace block;
  std::optional<BlockPlace> init;  // that moves along: it sets what the block adds to
  LoopPlace loop;
  std::size_t common = 0;        // loops around both
  std::vector<Access> accesses;  // of the whole program, in the order of the text
  std::vector<std::size_t> own;  // which of them are the block's, and its init's
  std::size_t depth() const { return loop.loops().size() + 1; }  // loops around what stands in the loop

  bool is_own(const Access& access) const {
    return access.unit == &block.block() || (init && access.unit == &init->block());
  }
  bool is_inside(const Access& access) const;  // in a turn of the loop
  /// Where the block's accesses, and those inside the loop, begin and end in `accesses`.
  std::size_t block_begin() const { return own.front(); }
  std::size_t loop_begin() const;
  std::size_t loop_end() const;
};

/// Checks what every move needs: the block does not stand in the loop, or the loop in the block's; no
/// condition stands around it alone; no buffer that it uses lives only around its old place. The same for an
/// init that moves along, which shares the loops around both places.
Move plan_move(const Step& step, const BlockPlace& block, const LoopPlace& loop,
               const std::optional<BlockPlace>& init = {});

/// Whether the binding follows loops around both places alone, so that it stays as it is.
bool keeps_binding(const Move& move, const BlockAxis& axis);

/// Refuses ordered axes that do not keep their bindings.
void require_no_order(const Step& step, const Move& move);

/// How the turns of the loops around a block run through its domain. The first `common` of them, where no
/// axis follows them, repeat the block and say nothing.
class DomainCover {
 public:
  DomainCover(const BlockPlace& place, std::size_t common);
  Verdict reaches_all() const;
  Verdict reaches_each_once() const;

 private:
  IterMapResult map_;
  std::vector<Expr> extents_;
  Context context_;
};

/// Whether the two may touch a common element in one turn of the loops around both places.
bool may_meet(const Move& move, const Access& a, const Access& b);

/// The parts of the block's predicate that do more than keep its axes in their extents: they leave out
/// instances that would be legal. The context knows the loops around.
std::vector<Expr> conditions_beyond_domain(const Block& block, Context context);

/// The block in new loops over spans of its axes, to stand where the context holds. Null spans: the whole
/// domain; axes for which `keeps` holds keep their bindings. What a span has beyond the domain is left out by
/// a condition, which takes the place of the block's predicate.
Stmt nest_over(const Block& block, const std::vector<Span>& spans,
               const std::function<bool(const BlockAxis&)>& keeps, Context context);
/// The same for the block that moves, in the loop.
Stmt nest_over(const Move& move, const std::vector<Span>& spans);

/// The loop of the move with a nest before the statement in which a block stands.
Stmt with_nest_before(const Step& step, const Move& move, const StmtNode* reader, const Stmt& nest);

/// The body of the program with the block, and its init, gone from their places and `fresh` in the place of
/// the loop.
Stmt body_of_move(const Step& step, const Move& move, const Stmt& fresh);

/// The body with the allocation of the buffer as far inside as all its uses stand together, through loops
/// that may be crossed: those in whose turns nothing is read that another turn wrote. As it was if the buffer
/// is not allocated.
Stmt sink_allocation(const Stmt& body, const Buffer& buffer,
                     const std::function<bool(const For&)>& may_cross);

/// The accesses for which the test holds, one of those alike: of one block, in the same loops, of the same
/// elements.
std::vector<const Access*> distinct_accesses(const std::vector<Access>& accesses,
                                             const std::function<bool(const Access&)>& test);

/// Whether turns of the loop, which stands around all accesses of the buffer, leave each other nothing in it.
bool keeps_to_its_turn(const Stmt& body, const Buffer& buffer, const For& loop);

/// Refuses a program in which one of the loops is parallel, vectorised or bound, and has turns that meet.
void require_turns_apart(const Step& step, const Program& moved, const std::vector<const For*>& loops);

/// The loops around what stands in the loop of the move.
std::vector<const For*> loops_around(const Move& move);

}  // namespace tw::schedule
