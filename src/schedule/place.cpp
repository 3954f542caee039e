#include "schedule/place.h"

#include <functional>

#include "ir/visit.h"
#include "support/error.h"

namespace tw::schedule {
namespace {

/// Calls f on each statement directly below, in order.
void for_each_child(const StmtNode* stmt, const std::function<void(const StmtNode*)>& f) {
  auto leaf_is_statement = [&](const auto& leaf) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(leaf)>, Stmt>)
      if (leaf) f(leaf.get());
  };
  switch (stmt->kind) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return for_each_leaf(static_cast<const Struct&>(*stmt), leaf_is_statement);
    TW_STMT_NODES(TW_CASE)
#undef TW_CASE
    default: raise_internal("{} is no statement", kind_name(stmt->kind));
  }
}

/// Walks down until `found` says stop; the place then holds the path.
bool search(Place& place, const StmtNode* stmt, Blocks blocks,
            const std::function<bool(const Place&)>& found) {
  place.node = stmt;
  if (found(place)) return true;
  if (stmt->kind == Kind::kBlock && blocks == Blocks::kWhole) return false;
  place.around.push_back(stmt);
  bool done = false;
  for_each_child(stmt, [&](const StmtNode* child) { done = done || search(place, child, blocks, found); });
  if (!done) place.around.pop_back();
  return done;
}

/// First around blocks, where nearly everything stands.
Place find(const Program& program, const std::function<bool(const StmtNode*)>& test) {
  for (const Blocks blocks : {Blocks::kWhole, Blocks::kOpened}) {
    Place place;
    if (program->body &&
        search(place, program->body.get(), blocks, [&](const Place& p) { return test(p.node); }))
      return place;
  }
  return {};
}

/// A copy of the statement with one statement directly below replaced.
Stmt with_child(const StmtNode& parent, const StmtNode* old, const Stmt& fresh) {
  if (const auto* seq = as<Seq>(static_cast<const Node*>(&parent))) {
    std::vector<Stmt> stmts = seq->stmts;
    for (Stmt& stmt : stmts)
      if (stmt.get() == old) stmt = fresh;
    return Seq::make(std::move(stmts));
  }
  const Stmt child = fresh ? fresh : Seq::make({});
  switch (parent.kind) {
#define TW_CASE(Struct)                                                      \
  case Kind::k##Struct: {                                                    \
    auto* copy = new Struct(static_cast<const Struct&>(parent));             \
    const Stmt owner(copy);                                                  \
    for_each_leaf(*copy, [&](auto& leaf) {                                   \
      if constexpr (std::same_as<std::remove_cvref_t<decltype(leaf)>, Stmt>) \
        if (leaf.get() == old) leaf = child;                                 \
    });                                                                      \
    return owner;                                                            \
  }
    TW_STMT_NODES(TW_CASE)
#undef TW_CASE
    default: raise_internal("{} is no statement", kind_name(parent.kind));
  }
}

}  // namespace

std::vector<const For*> Place::loops() const {
  std::vector<const For*> loops;
  for (const StmtNode* stmt : around)
    if (const auto* loop = as<For>(static_cast<const Node*>(stmt))) loops.push_back(loop);
  return loops;
}

const Block* Place::enclosing_block() const {
  for (auto stmt = around.rbegin(); stmt != around.rend(); ++stmt)
    if (const auto* block = as<Block>(static_cast<const Node*>(*stmt))) return block;
  return nullptr;
}

LoopPlace find_loop(const Program& program, const Var& var) {
  return {find(program, [&](const StmtNode* stmt) {
    const auto* loop = as<For>(static_cast<const Node*>(stmt));
    return loop && loop->var.same_as(var);
  })};
}

BlockPlace find_block(const Program& program, int64_t id) {
  return {find(program, [&](const StmtNode* stmt) {
    const auto* block = as<Block>(static_cast<const Node*>(stmt));
    return block && block->id.value == id;
  })};
}

Place find_statement(const Program& program, const StmtNode* stmt) {
  return find(program, [&](const StmtNode* candidate) { return candidate == stmt; });
}

std::vector<LoopPlace> all_loops(const Program& program, Blocks inside) {
  std::vector<LoopPlace> loops;
  Place place;
  if (program->body)
    search(place, program->body.get(), inside, [&](const Place& p) {
      if (p.node->kind == Kind::kFor) loops.push_back({p});
      return false;
    });
  return loops;
}

std::vector<BlockPlace> all_blocks(const Program& program, Blocks inside) {
  std::vector<BlockPlace> blocks;
  Place place;
  if (program->body)
    search(place, program->body.get(), inside, [&](const Place& p) {
      if (p.node->kind == Kind::kBlock) blocks.push_back({p});
      return false;
    });
  return blocks;
}

std::vector<const Block*> blocks_below(const StmtNode* stmt) {
  std::vector<const Block*> blocks;
  Place place;
  search(place, stmt, Blocks::kWhole, [&](const Place& p) {
    if (const auto* block = as<Block>(static_cast<const Node*>(p.node))) blocks.push_back(block);
    return false;
  });
  return blocks;
}

bool is_compound(const Block& block) {
  bool found = false;
  for_each_child(&block, [&](const StmtNode* child) { found = found || !blocks_below(child).empty(); });
  return found;
}

Stmt replaced_at(const Program&, const Place& place, const Stmt& fresh) {
  Stmt result = fresh;
  const StmtNode* old = place.node;
  for (auto parent = place.around.rbegin(); parent != place.around.rend(); ++parent) {
    result = with_child(**parent, old, result);
    old = *parent;
  }
  return result ? result : Seq::make({});
}

Context context_at(const Place& place) {
  Context context;
  for (std::size_t i = 0; i < place.around.size(); ++i) {
    const Node* node = place.around[i];
    const StmtNode* child = i + 1 < place.around.size() ? place.around[i + 1] : place.node;
    if (const auto* loop = as<For>(node)) context.bind(loop->var, 0, loop->extent);
    if (const auto* block = as<Block>(node))
      for (const BlockAxis& axis : block->axes) context.bind(axis.var, 0, axis.extent);
    if (const auto* branch = as<If>(node))
      context.assume(branch->then_body.get() == child ? branch->cond : logical_not(branch->cond));
  }
  return context;
}

}  // namespace tw::schedule
