#include "autotune/records/record_json.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include <fmt/chrono.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "support/error.h"

namespace tw::autotune {
namespace {

using nlohmann::json;

/// Counts up when lines get another meaning.
constexpr int kFormat = 1;
/// Figures of measurements: more digits than any clock has.
constexpr int kDigits = 6;

double rounded(double value, int digits = kDigits) {
  if (!std::isfinite(value) || value == 0) return value;
  return std::stod(fmt::format("{:.{}e}", value, digits - 1));
}

/// In one line; bytes that are no UTF-8, as a cause may have, are replaced.
std::string dump(const json& o) {
  return o.dump(-1, ' ', false, json::error_handler_t::replace);
}

json number_of(double value) {
  return std::isfinite(value) ? json(rounded(value)) : json(nullptr);
}
double from_number(const json& value) {
  return value.is_null() ? std::numeric_limits<double>::infinity() : value.get<double>();
}

json samples_json(const std::vector<std::vector<double>>& samples) {
  json lists = json::array();
  for (const auto& of_size : samples) {
    json list = json::array();
    for (const double sample : of_size) list.push_back(number_of(sample));
    lists.push_back(std::move(list));
  }
  return lists;
}

std::vector<std::vector<double>> samples_from(const json& lists) {
  std::vector<std::vector<double>> samples;
  for (const json& list : lists) {
    samples.emplace_back();
    for (const json& sample : list) samples.back().push_back(from_number(sample));
  }
  return samples;
}

json setting_json(const Setting& setting) {
  return {{"target", setting.target},
          {"machine", setting.machine},
          {"cache", setting.cache},
          {"bounded", setting.bounded},
          {"sizes", setting.sizes}};
}

Setting setting_from(const json& o) {
  Setting setting;
  setting.target = o.at("target");
  setting.machine = o.at("machine");
  setting.cache = o.at("cache");
  setting.bounded = o.at("bounded");
  setting.sizes = o.at("sizes").get<std::vector<Values>>();
  return setting;
}

json run_json(const Run& run) {
  json options = json::parse(run.options.empty() ? "{}" : run.options, nullptr, false);
  return {{"label", run.label},     {"script", run.script},
          {"command", run.command}, {"seed", run.seed},
          {"started", run.started}, {"options", options.is_discarded() ? json(run.options) : options},
          {"ended", run.ended},     {"outcome", run.outcome}};
}

/// What makes a record the one that it is.
json identity_json(const Record& r) {
  json trace = json::parse(r.trace, nullptr, false);
  return {{"workload", {{"hash", r.workload.hash}, {"text", r.workload.text}}},
          {"setting", setting_json(r.setting)},
          {"sketch", r.sketch},
          {"choices", r.choices},
          {"trace", trace.is_discarded() ? json(r.trace) : trace},
          {"parameters", r.parameters},
          {"status", to_string(r.status)},
          {"cause", r.cause},
          {"samples", samples_json(r.samples)},
          {"seconds", number_of(r.seconds)},
          {"round", r.round},
          {"final", r.final_round},
          {"created", r.created}};
}

json parsed(const std::string& line) {
  json o = json::parse(line, nullptr, false);
  if (!o.is_object()) raise_value("this is no JSON object");
  const auto format = o.find("format");
  if (format == o.end() || !format->is_number_integer()) raise_value("it has no \"format\"; records have");
  if (*format > kFormat)
    raise_value("it is of format {}, and this Tilewright reads up to {}", format->get<int64_t>(), kFormat);
  return o;
}

/// Numbers that a record may lack.
double real_or(const json& o, const char* name, double otherwise) {
  const auto at = o.find(name);
  return at == o.end() || at->is_null() ? otherwise : at->get<double>();
}

Record record_from(const json& o) {
  Record r;
  r.workload = key_of_text(o.at("workload").at("text").get<std::string>());
  if (r.workload.hash != o.at("workload").at("hash"))
    raise_value("the text of its workload has the hash {}, not {}: it was changed", r.workload.hash,
                o.at("workload").at("hash").get<std::string>());
  r.setting = setting_from(o.at("setting"));
  r.sketch = o.at("sketch");
  r.choices = o.at("choices").get<Values>();
  r.trace = o.at("trace").is_string() ? o.at("trace").get<std::string>() : o.at("trace").dump();
  r.parameters = o.at("parameters").get<Values>();
  r.status = status_of(o.at("status"));
  r.cause = o.at("cause");
  r.samples = samples_from(o.at("samples"));
  r.seconds = from_number(o.at("seconds"));
  r.round = o.at("round");
  r.final_round = o.at("final");
  r.created = o.at("created");
  r.verified = o.at("verified");
  r.contradicted = o.value("contradicted", "");
  r.roof_fraction = real_or(o, "roof_fraction", 0);
  r.predicted = real_or(o, "predicted", 0);
  r.compile_seconds = real_or(o, "compile_seconds", 0);
  r.features = o.value("features", std::vector<float>());
  r.versions = o.value("versions", std::map<std::string, std::string>());
  return r;
}

}  // namespace

std::string json_of(const Values& values) {
  return json(values).dump();
}
std::string json_of(const std::vector<Values>& sizes) {
  return json(sizes).dump();
}
std::string json_of(const std::vector<int64_t>& sizes) {
  return json(sizes).dump();
}
std::string json_of(const std::vector<float>& features) {
  return fmt::format("[{}]", fmt::join(features, ","));  // the fewest digits that read back as the same float
}
std::string json_of(const std::vector<std::vector<double>>& samples) {
  return samples_json(samples).dump();
}
std::string json_of(const std::map<std::string, std::string>& versions) {
  return dump(versions);
}

Values values_of(const std::string& text) {
  return json::parse(text).get<Values>();
}
std::vector<Values> list_of_values(const std::string& text) {
  return json::parse(text).get<std::vector<Values>>();
}
std::vector<int64_t> integers_of(const std::string& text) {
  return json::parse(text).get<std::vector<int64_t>>();
}
std::vector<float> floats_of(const std::string& text) {
  return json::parse(text).get<std::vector<float>>();
}
std::vector<std::vector<double>> samples_of(const std::string& text) {
  return samples_from(json::parse(text));
}
std::map<std::string, std::string> words_of(const std::string& text) {
  return json::parse(text).get<std::map<std::string, std::string>>();
}

std::string content_of(const Record& record) {
  const std::string text = dump(identity_json(record));
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string content_of(const Run& run) {
  json o = run_json(run);
  o.erase("ended");
  o.erase("outcome");
  o["workload"] = run.workload.hash;
  o["setting"] = setting_json(run.setting);
  return hash_of(dump(o));
}

std::string time_now() {
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), (now - seconds).count());
}

