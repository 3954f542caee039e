#include "schedule/corpus/nests.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "te/lower.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

/// Two or three stencils, each over the one before; each turn of a reader's loop reads what its neighbours
/// do.
Program random_stencils(Random& random) {
  const int count = 2 + random.chance(40);
  const auto rank = static_cast<std::size_t>(random.between(1, 2));
  struct Tap {
    std::vector<int64_t> stride, reach;
  };
  std::vector<Tap> taps;
  std::vector<std::vector<int64_t>> shapes(1);
  for (std::size_t d = 0; d < rank; ++d) shapes[0].push_back(random.between(3, 7));
  for (int i = 0; i < count; ++i) {
    Tap tap;
    std::vector<int64_t> shape;
    for (std::size_t d = 0; d < rank; ++d) {
      tap.stride.push_back(random.chance(80) ? 1 : random.between(2, 3));
      tap.reach.push_back(random.chance(25) ? 0 : random.between(1, 3));
      shape.push_back((shapes.back()[d] - 1) * tap.stride[d] + tap.reach[d] + 1);
    }
    taps.push_back(tap);
    shapes.push_back(shape);
  }
  const auto extents = [](const std::vector<int64_t>& shape) {
    return std::vector<te::Value>(shape.begin(), shape.end());
  };
  auto made = te::placeholder(extents(shapes.back()), kFloat32, "X");
  for (int i = count - 1; i >= 0; --i) {
    const Tap& tap = taps[static_cast<std::size_t>(i)];
    const auto source = made;
    const bool all = random.chance(50);  // every offset, or the ends alone
    made = te::compute(
        extents(shapes[static_cast<std::size_t>(i)]),
        [&](const std::vector<Var>& p) -> te::Value {
          const auto tapped = [&](std::size_t along, int64_t offset) {
            std::vector<te::Value> at;
            for (std::size_t d = 0; d < rank; ++d)
              at.push_back(te::add(te::multiply(p[d], tap.stride[d]), d == along ? offset : 0));
            return source(at);
          };
          te::Value sum = tapped(0, 0);
          for (std::size_t d = 0; d < rank; ++d)
            for (int64_t o = 1; o <= tap.reach[d]; ++o)
              if (all || o == tap.reach[d]) sum = te::add(sum, tapped(d, o));
          return sum;
        },
        fmt::format("T{}", i));
  }
  return te::first_program({made}, std::nullopt, "stencils");
}

/// A product of matrices, or of one that is made first.
Program random_product(Random& random) {
  const int64_t n = random.between(2, 6), m = random.between(2, 6), k = random.between(2, 9);
  const auto a = te::placeholder({n, k}, kFloat32, "A");
  const auto b = te::placeholder({k, m}, kFloat32, "B");
  auto left = a;
  if (random.chance(40))
    left = te::compute(
        {n, k},
        [&](const std::vector<Var>& p) -> te::Value {
          return te::multiply(a({p[0], p[1]}), 2.0);
        },
        "L");
  const ReduceAxis kk = te::reduce_axis(k, "k");
  const auto c = te::compute(
      {n, m},
      [&](const std::vector<Var>& p) -> te::Value {
        return te::sum(te::multiply(left({p[0], kk}), b({kk, p[1]})), {kk});
      },
      "C");
  return te::first_program({c}, std::nullopt, "product");
}

CorpusCase random_sample(bool stencils, Random& random) {
  static const std::vector<const CorpusCase*> fitting = [] {
    std::vector<const CorpusCase*> found;
    for (const char* name : {"avg_pool", "batched_matmul", "blur_2d", "conv1d", "conv2d", "conv2d_depthwise",
                             "conv2d_nhwc", "dense_bias_relu", "diamond", "long_chain", "matmul", "matmul_nt",
                             "matmul_tn", "max_pool", "softmax", "stencil_1d", "stencil_2d", "two_products"})
      found.push_back(&corpus_case(name));
    return found;
  }();
  if (random.chance(stencils ? 25 : 40)) return *random.pick(fitting);
  if (random.chance(stencils ? 90 : 50)) return {"stencils", random_stencils(random), {}, {}};
  return {"product", random_product(random), {}, {}};
}

/// Applies a step; nothing when it is refused.
std::optional<std::vector<Value>> tried(Schedule& schedule, const std::string& primitive,
                                        const std::vector<Value>& args) {
  try {
    return schedule.apply(primitive, args);
  } catch (const UserError&) {
    return std::nullopt;
  }
}

