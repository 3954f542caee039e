// transform_layout(T, (i, j) -> (i // 14, j, i % 14)), n = 100:
//
//   alloc T: float32[100, k]                       alloc T: float32[8, k, 14]
//   for i0 in 100:                                 for i0 in 8:
//     for i1 in k:                                   for i1 in k:
//       block T(…): T[vi0, vi1] = A[vi0, vi1]  =>      for i2 in 14:
//   … block C(…): … T[vi, vk] …                          block T(…): if vi0*14 + vi2 < 100:
//                                                                      T[vi0, vi1, vi2] = A[vi0*14 + vi2,
//                                                                      vi1]
//                                                  … block C(…): … T[vi // 14, vk, vi % 14] …
//
// The element that was at (i, j) is at the image of (i, j). The map must be one to one onto the box of the
// new shape, once every index has been rounded up to what its divisors need; elements of the box that come
// from no index are padding. They are neither written nor read, unless `pad_value` says what they hold.
//
// All accesses are rewritten; loops stay, with one exception: a block that only copies into the buffer and
// still stands in its default loops, as cache_read makes it, takes the new dimensions as its axes and loops.
// It then packs in the order of the new layout, and compute_at moves it by whole panels.
#include <algorithm>
#include <numeric>

#include "ir/analysis/iter_map.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/blocks.h"
#include "schedule/copies.h"
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

/// A layout and its way back.
struct Layout {
  const IndexMap& map;
  std::vector<Expr> old_shape;
  std::vector<bool> padded;  // whether an index is rounded up
  IterMap digits;            // of the map, over the rounded indices
  std::vector<Expr> shape;

  std::vector<Expr> image(const std::vector<Expr>& indices) const {
    VarMap values;
    for (std::size_t d = 0; d < indices.size(); ++d) values[&*map.from[d]] = indices[d];
    std::vector<Expr> result;
    for (const Expr& e : map.to) result.push_back(substitute(e, values));
    return result;
  }
  std::vector<Expr> preimage(const std::vector<Expr>& point, const Context& context) const {
    auto indices = inverse(digits, point, context);
    check_internal(indices.has_value(), "a layout that is one to one has no inverse");
    for (Expr& index : *indices) index = simplify(index, context);
    return *indices;
  }
  /// Whether indices that a point of the box comes from are inside; null where all are.
  Expr is_element(const std::vector<Expr>& indices, const Context& context) const {
    Expr inside;
    for (std::size_t d = 0; d < indices.size(); ++d) {
      if (!padded[d]) continue;
      const Expr condition = simplify(lt(indices[d], old_shape[d]), context);
      if (!prove(condition, context)) inside = inside ? logical_and(inside, condition) : condition;
    }
    return inside;
  }
};

/// What one step of a value is in units of the index it is computed from: 14 for i // 14.
int64_t unit_of(const Expr& e) {
  const auto* binary = as<Binary>(e);
  const auto divisor = binary && binary->op == BinaryOp::kFloorDiv ? as_int(binary->b) : std::nullopt;
  return divisor && *divisor > 0 ? *divisor * unit_of(binary->a) : 1;
}

/// The least number that the index must be a multiple of for divisions of it to leave no gaps.
int64_t grain_of(const std::vector<Expr>& exprs, const Var& index) {
  int64_t grain = 1;
  for (const Expr& e : exprs)
    for_each_node(e, [&](const Node* node) {
      const auto* binary = as<Binary>(node);
      if (!binary || (binary->op != BinaryOp::kFloorDiv && binary->op != BinaryOp::kFloorMod)) return;
      const auto divisor = as_int(binary->b);
      if (divisor && *divisor > 0 && uses_var(binary->a, index))
        grain = std::lcm(grain, *divisor * unit_of(binary->a));
    });
  return grain;
}

/// Tries the map on indices rounded up to these grains. Gives why not, or nothing.
std::string try_layout(Layout& layout, const std::vector<int64_t>& grains) {
  Context context;
  std::vector<LoopRange> loops;
  for (std::size_t d = 0; d < grains.size(); ++d) {
    const Expr& extent = layout.old_shape[d];
    const Expr rounded =
        grains[d] == 1 ? extent : simplify(ceildiv(extent, Expr(grains[d])) * Expr(grains[d]));
    layout.padded.push_back(grains[d] != 1 && !prove(eq(rounded, extent)));
    loops.push_back({layout.map.from[d], layout.padded.back() ? rounded : extent});
    // Of an empty buffer every map is one to one.
    if (!as_int(extent)) context.assume(le(1, extent));
  }
  IterMapResult digits = detect_iter_map(layout.map.to, loops, {}, context);
  if (!digits) return digits.reason;
  layout.digits = *digits;
  if (const Verdict once = is_injective(layout.digits, context); !once) return once.reason;
  Context inside = context;
  for (const LoopRange& loop : loops) inside.bind(loop.var, 0, loop.extent);
  for (const Expr& e : layout.map.to) {
    const auto reach = symbolic_bounds(e, layout.map.from, inside);
    if (!reach) return fmt::format("the values of {} have no bound", to_text(e));
    layout.shape.push_back(simplify(reach->max + 1));
  }
  return is_bijective(layout.digits, layout.shape, context).reason;
}

