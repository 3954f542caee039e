#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

#include <fmt/core.h>

#include "autotune/records/ranking.h"
#include "support/error.h"

namespace tw::autotune {

namespace fs = std::filesystem;

struct ShippedRecords::State {
  std::string folder;
  std::once_flag once;
  std::vector<Record> records;
  std::vector<std::string> notes;

  void read() {
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
      if (at->path().extension() == ".jsonl") files.push_back(at->path());
    std::sort(files.begin(), files.end());  // the order of a folder is not the same everywhere
    for (const fs::path& path : files) read(path);
  }

  /// Damaged lines of a file make one note.
  void read(const fs::path& path) {
    const std::string name = fs::relative(path, folder).generic_string();
    std::ifstream file(path);
    int64_t number = 0, passed_over = 0;
    std::string first;
    for (std::string line; std::getline(file, line);) {
      ++number;
      if (line.empty()) continue;
      try {
        Record record = record_of_json(line);
        record.source = name;
        records.push_back(std::move(record));
      } catch (const UserError& found) {
        if (passed_over++ == 0) first = fmt::format("line {}: {}", number, found.what());
      }
    }
    if (passed_over > 0)
      notes.push_back(fmt::format("{}: {} of its lines cannot be read and are passed over; {}", name,
                                  passed_over, first));
  }
};

ShippedRecords::ShippedRecords(std::string folder) : state_(std::make_shared<State>()) {
  state_->folder = std::move(folder);
}

const std::vector<Record>& ShippedRecords::records() const {
  std::call_once(state_->once, [this] { state_->read(); });
  return state_->records;
}

const std::vector<std::string>& ShippedRecords::notes() const {
  records();
  return state_->notes;
}

namespace {
bool is_usable(const Record& record) {
  return record.status == Status::kOk && record.verified && record.contradicted.empty();
}
}  // namespace

std::optional<Record> ShippedRecords::best(const WorkloadKey& key, const Setting& setting) const {
  const Record* best = nullptr;
  for (const Record& record : records())
    if (record.workload.hash == key.hash && is_usable(record) && holds_in(record, setting))
      if (!best || is_better(record, *best)) best = &record;
  return best ? std::optional(*best) : std::nullopt;
}

std::vector<Record> ShippedRecords::neighbours(const WorkloadKey& key, const Setting& setting,
                                               int limit) const {
  // The best of each workload and setting, as a database has it.
  std::map<std::string, const Record*> bests;
  for (const Record& record : records()) {
    if (record.workload.family != key.family || !is_usable(record) ||
        (record.setting.bounded && !setting.bounded))
      continue;
    const Setting& its = record.setting;
    const Record*& best = bests[fmt::format("{}|{}|{}|{}|{}", record.workload.hash, its.target, its.machine,
                                            its.cache, its.bounded)];
    if (!best || is_better(record, *best)) best = &record;
  }
  std::vector<Record> found;
  for (const auto& [what, record] : bests) found.push_back(*record);
  return nearest(std::move(found), key, setting, limit);
}

}  // namespace tw::autotune
