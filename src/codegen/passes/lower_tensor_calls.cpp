#include "codegen/passes/lower_tensor_calls.h"

#include <algorithm>

#include <fmt/format.h>

#include "codegen/passes/context_mutator.h"
#include "ir/analysis/access_map.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using schedule::Implementation;
using schedule::Instruction;
using schedule::Intrinsic;

/// A subscript counted from the begin of a box.
Expr moved(const Expr& index, const Expr& begin) {
  const int lanes = index.dtype().lanes;
  if (lanes == 1) return begin + index;
  if (const auto* ramp = as<Ramp>(index)) return Ramp::make(begin + ramp->base, ramp->stride, lanes);
  if (const auto* same = as<Broadcast>(index)) return Broadcast::make(begin + same->value, lanes);
  return Broadcast::make(begin, lanes) + index;
}

/// A program of the parameters of an intrinsic, on the boxes of a call.
class OnBoxes : public Mutator {
 public:
  OnBoxes(const Program& program, const TensorCall& call) {
    for (std::size_t i = 0; i < call.operands.size(); ++i) {
      const Buffer parameter = program->params[i].buffer;
      const auto dimension_of = dimensions_of_box(call.operands[i], *parameter);
      check_internal(dimension_of.has_value(), "operand {} of {} does not fit", i, call.intrinsic);
      boxes_[parameter.get()] = {call.operands[i], *dimension_of};
    }
  }

 protected:
  using Mutator::on;
  Expr on(const Load& node) override {
    const auto found = boxes_.find(node.buffer.get());
    const Expr inner(rebuild(node));
    if (found == boxes_.end()) return inner;
    const auto& load = *as<Load>(inner);
    return Load::make(found->second.region.buffer, found->second.subscripts(load.indices), load.predicate);
  }
  Stmt on(const Store& node) override {
    const auto found = boxes_.find(node.buffer.get());
    const Stmt inner(rebuild(node));
    if (found == boxes_.end()) return inner;
    auto* store = new Store(*as<Store>(inner));
    const Stmt owner(store);
    store->buffer = found->second.region.buffer;
    store->indices = found->second.subscripts(store->indices);
    return owner;
  }

 private:
  struct Box {
    Region region;
    std::vector<int> dimension_of;

    std::vector<Expr> subscripts(const std::vector<Expr>& inner) const {
      std::vector<Expr> outer;
      for (std::size_t d = 0; d < region.ranges.size(); ++d) {
        const Expr& begin = region.ranges[d].min;
        const int from = dimension_of[d];
        outer.push_back(from < 0 ? begin : moved(inner[static_cast<std::size_t>(from)], begin));
      }
      return outer;
    }
  };
  std::unordered_map<const BufferNode*, Box> boxes_;
};

/// The meaning with its innermost loop over elements of the result in lanes.
class InLanes : public Mutator {
 public:
  explicit InLanes(const Var& lane) : lane_(lane) {}

 protected:
  using Mutator::on;
  Stmt on(const For& node) override {
    if (!node.var.same_as(lane_)) return Stmt(rebuild(node));
    auto* loop = new For(node);
    loop->loop_kind = LoopKind::kVectorized;
    return Stmt(loop);
  }

 private:
  Var lane_;
};

constexpr int64_t kMostLanes = 64;

Stmt loops_of_meaning(const Program& meaning) {
  Stmt body = meaning->body;
  const auto* store = as<Store>(nullptr);
  for_each_node(meaning->body, [&](const Node* node) { store = as<Store>(node) ? as<Store>(node) : store; });
  if (!store || store->indices.empty()) return body;
  const auto* last = as<Variable>(store->indices.back());
  bool fits = false;
  for_each_node(meaning->body, [&](const Node* node) {
    const auto* loop = as<For>(node);
    if (loop && last == &*loop->var) fits = as_int(loop->extent).value_or(kMostLanes + 1) <= kMostLanes;
  });
  return fits ? InLanes(Var(last)).mutate(body) : body;
}

class LowerTensorCalls : public ContextMutator {
 public:
  LowerTensorCalls(const LowerOptions& options, std::vector<std::string>& notes)
      : options_(options), notes_(notes) {}

