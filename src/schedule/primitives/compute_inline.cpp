// compute_inline(B):
//
//   for i in n:
//     block B(vi = i): T[vi] = A[vi] + 1.0       =>     for i in n:
//   for i in n:                                           block C(vi = i): C[vi] = (A[vi] + 1.0) * 2.0
//     block C(vi = i): C[vi] = T[vi] * 2.0
//
// Every read of what the block writes becomes the value it writes, and the block and its buffer are gone.
// Needs one block that writes the buffer, each element once, by one store without reduction, and inputs that
// nobody changes later.
#include <algorithm>

#include "ir/analysis/regions.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/blocks.h"
#include "schedule/copies.h"
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

/// Puts the stored value, at the subscripts that are read, in the place of reads of the buffer.
class Inlining : public Mutator {
 public:
  Inlining(const Store& store, const std::vector<int>& axis_of_dim, const Block& producer)
      : store_(store), axis_of_dim_(axis_of_dim), producer_(producer) {}

 protected:
  using Mutator::on;
  Expr on(const Load& node) override {
    const Expr rewritten = Mutator::on(node);
    const auto* load = as<Load>(rewritten);
    if (load->buffer.get() != store_.buffer.get()) return rewritten;
    VarMap values;
    for (const BlockAxis& axis : producer_.axes) values[&*axis.var] = Expr(0);  // of extent 1 if no subscript
    for (std::size_t dim = 0; dim < load->indices.size(); ++dim)
      if (axis_of_dim_[dim] >= 0)
        values[&*producer_.axes[static_cast<std::size_t>(axis_of_dim_[dim])].var] = load->indices[dim];
    return substitute(store_.value, values);
  }

 private:
  const Store& store_;
  const std::vector<int>& axis_of_dim_;
  const Block& producer_;
};

/// For each dimension of the store, the axis that is its subscript; -1 for the constant 0 of a dimension of
/// extent 1. Refuses anything else: the value at a subscript could not be told.
std::vector<int> axes_of_dims(const Step& step, const Block& block, const Store& store) {
  std::vector<int> axes;
  std::vector<bool> used(block.axes.size());
  for (std::size_t dim = 0; dim < store.indices.size(); ++dim) {
    int found = -1;
    for (std::size_t a = 0; a < block.axes.size(); ++a)
      if (store.indices[dim].same_as(block.axes[a].var) && !used[a]) found = static_cast<int>(a);
    const bool unit = is_int(store.indices[dim], 0) && is_int(store.buffer->shape[dim], 1);
    if (found < 0 && !unit)
      step.refuse(&block,
                  "block {} stores at {}, and only subscripts that are axes, each once, can be inlined",
                  block.name.text, to_text(store.indices[dim]));
    if (found >= 0) used[static_cast<std::size_t>(found)] = true;
    axes.push_back(found);
  }
  for (std::size_t a = 0; a < used.size(); ++a)
    if (!used[a] && !is_int(block.axes[a].extent, 1))
      step.refuse(&block,
                  "axis {} of block {} is no subscript of what it stores, so elements are written repeatedly",
                  block.axes[a].var->name.text, block.name.text);
  return axes;
}

/// A write to an input after the block ran would reach the reader first.
void require_inputs_unchanged(const Step& step, const BlockPlace& producer) {
  const std::vector<BlockPlace> all = all_blocks(step.program());
  bool after = false;
  for (const BlockPlace& place : all) {
    if (&place.block() == &producer.block()) {
      after = true;
      continue;
    }
    const bool shares_loop = !place.loops().empty() && !producer.loops().empty() &&
                             place.loops().front() == producer.loops().front();
    if (!after && !shares_loop) continue;
    for (const Region& read : producer.block().reads)
      for (const Region& write : place.block().writes)
        if (read.buffer.same_as(write.buffer))
          step.refuse(&place.block(),
                      "block {} reads buffer {}, which block {} changes later; it cannot be inlined",
                      producer.block().name.text, read.buffer->name.text, place.block().name.text);
  }
}

