#include "autotune/search/tune.h"

#include <algorithm>
#include <set>

#include "autotune/records/key.h"
#include "autotune/search/session.h"
#include "codegen/target.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

constexpr int kFirstDraws = 48;      // random points among which the analytic model chooses
constexpr int kPool = 40;            // candidates of a round among which the model chooses
constexpr int kStructures = 6;       // that a round compiles
constexpr int kParameterPoints = 8;  // of one structure in a round
constexpr int kParents = 6;
constexpr double kRandomShare = 0.2;
constexpr int kNeighbours = 4;
constexpr std::size_t kOfNeighbour = 64;  // trials of each that the model learns
constexpr int kPatience = 4;              // rounds without gain before the search ends
constexpr double kLastShare = 0.08;       // of the time, kept for the comparison of the best

Workload workload_of(const Program& first, const TuneOptions& options) {
  Workload workload;
  workload.program = first;
  workload.machine = machine_of(codegen::parse_target(options.target));
  workload.bounded = options.bounded;
  if (!options.sizes.empty()) {
    std::size_t heaviest = 0;
    for (std::size_t i = 1; i < std::min(options.sizes.size(), options.weights.size()); ++i)
      if (options.weights[i] > options.weights[heaviest]) heaviest = i;
    workload.sizes = options.sizes[heaviest];
  }
  return workload;
}

void check(const TuneOptions& options, const Workload& workload) {
  if (options.trials <= 0 && options.seconds <= 0)
    raise_value("trials or seconds must be given: nothing would end the search");
  if (options.cache != "hot" && options.cache != "model")
    raise_value("cache is '{}'; it is 'hot' or 'model'", options.cache);
  static const std::set<std::string> models{"learned", "builtin", "analytic", "random"};
  if (!models.count(options.model))
    raise_value("model is '{}'; it is 'learned', 'builtin', 'analytic' or 'random'", options.model);
  if (!workload.machine.target.is_host)
    raise_unsupported(
        "target '{}' is not this machine: its kernels cannot be measured here; tune on a machine of its "
        "kind and take the records",
        options.target);
  for (const Param& param : workload.program->params) {
    if (param.is_buffer() || param.param_kind == ParamKind::kTunable) continue;
    const std::string& name = param.var->name.text;
    if (options.sizes.empty() || !options.sizes.front().count(name))
      raise_value("size '{}' is symbolic: say at which values it is to be tuned, as sizes=[{{'{}': 128}}]",
                  name, name);
  }
}

/// Where a search begins: what is preferred, so that there is a kernel soon; what records say; what the
/// analytic model likes of some random draws.
void begin(Explorer& explorer, Session& session, const std::vector<Record>& known) {
  session.try_all(explorer.preferred());
  std::vector<Prospect> recorded;
  for (const Record& record : known)
    for (Prospect& prospect : explorer.recorded(record.sketch, record.choices))
      recorded.push_back(std::move(prospect));
  if (!session.finished()) session.try_all(std::move(recorded));
  if (session.finished()) return;
  std::vector<Prospect> drawn = explorer.random(kFirstDraws);
  session.adviser().rank(drawn);
  if (drawn.size() > kStructures) drawn.resize(kStructures);
  session.try_all(std::move(drawn));
}

/// The best of a pool that the model ranks, and some that it does not.
std::vector<Prospect> next_structures(Explorer& explorer, Session& session) {
  std::vector<const Candidate*> parents;
  for (const Trial* trial : session.quickest(kParents)) parents.push_back(&trial->prospect.candidate);
  std::vector<Prospect> pool = explorer.mutations(parents, kPool);
  for (Prospect& prospect : explorer.random(kPool / 4)) pool.push_back(std::move(prospect));
  std::vector<Prospect> wild;
  std::bernoulli_distribution is_wild(kRandomShare / 2);
  std::vector<Prospect> ranked;
  for (Prospect& prospect : pool)
    (is_wild(explorer.generator()) && static_cast<int>(wild.size()) < 2 ? wild : ranked)
        .push_back(std::move(prospect));
  session.adviser().rank(ranked);
  const std::size_t room = kStructures - std::min<std::size_t>(wild.size(), 2);
  if (ranked.size() > room) ranked.resize(room);
  for (Prospect& prospect : wild) ranked.push_back(std::move(prospect));
  return ranked;
}

/// Parameters of the structures that lead: they need no compiling.
std::vector<Prospect> next_parameters(Explorer& explorer, Session& session) {
  std::vector<Prospect> found;
  std::set<uint64_t> structures;
  for (const Trial* trial : session.quickest(kParents)) {
    if (!structures.insert(trial->prospect.candidate.structure).second || structures.size() > 2) continue;
    std::vector<Prospect> points = explorer.parameter_points(trial->prospect.candidate, 3 * kParameterPoints);
    session.adviser().rank(points);
    if (points.size() > kParameterPoints) points.resize(kParameterPoints);
    for (Prospect& prospect : points) found.push_back(std::move(prospect));
  }
  return found;
}

