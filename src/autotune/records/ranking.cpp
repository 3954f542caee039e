#include "autotune/records/ranking.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tw::autotune {

bool is_better(const Record& a, const Record& b) {
  if (a.final_round != b.final_round) return a.final_round;
  return std::pair(a.seconds, a.id) < std::pair(b.seconds, b.id);
}

bool holds_in(const Record& record, const Setting& setting) {
  const Setting& its = record.setting;
  return its.target == setting.target && its.machine == setting.machine && its.cache == setting.cache &&
         its.sizes == setting.sizes && (setting.bounded || !its.bounded);
}

double distance(const Record& record, const WorkloadKey& key, const Setting& setting) {
  const Setting& its = record.setting;
  return distance(record.workload.sizes, key.sizes) + (its.machine != setting.machine ? 1 : 0) +
         (its.target != setting.target ? 1 : 0) + (its.sizes != setting.sizes ? 1 : 0);
}

std::vector<Record> nearest(std::vector<Record> records, const WorkloadKey& key, const Setting& setting,
                            int limit) {
  std::vector<std::pair<double, Record>> ranked;
  for (Record& record : records) {
    const double far = distance(record, key, setting);
    if (record.workload.family != key.family || !std::isfinite(far)) continue;
    if (record.workload.hash == key.hash && holds_in(record, setting)) continue;
    ranked.emplace_back(far, std::move(record));
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : is_better(a.second, b.second);
  });
  if (limit > 0 && ranked.size() > static_cast<std::size_t>(limit))
    ranked.resize(static_cast<std::size_t>(limit));
  std::vector<Record> nearest;
  for (auto& [far, record] : ranked) nearest.push_back(std::move(record));
  return nearest;
}

}  // namespace tw::autotune