 protected:
  using ContextMutator::on;
  Stmt on(const TensorCall& node) override {
    const Program meaning = find_tensor_intrinsic(node.intrinsic);
    check_internal(static_cast<bool>(meaning), "intrinsic {} is not declared", node.intrinsic);
    const Intrinsic* intrinsic = schedule::find_intrinsic(node.intrinsic);
    const Implementation* found =
        intrinsic ? implementation_on(*intrinsic, options_.target, options_.features) : nullptr;
    if (found && std::holds_alternative<Program>(found->code)) {
      const Program& program = std::get<Program>(found->code);
      return with_fresh_names(OnBoxes(program, node).mutate(program->body));
    }
    if (found && lies_without_gaps(node, *meaning)) return Stmt(&node);
    if (intrinsic && intrinsic->is_of_warp())
      raise_unsupported(
          "tensor intrinsic {} is of a warp, and target '{}' with features [{}] has no implementation of it",
          node.intrinsic, options_.target, fmt::join(options_.features, ", "));
    note(node.intrinsic, found != nullptr);
    return with_fresh_names(OnBoxes(meaning, node).mutate(loops_of_meaning(meaning)));
  }

 private:
  /// Whether every operand is a run of elements as the instruction loads them, or a fragment.
  bool lies_without_gaps(const TensorCall& call, const ProgramNode& meaning) const {
    for (std::size_t i = 0; i < call.operands.size(); ++i) {
      const Region& box = call.operands[i];
      if (box.buffer->lane_map) continue;
      const BufferNode& parameter = *meaning.params[i].buffer;
      const auto dimension_of = dimensions_of_box(box, parameter);
      if (!dimension_of) return false;
      const std::vector<Expr> wanted = strides_of(parameter), given = strides_of(*box.buffer);
      for (std::size_t d = 0; d < box.ranges.size(); ++d) {
        const int p = (*dimension_of)[d];
        if (p < 0 || is_int(box.ranges[d].extent, 1)) continue;
        if (!prove(eq(given[d], wanted[static_cast<std::size_t>(p)]), context_)) return false;
      }
    }
    return true;
  }

  void note(const std::string& intrinsic, bool has_gaps) {
    const std::string line =
        has_gaps ? fmt::format("tensor intrinsic {} runs as loops: an operand does not lie without gaps",
                               intrinsic)
                 : fmt::format(
                       "tensor intrinsic {} runs as loops: target '{}' with features [{}] has no "
                       "implementation of it",
                       intrinsic, options_.target, fmt::join(options_.features, ", "));
    if (std::find(notes_.begin(), notes_.end(), line) == notes_.end()) notes_.push_back(line);
  }

  const LowerOptions& options_;
  std::vector<std::string>& notes_;
};

}  // namespace

const Implementation* implementation_on(const Intrinsic& intrinsic, const std::string& target,
                                        const std::vector<std::string>& features) {
  const auto has = [&](const std::string& feature) {
    return std::find(features.begin(), features.end(), feature) != features.end();
  };
  for (const Implementation& implementation : intrinsic.implementations)
    if (implementation.target == target &&
        std::all_of(implementation.features.begin(), implementation.features.end(), has))
      return &implementation;
  return nullptr;
}

Program lower_tensor_calls(const Program& program, const LowerOptions& options,
                           std::vector<std::string>& notes) {
  return LowerTensorCalls(options, notes).mutate(program);
}

std::vector<int64_t> elements_of_register(const Intrinsic& intrinsic,
                                          const schedule::RegisterOperand& operand, int64_t number) {
  const auto& place = operand.place;
  check_internal(place.from.size() == 2, "{}: lanes of a warp hold operand {}", intrinsic.name,
                 operand.operand);
  const Buffer& buffer = intrinsic.pattern.operands[static_cast<std::size_t>(operand.operand)];
  const std::vector<Expr> strides = strides_of(*buffer);
  std::vector<int64_t> elements;
  for (int64_t e = 0; e < operand.elements; ++e) {
    const VarMap values = {{&*place.from[0], Expr(number)}, {&*place.from[1], Expr(e)}};
    Expr element(0);
    for (std::size_t d = 0; d < place.to.size(); ++d)
      element = element + substitute(place.to[d], values) * strides[d];
    const auto value = as_int(simplify(element));
    check_internal(value.has_value(), "{}: the place of element {} is not known", intrinsic.name, e);
    elements.push_back(*value);
  }
  return elements;
}

}  // namespace tw::codegen
