// Learned models on made-up measurements: what they learn, that they repeat themselves, and what they do when
// something fails.
#include "autotune/model/model.h"

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autotune/model/xgboost.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

/// Candidates whose true speed the analytic model sees half of: it misses what features 0 and 3 do.
std::vector<Example> examples_of(uint64_t task, std::size_t count, uint64_t seed) {
  std::mt19937_64 random(seed * 1000 + task);
  const auto draw = [&] { return static_cast<double>(random() % 1000) / 1000; };
  std::vector<Example> examples;
  for (std::size_t i = 0; i < count; ++i) {
    Example each;
    each.task = task;
    for (int f = 0; f < 12; ++f) each.features.push_back(static_cast<float>(draw()));
    const double known = each.features[1] + 0.5 * each.features[2];
    const double missed =
        1.5 * (each.features[0] > 0.6F) - 1.2 * each.features[3] * (each.features[1] > 0.4F);
    const double scale = 1e-4 * static_cast<double>(1 + task);
    each.analytic = scale * std::exp(known);
    each.seconds = scale * std::exp(known + missed + 0.02 * (draw() - 0.5));
    examples.push_back(std::move(each));
  }
  return examples;
}

/// Of the pairs of candidates, those whose order the scores get right.
double pairs_right(const std::vector<Example>& examples, const std::vector<double>& scores) {
  double right = 0, pairs = 0;
  for (std::size_t i = 0; i < examples.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      if (!std::isfinite(examples[i].seconds) || !std::isfinite(examples[j].seconds)) continue;
      pairs += 1;
      right += (scores[i] > scores[j]) == (examples[i].seconds < examples[j].seconds);
    }
  return right / pairs;
}

using Maker = std::function<std::unique_ptr<Model>(uint64_t)>;

std::vector<std::pair<std::string, Maker>> makers() {
  std::vector<std::pair<std::string, Maker>> found = {{"builtin", make_builtin_model}, {"usual", make_model}};
  if (make_xgboost_model(0))
    found.emplace_back("xgboost", [](uint64_t seed) { return make_xgboost_model(seed); });
  return found;
}

TEST(Models, learning_betters_the_order_of_unseen_candidates) {
  for (const auto& [name, make] : makers()) {
    SCOPED_TRACE(name);
    const auto model = make(7);
    const std::vector<Example> unseen = examples_of(1, 200, 99);
    const double before = pairs_right(unseen, model->score(unseen));
    model->learn(examples_of(1, 120, 1));
    model->learn(examples_of(2, 60, 2));
    const double after = pairs_right(unseen, model->score(unseen));
    EXPECT_LT(before, 0.75);
    EXPECT_GT(after, 0.85);
    EXPECT_EQ(model->fault(), "");
  }
}

TEST(Models, learn_from_other_tasks_of_other_speeds) {
  for (const auto& [name, make] : makers()) {
    SCOPED_TRACE(name);
    const auto model = make(7);
    for (uint64_t task = 10; task < 15; ++task) model->learn(examples_of(task, 60, task));
    const std::vector<Example> unseen = examples_of(1, 200, 99);
    EXPECT_GT(pairs_right(unseen, model->score(unseen)), 0.85);
  }
}

TEST(Models, before_learning_the_analytic_order_holds) {
  const std::vector<Example> examples = examples_of(1, 50, 5);
  for (const auto& [name, make] : makers()) {
    SCOPED_TRACE(name);
    const auto model = make(3);
    const std::vector<double> scores = model->score(examples), seconds = model->seconds(examples);
    for (std::size_t i = 1; i < examples.size(); ++i) {
      EXPECT_EQ(scores[i] > scores[0], examples[i].analytic < examples[0].analytic);
      EXPECT_EQ(seconds[i], examples[i].analytic);
    }
  }
}

