// The registry of schedule primitives: each is one file under primitives/, which registers its name,
// arguments, documentation and function. Python methods, replay, the trace format and the reference page
// derive from the registry.
//
// A primitive is a function of the program and its arguments. It checks everything first, with `refuse` for
// what is illegal, builds the new piece of tree, and returns the new program with the loops, blocks and
// buffers that it made. Programs are immutable, so a refused step leaves the schedule as it was. Loops that
// survive keep their variable, blocks their id: handles need no forwarding, except for buffers that are
// replaced (Outcome::replaced).
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ir/context.h"
#include "schedule/place.h"
#include "schedule/value.h"
#include "support/error.h"

namespace tw::schedule {

enum class ArgKind : uint8_t {
  kLoop,
  kLoops,  // a list of at least one loop
  kBlock,
  kBuffer,  // of the whole program
  kRead,    // a buffer that the step's block argument reads, given by name or position; kept as position
  kInt,
  kBool,
  kText,
  kExtent,   // an int or a Tunable
  kExtents,  // a list of ints, Tunables and at most one None
  kIndexMap,
  kAttr,     // an int, float or text
  kOptions,  // keyword arguments, the last of a primitive: a list of [name, value], sorted by name
};

/// What an argument of the kind is: "an int", for messages.
std::string article(ArgKind kind);
/// Whether a value is of the kind; names and texts that stand for something else have been resolved before.
bool fits(ArgKind kind, const Value& value);

struct ArgSpec {
  std::string name;
  ArgKind kind;
  std::string doc;
  Value default_value = {};  // None with `required` false: may be left out
  bool required = true;
};

class Step;

/// What a step made of the program.
struct Outcome {
  Program program;
  /// New things the step gives, in the documented order: a loop's variable, a block's id, a buffer, or a list
  /// of them.
  struct Result;
  struct Result : std::variant<Var, BlockId, Buffer, std::vector<Result>> {
    using variant::variant;
  };
  std::vector<Result> results;
  std::vector<std::pair<Buffer, Buffer>> replaced;  // buffers whose handles now mean another buffer
  std::string intrinsic = {};                       // that the program now calls; empty: none
};

struct Primitive {
  std::string name;
  std::string summary;  // one line
  std::string doc;      // before and after, preconditions, what is not checked
  std::vector<ArgSpec> args;
  bool variadic = false;  // the last argument, a list, may be written as separate arguments: reorder(a, b, c)
  // Blocks that hold blocks (blockize) are refused as arguments, and what stands in them too, unless the
  // primitive says that it knows of them.
  bool inside_blocks = false;    // its loops may stand in a block
  bool compound_blocks = false;  // its block may hold others
  std::vector<std::string> results;
  std::string
      example;  // Python that a test runs, over `s`, a schedule of a matrix product C with loops i, j, k
  std::function<Outcome(const Step&)> apply;
};

/// Registers at start-up: `const Registration registration{{.name = …}};`.
struct Registration {
  explicit Registration(Primitive primitive);
};

/// All primitives by name, sorted.
const std::vector<const Primitive*>& primitives();
/// Null when there is none.
const Primitive* find_primitive(const std::string& name);

/// What handles mean at this step.
struct HandleLookup {
  std::function<Var(LoopRef)> loop;
  std::function<int64_t(BlockRef)> block;
  std::function<Buffer(BufferRef)> buffer;
  std::function<std::string(const Value&)> name;
};

/// One call of a primitive: the program before, the arguments, and the way to refuse.
class Step {
 public:
  Step(const Primitive& primitive, const Program& program, std::vector<Value> args, int64_t next_block,
       HandleLookup lookup);

  const Program& program() const { return program_; }
  const Primitive& primitive() const { return primitive_; }

  // Arguments by position; each is of the kind that the specification says.
  LoopPlace loop(int arg) const;
  std::vector<LoopPlace> loops(int arg) const;
  BlockPlace block(int arg) const;
  Buffer buffer(int arg) const;
  int64_t integer(int arg) const;
  bool flag(int arg) const;
  /// The value of a keyword among the options; null when it was not given.
  const Value* option(int arg, const std::string& name) const;
  const std::string& text(int arg) const;
  const IndexMap& index_map(int arg) const;
  const Value& value(int arg) const { return args_[static_cast<std::size_t>(arg)]; }

  /// An extent as an expression: a constant, or the variable of a parameter, which joins the program if it is
  /// new.
  Expr extent(const Value& value) const;
  /// The program with this body and the parameters that `extent` has added. Blocks that hold blocks get their
  /// regions, and those inside of them, inferred anew.
  Program with_body(Stmt body) const;

  /// A number for a new block; each call gives another.
  BlockId new_block_id() const { return BlockId{next_block_++}; }
  int64_t next_block() const { return next_block_; }

  /// Raises a value error: the primitive and its arguments, why not and how to mend it, and the program with
  /// the place marked (null: none).
  template <class... Args>
  [[noreturn]] void refuse(const Node* place, fmt::format_string<Args...> reason, Args&&... args) const {
    refuse_text(place, fmt::format(reason, std::forward<Args>(args)...));
  }

 private:
  [[noreturn]] void refuse_text(const Node* place, const std::string& reason) const;
  LoopPlace loop_of(const Value& value) const;
  void require_open(const Place& place, const char* kind, const std::string& name) const;
  std::string call_text() const;
  const Primitive& primitive_;
  const Program& program_;
  std::vector<Value> args_;
  mutable int64_t next_block_;
  HandleLookup lookup_;
  mutable std::vector<Param> new_tunables_;
};

}  // namespace tw::schedule
