// The matrix product of a warp, mma.sync.m16n8k16 of float16 into float32, and what fills, loads and stores
// its fragments.
//
//   fill_f32_16x8            C = 0                        C in a fragment
//   load_a_f16_16x16         Af = A                       from shared or global memory into a fragment
//   load_b_f16_16x8          Bf = B
//   load_bt_f16_16x8         Bf[k, j] = B[j, k]           of a matrix that lies transposed
//   mma_f16_16x8x16          C[i, j] += sum of Af[i, k] * Bf[k, j] over 16
//   store_f32_16x8           D = C                        from a fragment into memory
//
// The fragments are those of the PTX manual, "Matrix fragments for mma.m16n8k16 with floating point type":
// groups of four lanes hold a row of A and C, or a column of B.
#include <fmt/format.h>

#include "ir/text.h"
#include "schedule/intrinsic.h"
#include "support/error.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

/// A kind of fragment: rows, columns, and where its elements are, both ways.
struct Fragment {
  int64_t rows, columns;
  DType dtype;
  const char* lanes;    // of an element
  const char* element;  // of a lane and a slot
  int64_t slots;        // of each lane
};

const Fragment kA{16,
                  16,
                  kFloat16,
                  "(i, k) -> (i % 8 * 4 + k % 8 // 2, k // 8 * 4 + i // 8 * 2 + k % 2)",
                  "lane // 4 + slot // 2 % 2 * 8, lane % 4 * 2 + slot % 2 + slot // 4 * 8",
                  8};
const Fragment kB{16,
                  8,
                  kFloat16,
                  "(k, j) -> (j * 4 + k % 8 // 2, k // 8 * 2 + k % 2)",
                  "lane % 4 * 2 + slot % 2 + slot // 2 * 8, lane // 4",
                  4};
const Fragment kC{16,
                  8,
                  kFloat32,
                  "(i, j) -> (i % 8 * 4 + j // 2, i // 8 * 2 + j % 2)",
                  "lane // 4 + slot // 2 * 8, lane % 4 * 2 + slot % 2",
                  4};

OperandDemand in_lanes(const Fragment& fragment) {
  return {.scopes = {Scope::kFragment},
          .strides = {},
          .alignment = 1,
          .lane_map = parse_lane_map(fragment.lanes)};
}

OperandDemand in_memory() {
  return {.scopes = {Scope::kGlobal, Scope::kShared}, .strides = {}, .alignment = 1, .lane_map = {}};
}

const Numerics kExact{.error = "none: values are copied", .non_finite = "values are copied"};

/// Registers of the fragment with so many elements each.
RegisterOperand registers_of(int operand, const Fragment& fragment, const char* type, int elements) {
  std::string element = fragment.element;
  const std::string slot = elements == 1 ? "r" : fmt::format("(r * {} + e)", elements);
  for (std::size_t at = element.find("slot"); at != std::string::npos; at = element.find("slot"))
    element.replace(at, 4, slot);
  return {.operand = operand,
          .type = type,
          .registers = static_cast<int>(fragment.slots) / elements,
          .elements = elements,
          .place = IndexMap::parse("(lane, r, e) -> (" + element + ")")};
}

/// The subscripts of an element the other way round.
std::string swapped(const std::string& element) {
  const std::size_t comma = element.find(", ");
  return element.substr(comma + 2) + ", " + element.substr(0, comma);
}

/// Each lane moves the elements that it holds, one after the other.
Implementation lane_by_lane(const Fragment& fragment, const std::string& params, const std::string& store) {
  return {.target = "cuda",
          .features = {},
          .operands = {},
          .code = parse_program(fmt::format("program lanes({}):\n  for lane in bind(threadIdx.x, 32):\n    "
                                            "for slot in unrolled({}):\n      {}\n",
                                            params, fragment.slots, store)),
          .registers = 0};
}

Intrinsic mma() {
  const auto a = te::placeholder({kA.rows, kA.columns}, kFloat16, "A");
  const auto b = te::placeholder({kB.rows, kB.columns}, kFloat16, "B");
  const ReduceAxis k = te::reduce_axis(kA.columns, "k");
  Intrinsic intrinsic;
  intrinsic.output = te::compute(
      {kC.rows, kC.columns},
      [&](const std::vector<Var>& p) -> te::Value {
        return te::sum(te::multiply(te::astype(a({p[0], k}), kFloat32), te::astype(b({k, p[1]}), kFloat32)),
                       {k});
      },
      "C", {"i", "j"});
  intrinsic.accumulates = true;
  intrinsic.operands = {in_lanes(kA), in_lanes(kB), in_lanes(kC)};
  intrinsic.numerics = {
      .exact = false,
      .error_per_term = 4,
      .error =
          "products are exact; the 16 of a step and what was there are added in no fixed order, with "
          "terms cut off, not rounded, below the last place of the largest: at most 2^-22 times the sum "
          "of magnitudes for each term",
      .non_finite = "infinities and NaN give what IEEE says, with one NaN for all; subnormal numbers count"};
  const RegisterOperand c = registers_of(2, kC, "f32", 1);
  intrinsic.implementations = {
      {.target = "cuda",
       .features = {"sm_80"},
       .operands = {},
       .code = Instruction{.name = "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32",
                           .result = c,
                           .arguments = {registers_of(0, kA, "b32", 2), registers_of(1, kB, "b32", 2), c}},
       .registers = 0}};
  return intrinsic;
}

Intrinsic fill() {
  Intrinsic intrinsic;
  intrinsic.output = te::compute(
      {kC.rows, kC.columns},
      [](const std::vector<Var>&) -> te::Value { return te::constant(te::Weak::of_float(0), kFloat32); }, "C",
      {"i", "j"});
  intrinsic.operands = {in_lanes(kC)};
  intrinsic.numerics = kExact;
  intrinsic.implementations = {
      lane_by_lane(kC, "C: out float32[16, 8]", fmt::format("C[{}] = 0.0f32", kC.element))};
  return intrinsic;
}