/// Readers must stand where all that the block reads exists.
void require_inputs_in_reach(const Step& step, const Block& block, const Buffer& buffer) {
  for (const Region& read : block.reads) {
    const Place allocation = allocation_of(step.program(), read.buffer);
    if (!allocation.node) continue;
    for (const BlockPlace& reader : readers_of(step.program(), buffer))
      if (std::find(reader.around.begin(), reader.around.end(), allocation.node) == reader.around.end())
        step.refuse(
            &reader.block(),
            "block {} stands outside of the allocation of buffer {}, which block {} reads; inline that first",
            reader.block().name.text, read.buffer->name.text, block.name.text);
  }
}

Outcome compute_inline(const Step& step) {
  const BlockPlace place = step.block(0);
  const Block& block = place.block();
  const Store* store = only_store(block);
  if (!store || block.reducer || block.init)
    step.refuse(&block,
                "block {} is not one plain store without a reduction; only such a block can be inlined",
                block.name.text);
  for (const BlockAxis& axis : block.axes)
    if (axis.axis_kind != AxisKind::kSpatial)
      step.refuse(&block, "axis {} of block {} is not spatial", axis.var->name.text, block.name.text);
  if (is_parameter(step.program(), store->buffer))
    step.refuse(&block,
                "block {} writes {}, which the caller sees; only a buffer inside the program can go away",
                block.name.text, store->buffer->name.text);
  if (writers_of(step.program(), store->buffer).size() != 1)
    step.refuse(&block, "buffer {} has several writers; inlining one would lose the others",
                store->buffer->name.text);
  const std::vector<int> axes = axes_of_dims(step, block, *store);
  require_inputs_unchanged(step, place);
  require_inputs_in_reach(step, block, store->buffer);

  const Buffer buffer = store->buffer;
  const Stmt keep = Stmt(&block);
  Stmt body = without_prefetches(without_block(step.program(), place), buffer);
  body = map_blocks(body, [&](const Block& reader) -> Stmt {
    const bool reads = std::any_of(reader.reads.begin(), reader.reads.end(),
                                   [&](const Region& r) { return r.buffer.same_as(buffer); });
    if (!reads) return {};
    auto* copy = new Block(reader);
    const Stmt owner(copy);
    Inlining inlining(*store, axes, block);
    if (reader.init) copy->init = inlining.mutate(reader.init);
    copy->body = inlining.mutate(reader.body);
    Context context;
    for (const BlockAxis& axis : copy->axes) bind_keeping(context, axis.var, axis.extent);
    copy->body = simplify(copy->body, context);
    return with_inferred_regions(*copy, context);
  });
  const Program shrunk = ProgramNode::make("", {}, body);
  const Place allocation = allocation_of(shrunk, buffer);
  check_internal(allocation.node, "buffer {} is not allocated", buffer->name.text);
  body = replaced_at(shrunk, allocation, static_cast<const Allocate*>(allocation.node)->body);
  if (contains<Load>(body.get(), [&](const Load& load) { return load.buffer.same_as(buffer); }))
    step.refuse(&block, "buffer {} is read outside of blocks", buffer->name.text);
  return {step.with_body(body), {}, {}};
}

const Registration registration{{
    .name = "compute_inline",
    .summary = "Puts the value of a block where it is read, and removes the block and its buffer.",
    .doc = R"(    for i in n:
      block B(vi = i): T[vi] = A[vi] + 1.0       =>     for i in n:
    for i in n:                                           block C(vi = i): C[vi] = (A[vi] + 1.0) * 2.0
      block C(vi = i): C[vi] = T[vi] * 2.0

The block is one plain store at its own axes, without a reduction, into a buffer that only it writes and that the
caller does not see. Nothing may change what it reads after it ran.)",
    .args = {{"block", ArgKind::kBlock, "The block to inline into its readers."}},
    .example = R"(>>> T = te.compute((8,), lambda i: i * 2, name="T")
>>> s = tw.Schedule(te.compute((8,), lambda i: T[i] + 1, name="U"))
>>> s.compute_inline(s.block("T"))
>>> s.blocks()
[<tw.Block U>])",
    .apply = compute_inline,
}};

}  // namespace
}  // namespace tw::schedule
