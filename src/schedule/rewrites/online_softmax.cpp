// rewrite(out, "online_softmax", chunk=64): of attention, m = max_k s, l = sum_k exp(s - m),
// o = sum_k exp(s - m) * v, out = o / l:
//
//   for c, i, k in 64:     m_part[c, i] = max(m_part[c, i], s[i, c*64 + k])
//   for c, i, k in 64:     exp_part[c, i, k] = exp(s[i, c*64 + k] - m_part[c, i])
//   for c, i, k in 64:     l_part[c, i] += exp_part[c, i, k]
//   for c, i, j, k in 64:  o_part[c, i, j] += exp_part[c, i, k] * v[c*64 + k, j]
//   for i, j, c:           block online: M, O, L[i, j] take in m_part[c, i], o_part[c, i, j], l_part[c, i]
//   for i, j:              out[i, j] = O[i, j] / L[i, j]
//
// by the reducer of running sums: with M' = max(M, m) it gives O * exp(M - M') + o * exp(m - M'). It is
// associative, so this is a reduction over chunks like any other. With the loops in the order i, c, j and the
// other blocks in the loop over c (compute_at) each chunk of scores is used while it is there, in one pass
// over k; rfactor splits the chunks among threads. Without v the chain is a softmax, with (M, L) alone.
//
// M. Milakov, N. Gimelshein: Online normalizer calculation for softmax, arXiv 1805.02867. M. Rabe, C. Staats:
// Self-attention does not need O(n^2) memory, arXiv 2112.05682. T. Dao et al.: FlashAttention, arXiv
// 2205.14135.
//
// Running values are kept for each j: of the two exponentials of a step one is exp(0), so one exponential a
// chunk and element is computed; chunks as long as there are j make that as many as there are scores.
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "ir/equal.h"
#include "schedule/rewrite.h"
#include "schedule/rewrites/softmax_chain.h"
#include "schedule/rewrites/softmax_chunks.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

constexpr double kExpError = 2;  // of an exponential, in units of eps: one unit in the last place

/// The reducer of running values: the maximum, and sums relative to it.
std::vector<te::Value> combine(const std::vector<Expr>& a, const std::vector<Expr>& b) {
  const Expr highest = max(a[0], b[0]), lower = min(a[0], b[0]);
  std::vector<te::Value> results = {highest};
  for (std::size_t c = 1; c < a.size(); ++c) {
    const DType type = a[c].dtype();
    const Expr less = call(Intrinsic::kExp, {cast(type, lower) - cast(type, highest)});
    const Expr factor = select(eq(a[0], b[0]), make_const(type, 1.0), less);  // both may be -inf
    results.emplace_back(select(le(b[0], a[0]), a[c] + b[c] * factor, a[c] * factor + b[c]));
  }
  return results;
}

std::vector<te::Value> identity(const std::vector<DType>& types) {
  std::vector<te::Value> values = {minus_infinity(types[0])};
  for (std::size_t c = 1; c < types.size(); ++c) values.emplace_back(make_zero(types[c]));
  return values;
}

class OnlineSoftmax {
 public:
  OnlineSoftmax(const Step& step, const Block& last) : step_(step), last_(last), chain_(step.program()) {
    const std::string reason = chain_.find(last);
    if (!reason.empty())
      step.refuse(
          &last,
          "block {} {}; online_softmax takes the last block of a softmax: a sum of exp(s - m), or what "
          "is computed from such sums at single points",
          last.name.text, reason);
    maximum_ = &chain_.maximum();
    const auto count = static_cast<int64_t>(maximum_->reduced.size());
    const int64_t axis = *option_value(step, "axis").get_if<int64_t>();
    if (axis < 0 || axis >= count)
      step.refuse(maximum_->block, "block {} has {} reduction {}; axis must be from 0 to {}, and is {}",
                  maximum_->block->name.text, count, count == 1 ? "axis" : "axes", count - 1, axis);
    const Expr chunk = step.extent(option_value(step, "chunk"));
    const Expr extent = maximum_->reduced[static_cast<std::size_t>(axis)].extent;
    chunks_.emplace(chain_, axis, Pieces::of_size(extent, chunk), inputs_);
  }

  Replacement apply() {
    Replacement made;
    made.replaced.assign(chain_.blocks().begin(), chain_.blocks().end());
    choose_widest();
    add_output(made, chain_.result(), chain_.result_axes(), chain_.result_value());
    for (const auto& [buffer, axes, value] : chain_.visible()) add_output(made, buffer, axes, value);
    made.inputs = inputs_.tensors();
    require_apart(made);
    made.error_factor = most_rescales() * (1 + kExpError) * (divided_ ? 2 : 1);
    return made;
  }

