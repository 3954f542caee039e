// Says which prospects are worth a trial: a model, and all that it has been taught.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "autotune/model/model.h"
#include "autotune/records/database.h"
#include "autotune/search/explorer.h"
#include "autotune/search/tune.h"

namespace tw::autotune {

class Adviser {
 public:
  Adviser(const TuneOptions& options, const WorkloadKey& key);

  /// Orders prospects by what the model expects, best first; "random" leaves them as they are.
  void rank(std::vector<Prospect>& prospects) const;
  /// A trial of this workload; infinite seconds for a failure. `learn` takes in all that were added.
  void add(Example example, double seconds);
  void learn();
  /// Takes over trials that a database knows: nothing is measured again for the model.
  void take_over(const std::vector<Record>& records);
  /// What went otherwise than usual.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  bool is_random_;
  uint64_t task_;
  std::vector<std::string> notes_;
  std::unique_ptr<Model> model_;
  std::vector<Example> fresh_;  // that the model has not seen
};

}  // namespace tw::autotune
