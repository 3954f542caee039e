// Values of tensor expressions as they stand in loop programs: tensors replaced by their buffers, reductions
// lifted out into blocks of their own.
#pragma once

#include <map>
#include <unordered_map>
#include <unordered_set>

#include "ir/context.h"
#include "ir/visit.h"
#include "te/nest.h"

namespace tw::te {

/// The buffers that stand for tensors in one program.
class BufferTable {
 public:
  void add(const Operation& op, int output, const Buffer& buffer) { outputs_[{op.get(), output}] = buffer; }
  void add_state(const Tensor& state, const Buffer& buffer) { states_[state.get()] = buffer; }
  /// Faults if there is none.
  Buffer of(const Operation& op, int output) const;
  Buffer of(const Tensor& tensor) const;

 private:
  std::map<std::pair<const OperationNode*, int>, Buffer> outputs_;
  std::unordered_map<const TensorNode*, Buffer> states_;
};

/// Where one component of a reduction goes: an element for each point of the axes around.
struct Target {
  Buffer buffer;  // null: nobody wants it; a temporary takes it
  std::vector<Expr> indices;
};

/// Lowers the values of one operation. Blocks of lifted reductions are put into the sequence before what
/// reads them is.
class ValueLowering : private Mutator {
 public:
  /// `axes` are those of the operation; those that have a loop around carry time. `simplified`: expressions
  /// are simplified, as those made by substitution need.
  ValueLowering(const BufferTable& table, std::string name, std::vector<NestAxis> axes, Sequence& out,
                bool simplified = false);

  /// For scans: where reductions go that depend on no time, and the buffers whose contents change with it.
  void hoist_into(Sequence& before, const std::vector<Buffer>& timed);

  Expr lower(const Expr& value);

  /// Lowers while a (lowered) condition holds: lifted reductions are guarded by it.
  Expr lower_under(const Expr& condition, const Expr& value);

  /// The expression, simplified if this lowering does so.
  Expr tidy(const Expr& e) const;

  /// Puts the block of a reduction that writes components straight to targets, one a component.
  void reduce_into(const Reduce& node, std::vector<Target> targets);

 private:
  using Mutator::on;
  Buffer mutate_buffer(const Buffer& buffer) override;
  Expr on(const Select& node) override;
  Expr on(const Reduce& node) override;

  /// A reduction that has been put into a sequence, and where its components are.
  struct Lifted {
    Expr key;  // the Reduce of component 0, its operands lowered
    std::vector<Target> components;
  };

  Expr lower_operands(const Reduce& node);
  const Lifted* find(const Expr& key) const;
  bool depends_on_time(const Expr& key) const;
  std::vector<NestAxis> axes_used(const Expr& key, bool with_time) const;
  std::string temporary_name(const Reduce& node) const;
  Target temporary(const Reduce& node, int64_t component, const std::vector<NestAxis>& axes, Sequence& out);
  void put(const Reduce& node, const std::string& name, const std::vector<NestAxis>& axes,
           const std::vector<Target>& targets, Sequence& out);

  const BufferTable& table_;
  std::string name_;
  std::vector<NestAxis> scope_;  // axes of the operation, then of the reductions around the current place
  Sequence& out_;
  Sequence* before_ = nullptr;
  bool simplified_;
  Context context_;
  std::vector<Expr> conditions_;  // of the branches around the current place, outermost first
  std::vector<Lifted> lifted_;
  std::unordered_set<const BufferNode*> timed_;
};

}  // namespace tw::te
