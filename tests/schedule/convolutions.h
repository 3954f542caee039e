// Convolutions to rewrite: of any layout, stride, dilation, grouping, padding and type.
#pragma once

#include <string>
#include <vector>

#include "schedule/fixtures.h"

namespace tw::schedule {

/// Where zeros around the data come from: nowhere, a condition around the data, a buffer, a condition around
/// the product.
enum class Padding { kNone, kWhere, kBuffer, kProduct };

/// A convolution of two dimensions: sizes of the result, the kernel and the channels.
struct Conv {
  te::Value n = 1, y = 5, x = 7, c = 3, f = 2;
  int64_t kernel = 3, stride = 1, dilation = 1, groups = 1;
  bool nhwc = false, depthwise = false, flipped = false;
  Padding padding = Padding::kNone;
  DType dtype = kFloat32;
};

/// The size as an expression.
Expr expr(const te::Value& value);

/// The block of the convolution is "conv", its operands "data" and "weight".
Program conv_program(const Conv& conv);

/// A schedule of the program with its convolution rewritten; m, across = 0: no option.
Schedule rewritten(const Program& program, const std::string& name, int64_t m = 0, int64_t across = 0);

/// The message with which the rewrite refuses the block.
std::string refusal(const Program& program, const std::string& name, int64_t m = 0,
                    const std::string& block = "conv");

/// Plain, padded, flipped and depthwise convolutions of odd, prime and unit sizes, in both layouts.
std::vector<Conv> all_kinds();

}  // namespace tw::schedule
