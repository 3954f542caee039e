// tensorize with intrinsics of a warp, whose operands lie in fragments.
#include <gmock/gmock.h>

#include "schedule/fixtures.h"
#include "schedule/intrinsic.h"
#include "schedule/tiled_products.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

/// C of 32x16 blocks, each by two warps that share what they read; the accumulators and operands of a warp
/// lie in fragments.
struct WarpProduct {
  Schedule s{product(64, 32, 48, kFloat16, kFloat16, kFloat32)};
  Value mma, load_a, load_b, init, store;
  std::vector<Value> warps;  // of the accumulators: set, added to, stored

  WarpProduct() {
    const Value out = s.apply("cache_write", {s.block("C"), "local"}).front();
    const auto loops = loops_of(s, "C");
    const List i = split(s, loops[0], {{}, 2, 16}), j = split(s, loops[1], {{}, 2, 8}),
               k = split(s, loops[2], {{}, 16});
    s.apply("reorder", {Value(List{i[0], j[0], k[0], i[1], j[1], i[2], j[2], k[1]})});
    mma = i[2];
    s.apply("reverse_compute_at", {out, j[0]});
    const auto of_out = s.loops(*out.get_if<BlockRef>());
    const List oi = split(s, of_out[2], {{}, 16}), oj = split(s, of_out[3], {{}, 8});
    s.apply("reorder", {Value(List{oi[0], oj[0], oi[1], oj[1]})});
    store = oi[1];
    for (const char* name : {"A", "B"}) {
      const Value shared = s.apply("cache_read", {s.block("C"), name, "shared"}).front();
      s.apply("compute_at", {shared, k[0]});
      const auto copies = s.loops(*shared.get_if<BlockRef>());
      const Value fused = s.apply("fuse", {Value(List{copies[3], copies[4]})}).front();
      const List lanes = split(s, fused, {{}, 2, 32});
      s.apply("bind", {lanes[1], "threadIdx.y"});
      s.apply("bind", {lanes[2], "threadIdx.x"});
    }
    const Value a = s.apply("cache_read", {s.block("C"), "A_shared", "local"}).front();
    s.apply("compute_at", {a, j[1]});
    load_a = s.loops(*a.get_if<BlockRef>())[5];
    const Value b = s.apply("cache_read", {s.block("C"), "B_shared", "local"}).front();
    s.apply("compute_at", {b, j[1]});
    load_b = s.loops(*b.get_if<BlockRef>())[5];
    const Value zero = s.apply("decompose_reduction", {s.block("C"), k[0]}).front();
    const auto of_zero = s.loops(*zero.get_if<BlockRef>());
    init = of_zero[4];
    warps = {of_zero[2], i[1], oi[0]};
    s.apply("bind", {i[0], "blockIdx.y"});
    s.apply("bind", {j[0], "blockIdx.x"});
  }
};

TEST(TensorizeFragments, AProductByWarpsThroughSharedMemory) {
  WarpProduct p;
  expect_same_meaning(p.s);
  p.s.apply("tensorize", {p.mma, "mma_f16_16x8x16"});
  expect_same_meaning(p.s);
  p.s.apply("tensorize", {p.load_a, "load_a_f16_16x16"});
  p.s.apply("tensorize", {p.load_b, "load_b_f16_16x8"});
  p.s.apply("tensorize", {p.init, "fill_f32_16x8"});
  p.s.apply("tensorize", {p.store, "store_f32_16x8"});
  EXPECT_THAT(text_of(p.s), HasSubstr("call mma_f16_16x8x16("));
  EXPECT_THAT(text_of(p.s), Not(HasSubstr(" local float")));
  for (const Value& loop : p.warps) p.s.apply("bind", {loop, "threadIdx.y"});
  expect_same_meaning(p.s);
}

TEST(TensorizeFragments, LanesAreTheIntrinsicsOwn) {
  Schedule s(product(16, 32, 16, kFloat16, kFloat16, kFloat32));
  const auto loops = loops_of(s, "C");
  const List j = split(s, loops[1], {{}, 8});
  s.apply("reorder", {Value(List{j[0], loops[0], j[1], loops[2]})});
  EXPECT_THAT(
      error_of([&] {
        s.apply("tensorize", {loops[0], "mma_f16_16x8x16"});
      }),
      HasSubstr("operand A of intrinsic mma_f16_16x8x16 lies in a fragment, the registers of a warp, and "
                "buffer A in global memory; cache_read gives a copy in 'local' memory, which becomes the "
                "fragment"));
  s.apply("bind", {j[0], "threadIdx.x"});
  EXPECT_THAT(
      error_of([&] {
        s.apply("tensorize", {loops[0], "mma_f16_16x8x16"});
      }),
      HasSubstr("the 32 lanes of a warp, threadIdx.x, compute intrinsic mma_f16_16x8x16 together, and "
                "loop j_0 around it is bound to threadIdx.x; bind loops over tiles to threadIdx.y or "
                ".z, each turn is a warp"));
}

}  // namespace
}  // namespace tw::schedule
