#include "autotune/records/verify.h"

#include <sstream>

#include "autotune/records/lookup.h"
#include "codegen/target.h"
#include "ir/text.h"
#include "runtime/machine.h"
#include "schedule/intrinsic_json.h"
#include "schedule/schedule.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

/// What to write for a target in full, "llvm -mtriple=… -mcpu=… -threads=2 [features]", so that this machine
/// understands the same by it; empty where nothing does. The features of the host are not always those of
/// its CPU's name, so the host is tried first.
std::string words_for(const std::string& target) {
  const std::string options = target.substr(0, target.find(" ["));
  std::istringstream words(options);
  std::string host, word;
  while (words >> word)
    if (!word.starts_with("-mtriple=") && !word.starts_with("-mcpu="))
      host += (host.empty() ? "" : " ") + word;
  for (const std::string& text : {host, options}) {
    try {
      if (codegen::parse_target(text).to_string() == target) return text;
    } catch (const UserError&) {
      // a target that this build does not have
    }
  }
  return "";
}

Verdict verify(const Record& record, const RunnerOptions& options) {
  if (record.status != Status::kOk) return {record.status, record.cause, 0};
  if (!is_of_this_machine(record.setting))
    raise_value("record {} is of another machine or target ({}; {}); verify it there", record.id,
                record.setting.target, record.setting.machine);
  const Program first = parse_program(record.workload.text);
  Program scheduled;
  try {
    schedule::declare_missing(schedule::Trace::from_json(record.trace).intrinsics);
    scheduled = scheduled_as(record, first);
  } catch (const UserError& error) {
    return {Status::kRefused, error.what(), 0};
  }
  Task task;
  task.program = first;
  task.target = words_for(record.setting.target);
  task.sizes = record.setting.sizes;
  task.cache = record.setting.cache;
  Runner runner(std::move(task), options);
  const Built built = runner.build({scheduled}).at(0);
  if (built.status != Status::kOk) return {Status::kRefused, built.cause, 0};
  return runner.verify({built.id, record.parameters});
}

}  // namespace

bool is_of_this_machine(const Setting& setting) {
  return !words_for(setting.target).empty() && runtime::this_machine().fingerprint() == setting.machine;
}

std::vector<Verdict> verify(Database& db, const std::vector<int64_t>& records, const RunnerOptions& options) {
  std::vector<Verdict> verdicts;
  for (const int64_t id : records) {
    const Record record = db.record(id);
    verdicts.push_back(verify(record, options));
    const Verdict& verdict = verdicts.back();
    if (record.status == Status::kOk && verdict.status != Status::kRefused) db.add_verdict(id, verdict);
  }
  return verdicts;
}

}  // namespace tw::autotune
