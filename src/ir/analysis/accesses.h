// Every access to a buffer below a statement, with what surrounds it.
//
// The common ground of regions (regions.h) and dependences (dependence.h). Axes of blocks and values bound by
// Let are replaced by what they stand for, so that subscripts are expressions of loop variables and of what
// is free in the statement alone.
#pragma once

#include "ir/context.h"
#include "ir/program.h"

namespace tw {

/// One place that reads or writes elements of a buffer.
struct Access {
  Buffer buffer;
  std::vector<Range> box;  // the elements of one run; extent 1 in each dimension for a plain subscript
  bool write = false;
  bool atomic = false;            // of an atomic Store: its write, and the read of the element in its value
  bool init = false;              // stands in the init of `block`
  const Block* block = nullptr;   // the innermost block around it, if any is below the root
  const Block* unit = nullptr;    // the outermost one
  const Node* node = nullptr;     // the Load, Store, AsyncCopy or TensorCall
  std::vector<const For*> loops;  // around it, below the root, outermost first
  std::vector<Expr> guards;       // all hold whenever it runs: branches of If and Select, predicates
  std::vector<Expr> bindings;     // of the axes of `block`, over loop variables
};

/// In the order of execution: what a store reads before what it writes. A prefetch is no access.
std::vector<Access> collect_accesses(const Stmt& root);
/// The reads of an expression.
std::vector<Access> collect_accesses(const Expr& root);

/// Whether the value depends on the contents of a buffer.
bool is_data_dependent(const Expr& e);

/// Adds the ranges of the loops and the guards.
void enter(Context& context, const Access& access);

/// The parts of a conjunction.
std::vector<Expr> conjuncts(const Expr& condition);

}  // namespace tw