 private:
  /// The sum with the most dimensions that the result reads, and those that run along with it, one value a
  /// row.
  void choose_widest() {
    for_each_node(chain_.result_value(), [&](const Node* node) {
      const auto* load = as<Load>(node);
      const SoftmaxSum* sum = load ? chain_.sum_of(load->buffer) : nullptr;
      if (!sum) return;
      if (std::find(sums_.begin(), sums_.end(), sum) == sums_.end()) sums_.push_back(sum);
    });
    for (const SoftmaxSum* sum : sums_)
      if (!widest_ || sum->reduction.spatial.size() > widest_->reduction.spatial.size()) widest_ = sum;
    std::erase_if(sums_, [&](const SoftmaxSum* sum) { return sum == widest_ || !sum->is_per_row(); });
    for_each_node(chain_.result_value(), [&](const Node* node) {
      const auto* load = as<Load>(node);
      if (load && load->buffer.same_as(widest_->output())) read_at_.push_back(load->indices);
      const auto* quotient = as<Binary>(node);
      divided_ = divided_ || (quotient && quotient->op == BinaryOp::kDiv);
    });
  }

  void add_output(Replacement& made, const Buffer& buffer, const std::vector<Var>& axes, const Expr& value) {
    const te::Tensor tensor = te::compute(
        values_of(buffer->shape),
        [&](const std::vector<Var>& point) -> te::Value {
          VarMap at;
          for (std::size_t d = 0; d < axes.size(); ++d) at[&*axes[d]] = point[d];
          return substitute(inputs_.reading(Reads(*this).mutate(value)), at);
        },
        buffer->name.text, loop_names(axes));
    made.outputs.emplace_back(tensor, buffer);
  }

  /// One less than the number of chunks, for the longest row and the shortest chunk.
  double most_rescales() const {
    const int64_t extent = bounds(chunks_->pieces().extent).max,
                  chunk = std::max<int64_t>(bounds(chunks_->pieces().size).min, 1);
    if (extent == kNoMax) return std::numeric_limits<double>::infinity();
    return static_cast<double>(std::max<int64_t>((extent - 1) / chunk, 0));
  }

  /// The new expressions may not read what goes.
  void require_apart(const Replacement& made) const {
    for (const auto& [tensor, buffer] : made.inputs)
      for (const BlockPlace& writer : writers_of(step_.program(), buffer))
        if (chain_.blocks().contains(writer.block().id.value))
          step_.refuse(
              &writer.block(),
              "block {} belongs to the softmax that ends with block {}, which also uses buffer {} in "
              "another way",
              writer.block().name.text, last_.name.text, buffer->name.text);
  }

  // Running values over all chunks.

  struct Running {
    const SoftmaxSum* sum = nullptr;
    std::vector<const SoftmaxSum*> others;
    std::vector<te::Tensor> tensors;  // the maximum, the sum, the others
  };

  /// The running values of the sum, for each of its elements; those of others, one value a row, beside it.
  const Running& running(const SoftmaxSum& sum) {
    for (const std::unique_ptr<Running>& known : running_)
      if (known->sum == &sum) return *known;
    auto made = std::make_unique<Running>();
    made->sum = &sum;
    if (&sum == widest_) made->others = sums_;
    const auto step_of = [&](const std::vector<Var>& point) {
      const ReduceAxis chunk = te::reduce_axis(chunks_->pieces().count, "c");
      VarMap at;
      for (std::size_t d = 0; d < point.size(); ++d) at[&*sum.reduction.spatial[d]] = point[d];
      std::vector<te::Value> rows = {chunk}, elements = {chunk};
      for (const Expr& row : sum.rows) rows.emplace_back(substitute(row, at));
      elements.insert(elements.end(), point.begin(), point.end());
      std::vector<te::Value> operands = {chunks_->maximum()(rows), chunks_->sum(sum)(elements)};
      for (const SoftmaxSum* other : made->others) {
        std::vector<te::Value> indices = {chunk};
        for (const Var& axis : other->reduction.spatial) indices.push_back(rows[*other->row_of(axis) + 1]);
        operands.emplace_back(chunks_->sum(*other)(indices));
      }
      return values_of(te::reduce({combine, identity, "online"}, operands, {chunk}));
    };
    made->tensors =
        te::compute_several(values_of(sum.output()->shape), step_of, sum.output()->name.text + "_online",
                            loop_names(sum.reduction.spatial));
    running_.push_back(std::move(made));
    return *running_.back();
  }

