// Operators and functions of values. Names and dtype rules are NumPy's.
//
// Two loop variables or sizes (type index) combine to an index wherever that is exact integer arithmetic, so
// that subscripts stay analysable. Every function raises a type error that names the operator, the dtypes
// found and the mend for dtypes it does not take.
#pragma once

#include <vector>

#include "te/promote.h"

namespace tw::te {

// Arithmetic. For two bools: + is "or", * is "and", - is a type error; //, %, ** and shifts are done in int8.
Expr add(const Value& a, const Value& b);
Expr subtract(const Value& a, const Value& b);
Expr multiply(const Value& a, const Value& b);
/// True division: integers and bools give float64.
Expr divide(const Value& a, const Value& b);
/// Rounds towards minus infinity. An integer divided by zero gives 0.
Expr floor_divide(const Value& a, const Value& b);
/// Has the sign of the divisor; an integer modulo zero gives 0.
Expr remainder(const Value& a, const Value& b);
/// Integers wrap. An integer to a negative constant is a value error, as in NumPy; to a negative value it is
/// the reciprocal truncated.
Expr power(const Value& a, const Value& b);
Expr negative(const Value& a);  // bool: a type error

// Comparisons give bool. int64 against uint64 compares exactly; so does an integer against any plain int.
Expr equal(const Value& a, const Value& b);
Expr not_equal(const Value& a, const Value& b);
Expr less(const Value& a, const Value& b);
Expr less_equal(const Value& a, const Value& b);
Expr greater(const Value& a, const Value& b);
Expr greater_equal(const Value& a, const Value& b);

// Logic of conditions; operands that are not bool are compared with zero. Both sides are evaluated: a read
// that only one side makes safe needs `where`.
Expr logical_and(const Value& a, const Value& b);
Expr logical_or(const Value& a, const Value& b);
Expr logical_not(const Value& a);

// Bits of integers; of bools they are the logical operators (shifts of bools are done in int8).
Expr bitwise_and(const Value& a, const Value& b);
Expr bitwise_or(const Value& a, const Value& b);
Expr bitwise_xor(const Value& a, const Value& b);
Expr invert(const Value& a);
Expr left_shift(const Value& a, const Value& b);   // by at least the width, or by a negative number: 0
Expr right_shift(const Value& a, const Value& b);  // arithmetic for signed types

/// The greater; NaN if either is. Of bools: "or".
Expr maximum(const Value& a, const Value& b);
/// The lesser; NaN if either is. Of bools: "and".
Expr minimum(const Value& a, const Value& b);

/// `on_true` where `condition` (bool) holds, else `on_false`, in their common dtype. Only the branch taken is
/// evaluated: reads in the other may be out of range.
Expr where(const Value& condition, const Value& on_true, const Value& on_false);

// Functions of real numbers: integers are computed in the type of `float_for`.
Expr exp(const Value& x);
Expr log(const Value& x);
Expr sqrt(const Value& x);
Expr rsqrt(const Value& x);  // 1 / sqrt(x)
Expr tanh(const Value& x);
Expr erf(const Value& x);
Expr sigmoid(const Value& x);  // 1 / (1 + exp(-x))
Expr sin(const Value& x);
Expr cos(const Value& x);

// Integers and bools keep their dtype.
Expr abs(const Value& x);  // the smallest signed integer wraps to itself
Expr floor(const Value& x);
Expr ceil(const Value& x);
Expr round(const Value& x);  // half to even; of bool float16, as in NumPy

/// The value in another dtype: integers wrap, floats round to nearest even, floats become integers by
/// truncation and saturate with NaN giving 0, bool is "not zero". `type` may be index for an integer.
Expr astype(const Value& x, DType type);

/// A constant of a given dtype, with the errors of `to_constant`.
Expr constant(const Weak& value, DType type);

}  // namespace tw::te
