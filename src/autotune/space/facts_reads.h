// What an expression reads and how much it computes: the ground of facts.h.
#pragma once

#include <vector>

#include "autotune/space/sketch.h"
#include "ir/visit.h"

namespace tw::autotune {

struct Reading {
  const Load* load;
  bool conditional;  // in a branch of a select: it may be out of range elsewhere
};

/// The reads of an expression in the order met, equal ones once; subscripts that read memory are not looked
/// into. They point into the expression.
std::vector<Reading> readings_of(const Expr& e);

/// Operations of arithmetic in one evaluation, subscripts apart: a transcendental function counts as 8;
/// casts, comparisons and choices as none.
double operations_of(const Expr& e);

/// Elements of a buffer.
int64_t elements_of(const Workload& workload, const Buffer& buffer);

}  // namespace tw::autotune
