#include "schedule/blocks.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace tw::schedule {
namespace {

bool lists(const std::vector<Region>& regions, const Buffer& buffer) {
  return std::any_of(regions.begin(), regions.end(),
                     [&](const Region& r) { return r.buffer.same_as(buffer); });
}

class BlockMap : public Mutator {
 public:
  explicit BlockMap(const std::function<Stmt(const Block&)>& f) : f_(f) {}

 protected:
  using Mutator::on;
  Stmt on(const Block& node) override {
    Stmt fresh = f_(node);
    return fresh ? fresh : Stmt(&node);
  }

 private:
  const std::function<Stmt(const Block&)>& f_;
};

template <class Test>
std::vector<BlockPlace> blocks_where(const Program& program, Test test) {
  std::vector<BlockPlace> found;
  for (BlockPlace& place : all_blocks(program))
    if (test(place.block())) found.push_back(std::move(place));
  return found;
}

}  // namespace

const Store* only_store(const Block& block) {
  const auto* store = as<Store>(block.body);
  return store && !store->predicate ? store : nullptr;
}

std::vector<BlockPlace> readers_of(const Program& program, const Buffer& buffer) {
  return blocks_where(program, [&](const Block& block) {
    return lists(block.reads, buffer) || (block.reducer && lists(block.writes, buffer));
  });
}

std::vector<BlockPlace> writers_of(const Program& program, const Buffer& buffer) {
  return blocks_where(program, [&](const Block& block) { return lists(block.writes, buffer); });
}

Place allocation_of(const Program& program, const Buffer& buffer) {
  const StmtNode* found = nullptr;
  for_each_node(program->body, [&](const Node* node) {
    const auto* allocation = as<Allocate>(node);
    if (allocation && allocation->buffer.get() == buffer.get()) found = allocation;
  });
  return found ? find_statement(program, found) : Place{};
}

bool is_parameter(const Program& program, const Buffer& buffer) {
  return std::any_of(program->params.begin(), program->params.end(),
                     [&](const Param& param) { return param.buffer.get() == buffer.get(); });
}

Place whole_nest(const Place& block) {
  Place place = block;
  while (!place.around.empty()) {
    const Node* parent = place.around.back();
    const auto* branch = as<If>(parent);
    const bool holds_only_this =
        parent->kind == Kind::kFor || parent->kind == Kind::kAttr || (branch && !branch->else_body);
    if (!holds_only_this) break;
    place.node = place.around.back();
    place.around.pop_back();
  }
  return place;
}

Stmt without_block(const Program& program, const BlockPlace& block) {
  return replaced_at(program, whole_nest(block), {});
}

Stmt map_blocks(const Stmt& body, const std::function<Stmt(const Block&)>& f) {
  return BlockMap(f).mutate(body);
}

bool drives(const Block& block, const Var& loop, bool spatial) {
  return std::any_of(block.axes.begin(), block.axes.end(), [&](const BlockAxis& axis) {
    return (axis.axis_kind == AxisKind::kSpatial) == spatial && uses_var(axis.binding, loop);
  });
}

std::string fresh_name(const Program& program, const std::string& wanted) {
  std::set<std::string> taken;
  for (const Param& param : program->params)
    taken.insert(param.buffer ? param.buffer->name.text : param.var->name.text);
  for_each_node(program->body, [&](const Node* node) {
    if (const auto* block = as<Block>(node)) taken.insert(block->name);
    if (const auto* allocation = as<Allocate>(node)) taken.insert(allocation->buffer->name);
  });
  std::string name = wanted;
  for (int i = 1; taken.contains(name); ++i) name = fmt::format("{}_{}", wanted, i);
  return name;
}

Stmt default_nest(Block* block) {
  const Stmt owner(block);
  std::vector<std::pair<Var, Expr>> loops;
  for (BlockAxis& axis : block->axes) {
    const Var loop(axis.var->name.text);
    axis.binding = loop;
    loops.emplace_back(loop, axis.extent);
  }
  Stmt body = owner;
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop)
    body = For::make(loop->first, loop->second, body);
  return body;
}

}  // namespace tw::schedule
