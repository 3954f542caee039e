#include "autotune/space/contraction_dot.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "autotune/space/contraction_nest.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

constexpr int64_t kMostRows = 14;

/// The intrinsic that fills a vector register.
std::optional<Dot> dot_of(const ContractionShape& shape) {
  const Machine& machine = shape.machine;
  const int64_t lanes = machine.lanes(kFloat32);
  if (lanes < 4 || lanes > 16 || (lanes < 16 && !machine.has_feature("avx512vl"))) return {};
  const DType a = shape.first->dtype, b = shape.second->dtype, sums = shape.facts.dtype;
  if (a == kBFloat16 && b == kBFloat16 && sums == kFloat32 && machine.has_feature("avx512bf16"))
    return Dot{fmt::format("dot_bf16_{}x2", lanes), lanes, 2};
  if (a == kUInt8 && b == kInt8 && sums == kInt32 && machine.has_feature("avx512vnni"))
    return Dot{fmt::format("dot_u8s8_{}x4", lanes), lanes, 4};
  return {};
}

/// Rows, columns, steps; steps of a row together in memory.
bool is_plain_product(const ContractionShape& shape) {
  if (!shape.facts.whole_product || !shape.first || !shape.second || shape.facts.axes.size() != 3)
    return false;
  return shape.row == 0 && shape.column == 1 && shape.blocked_axis() == 2 && shape.can_pack() &&
         !shape.axis(0).group && shape.first->contiguous_axis == 2 &&
         shape.first->dimensions == std::vector<int>{0, 2} && dimension_of(*shape.second, 2) >= 0;
}

class DotNest {
 public:
  DotNest(Script& s, const ContractionShape& shape, const DotPlan& plan)
      : s_(s), shape_(shape), plan_(plan), partial_(plan.kc < shape.steps) {}

  void build(const std::string& consumer) {
    const std::string scope = partial_ ? "global" : "local";
    const BlockRef product = s_.block(shape_.facts.name);
    BlockRef result = product;
    if (consumer.empty())
      result = s_.cache_write(product, scope);
    else
      s_.apply("set_scope", {s_.schedule().buffer(shape_.facts.writes), scope});
    if (!consumer.empty()) result = s_.block(consumer);
    packed_ = s_.cache_read(product, shape_.second->buffer, "global");
    pad_copies(product);
    s_.pad(product, {1, plan_.width(), plan_.kc});
    tile_ = product;
    out_ = result;
    if (partial_) {
      const auto [blocks, step] = s_.split<2>(s_.loops(product).back(), {None{}, plan_.kc});
      tile_ = s_.rfactor(blocks, 0);
      out_ = product;
    }
    cut();
    pack();
    s_.compute_at(tile_, rows_of_tiles_);
    sum();
    write_out_last(out_, 2);
    if (partial_) {
      take_sums_at(result);
      write_out_last(result, 0);
    }
    if (shared_) s_.parallel(*shared_);
  }

 private:
  void pad_copies(BlockRef product) {
    std::vector<int64_t> multiples(2, plan_.kc);
    multiples[static_cast<std::size_t>(dimension_of(*shape_.second, 1))] = plan_.width();
    s_.pad(packed_, multiples);
    if (shape_.steps % plan_.kc == 0 && shape_.constant_extents) return;
    const BlockRef rows = s_.cache_read(product, shape_.first->buffer, "global");
    s_.pad(rows, {1, plan_.kc});
    const std::vector<LoopRef> loops = s_.loops(rows);
    const auto [vectors, lane] = s_.split<2>(loops.back(), {None{}, plan_.dot.lanes * plan_.dot.depth});
    s_.vectorize(lane);
    if (shape_.machine.threads > 1) s_.parallel(loops[loops.size() - 2]);
  }

  /// Blocks and tiles of the block that takes the sums of a tile.
  void cut() {
    const std::vector<LoopRef> loops = s_.loops(out_);
    LoopRef i = loops[0], j = loops[1];
    std::vector<LoopRef> order;
    const auto part = [&](LoopRef loop, int64_t extent, int64_t unit) {
      const auto [each, rest] =
          s_.split<2>(loop, {None{}, round_up(ceil_div(extent, shape_.machine.threads), unit)});
      shared_ = each;
      order.push_back(each);
      return rest;
    };
    if (plan_.sharing == Sharing::kColumns) j = part(j, shape_.columns, plan_.width());
    if (plan_.sharing == Sharing::kRows) i = part(i, shape_.rows, plan_.rows);
    const auto [jc, columns] = s_.split<2>(j, {None{}, plan_.nc});
    const auto [ic, rows] = s_.split<2>(i, {None{}, plan_.mc});
    const auto [jr, jj] = s_.split<2>(columns, {None{}, plan_.width()});
    const auto [ir, ii] = s_.split<2>(rows, {None{}, plan_.rows});
    order.push_back(jc);
    if (partial_) order.push_back(loops.back());
    for (const LoopRef loop : {ic, jr, ir, ii, jj}) order.push_back(loop);
    s_.reorder(order);
    block_ = jc;
    rows_of_tiles_ = ir;
  }

