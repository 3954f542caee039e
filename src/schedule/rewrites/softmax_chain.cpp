#include "schedule/rewrites/softmax_chain.h"

#include <algorithm>

#include "ir/equal.h"
#include "ir/text.h"

namespace tw::schedule {
namespace {

/// The expression with every load for which `f` gives something replaced by that.
class LoadMap : public Mutator {
 public:
  explicit LoadMap(std::function<Expr(const Load&)> f) : f_(std::move(f)) {}

 protected:
  using Mutator::on;
  Expr on(const Load& node) override {
    const Expr fresh = f_(node);
    return fresh ? fresh : Expr(rebuild(node));
  }

 private:
  std::function<Expr(const Load&)> f_;
};

std::vector<const Load*> loads_in(const Expr& e) {
  std::vector<const Load*> loads;
  for_each_node(e, [&](const Node* node) {
    if (const auto* load = as<Load>(node)) loads.push_back(load);
  });
  return loads;
}

const BlockAxis* axis_of(const Block& block, const Expr& e) {
  for (const BlockAxis& axis : block.axes)
    if (axis.var.same_as(e)) return &axis;
  return nullptr;
}

bool is_axis(const Block& block, const Expr& e, AxisKind kind) {
  const BlockAxis* axis = axis_of(block, e);
  return axis && axis->axis_kind == kind;
}

bool is_zero(const Expr& e) {
  return as_float(e) == 0.0 || is_int(e, 0);
}

}  // namespace

std::optional<std::size_t> SoftmaxSum::row_of(const Var& axis) const {
  for (std::size_t d = 0; d < rows.size(); ++d)
    if (axis.same_as(rows[d])) return d;
  return {};
}

bool SoftmaxSum::is_per_row() const {
  return std::all_of(reduction.spatial.begin(), reduction.spatial.end(),
                     [&](const Var& axis) { return row_of(axis).has_value(); });
}

const PointValue* SoftmaxChain::value_of(const Buffer& buffer) {
  auto [found, fresh] = values_.try_emplace(buffer.get());
  if (fresh) found->second = point_value(program_, buffer).value;
  return found->second ? &*found->second : nullptr;
}

const SoftmaxSum* SoftmaxChain::sum_of(const Buffer& buffer) {
  auto [found, fresh] = sums_.try_emplace(buffer.get());
  if (!fresh) return found->second ? &*found->second : nullptr;
  std::optional<SoftmaxSum>& known = found->second;  // the map keeps it in its place
  for (const BlockPlace& writer : writers_of(program_, buffer)) {
    if (!writer.block().reducer) continue;
    SoftmaxSum sum;
    const std::string reason = read_sum(writer.block(), sum);
    if (reason.empty()) known = std::move(sum);
  }
  return known ? &*known : nullptr;
}

/// Reads what the block sums; a reason why it is no sum of the chain, or "".
std::string SoftmaxChain::read_sum(const Block& block, SoftmaxSum& sum) {
  const Recognised<WholeReduction> reduction = whole_reduction(program_, block);
  if (!reduction) return reduction.reason;
  if (!is_known(reduction->reducer, "sum")) return "is a reduction that is no sum";
  sum.reduction = *reduction;
  sum.term = spine(reduction->sources.front(), sum);
  if (!sum.term) return fmt::format("sums {}, which has {}", to_text(reduction->sources.front()), why_not_);
  if (sum.dtype() != kFloat32 && sum.dtype() != kFloat64)
    return fmt::format("sums in {}; the running sum is kept in float32 or float64", to_string(sum.dtype()));
  return "";
}

/// The factor of a product that is an exponential of the chain becomes a variable, divisors go away. Null
/// when there is no such factor.
Expr SoftmaxChain::spine(const Expr& e, SoftmaxSum& sum) {
  if (const auto* call = as<Call>(e)) return call->op == Intrinsic::kExp ? exponential(*call, sum) : Expr();
  if (const auto* cast = as<Cast>(e)) {
    const Expr value = spine(cast->value, sum);
    return value ? Cast::make(cast->dtype, value) : Expr();
  }
  if (const auto* unary = as<Unary>(e)) {
    const Expr value = unary->op == UnaryOp::kNeg ? spine(unary->a, sum) : Expr();
    return value ? Unary::make(UnaryOp::kNeg, value) : Expr();
  }
  if (const auto* choice = as<Select>(e)) {
    const Expr value = is_zero(choice->on_false) ? spine(choice->on_true, sum) : Expr();
    return value ? Select::make(choice->cond, value, choice->on_false) : Expr();
  }
  if (const auto* load = as<Load>(e)) {
    const PointValue* inner = value_of(load->buffer);
    const Expr value = inner ? spine(inner->at(load->indices), sum) : Expr();
    if (value) sum.inside.push_back(inner->block);
    return value;
  }
  const auto* binary = as<Binary>(e);
  if (!binary || (binary->op != BinaryOp::kMul && binary->op != BinaryOp::kDiv)) return {};
  if (const Expr value = spine(binary->a, sum)) {
    const bool quotient = binary->op == BinaryOp::kDiv;
    if (quotient ? divides(binary->b, sum) : is_reciprocal(binary->b, sum)) return value;
    return Binary::make(binary->op, value, binary->b);
  }
  if (binary->op == BinaryOp::kDiv) return {};
  const Expr value = spine(binary->b, sum);
  if (!value || is_reciprocal(binary->a, sum)) return value;
  return Binary::make(binary->op, binary->a, value);
}

/// exp(s - m) as a variable of its type.
Expr SoftmaxChain::exponential(const Call& call, SoftmaxSum& sum) {
  const Expr argument = exponent(call.args.front(), sum);
  if (!argument) return {};
  sum.exponential = Call::make(Intrinsic::kExp, {argument});
  sum.factor = Var("e", call.dtype);
  return sum.factor;
}

/// s - m, below casts and in blocks of its own or not, over `score` and `shift`.
Expr SoftmaxChain::exponent(const Expr& e, SoftmaxSum& sum) {
  if (const auto* cast = as<Cast>(e)) {
    const Expr value = exponent(cast->value, sum);
    return value ? Cast::make(cast->dtype, value) : Expr();
  }
  if (const auto* load = as<Load>(e)) {
    const PointValue* inner = value_of(load->buffer);
    const Expr value = inner ? exponent(inner->at(load->indices), sum) : Expr();
    if (value) sum.inside.push_back(inner->block);
    return value;
  }
  const auto* difference = as<Binary>(e);
  if (!difference || difference->op != BinaryOp::kSub) return {};
  const bool is_first = !maximum_;
  const Expr shift = maximum_of(difference->b, sum);
  if (shift && matches_score(difference->a, sum)) return Binary::make(BinaryOp::kSub, score_, shift);
  if (is_first) maximum_.reset();
  return {};
}

/// Whether the expression is what the maximum is taken of, at rows and columns that are axes of the block.
bool SoftmaxChain::matches_score(const Expr& score, SoftmaxSum& sum) {
  const Block& block = *sum.reduction.block;
  for (const Expr& row : sum.rows)
    if (!is_axis(block, row, AxisKind::kSpatial) && !is_int(row, 0)) {
      why_not_ = fmt::format("exp(s - m) with m read at {}, where a spatial axis must stand", to_text(row));
      return false;
    }
  std::vector<Var> columns;
  for (const BlockAxis& axis : maximum_->reduced) columns.push_back(axis.var);
  const auto match = [&](const Expr& pattern, const Expr& e) {
    Matcher matcher(columns);
    for (std::size_t d = 0; d < sum.rows.size(); ++d) matcher.values[&*maximum_->spatial[d]] = sum.rows[d];
    if (!matcher.match(pattern, e)) return false;
    sum.columns.clear();
    for (const BlockAxis& axis : maximum_->reduced) {
      const auto found = matcher.values.find(&*axis.var);
      if (found == matcher.values.end() || !is_axis(block, found->second, AxisKind::kReduction) ||
          !prove(eq(axis_of(block, found->second)->extent, axis.extent)))
        return false;
      sum.columns.push_back(axis_of(block, found->second)->var);
    }
    return true;
  };
  if (match(score_source(), score) || match(everything_expanded(score_source()), everything_expanded(score)))
    return true;
  why_not_ = fmt::format("exp(s - m) with m the maximum of {} and s another, {}", to_text(score_source()),
                         to_text(score));
  return false;
}

/// The maximum as `shift`, below casts; null when it is none or not that of the chain.
Expr SoftmaxChain::maximum_of(const Expr& e, SoftmaxSum& sum) {
  if (const auto* cast = as<Cast>(e)) {
    const Expr value = maximum_of(cast->value, sum);
    return value ? Cast::make(cast->dtype, value) : Expr();
  }
  const auto* load = as<Load>(e);
  if (!load || load->predicate) return {};
  if (const PointValue* inner = value_of(load->buffer)) {
    const Expr value = maximum_of(inner->at(load->indices), sum);
    if (value) sum.inside.push_back(inner->block);
    return value;
  }
  if (!maximum_) {
    for (const BlockPlace& writer : writers_of(program_, load->buffer)) {
      const Recognised<WholeReduction> reduction = whole_reduction(program_, writer.block());
      if (!reduction || !is_known(reduction->reducer, "max") || !load->buffer->dtype.is_float()) continue;
      maximum_ = *reduction;
      score_ = Var("score", load->buffer->dtype);
      shift_ = Var("shift", load->buffer->dtype);
    }
  }
  if (!is_maximum(load->buffer)) return {};
  sum.rows = load->indices;
  return shift_;
}

/// Whether it is a sum of the chain, below casts and in blocks of its own or not; then it is one of the
/// divisors.
bool SoftmaxChain::divides(const Expr& e, SoftmaxSum& sum) {
  const auto* load = as<Load>(without_casts(e));
  if (!load) return false;
  if (const PointValue* inner = value_of(load->buffer)) {
    if (!divides(inner->at(load->indices), sum)) return false;
    sum.inside.push_back(inner->block);
    return true;
  }
  const SoftmaxSum* divisor = sum_of(load->buffer);
  const Block& block = *sum.reduction.block;
  if (!divisor || !std::all_of(load->indices.begin(), load->indices.end(), [&](const Expr& index) {
        return is_axis(block, index, AxisKind::kSpatial) || as_int(index);
      }))
    return false;
  sum.divisors.emplace_back(load);
  return true;
}

/// Whether it is 1 / z.
bool SoftmaxChain::is_reciprocal(const Expr& e, SoftmaxSum& sum) {
  const Expr& bare = without_casts(e);
  if (const auto* load = as<Load>(bare)) {
    const PointValue* inner = value_of(load->buffer);
    if (!inner || !is_reciprocal(inner->at(load->indices), sum)) return false;
    sum.inside.push_back(inner->block);
    return true;
  }
  const auto* quotient = as<Binary>(bare);
  return quotient && quotient->op == BinaryOp::kDiv && as_float(quotient->a) == 1.0 &&
         divides(quotient->b, sum);
}

/// Whether the buffer is the maximum, a sum, or a value of a block that reads such.
bool SoftmaxChain::reaches_chain(const Buffer& buffer) {
  if (is_maximum(buffer) || sum_of(buffer)) return true;
  const auto known = reaches_.find(buffer.get());
  if (known != reaches_.end()) return known->second;
  reaches_[buffer.get()] = false;
  const PointValue* value = value_of(buffer);
  bool reaches = false;
  if (value)
    for (const Load* load : loads_in(value->value)) reaches = reaches_chain(load->buffer) || reaches;
  return reaches_[buffer.get()] = reaches;
}

/// The element of a sum: what `term` sums, divided.
Expr SoftmaxChain::divided(const SoftmaxSum& sum, const std::vector<Expr>& indices) {
  VarMap at;
  for (std::size_t d = 0; d < indices.size(); ++d) at[&*sum.reduction.spatial[d]] = indices[d];
  Expr value = Load::make(sum.output(), indices);
  for (const Expr& divisor : sum.divisors) {
    const auto& load = *as<Load>(divisor);
    std::vector<Expr> place;
    for (const Expr& index : load.indices) place.push_back(substitute(index, at));
    value = value / cast(sum.dtype(), divided(*sum_of(load.buffer), place));
  }
  return value;
}

/// The expression over the maximum, sums, and what does not depend on them.
Expr SoftmaxChain::expanded(const Expr& e) {
  return LoadMap([&](const Load& load) -> Expr {
           if (is_maximum(load.buffer) || !reaches_chain(load.buffer)) return {};
           if (const SoftmaxSum* sum = sum_of(load.buffer)) return divided(*sum, load.indices);
           const PointValue* value = value_of(load.buffer);
           blocks_.insert(value->block->id.value);
           return expanded(value->at(load.indices));
         })
      .mutate(e);
}

/// Whether what the block reads stays as it is after it.
bool SoftmaxChain::is_settled(const PointValue& value) const {
  bool after = false;
  for (const BlockPlace& place : all_blocks(program_)) {
    after = after || &place.block() == value.block;
    for (const Region& region : place.block().writes)
      for (const Load* load : loads_in(value.value))
        if (after && load->buffer.same_as(region.buffer)) return false;
  }
  return true;
}

/// The expression with all blocks of single values put in.
Expr SoftmaxChain::everything_expanded(const Expr& e) {
  return LoadMap([&](const Load& load) -> Expr {
           const PointValue* value = value_of(load.buffer);
           return value && is_settled(*value) ? everything_expanded(value->at(load.indices)) : Expr();
         })
      .mutate(e);
}

/// The sum and all that is inside of it belong to the chain.
void SoftmaxChain::take(const SoftmaxSum& sum) {
  if (std::find(taken_.begin(), taken_.end(), &sum) != taken_.end()) return;
  taken_.push_back(&sum);
  for (const int64_t id : sum.reduction.ids()) blocks_.insert(id);
  for (const Block* block : sum.inside) blocks_.insert(block->id.value);
  for (const Expr& divisor : sum.divisors) take(divisor);
}

void SoftmaxChain::take(const Expr& value) {
  for (const Load* load : loads_in(value))
    if (const SoftmaxSum* sum = sum_of(load->buffer)) take(*sum);
}

/// Sums of the same maximum that others read stand beside the chain: they come along, or what they read would
/// have to be kept for them. What reads the last block is no part of the chain.
void SoftmaxChain::take_siblings(const Block& last) {
  for (const BlockPlace& place : all_blocks(program_)) {
    if (!place.block().reducer) continue;
    for (const Region& region : place.block().writes)
      if (const SoftmaxSum* sum = sum_of(region.buffer)) {
        const std::vector<const Block*>& inside = sum->inside;
        if (std::find(inside.begin(), inside.end(), &last) == inside.end() &&
            std::any_of(inside.begin(), inside.end(),
                        [&](const Block* block) { return blocks_.contains(block->id.value); }))
          take(*sum);
      }
  }
}

bool SoftmaxChain::is_used_outside(const Buffer& buffer) const {
  if (is_parameter(program_, buffer)) return true;
  const std::vector<BlockPlace> readers = readers_of(program_, buffer);
  return std::any_of(readers.begin(), readers.end(),
                     [&](const BlockPlace& reader) { return !blocks_.contains(reader.block().id.value); });
}

void SoftmaxChain::find_visible() {
  const auto add = [&](const Buffer& buffer, const std::vector<Var>& axes, const Expr& value) {
    if (!buffer.same_as(result_) && is_used_outside(buffer)) visible_.push_back({buffer, axes, value});
  };
  const auto points = [](const WholeReduction& reduction) {
    return std::vector<Expr>(reduction.spatial.begin(), reduction.spatial.end());
  };
  const Buffer& highest = maximum_->outputs.front();
  add(highest, maximum_->spatial, Load::make(highest, points(*maximum_)));
  for (const SoftmaxSum* sum : taken_)
    add(sum->output(), sum->reduction.spatial, divided(*sum, points(sum->reduction)));
  for (const auto& [buffer, value] : values_)
    if (value && blocks_.contains(value->block->id.value))
      add(value->buffer, value->axes, expanded(value->value));
}

/// Reads the sum with the fewest blocks between it and the expression: its maximum is that of the chain. What
/// else is read may hold another softmax.
void SoftmaxChain::find_nearest_sum(const Expr& e) {
  std::vector<Expr> level = {e};
  std::set<const BufferNode*> seen;
  while (!level.empty()) {
    std::vector<Expr> next;
    for (const Expr& value : level)
      for (const Load* load : loads_in(value)) {
        if (!seen.insert(load->buffer.get()).second) continue;
        if (sum_of(load->buffer)) return;
        if (const PointValue* inner = value_of(load->buffer)) next.push_back(inner->value);
      }
    level = std::move(next);
  }
}

std::string SoftmaxChain::find(const Block& last) {
  blocks_.insert(last.id.value);
  if (last.reducer) {
    SoftmaxSum probe;
    const std::string reason = read_sum(last, probe);
    if (!reason.empty()) return reason;
    const SoftmaxSum& sum = *sum_of(probe.output());
    result_ = sum.output();
    result_axes_ = sum.reduction.spatial;
    result_value_ = Load::make(result_, {result_axes_.begin(), result_axes_.end()});
    for (const Expr& divisor : sum.divisors) result_value_ = result_value_ / cast(result_->dtype, divisor);
    take(sum);
  } else {
    if (last.writes.size() != 1) return "does not store one value";
    const PointValue* value = value_of(last.writes.front().buffer);
    if (!value) return point_value(program_, last.writes.front().buffer).reason;
    find_nearest_sum(value->value);
    result_ = value->buffer;
    result_axes_ = value->axes;
    result_value_ = expanded(value->value);
    take(result_value_);
    if (taken_.empty())
      return fmt::format("computes {}, where no sum of exponentials is", to_text(value->value));
  }
  for (const int64_t id : maximum_->ids()) blocks_.insert(id);
  take_siblings(last);
  find_visible();
  return "";
}

}  // namespace tw::schedule
