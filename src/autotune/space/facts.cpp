#include "autotune/space/facts.h"

#include <algorithm>
#include <numeric>

#include "autotune/space/facts_reads.h"
#include "ir/analysis/access_map.h"
#include "schedule/rewrites/contraction.h"

namespace tw::autotune {
namespace {

using schedule::Contraction;
using schedule::find_contraction;
using schedule::point_value;
using schedule::Recognised;
using schedule::whole_reduction;
using schedule::WholeReduction;

/// What is known while facts of a program are gathered.
struct Survey {
  const Workload& workload;
  const Program& program;
  std::vector<const Block*> inits;  // blocks that clear the sums of others
};

bool is_init(const Survey& survey, const Block& block) {
  return std::find(survey.inits.begin(), survey.inits.end(), &block) != survey.inits.end();
}

int64_t bytes_of(const Workload& workload, const Buffer& buffer) {
  return elements_of(workload, buffer) * buffer->dtype.bytes();
}

/// The position of an axis of the block, or of the one that it is a part of.
int position_of(const Block& block, const Var& axis, const std::vector<Contraction::Split>& splits = {}) {
  for (const Contraction::Split& split : splits)
    if (split.outer.var.same_as(axis) || split.inner.var.same_as(axis))
      return position_of(block, split.axis, splits);
  for (std::size_t i = 0; i < block.axes.size(); ++i)
    if (block.axes[i].var.same_as(axis)) return static_cast<int>(i);
  return -1;
}

AxisFacts& axis_of(BlockFacts& facts, int position) {
  return facts.axes[static_cast<std::size_t>(position)];
}

std::vector<AxisFacts> axes_of(const Survey& survey, const Block& block) {
  std::vector<AxisFacts> axes;
  for (const BlockAxis& axis : block.axes) {
    AxisFacts facts;
    facts.name = schedule::axis_name(axis.var);
    facts.extent = survey.workload.number(axis.extent);
    facts.reduced = axis.axis_kind == AxisKind::kReduction;
    facts.role = facts.reduced ? AxisRole::kSummed : AxisRole::kSpatial;
    axes.push_back(facts);
  }
  return axes;
}

bool contains_var(const Load& load, const Var& var) {
  return std::any_of(load.indices.begin(), load.indices.end(),
                     [&](const Expr& index) { return uses_var(index, var); });
}

int64_t stride_along(const Workload& workload, const AccessMap& map, const Buffer& buffer, const Var& var) {
  const std::optional<Expr> stride = stride_of(map, buffer, var);
  return stride ? workload.number(*stride) : -1;
}

/// The reads of an expression over these variables; positions of axes are those of the block.
std::vector<ReadFacts> reads_of(const Survey& survey, const Block& block, const Expr& e,
                                const std::vector<Var>& vars,
                                const std::vector<Contraction::Split>& splits = {}) {
  std::vector<ReadFacts> reads;
  for (const Reading& reading : readings_of(e)) {
    const Load& load = *reading.load;
    ReadFacts facts;
    facts.buffer = load.buffer->name;
    facts.dtype = load.buffer->dtype;
    facts.elements = elements_of(survey.workload, load.buffer);
    facts.conditional = reading.conditional;
    for (const Param& param : survey.program->params)
      if (param.is_buffer() && param.buffer.same_as(load.buffer)) {
        facts.parameter = true;
        facts.constant = param.param_kind == ParamKind::kConstant;
      }
    for (const Expr& index : load.indices)
      for (const Var& var : free_vars(index))
        if (const int at = position_of(block, var, splits);
            at >= 0 && std::find(facts.axes.begin(), facts.axes.end(), at) == facts.axes.end())
          facts.axes.push_back(at);
    const AccessMap map = access_map(load.indices, vars);
    for (const Expr& index : load.indices) {
      const auto* var = as<Variable>(index);
      facts.dimensions.push_back(var && splits.empty() ? position_of(block, Var(var)) : -1);
    }
    facts.strides.assign(block.axes.size(), 0);
    for (const Var& var : vars)
      if (const int at = position_of(block, var, splits); contains_var(load, var))
        facts.strides[static_cast<std::size_t>(at)] = stride_along(survey.workload, map, load.buffer, var);
    int64_t widest = -1;
    for (const Var& var : contiguous_vars(map, load.buffer)) {
      const int at = position_of(block, var, splits);
      const int64_t extent = survey.workload.number(block.axes[static_cast<std::size_t>(at)].extent);
      if (extent > widest) facts.contiguous_axis = at;
      widest = std::max(widest, extent);
    }
    reads.push_back(facts);
  }
  return reads;
}

std::vector<Var> vars_of(const Block& block) {
  std::vector<Var> vars;
  for (const BlockAxis& axis : block.axes) vars.push_back(axis.var);
  return vars;
}

void add_reads(BlockFacts& facts, const std::vector<ReadFacts>& reads) {
  facts.reads.insert(facts.reads.end(), reads.begin(), reads.end());
}

/// Rows and columns, groups and windows, the operands' reads.
void describe_product(const Survey& survey, const Contraction& c, BlockFacts& facts) {
  const Block& block = *c.sum.block;
  const auto is_part = [&](const Var& var, te::Axis Contraction::Split::*part) {
    return std::any_of(c.splits.begin(), c.splits.end(),
                       [&](const Contraction::Split& split) { return (split.*part).var.same_as(var); });
  };
  const auto role_of = [&](const schedule::FlatAxes& group, AxisRole role) {
    for (const te::Axis& axis : group.axes) {
      AxisFacts& own = axis_of(facts, position_of(block, axis.var, c.splits));
      if (is_part(axis.var, &Contraction::Split::outer) && role != AxisRole::kBatch) continue;
      // Of an axis in parts, the batch has the quotient; it counts as what the remainder is.
      const bool inner = is_part(axis.var, &Contraction::Split::inner);
      if (inner && role != AxisRole::kBatch) own.group = survey.workload.number(axis.extent);
      own.role = role;
    }
  };
  role_of(c.batch, AxisRole::kBatch);
  role_of(c.rows, AxisRole::kRow);
  role_of(c.columns, AxisRole::kColumn);
  bool swapped = false;
  for (const Var& axis : c.sum.spatial)
    if (const AxisRole role = axis_of(facts, position_of(block, axis)).role; role != AxisRole::kBatch)
      swapped = role == AxisRole::kRow;
  if (swapped)
    for (AxisFacts& axis : facts.axes)
      if (axis.role == AxisRole::kRow || axis.role == AxisRole::kColumn)
        axis.role = axis.role == AxisRole::kRow ? AxisRole::kColumn : AxisRole::kRow;
  std::vector<Var> vars;
  for (const te::Axis& axis : c.spatial) vars.push_back(axis.var);
  for (const te::Axis& axis : c.summed.axes) vars.push_back(axis.var);
  for (const int operand : {0, 1}) {
    std::vector<ReadFacts> reads =
        reads_of(survey, block, (operand == 1) != swapped ? c.second : c.first, vars, c.splits);
    for (ReadFacts& read : reads) read.operand = operand;
    add_reads(facts, reads);
  }
  facts.whole_product =
      as<Load>(schedule::without_casts(c.first)) && as<Load>(schedule::without_casts(c.second));
}

/// Notes which axes meet in subscripts, of which `counts` says whether the spatial one is a window's.
void describe_windows(const Block& block, const Expr& source, BlockFacts& facts) {
  const std::vector<Var> vars = vars_of(block);
  for (const Reading& reading : readings_of(source))
    for (const SubscriptForm& form : access_map(reading.load->indices, vars).subscripts)
      for (std::size_t s = 0; s < vars.size(); ++s)
        for (std::size_t r = 0; r < vars.size(); ++r) {
          AxisFacts &spatial = facts.axes[s], &summed = facts.axes[r];
          if (spatial.reduced || !summed.reduced || !uses_var(form, vars[s]) || !uses_var(form, vars[r]))
            continue;
          // What is in both operands is no window but a group: channels of it stand behind each other.
          if (spatial.role == AxisRole::kBatch || spatial.group) continue;
          spatial.window = summed.window = true;
          spatial.meets = static_cast<int>(r);
          summed.meets = static_cast<int>(s);
          spatial.step = as_int(coefficient(form, vars[s])).value_or(1);
          summed.step = as_int(coefficient(form, vars[r])).value_or(1);
        }
}

BlockKind kind_of_reduction(const BlockFacts& facts) {
  const auto any = [&](auto test) { return std::any_of(facts.axes.begin(), facts.axes.end(), test); };
  const bool only_windows = !any([](const AxisFacts& axis) {
    return axis.reduced && !axis.window && axis.extent != 1;
  }) && any([](const AxisFacts& axis) { return axis.window; });
  const bool rows = any([](const AxisFacts& axis) { return axis.role == AxisRole::kRow; });
  const bool columns = any([](const AxisFacts& axis) { return axis.role == AxisRole::kColumn; });
  const bool groups = any([](const AxisFacts& axis) { return axis.group > 0; });
  if (rows && columns && !(only_windows && groups)) return BlockKind::kContraction;
  return only_windows ? BlockKind::kWindow : BlockKind::kRowReduction;
}

void describe_reduction(const Survey& survey, const WholeReduction& reduction, BlockFacts& facts) {
  const Block& block = *reduction.block;
  facts.dtype = reduction.sources.front().dtype();
  facts.separate_init = reduction.init != nullptr;
  if (reduction.init) facts.init = reduction.init->name;
  facts.contiguous_axis = reduction.spatial.empty() ? -1 : position_of(block, reduction.spatial.back());
  double operations = 0;
  for (const Expr& source : reduction.sources) operations += operations_of(source);
  for (const Expr& result : reduction.reducer->results) operations += operations_of(result);
  facts.operations = operations * static_cast<double>(facts.points);
  const Recognised<Contraction> product = find_contraction(survey.program, block);
  if (product) describe_product(survey, *product, facts);
  for (const Expr& source : reduction.sources) {
    if (!product) add_reads(facts, reads_of(survey, block, source, vars_of(block)));
    describe_windows(block, source, facts);
  }
  facts.kind = kind_of_reduction(facts);
}

/// Whether the subscripts are axes in their order, or constants.
bool is_projection(const Load& load, const std::vector<Var>& axes) {
  std::size_t next = 0;
  for (const Expr& index : load.indices) {
    if (as_int(index)) continue;
    while (next < axes.size() && !axes[next].same_as(index)) ++next;
    if (next++ >= axes.size()) return false;
  }
  return true;
}

void describe_points(const Survey& survey, const schedule::PointValue& point, BlockFacts& facts) {
  const Block& block = *point.block;
  facts.dtype = point.value.dtype();
  facts.contiguous_axis = point.axes.empty() ? -1 : position_of(block, point.axes.back());
  facts.operations = operations_of(point.value) * static_cast<double>(facts.points);
  add_reads(facts, reads_of(survey, block, point.value, vars_of(block)));
  int others = 0;
  for (const Reading& reading : readings_of(point.value)) others += !is_projection(*reading.load, point.axes);
  facts.kind = others == 0 ? BlockKind::kElementwise : others == 1 ? BlockKind::kMovement : BlockKind::kOther;
}

/// A block that is none of those: what it reads, and about how much it does.
void describe_other(const Survey& survey, const Block& block, BlockFacts& facts) {
  for_each_node(block.body, [&](const Node* node) {
    const auto* store = as<Store>(node);
    if (!store) return;
    facts.dtype = store->value.dtype();
    facts.operations += operations_of(store->value) * static_cast<double>(facts.points);
    std::vector<ReadFacts> reads = reads_of(survey, block, store->value, vars_of(block));
    std::erase_if(reads, [&](const ReadFacts& read) { return read.buffer == store->buffer->name.text; });
    add_reads(facts, reads);
  });
}

BlockFacts describe(const Survey& survey, const Block& block) {
  BlockFacts facts;
  facts.name = block.name;
  facts.axes = axes_of(survey, block);
  for (const AxisFacts& axis : facts.axes) facts.points *= axis.extent;
  if (block.writes.size() == 1) facts.writes = block.writes.front().buffer->name;
  const Recognised<WholeReduction> reduction = whole_reduction(survey.program, block);
  const Recognised<schedule::PointValue> point =
      block.writes.size() == 1 ? point_value(survey.program, block.writes.front().buffer)
                               : Recognised<schedule::PointValue>{};
  if (reduction)
    describe_reduction(survey, *reduction, facts);
  else if (point && point->block == &block)
    describe_points(survey, *point, facts);
  else
    describe_other(survey, block, facts);
  return facts;
}

bool shares_buffer(const std::vector<Region>& a, const std::vector<Region>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Region& x) {
    return std::any_of(b.begin(), b.end(), [&](const Region& y) { return x.buffer.same_as(y.buffer); });
  });
}

