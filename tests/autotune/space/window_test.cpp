// The sketch for windows: layouts, strides, borders, what stands before and behind, odd and tiny sizes.
#include "autotune/space/points.h"
#include "te/lower.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::autotune {
namespace {

struct Image {
  int64_t n = 1, y = 5, x = 7, c = 19, kernel = 3, stride = 1;
  bool nhwc = true, padded = true, pooling = false, relu = false;
};

std::vector<te::Value> order(const Image& image, te::Value n, te::Value y, te::Value x, te::Value c) {
  return image.nhwc ? std::vector<te::Value>{n, y, x, c} : std::vector<te::Value>{n, c, y, x};
}

/// A depthwise convolution or a pooling, with zeros around the image and a relu behind, as asked.
Program window_program(const Image& image) {
  const int64_t border = image.padded ? image.kernel / 2 : 0;
  const auto input = [&](int64_t points) { return (points - 1) * image.stride + image.kernel - 2 * border; };
  const int64_t h = input(image.y), w = input(image.x);
  const te::Tensor X = te::placeholder(order(image, image.n, h, w, image.c), kFloat32, "X");
  const te::Tensor W = te::placeholder({image.kernel, image.kernel, image.c}, kFloat32, "W", true);
  const auto at = [&](const std::vector<Var>& p, int nhwc, int nchw) {
    return Expr(p[static_cast<std::size_t>(image.nhwc ? nhwc : nchw)]);
  };
  te::Tensor source = X;
  if (border > 0)
    source = te::compute(
        order(image, image.n, h + 2 * border, w + 2 * border, image.c),
        [&](const std::vector<Var>& p) -> te::Value {
          const Expr y = at(p, 1, 2), x = at(p, 2, 3), b(border);
          const Expr inside = logical_and(logical_and(le(b, y), lt(y, b + Expr(h))),
                                          logical_and(le(b, x), lt(x, b + Expr(w))));
          return te::where(inside, X(order(image, p[0], y - b, x - b, at(p, 3, 1))), 0.0);
        },
        "padded");
  const ReduceAxis u = te::reduce_axis(image.kernel, "u"), v = te::reduce_axis(image.kernel, "v");
  te::Tensor Y = te::compute(
      order(image, image.n, image.y, image.x, image.c),
      [&](const std::vector<Var>& p) -> te::Value {
        const Expr y = at(p, 1, 2) * Expr(image.stride) + u.var, x = at(p, 2, 3) * Expr(image.stride) + v.var;
        const Expr element = source(order(image, p[0], y, x, at(p, 3, 1)));
        if (image.pooling) return te::max(element, {u, v});
        return te::sum(te::multiply(element, W({u, v, at(p, 3, 1)})), {u, v});
      },
      "Y");
  if (image.relu)
    Y = te::compute(
        order(image, image.n, image.y, image.x, image.c),
        [&](const std::vector<Var>& p) -> te::Value {
          return te::maximum(Y(std::vector<te::Value>(p.begin(), p.end())), 0.0);
        },
        "relu");
  return te::first_program({Y});
}

TEST(WindowSketch, schedules_images_of_all_kinds) {
  for (const Image& image : std::vector<Image>{
           {},
           {.stride = 2},
           {.nhwc = false},
           {.stride = 2, .nhwc = false, .relu = true},
           {.padded = false, .relu = true},
           {.pooling = true},
           {.n = 2, .y = 8, .x = 16, .c = 32},
           {.n = 3, .y = 4, .x = 5, .c = 16, .kernel = 5, .nhwc = false, .padded = false, .pooling = true},
           {.y = 3, .x = 9, .c = 3, .kernel = 7},
       })
    expect_points("window", window_program(image), 12);
}

TEST(WindowSketch, schedules_tiny_images) {
  expect_points("window", window_program({.y = 1, .x = 1, .c = 5}), 5);
  expect_points("window", window_program({.y = 1, .x = 9, .c = 1}), 5);
  expect_points("window", window_program({.y = 9, .x = 1, .c = 2, .nhwc = false}), 5);
  expect_points("window", window_program({.y = 2, .x = 2, .c = 2, .kernel = 1, .padded = false}), 5);
}

TEST(WindowSketch, leaves_empty_and_single_images_to_others) {
  for (const Image& image : std::vector<Image>{{.y = 1, .x = 1, .c = 1}, {.n = 0}, {.c = 0}}) {
    const Workload workload = workload_of(window_program(image));
    const Sketch* sketch = find_sketch("window");
    if (sketch->applies(workload)) expect_points("window", workload.program, 3);
    expect_points("general", workload.program, 3);
  }
}

}  // namespace
}  // namespace tw::autotune