  /// `depth` elements of a column together.
  void pack() {
    std::vector<LoopRef> loops = s_.loops(packed_);
    const auto column = static_cast<std::size_t>(dimension_of(*shape_.second, 1));
    const std::size_t step = 1 - column, first = loops.size() - 2;
    const auto [steps, inner] = s_.split<2>(loops[first + step], {None{}, plan_.dot.depth});
    const auto [panel, inside] = s_.split<2>(loops[first + column], {None{}, plan_.width()});
    s_.reorder({panel, steps, inside, inner});
    s_.transform_layout(
        s_.name(packed_),
        fmt::format("(d0, d1) -> (d{} // {}, d{} // {}, d{} % {}, d{} % {})", column, plan_.width(), step,
                    plan_.dot.depth, column, plan_.width(), step, plan_.dot.depth));
    s_.unroll(inner);
    if (shape_.machine.threads > 1) s_.parallel(panel);
  }

  void sum() {
    const std::vector<LoopRef> loops = s_.loops(tile_);
    const std::size_t last = loops.size() - 1;
    const auto [steps, depth] = s_.split<2>(loops[last], {None{}, plan_.dot.depth});
    const auto [vectors, lane] = s_.split<2>(loops[last - 1], {None{}, plan_.dot.lanes});
    const LoopRef row = loops[last - 2];
    s_.reorder({steps, row, vectors, lane, depth});
    const BlockRef clear = s_.decompose_reduction(tile_, steps);
    s_.apply("tensorize", {lane, plan_.dot.name});
    s_.unroll(row);
    s_.unroll(vectors);
    const std::vector<LoopRef> cleared = s_.loops(clear);
    const std::size_t inside = s_.loops(out_).size() - 2;  // of the loops that both stand in
    for (std::size_t i = inside; i + 1 < cleared.size(); ++i) s_.unroll(cleared[i]);
    s_.vectorize(cleared.back());
  }

  /// Computes what takes the complete sums for a block of columns, or for the part of a thread where blocks
  /// may overlap its end.
  void take_sums_at(BlockRef result) {
    try {
      s_.reverse_compute_at(result, block_);
    } catch (const UserError&) {
      if (!shared_) throw;
      s_.reverse_compute_at(result, *shared_);
    }
  }

  /// The last loop of a block in vectors, and that many loops from it on outwards written out.
  void write_out_last(BlockRef block, std::size_t unrolled) {
    const std::vector<LoopRef> loops = s_.loops(block);
    const auto [vectors, lane] = s_.split<2>(loops.back(), {None{}, plan_.dot.lanes});
    if (unrolled > 1) s_.unroll(loops[loops.size() - 2]);
    if (unrolled > 0) s_.unroll(vectors);
    s_.vectorize(lane);
  }

  Script& s_;
  const ContractionShape& shape_;
  const DotPlan& plan_;
  bool partial_;  // sums of blocks of steps are added up in memory
  BlockRef packed_, tile_, out_;
  LoopRef block_, rows_of_tiles_;
  std::optional<LoopRef> shared_;
};

}  // namespace

std::optional<DotPlan> choose_dot(const ContractionShape& shape, Choices& choose, const std::string& prefix) {
  if (!is_plain_product(shape)) return {};
  const std::optional<Dot> dot = dot_of(shape);
  if (!dot || !choose.flag(prefix + "dot", true)) return {};
  const Machine& machine = shape.machine;
  const int64_t registers = machine.vector_registers, bytes = shape.second->dtype.bytes();
  DotPlan plan;
  plan.dot = *dot;
  int64_t rows = shape.rows, columns = shape.columns;  // of one thread
  if (machine.threads > 1 && cycles_of(shape) > kCyclesForThreads) {
    plan.sharing = columns >= rows ? Sharing::kColumns : Sharing::kRows;
    int64_t& shared = columns >= rows ? columns : rows;
    shared = ceil_div(shared, machine.threads);
  }
  const auto [r, v] = register_tile(rows, columns, kMostRows, dot->lanes, registers);
  std::vector<int64_t> all_rows;
  plan.vectors = choose.pick(prefix + "vectors", {1, 2, 3, 4}, v);
  for (int64_t n = 1; n <= shape.rows && n * plan.vectors + plan.vectors + 1 <= registers; ++n)
    all_rows.push_back(n);
  plan.rows = choose.pick(prefix + "rows", all_rows, r);
  // A panel is read again for each tile of rows: it stays in the second cache, with room for rows of A.
  const int64_t most = std::max(dot->depth, machine.second / 4 / (bytes * plan.width()));
  const int64_t kc = round_up(ceil_div(shape.steps, ceil_div(shape.steps, most)), dot->depth);
  const int64_t half = round_up(ceil_div(kc, 2), dot->depth), all = round_up(shape.steps, dot->depth);
  plan.kc = choose.pick(prefix + "kc", {kc, half, all}, kc);
  const auto block = [&](const char* name, int64_t extent, int64_t unit, int64_t cache) {
    const int64_t size =
        even_blocks(extent, std::max<int64_t>(1, cache / (bytes * plan.kc) / unit) * unit, unit);
    return block_size(choose, prefix + name, unit, extent, size);
  };
  plan.mc = block("mc", rows, plan.rows, machine.second / 2);
  plan.nc = block("nc", columns, plan.width(), machine.last / 2 / machine.threads);
  return plan;
}

bool apply_dot(Script& s, const ContractionShape& shape, const DotPlan& plan, const std::string& consumer) {
  DotNest(s, shape, plan).build(consumer);
  return !consumer.empty();
}

}  // namespace tw::autotune
