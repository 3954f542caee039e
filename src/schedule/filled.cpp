#include "schedule/filled.h"

#include <algorithm>

#include "ir/equal.h"
#include "schedule/copies.h"
#include "schedule/separate_init.h"

namespace tw::schedule {
namespace {

/// Whether the block stores at plain axes that run through the whole buffer.
bool writes_all(const Block& block, const Buffer& buffer) {
  const Store* store = only_store(block);
  if (is_update(block) ||  // that another block has set its elements is for that block to show
      !store || !store->buffer.same_as(buffer))
    return false;
  std::vector<const Node*> used;
  for (std::size_t d = 0; d < store->indices.size(); ++d) {
    const Expr& index = store->indices[d];
    if (is_int(index, 0) && is_int(buffer->shape[d], 1)) continue;
    if (std::find(used.begin(), used.end(), index.get()) != used.end()) return false;
    used.push_back(index.get());
    if (std::none_of(block.axes.begin(), block.axes.end(), [&](const BlockAxis& axis) {
          return axis.var.same_as(index) && structural_equal(axis.extent, buffer->shape[d]);
        }))
      return false;
  }
  return true;
}

/// Whether the first stands before the second in the text.
bool stands_before(const Program& program, const StmtNode* first, const StmtNode* second) {
  bool seen = false, before = false;
  for_each_node(program->body, [&](const Node* node) {
    if (node == second) seen = true;
    if (node == first) before = !seen;
  });
  return before;
}

}  // namespace

bool is_given(const Program& program, const Buffer& buffer) {
  return std::any_of(program->params.begin(), program->params.end(), [&](const Param& param) {
    return param.buffer.get() == buffer.get() && param.param_kind != ParamKind::kOutput;
  });
}

bool is_filled_before(const Program& program, const Place& at, const Buffer& buffer) {
  if (is_given(program, buffer)) return true;
  const std::vector<BlockPlace> writers = writers_of(program, buffer);
  return std::any_of(writers.begin(), writers.end(), [&](const BlockPlace& writer) {
    const bool shares_loop =
        !at.loops().empty() && !writer.loops().empty() && at.loops().front() == writer.loops().front();
    return !shares_loop && stands_before(program, writer.node, at.node) &&
           writes_all(writer.block(), buffer) && covers_domain(writer, true);
  });
}

}  // namespace tw::schedule
