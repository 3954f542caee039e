#include "enumerate.h"

#include "ir/scalar.h"
#include "support/error.h"

namespace tw::test {

int64_t evaluate(const Expr& e, const Env& env) {
  if (const auto value = as_int(e)) return *value;
  if (const auto* var = as<Variable>(e)) return env.at(var);
  if (const auto* unary = as<Unary>(e)) {
    const int64_t a = evaluate(unary->a, env);
    return unary->op == UnaryOp::kNot ? !a : -a;
  }
  if (const auto* select = as<Select>(e))
    return evaluate(evaluate(select->cond, env) ? select->on_true : select->on_false, env);
  if (const auto* binary = as<Binary>(e)) {
    const int64_t a = evaluate(binary->a, env), b = evaluate(binary->b, env);
    if (binary->op == BinaryOp::kAnd) return a && b;
    if (binary->op == BinaryOp::kOr) return a || b;
    const auto value = index_binary(binary->op, a, b);
    check_internal(value.has_value(), "overflow in a test expression");
    return *value;
  }
  raise_internal("a test expression of kind {}", kind_name(e->kind));
}

void for_each_turn(const std::vector<LoopRange>& loops, Env& env, const std::function<void()>& f,
                   std::size_t from) {
  if (from == loops.size()) return f();
  const int64_t extent = evaluate(loops[from].extent, env);
  for (int64_t i = 0; i < extent; ++i) {
    env[loops[from].var.operator->()] = i;
    for_each_turn(loops, env, f, from + 1);
  }
}

int64_t pick(std::mt19937_64& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
}

}  // namespace tw::test
