#include "schedule/operand_demands.h"

#include <algorithm>

#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "schedule/blocks.h"

namespace tw::schedule {
namespace {

Expr stride_of(const Buffer& buffer, std::size_t dimension) {
  if (!buffer->strides.empty()) return buffer->strides[dimension];
  Expr stride(1);
  for (std::size_t d = dimension + 1; d < buffer->shape.size(); ++d) stride = stride * buffer->shape[d];
  return simplify(stride);
}

bool divides(int64_t factor, const Expr& e, const Context& context) {
  return factor == 1 || prove(eq(floormod(e, Expr(factor)), 0), context);
}

class OperandFit {
 public:
  OperandFit(const Step& step, const Intrinsic& intrinsic, const BlockTile& tile, std::size_t number,
             const MatchedOperand& operand)
      : step_(step),
        intrinsic_(intrinsic),
        tile_(tile),
        parameter_(intrinsic.pattern.operands[number]),
        demand_(intrinsic.operands[number]),
        operand_(operand),
        buffer_(operand.box.buffer) {}

  /// The buffer as it is needed; the same where it fits.
  Buffer fit() const {
    require_strides();
    if (demand_.lane_map) return as_fragment();
    require_scope();
    return aligned();
  }

 private:
  const std::string& name() const { return buffer_->name; }
  std::string who() const {
    return fmt::format("operand {} of intrinsic {}", parameter_->name.text, intrinsic_.name);
  }

  void require_strides() const {
    for (std::size_t d = 0; d < buffer_->shape.size() && !demand_.strides.empty(); ++d) {
      const int p = operand_.dimension_of[d];
      if (p < 0 || is_int(operand_.box.ranges[d].extent, 1)) continue;
      const StrideDemand& wanted = demand_.strides[static_cast<std::size_t>(p)];
      const Expr stride = stride_of(buffer_, d);
      const bool fits = wanted.exactly ? prove(eq(stride, Expr(wanted.exactly)), tile_.context)
                                       : divides(wanted.multiple_of, stride, tile_.context);
      if (fits) continue;
      const std::string advice = layout_advice(step_, tile_, buffer_, operand_.indices, operand_.axes);
      step_.refuse(tile_.block,
                   "{} needs neighbours in its dimension {} to be {} apart, and in {} they are {} elements "
                   "apart{}{}",
                   who(), p,
                   wanted.exactly == 1 ? "1 element"
                   : wanted.exactly    ? fmt::format("{} elements", wanted.exactly)
                                       : fmt::format("a multiple of {} elements", wanted.multiple_of),
                   to_text(operand_.box), to_text(stride), advice.empty() ? "" : "; ", advice);
    }
  }

  void require_scope() const {
    const std::vector<Scope>& scopes = demand_.scopes;
    const bool fits = scopes.empty()
                          ? buffer_->scope != Scope::kFragment
                          : std::find(scopes.begin(), scopes.end(), buffer_->scope) != scopes.end();
    if (fits) return;
    std::string wanted;
    for (const Scope scope : scopes) wanted += (wanted.empty() ? "" : " or ") + std::string(to_string(scope));
    if (wanted.empty()) wanted = "global, shared or local";
    const char* remedy = buffer_->scope == Scope::kFragment
                             ? "lanes of a warp hold a fragment; an intrinsic that stores it, or a copy by "
                               "cache_read, takes it "
                               "out"
                             : "use set_scope, or cache_read or cache_write for a copy there";
    step_.refuse(tile_.block, "{} lies in {} memory, and {} is in {} memory; {}", who(), wanted, name(),
                 to_string(buffer_->scope), remedy);
  }

  /// What the program allocates is aligned as is needed; of what the caller gives, only what is promised
  /// counts.
  Buffer aligned() const {
    const int64_t alignment = demand_.alignment;
    if (alignment <= buffer_->dtype.bytes()) return buffer_;
    Expr offset(0);
    for (std::size_t d = 0; d < buffer_->shape.size(); ++d)
      offset = offset + operand_.box.ranges[d].min * stride_of(buffer_, d);
    if (!divides(alignment / buffer_->dtype.bytes(), simplify(offset, tile_.context), tile_.context))
      step_.refuse(
          tile_.block,
          "{} begins at a multiple of {} bytes, and {} is not proved to: it begins {} elements of {} "
          "bytes behind the beginning of {}; pad the rows with storage_align, or use transform_layout",
          who(), alignment, to_text(operand_.box), to_text(simplify(offset, tile_.context)),
          buffer_->dtype.bytes(), name());
    if (buffer_->alignment >= alignment) return buffer_;
    if (is_parameter(step_.program(), buffer_))
      step_.refuse(tile_.block,
                   "{} begins at a multiple of {} bytes, and {} is the caller's and promises {}; cache_read "
                   "gives a copy that is aligned",
                   who(), alignment, name(), std::max<int64_t>(buffer_->alignment, buffer_->dtype.bytes()));
    auto* node = new BufferNode(*buffer_);
    const Buffer fresh(node);
    node->alignment = alignment;
    return fresh;
  }

