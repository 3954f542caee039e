// Operators as functions of registers: one for each operator and type, instantiated from scalar.h.
#pragma once

#include "ir/interpret/lane_types.h"
#include "ir/ops.h"

namespace tw::interpreter {

/// A function of one or two registers (the second is ignored by functions of one).
using Operator = Slot (*)(Slot, Slot);

/// The operator on scalars of `type`; index counts as int64 (overflow is the caller's to check). Null: not
/// defined.
Operator find_operator(UnaryOp op, DType type);
Operator find_operator(BinaryOp op, DType type);
Operator find_operator(Intrinsic op, DType type);
Operator find_cast(DType to, DType from);

}  // namespace tw::interpreter
