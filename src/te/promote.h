// Which dtype an operation on mixed dtypes has: NumPy 2 (NEP 50), extended to bfloat16 and index.
//
// bfloat16 follows ml_dtypes: with bool, int8 and uint8 it stays bfloat16; it has 8 bits of significand, so
// wider integers give what they give with float16 (16 bits: float32, 32 and 64: float64) as NumPy does for
// float16; with float32 and float64 it gives those. bfloat16 with float16 gives float32, as neither holds the
// other.
//
// `index` is the type of loop variables and sizes. With an index or a weak bool or int it stays index; when
// it meets data or becomes data it is int64.
#pragma once

#include <string>
#include <utility>

#include "te/value.h"

namespace tw::te {

/// The dtype of a op b for scalar types: numpy.result_type of two arrays. index with index is index; index
/// with another is int64 with it.
DType promote(DType a, DType b);

/// The dtype of an array of type `a` with a plain number: the array's, unless the number is of a higher kind
/// (bool with int: int64; bool or integer with float: float64; index with float: float64).
DType promote(DType a, Weak::Kind kind);

/// The dtype that a plain number has alone: bool, int64, float64.
DType default_dtype(Weak::Kind kind);

/// The dtype in which a function of real numbers (exp, sqrt) of this dtype is computed: floats keep theirs;
/// bool, int8 and uint8 give float16, 16 bits float32, wider integers float64.
DType float_for(DType type);

/// The expression in another type, as Cast means it; constants fold.
Expr convert(DType type, const Expr& e);

/// A constant of the type. A value error if an int does not fit an integer type; `what` begins the message. A
/// float for an integer or bool type is a type error; an int for bool too.
Expr to_constant(const Weak& weak, DType type, const std::string& what);

/// The value as data of its own dtype: a weak number takes its default dtype, an index becomes int64.
Expr to_data(const Value& value);

/// The value as data of exactly this type: weak numbers take it (errors of `to_constant`), other expressions
/// must have it (index: may be cast to int64); otherwise a type error that begins with `what` and names
/// astype.
Expr to_data(const Value& value, DType type, const std::string& what);

/// The value as a subscript or an extent: index as it is, an integer cast to index. A type error that begins
/// with `what` for bool and floats.
Expr to_index(const Value& value, const std::string& what);

/// The value as a condition: of type bool. A type error that begins with `what` for others, naming the
/// comparison.
Expr to_condition(const Value& value, const std::string& what);

/// Both sides in the dtype that `promote` gives; two weak numbers take the default dtype of the higher kind.
/// `what` names the operator in errors.
std::pair<Expr, Expr> promote_operands(const Value& a, const Value& b, const std::string& what);

}  // namespace tw::te
