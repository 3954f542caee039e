// What two workloads have in common, and what keeps them apart.
#include "autotune/records/key.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "autotune/records/samples/samples.h"
#include "ir/equal.h"
#include "ir/text.h"
#include "schedule/corpus/programs.h"
#include "te/lower.h"
#include "te/math.h"

namespace tw::autotune {
namespace {

TEST(WorkloadKey, is_blind_to_names) {
  const WorkloadKey key = key_of(matmul(64, 32, 48));
  EXPECT_EQ(key, key_of(matmul(64, 32, 48, "other_")));
  EXPECT_EQ(key.hash.size(), 16U);
  EXPECT_EQ(key.hash, hash_of(key.text));
}

TEST(WorkloadKey, sees_sizes_dtypes_constants_and_what_is_computed) {
  std::set<std::string> hashes;
  hashes.insert(key_of(matmul(64, 32, 48)).hash);
  hashes.insert(key_of(matmul(65, 32, 48)).hash);
  hashes.insert(key_of(matmul(64, 32, 49)).hash);
  hashes.insert(key_of(matmul(64, 32, 48, "", true)).hash);
  for (const DType dtype : {kFloat32, kFloat64}) {
    for (const double factor : {2.0, 3.0}) {
      const te::Tensor a = te::placeholder({64, 32}, dtype, "A");
      const te::Tensor b = te::compute({64, 32}, [&](const std::vector<Var>& at) -> te::Value {
        return te::multiply(a({at[0], at[1]}), factor);
      });
      hashes.insert(key_of(te::first_program({b})).hash);
    }
  }
  EXPECT_EQ(hashes.size(), 8U);
}

TEST(WorkloadKey, has_a_text_that_is_the_program) {
  for (const auto& sample : schedule::corpus()) {
    const WorkloadKey key = key_of(sample.program);
    const Program read = parse_program(key.text);
    EXPECT_TRUE(structural_equal(read, sample.program)) << sample.name;
    EXPECT_EQ(key_of(read), key) << sample.name;
    EXPECT_EQ(key_of_text(key.text), key) << sample.name;
  }
}

TEST(WorkloadKey, is_equal_for_equal_programs_alone) {
  const auto& cases = schedule::corpus();
  for (const auto& a : cases)
    for (const auto& b : cases)
      EXPECT_EQ(key_of(a.program).hash == key_of(b.program).hash, structural_equal(a.program, b.program))
          << a.name << " and " << b.name;
}

TEST(WorkloadKey, family_is_of_the_structure) {
  const WorkloadKey key = key_of(matmul(64, 32, 48)), larger = key_of(matmul(640, 32, 7));
  EXPECT_EQ(key.family, larger.family);
  EXPECT_EQ(key.sizes.size(), larger.sizes.size());
  EXPECT_NE(key.family, key_of(matmul(64, 32, 48, "", true)).family);
  EXPECT_EQ(std::set<int64_t>(key.sizes.begin(), key.sizes.end()), (std::set<int64_t>{32, 48, 64}));
}

TEST(WorkloadKey, family_leaves_out_constants_that_come_from_sizes) {
  const auto mean = [](int64_t n) {
    const te::Tensor a = te::placeholder({n}, kFloat32, "A");
    return key_of(te::first_program({te::compute({n}, [&](const std::vector<Var>& at) -> te::Value {
      return te::divide(a({at[0]}), static_cast<double>(n) * 1e-5);
    })}));
  };
  EXPECT_EQ(mean(768).family, mean(1024).family);
  EXPECT_NE(mean(768).hash, mean(1024).hash);
}

TEST(WorkloadKey, distance_counts_octaves_of_what_differs) {
  EXPECT_EQ(distance({64, 32, 64}, {64, 32, 64}), 0);
  EXPECT_NEAR(distance({1023, 31, 1023}, {511, 31, 511}), 1, 1e-12);  // one extent, wherever it stands
  EXPECT_NEAR(distance({1023, 31}, {511, 15}), std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(distance({0}, {1}), 1, 1e-12);
  EXPECT_TRUE(std::isinf(distance({1}, {1, 2})));
  const auto far = [](int64_t m) {
    return distance(key_of(matmul(512, 64, 64)).sizes, key_of(matmul(m, 64, 64)).sizes);
  };
  EXPECT_LT(far(640), far(1024));
  EXPECT_LT(far(1024), far(8));
}

}  // namespace
}  // namespace tw::autotune
