// What the tuner and its workers say to each other: JSON, so that a worker may live on another machine.
//
// A message is the length of its text in four bytes, least significant first, and the text, one JSON object:
//
//   tuner                                           worker
//                                                   {"hello": 2, "machine": "AuthenticAMD …", "pid": 4711}
//   {"request": "setup", "task": {…}, "limits": {…}}
//                                                   {"reply": {}}
//   {"request": "build", "id": 0, "program": "…",
//    "intrinsics": {"fma_8": "{…}"}}
//                                                   {"reply": {"status": "ok", "seconds": 0.1, "stats": {…},
//                                                              "objects": ["f0VMRgIBAQ…"]}}
//   {"request": "load", "id": 1, "program": "…", "intrinsics": {}, "objects": ["f0VMRgIBAQ…"]}
//                                                   {"reply": {"status": "ok", …}}
//   {"request": "measure", "points": […], "options": {…}}
//                                                   {"at": 0}        it turns to the point at this position
//                                                   {"at": 1}
//                                                   {"reply": {"measured": […], "kernel_seconds": 0.2}}
//   {"request": "verify", "point": {…}}
//                                                   {"reply": {"status": "wrong", "cause": "C[3, 17] is …"}}
//   {"request": "forget", "id": 0}
//                                                   {"reply": {}}
//
// The worker speaks first, then answers each request in turn: any number of {"at": …}, by which the tuner
// knows what it is busy with and that it is alive, then one {"reply": …}. In place of a reply there may come
// {"error": "…", "kind": "value error"}, a request that cannot be met, after which it goes on; or
// {"fault": {"status": "out_of_bounds", "cause": "…"}}, its last words. "measure" and "verify" take
// candidates that it has built. Programs are sent as their text (ir/text.h), with the declarations of
// intrinsics that they call and the worker may not know (schedule/intrinsic_json.h). Numbers that are not
// finite are null.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "autotune/measure/runner.h"

namespace tw::autotune::protocol {

using Json = nlohmann::json;

/// Changes with the meaning of messages: both sides must have the same.
inline constexpr int kVersion = 2;
/// No message is longer. What announces more is not one.
inline constexpr std::size_t kMostBytes = std::size_t{256} << 20;

/// Bytes that are no message, or a message that lacks something.
struct Garbled : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A message as it is sent.
std::string framed(const Json& message);

/// Cuts a stream of bytes into messages.
class Reader {
 public:
  void add(std::string_view bytes) { bytes_ += bytes; }
  /// The next message, once it is complete. Garbled: what came is none.
  std::optional<Json> next();

 private:
  std::string bytes_;
};

// Parts of messages. What reads raises Garbled.
Json to_json(const Task& task);
Task task_of(const Json& json);
Json to_json(const Point& point);
Point point_of(const Json& json);
Json to_json(const MeasureOptions& options);
MeasureOptions options_of(const Json& json);
Json to_json(const Built& built);
Built built_of(const Json& json);
/// Object files.
Json to_json(const std::vector<std::string>& objects);
std::vector<std::string> objects_of(const Json& json);
Json to_json(const Measured& measured);
Measured measured_of(const Json& json);
Json to_json(const Verdict& verdict);
Verdict verdict_of(const Json& json);

/// The limits of RunnerOptions that a worker keeps itself.
struct Limits {
  double compile_seconds = 20, run_seconds = 10;
  int64_t memory_bytes = 0;
};
Json to_json(const Limits& limits);
Limits limits_of(const Json& json);

}  // namespace tw::autotune::protocol
