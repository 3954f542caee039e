#include "autotune/space/script.h"

#include "ir/expr.h"

namespace tw::autotune {
namespace {

using schedule::List;

template <class T>
List list_of(const std::vector<T>& items) {
  List list;
  for (const T& item : items) list.emplace_back(item);
  return list;
}

template <class T>
T first(const std::vector<Value>& results) {
  return *results.at(0).get_if<T>();
}

}  // namespace

int64_t Script::turns(LoopRef loop) const {
  return as_int(schedule_.extent(loop)).value_or(-1);
}

std::vector<LoopRef> Script::split(LoopRef loop, std::vector<Value> factors) {
  const std::vector<Value> results = apply("split", {loop, Value(std::move(factors))});
  std::vector<LoopRef> loops;
  for (const Value& made : *results.at(0).get_if<List>()) loops.push_back(*made.get_if<LoopRef>());
  return loops;
}

LoopRef Script::fuse(const std::vector<LoopRef>& loops) {
  if (loops.size() == 1) return loops.front();
  return first<LoopRef>(apply("fuse", {Value(list_of(loops))}));
}

void Script::reorder(const std::vector<LoopRef>& loops) {
  if (loops.size() > 1) apply("reorder", {Value(list_of(loops))});
}

void Script::vectorize(LoopRef loop) {
  apply("vectorize", {loop});
}
void Script::unroll(LoopRef loop) {
  apply("unroll", {loop});
}
void Script::parallel(LoopRef loop) {
  apply("parallel", {loop});
}
void Script::compute_at(BlockRef block, LoopRef loop) {
  apply("compute_at", {block, loop});
}
void Script::reverse_compute_at(BlockRef block, LoopRef loop) {
  apply("reverse_compute_at", {block, loop});
}
void Script::compute_inline(BlockRef block) {
  apply("compute_inline", {block});
}
void Script::reverse_compute_inline(BlockRef block) {
  apply("reverse_compute_inline", {block});
}

BlockRef Script::cache_read(BlockRef block, const std::string& buffer, const std::string& scope) {
  return first<BlockRef>(apply("cache_read", {block, buffer, scope}));
}

BlockRef Script::cache_write(BlockRef block, const std::string& scope) {
  return first<BlockRef>(apply("cache_write", {block, scope}));
}

BlockRef Script::decompose_reduction(BlockRef block, LoopRef loop) {
  return first<BlockRef>(apply("decompose_reduction", {block, loop}));
}

BlockRef Script::rfactor(LoopRef loop, int64_t axis) {
  return first<BlockRef>(apply("rfactor", {loop, axis}));
}

void Script::pad(BlockRef block, const std::vector<int64_t>& multiples) {
  apply("pad", {block, Value(list_of(multiples))});
}

void Script::transform_layout(const std::string& buffer, const std::string& map) {
  apply("transform_layout", {schedule_.buffer(buffer), schedule::IndexMap::parse(map)});
}

}  // namespace tw::autotune
