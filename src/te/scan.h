// Recurrences: each step of time is computed from earlier ones (cumulative sums, time loops, triangular
// solves).
//
// A scan has one state or several, of one shape S. A state over time is a tensor H of shape (length, *S).
// Inside the step H may be read at earlier times; at a negative time a read gives the initial state, whatever
// the time. So H[t - 1] is the previous state, and init at t = 0. Component c of the step may also read
// components before c at time t itself.
#pragma once

#include <optional>

#include "te/tensor.h"

namespace tw::te {

struct ScanNode : OperationNode {
  explicit ScanNode(std::string n) : OperationNode(OpKind::kScan, std::move(n)) {}
  Axis time;
  std::vector<Axis> axes;         // of S
  std::vector<Tensor> states;     // what the values read; without operation
  std::vector<Tensor> inits;      // of shape S; one a state, null where `init_values` has it
  std::vector<Expr> init_values;  // for S = (): the initial state itself; null where `inits` has it
  std::vector<Expr> values;       // of each state at time.var and the axes
  std::vector<Expr> expressions() const override;
  std::vector<Tensor> whole_inputs() const override;
};

/// The initial state: a tensor of shape S, or a number (S is then ()).
struct ScanInit {
  ScanInit(const Tensor& t) : tensor(t), value(0) {}
  ScanInit(const Value& v) : value(v) {}
  template <class T>
  requires std::is_arithmetic_v<T> ScanInit(T number) : value(number) {}
  Tensor tensor;  // null: `value` counts
  Value value;
};

/// Gives the value of each state at time t and the point i of S.
using StepFunction = std::function<std::vector<Value>(const std::vector<Tensor>& states, const Var& t,
                                                      const std::vector<Var>& i)>;

/// The states over time, each of shape (length, *S) and of the dtype of its init. A plain number as init
/// takes the dtype that the step gives it (the step is called several times to find out), int64 or float64 if
/// it depends on nothing else. One state is named NAME, several NAME_0, NAME_1, …. `axis_names` name time and
/// the axes of S. Errors besides those of `compute`: no state; inits of different shapes; a wrong number of
/// values from the step; a value of another dtype than its state; a read of a state at a time not yet
/// computed, where provable (the interpreter finds the others).
std::vector<Tensor> scan(const std::vector<ScanInit>& inits, const StepFunction& step, const Value& length,
                         const std::string& name = "", const std::vector<std::string>& axis_names = {});

}  // namespace tw::te
