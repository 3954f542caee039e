// What the rules of `verify` see: a node, and what stands around it.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/verify.h"

namespace tw {

/// Where a variable in scope comes from.
enum class Origin {
  kSize,   // a parameter, or a Let over sizes alone: the same for the whole program
  kLoop,   // a loop, or a Let over what varies
  kAxis,   // an axis of a block
  kLocal,  // inside an expression or declaration: a reducer, a reduction, a lane map
};

struct VarInScope {
  Origin origin;
  const For* loop = nullptr;  // of a loop variable
  int blocks = 0;             // how many blocks stand around the introduction
};

/// The places of a program that a node stands inside of.
struct Surroundings {
  const ProgramNode* program = nullptr;
  std::unordered_map<const Variable*, VarInScope> vars;
  std::unordered_map<const BufferNode*, const Param*> buffers;  // null: allocated
  std::unordered_set<const Node*> introduced;  // variables and buffers met so far, in scope or not
  std::vector<const For*> loops;               // from the outermost
  std::vector<const Block*> blocks;
  std::vector<const Node*> path;  // all nodes around, from the outermost

  // Of the node itself.
  std::vector<const Variable*> introduces;
  std::vector<const BufferNode*> introduces_buffers, uses_buffers;
};

/// Takes what a rule finds.
class Report {
 public:
  Report(std::vector<Violation>& found, const char* rule) : found_(found), rule_(rule) {}
  void operator()(const Node& node, std::string message) {
    found_.push_back({rule_, std::move(message), &node});
  }

 private:
  std::vector<Violation>& found_;
  const char* rule_;
};

/// One row of the table. Rules look at well-formed nodes only; `check` is called on each node of the program.
struct VerifyRule {
  const char* name;
  std::vector<Stage> stages;
  const char* requires_that;
  void (*check)(const Node& node, const Surroundings& around, Report& report);
};

/// Every rule, in the order in which they are checked.
const std::vector<VerifyRule>& verify_rules();

// The rules, by what they are about.
namespace rules {
using Check = void(const Node& node, const Surroundings& around, Report& report);

// verify_names.cpp
Check variables_in_scope, buffers_in_scope, introduced_once, known_shapes, parameters, inputs_not_written;
// verify_blocks.cpp
Check closed_blocks, bindings, regions, init, reducer_body, axis_order;
// verify_loops.cpp
Check extents, index_loops, ordered_loops, gpu_indices, constant_extents, sequences;
// verify_stages.cpp
Check no_reductions, no_blocks, no_vectors, no_vector_loops, flat_buffers;
// verify_gpu.cpp
Check lane_maps, atomics, async_copies, tensor_calls;
}  // namespace rules

}  // namespace tw