/// One hole of the best at a time, until none of its steps is better or the search must end.
bool descend(Explorer& explorer, Session& session) {
  bool finished = false;
  const Trial* best = session.best();
  if (!best) return true;
  std::vector<Prospect> steps =
      explorer.steps(Candidate(best->prospect.candidate), 2 * kStructures, &finished);
  session.adviser().rank(steps);
  session.try_all(std::move(steps));
  return finished;
}

/// Whether a limit is met, the time for the comparison of the best left out.
bool is_over(Session& session, const TuneOptions& options) {
  if (session.remaining() <= kLastShare * options.seconds) session.stop("seconds");
  return session.finished();
}

/// Rounds of all three, until a limit is met or they bring nothing.
void improve(Explorer& explorer, Session& session, const TuneOptions& options) {
  for (int idle = 0; !is_over(session, options);) {
    const double before = session.best() ? session.best()->seconds : 0;
    int tried = session.try_all(next_structures(explorer, session));
    if (!session.finished()) tried += session.try_all(next_parameters(explorer, session));
    bool local_best = false;
    if (!session.finished() && idle > 0) local_best = descend(explorer, session);
    const bool gained =
        session.best() && (before == 0 || session.best()->seconds < (1 - options.least_gain) * before);
    idle = gained ? 0 : idle + 1;
    if (tried == 0 && local_best) break;  // the space is small, and all of it known
    if (idle >= kPatience && local_best) session.stop("gain");
  }
}

/// Random choice, which models are compared with: draws of the sketches and nothing else, until a limit is
/// met or draws show nothing new.
void draw_only(Explorer& explorer, Session& session, const TuneOptions& options) {
  for (int idle = 0; idle < kPatience && !is_over(session, options);) {
    std::vector<Prospect> drawn = explorer.random(2 * kStructures);
    idle = drawn.empty() ? idle + 1 : 0;
    session.try_all(std::move(drawn));
  }
}

/// Measurements of a workload under the conditions of this search.
std::vector<Record> measured(const Database& db, const std::string& workload, const Setting& setting) {
  Query query;
  query.workload = workload;
  query.target = setting.target;
  query.machine = setting.machine;
  query.cache = setting.cache;
  return db.records(query);
}

/// What the model learns beforehand: all that was measured of the workload, and some of its neighbours, which
/// tells what works for expressions of this kind.
std::vector<Record> lessons(const Database& db, const WorkloadKey& key, const Setting& setting) {
  std::vector<Record> found = measured(db, key.hash, setting);
  for (const Record& neighbour : db.neighbours(key, setting, kNeighbours)) {
    if (neighbour.workload.hash == key.hash) continue;  // in another setting
    std::vector<Record> all = measured(db, neighbour.workload.hash, setting);
    const std::size_t step = all.size() / kOfNeighbour + 1;
    for (std::size_t i = 0; i < all.size(); i += step) found.push_back(std::move(all[i]));
  }
  return found;
}

/// Where a search begins: the best of the workload itself, of neighbours nearest first.
std::vector<Record> known_records(const Database& db, const ShippedRecords* shipped, const WorkloadKey& key,
                                  const Setting& setting) {
  std::vector<Record> known;
  const auto take = [&](const std::optional<Record>& record) {
    if (record) known.push_back(*record);
  };
  take(db.best(key, setting));
  if (shipped) take(shipped->best(key, setting));
  for (const Record& record : db.neighbours(key, setting, kNeighbours)) known.push_back(record);
  if (shipped)
    for (const Record& record : shipped->neighbours(key, setting, kNeighbours)) known.push_back(record);
  return known;
}

std::string failures_text(const std::map<std::string, int64_t>& failures) {
  std::string text;
  for (const auto& [cause, count] : failures)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, cause);
  return text.empty() ? "none" : text;
}

}  // namespace

TuneResult tune(const Program& first, const TuneOptions& options, Database& db, const ShippedRecords* shipped,
                const std::function<bool(const Progress&)>& on_progress) {
  const Workload workload = workload_of(first, options);
  check(options, workload);
  const WorkloadKey key = key_of(first);
  const Setting setting =
      setting_for(workload.program, workload.machine.target, options.cache, options.bounded, options.sizes);
  Session session(workload, options, db, on_progress);
  Explorer explorer(workload, options.seed);
  session.report("thinking");
  if (options.model == "random") {
    draw_only(explorer, session, options);
  } else {
    session.adviser().take_over(lessons(db, key, setting));
    begin(explorer, session, known_records(db, shipped, key, setting));
    improve(explorer, session, options);
  }
  session.settle(5);
  TuneResult result = session.result();
  if (!result.best)
    raise_value("no candidate of {} works: {} structures were compiled and {} points measured; failures: {}",
                options.label.empty() ? "this expression" : options.label, result.progress.structures,
                result.progress.trials, failures_text(result.progress.failures));
  return result;
}

}  // namespace tw::autotune