void connect(const std::vector<const Block*>& blocks, Facts& facts) {
  for (std::size_t from = 0; from < blocks.size(); ++from)
    for (std::size_t to = 0; to < blocks.size(); ++to)
      if (from != to && shares_buffer(blocks[from]->writes, blocks[to]->reads)) {
        facts.blocks[from].consumers.push_back(static_cast<int>(to));
        facts.blocks[to].producers.push_back(static_cast<int>(from));
      }
}

template <class List, class Test>
std::vector<int> positions_where(const List& list, Test test) {
  std::vector<int> positions;
  for (std::size_t i = 0; i < list.size(); ++i)
    if (test(list[i])) positions.push_back(static_cast<int>(i));
  return positions;
}

}  // namespace

int64_t BlockFacts::extent(AxisRole role) const {
  return std::accumulate(axes.begin(), axes.end(), int64_t{1}, [&](int64_t product, const AxisFacts& axis) {
    if (axis.role == role) return product * (axis.group ? axis.group : axis.extent);
    return role == AxisRole::kBatch && axis.group ? product * (axis.extent / axis.group) : product;
  });
}

std::vector<int> BlockFacts::of(AxisRole role) const {
  return positions_where(axes, [&](const AxisFacts& axis) { return axis.role == role; });
}

std::vector<int> Facts::of(BlockKind kind) const {
  return positions_where(blocks, [&](const BlockFacts& block) { return block.kind == kind; });
}

