// Partial results of a reduction (rfactor): the statements that compute and combine them.
#pragma once

#include <vector>

#include "ir/program.h"

namespace tw::schedule {

/// One component of a reduction: what it is stored to, where, and the buffer of its partial results.
struct Component {
  Buffer buffer, partial;
  std::vector<Expr> indices;
};

/// The statement with accesses of the results as accesses of the partial results: one more subscript, at a
/// position.
Stmt to_partial(const Stmt& s, const std::vector<Component>& components, std::size_t position,
                const Expr& index);

/// The statement with identities in the place of reads of partial results: what a single instance computes.
Stmt from_identity(const Stmt& s, const std::vector<Component>& components, const ReducerNode& reducer);

/// Combines the partial results of one turn into the results.
Stmt combining_body(const std::vector<Component>& components, std::size_t position, const Var& turn,
                    const ReducerNode& reducer);

}  // namespace tw::schedule