  /// The element of the widest sum, among those that the result reads, that stands in the given place of the
  /// rows; null when none does.
  const std::vector<Expr>* beside_widest(const std::vector<std::pair<std::size_t, Expr>>& rows) const {
    for (const std::vector<Expr>& indices : read_at_) {
      const bool all = std::all_of(rows.begin(), rows.end(), [&](const auto& wanted) {
        const Expr& row = widest_->rows[wanted.first];
        for (std::size_t d = 0; d < indices.size(); ++d)
          if (widest_->reduction.spatial[d].same_as(row)) return structural_equal(indices[d], wanted.second);
        return structural_equal(row, wanted.second);
      });
      if (all) return &indices;
    }
    return nullptr;
  }

  Expr read_maximum(const std::vector<Expr>& indices) {
    std::vector<std::pair<std::size_t, Expr>> rows;
    for (std::size_t d = 0; d < indices.size(); ++d) rows.emplace_back(d, indices[d]);
    if (const auto* element = beside_widest(rows)) return running(*widest_).tensors[0](values_of(*element));
    if (!highest_)
      highest_ = te::compute(
          values_of(maximum_->outputs[0]->shape),
          [&](const std::vector<Var>& point) -> te::Value {
            const ReduceAxis chunk = te::reduce_axis(chunks_->pieces().count, "c");
            std::vector<te::Value> indices_of_part = {chunk};
            indices_of_part.insert(indices_of_part.end(), point.begin(), point.end());
            return te::max(chunks_->maximum()(indices_of_part), {chunk});
          },
          maximum_->outputs[0]->name.text + "_online", loop_names(maximum_->spatial));
    return highest_(values_of(indices));
  }

  /// `bare`: where all scores are -inf 0 may stand, else the NaN that exp(s - m) gives.
  Expr read_sum(const SoftmaxSum& sum, const std::vector<Expr>& indices, bool bare) {
    const std::vector<Expr>* element = &indices;
    const SoftmaxSum* owner = &sum;
    std::size_t component = 1;
    const auto other = std::find(sums_.begin(), sums_.end(), &sum);
    if (other != sums_.end()) {
      std::vector<std::pair<std::size_t, Expr>> rows;
      for (std::size_t d = 0; d < indices.size(); ++d)
        rows.emplace_back(*sum.row_of(sum.reduction.spatial[d]), indices[d]);
      if (const auto* beside = beside_widest(rows)) {
        element = beside;
        owner = widest_;
        component = static_cast<std::size_t>(other - sums_.begin()) + 2;
      }
    }
    const Running& values = running(*owner);
    const Expr value = values.tensors[component](values_of(*element));
    if (bare) return value;
    const Expr highest = values.tensors[0](values_of(*element));
    Expr masked = eq(highest, minus_infinity(highest.dtype()));
    for (const BlockAxis& axis : maximum_->reduced)  // of nothing the sum is 0
      if (!prove(lt(0, axis.extent))) masked = logical_and(lt(0, axis.extent), masked);
    return select(masked, make_const(value.dtype(), std::numeric_limits<double>::quiet_NaN()), value);
  }

  /// Loads of the maximum and the sums become reads of running values.
  class Reads : public Mutator {
   public:
    explicit Reads(OnlineSoftmax& owner) : owner_(owner) {}

   protected:
    using Mutator::on;
    Expr on(const Load& node) override {
      if (owner_.chain_.is_maximum(node.buffer)) return owner_.read_maximum(node.indices);
      if (const SoftmaxSum* sum = owner_.chain_.sum_of(node.buffer))
        return owner_.read_sum(*sum, node.indices, bare_);
      return Mutator::on(node);
    }
    Expr on(const Binary& node) override {
      const bool before = bare_;
      bare_ = bare_ || (node.op == BinaryOp::kDiv && is_sum(node.b) && (is_sum(node.a) || is_exp(node.a)));
      const Expr mutated = Mutator::on(node);
      bare_ = before;
      return mutated;
    }

   private:
    /// 0 / 0 and exp(NaN) / 0 are NaN by themselves.
    bool is_sum(const Expr& e) const {
      const auto* load = as<Load>(without_casts(e));
      return load && owner_.chain_.sum_of(load->buffer);
    }
    static bool is_exp(const Expr& e) {
      const auto* call = as<Call>(without_casts(e));
      return call && call->op == Intrinsic::kExp;
    }
    OnlineSoftmax& owner_;
    bool bare_ = false;
  };

