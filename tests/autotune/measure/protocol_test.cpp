#include "autotune/measure/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autotune/measure/base64.h"
#include "autotune/worker/programs.h"
#include "ir/equal.h"

namespace tw::autotune::protocol {
namespace {

using testing::ElementsAre;

TEST(Protocol, MessagesComeOutAsTheyWentInHoweverTheBytesAreCut) {
  const Json first = {{"request", "ping"}}, second = {{"reply", {{"x", 1.5}, {"text", "ä\n\""}}}};
  const std::string bytes = framed(first) + framed(second);
  Reader reader;
  std::vector<Json> found;
  for (const char byte : bytes) {
    reader.add({&byte, 1});
    while (auto message = reader.next()) found.push_back(*message);
  }
  EXPECT_THAT(found, ElementsAre(first, second));
}

TEST(Protocol, WhatIsNoMessageIsRefused) {
  const auto read = [](std::string bytes) {
    Reader reader;
    reader.add(bytes);
    reader.next();
  };
  EXPECT_THROW(read("Hello, world\n"), Garbled);
  EXPECT_THROW(read(std::string("\2\0\0\0[]", 6)), Garbled);
  EXPECT_THROW(read(std::string("\3\0\0\0{\"a", 7)), Garbled);
  EXPECT_THROW(read(std::string("\xff\xff\xff\xff", 4)), Garbled);
  EXPECT_NO_THROW(read(std::string("\2\0\0\0{", 5)));
}

TEST(Protocol, PartsOfMessagesSurvive) {
  Task task = test::task_of(test::packed_matmul(7, 5, 3), {{{"n", 4}}, {}});
  task.cache = "model";
  task.seed = ~uint64_t{0};
  const Task again = task_of(to_json(task));
  EXPECT_TRUE(structural_equal(again.program, task.program));
  EXPECT_EQ(again.sizes, task.sizes);
  EXPECT_EQ(again.cache, "model");
  EXPECT_EQ(again.seed, task.seed);

  const Point point = point_of(to_json(Point{3, {{"mc", 96}}}));
  EXPECT_EQ(point.id, 3);
  EXPECT_EQ(point.parameters.at("mc"), 96);

  MeasureOptions options;
  options.give_up = std::numeric_limits<double>::infinity();
  options.rounds = 7;
  EXPECT_EQ(options_of(to_json(options)).give_up, options.give_up);
  EXPECT_EQ(options_of(to_json(options)).rounds, 7);

  Built built;
  built.status = Status::kRefused;
  built.cause = "no";
  built.stats.spills = 12;
  built.stats.times = {{"emit", 0.25}};
  const Built same = built_of(to_json(built));
  EXPECT_EQ(same.status, Status::kRefused);
  EXPECT_EQ(same.stats.spills, 12);
  EXPECT_EQ(same.stats.times.front().name, "emit");

  Measured measured;
  measured.samples = {{1e-3, 0.1 + 0.2}, {}};
  EXPECT_EQ(measured_of(to_json(measured)).samples, measured.samples);
  EXPECT_EQ(verdict_of(to_json(Verdict{Status::kWrong, "x", 2.5})).worst, 2.5);
}

TEST(Protocol, ObjectFilesSurvive) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
  EXPECT_EQ(to_base64("Man"), "TWFu");
  EXPECT_EQ(to_base64("Ma"), "TWE=");
  EXPECT_EQ(to_base64("M"), "TQ==");
  EXPECT_EQ(objects_of(to_json(std::vector<std::string>{bytes, ""})), (std::vector<std::string>{bytes, ""}));
  EXPECT_THROW(objects_of({"TWF"}), Garbled);
  EXPECT_THROW(objects_of({"TW\nu"}), Garbled);
}

TEST(Protocol, WhatAPartLacksIsSaid) {
  EXPECT_THROW(point_of({{"id", 3}}), Garbled);
  EXPECT_THROW(verdict_of({{"status", "fine"}, {"cause", ""}, {"worst", 0}}), Garbled);
  EXPECT_THROW(measured_of({{"status", 3}}), Garbled);
}

}  // namespace
}  // namespace tw::autotune::protocol
