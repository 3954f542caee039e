// What one instance of a statement computes, in operations and in instructions.
#pragma once

#include "ir/program.h"

namespace tw::autotune {

/// Arithmetic of one instance. Subscripts are not counted: their arithmetic leaves the loops.
struct Work {
  double operations = 0;     // a multiply-add counts as 2, a function as one
  double instructions = 0;   // that pass through the arithmetic units, divisions and functions left out
  double multiply_adds = 0;  // products that are added to something: among the instructions, each one
  double divisions = 0;      // and square roots
  double functions = 0;      // exponentials and their like
  double function_cost = 0;  // instructions of all functions together
  bool conditional = false;  // a branch or a mask decides what is read
  DType dtype = kFloat32;    // that most operations are of
  double wide = 0;           // bytes of the widest type that it computes in
};

/// Of a stored value.
Work work_of(const Expr& value);

/// Of a tensor intrinsic: what its meaning computes, as `instructions` vector instructions.
Work work_of_intrinsic(const std::string& name, double vector_bytes);

}  // namespace tw::autotune
