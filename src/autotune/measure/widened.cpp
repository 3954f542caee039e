// Programs in float64.
//
//   block C#0(…):                                        block C#0(…):
//     reducer sum(float32)                                 reducer sum(float64)
//     C[vi, vj] = C[vi, vj] + A[vi, vk] * 0.5f32    =>     C[vi, vj] = C[vi, vj] + float64(A[vi, vk]) *
//     0.5f64
#include <unordered_map>
#include <unordered_set>

#include "autotune/measure/reference.h"
#include "ir/visit.h"

namespace tw::autotune {
namespace {

bool is_narrow(DType type) {
  return type.is_float() && type.element() != kFloat64;
}

DType wide(DType type) {
  return is_narrow(type) ? kFloat64.with_lanes(type.lanes) : type;
}

class Widening : public Mutator {
 public:
  explicit Widening(const Program& program) {
    for (const Param& param : program->params)
      if (param.param_kind == ParamKind::kInput || param.param_kind == ParamKind::kConstant)
        given_.insert(param.buffer.get());
  }

  Buffer mutate_definition(const Buffer& buffer) override {
    const Buffer fresh = Mutator::mutate_definition(buffer);
    if (given_.contains(buffer.get()) || !is_narrow(fresh->dtype)) return fresh;
    auto* copy = new BufferNode(*fresh);
    copy->dtype = kFloat64;
    return buffers_[buffer.get()] = Buffer(copy);
  }

 protected:
  using Mutator::on;

  Expr on(const Load& node) override {
    const Expr read = Mutator::on(node);
    return is_narrow(read.dtype()) ? cast(wide(read.dtype()), read) : read;
  }

  Expr on(const FloatImm& node) override { return FloatImm::make(kFloat64, node.value); }

  Expr on(const Cast& node) override { return cast(wide(node.dtype), mutate(node.value)); }

  Expr on(const Variable& node) override {
    const auto found = variables_.find(&node);
    return found == variables_.end() ? Expr(&node) : Expr(found->second);
  }

  Stmt on(const Let& node) override {
    const Expr value = mutate(node.value);
    const Var var = fresh(node.var);
    return Let::make(var, value, mutate(node.body));
  }

  Stmt on(const Block& node) override {
    const Stmt rewritten = Mutator::on(node);
    if (!node.reducer) return rewritten;
    auto* copy = new Block(*as<Block>(rewritten));
    const Stmt owner(copy);
    copy->reducer = reducer(*node.reducer);
    return owner;
  }

 private:
  Var fresh(const Var& var) {
    if (!is_narrow(var.dtype())) return var;
    const Var made = Variable::make(var->name, wide(var.dtype()));
    variables_[var.get()] = made;
    return made;
  }

  Reducer reducer(const ReducerNode& node) {
    const auto widen_all = [](const auto& list, auto&& each) {
      std::vector<std::decay_t<decltype(each(list.front()))>> made;
      for (const auto& item : list) made.push_back(each(item));
      return made;
    };
    const auto variable = [this](const VarDef& var) { return fresh(var); };
    const auto expression = [this](const Expr& e) { return mutate(e); };
    auto lhs = widen_all(node.lhs, variable), rhs = widen_all(node.rhs, variable);
    auto results = widen_all(node.results, expression), identities = widen_all(node.identities, expression);
    return ReducerNode::make(node.name, std::move(lhs), std::move(rhs), std::move(results),
                             std::move(identities));
  }

  std::unordered_set<const BufferNode*> given_;
  std::unordered_map<const ExprNode*, Var> variables_;
};

}  // namespace

Program widened(const Program& program) {
  return Widening(program).mutate(program);
}

}  // namespace tw::autotune
