#include "autotune/space/facts_reads.h"

#include <algorithm>

#include "ir/equal.h"

namespace tw::autotune {
namespace {

constexpr double kOperationsOfFunction = 8;

double weight_of(const Call& call) {
  switch (call.op) {
    case Intrinsic::kAbs:
    case Intrinsic::kFloor:
    case Intrinsic::kCeil:
    case Intrinsic::kRound: return 1;
    default: return kOperationsOfFunction;
  }
}

class Reader : public Visitor {
 public:
  using Visitor::on;
  std::vector<Reading> readings;
  double operations = 0;

 protected:
  void on(const Load& load) override {
    for (Reading& known : readings)
      if (structural_equal(static_cast<const ExprNode*>(known.load), static_cast<const ExprNode*>(&load))) {
        known.conditional &= conditional_;
        return;
      }
    readings.push_back({&load, conditional_});
  }
  void on(const Select& choice) override {
    visit(choice.cond);
    const bool before = std::exchange(conditional_, true);
    visit(choice.on_true);
    visit(choice.on_false);
    conditional_ = before;
  }
  void on(const Binary& node) override {
    if (!node.dtype.is_bool() && !node.dtype.is_index()) ++operations;
    walk(node);
  }
  void on(const Unary& node) override {
    if (!node.dtype.is_bool() && !node.dtype.is_index()) ++operations;
    walk(node);
  }
  void on(const Call& call) override {
    operations += weight_of(call);
    walk(call);
  }

 private:
  bool conditional_ = false;
};

}  // namespace

std::vector<Reading> readings_of(const Expr& e) {
  Reader reader;
  reader.visit(e);
  return std::move(reader.readings);
}

double operations_of(const Expr& e) {
  Reader reader;
  reader.visit(e);
  return reader.operations;
}

int64_t elements_of(const Workload& workload, const Buffer& buffer) {
  int64_t elements = 1;
  for (const Expr& extent : buffer->shape) elements *= workload.number(extent);
  return elements;
}

}  // namespace tw::autotune
