// reverse_compute_inline(D):
//
//   for i in n:
//     block C(vi = i): C[vi] = A[vi] + 1.0                =>     for i in n:
//   for i in n:                                                      block C(vi = i): D[vi] = max(A[vi]
//   + 1.0, 0.0)
//     block D(vi = i): D[vi] = max(C[vi], 0.0)
//
// A block that computes each of its elements from one element of another buffer is folded into the blocks
// that write that buffer: they store the final value, and the block and the buffer in between are gone. The
// subscripts it reads at map its domain one to one onto the buffer, transposed or reshaped if need be; the
// buffer may have several writers (pieces).
//
// A reduction is no such writer: its value is final after its last turn only. There reverse_compute_at moves
// the block into the nest. Nothing else may read the buffer, and what else the block reads or writes may not
// change between the writers and the block.
#include <algorithm>

#include "ir/analysis/iter_map.h"
#include "ir/analysis/regions.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/blocks.h"
#include "schedule/copies.h"
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

bool mentions(const std::vector<Region>& regions, const Buffer& buffer) {
  return std::any_of(regions.begin(), regions.end(),
                     [&](const Region& r) { return r.buffer.same_as(buffer); });
}

std::vector<LoopRange> ranges_of(const std::vector<const For*>& loops) {
  std::vector<LoopRange> ranges;
  for (const For* loop : loops) ranges.push_back({loop->var, loop->extent});
  return ranges;
}

/// The consumer, and the one element that each of its instances reads.
struct Consumer {
  BlockPlace place;
  const Store& store;
  Buffer buffer;                 // that goes away
  std::vector<Expr> subscripts;  // of the element, over the consumer's axes
  std::size_t reads = 0;         // how often the value uses it
  const Block& block() const { return place.block(); }
};

void require_elementwise(const Step& step, const Block& block) {
  if (!only_store(block) || block.reducer || block.init)
    step.refuse(&block,
                "block {} is not one plain store without a reduction; only such a block can be folded into "
                "what it reads",
                block.name.text);
  for (const BlockAxis& axis : block.axes)
    if (axis.axis_kind != AxisKind::kSpatial)
      step.refuse(&block, "axis {} of block {} is not spatial", axis.var->name.text, block.name.text);
}

/// Buffers inside the program that only this block reads; what a reducer reads of its own output does not
/// count.
std::vector<Buffer> candidates(const Step& step, const Block& block) {
  std::vector<Buffer> found;
  std::string others;
  for (const Region& region : block.reads) {
    const Buffer& buffer = region.buffer;
    const bool known =
        std::any_of(found.begin(), found.end(), [&](const Buffer& b) { return b.same_as(buffer); });
    if (known || is_parameter(step.program(), buffer) || writers_of(step.program(), buffer).empty()) continue;
    bool alone = true;
    for (const BlockPlace& reader : readers_of(step.program(), buffer)) {
      if (&reader.block() == &block || !mentions(reader.block().reads, buffer)) continue;
      alone = false;
      others += fmt::format("; {} is also read by block {}", buffer->name.text, reader.block().name.text);
    }
    if (alone) found.push_back(buffer);
  }
  if (found.empty())
    step.refuse(
        &block,
        "block {} reads no buffer that other blocks of the program write for it alone{}; fold a block into "
        "the one whose result it changes",
        block.name.text, others);
  return found;
}

/// The first buffer that no reduction writes; the first of all, to be refused, where there is none.
Buffer buffer_to_fold(const Step& step, const Block& block) {
  const std::vector<Buffer> found = candidates(step, block);
  for (const Buffer& buffer : found) {
    const std::vector<BlockPlace> writers = writers_of(step.program(), buffer);
    if (std::none_of(writers.begin(), writers.end(), [](const BlockPlace& w) { return w.block().reducer; }))
      return buffer;
  }
  return found.front();
}

Consumer consumer_of(const Step& step) {
  BlockPlace place = step.block(0);
  const Block& block = place.block();
  require_elementwise(step, block);
  Consumer consumer{std::move(place), *only_store(block), buffer_to_fold(step, block), {}, 0};
  for (const Expr& index : consumer.store.indices)
    if (contains<Load>(index.get()))
      step.refuse(&block, "block {} stores at {}, which reads memory", block.name.text, to_text(index));
  for_each_node(consumer.store.value, [&](const Node* node) {
    const auto* load = as<Load>(node);
    if (!load || !load->buffer.same_as(consumer.buffer)) return;
    if (consumer.reads++ == 0) consumer.subscripts = load->indices;
    for (std::size_t d = 0; d < load->indices.size(); ++d)
      if (!structural_equal(load->indices[d], consumer.subscripts[d]))
        step.refuse(&block, "block {} reads {} at different subscripts, {} and {}; it must read one element",
                    block.name.text, consumer.buffer->name.text, to_text(consumer.subscripts[d]),
                    to_text(load->indices[d]));
  });
  return consumer;
}

