// Two contractions with windows between them, as inverted residual blocks are: an image is widened, filtered
// channel by channel, and narrowed.
//
//   group         some channels of the wide image       threads share the groups
//     wide[y, x, group] = X W1                             register tiles, with what is elementwise behind
//     deep[y, x, group] = windows of wide                  tiles of rows and pixels
//   narrow[y, x, o] = deep W3                            a contraction of its own
//
// The wide image of a group stays in a near cache until it is filtered.
#include <algorithm>

#include "autotune/space/contraction.h"
#include "autotune/space/general.h"
#include "autotune/space/general_tile.h"
#include "autotune/space/window.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

/// Positions of the blocks in the facts; -1: there is none.
struct Chain {
  int wide = -1, wide_taker = -1;  // the first contraction, and what is elementwise behind it
  std::vector<int> between;        // padding and the like, on the way to the windows
  int deep = -1, deep_taker = -1;
  int narrow = -1, narrow_taker = -1;
};

bool is_kind(const Facts& facts, int block, BlockKind kind) {
  return block >= 0 && facts.blocks[static_cast<std::size_t>(block)].kind == kind;
}

int only(const std::vector<int>& blocks) {
  return blocks.size() == 1 ? blocks.front() : -1;
}

/// The elementwise block behind a block that takes each of its results; -1: none.
int taker_of(const Facts& facts, int block) {
  const BlockFacts& own = facts.blocks[static_cast<std::size_t>(block)];
  const int next = only(own.consumers);
  if (!is_kind(facts, next, BlockKind::kElementwise)) return -1;
  int64_t points = 1;
  for (const AxisFacts& axis : own.axes)
    if (!axis.reduced) points *= axis.extent;
  return facts.blocks[static_cast<std::size_t>(next)].points == points ? next : -1;
}

std::optional<Chain> chain_of(const Facts& facts) {
  Chain chain;
  chain.deep = only(facts.of(BlockKind::kWindow));
  if (chain.deep < 0) return std::nullopt;
  const BlockFacts& deep = facts.blocks[static_cast<std::size_t>(chain.deep)];
  const std::optional<WindowAxes> axes = window_axes(deep);
  if (!axes || axes->pixel < 0 || deep.separate_init) return std::nullopt;
  int before = only(deep.producers);
  while (is_kind(facts, before, BlockKind::kElementwise) || is_kind(facts, before, BlockKind::kMovement)) {
    const BlockFacts& block = facts.blocks[static_cast<std::size_t>(before)];
    if (block.consumers.size() != 1) return std::nullopt;
    const int next = only(block.producers);
    const bool behind = is_kind(facts, next, BlockKind::kContraction) && taker_of(facts, next) == before;
    if (behind)
      chain.wide_taker = before;
    else
      chain.between.push_back(before);
    before = next;
  }
  if (!is_kind(facts, before, BlockKind::kContraction)) return std::nullopt;
  chain.wide = before;
  chain.deep_taker = taker_of(facts, chain.deep);
  chain.narrow = only(
      facts.blocks[static_cast<std::size_t>(chain.deep_taker < 0 ? chain.deep : chain.deep_taker)].consumers);
  if (!is_kind(facts, chain.narrow, BlockKind::kContraction)) return std::nullopt;
  if (!is_contraction(facts.blocks[static_cast<std::size_t>(chain.narrow)])) return std::nullopt;
  chain.narrow_taker = taker_of(facts, chain.narrow);
  return chain;
}

/// Vectors of a group, two at most, such that the thread with the most groups has the least to do.
int64_t even_groups(int64_t vectors, int64_t threads) {
  const auto most = [&](int64_t size) {
    return ((vectors + size - 1) / size + threads - 1) / threads * size;
  };
  return most(2) <= most(1) ? 2 : 1;
}

class Inverted {
 public:
  Inverted(Script& s, const Workload& workload, Choices& choose, const Facts& facts, const Chain& chain)
      : s_(s), workload_(workload), choose_(choose), facts_(facts), chain_(chain) {}

  void schedule() {
    for (const int block : chain_.between) s_.compute_inline(block_of(block));
    const LoopRef group = cut_groups();
    widen(group);
    filter(group);
    share(group);
    const BlockFacts& narrow = facts(chain_.narrow);
    schedule_contraction(s_, workload_, narrow, choose_, "narrow.",
                         chain_.narrow_taker < 0 ? "" : facts(chain_.narrow_taker).name);
    schedule_others();
  }

 private:
  const BlockFacts& facts(int block) const { return facts_.blocks[static_cast<std::size_t>(block)]; }
  BlockRef block_of(int block) { return s_.block(facts(block).name); }
  /// The block that takes a sum's results: of the program, or a copy.
  BlockRef taker(int sum, int block) {
    return block < 0 ? s_.cache_write(block_of(sum), "local") : block_of(block);
  }
  int depth_in(BlockRef block, LoopRef loop) {
    const std::vector<LoopRef> loops = s_.loops(block);
    return static_cast<int>(std::find(loops.begin(), loops.end(), loop) - loops.begin()) + 1;
  }

