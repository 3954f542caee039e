// The graph of a program's blocks (dependence.h).
#include <algorithm>

#include "ir/analysis/dependence.h"
#include "ir/equal.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw {
namespace {

/// Finds the outermost blocks and the statements around each.
class Placement : public Visitor {
 public:
  std::vector<PlacedBlock> blocks;

 protected:
  using Visitor::on;
  void on(const Block& node) override { blocks.push_back({&node, path_}); }
#define TW_STEP_INTO(Struct)             \
  void on(const Struct& node) override { \
    path_.push_back(&node);              \
    walk(node);                          \
    path_.pop_back();                    \
  }
  TW_STEP_INTO(For)
  TW_STEP_INTO(If)
  TW_STEP_INTO(Let)
  TW_STEP_INTO(Allocate)
  TW_STEP_INTO(Seq)
  TW_STEP_INTO(Attr)
#undef TW_STEP_INTO

 private:
  std::vector<const StmtNode*> path_;
};

std::size_t shared_loops(const Access& a, const Access& b) {
  std::size_t count = 0;
  while (count < a.loops.size() && count < b.loops.size() && a.loops[count] == b.loops[count]) ++count;
  return count;
}

class GraphBuilder {
 public:
  GraphBuilder(const Stmt& scope, const Context& context) : context_(context) {
    Placement placement;
    placement.visit(scope);
    graph_.blocks = std::move(placement.blocks);
    by_block_.resize(graph_.blocks.size());
    for (Access& access : collect_accesses(scope))
      for (std::size_t i = 0; i < graph_.blocks.size(); ++i)
        if (graph_.blocks[i].block == access.unit) by_block_[i].push_back(std::move(access));
  }

  BlockGraph build() {
    const int count = static_cast<int>(graph_.blocks.size());
    for (int from = 0; from < count; ++from) {
      for (int to = 0; to < count; ++to) {
        if (from == to) continue;
        for (const Access& a : of(from))
          for (const Access& b : of(to))
            if (a.buffer.same_as(b.buffer) && (a.write || b.write)) relate(from, to, a, b);
      }
    }
    return std::move(graph_);
  }

 private:
  const std::vector<Access>& of(int block) const { return by_block_[static_cast<std::size_t>(block)]; }

  void relate(int from, int to, const Access& a, const Access& b) {
    Overlap found = Overlap::kNever;
    if (from < to) {
      found = overlap(a, b, 0, context_);
    } else {
      // Against the order of the text only a loop around both brings one before the other.
      for (std::size_t loop = 0; loop < shared_loops(a, b) && found == Overlap::kNever; ++loop)
        found = overlap_across_turns(a, b, loop, context_);
      if (found == Overlap::kNever) return;
    }
    note({from, to, a.buffer, kind_of(a, b), found, from > to});
  }

  /// One entry for each kind and buffer: the strongest.
  void note(const BlockDependence& fresh) {
    for (BlockDependence& known : graph_.dependences) {
      if (known.from != fresh.from || known.to != fresh.to || !known.buffer.same_as(fresh.buffer)) continue;
      if (known.kind != fresh.kind) continue;
      known.overlap = std::max(known.overlap, fresh.overlap);
      return;
    }
    graph_.dependences.push_back(fresh);
  }

  DependenceKind kind_of(const Access& a, const Access& b) const {
    if (combines(a) && combines(b) && structural_equal(a.block->reducer, b.block->reducer))
      return DependenceKind::kReduction;
    if (a.write && b.write) return DependenceKind::kOutput;
    return a.write ? DependenceKind::kFlow : DependenceKind::kAnti;
  }

  /// Whether the access only ever combines into the elements: by a reducer, without an init that sets them.
  bool combines(const Access& access) const {
    if (!access.block || !access.block->reducer || access.block->init) return false;
    for (const std::vector<Access>& accesses : by_block_)
      for (const Access& other : accesses)
        if (other.block == access.block && other.write && other.buffer.same_as(access.buffer)) return true;
    return false;
  }

  Context context_;
  BlockGraph graph_;
  std::vector<std::vector<Access>> by_block_;
};

}  // namespace

const char* to_string(DependenceKind kind) {
  switch (kind) {
#define TW_KIND_TEXT(Name, text) \
  case DependenceKind::k##Name: return text;
    TW_DEPENDENCE_KINDS(TW_KIND_TEXT)
#undef TW_KIND_TEXT
  }
  return "?";
}

BlockGraph block_graph(const Stmt& scope, const Context& context) {
  return GraphBuilder(scope, context).build();
}

BlockGraph block_graph(const Program& program) {
  return block_graph(program->body);
}

}  // namespace tw
