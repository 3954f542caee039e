// Programs that the tests of measuring share.
#pragma once

#include <string>

#include "autotune/measure/runner.h"
#include "ir/text.h"

namespace tw::autotune::test {

/// C[i, j] = sum over k of A[i, k] * B[k, j], the plainest nest.
Program matmul(int64_t m, int64_t n, int64_t k);
/// The same, its B a constant that is copied to panels first, rows in steps of the parameter "rows".
Program packed_matmul(int64_t m, int64_t n, int64_t k);
/// Y[i] = X[i] + 1 over `n` elements.
Program add_one(int64_t n);
/// add_one with its one statement in place of `Y[vi] = X[vi] + 1.0f32`, at index vi of the block.
Program add_one_as(int64_t n, const std::string& statement);
/// add_one over a symbolic size, `statement` as above; a loop over n turns.
Program symbolic_add_one(const std::string& statement = "Y[vi] = X[vi] + 1.0f32");

/// C = C * 0.5 + X over `n` elements, C read and written; `statement` in place of its one statement.
Program update(int64_t n, const std::string& statement = "C[vi] = C[vi] * 0.5f32 + X[vi]");

/// Options that start the tests' worker.
RunnerOptions with_test_worker();
Task task_of(const Program& first, std::vector<Values> sizes = {{}});

}  // namespace tw::autotune::test
