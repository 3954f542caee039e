// The sketch for sums of products: layouts, batches, types, images, what stands before and behind, odd sizes.
#include "autotune/space/contraction.h"

#include <algorithm>

#include "autotune/space/points.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "schedule/convolutions.h"
#include "te/lower.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::autotune {
namespace {

using schedule::Conv;
using schedule::Padding;

struct Matmul {
  te::Value m = 5, n = 7, k = 9;
  int64_t batch = 0;  // 0: none
  bool turned_first = false, turned_second = false, constant = false;
  DType first = kFloat32, second = kFloat32, sums = kFloat32;
  std::string before, behind;  // "", "relu"; "", "bias", "bias relu", "cast"
};

/// A product of matrices, or of a batch of them, with what is asked for around it.
Program matmul_program(const Matmul& p) {
  const auto with_batch = [&](std::vector<te::Value> dims, const Var* b = nullptr) {
    if (p.batch) dims.insert(dims.begin(), b ? te::Value(*b) : te::Value(p.batch));
    return dims;
  };
  const auto shape = [&](te::Value a, te::Value b, bool turned) {
    return with_batch(turned ? std::vector<te::Value>{b, a} : std::vector<te::Value>{a, b});
  };
  te::Tensor A = te::placeholder(shape(p.m, p.k, p.turned_first), p.first, "A");
  const te::Tensor B = te::placeholder(shape(p.k, p.n, p.turned_second), p.second, "B", p.constant);
  const te::Tensor bias = te::placeholder({p.n}, kFloat32, "shift");
  const auto all = [](const std::vector<Var>& point) {
    return std::vector<te::Value>(point.begin(), point.end());
  };
  if (p.before == "relu") {
    const te::Tensor input = A;
    A = te::compute(
        shape(p.m, p.k, p.turned_first),
        [&](const std::vector<Var>& point) -> te::Value { return te::maximum(input(all(point)), 0.0); },
        "before");
  }
  const ReduceAxis k = te::reduce_axis(p.k, "k");
  te::Tensor Y = te::compute(
      with_batch({p.m, p.n}),
      [&](const std::vector<Var>& point) -> te::Value {
        const Var *b = p.batch ? &point.front() : nullptr, &i = point[point.size() - 2], &j = point.back();
        Expr a = A(with_batch(
            p.turned_first ? std::vector<te::Value>{k.var, i} : std::vector<te::Value>{i, k.var}, b));
        Expr c = B(with_batch(
            p.turned_second ? std::vector<te::Value>{j, k.var} : std::vector<te::Value>{k.var, j}, b));
        if (p.first != p.sums && !p.first.is_half()) {
          a = cast(p.sums, a);
          c = cast(p.sums, c);
        }
        return te::sum(te::multiply(a, c), {k});
      },
      "product");
  for (const std::string& step : {std::string("bias"), std::string("relu"), std::string("cast")}) {
    if (p.behind.find(step) == std::string::npos) continue;
    const te::Tensor sums = Y;
    Y = te::compute(
        with_batch({p.m, p.n}),
        [&](const std::vector<Var>& point) -> te::Value {
          const Expr value = sums(all(point));
          if (step == "bias") return te::add(value, bias({point.back()}));
          return step == "relu" ? Expr(te::maximum(value, 0.0)) : cast(kBFloat16, value);
        },
        step);
  }
  return te::first_program({Y});
}

/// The preferred point and random ones compute what the program does.
void expect_works(const Program& program, int count = 20) {
  expect_points("contraction", program, count);
}

TEST(ContractionSketch, SchedulesProductsOfAllLayouts) {
  for (const bool first : {false, true})
    for (const bool second : {false, true})
      expect_works(
          matmul_program({.m = 21, .n = 37, .k = 19, .turned_first = first, .turned_second = second}));
  expect_works(matmul_program({.m = 21, .n = 37, .k = 19, .turned_second = true, .constant = true}));
}

TEST(ContractionSketch, SchedulesProductsOfExtremeSizes) {
  expect_works(matmul_program({.m = 1, .n = 70, .k = 33}));
  expect_works(matmul_program({.m = 70, .n = 1, .k = 33}));
  expect_works(matmul_program({.m = 1, .n = 1, .k = 1}));
  for (const bool turned : {false, true})
    expect_works(matmul_program({.m = 3, .n = 5, .k = 0, .turned_second = turned}));
  expect_works(matmul_program({.m = 3, .n = 5, .k = 1500}), 40);
}

/// The point with these values of holes, which must exist, computes what the program does.
void expect_point(const Program& program, const Values& values) {
  std::string why;
  const auto candidate =
      make_candidate(workload_of(program), *find_sketch("contraction"), Choices(values), &why);
  ASSERT_TRUE(candidate) << why;
  for (const auto& [name, value] : values) {
    const Values chosen = candidate->values();
    ASSERT_TRUE(chosen.contains(name)) << name;
    EXPECT_EQ(chosen.at(name), value) << name;
  }
  schedule::expect_same_results(candidate->program, program, candidate->parameters);
}

TEST(ContractionSketch, PacksPanelsByTheFirstRowOfTiles) {
  constexpr int64_t kFirst = 3;
  for (const bool turned : {false, true})
    for (const int64_t k : {1, 7, 32, 600}) {
      SCOPED_TRACE(testing::Message() << turned << " " << k);
      const Program program = matmul_program({.m = 21, .n = 37, .k = k, .turned_first = turned});
      for (const int64_t rows : {1, 4, 11})
        expect_point(program, {{"packing", kFirst}, {"vectors", 1}, {"rows", rows}});
      if (k > 1) expect_point(program, {{"packing", kFirst}, {"rows", 4}, {"sharing", 2}});
    }
  // Blocks of steps that divide them, and such that do not.
  for (const auto& [k, kc] : {std::pair<int64_t, int64_t>{512, 256}, {520, 264}})
    for (const int64_t hint : {0, 1})
      expect_point(matmul_program({.m = 21, .n = 70, .k = k}),
                   {{"packing", kFirst}, {"rows", 5}, {"kc", kc}, {"hint_block", hint}});
  expect_point(matmul_program({.m = 9, .n = 37, .k = 11, .batch = 3}), {{"packing", kFirst}, {"rows", 4}});
  expect_point(matmul_program({.m = 21, .n = 37, .k = 11, .behind = "bias relu"}),
               {{"packing", kFirst}, {"rows", 4}});
}

TEST(ContractionSketch, PacksRowsThatLieTogether) {
  for (const int64_t k : {1, 7, 600})
    for (const int64_t m : {2, 21})
      for (const int64_t n : {1, 37}) {
        SCOPED_TRACE(testing::Message() << m << " " << n << " " << k);
        const Program program = matmul_program({.m = m, .n = n, .k = k, .turned_first = true});
        expect_point(program, {{"pack_rows", 1}});
        expect_point(program, {{"pack_rows", 1}, {"rows", 1}});
        expect_works(program, 10);
      }
  expect_point(matmul_program({.m = 21, .n = 37, .k = 11, .turned_first = true, .behind = "bias"}),
               {{"pack_rows", 1}, {"pad_rows", 0}});
}

TEST(ContractionSketch, SharesStepsAmongThreads) {
  constexpr int64_t kSteps = 5;
  for (const int64_t k : {1024, 1500})
    for (const int64_t kc : {0, 8})
      for (const int64_t m : {1, 3}) {
        SCOPED_TRACE(testing::Message() << k << " " << kc << " " << m);
        const Program program = matmul_program({.m = m, .n = 37, .k = k});
        Values values{{"sharing", kSteps}};
        if (!kc) values["kc"] = 0;
        expect_point(program, values);
        expect_works(program, 10);
      }
  expect_point(matmul_program({.m = 3, .n = 5, .k = 1500, .behind = "bias"}), {{"sharing", kSteps}});
}

/// The extents of the loops that threads share, as text.
std::vector<std::string> shared_extents(const Program& program) {
  std::vector<std::string> found;
  for_each_node(program->body, [&](const Node* node) {
    const auto* loop = as<For>(node);
    if (loop && loop->loop_kind == LoopKind::kParallel) found.push_back(to_text(loop->extent));
  });
  return found;
}

TEST(ContractionSketch, GivesEachThreadItsPartOfTheSteps) {
  const Workload workload = workload_of(matmul_program({.m = 1, .n = 4096, .k = 4096}));
  for (const int64_t kc : {0, 8}) {
    const Values values{{"sharing", 5}, {"parts", 4}, {"kc", kc}, {"vectors", 6}};
    const auto candidate = make_candidate(workload, *find_sketch("contraction"), Choices(values));
    ASSERT_TRUE(candidate) << kc;
    EXPECT_EQ(shared_extents(candidate->program).front(), "4") << kc;
  }
}

TEST(ContractionSketch, AddsUpAlongRowsOfBothOperands) {
  for (const int64_t k : {16, 33, 70, 1024, 1500})
    for (const auto& [m, n] : {std::pair<int64_t, int64_t>{1, 37}, {37, 1}, {1, 1}, {3, 5}, {5, 21}}) {
      SCOPED_TRACE(testing::Message() << m << " " << n << " " << k);
      const Program program =
          matmul_program({.m = m, .n = n, .k = k, .turned_second = true, .behind = "bias"});
      expect_point(program, {{"inner", 1}});
      expect_works(program, 8);
    }
  expect_point(matmul_program({.m = 37, .n = 1, .k = 40}), {{"inner", 1}});
  expect_point(matmul_program({.m = 3, .n = 4, .k = 40, .batch = 3, .turned_second = true}), {{"inner", 1}});
  expect_point(matmul_program(
                   {.m = 3, .n = 4, .k = 40, .turned_second = true, .first = kBFloat16, .second = kBFloat16}),
               {{"dot", 0}, {"inner", 1}});
}

TEST(ContractionSketch, SchedulesProductsOfAVectorAndAMatrix) {
  for (const bool turned : {false, true}) {
    const int64_t n = 21, k = 70;
    const te::Tensor x = te::placeholder({k}, kFloat32, "x");
    const te::Tensor B =
        te::placeholder(turned ? std::vector<te::Value>{n, k} : std::vector<te::Value>{k, n}, kFloat32, "B");
    const ReduceAxis r = te::reduce_axis(k, "r");
    const te::Tensor y = te::compute(
        {n},
        [&](const std::vector<Var>& p) -> te::Value {
          return te::sum(te::multiply(x({r.var}), turned ? B({p[0], r.var}) : B({r.var, p[0]})), {r});
        },
        "y");
    expect_works(te::first_program({y}));
  }
}

TEST(ContractionSketch, SchedulesBatches) {
  expect_works(matmul_program({.m = 9, .n = 20, .k = 7, .batch = 3}));
  expect_works(matmul_program({.m = 9, .n = 20, .k = 7, .batch = 3, .turned_second = true}));
  expect_works(matmul_program({.m = 9, .n = 20, .k = 7, .batch = 3, .constant = true}));
}

TEST(ContractionSketch, SchedulesOtherTypes) {
  expect_works(
      matmul_program({.m = 9, .n = 20, .k = 11, .first = kFloat64, .second = kFloat64, .sums = kFloat64}));
  expect_works(matmul_program({.m = 9, .n = 20, .k = 11, .first = kUInt8, .second = kInt8, .sums = kInt32}));
  expect_works(
      matmul_program({.m = 9, .n = 20, .k = 11, .first = kBFloat16, .second = kBFloat16, .behind = "cast"}));
}

TEST(ContractionSketch, TakesWhatStandsAround) {
  expect_works(matmul_program({.m = 9, .n = 20, .k = 11, .behind = "bias"}));
  expect_works(matmul_program({.m = 9, .n = 20, .k = 11, .constant = true, .behind = "bias relu"}));
  expect_works(matmul_program({.m = 9, .n = 20, .k = 1500, .before = "relu", .behind = "bias relu"}));
}

TEST(ContractionSketch, SchedulesConvolutionsOfAllKinds) {
  for (const bool nhwc : {true, false})
    for (const int64_t stride : {1, 2})
      for (const Padding padding : {Padding::kNone, Padding::kWhere, Padding::kBuffer, Padding::kProduct}) {
        SCOPED_TRACE(testing::Message() << nhwc << " " << stride << " " << static_cast<int>(padding));
        expect_works(schedule::conv_program({.n = 1,
                                             .y = 5,
                                             .x = 6,
                                             .c = 3,
                                             .f = 20,
                                             .stride = stride,
                                             .nhwc = nhwc,
                                             .padding = padding}),
                     6);
      }
  expect_works(schedule::conv_program({.c = 3, .f = 6, .groups = 2, .nhwc = true}));
  expect_works(schedule::conv_program({.c = 3, .f = 6, .groups = 2}));
  expect_works(schedule::conv_program({.n = 2, .c = 4, .f = 18, .kernel = 1, .nhwc = true}));
}

TEST(ContractionSketch, SchedulesSymbolicSizes) {
  const Var m = te::var("m", 1, 64), k = te::var("k", 0, 64);
  const Program program = matmul_program({.m = m, .n = 20, .k = k, .behind = "bias"});
  const Workload workload = workload_of(program, {{"m", 33}, {"k", 20}});
  const auto candidate = make_candidate(workload, *find_sketch("contraction"), Choices());
  ASSERT_TRUE(candidate);
  for (const int64_t rows : {1, 13, 33, 64})
    for (const int64_t steps : {0, 1, 20}) {
      Values values = candidate->parameters;
      values["m"] = rows;
      values["k"] = steps;
      schedule::expect_same_results(candidate->program, program, values);
    }
}

TEST(ContractionSketch, PrefersDotProductsWhereTheMachineHasThem) {
  Workload workload = workload_of(
      matmul_program({.m = 20, .n = 40, .k = 11, .first = kUInt8, .second = kInt8, .sums = kInt32}));
  workload.machine.vector_bytes = 64;
  workload.machine.vector_registers = 32;
  workload.machine.target.features = {"avx512vl", "avx512vnni"};
  const auto candidate = make_candidate(workload, *find_sketch("contraction"), Choices());
  ASSERT_TRUE(candidate);
  EXPECT_NE(candidate->trace.to_json().find("dot_u8s8_16x4"), std::string::npos);
  schedule::expect_same_results(candidate->program, workload.program, candidate->parameters);
}

TEST(ContractionSketch, LeavesOtherProgramsAlone) {
  const te::Tensor X = te::placeholder({5, 7}, kFloat32, "X");
  const ReduceAxis k = te::reduce_axis(7, "k");
  const te::Tensor sums = te::compute(
      {5},
      [&](const std::vector<Var>& p) -> te::Value {
        return te::sum(X({p[0], k.var}), {k});
      },
      "sums");
  EXPECT_FALSE(find_sketch("contraction")->applies(workload_of(te::first_program({sums}))));
}

}  // namespace
}  // namespace tw::autotune