/// The map from the consumer's axes to the elements it reads: each element once.
IterMap reading_map(const Step& step, const Consumer& consumer) {
  Context context;
  std::vector<LoopRange> axes;
  for (const BlockAxis& axis : consumer.block().axes) {
    axes.push_back({axis.var, axis.extent});
    if (!as_int(axis.extent))
      context.assume(le(1, axis.extent));  // of an empty domain there is nothing to read
  }
  const IterMapResult map = detect_iter_map(consumer.subscripts, axes, {}, context);
  const Verdict verdict =
      map ? is_bijective(*map, consumer.buffer->shape, context) : Verdict{false, map.reason};
  if (!verdict)
    step.refuse(&consumer.block(), "block {} does not read each element of {} once: {}",
                consumer.block().name.text, consumer.buffer->name.text, verdict.reason);
  return *map;
}

void require_plain_producer(const Step& step, const BlockPlace& place, const Consumer& consumer) {
  const Block& block = place.block();
  const Buffer& buffer = consumer.buffer;
  require_plain_accesses(step, block, buffer);
  if (block.reducer || block.init)
    step.refuse(&block,
                "block {} reduces into {}, whose value is final after the last turn only; move block {} into "
                "its nest "
                "with reverse_compute_at instead",
                block.name.text, buffer->name.text, consumer.block().name.text);
  if (contains<Load>(&block, [&](const Load& load) { return load.buffer.same_as(buffer); }))
    step.refuse(&block, "block {} reads {} again, so it must stay", block.name.text, buffer->name.text);
  std::vector<Expr> bindings;
  for (const BlockAxis& axis : block.axes) bindings.push_back(axis.binding);
  std::vector<LoopRange> loops = ranges_of(place.loops());
  Context context;
  const IterMapResult map = detect_iter_map(bindings, loops, block.predicate, context);
  const Verdict once = map ? is_injective(*map, context) : Verdict{false, map.reason};
  if (!once)
    step.refuse(&block, "block {} may compute elements of {} several times: {}; {} would be written as often",
                block.name.text, buffer->name.text, once.reason, consumer.store.buffer->name.text);
}

/// What stands between the first writer and the consumer, or shares a loop with the consumer or a writer, may
/// not touch what moves.
void require_movable(const Step& step, const Consumer& consumer, const std::vector<BlockPlace>& producers) {
  const Block& block = consumer.block();
  const Buffer& output = consumer.store.buffer;
  const Region written = region_of_all(block, output, true);
  const auto is_producer = [&](const Block& other) {
    return std::any_of(producers.begin(), producers.end(),
                       [&](const BlockPlace& p) { return &p.block() == &other; });
  };
  const std::vector<const For*> around = consumer.place.loops();
  bool between = false;
  for (const BlockPlace& place : all_blocks(step.program())) {
    const Block& other = place.block();
    if (&other == &block) {
      between = false;
      continue;
    }
    between |= &other == &producers.front().block();
    const std::vector<const For*> loops = place.loops();
    const auto shares_with = [&](const std::vector<const For*>& others) {
      return !others.empty() && !loops.empty() && others.front() == loops.front();
    };
    const bool shares =
        shares_with(around) || std::any_of(producers.begin(), producers.end(), [&](const BlockPlace& p) {
          return &p.block() != &other && shares_with(p.loops());
        });
    if (!between && !shares) continue;
    for (const Region& read : block.reads)
      if (!read.buffer.same_as(consumer.buffer) && mentions(other.writes, read.buffer))
        step.refuse(&other, "block {} reads {}, which block {} writes after the first writer of {} has run",
                    block.name.text, read.buffer->name.text, other.name.text, consumer.buffer->name.text);
    for (const bool writes : {false, true}) {
      if (!mentions(writes ? other.writes : other.reads, output)) continue;
      if (!is_producer(other) && disjoint(region_of_all(other, output, writes), written)) continue;
      step.refuse(&other, "block {} accesses {} between the writers of {} and block {}, which writes it",
                  other.name.text, output->name.text, consumer.buffer->name.text, block.name.text);
    }
  }
  const Place allocation = allocation_of(step.program(), output);
  for (const BlockPlace& producer : producers)
    if (allocation.node &&
        std::find(producer.around.begin(), producer.around.end(), allocation.node) == producer.around.end())
      step.refuse(allocation.node, "buffer {} does not exist yet where block {} runs", output->name.text,
                  producer.block().name.text);
}

