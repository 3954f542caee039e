#include "autotune/space/general_threads.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ir/visit.h"
#include "schedule/blocks.h"

namespace tw::autotune {
namespace {

constexpr double kWorthThreads = 1e5;  // operations: about 20 microseconds of one thread
constexpr std::size_t kMostLoops = 4;  // that are made one

/// The operations below a statement that stands in a loop or outside of all, for the blocks of the program.
double work_below(const Workload& workload, Script& s, const StmtNode* stmt, int depth) {
  double work = 0;
  const std::vector<const Block*> below = schedule::blocks_below(stmt);
  for (const PlacedBlock& block : placed_blocks(s)) {
    if (std::find(below.begin(), below.end(), &block.block()) == below.end()) continue;
    const NestView view = view_of(workload, s, block, depth);
    work += view.instances() * (1 + view.operations);
  }
  return work;
}

bool holds_parallel(const StmtNode* stmt) {
  return contains<For>(stmt, [](const For& loop) { return loop.loop_kind == LoopKind::kParallel; });
}

/// The statement without allocations and attributes around it.
const StmtNode* opened(const StmtNode* stmt) {
  while (true) {
    if (const auto* allocation = as<Allocate>(stmt))
      stmt = allocation->body.get();
    else if (const auto* note = as<Attr>(stmt))
      stmt = note->body.get();
    else
      return stmt;
  }
}

class Sharing {
 public:
  Sharing(Script& s, const Workload& workload, Choices& choose)
      : s_(s), workload_(workload), choose_(choose) {}

  /// Shares what stands below a statement inside `depth` loops. Steps change the program, so nests are found
  /// again by their first block.
  void share(const StmtNode* stmt, int depth) {
    const Program kept = s_.schedule().program();  // the statement is part of it
    stmt = opened(stmt);
    if (const auto* seq = as<Seq>(stmt)) {
      for (const Stmt& part : seq->stmts) share(part.get(), depth);
      return;
    }
    const auto* loop = as<For>(stmt);
    if (loop && !holds_parallel(loop)) share_nest(*loop, depth);
  }

 private:
  void share_nest(const For& outer, int depth) {
    if (work_below(workload_, s_, &outer, depth) < kWorthThreads) return;
    const std::vector<const Block*> below = schedule::blocks_below(&outer);
    std::optional<PlacedBlock> first;
    for (PlacedBlock& block : placed_blocks(s_))
      if (!first && !below.empty() && &block.block() == below.front()) first = std::move(block);
    if (!first) return;
    const std::vector<LoopRef> refs = s_.loops(first->ref);
    // Loops directly in each other.
    std::vector<LoopRef> chain;
    std::vector<double> turns;
    for (const For* loop = &outer; loop && loop->loop_kind == LoopKind::kSerial && chain.size() < kMostLoops;
         loop = as<For>(loop->body.get())) {
      const std::size_t at = static_cast<std::size_t>(depth) + chain.size();
      chain.push_back(refs[at]);
      turns.push_back(static_cast<double>(std::max<int64_t>(1, workload_.number(loop->extent))));
    }
    if (!chain.empty() && share_chain(chain, turns)) return;
    // In a loop that runs in order each turn is shared, if it is worth it.
    share(outer.body.get(), depth + 1);
  }

  /// As many loops as one as give the threads even shares.
  bool share_chain(const std::vector<LoopRef>& chain, const std::vector<double>& turns) {
    const double threads = workload_.machine.threads;
    std::size_t preferred = 1;
    double count = turns[0];
    const auto uneven = [&] {
      return count < 4 * threads && std::max(1.0, count) / threads != std::floor(count / threads);
    };
    while (preferred < chain.size() && (count < threads || uneven())) count *= turns[preferred++];
    std::vector<int64_t> numbers;
    for (std::size_t i = 0; i <= chain.size(); ++i) numbers.push_back(static_cast<int64_t>(i));
    const int64_t wanted =
        choose_.pick(fmt::format("threads{}", nests_++), numbers, static_cast<int64_t>(preferred));
    if (wanted == 0) return true;
    for (auto fused = static_cast<std::ptrdiff_t>(wanted); fused >= 1; --fused) {
      const auto steps = [&] { s_.parallel(s_.fuse({chain.begin(), chain.begin() + fused})); };
      if (attempt(s_, steps)) return true;
    }
    // Another loop further inside may be independent: outside of the others its turns are shared once.
    for (std::size_t i = 1; i < chain.size(); ++i) {
      if (turns[i] <= 1) continue;
      const auto outside = [&] {
        std::vector<LoopRef> order{chain[i]};
        order.insert(order.end(), chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(i));
        s_.reorder(order);
        s_.parallel(chain[i]);
      };
      if (attempt(s_, outside) || attempt(s_, [&] { s_.parallel(chain[i]); })) return true;
    }
    return false;
  }

  Script& s_;
  const Workload& workload_;
  Choices& choose_;
  int nests_ = 0;  // that were asked about
};

}  // namespace

void share_threads(Script& s, const Workload& workload, Choices& choose) {
  if (workload.machine.threads < 2) return;
  const Program program = s.schedule().program();
  Sharing(s, workload, choose).share(program->body.get(), 0);
}

}  // namespace tw::autotune