Layout layout_of(const Step& step, const Buffer& buffer) {
  const IndexMap& map = step.index_map(1);
  if (map.from.size() != buffer->shape.size())
    step.refuse(nullptr, "the map takes {} indices, and buffer {} has {} dimensions", map.from.size(),
                buffer->name.text, buffer->shape.size());
  // As it stands first; rounded up where divisors need it.
  std::vector<int64_t> grains;
  for (const Var& index : map.from) grains.push_back(grain_of(map.to, index));
  Layout rounded{map, buffer->shape, {}, {}, {}};
  const std::string reason = try_layout(rounded, grains);
  if (reason.empty()) return rounded;
  Layout exact{map, buffer->shape, {}, {}, {}};
  if (try_layout(exact, std::vector<int64_t>(grains.size(), 1)).empty()) return exact;
  step.refuse(
      nullptr,
      "{} is not one to one from the indices of buffer {} onto a box: {}; every index must go into the new "
      "subscripts, whole or by all its digits, without gaps",
      map.text(), buffer->name.text, reason);
}

Expr pad_value(const Step& step, DType dtype) {
  const Value& value = step.value(2);
  if (const auto* number = value.get_if<int64_t>()) return make_const(dtype, *number);
  if (const auto* number = value.get_if<double>()) return make_const(dtype, *number);
  if (!value.is_none()) step.refuse(nullptr, "the pad value is a text; give a number");
  return {};
}

/// The nest of a block that copies, each axis a serial loop and a subscript of its own; `node` is null for
/// others.
Place default_copy_nest(const BlockPlace& place, const Buffer& buffer) {
  const Block& block = place.block();
  const Store* store = only_store(block);
  if (!store || !as<Load>(store->value) || block.predicate || block.init) return {};
  const Place nest = whole_nest(place);
  std::vector<const For*> loops;
  const Node* node = nest.node;
  for (; node->kind == Kind::kFor; node = loops.back()->body.get()) {
    loops.push_back(static_cast<const For*>(node));
    if (loops.back()->loop_kind != LoopKind::kSerial || !loops.back()->annotations.empty()) return {};
  }
  std::size_t moving = 0, subscripts = 0;
  for (const BlockAxis& axis : block.axes) {
    if (axis.axis_kind != AxisKind::kSpatial) return {};
    const bool own_loop = std::any_of(loops.begin(), loops.end(), [&](const For* loop) {
      return axis.binding.same_as(loop->var) && structural_equal(axis.extent, loop->extent);
    });
    if (!own_loop && !(is_int(axis.extent, 1) && is_int(axis.binding, 0))) return {};
    moving += own_loop;
    for (std::size_t d = 0; d < store->indices.size(); ++d)
      subscripts += store->indices[d].same_as(axis.var) && structural_equal(buffer->shape[d], axis.extent);
  }
  for (std::size_t d = 0; d < store->indices.size(); ++d)
    if (is_int(store->indices[d], 0) && is_int(buffer->shape[d], 1)) ++subscripts;
  const bool complete = node == &block && moving == loops.size() && subscripts == store->indices.size() &&
                        subscripts >= block.axes.size();
  return complete ? nest : Place{};
}

struct Box {
  std::vector<CopyAxis> axes;
  std::vector<Expr> point;
  Context context;
};

/// Axes through the whole of a shape.
Box axes_of(const std::vector<Expr>& shape) {
  Box box;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    box.axes.push_back({copy_axis(d), shape[d], 0, shape[d]});
    box.point.push_back(box.axes.back().var);
    bind_keeping(box.context, box.axes.back().var, shape[d]);
  }
  return box;
}

/// The copy in the order of the new layout.
Stmt packing_nest(const Block& block, const Layout& layout, const Buffer& fresh, const Expr& pad) {
  const Box box = axes_of(layout.shape);
  const std::vector<Expr> indices = layout.preimage(box.point, box.context);
  const Expr inside = layout.is_element(indices, box.context);
  const Store& store = *only_store(block);
  VarMap values;
  for (const BlockAxis& axis : block.axes) values[&*axis.var] = 0;
  for (std::size_t d = 0; d < indices.size(); ++d)
    if (const auto* axis = as<Variable>(store.indices[d])) values[axis] = indices[d];
  Context guarded = box.context;
  if (inside) guarded.assume(inside);
  const Expr value = simplify(substitute(store.value, values), guarded);
  Stmt body = Store::make(fresh, box.point, inside && pad ? select(inside, value, pad) : value);
  if (inside && !pad) body = If::make(inside, body);
  return copy_nest(block.name, block.id, box.axes, body);
}

