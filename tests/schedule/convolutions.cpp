#include "schedule/convolutions.h"

#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {

Expr expr(const te::Value& value) {
  return te::to_index(value, "a size");
}

Program conv_program(const Conv& conv) {
  const Expr groups(conv.groups), taps((conv.kernel - 1) * conv.dilation);
  const Expr high = (expr(conv.y) - 1) * Expr(conv.stride) + 1 + taps,
             wide = (expr(conv.x) - 1) * Expr(conv.stride) + 1 + taps;
  const Expr border(conv.padding == Padding::kNone ? 0 : 1);
  const Expr h = high - border - border, w = wide - border - border;
  const Expr filters = expr(conv.f) * groups, channels = conv.depthwise ? filters : expr(conv.c) * groups;
  const auto order = [&](te::Value n, te::Value ch, te::Value y, te::Value x) {
    return conv.nhwc ? std::vector<te::Value>{n, y, x, ch} : std::vector<te::Value>{n, ch, y, x};
  };
  const auto data = te::placeholder(order(conv.n, channels, h, w), conv.dtype, "data");
  const auto weight =
      te::placeholder({filters, conv.depthwise ? te::Value(1) : conv.c, conv.kernel, conv.kernel}, conv.dtype,
                      "weight", true);
  const auto inside = [&](const Expr& y, const Expr& x) {
    return logical_and(logical_and(le(border, y), lt(y, h + border)),
                       logical_and(le(border, x), lt(x, w + border)));
  };
  te::Tensor source = data;
  if (conv.padding == Padding::kBuffer)
    source = te::compute(
        order(conv.n, channels, high, wide),
        [&](const std::vector<Var>& p) -> te::Value {
          const Expr y = p[conv.nhwc ? 1 : 2], x = p[conv.nhwc ? 2 : 3], ch = p[conv.nhwc ? 3 : 1];
          return te::where(inside(y, x), data(order(p[0], ch, y - border, x - border)), 0.0);
        },
        "padded");
  const ReduceAxis c = te::reduce_axis(conv.depthwise ? te::Value(1) : conv.c, "c"),
                   ky = te::reduce_axis(conv.kernel, "ky"), kx = te::reduce_axis(conv.kernel, "kx");
  const auto result = te::compute(
      order(conv.n, filters, conv.y, conv.x),
      [&](const std::vector<Var>& p) -> te::Value {
        const Expr y = p[conv.nhwc ? 1 : 2], x = p[conv.nhwc ? 2 : 3], f = p[conv.nhwc ? 3 : 1];
        const auto tap = [&](const Var& k) { return conv.flipped ? Expr(conv.kernel - 1) - k : Expr(k); };
        const Expr at_y = y * Expr(conv.stride) + tap(ky.var) * Expr(conv.dilation),
                   at_x = x * Expr(conv.stride) + tap(kx.var) * Expr(conv.dilation);
        Expr channel = c.var;
        if (conv.depthwise)
          channel = f;
        else if (conv.groups > 1)
          channel = floordiv(f, expr(conv.f)) * expr(conv.c) + c.var;
        const Expr tap_weight = weight({f, c, ky, kx});
        std::vector<ReduceAxis> axes = {c, ky, kx};
        const bool guarded = conv.padding == Padding::kWhere || conv.padding == Padding::kProduct;
        const Expr element = source(guarded ? order(p[0], channel, at_y - border, at_x - border)
                                            : order(p[0], channel, at_y, at_x));
        if (conv.padding == Padding::kProduct)
          return te::sum(te::where(inside(at_y, at_x), te::multiply(element, tap_weight), 0.0), axes);
        if (conv.padding == Padding::kWhere)
          return te::sum(te::multiply(te::where(inside(at_y, at_x), element, 0.0), tap_weight), axes);
        return te::sum(te::multiply(element, tap_weight), axes);
      },
      "conv",
      conv.nhwc ? std::vector<std::string>{"n", "y", "x", "f"}
                : std::vector<std::string>{"n", "f", "y", "x"});
  return te::first_program({result}, std::nullopt, "convolution");
}

Schedule rewritten(const Program& program, const std::string& name, int64_t m, int64_t across) {
  Schedule s(program);
  List options;
  if (across) options.emplace_back(List{"across", across});  // keywords in their order
  if (m) options.emplace_back(List{"m", m});
  // The sum of halves is a block of its own.
  const bool widened = text_of(s).find("conv_sum") != std::string::npos;
  s.apply("rewrite", {s.block(widened ? "conv_sum" : "conv"), name, options});
  return s;
}

std::string refusal(const Program& program, const std::string& name, int64_t m, const std::string& block) {
  Schedule s(program);
  List options;
  if (m) options.emplace_back(List{"m", m});
  return error_of([&] { s.apply("rewrite", {s.block(block), name, options}); });
}

std::vector<Conv> all_kinds() {
  std::vector<Conv> kinds;
  for (const bool nhwc : {false, true}) {
    kinds.push_back({.n = 2, .nhwc = nhwc});
    kinds.push_back({.y = 1, .x = 1, .c = 1, .f = 1, .nhwc = nhwc});
    kinds.push_back({.y = 13, .x = 2, .nhwc = nhwc, .padding = Padding::kWhere});
    kinds.push_back({.n = 2, .y = 4, .x = 8, .nhwc = nhwc, .padding = Padding::kBuffer});
    kinds.push_back({.y = 3, .x = 5, .nhwc = nhwc, .padding = Padding::kProduct});
    kinds.push_back({.nhwc = nhwc, .flipped = true});
    kinds.push_back({.n = 2, .f = 4, .nhwc = nhwc, .depthwise = true, .padding = Padding::kWhere});
  }
  return kinds;
}

}  // namespace tw::schedule