std::string to_json_line(const Record& r, const Run* run) {
  json o = identity_json(r);
  o["format"] = kFormat;
  o["verified"] = r.verified;
  if (!r.contradicted.empty()) o["contradicted"] = r.contradicted;
  o["roof_fraction"] = number_of(r.roof_fraction);
  o["predicted"] = number_of(r.predicted);
  o["compile_seconds"] = number_of(r.compile_seconds);
  o["features"] = json::array();
  for (const float feature : r.features) o["features"].push_back(rounded(feature));
  o["versions"] = r.versions;
  if (run) o["run"] = run_json(*run);
  return dump(o);
}

Record record_of_json(const std::string& line) {
  const json o = parsed(line);
  try {
    return record_from(o);
  } catch (const json::exception& error) {
    raise_value("this is no record: {}", error.what());
  }
}

std::optional<Run> run_of_json(const std::string& line) {
  const json o = parsed(line);
  if (!o.contains("run")) return std::nullopt;
  try {
    const json& from = o.at("run");
    Run run;
    run.workload = key_of_text(o.at("workload").at("text").get<std::string>());
    run.setting = setting_from(o.at("setting"));
    run.label = from.at("label");
    run.script = from.at("script");
    run.command = from.at("command");
    run.seed = from.at("seed");
    run.options =
        from.at("options").is_string() ? from.at("options").get<std::string>() : from.at("options").dump();
    run.started = from.at("started");
    run.ended = from.at("ended");
    run.outcome = from.at("outcome");
    return run;
  } catch (const json::exception& error) {
    raise_value("this is no tuning run: {}", error.what());
  }
}

}  // namespace tw::autotune