TEST(Models, seconds_are_near_what_was_measured) {
  for (const auto& [name, make] : makers()) {
    SCOPED_TRACE(name);
    const auto model = make(3);
    model->learn(examples_of(1, 150, 5));
    const std::vector<Example> unseen = examples_of(1, 100, 6);
    const std::vector<double> seconds = model->seconds(unseen);
    double off = 0;
    for (std::size_t i = 0; i < unseen.size(); ++i)
      off += std::fabs(std::log(seconds[i] / unseen[i].seconds));
    EXPECT_LT(off / static_cast<double>(unseen.size()), 0.3);
  }
}

TEST(Models, equal_seeds_and_examples_give_equal_scores) {
  const std::vector<Example> unseen = examples_of(1, 40, 8);
  for (const auto& [name, make] : makers()) {
    SCOPED_TRACE(name);
    const auto first = make(11), second = make(11);
    for (const auto* model : {&first, &second}) {
      (*model)->learn(examples_of(1, 70, 3));
      (*model)->learn(examples_of(2, 30, 4));
    }
    EXPECT_EQ(first->score(unseen), second->score(unseen));
  }
}

TEST(Models, saved_ones_come_back_equal_and_learn_on) {
  const std::vector<Example> unseen = examples_of(1, 200, 8);
  for (const auto& [name, make] : makers()) {
    SCOPED_TRACE(name);
    const auto model = make(11);
    model->learn(examples_of(1, 100, 3));
    const auto loaded = make(11);
    loaded->load(model->save());
    const std::vector<double> scores = model->score(unseen), again = loaded->score(unseen);
    for (std::size_t i = 0; i < unseen.size(); ++i) EXPECT_NEAR(again[i], scores[i], 1e-3);
    EXPECT_NEAR(loaded->seconds(unseen)[0] / model->seconds(unseen)[0], 1, 1e-2);
    loaded->learn(examples_of(5, 40, 4));
    EXPECT_GT(pairs_right(unseen, loaded->score(unseen)), 0.8);
    const auto third = make(11);
    third->load(loaded->save());
    EXPECT_NEAR(third->score(unseen)[0], loaded->score(unseen)[0], 1e-3);
  }
}

TEST(Models, failures_count_as_slow) {
  for (const auto& [name, make] : makers()) {
    SCOPED_TRACE(name);
    const auto model = make(1);
    std::vector<Example> examples = examples_of(1, 100, 3);
    for (Example& each : examples)
      if (each.features[5] > 0.7F) each.seconds = std::numeric_limits<double>::infinity();
    model->learn(examples);
    std::vector<Example> good = examples_of(1, 60, 9), bad = good;
    for (Example& each : good) each.features[5] = 0.1F;
    for (Example& each : bad) each.features[5] = 0.9F;
    const std::vector<double> of_good = model->score(good), of_bad = model->score(bad);
    int lower = 0;
    for (std::size_t i = 0; i < good.size(); ++i) lower += of_bad[i] < of_good[i];
    EXPECT_GT(lower, 50);
  }
}

TEST(Models, few_or_equal_or_odd_examples_are_no_trouble) {
  const std::vector<Example> some = examples_of(1, 5, 3);
  for (const auto& [name, make] : makers()) {
    SCOPED_TRACE(name);
    const auto model = make(1);
    model->learn({});
    EXPECT_TRUE(model->score({}).empty());
    model->learn({some[0]});
    model->learn(std::vector<Example>(10, some[1]));
    Example odd = some[2];
    odd.analytic = std::numeric_limits<double>::quiet_NaN();
    odd.features[0] = std::numeric_limits<float>::infinity();
    odd.seconds = 0;
    model->learn({odd});
    for (const double score : model->score(some)) EXPECT_TRUE(std::isfinite(score));
    for (const double seconds : model->seconds(some)) EXPECT_TRUE(std::isfinite(seconds));
    EXPECT_EQ(model->fault(), "");
  }
}

