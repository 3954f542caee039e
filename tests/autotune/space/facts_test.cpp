// What blocks are told to be, from the corpus of operators.
#include "autotune/space/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schedule/corpus/programs.h"

namespace tw::autotune {
namespace {

using schedule::corpus_case;
using testing::Contains;
using testing::ElementsAre;

Facts facts(const std::string& name) {
  const schedule::CorpusCase& sample = corpus_case(name);
  return facts_of({.program = sample.program, .sizes = sample.sizes});
}

/// "kContraction" by position.
std::vector<BlockKind> kinds(const std::string& name) {
  std::vector<BlockKind> kinds;
  for (const BlockFacts& block : facts(name).blocks) kinds.push_back(block.kind);
  return kinds;
}

/// Roles of the axes as letters: b, r, c, s, and - for spatial.
std::string roles(const BlockFacts& block) {
  std::string text;
  for (const AxisFacts& axis : block.axes) text += "brcs-"[static_cast<std::size_t>(axis.role)];
  return text;
}

std::string windows(const BlockFacts& block) {
  std::string text;
  for (const AxisFacts& axis : block.axes) text += axis.window ? '*' : '-';
  return text;
}

TEST(Facts, KindsOfBlocks) {
  using enum BlockKind;
  EXPECT_THAT(kinds("matmul"), ElementsAre(kContraction));
  EXPECT_THAT(kinds("conv2d"), ElementsAre(kMovement, kContraction));
  EXPECT_THAT(kinds("conv2d_nhwc"), ElementsAre(kContraction));
  EXPECT_THAT(kinds("conv2d_depthwise"), ElementsAre(kMovement, kWindow));
  EXPECT_THAT(kinds("max_pool"), ElementsAre(kWindow));
  EXPECT_THAT(kinds("softmax"), ElementsAre(kRowReduction, kElementwise, kRowReduction, kElementwise));
  EXPECT_THAT(kinds("attention"), ElementsAre(kContraction, kElementwise, kRowReduction, kElementwise,
                                              kRowReduction, kContraction, kElementwise));
  EXPECT_THAT(kinds("transpose"), ElementsAre(kMovement));
  EXPECT_THAT(kinds("gather"), ElementsAre(kMovement));
  EXPECT_THAT(kinds("argmax"), ElementsAre(kRowReduction));
  EXPECT_THAT(kinds("heat_equation"), ElementsAre(kOther));
  EXPECT_THAT(kinds("stencil_2d"), Contains(kOther));
  EXPECT_THAT(kinds("dot"), ElementsAre(kRowReduction));
}

TEST(Facts, RolesInProducts) {
  EXPECT_EQ(roles(facts("matmul").last()), "rcs");
  EXPECT_EQ(roles(facts("batched_matmul").last()), "brcs");
  EXPECT_EQ(roles(facts("conv2d_nhwc").last()), "rrrcsss");
  // The last axis of the result is the image's: weights are the operand of the rows.
  EXPECT_EQ(roles(facts("conv2d").last()), "crccsss");
  EXPECT_EQ(windows(facts("conv2d").last()), "--**-**");
}

TEST(Facts, GroupsOfChannelsAreInTheBatch) {
  const BlockFacts conv = facts("conv2d_grouped").last();
  EXPECT_EQ(conv.kind, BlockKind::kContraction);
  EXPECT_EQ(conv.axes[1].group, 2);
  EXPECT_EQ(conv.extent(AxisRole::kBatch), 2);
  EXPECT_EQ(conv.extent(AxisRole::kRow), 2);
}

TEST(Facts, ReadsOfProducts) {
  const BlockFacts plain = facts("matmul").last(), turned = facts("matmul_nt").last();
  ASSERT_EQ(plain.reads.size(), 2u);
  EXPECT_EQ(plain.reads[0].operand, 0);
  EXPECT_EQ(plain.reads[0].contiguous_axis, 2);
  EXPECT_EQ(plain.reads[1].contiguous_axis, 1);
  EXPECT_TRUE(plain.reads[1].parameter);
  EXPECT_EQ(turned.reads[1].contiguous_axis, 2);
  EXPECT_TRUE(plain.whole_product);
  EXPECT_THAT(plain.reads[1].dimensions, ElementsAre(2, 1));
  EXPECT_THAT(plain.reads[1].strides, ElementsAre(0, 1, plain.axes[1].extent));
  EXPECT_DOUBLE_EQ(plain.operations, 2.0 * static_cast<double>(plain.points));
}

TEST(Facts, BlocksThatClearSumsAreLeftOut) {
  const Facts found = facts("symbolic_matmul");
  ASSERT_EQ(found.blocks.size(), 1u);
  EXPECT_EQ(found.last().init, "C_init");
  EXPECT_EQ(found.last().axes[0].extent, corpus_case("symbolic_matmul").sizes.at("M"));
}

TEST(Facts, ProducersAndConsumers) {
  const Facts found = facts("dense_bias_relu");
  EXPECT_THAT(found.blocks[0].consumers, ElementsAre(1));
  EXPECT_THAT(found.blocks[1].producers, ElementsAre(0));
  EXPECT_THAT(found.blocks[1].consumers, ElementsAre(2));
  EXPECT_EQ(found.output_bytes, 5 * 6 * 4);
  EXPECT_EQ(found.constant_bytes, (6 * 4 + 6) * 4);
}

TEST(Facts, EveryOperatorOfTheCorpusHasThem) {
  for (const schedule::CorpusCase& sample : schedule::corpus()) {
    SCOPED_TRACE(sample.name);
    const Facts found = facts_of({.program = sample.program, .sizes = sample.sizes});
    EXPECT_FALSE(found.blocks.empty());
    for (const BlockFacts& block : found.blocks)
      for (const ReadFacts& read : block.reads) EXPECT_FALSE(read.buffer.empty());
  }
}

}  // namespace
}  // namespace tw::autotune
