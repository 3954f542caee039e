#include "autotune/model/work.h"

#include <algorithm>
#include <map>

#include "ir/visit.h"

namespace tw::autotune {
namespace {

/// Instructions of a function as it is generated in place, about (docs/math.md).
double instructions_of(Intrinsic op) {
  switch (op) {
    case Intrinsic::kExp: return 11;
    case Intrinsic::kLog: return 18;
    case Intrinsic::kTanh: return 20;
    case Intrinsic::kErf: return 22;
    case Intrinsic::kSigmoid: return 18;
    case Intrinsic::kSin:
    case Intrinsic::kCos: return 24;
    case Intrinsic::kPow: return 45;
    default: return 1;
  }
}

/// A choice by subscripts alone, as of padding: loops are cut where it is made.
bool is_decided_outside(const Select& node) {
  return !contains<Load>(node.cond.get());
}

bool is_product(const Expr& e) {
  if (const auto* choice = as<Select>(e); choice && is_decided_outside(*choice))
    return is_product(choice->on_true);
  const auto* node = as<Binary>(e);
  return node && node->op == BinaryOp::kMul && node->dtype.is_float();
}

class Counter : public Visitor {
 public:
  Work work;
  double most = 0;  // operations of one type

 protected:
  using Visitor::on;

  void count(DType dtype, double operations, double instructions) {
    work.operations += operations;
    work.instructions += instructions;
    work.wide = std::max<double>(work.wide, dtype.bytes());
    if (const double of_type = of_types_[{dtype.code, dtype.bits}] += operations; of_type > most) {
      most = of_type;
      work.dtype = dtype.element();
    }
  }

  void on(const Binary& node) override {
    if (node.a.dtype().is_index()) return;  // leaves the loops
    if (node.op == BinaryOp::kDiv || node.op == BinaryOp::kFloorDiv || node.op == BinaryOp::kFloorMod) {
      count(node.dtype, 1, node.op == BinaryOp::kDiv ? 0 : 2);
      work.divisions += 1;
    } else if ((node.op == BinaryOp::kAdd || node.op == BinaryOp::kSub) &&
               (is_product(node.a) || is_product(node.b))) {
      count(node.dtype, 1, 0);  // one instruction with the product
      work.multiply_adds += 1;
    } else if ((node.op == BinaryOp::kMin || node.op == BinaryOp::kMax) && node.dtype.is_float()) {
      count(node.dtype, 1, 2);  // a NaN is passed on
    } else {
      count(node.a.dtype(), is_logical(node.op) ? 0 : 1, is_logical(node.op) ? 0 : 1);
    }
    walk(node);
  }
  void on(const Unary& node) override {
    count(node.dtype, 1, 1);
    walk(node);
  }
  void on(const Cast& node) override {
    count(node.dtype, 0, node.dtype.is_half() ? 3 : 1);
    walk(node);
  }
  void on(const Call& node) override {
    if (node.op == Intrinsic::kSqrt || node.op == Intrinsic::kRsqrt) {
      count(node.dtype, 1, 0);
      work.divisions += node.op == Intrinsic::kRsqrt ? 2 : 1;
    } else if (const double cost = instructions_of(node.op); cost > 1) {
      count(node.dtype, 1, 0);
      work.functions += 1;
      work.function_cost += cost;
    } else {
      count(node.dtype, 1, 1);
    }
    walk(node);
  }
  void on(const Select& node) override {
    work.conditional = true;
    if (is_decided_outside(node)) {
      visit(node.on_true);
      visit(node.on_false);
      return;
    }
    count(node.dtype, 1, 1);
    walk(node);
  }
  void on(const Load&) override {}

 private:
  std::map<std::pair<TypeCode, uint8_t>, double> of_types_;
};

}  // namespace

Work work_of(const Expr& value) {
  Counter counter;
  counter.visit(value);
  return counter.work;
}

Work work_of_intrinsic(const std::string& name, double vector_bytes) {
  const Program meaning = find_tensor_intrinsic(name);
  if (!meaning) return {};
  Work work;
  double instances = 1, written = 1;
  for (const Param& param : meaning->params) {
    if (param.param_kind != ParamKind::kOutput && param.param_kind != ParamKind::kInOut) continue;
    double bytes = param.buffer->dtype.bytes();
    for (const Expr& extent : param.buffer->shape) bytes *= static_cast<double>(as_int(extent).value_or(1));
    written = std::max(written, bytes);
  }
  for_each_node(meaning->body, [&](const Node* node) {
    if (const auto* loop = as<For>(node)) instances *= static_cast<double>(as_int(loop->extent).value_or(1));
    if (const auto* store = as<Store>(node))
      if (const Work each = work_of(store->value); each.operations > work.operations) work = each;
  });
  work.operations *= instances;
  work.instructions = std::max(1.0, written / vector_bytes);
  work.multiply_adds = work.instructions;
  work.wide = 4;
  return work;
}

}  // namespace tw::autotune
