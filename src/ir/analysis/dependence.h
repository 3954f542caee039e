// What must stay in order: dependences between the turns of a loop and between the blocks of a program.
//
// Two accesses of one buffer, one of them a write, are in conflict when they may touch one element. The test
// sets the subscripts equal and looks for a contradiction: subscripts become digits of loop variables
// (iter_map.h), digits that must be equal are told apart from those that may differ, and what is left is
// compared with its bounds and with the conditions under which either access runs. Scales, extents and sizes
// may be symbolic. It is sound: what is called independent is; what cannot be proved, subscripts that depend
// on data among it, is called a dependence.
#pragma once

#include <string>
#include <vector>

#include "ir/analysis/accesses.h"
#include "ir/program.h"

namespace tw {

/// How two accesses, or boxes, meet.
enum class Overlap {
  kNever,     // proved to have no element in common
  kPossible,  // neither is proved
  kAlways,    // proved to have one
};

/// Whether the accesses touch a common element, where the first `common` loops around both are in the same
/// turn and all others in any turn. Both stem from one call of collect_accesses.
Overlap overlap(const Access& a, const Access& b, std::size_t common, const Context& context = {});

/// Whether the accesses touch a common element in different turns of the loop number `loop` around both, in
/// the same turn of the loops outside of it.
Overlap overlap_across_turns(const Access& a, const Access& b, std::size_t loop, const Context& context = {});

enum class TurnOrder {
  kIndependent,  // any order, or at once
  kReduction,    // any order, one at a time: turns combine into the same elements by a declared reducer
  kCarried,      // only as they stand
};

/// What the turns of a loop are to each other.
struct LoopDependence {
  TurnOrder order = TurnOrder::kIndependent;
  bool atomic = false;  // of a reduction: every update is atomic, so turns may also run at once
  std::vector<const Block*> reductions;  // the blocks that combine
  std::vector<Buffer> buffers;           // in which turns meet
  std::string message;  // why: names the loop, the buffer and the accesses; empty when independent
};

/// Of a loop of the program. Buffers allocated inside the loop belong to one turn. A loop that is marked
/// ordered, or that feeds an ordered axis of a block, carries.
LoopDependence loop_dependence(const Program& program, const For* loop);

// X(Name, text): of a pair of accesses, in the order they run.
#define TW_DEPENDENCE_KINDS(X)                        \
  X(Flow, "flow")           /* writes, then reads */  \
  X(Anti, "anti")           /* reads, then writes */  \
  X(Output, "output")       /* writes, then writes */ \
  X(Reduction, "reduction") /* both combine into it by one reducer: any order */

enum class DependenceKind {
#define TW_KIND_ENTRY(Name, text) k##Name,
  TW_DEPENDENCE_KINDS(TW_KIND_ENTRY)
#undef TW_KIND_ENTRY
};
const char* to_string(DependenceKind kind);

struct BlockDependence {
  int from = 0, to = 0;  // indices into BlockGraph::blocks; `from` runs first
  Buffer buffer;
  DependenceKind kind = DependenceKind::kFlow;
  Overlap overlap = Overlap::kPossible;  // kNever: they share the buffer but no element
  bool carried = false;  // by a loop around both: `from` stands after `to` and runs in an earlier turn
};

/// A block that stands in no other block.
struct PlacedBlock {
  const Block* block = nullptr;
  std::vector<const StmtNode*> path;  // the statements around it, outermost first
};

struct BlockGraph {
  std::vector<PlacedBlock> blocks;  // as they stand in the program
  std::vector<BlockDependence> dependences;
};

/// The blocks and, for each pair that shares a buffer that one of them writes, how. Accesses outside of
/// blocks are not in the graph.
BlockGraph block_graph(const Program& program);
BlockGraph block_graph(const Stmt& scope, const Context& context = {});

}  // namespace tw
