// The registry of tensor intrinsics: what a machine does to boxes of elements with one instruction or a few.
//
// An intrinsic is declared as a tensor expression, its meaning, which the interpreter runs and which
// `tensorize` matches loop nests against; and as data by which code generators bring it about, one
// implementation for each kind of machine. What all implementations need of the operands (where they lie, how
// far elements are apart, which lane of a warp holds what) stands with the operands, so that a program which
// calls an intrinsic can always be compiled on a machine that has one of its implementations.
//
// Families under intrinsics/ register themselves, one file each: "outer_f32_{m}x{n}" is an intrinsic for
// every pair of sizes, made when its name is first asked for. `declare_intrinsic` adds a single one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "schedule/value.h"
#include "te/tensor.h"

namespace tw::schedule {

/// How far elements that follow each other in a dimension are apart, in elements.
struct StrideDemand {
  int64_t exactly = 0;      // 0: any
  int64_t multiple_of = 1;  // of those that are not fixed
  bool operator==(const StrideDemand&) const = default;
};

/// What is needed of the box that a call gives for a parameter.
struct OperandDemand {
  std::vector<Scope> scopes;          // where it may lie; empty: anywhere but in fragments
  std::vector<StrideDemand> strides;  // one for each dimension of the parameter; empty: any
  int64_t alignment = 1;              // of its first element, in bytes
  /// Which lane of the warp holds which element, over the parameter's subscripts. The scope is then fragment.
  std::optional<LaneMap> lane_map;
};

/// Registers of one thread that hold elements of an operand.
struct RegisterOperand {
  int operand = 0;    // position among the parameters of the meaning
  std::string type;   // of a register, as the instruction spells it: "<32 x bfloat>", "b32"
  int registers = 1;  // how many
  int elements = 1;   // of the operand in each
  /// Which element stands where: (register, element) to the operand's subscripts, or (lane, register,
  /// element) for what a warp does together. An element may stand in several places: a broadcast.
  IndexMap place;
  bool is_address = false;  // the registers hold the addresses of those elements
};

/// One machine instruction. LLVM: result = call name(arguments…). PTX: name {result}, {arguments}, …;
struct Instruction {
  std::string name;                        // "llvm.x86.avx512.vpdpbusd.512", "mma.sync.aligned.m16n8k16…"
  RegisterOperand result;                  // of the operand that is written
  std::vector<RegisterOperand> arguments;  // in the order in which the instruction takes them
};

/// How a kind of code generator does it.
struct Implementation {
  std::string target;  // "llvm", "cuda", …
  std::vector<std::string>
      features;  // all needed: names of CPU features ("avx512bf16"), or "sm_80" and above
  /// Needed of operands beyond what the intrinsic needs; empty: nothing. Who generates code takes the first
  /// implementation whose features and needs are met.
  std::vector<OperandDemand> operands;
  /// An instruction, or a loop program of the meaning's parameters, with vectors and lanes written out, that
  /// is generated in place.
  std::variant<Instruction, Program> code;
  int registers = 0;  // vector registers that it keeps busy, operands in memory left out; 0: not said
};

/// How results differ from those of the meaning.
struct Numerics {
  /// Rounds as the meaning does, but for the freedoms that every schedule has: a * b + c in one rounding, and
  /// the order of a declared reduction.
  bool exact = true;
  /// What is lost beyond that: error_per_term * n * eps * (sum of |terms|), n the number of terms, eps half a
  /// unit in the last place of 1 in the accumulating type.
  double error_per_term = 0;
  std::string error;       // the bound in words, with what the formula leaves out
  std::string non_finite;  // what becomes of infinities, NaN, overflow and subnormal numbers
};

/// The one block of the meaning, as `tensorize` matches it.
struct IntrinsicPattern {
  std::vector<BlockAxis> axes;   // constant extents; bindings are the variables themselves
  Ref<Store> store;              // over the axes' variables and the parameters of the meaning
  Reducer reducer;               // null: none
  bool sets_first = false;       // a reduction that begins anew, from the reducer's identity
  std::vector<Buffer> operands;  // the parameters of the meaning
  std::size_t written = 0;       // which of them the store writes
};

struct Intrinsic {
  std::string name;
  std::string summary;  // one line
  /// The meaning: one tensor of constant shape, computed from placeholders in one block.
  te::Tensor output;
  /// The first program of `output`; it may be given instead.
  Program expression;
  /// Whether the output is added to, as in C += A * B: the reduction goes on from what is there and does not
  /// begin anew. A value that is no reduction is added by a sum.
  bool accumulates = false;
  std::vector<OperandDemand> operands;  // in the order of the meaning's parameters; empty: none has any
  Numerics numerics;
  std::vector<Implementation> implementations;

  // What declaring it makes of these.
  Program meaning;  // placeholders in the order they were made, then the output: loops and stores, no block
  IntrinsicPattern pattern;

  /// Whether lanes of a warp compute it together: an operand is a fragment.
  bool is_of_warp() const;
};

/// The names of the parameters of the meaning, in order: placeholders, then the output.
std::vector<std::string> operand_names(const Intrinsic& intrinsic);

/// Adds an intrinsic. Value errors: a meaning that is no single block of constant extents, or whose
/// subscripts are not its axes; demands or implementations that do not fit the operands; a name that another
/// one has.
const Intrinsic& declare_intrinsic(Intrinsic intrinsic);

/// The declared one, or the member of a family; null when there is none.
const Intrinsic* find_intrinsic(const std::string& name);

/// Whether the name is that of a family's member, or would be: every process knows those.
bool is_of_family(const std::string& name);

/// Intrinsics that differ in sizes.
struct IntrinsicFamily {
  std::string name;  // "outer_f32_{m}x{n}": words in braces stand for positive integers; none: a single one
  std::string summary;               // one line
  std::vector<std::string> members;  // examples that lists show; empty: the name itself
  /// The member of these sizes; its name and summary are filled in. Raises a value error for sizes that none
  /// has.
  std::function<Intrinsic(const std::vector<int64_t>& sizes)> make;
};

/// Registers at start-up: `const IntrinsicRegistration registration{{.name = …}};`.
struct IntrinsicRegistration {
  explicit IntrinsicRegistration(IntrinsicFamily family);
};

/// One row of the list of what there is.
struct IntrinsicListing {
  std::string name, summary;
  std::vector<std::string> members;
};
/// Families and declared intrinsics, by name.
std::vector<IntrinsicListing> intrinsics();

/// A lane map from its text: "(i, j) -> (i % 8 * 4 + j // 2, i // 8 * 2 + j % 2)".
LaneMap parse_lane_map(const std::string& text);
/// Its text.
std::string to_text(const LaneMap& map);

}  // namespace tw::schedule
