// Expressions lowered into a program that is already there.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "support/error.h"
#include "te/lower.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::te {
namespace {

using testing::HasSubstr;

/// sum over j of x[i, j] * 2, by a tensor in between.
struct Sums {
  Var n = Variable::make("n", kIndex, 1, 64);  // of the program, not of the expression
  Buffer from = BufferNode::make("from", kFloat32, {n, 7}), to = BufferNode::make("to", kFloat32, {n});
  Tensor x = placeholder({n, 7}, kFloat32, "x");
  Tensor twice = compute({n, 7},
                         [&](const std::vector<Var>& p) -> Value {
                           return multiply(x({p[0], p[1]}), 2.0);
                         },
                         "twice", {"i", "j"});
  Tensor sums = compute({n},
                        [&](const std::vector<Var>& p) -> Value {
                          const ReduceAxis j = reduce_axis(7, "j");
                          return sum(twice({p[0], j}), {j});
                        },
                        "sums", {"i"});
};

TEST(LowerOnto, reads_and_writes_the_buffers_that_tensors_are_placed_in) {
  const Sums s;
  const std::string text = to_text(lower_onto({{s.x, s.from}}, {{s.sums, s.to}}));
  EXPECT_THAT(text, HasSubstr("allocate twice: float32[n, 7]"));
  EXPECT_THAT(text, HasSubstr("block twice#0"));
  EXPECT_THAT(text, HasSubstr("reads from["));
  EXPECT_THAT(text, HasSubstr("block sums#1"));
  EXPECT_THAT(text, HasSubstr("writes to["));
}

TEST(LowerOnto, keeps_every_output_out_of_the_allocations) {
  const Sums s;
  const Buffer middle = BufferNode::make("middle", kFloat32, {s.n, 7});
  const std::string text = to_text(lower_onto({{s.x, s.from}}, {{s.twice, middle}, {s.sums, s.to}}));
  EXPECT_THAT(text, testing::Not(HasSubstr("allocate")));
  EXPECT_THAT(text, HasSubstr("reads middle["));
}

TEST(LowerOnto, a_placeholder_without_place_or_with_another_type_is_a_fault) {
  const Sums s;
  EXPECT_THROW(lower_onto({}, {{s.sums, s.to}}), InternalError);
  EXPECT_THROW(lower_onto({{s.x, BufferNode::make("from", kFloat64, {s.n, 7})}}, {{s.sums, s.to}}),
               InternalError);
  EXPECT_THROW(lower_onto({{s.x, s.to}}, {{s.sums, s.to}}), InternalError);
}

}  // namespace
}  // namespace tw::te