  const Step& step_;
  const Block& last_;
  SoftmaxChain chain_;
  const WholeReduction* maximum_ = nullptr;
  Placeholders inputs_;
  std::optional<SoftmaxChunks> chunks_;
  const SoftmaxSum* widest_ = nullptr;
  std::vector<const SoftmaxSum*> sums_;  // that run beside the widest
  std::vector<std::vector<Expr>> read_at_;
  bool divided_ = false;
  te::Tensor highest_;
  std::vector<std::unique_ptr<Running>> running_;
};

Replacement online_softmax(const Step& step, const BlockPlace& place) {
  return OnlineSoftmax(step, place.block()).apply();
}

const RewriteRegistration registration{{
    .name = "online_softmax",
    .summary = "Computes a softmax, alone or in attention, in one pass over chunks of each row.",
    .doc = R"(    m[i] = max_k s[i, k]                         m_part[c, i] = max_k s[i, c*64 + k]
    e[i, k] = exp(s[i, k] - m[i])                exp_part[c, i, k] = exp(s[i, c*64 + k] - m_part[c, i])
    l[i] = sum_k e[i, k]                   =>    l_part[c, i] = sum_k exp_part[c, i, k]
    o[i, j] = sum_k e[i, k] * v[k, j]            o_part[c, i, j] = sum_k exp_part[c, i, k] * v[c*64 + k, j]
    out[i, j] = o[i, j] / l[i]                   (M, O, L)[i, j] = online over c of (m_part, o_part, l_part)
                                                 out[i, j] = O[i, j] / L[i, j]

`online` is an associative reducer that keeps the greatest score so far and sums relative to it: with
M' = max(M, m) it gives O * exp(M - M') + o * exp(m - M'). The block named is the last of the chain: the quotient, a
sum that is divided inside (softmax first, then the product), a sum alone, or any other value of single points (log of
a sum, a residual added). The exponential may be a block or stand in the sums; casts may stand between; scores and
weights may be anything. Sums beside the chain that share its exponentials come along, and buffers of the chain that others
read, such as the maximum, are computed too. To attend without a matrix of scores: loop c of the online block outside of
its j, compute_at of the part blocks and of the scores in c. Milakov and Gimelshein, arXiv 1805.02867; Rabe and
Staats, arXiv 2112.05682; Dao et al., arXiv 2205.14135.)",
    .error =
        R"(A term is rescaled at most once a chunk but one; each time costs one product and one exponential, which is
taken to be within one unit in the last place (2 eps). C chunks: error_factor = 3 * (C - 1) for sums, 6 * (C - 1) for a
quotient of two. What both chains have is not in it: the error of exp itself and of the rounded difference, (m - s)
eps, which telescopes over the chunks. What else the last block computes (a logarithm) passes the error of its sums
on. Results below the least normal number may be lost.)",
    .non_finite =
        R"(NaN and +inf among the scores of a row make its sums NaN, as in the old chain; so does a row of nothing but
-inf. A chunk of -inf alone counts nothing. An infinite or NaN weight gives an infinite or NaN sum, but not always
the same of the two. Sums of a chunk are relative to its own maximum: they overflow where weights added up over a
chunk do, even if their scores are low.)",
    .options = {{"chunk", ArgKind::kExtent, "How many columns are taken at once: an int or a parameter."},
                {"axis", ArgKind::kInt, "Which of the reduction axes of the maximum is cut, from 0.", 0,
                 false}},
    .example = R"(>>> x = te.placeholder((10, 37), name="x")
>>> j, k = te.reduce_axis(37, name="j"), te.reduce_axis(37, name="k")
>>> m = te.compute((10,), lambda i: te.max(x[i, j], axis=j), name="m")
>>> l = te.compute((10,), lambda i: te.sum(te.exp(x[i, k] - m[i]), axis=k), name="l")
>>> y = te.compute((10, 37), lambda i, k: te.exp(x[i, k] - m[i]) / l[i], name="y")
>>> s = tw.Schedule(y)
>>> s.rewrite("y", "online_softmax", chunk=16)
[<tw.Block m_part>, <tw.Block exp_part>, <tw.Block l_part>, <tw.Block l_online>, <tw.Block y>])",
    .apply = online_softmax,
}};

}  // namespace
}  // namespace tw::schedule
