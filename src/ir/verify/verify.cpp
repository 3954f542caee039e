#include "ir/verify.h"

#include <algorithm>

#include "ir/text.h"
#include "ir/verify/verify_rules.h"
#include "ir/visit.h"
#include "ir/well_formed.h"
#include "support/error.h"

namespace tw {

const std::vector<VerifyRule>& verify_rules() {
  using enum Stage;
  static const std::vector<Stage> always = {kSchedule, kLowered, kFlat}, lowered = {kLowered, kFlat};
  static const std::vector<VerifyRule> table = {
      // Names.
      {"variables in scope", always, "a variable is used only below what introduces it",
       rules::variables_in_scope},
      {"buffers in scope", always, "a buffer is a parameter or allocated around its uses",
       rules::buffers_in_scope},
      {"introduced once", always, "no variable or buffer is introduced twice", rules::introduced_once},
      {"known shapes", always, "a size known from shapes is an extent, alone, of a later parameter",
       rules::known_shapes},
      {"parameters", always, "buffers of parameters are global; defaults lie in their bounds",
       rules::parameters},
      {"inputs not written", always, "nothing writes to an input or a constant", rules::inputs_not_written},
      // Blocks.
      {"closed blocks",
       {kSchedule},
       "inside, a block uses its own axes and sizes, no loop variable from around it",
       rules::closed_blocks},
      {"bindings", {kSchedule}, "bindings and predicates of blocks read no memory", rules::bindings},
      {"regions", {kSchedule}, "a block lists the buffers that it reads and writes", rules::regions},
      {"init", {kSchedule}, "a block with an init or a reducer has a reduction axis", rules::init},
      {"reducer body",
       {kSchedule},
       "the body of a block with a reducer combines what it writes with new values",
       rules::reducer_body},
      {"axis order",
       {kSchedule},
       "an ordered axis is bound to loops that keep their order",
       rules::axis_order},
      // Loops and sequences.
      {"extents", always, "extents read no memory: a Let does", rules::extents},
      {"index loops", {kSchedule}, "loops and axes have type index", rules::index_loops},
      {"ordered loops", always, "an ordered loop is serial or unrolled", rules::ordered_loops},
      {"gpu indices", always, "a GPU index is bound once in a nest, blocks outside of threads",
       rules::gpu_indices},
      {"constant extents", lowered, "vectorised and unrolled loops have constant extents",
       rules::constant_extents},
      {"sequences", always, "a sequence holds no sequence, and not just one statement", rules::sequences},
      // What a stage allows.
      {"no reductions", always, "reductions stand in tensor expressions only", rules::no_reductions},
      {"no blocks", lowered, "blocks are lowered", rules::no_blocks},
      {"no vectors", {kSchedule}, "vectors stand in lowered programs only", rules::no_vectors},
      {"no vector loops", {kFlat}, "vectors stand in place of vectorised loops", rules::no_vector_loops},
      {"flat buffers", {kFlat}, "buffers have one dimension and no strides", rules::flat_buffers},
      // What GPUs need.
      {"lane maps", always, "a fragment, and nothing else, has a lane map", rules::lane_maps},
      {"atomics", always, "an atomic store reads the element that it writes", rules::atomics},
      {"async copies", always, "asynchronous copies go from global to shared memory", rules::async_copies},
      {"tensor calls", always, "operands are those of the declared intrinsic", rules::tensor_calls},
  };
  return table;
}

namespace {

/// Walks a program with what stands around each node, and calls a function there.
class Walk : public Visitor {
 public:
  explicit Walk(std::function<void(const Node&, const Surroundings&)> f) : f_(std::move(f)) {}

 protected:
#define TW_ON(Struct)                    \
  void on(const Struct& node) override { \
    meet(node);                          \
    around_.path.push_back(&node);       \
    below(node);                         \
    around_.path.pop_back();             \
  }
  TW_ALL_NODES(TW_ON)
#undef TW_ON

 private:
  template <class T>
  void meet(const T& node) {
    around_.introduces.clear();
    around_.introduces_buffers.clear();
    around_.uses_buffers.clear();
    for_each_leaf(node, [&](const auto& leaf) {
      using Leaf = std::remove_cvref_t<decltype(leaf)>;
      if constexpr (std::same_as<Leaf, VarDef>)
        if (leaf) around_.introduces.push_back(&*leaf);
      if constexpr (std::same_as<Leaf, BufferDef>)
        if (leaf) around_.introduces_buffers.push_back(leaf.get());
      if constexpr (std::same_as<Leaf, Buffer>)
        if (leaf) around_.uses_buffers.push_back(leaf.get());
    });
    f_(node, around_);
    around_.introduced.insert(around_.introduces.begin(), around_.introduces.end());
    around_.introduced.insert(around_.introduces_buffers.begin(), around_.introduces_buffers.end());
  }

  int blocks() const {
    return static_cast<int>(around_.blocks.size());
  }
  void enter(const Var& var, Origin origin, const For* loop = nullptr) {
    around_.vars[&*var] = {origin, loop, blocks()};
  }
  void leave(const Var& var) {
    around_.vars.erase(&*var);
  }

