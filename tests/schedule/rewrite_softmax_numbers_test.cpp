// The rewrite online_softmax on infinities and NaN, and its error bound.
#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>

#include "schedule/attention_programs.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"
#include "schedule/rewrite.h"

namespace tw::schedule {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kEps = 0x1p-24;  // of float32

/// Data between -4 and 4 that float32 holds, with scores that `change` gives for (i, k).
Fill with_scores(int64_t columns, const std::function<double(int64_t, int64_t, double)>& change) {
  return [=](const std::string& buffer, int64_t element) {
    std::mt19937 random(static_cast<unsigned>(element * 7 + buffer[0]));
    const double x = static_cast<double>(random() % 8001) / 1000 - 4;
    return static_cast<double>(
        static_cast<float>(buffer == "S" ? change(element / columns, element % columns, x) : x));
  };
}

TEST(OnlineSoftmax, of_rows_with_infinities_and_nan_is_what_the_chain_gives) {
  const Fill fill = with_scores(13, [](int64_t i, int64_t k, double x) {
    if (i == 0) return -kInfinity;              // nothing but -inf: NaN
    if (i == 1 && k < 6) return -kInfinity;     // whole chunks of -inf at the beginning
    if (i == 2 && k > 3) return -kInfinity;     // and at the end
    if (i == 3 && k == 7) return kInfinity;     // NaN
    if (i == 4 && k == 5) return std::nan("");  // NaN
    if (i == 5 && k != 9) return -kInfinity;    // one score
    if (i == 6) return k % 2 ? 3e38 : -3e38;    // s - m overflows to -inf
    return x;
  });
  for (const AttentionForm form : kAttentionForms)
    for (const int chunk : {1, 3, 4, 13}) {
      Schedule s(attend_scores(8, 13, 2, form));
      online(s, "out", chunk);
      const auto got = results_of(s.program(), fill)[0], want = results_of(s.first_program(), fill)[0];
      for (std::size_t x = 0; x < want.size(); ++x) {
        EXPECT_EQ(std::isnan(got[x]), std::isnan(want[x])) << x;
        if (!std::isnan(want[x])) {
          EXPECT_NEAR(got[x], want[x], 1e-5) << x;
        }
      }
      for (const std::size_t row : {0, 3, 4}) EXPECT_TRUE(std::isnan(got[row * 2]));
    }
}

TEST(OnlineSoftmax, of_a_sum_alone_gives_nan_where_the_chain_does) {
  Schedule s(softmax_program(3, 13));
  online(s, "total", 4);
  const Fill fill = [](const std::string&, int64_t element) { return element < 13 ? -kInfinity : 1.0; };
  const auto got = results_of(s.program(), fill)[0];
  EXPECT_TRUE(std::isnan(got[0]));
  EXPECT_EQ(got[13], 1.0F / 13);
}

TEST(OnlineSoftmax, stays_in_its_error_bound) {
  // Scores that grow make every chunk rescale all before it: the worst case.
  constexpr int64_t kColumns = 96, kWidth = 2;
  for (const double slope : {0.0, 0.01, 0.3, 1.0})
    for (const int64_t chunk : {1, 4, 16, 96}) {
      Schedule s(attend_scores(4, kColumns, kWidth, AttentionForm::kBlocks));
      online(s, "out", chunk);
      const Fill fill = with_scores(
          kColumns, [&](int64_t, int64_t k, double x) { return slope * static_cast<double>(k) + x / 3; });
      const AppliedRewrite applied = applied_rewrites(s.program()).back();
      EXPECT_EQ(applied.error_factor, 6.0 * (96.0 / static_cast<double>(chunk) - 1));
      const auto got = results_of(s.program(), fill)[0];
      for (int64_t i = 0; i < 4; ++i) {
        double highest = -kInfinity, total = 0, farthest = 0;
        for (int64_t k = 0; k < kColumns; ++k) highest = std::max(highest, fill("S", i * kColumns + k));
        std::vector<double> sums(kWidth), terms(kWidth);
        for (int64_t k = 0; k < kColumns; ++k) {
          const double e = std::exp(fill("S", i * kColumns + k) - highest);
          farthest = std::max(farthest, highest - fill("S", i * kColumns + k));
          total += e;
          for (int64_t j = 0; j < kWidth; ++j) {
            sums[static_cast<std::size_t>(j)] += e * fill("V", k * kWidth + j);
            terms[static_cast<std::size_t>(j)] += e * std::abs(fill("V", k * kWidth + j));
          }
        }
        for (int64_t j = 0; j < kWidth; ++j) {
          const auto at = static_cast<std::size_t>(j);
          const double error = std::abs(got[static_cast<std::size_t>(i * kWidth + j)] - sums[at] / total);
          const double unit = kEps * terms[at] / total;
          // Both sums: order, exp within 2 eps, its argument; a product and the quotient.
          const double chain = 2 * (static_cast<double>(kColumns) - 1 + 2 + farthest) + 2;
          EXPECT_LE(error, (applied.error_factor + chain) * unit);
        }
      }
    }
}

TEST(OnlineSoftmax, of_an_unknown_number_of_chunks_has_no_bound) {
  const Var m = te::var("m");
  Schedule s(softmax_program(5, m));
  online(s, "softmax", 4);
  EXPECT_EQ(applied_rewrites(s.program()).back().error_factor, kInfinity);
  const Var bounded = te::var("m", 1, 64);
  Schedule t(softmax_program(5, bounded));
  online(t, "softmax", Tunable{"chunk", 8, 64});
  EXPECT_EQ(applied_rewrites(t.program()).back().error_factor, 6 * 7);
}

}  // namespace
}  // namespace tw::schedule