  /// Cuts the filtered image into groups of channels, and brings the wide one into them.
  LoopRef cut_groups() {
    const BlockFacts& deep = facts(chain_.deep);
    const int64_t channels = deep.axes[static_cast<std::size_t>(window_axes(deep)->lane)].extent;
    int64_t lanes = 1;
    while (lanes < channels && lanes < workload_.machine.lanes(deep.dtype)) lanes *= 2;
    const int64_t all = (channels + lanes - 1) / lanes;
    std::vector<int64_t> offered;
    for (int64_t v = 1; v <= std::min<int64_t>(4, all); ++v) offered.push_back(v);
    vectors_ = choose_.pick("group", offered, even_groups(all, workload_.machine.threads));
    lanes_ = lanes;
    deep_writer_ = taker(chain_.deep, chain_.deep_taker);
    wide_writer_ = taker(chain_.wide, chain_.wide_taker);
    std::vector<LoopRef> loops = s_.loops(deep_writer_);
    // The window's axes and what is outside of them: images.
    const std::size_t images = loops.size() - 3;
    const auto [group, rest] = s_.split<2>(loops.back(), {None{}, vectors_ * lanes_});
    loops.back() = rest;
    loops.insert(loops.begin() + static_cast<std::ptrdiff_t>(images), group);
    s_.reorder(loops);
    outer_.assign(loops.begin(), loops.begin() + static_cast<std::ptrdiff_t>(images) + 1);
    s_.compute_at(block_of(chain_.deep), group);
    s_.compute_at(wide_writer_, group);
    s_.compute_at(block_of(chain_.wide), group);
    return group;
  }

  /// The wide image of a group, in tiles of pixels by vectors.
  void widen(LoopRef group) {
    const BlockRef sum = block_of(chain_.wide);
    const int depth = depth_in(sum, group);
    const NestView view = view_of(workload_, s_, *placed(s_, sum), depth);
    TilePlan plan;
    plan.factors.assign(view.loops.size(), 1);
    plan.lanes = lanes_;
    int rows = -1;
    for (int l = 0; l < static_cast<int>(view.loops.size()); ++l) {
      if (view.loops[static_cast<std::size_t>(l)].summed()) continue;
      rows = plan.vector;
      plan.vector = l;
    }
    plan.vectors = vectors_;
    plan.factors[static_cast<std::size_t>(plan.vector)] = plan.width();
    if (rows >= 0) {
      std::vector<int64_t> offered;
      const int64_t turns = view.loops[static_cast<std::size_t>(rows)].turns;
      for (int64_t p = 1; p <= std::min<int64_t>(14, turns); ++p) offered.push_back(p);
      int64_t preferred = 1;
      for (const int64_t p : offered)
        if (turns % p == 0) preferred = p;
      plan.factors[static_cast<std::size_t>(rows)] = choose_.pick("wide_pixels", offered, preferred);
    }
    tile_sum(s_, workload_, {sum, wide_writer_, view, depth}, plan, 1);
  }

  void filter(LoopRef group) {
    const BlockFacts& deep = facts(chain_.deep);
    const WindowAxes axes = *window_axes(deep);
    WindowTile tile = choose_window(deep, axes, workload_, choose_, "deep_");
    tile.lanes = lanes_;
    tile.vectors = 1;
    tile.lanes_outside = true;
    tile.cut_rows = tile.cut_pixels = true;
    tile_window(s_, workload_, block_of(chain_.deep), deep_writer_, axes, tile,
                depth_in(block_of(chain_.deep), group));
  }

  void share(LoopRef group) {
    if (workload_.machine.threads < 2) return;
    const bool images = outer_.size() > 1 && choose_.flag("share_images", false);
    if (images && attempt(s_, [&] { s_.parallel(s_.fuse(outer_)); })) return;
    s_.parallel(group);
  }

  /// Blocks beside the chain.
  void schedule_others() {
    std::vector<BlockRef> done;
    for (const PlacedBlock& block : placed_blocks(s_)) {
      bool other = false;
      for (int b = 0; b < static_cast<int>(facts_.blocks.size()); ++b)
        other = other || (!in_chain(b) && facts(b).name == s_.name(block.ref));
      if (!other) done.push_back(block.ref);
    }
    schedule_rest(s_, workload_, choose_, done);
  }
  bool in_chain(int block) const {
    for (const int own :
         {chain_.wide, chain_.wide_taker, chain_.deep, chain_.deep_taker, chain_.narrow, chain_.narrow_taker})
      if (block == own) return true;
    return false;
  }

  Script& s_;
  const Workload& workload_;
  Choices& choose_;
  const Facts& facts_;
  const Chain& chain_;
  int64_t vectors_ = 1, lanes_ = 1;
  BlockRef deep_writer_, wide_writer_;
  std::vector<LoopRef> outer_;
};

void schedule_inverted(Script& s, const Workload& workload, Choices& choose) {
  const Facts facts = facts_of(workload);
  const Chain chain = *chain_of(facts);
  Inverted(s, workload, choose, facts, chain).schedule();
}

const SketchRegistration registration{{
    .name = "inverted",
    .summary = "Contraction, windows, contraction: by groups of the channels between.",
    .applies = [](const Workload& workload) { return chain_of(facts_of(workload)).has_value(); },
    .apply = schedule_inverted,
}};

}  // namespace
}  // namespace tw::autotune
