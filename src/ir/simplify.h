// Simpler expressions and programs of equal value.
//
// The rules are tables of text, one for each operator (simplify_rules.cpp), over a canonical form for index
// arithmetic. Idempotent. Float arithmetic keeps every bit: only what IEEE guarantees is rewritten.
#pragma once

#include "ir/context.h"
#include "ir/program.h"

namespace tw {

/// An expression of equal value wherever the context holds; index expressions may assume that none overflows.
Expr simplify(const Expr& e, const Context& context = {});

/// The same program with expressions simplified where they stand, branches and loops that never run removed.
Stmt simplify(const Stmt& s, const Context& context = {});
Program simplify(const Program& p);

}  // namespace tw