const Block& node_of(Schedule& schedule, const BlockRef& ref) {
  const std::vector<BlockRef> refs = schedule.blocks();
  const auto at = std::find(refs.begin(), refs.end(), ref) - refs.begin();
  return all_blocks(schedule.program(), Blocks::kOpened)[static_cast<std::size_t>(at)].block();
}

bool share(const std::vector<Region>& reads, const std::vector<Region>& writes) {
  return std::any_of(reads.begin(), reads.end(), [&](const Region& read) {
    return std::any_of(writes.begin(), writes.end(),
                       [&](const Region& write) { return read.buffer.same_as(write.buffer); });
  });
}

/// Moves a producer of the block, or a copy of what it reads, below one of its loops.
void feed(Nest& nest, const BlockRef& reader, std::optional<LoopRef> where, Random& random) {
  Schedule& schedule = nest.schedule;
  std::vector<BlockRef> sources;
  for (const BlockRef& other : schedule.blocks())
    if (!(other == reader) && share(node_of(schedule, reader).reads, node_of(schedule, other).writes))
      sources.push_back(other);
  if (sources.empty() || random.chance(35)) {
    const std::vector<std::string> scopes = {"global", "shared", "local"};
    const auto reads = static_cast<int>(node_of(schedule, reader).reads.size());
    if (reads == 0) return;
    const auto made = tried(schedule, "cache_read", {reader, random.below(reads), random.pick(scopes)});
    if (!made) return;
    sources = {*made->at(0).get_if<BlockRef>()};
  }
  const BlockRef source = random.pick(sources);
  const std::vector<LoopRef> around = schedule.loops(reader);
  if (around.empty()) return;
  const LoopRef loop = where ? *where : random.pick(around);
  if (!tried(schedule, "compute_at", {source, loop})) return;
  nest.moved.push_back(source);
  nest.loops.push_back(loop);
}

}  // namespace

Nest random_nest(const Primitive& primitive, Random& random) {
  const bool rolls = primitive.name == "rolling_buffer";
  const CorpusCase sample = random_sample(rolls, random);
  Nest nest{sample, Schedule(sample.program), {}, {}};
  const std::vector<BlockRef> blocks = nest.schedule.blocks();
  const BlockRef reader = random.chance(70) ? blocks.back() : random.pick(blocks);
  if (random.chance(50)) {
    const std::vector<LoopRef> around = nest.schedule.loops(reader);
    if (!around.empty())
      tried(nest.schedule, "split", {random.pick(around), Value(List{Value{}, Value(random.between(1, 4))})});
    if (random.chance(40)) try {
        const Call call = random_call(nest.schedule, *find_primitive("reorder"), random);
        nest.schedule.apply(call.primitive, call.args);
      } catch (const UserError&) {
      }
  }
  for (int count = 1 + random.below(3); count > 0; --count) {
    // The same loop again, or a producer of what was moved.
    const bool again = !nest.loops.empty() && random.chance(70);
    const BlockRef next = !nest.moved.empty() && random.chance(40) ? random.pick(nest.moved) : reader;
    feed(nest, next, again ? std::optional(nest.loops.front()) : std::nullopt, random);
  }
  return nest;
}

Call random_nest_call(Nest& nest, const Primitive& primitive, Random& random) {
  Schedule& schedule = nest.schedule;
  if (nest.moved.empty() || random.chance(5)) return random_call(schedule, primitive, random);
  const auto which = static_cast<std::size_t>(random.below(static_cast<int>(nest.moved.size())));
  const BlockRef block = nest.moved[which];
  LoopRef loop = nest.loops[which];
  const std::vector<LoopRef> around = schedule.loops(random.chance(90) ? block : schedule.blocks().back());
  if (!around.empty() && random.chance(25)) loop = random.pick(around);
  if (primitive.name == "rolling_buffer") {
    const std::vector<Buffer> named = named_buffers(schedule.program());
    const Buffer own = node_of(schedule, block).writes.front().buffer;
    const std::string name = random.chance(85) ? own->name : random.pick(named)->name;
    return {primitive.name, {schedule.buffer(name), loop}};
  }
  while (random.chance(25))
    tried(schedule, "annotate", {random.pick(schedule.blocks()), "pipeline_stage", random.below(3)});
  const int stages[] = {2, 2, 2, 3, 3, 4, 1};
  return {primitive.name, {loop, random.pick(stages)}};
}

}  // namespace tw::schedule