/// Fragment F of memory M, or of M transposed.
Intrinsic load(const Fragment& fragment, bool transposed) {
  const int64_t rows = fragment.rows, columns = fragment.columns;
  const auto memory =
      te::placeholder({transposed ? columns : rows, transposed ? rows : columns}, fragment.dtype, "M");
  Intrinsic intrinsic;
  intrinsic.output = te::compute({rows, columns},
                                 [&](const std::vector<Var>& p) -> te::Value {
                                   return transposed ? memory({p[1], p[0]}) : memory({p[0], p[1]});
                                 },
                                 "F", {"i", "j"});
  intrinsic.operands = {in_memory(), in_lanes(fragment)};
  intrinsic.numerics = kExact;
  const std::string from = transposed ? swapped(fragment.element) : fragment.element;
  const std::string params =
      fmt::format("M: in float16[{}, {}], F: out float16[{}, {}]", as_int(memory.shape()[0]).value(),
                  as_int(memory.shape()[1]).value(), rows, columns);
  intrinsic.implementations = {
      lane_by_lane(fragment, params, fmt::format("F[{}] = M[{}]", fragment.element, from))};
  return intrinsic;
}

/// The eight by eight matrices of ldmatrix, each lane giving the address of a row of one.
Implementation ldmatrix(const Fragment& fragment, bool transposes, const char* row_of_lane) {
  const int matrices = static_cast<int>(fragment.slots) / 2;
  const RegisterOperand address{.operand = 0,
                                .type = "address",
                                .registers = 1,
                                .elements = 1,
                                .place = IndexMap::parse(row_of_lane),
                                .is_address = true};
  const OperandDemand rows{.scopes = {Scope::kShared},
                           .strides = {{.exactly = 0, .multiple_of = 8}, {.exactly = 1}},
                           .alignment = 16,
                           .lane_map = {}};
  return {.target = "cuda",
          .features = {"sm_75"},
          .operands = {rows, in_lanes(fragment)},
          .code = Instruction{.name = fmt::format("ldmatrix.sync.aligned.m8n8.x{}{}.shared.b16", matrices,
                                                  transposes ? ".trans" : ""),
                              .result = registers_of(1, fragment, "b32", 2),
                              .arguments = {address}},
          .registers = 0};
}

/// With ldmatrix before the lanes one by one.
Intrinsic with_ldmatrix(Intrinsic intrinsic, const Fragment& fragment, bool transposes,
                        const char* row_of_lane) {
  intrinsic.implementations.insert(intrinsic.implementations.begin(),
                                   ldmatrix(fragment, transposes, row_of_lane));
  return intrinsic;
}

Intrinsic store() {
  const auto fragment = te::placeholder({kC.rows, kC.columns}, kFloat32, "F");
  Intrinsic intrinsic;
  intrinsic.output = te::compute({kC.rows, kC.columns},
                                 [&](const std::vector<Var>& p) -> te::Value {
                                   return fragment({p[0], p[1]});
                                 },
                                 "M", {"i", "j"});
  intrinsic.operands = {in_lanes(kC), in_memory()};
  intrinsic.numerics = kExact;
  intrinsic.implementations = {lane_by_lane(kC, "F: in float32[16, 8], M: out float32[16, 8]",
                                            fmt::format("M[{0}] = F[{0}]", kC.element))};
  return intrinsic;
}

using Sizes = std::vector<int64_t>;

const IntrinsicRegistration registrations[] = {
    IntrinsicRegistration{
        {.name = "mma_f16_16x8x16",
         .summary = "C[i, j] += sum of A[i, k] * B[k, j] over 16 by a warp, float16 into float32.",
         .members = {},
         .make = [](const Sizes&) { return mma(); }}},
    IntrinsicRegistration{{.name = "fill_f32_16x8",
                           .summary = "C[i, j] = 0 in the accumulators of mma_f16_16x8x16.",
                           .members = {},
                           .make = [](const Sizes&) { return fill(); }}},
    IntrinsicRegistration{{.name = "load_a_f16_16x16",
                           .summary = "F[i, j] = M[i, j] into the left operand of mma_f16_16x8x16.",
                           .members = {},
                           .make =
                               [](const Sizes&) {
                                 return with_ldmatrix(load(kA, false), kA, false,
                                                      "(lane, r, e) -> (lane % 16, lane // 16 * 8)");
                               }}},
    IntrinsicRegistration{{.name = "load_b_f16_16x8",
                           .summary = "F[i, j] = M[i, j] into the right operand of mma_f16_16x8x16.",
                           .members = {},
                           .make =
                               [](const Sizes&) {
                                 return with_ldmatrix(load(kB, false), kB, true,
                                                      "(lane, r, e) -> (lane % 16, 0)");
                               }}},
    IntrinsicRegistration{{.name = "load_bt_f16_16x8",
                           .summary = "F[i, j] = M[j, i] into the right operand of mma_f16_16x8x16.",
                           .members = {},
                           .make =
                               [](const Sizes&) {
                                 return with_ldmatrix(load(kB, true), kB, false,
                                                      "(lane, r, e) -> (lane % 8, lane // 8 % 2 * 8)");
                               }}},
    IntrinsicRegistration{{.name = "store_f32_16x8",
                           .summary = "M[i, j] = F[i, j] from the accumulators of mma_f16_16x8x16.",
                           .members = {},
                           .make = [](const Sizes&) { return store(); }}},
};

}  // namespace
}  // namespace tw::schedule
