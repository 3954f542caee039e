#include "autotune/worker/programs.h"

#include <fmt/format.h>

namespace tw::autotune::test {

Program matmul(int64_t m, int64_t n, int64_t k) {
  return parse_program(fmt::format(
      R"(program main(A: in float32[{0}, {2}], B: const float32[{2}, {1}], C: out float32[{0}, {1}]):
  for i in {0}:
    for j in {1}:
      for k in {2}:
        block C#0(vi: spatial({0}) = i, vj: spatial({1}) = j, vk: reduce({2}) = k):
          reads A[vi, vk], B[vk, vj]
          writes C[vi, vj]
          reducer sum(float32)
          init:
            C[vi, vj] = 0.0f32
          C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
)",
      m, n, k));
}

Program packed_matmul(int64_t m, int64_t n, int64_t k) {
  return parse_program(fmt::format(
      R"(program main(rows: param in [1, 64] = 4, A: in float32[{0}, {2}], B: const float32[{2}, {1}], C: out float32[{0}, {1}]):
  allocate B_packed: float32[{1}, {2}]
  for j in {1}:
    for k in {2}:
      block B_packed#1(vj: spatial({1}) = j, vk: spatial({2}) = k):
        reads B[vk, vj]
        writes B_packed[vj, vk]
        B_packed[vj, vk] = B[vk, vj]
  for io in ({0} + rows - 1) // rows:
    for ii in rows:
      for j_1 in {1}:
        for k_1 in {2}:
          block C#0(vi: spatial({0}) = io * rows + ii, vj_1: spatial({1}) = j_1, vk_1: reduce({2}) = k_1) where io * rows + ii < {0}:
            reads A[vi, vk_1], B_packed[vj_1, vk_1]
            writes C[vi, vj_1]
            reducer sum(float32)
            init:
              C[vi, vj_1] = 0.0f32
            C[vi, vj_1] = C[vi, vj_1] + A[vi, vk_1] * B_packed[vj_1, vk_1]
)",
      m, n, k));
}

Program add_one_as(int64_t n, const std::string& statement) {
  return parse_program(fmt::format(R"(program main(X: in float32[{0}], Y: out float32[{0}]):
  for i in {0}:
    block Y#0(vi: spatial({0}) = i):
      reads X[vi]
      writes Y[vi]
      {1}
)",
                                   n, statement));
}

Program add_one(int64_t n) {
  return add_one_as(n, "Y[vi] = X[vi] + 1.0f32");
}

Program symbolic_add_one(const std::string& statement) {
  return parse_program(
      fmt::format(R"(program main(n: shape in [1, 1000], X: in float32[n], Y: out float32[n]):
  for i in n:
    block Y#0(vi: spatial(n) = i):
      reads X[vi]
      writes Y[vi]
      {}
)",
                  statement));
}

Program update(int64_t n, const std::string& statement) {
  return parse_program(fmt::format(R"(program main(X: in float32[{0}], C: inout float32[{0}]):
  for i in {0}:
    block C#0(vi: spatial({0}) = i):
      reads C[vi], X[vi]
      writes C[vi]
      {1}
)",
                                   n, statement));
}

RunnerOptions with_test_worker() {
  RunnerOptions options;
  options.command = {TW_WORKER};
  options.run_seconds = 5;
  return options;
}

Task task_of(const Program& first, std::vector<Values> sizes) {
  Task task;
  task.program = first;
  task.target = "llvm";
  task.sizes = std::move(sizes);
  return task;
}

}  // namespace tw::autotune::test
