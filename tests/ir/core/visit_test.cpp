// Walking and rewriting.
#include "ir/visit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/equal.h"
#include "ir/text.h"

namespace tw {
namespace {

const char* const kSample = R"(program f(n: shape, A: in float32[n, 64], C: out float32[n]):
  for i in n:
    allocate T: float32[n]
    let x: float32 = A[i, 0]
    for j in 64:
      if j < n:
        T[j] = A[i, j] + x
      else:
        T[j] = 0.0f32
    block C#0(vi: spatial(n) = i, vk: reduce(64) = 0) where i < n:
      reads A[vi, 0:+64]
      writes C[vi]
      reducer sum(float32)
      init:
        C[vi] = 0.0f32
      C[vi] = C[vi] + A[vi, vk]
)";

template <class T>
std::vector<const T*> all(const Node* root) {
  std::vector<const T*> found;
  for_each_node(root, [&](const Node* node) {
    if (const T* match = as<T>(node)) found.push_back(match);
  });
  return found;
}
template <class T, class Root>
std::vector<const T*> all(const Ref<Root>& root) {
  return all<T>(root.get());
}

TEST(Visitor, MeetsEveryNodeParentsFirst) {
  const Program program = parse_program(kSample);
  EXPECT_EQ(all<For>(program).size(), 2u);
  EXPECT_EQ(all<Store>(program).size(), 4u);
  EXPECT_EQ(all<Load>(program).size(), 4u);
  EXPECT_EQ(all<BufferNode>(program).size(), 3u);
  std::vector<Kind> kinds;
  for_each_node(program, [&](const Node* node) { kinds.push_back(node->kind); });
  EXPECT_EQ(kinds.front(), Kind::kProgramNode);
  EXPECT_LT(std::find(kinds.begin(), kinds.end(), Kind::kFor),
            std::find(kinds.begin(), kinds.end(), Kind::kBlock));
}

TEST(Mutator, WithoutChangesGivesTheSameObject) {
  const Program program = parse_program(kSample);
  Mutator nothing;
  EXPECT_TRUE(nothing.mutate(program).same_as(program));
  EXPECT_TRUE(substitute(program->body, {}).same_as(program->body));
}

class DoublesConstants : public Mutator {
 protected:
  using Mutator::on;
  Expr on(const IntImm& node) override { return node.dtype.is_index() ? Expr(node.value * 2) : Expr(&node); }
};

TEST(Mutator, SharesWhatDoesNotChange) {
  const Program program =
      parse_program("program f(A: in float32[4], C: out float32[4]):\n  C[0] = A[0]\n  C[1] = A[0]\n");
  DoublesConstants doubles;
  const Stmt body = doubles.mutate(program->body);
  const auto& before = static_cast<const Seq&>(*program->body);
  const auto& after = static_cast<const Seq&>(*body);
  EXPECT_FALSE(body.same_as(program->body));
  EXPECT_EQ(to_text(after.stmts[1]), "C[2] = A[0]\n");
  const auto value = [](const Stmt& s) { return static_cast<const Store&>(*s).value; };
  EXPECT_TRUE(structural_equal(value(after.stmts[0]), value(before.stmts[0])));
}

TEST(Mutator, ReplacesABufferWhoseShapeChangesWhereverItIsUsed) {
  const Program program = parse_program(kSample);
  DoublesConstants doubles;
  const Program after = doubles.mutate(program);
  const Buffer& a = after->params[1].buffer;
  EXPECT_FALSE(a.same_as(program->params[1].buffer));
  EXPECT_EQ(as_int(a->shape[1]), 128);
  for (const Load* load : all<Load>(after)) {
    const bool reads_a = load->buffer->name.text == "A";
    EXPECT_EQ(load->buffer.get() == a.get(), reads_a);
  }
  EXPECT_EQ(all<Block>(after)[0]->reads[0].buffer.get(), a.get());
  EXPECT_TRUE(structural_equal(parse_program(to_text(after)), after));
}

TEST(Mutator, TypesFollowNewOperands) {
  const Var i("i"), j("j");
  const Buffer a = BufferNode::make("A", kFloat32, {8});
  const Expr e = lt(Load::make(a, {i}) + Load::make(a, {i + 1}), make_zero(kFloat32));
  const Expr vector = substitute(Load::make(a, {i}), {{&*i, Ramp::make(j, 1, 8)}});
  EXPECT_EQ(vector.dtype(), kFloat32.with_lanes(8));
  EXPECT_EQ(e.dtype(), kBool);
}

TEST(Substitute, ReachesShapesOfBuffersIntroducedBelow) {
  const Program program = parse_program(kSample);
  const Var n = program->params[0].var;
  const auto* loop = as<For>(program->body);
  const Stmt body = substitute(loop->body, {{&*n, Expr(7)}});
  const auto* allocate = as<Allocate>(body);
  EXPECT_EQ(as_int(allocate->buffer->shape[0]), 7);
  for (const Store* store : all<Store>(body)) {
    const bool writes_t = store->buffer->name.text == "T";
    EXPECT_EQ(store->buffer.get() == allocate->buffer.get(), writes_t);
  }
  EXPECT_FALSE(uses_var(body, n));
}

TEST(ReplaceBuffers, AtEveryUse) {
  const Program program = parse_program(kSample);
  const Buffer a = program->params[1].buffer, other = BufferNode::make("B", kFloat32, {1, 1});
  const Stmt body = replace_buffers(program->body, {{a.get(), other}});
  for (const Load* load : all<Load>(body)) EXPECT_NE(load->buffer.get(), a.get());
  EXPECT_EQ(all<Block>(body)[0]->reads[0].buffer.get(), other.get());
}

TEST(FreshNames, AreFreshAndTheRestIsEqual) {
  const Program program = parse_program(kSample);
  const Program fresh = with_fresh_names(program);
  EXPECT_TRUE(structural_equal(program, fresh));
  EXPECT_EQ(to_text(fresh), kSample);
  EXPECT_NE(fresh->params[0].var.get(), program->params[0].var.get());
  EXPECT_NE(fresh->params[1].buffer.get(), program->params[1].buffer.get());
  std::vector<const Variable*> before = all<Variable>(program);
  for (const Variable* var : all<Variable>(fresh))
    EXPECT_EQ(std::count(before.begin(), before.end(), var), 0);

  const Stmt copy = with_fresh_names(program->body);
  EXPECT_TRUE(structural_equal(program->body, copy));  // what is free is the same object
  EXPECT_NE(as<For>(copy)->var.get(), as<For>(program->body)->var.get());
}

TEST(FreshNames, OfReductionsInExpressionsToo) {
  const Program program = parse_program(
      "program f(A: in float32[8], C: out float32[1]):\n  C[0] = reduce(sum(float32), [k in 0:+8], "
      "[A[k]])\n");
  const Program fresh = with_fresh_names(program);
  EXPECT_TRUE(structural_equal(program, fresh));
  EXPECT_NE(all<Reduce>(fresh)[0]->axes[0].var.get(), all<Reduce>(program)[0]->axes[0].var.get());
}

TEST(FreshNames, OfLaneMaps) {
  const Program program =
      parse_program("program f():\n  allocate T: fragment float32[8] lanes (i) -> (i % 4, i // 4)\n  pass\n");
  const Program fresh = with_fresh_names(program);
  EXPECT_TRUE(structural_equal(program, fresh));
  EXPECT_NE(all<BufferNode>(fresh)[0]->lane_map->coords[0].get(),
            all<BufferNode>(program)[0]->lane_map->coords[0].get());
}

TEST(FreeVars, AreUsedButNotIntroducedBelow) {
  const Program program = parse_program(kSample);
  const auto names = [](const std::vector<Var>& vars) {
    std::vector<std::string> list;
    for (const Var& var : vars) list.push_back(var->name.text);
    return list;
  };
  EXPECT_THAT(names(free_vars(program->body)), testing::ElementsAre("n"));
  EXPECT_THAT(names(free_vars(as<For>(program->body)->body)), testing::ElementsAre("n", "i"));
  const Var i("i"), j("j");
  EXPECT_THAT(names(free_vars(j + i * j)), testing::ElementsAre("j", "i"));
  EXPECT_TRUE(uses_var(j + i, i));
  EXPECT_FALSE(uses_var(j + 1, i));
}

}  // namespace
}  // namespace tw