Facts facts_of(const Workload& workload) {
  Survey survey{workload, workload.program, {}};
  const std::vector<schedule::BlockPlace> places = schedule::all_blocks(workload.program);
  for (const schedule::BlockPlace& place : places)
    if (const auto reduction = schedule::whole_reduction(workload.program, place.block());
        reduction && reduction->init)
      survey.inits.push_back(reduction->init);
  Facts facts;
  std::vector<const Block*> blocks;
  for (const schedule::BlockPlace& place : places) {
    if (is_init(survey, place.block())) continue;
    blocks.push_back(&place.block());
    facts.blocks.push_back(describe(survey, place.block()));
    facts.operations += facts.blocks.back().operations;
  }
  connect(blocks, facts);
  for (const Param& param : workload.program->params) {
    if (!param.is_buffer()) continue;
    const int64_t bytes = bytes_of(workload, param.buffer);
    const bool in_and_out = param.param_kind == ParamKind::kInOut;
    if (param.param_kind == ParamKind::kInput || in_and_out) facts.input_bytes += bytes;
    if (param.param_kind == ParamKind::kConstant) facts.constant_bytes += bytes;
    if (param.param_kind == ParamKind::kOutput || in_and_out) facts.output_bytes += bytes;
  }
  return facts;
}

}  // namespace tw::autotune