  template <class T>
  void below(const T& node) {
    walk(node);
  }

  void below(const ProgramNode& node) {
    around_.program = &node;
    for (const Param& param : node.params) {
      if (param.is_buffer()) {
        visit(param.buffer);
        around_.buffers[param.buffer.get()] = &param;
      } else {
        enter(param.var, Origin::kSize);
      }
    }
    visit(node.body);
  }

  void below(const For& node) {
    visit(node.extent);
    enter(node.var, Origin::kLoop, &node);
    around_.loops.push_back(&node);
    visit(node.body);
    around_.loops.pop_back();
    leave(node.var);
  }

  void below(const Block& node) {
    visit(node.predicate);
    for (const BlockAxis& axis : node.axes) {
      visit(axis.extent);
      visit(axis.binding);
    }
    around_.blocks.push_back(&node);
    for (const BlockAxis& axis : node.axes) enter(axis.var, Origin::kAxis);
    for (const auto* boxes : {&node.reads, &node.writes})
      for (const Region& box : *boxes)
        for (const Range& range : box.ranges) {
          visit(range.min);
          visit(range.extent);
        }
    visit(node.reducer.get());
    visit(node.init);
    visit(node.body);
    for (const BlockAxis& axis : node.axes) leave(axis.var);
    around_.blocks.pop_back();
  }

  void below(const Let& node) {
    visit(node.value);
    bool of_sizes = true;
    for_each_node(node.value, [&](const Node* part) {
      if (as<Load>(part)) of_sizes = of_sizes && around_.loops.empty() && around_.blocks.empty();
      const auto found = around_.vars.find(as<Variable>(part));
      if (found != around_.vars.end()) of_sizes = of_sizes && found->second.origin == Origin::kSize;
    });
    enter(node.var, of_sizes ? Origin::kSize : Origin::kLoop);
    visit(node.body);
    leave(node.var);
  }

  void below(const Allocate& node) {
    visit(node.buffer.get());
    around_.buffers[node.buffer.get()] = nullptr;
    visit(node.body);
    around_.buffers.erase(node.buffer.get());
  }

  void below(const BufferNode& node) {
    for (const Expr& extent : node.shape) visit(extent);
    for (const Expr& stride : node.strides) visit(stride);
    if (!node.lane_map) return;
    for (const Var& coord : node.lane_map->coords) enter(coord, Origin::kLocal);
    visit(node.lane_map->lane);
    visit(node.lane_map->slot);
    for (const Var& coord : node.lane_map->coords) leave(coord);
  }

  void below(const ReducerNode& node) {
    const auto outside = std::exchange(around_.vars, {});  // a reducer uses its own values only
    for (const auto* side : {&node.lhs, &node.rhs})
      for (const Var& var : *side) enter(var, Origin::kLocal);
    for (const Expr& result : node.results) visit(result);
    around_.vars.clear();
    for (const Expr& identity : node.identities) visit(identity);
    around_.vars = outside;
  }

  void below(const Reduce& node) {
    visit(node.reducer.get());
    for (const ReduceAxis& axis : node.axes) {
      visit(axis.begin);
      visit(axis.extent);
    }
    for (const ReduceAxis& axis : node.axes) enter(axis.var, Origin::kLocal);
    for (const Expr& source : node.sources) visit(source);
    for (const ReduceAxis& axis : node.axes) leave(axis.var);
  }

  std::function<void(const Node&, const Surroundings&)> f_;
  Surroundings around_;
};

}  // namespace

const char* to_string(Stage stage) {
  switch (stage) {
    case Stage::kSchedule: return "schedule";
    case Stage::kLowered: return "lowered";
    case Stage::kFlat: return "flat";
  }
  return "?";
}

std::vector<Violation> find_violations(const Program& program, Stage stage) {
  std::vector<Violation> found;
  // The other rules rely on this one.
  Report malformed(found, "well formed");
  const auto check_form = [&](const Node& node) {
    if (std::string fault = node_fault(node); !fault.empty()) malformed(node, std::move(fault));
  };
  for_each_node(program, [&](const Node* node) {
    check_form(*node);
    const auto* block = as<Block>(node);
    const auto* reduce = as<Reduce>(node);
    if (block && block->reducer) check_form(*block->reducer);
    if (reduce && reduce->reducer) check_form(*reduce->reducer);
  });
  if (!found.empty()) return found;

  const auto check_all = [&](const Node& node, const Surroundings& around) {
    for (const VerifyRule& rule : verify_rules()) {
      if (std::find(rule.stages.begin(), rule.stages.end(), stage) == rule.stages.end()) continue;
      Report report(found, rule.name);
      rule.check(node, around, report);
    }
  };
  Walk(check_all).visit(program);
  return found;
}

void verify(const Program& program, Stage stage) {
  const std::vector<Violation> found = find_violations(program, stage);
  if (found.empty()) return;
  const Violation& first = found.front();
  raise_value("the program breaks the rule '{}' of stage {}: {}\n{}", first.rule, to_string(stage),
              first.message, to_text(program, {first.node, first.message}));
}

}  // namespace tw
