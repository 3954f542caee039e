#include "autotune/measure/protocol.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "autotune/measure/base64.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw::autotune::protocol {
namespace {

constexpr std::size_t kLengthBytes = 4;

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

double number_of(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::infinity() : json.get<double>();
}

/// What `read` makes of a message; what it lacks, or has of another type, is Garbled.
template <class F>
auto checked(F&& read) {
  try {
    return read();
  } catch (const Json::exception& error) {
    throw Garbled(error.what());
  } catch (const UserError& error) {
    throw Garbled(error.what());
  }
}

}  // namespace

std::string framed(const Json& message) {
  // Messages of other programs (a compiler's) may hold bytes that are no text: they are replaced.
  const std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kMostBytes)
    raise_value("a message of {} bytes is too long for a worker; {} is the most", text.size(), kMostBytes);
  std::string bytes(kLengthBytes, '\0');
  for (std::size_t i = 0; i < kLengthBytes; ++i) bytes[i] = static_cast<char>(text.size() >> 8 * i & 0xff);
  return bytes + text;
}

std::optional<Json> Reader::next() {
  if (bytes_.size() < kLengthBytes) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes_[i])) << 8 * i;
  if (length > kMostBytes) throw Garbled(fmt::format("a message of {} bytes is announced", length));
  if (bytes_.size() < kLengthBytes + length) return std::nullopt;
  const std::string text = bytes_.substr(kLengthBytes, length);
  bytes_.erase(0, kLengthBytes + length);
  return checked([&] {
    Json message = Json::parse(text);
    if (!message.is_object()) throw Garbled("a message that is no object");
    return message;
  });
}

Json to_json(const Task& task) {
  return {{"program", to_text(task.program)},
          {"target", task.target},
          {"sizes", task.sizes},
          {"cache", task.cache},
          {"seed", task.seed}};
}

Task task_of(const Json& json) {
  return checked([&] {
    Task task;
    task.program = parse_program(json.at("program").get<std::string>());
    task.target = json.at("target");
    task.sizes = json.at("sizes").get<std::vector<Values>>();
    task.cache = json.at("cache");
    task.seed = json.at("seed");
    return task;
  });
}

Json to_json(const Point& point) {
  return {{"id", point.id}, {"parameters", point.parameters}};
}

Point point_of(const Json& json) {
  return checked([&] { return Point{json.at("id"), json.at("parameters").get<Values>()}; });
}

Json to_json(const MeasureOptions& options) {
  return {{"seconds", options.seconds},
          {"min_samples", options.min_samples},
          {"give_up", number(options.give_up)},
          {"rounds", options.rounds}};
}

MeasureOptions options_of(const Json& json) {
  return checked([&] {
    MeasureOptions options;
    options.seconds = json.at("seconds");
    options.min_samples = json.at("min_samples");
    options.give_up = number_of(json.at("give_up"));
    options.rounds = json.at("rounds");
    return options;
  });
}

Json to_json(const Built& built) {
  Json times = Json::array();
  for (const codegen::PassTime& time : built.stats.times) times.push_back({time.name, time.seconds});
  return {{"status", to_string(built.status)},
          {"cause", built.cause},
          {"seconds", built.seconds},
          {"stats",
           {{"times", times},
            {"code_bytes", built.stats.code_bytes},
            {"spills", built.stats.spills},
            {"spills_outside", built.stats.spills_outside},
            {"vector_registers", built.stats.vector_registers},
            {"notes", built.stats.notes}}}};
}

Built built_of(const Json& json) {
  return checked([&] {
    Built built;
    built.status = status_of(json.at("status"));
    built.cause = json.at("cause");
    built.seconds = json.at("seconds");
    const Json& stats = json.at("stats");
    for (const Json& time : stats.at("times")) built.stats.times.push_back({time.at(0), time.at(1)});
    built.stats.code_bytes = stats.at("code_bytes");
    built.stats.spills = stats.at("spills");
    built.stats.spills_outside = stats.at("spills_outside");
    built.stats.vector_registers = stats.at("vector_registers");
    built.stats.notes = stats.at("notes").get<std::vector<std::string>>();
    return built;
  });
}

Json to_json(const std::vector<std::string>& objects) {
  Json list = Json::array();
  for (const std::string& object : objects) list.push_back(to_base64(object));
  return list;
}

std::vector<std::string> objects_of(const Json& json) {
  return checked([&] {
    std::vector<std::string> objects;
    for (const Json& text : json) objects.push_back(from_base64(text.get<std::string>()));
    return objects;
  });
}

Json to_json(const Measured& measured) {
  return {{"status", to_string(measured.status)},
          {"cause", measured.cause},
          {"samples", measured.samples},
          {"dropped", measured.dropped},
          {"overhead", measured.overhead}};
}

Measured measured_of(const Json& json) {
  return checked([&] {
    Measured measured;
    measured.status = status_of(json.at("status"));
    measured.cause = json.at("cause");
    measured.samples = json.at("samples").get<std::vector<std::vector<double>>>();
    measured.dropped = json.at("dropped");
    measured.overhead = json.at("overhead");
    return measured;
  });
}

Json to_json(const Verdict& verdict) {
  return {{"status", to_string(verdict.status)}, {"cause", verdict.cause}, {"worst", number(verdict.worst)}};
}

Verdict verdict_of(const Json& json) {
  return checked([&] {
    return Verdict{status_of(json.at("status")), json.at("cause"), number_of(json.at("worst"))};
  });
}

Json to_json(const Limits& limits) {
  return {{"compile_seconds", limits.compile_seconds},
          {"run_seconds", limits.run_seconds},
          {"memory_bytes", limits.memory_bytes}};
}

Limits limits_of(const Json& json) {
  return checked([&] {
    return Limits{json.at("compile_seconds"), json.at("run_seconds"), json.at("memory_bytes")};
  });
}

}  // namespace tw::autotune::protocol
