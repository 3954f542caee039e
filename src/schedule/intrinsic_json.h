// Declarations of intrinsics as JSON, for traces and for the processes that measure: what a user's program
// declares is known there alone.
//
//   {"name": "fma_8", "summary": "", "accumulates": true,
//    "expression": "program v(b: in float32[8], b_1: in float32[8], b_2: out float32[8]): …",
//    "operands": [{}, {"strides": [1]}, {}],
//    "numerics": {"exact": true, "error_per_term": 0.0, "error": "", "non_finite": ""},
//    "implementations": [{"target": "llvm", "features": ["fma"], "program": "program …"}]}
//
// `expression` is the first program of the tensor that the intrinsic computes, with names that tell nothing:
// declarations that differ in names only are equal texts. Operands stand in the order of its parameters. An
// implementation has a `program`, or an `instruction` {"name", "result", "arguments"}, whose operands are
// {"operand": position, "type", "registers", "elements", "place", "is_address"}.
#pragma once

#include <map>
#include <string>

#include "schedule/intrinsic.h"

namespace tw::schedule {

/// The declaration of each intrinsic by its name.
using Declarations = std::map<std::string, std::string>;

std::string to_json(const Intrinsic& intrinsic);
/// To be declared. Errors: a value error for text that is no declaration.
Intrinsic intrinsic_from_json(const std::string& text);

/// Of the intrinsics that a program calls, those that every process has to be told of: members of families
/// are known everywhere.
Declarations declarations_in(const Program& program);
/// Of one intrinsic, if it is such; otherwise none.
Declarations declaration_of(const std::string& name);

/// Declares them. Errors: those of `declare_intrinsic`, such as another meaning of the same name.
void declare_all(const Declarations& declarations);
/// Declares those of names that have no declaration yet.
void declare_missing(const Declarations& declarations);
/// Why this process cannot stand in for the one that gave the declarations: an intrinsic that is not declared
/// here, or in another way; empty: it can. Summaries may differ.
std::string difference_from(const Declarations& declarations);

}  // namespace tw::schedule