/// Writes the padding, nothing else; null where there is none.
Stmt padding_nest(const Step& step, const Layout& layout, const Buffer& fresh, const Expr& pad) {
  const Box box = axes_of(layout.shape);
  const Expr inside = layout.is_element(layout.preimage(box.point, box.context), box.context);
  if (!inside) return {};
  const Stmt body = If::make(simplify(logical_not(inside), box.context), Store::make(fresh, box.point, pad));
  return copy_nest(fresh_name(step.program(), fresh->name.text + "_pad"), step.new_block_id(), box.axes,
                   body);
}

/// The body with the nest first of what stands in the allocation, and in those directly inside it.
Stmt with_padding(const Stmt& body, const Buffer& fresh, const Stmt& padding) {
  const Program program = ProgramNode::make("", {}, body);
  Place place = allocation_of(program, fresh);
  while (const auto* allocation = as<Allocate>(static_cast<const Node*>(place.node))) {
    place.around.push_back(place.node);
    place.node = allocation->body.get();
  }
  return replaced_at(program, place, Seq::make({padding, Stmt(place.node)}));
}

Outcome transform_layout(const Step& step) {
  const Buffer buffer = step.buffer(0);
  if (is_parameter(step.program(), buffer))
    step.refuse(
        nullptr,
        "the caller sees how buffer {} is laid out; use cache_read or cache_write, and transform the copy",
        buffer->name.text);
  if (!buffer->strides.empty() || buffer->lane_map)
    step.refuse(nullptr, "buffer {} has {} for its old layout; transform it before", buffer->name.text,
                buffer->lane_map ? "a lane map" : "aligned strides");
  for (const BlockPlace& place : all_blocks(step.program()))
    require_plain_accesses(step, place.block(), buffer);
  const Layout layout = layout_of(step, buffer);
  const Expr pad = pad_value(step, buffer->dtype);

  auto* node = new BufferNode(*buffer);
  const Buffer fresh(node);
  node->shape = layout.shape;
  Stmt body = step.program()->body;
  bool padding_written = !pad;
  const std::vector<BlockPlace> writers = writers_of(step.program(), buffer);
  if (writers.size() == 1)
    if (const Place nest = default_copy_nest(writers.front(), buffer); nest.node) {
      body = replaced_at(step.program(), nest, packing_nest(writers.front().block(), layout, fresh, pad));
      padding_written = true;
    }
  body = redirected(body, {buffer, fresh, [&](std::vector<Expr> indices) { return layout.image(indices); }});
  if (!padding_written)
    if (const Stmt padding = padding_nest(step, layout, fresh, pad))
      body = with_padding(body, fresh, padding);
  return {step.with_body(body), {}, {{buffer, fresh}}};
}

const Registration registration{{
    .name = "transform_layout",
    .summary = "Lays a buffer out as the image of an index map.",
    .doc = R"doc(    alloc T: float32[100, k]                       alloc T: float32[8, k, 14]
    for i0 in 100:                                 for i0 in 8:
      for i1 in k:                                   for i1 in k:
        block T(...): T[vi0, vi1] = A[vi0, vi1]  =>    for i2 in 14:
    ... block C(...): ... T[vi, vk] ...                  block T(...): if vi0*14 + vi2 < 100:
                                                                         T[vi0, vi1, vi2] = A[vi0*14 + vi2, vi1]
                                                   ... block C(...): ... T[vi // 14, vk, vi % 14] ...

The map, here "(i, j) -> (i // 14, j, i % 14)", is one to one onto the box of the new shape, once every index has
been rounded up to what its divisors need. Elements of the box that come from no index are padding: neither written
nor read, unless `pad_value` says what they hold. All accesses are rewritten and loops stay, with one exception: a
block that only copies into the buffer and still stands in its default loops, as cache_read makes it, takes the new
dimensions as its axes and loops, so that it packs in the order of the new layout. The buffer is one that the
program allocates: the caller sees the layout of the others.)doc",
    .args = {{"buffer", ArgKind::kBuffer, "A buffer that the program allocates."},
             {"index_map", ArgKind::kIndexMap, "New subscripts for old ones."},
             {"pad_value", ArgKind::kAttr, "What padding holds; None: it is not written.", {}, false}},
    .example = R"py(>>> packed = s.cache_read(s.block("C"), "B", "global")
>>> s.transform_layout("B_global", "(k, j) -> (j // 16, k, j % 16)")
>>> s.loops(packed)
[<tw.Loop i0>, <tw.Loop i1>, <tw.Loop i2>])py",
    .apply = transform_layout,
}};

}  // namespace
}  // namespace tw::schedule
