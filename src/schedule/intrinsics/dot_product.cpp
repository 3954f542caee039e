#include "schedule/intrinsics/dot_product.h"

#include "support/error.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {

Intrinsic lane_dot(const LaneDot& dot) {
  const auto a = te::placeholder({dot.depth}, dot.a, "A");
  const auto b = te::placeholder({dot.lanes, dot.depth}, dot.b, "B");
  const ReduceAxis k = te::reduce_axis(dot.depth, "k");
  Intrinsic intrinsic;
  intrinsic.output = te::compute(
      {dot.lanes},
      [&](const std::vector<Var>& p) -> te::Value {
        return te::sum(te::multiply(te::astype(a({k}), dot.c), te::astype(b({p[0], k}), dot.c)), {k});
      },
      "C", {"i"});
  intrinsic.accumulates = true;
  intrinsic.operands = {{.strides = {{.exactly = 1}}},
                        {.strides = {{.exactly = dot.depth}, {.exactly = 1}}},
                        {.strides = {{.exactly = 1}}}};
  return intrinsic;
}

Implementation lane_dot_instruction(const LaneDot& dot, const std::string& name,
                                    const std::string& accumulators, const std::string& products,
                                    std::vector<std::string> features) {
  const int lanes = static_cast<int>(dot.lanes), all = static_cast<int>(dot.lanes * dot.depth);
  const std::string depth = std::to_string(dot.depth);
  const RegisterOperand c{.operand = 2,
                          .type = accumulators,
                          .registers = 1,
                          .elements = lanes,
                          .place = IndexMap::parse("(r, e) -> (e)")};
  const RegisterOperand a{.operand = 0,
                          .type = products,
                          .registers = 1,
                          .elements = all,
                          .place = IndexMap::parse("(r, e) -> (e % " + depth + ")")};
  const RegisterOperand b{.operand = 1,
                          .type = products,
                          .registers = 1,
                          .elements = all,
                          .place = IndexMap::parse("(r, e) -> (e // " + depth + ", e % " + depth + ")")};
  return {.target = "llvm",
          .features = std::move(features),
          .operands = {},
          .code = Instruction{.name = name, .result = c, .arguments = {c, a, b}},
          .registers = 3};
}

void require_lanes(const std::string& name, int64_t lanes) {
  if (lanes != 4 && lanes != 8 && lanes != 16)
    raise_value("there is no intrinsic {}: registers have 4, 8 or 16 lanes of 32 bits", name);
}

}  // namespace tw::schedule