/// Stores the consumer's value wherever the buffer was stored.
class Folding : public Mutator {
 public:
  Folding(const Step& step, const Consumer& consumer, const IterMap& map, const Context& context)
      : step_(step), consumer_(consumer), map_(map), context_(context) {}

 protected:
  using Mutator::on;
  Stmt on(const Store& node) override {
    if (!node.buffer.same_as(consumer_.buffer)) return Stmt(&node);
    const auto axes = inverse(map_, node.indices, context_);
    if (!axes)  // of an empty buffer
      step_.refuse(consumer_.place.node,
                   "which element of buffer {} block {} reads at a point cannot be told",
                   consumer_.buffer->name.text, consumer_.block().name.text);
    VarMap values;
    for (std::size_t a = 0; a < axes->size(); ++a)
      values[&*consumer_.block().axes[a].var] = simplify((*axes)[a], context_);
    element_ = node.value;
    Var bound;
    if (consumer_.reads > 1 && !as<Variable>(node.value) && !as<FloatImm>(node.value) &&
        !as<IntImm>(node.value))
      element_ = bound = Var("x", node.value.dtype());
    std::vector<Expr> indices;
    for (const Expr& index : consumer_.store.indices)
      indices.push_back(simplify(substitute(index, values), context_));
    const Expr value = mutate(substitute(consumer_.store.value, values));
    const Stmt store = Store::make(consumer_.store.buffer, indices, value, node.predicate);
    return bound ? Let::make(bound, node.value, store) : store;
  }
  Expr on(const Load& node) override {
    return node.buffer.same_as(consumer_.buffer) ? element_ : Mutator::on(node);
  }

 private:
  const Step& step_;
  const Consumer& consumer_;
  const IterMap& map_;
  const Context& context_;
  Expr element_;
};

Outcome reverse_compute_inline(const Step& step) {
  const Consumer consumer = consumer_of(step);
  const std::vector<BlockPlace> producers = writers_of(step.program(), consumer.buffer);
  const IterMap map = reading_map(step, consumer);
  for (const BlockPlace& producer : producers) require_plain_producer(step, producer, consumer);
  require_movable(step, consumer, producers);

  Stmt body = without_block(step.program(), consumer.place);
  body = map_blocks(body, [&](const Block& block) -> Stmt {
    if (!mentions(block.writes, consumer.buffer)) return {};
    Context context;
    for (const BlockAxis& axis : block.axes) bind_keeping(context, axis.var, axis.extent);
    auto* copy = new Block(block);
    const Stmt owner(copy);
    copy->body = simplify(Folding(step, consumer, map, context).mutate(block.body), context);
    return with_inferred_regions(*copy);
  });
  const Program shrunk = ProgramNode::make("", {}, without_prefetches(body, consumer.buffer));
  const Place allocation = allocation_of(shrunk, consumer.buffer);
  check_internal(allocation.node, "buffer {} is not allocated", consumer.buffer->name.text);
  return {
      step.with_body(replaced_at(shrunk, allocation, static_cast<const Allocate*>(allocation.node)->body)),
      {},
      {}};
}

const Registration registration{{
    .name = "reverse_compute_inline",
    .summary = "Folds an elementwise block into the blocks that write what it reads.",
    .doc = R"(    for i in n:
      block C(vi = i): C[vi] = A[vi] + 1.0               =>     for i in n:
    for i in n:                                                     block C(vi = i): D[vi] = max(A[vi] + 1.0, 0.0)
      block D(vi = i): D[vi] = max(C[vi], 0.0)

The block is one plain store and reads one element of a buffer that nothing else reads, each element once: transposed or
reshaped if need be. The buffer may have several writers; none is a reduction, whose value is final after its last turn
only (reverse_compute_at moves the block into its nest). What else the block reads or writes may not change between the
writers and the block.)",
    .args = {{"block", ArgKind::kBlock, "The block to fold into the writers of what it reads."}},
    .example = R"py(>>> T = te.compute((8,), lambda i: i * 2, name="T")
>>> s = tw.Schedule(te.compute((8,), lambda i: T[i] + 1, name="U"))
>>> s.reverse_compute_inline(s.block("U"))
>>> s.blocks()
[<tw.Block T>])py",
    .apply = reverse_compute_inline,
}};

}  // namespace
}  // namespace tw::schedule