  /// The lane map of the whole buffer: tile after tile, each as the intrinsic has it.
  LaneMap tiled_map(const std::vector<VarDef>& coords) const {
    Context context;
    VarMap within;
    Expr number(0);
    int64_t elements = 1;
    for (std::size_t d = 0; d < buffer_->shape.size(); ++d) {
      const Expr extent = simplify(buffer_->shape[d]);
      const auto size = as_int(extent);
      const int64_t piece = as_int(operand_.box.ranges[d].extent).value();
      if (!size || *size % piece != 0 || !divides(piece, operand_.box.ranges[d].min, tile_.context))
        step_.refuse(
            tile_.block,
            "{} is a fragment of pieces of {}, and dimension {} of {}, of {} elements, does not fall "
            "into pieces of {} that begin as the tiles do ({}); copy just the elements that the tiles "
            "of one warp use",
            who(), shape_text(), d, name(), to_text(extent), piece, to_text(operand_.box));
      context.bind(coords[d], 0, extent);
      if (const int p = operand_.dimension_of[d]; p >= 0)
        within[&*demand_.lane_map->coords[static_cast<std::size_t>(p)]] = floormod(coords[d], Expr(piece));
      number = number * Expr(*size / piece) + floordiv(coords[d], Expr(piece));
      elements *= piece;
    }
    const int64_t slots = (elements + 31) / 32;
    return {
        coords, simplify(substitute(demand_.lane_map->lane, within), context),
        simplify(number * Expr(std::max(slots, slots_of_map())) + substitute(demand_.lane_map->slot, within),
                 context)};
  }

  /// How many slots of a lane one piece takes.
  int64_t slots_of_map() const {
    Context context;
    for (std::size_t d = 0; d < parameter_->shape.size(); ++d)
      context.bind(demand_.lane_map->coords[d], 0, parameter_->shape[d]);
    const Interval reach = bounds(demand_.lane_map->slot, context);
    check_internal(reach.max != kNoMax, "the slots of {} have no bound", who());
    return reach.max + 1;
  }

  std::string shape_text() const {
    std::string text;
    for (const Expr& extent : parameter_->shape) text += (text.empty() ? "" : " by ") + to_text(extent);
    return text;
  }

  Buffer as_fragment() const {
    if (buffer_->lane_map) {
      const LaneMap wanted = tiled_map(buffer_->lane_map->coords);
      if (structural_equal(wanted.lane, buffer_->lane_map->lane) &&
          structural_equal(wanted.slot, buffer_->lane_map->slot))
        return buffer_;
      step_.refuse(tile_.block,
                   "{} spreads over the lanes of a warp as {}, and {} as {}; copy it into a fragment of its "
                   "own with cache_read or cache_write",
                   who(), to_text(wanted), name(), to_text(*buffer_->lane_map));
    }
    if (is_parameter(step_.program(), buffer_) || buffer_->scope != Scope::kLocal)
      step_.refuse(tile_.block,
                   "{} lies in a fragment, the registers of a warp, and buffer {} in {} memory; {} gives a "
                   "copy in 'local' memory, which becomes the fragment",
                   who(), name(), to_string(buffer_->scope), is_written() ? "cache_write" : "cache_read");
    if (!buffer_->strides.empty())
      step_.refuse(tile_.block,
                   "{} lies in a fragment, and {} has strides of its own; leave out storage_align", who(),
                   name());
    std::vector<VarDef> coords;
    for (std::size_t d = 0; d < buffer_->shape.size(); ++d) coords.push_back(Var(fmt::format("e{}", d)));
    auto* node = new BufferNode(*buffer_);
    const Buffer fresh(node);
    node->scope = Scope::kFragment;
    node->lane_map = tiled_map(coords);
    return fresh;
  }

  bool is_written() const { return intrinsic_.pattern.store->buffer.same_as(parameter_); }

  const Step& step_;
  const Intrinsic& intrinsic_;
  const BlockTile& tile_;
  const Buffer& parameter_;
  const OperandDemand& demand_;
  const MatchedOperand& operand_;
  const Buffer& buffer_;
};

}  // namespace

std::vector<std::pair<Buffer, Buffer>> meet_demands(const Step& step, const Intrinsic& intrinsic,
                                                    const BlockTile& tile,
                                                    const std::vector<MatchedOperand>& operands) {
  std::vector<std::pair<Buffer, Buffer>> exchanged;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Buffer& buffer = operands[i].box.buffer;
    const Buffer fresh = OperandFit(step, intrinsic, tile, i, operands[i]).fit();
    if (fresh.same_as(buffer)) continue;
    const auto known = std::find_if(exchanged.begin(), exchanged.end(),
                                    [&](const auto& pair) { return pair.first.same_as(buffer); });
    if (known == exchanged.end())
      exchanged.emplace_back(buffer, fresh);
    else if (!structural_equal(known->second, fresh))
      step.refuse(tile.block, "two operands of intrinsic {} are buffer {} and need it laid out differently",
                  intrinsic.name, buffer->name.text);
  }
  return exchanged;
}

}  // namespace tw::schedule