TEST(Models, files_of_other_versions_and_kinds_are_refused) {
  const auto refusal = [](const std::string& text) -> std::string {
    try {
      make_builtin_model(0)->load(text);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(refusal("nothing"), testing::HasSubstr("no model file"));
  EXPECT_THAT(refusal(R"({"tilewright_model": "xgboost", "features": 1})"),
              testing::HasSubstr("of the kind 'xgboost', not 'builtin'"));
  EXPECT_THAT(refusal(R"({"tilewright_model": "builtin", "features": 999, "content": {}})"),
              testing::HasSubstr("version 999"));
  std::string text = make_builtin_model(0)->save();
  text.replace(text.find("\"trees\":[]"), 10, "\"trees\":[[[0,1,0,0]]]");
  EXPECT_THAT(refusal(text), testing::HasSubstr("damaged"));
}

TEST(XGBoost, a_library_that_is_not_there_is_named) {
  std::string why;
  EXPECT_EQ(open_xgboost({"libxgboost_of_nowhere.so"}, &why), nullptr);
  EXPECT_THAT(why, testing::HasSubstr("libxgboost_of_nowhere.so"));
  EXPECT_EQ(open_xgboost({"libm.so.6"}, &why), nullptr);
  EXPECT_THAT(why, testing::HasSubstr("libm.so.6 has no function XGDMatrixCreateFromMat"));
}

/// The calls of a function of the library that still succeed before it fails.
int good_calls = 0;
XGBoostLibrary genuine;

class FailingXGBoost : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    const auto library = installed_xgboost(&why);
    if (!library) GTEST_SKIP() << why;
    genuine = *library;
  }

  /// Learns and asks; the model must go on as the built-in one does.
  static void expect_fallback(const XGBoostLibrary& library) {
    const auto model = with_fallback(make_xgboost_model(7, std::make_shared<XGBoostLibrary>(library)), 7);
    const auto builtin = make_builtin_model(7);
    const std::vector<Example> unseen = examples_of(1, 50, 9);
    std::vector<double> scores;
    for (uint64_t round = 0; round < 4; ++round) {
      const std::vector<Example> examples = examples_of(1, 40, round);
      model->learn(examples);
      builtin->learn(examples);
      scores = model->score(unseen);
    }
    EXPECT_EQ(model->name(), "builtin");
    EXPECT_THAT(model->fault(), testing::HasSubstr("XGBoost: "));
    EXPECT_THAT(model->fault(), testing::HasSubstr("the built-in model goes on"));
    EXPECT_EQ(scores, builtin->score(unseen));
    EXPECT_FALSE(model->save().empty());
  }
};

TEST_F(FailingXGBoost, while_it_learns) {
  good_calls = 100;
  XGBoostLibrary library = genuine;
  library.booster_update = [](XGBoostLibrary::Booster booster, int iteration, XGBoostLibrary::Matrix matrix) {
    return good_calls-- > 0 ? genuine.booster_update(booster, iteration, matrix) : -1;
  };
  expect_fallback(library);
}

TEST_F(FailingXGBoost, while_it_predicts) {
  good_calls = 3;
  XGBoostLibrary library = genuine;
  library.booster_predict = [](XGBoostLibrary::Booster booster, XGBoostLibrary::Matrix matrix, int options,
                               unsigned trees, int training, uint64_t* count, const float** values) {
    return good_calls-- > 0
               ? genuine.booster_predict(booster, matrix, options, trees, training, count, values)
               : -1;
  };
  expect_fallback(library);
}

TEST_F(FailingXGBoost, with_predictions_that_are_no_numbers) {
  XGBoostLibrary library = genuine;
  library.booster_predict = [](XGBoostLibrary::Booster, XGBoostLibrary::Matrix, int, unsigned, int,
                               uint64_t* count, const float** values) {
    static const std::vector<float> none(1000, std::numeric_limits<float>::quiet_NaN());
    *values = none.data();
    *count = 40;
    return 0;
  };
  expect_fallback(library);
}

TEST_F(FailingXGBoost, from_the_start) {
  XGBoostLibrary library = genuine;
  library.matrix_create = [](const float*, uint64_t, uint64_t, float, XGBoostLibrary::Matrix*) { return -1; };
  expect_fallback(library);
}

}  // namespace
}  // namespace tw::autotune
