#include <algorithm>

#include "ir/interpret/compiler.h"
#include "support/error.h"

namespace tw::interpreter {
namespace {

/// Whether nothing but what each thread may do for itself stands between here and a loop over threads.
bool leads_to_threads(const Stmt& stmt) {
  if (const auto* loop = as<For>(stmt)) return is_over_threads(*loop);
  if (const auto* attr = as<Attr>(stmt)) return leads_to_threads(attr->body);
  if (const auto* let = as<Let>(stmt)) return leads_to_threads(let->body);
  if (const auto* allocate = as<Allocate>(stmt)) return leads_to_threads(allocate->body);
  return false;
}

}  // namespace

void Compiler::group(const For& stmt) {
  const auto index = static_cast<uint32_t>(code_.groups.size());
  GroupSite site;
  site.name = stmt.var->name.text;
  for (int i = 0; i < 3; ++i) site.position[i] = site.extent[i] = kNone;
  code_.groups.push_back(std::move(site));
  group_level(Stmt(&stmt), index);
  emit({Op::kRunGroup, 0, index});
}

void Compiler::group_level(const Stmt& stmt, uint32_t index) {
  guard_.check();
  if (!leads_to_threads(stmt)) return group_body(stmt, index);
  const Temporaries temporaries(*this);
  const InScope scope(*this, stmt.get());
  if (const auto* attr = as<Attr>(stmt)) return group_level(attr->body, index);
  if (const auto* node = as<Let>(stmt)) return let(*node, [&] { group_level(node->body, index); });
  if (const auto* node = as<Allocate>(stmt))
    return allocate(*node, true, [&] { group_level(node->body, index); });
  const auto& loop = static_cast<const For&>(*stmt);
  loop_around(loop, false, [&] {
    const auto axis = static_cast<std::size_t>(loop.gpu_index) - static_cast<std::size_t>(GpuIndex::kThreadX);
    GroupSite& site = code_.groups[index];
    if (site.position[axis] != kNone)
      raise_value("two nested loops are bound to {}: '{}' is the inner one", to_string(loop.gpu_index),
                  loop.var->name.text);
    site.position[axis] = threads_.back().var;
    site.extent[axis] = threads_.back().extent;
    group_level(loop.body, index);
  });
}

void Compiler::group_body(const Stmt& stmt, uint32_t index) {
  thread_depth_ = depth_;
  const Pc spawn = emit({Op::kSpawn, 0, index});
  statement(stmt);
  emit({Op::kThreadEnd});
  land(spawn);
  thread_depth_ = -1;
}

void Compiler::barrier(const Barrier& stmt) {
  if (thread_depth_ < 0) return;  // nobody to wait for: loops over threads have all joined
  if (depth_ != thread_depth_)
    raise_value("a barrier stands in a concurrent loop inside the threads that are to meet at it");
  emit({Op::kBarrier, static_cast<uint16_t>(stmt.scope)});
}

void Compiler::async_copy(const AsyncCopy& stmt) {
  if (calls_ > 0) raise_value("an asynchronous copy cannot stand in the meaning of a tensor intrinsic");
  const BufferInfo &to = find(stmt.to), &from = find(stmt.from);
  if (to.always_defined) raise_value("the program writes to '{}', which is an input", stmt.to->name.text);
  if (stmt.count < 1) raise_value("an asynchronous copy of {} elements; it must copy at least 1", stmt.count);
  if (stmt.count > 1 && (stmt.to_indices.empty() || stmt.from_indices.empty()))
    raise_value("an asynchronous copy of {} elements between '{}' and '{}': one of them has a single element",
                stmt.count, stmt.from->name.text, stmt.to->name.text);
  CopySite site;
  site.to = to.reg;
  site.from = from.reg;
  site.to_index = subscripts(stmt.to_indices, kNone);
  site.from_index = subscripts(stmt.from_indices, kNone);
  site.count = stmt.count;
  site.to_raced = raced(to);
  site.from_raced = raced(from);
  code_.copies.push_back(std::move(site));
  emit({Op::kAsyncCopy, 0, static_cast<uint32_t>(code_.copies.size() - 1)});
}

void Compiler::tensor_call(const TensorCall& stmt) {
  const Program meaning = find_tensor_intrinsic(stmt.intrinsic);
  if (!meaning)
    raise_value("tensor intrinsic '{}' is not declared; register_tensor_intrinsic declares it",
                stmt.intrinsic);
  if (meaning->params.size() != stmt.operands.size())
    raise_value("tensor intrinsic '{}' has {} operands; the call gives {}", stmt.intrinsic,
                meaning->params.size(), stmt.operands.size());
  if (calls_ > 16) raise_value("the meaning of tensor intrinsic '{}' calls itself", stmt.intrinsic);
  bool collective = false;
  for (std::size_t i = 0; i < stmt.operands.size(); ++i) {
    const Buffer& param = meaning->params[i].buffer;
    if (!param) raise_value("parameter {} of tensor intrinsic '{}' is not a buffer", i, stmt.intrinsic);
    View operand = view(stmt, stmt.operands[i], param);
    views_.insert_or_assign(param.get(), std::move(operand));
    collective |= stmt.operands[i].buffer->scope == Scope::kFragment;
  }
  collective = collective && thread_depth_ >= 0 && calls_ == 0 && threads_are_lanes();
  if (collective && depth_ != thread_depth_)
    raise_value("tensor intrinsic '{}' of a warp stands in a concurrent loop inside its threads",
                stmt.intrinsic);
  Pc others = kNone;
  if (collective) {
    emit({Op::kCollect});
    others = emit({Op::kUnlessLeader});
  }
  ++calls_;
  statement(meaning->body);
  --calls_;
  if (collective) {
    land(others);
    emit({Op::kCollect});
  }
  for (const Param& param : meaning->params) views_.erase(param.buffer.get());
}

Compiler::View Compiler::view(const TensorCall& stmt, const Region& region, const Buffer& param) {
  const std::string& name = param->name.text;
  if (region.buffer->dtype != param->dtype)
    raise_value("operand '{}' of tensor intrinsic '{}' has type {}; '{}' has {}", name, stmt.intrinsic,
                to_string(param->dtype), region.buffer->name.text, to_string(region.buffer->dtype));
  if (static_cast<int>(region.ranges.size()) != region.buffer->rank())
    raise_value("operand '{}' of tensor intrinsic '{}' is a box of {} dimensions of '{}', which has {}", name,
                stmt.intrinsic, region.ranges.size(), region.buffer->name.text, region.buffer->rank());
  for (const Expr& extent : param->shape)
    if (!as_int(extent))
      raise_value("operand '{}' of tensor intrinsic '{}' has an extent that is not constant", name,
                  stmt.intrinsic);
  View view;
  view.buffer = region.buffer;
  const bool is_run = is_run_of(region, *param);
  const auto dimension_of = dimensions_of_box(region, *param);
  if (dimension_of) view.dimension_of = *dimension_of;
  if (!is_run && !dimension_of)
    raise_value(
        "operand '{}' of tensor intrinsic '{}' is a box whose extents do not fit, even without its unit "
        "dimensions",
        name, stmt.intrinsic);
  view.name = message("operand '" + name + "' of tensor intrinsic '" + stmt.intrinsic + "'");
  for (const Expr& extent : param->shape) view.extents.push_back(value(extent));
  for (std::size_t d = 0; d < region.ranges.size(); ++d) {
    view.begin.push_back(scalar(region.ranges[d].min, kIndex, "the begin of a box"));
    const Reg extent = scalar(region.ranges[d].extent, kIndex, "the extent of a box");
    const int from = is_run ? -1 : view.dimension_of[d];
    if (from >= 0 && !as_int(region.ranges[d].extent))
      emit({Op::kCheckOperand, 0, extent, view.extents[static_cast<std::size_t>(from)], view.name});
  }
  if (!views_.contains(region.buffer.get())) find(region.buffer);
  return view;
}

bool Compiler::threads_are_lanes() const {
  return std::any_of(threads_.begin(), threads_.end(),
                     [](const ThreadLoop& thread) { return thread.index == GpuIndex::kThreadX; });
}

Reg Compiler::id_of_thread(const For& innermost, Reg var) {
  if (!threads_own_) return kNone;
  const int axis = static_cast<int>(innermost.gpu_index) - static_cast<int>(GpuIndex::kThreadX);
  const Reg weighted = binary(BinaryOp::kMul, kIndex, var, integer(int64_t{1} << (kThreadBits * axis)));
  return binary(BinaryOp::kAdd, kIndex, threads_.empty() ? integer(1) : threads_.back().id, weighted);
}

Reg Compiler::lane_of_thread() {
  if (!threads_are_lanes()) return kNone;
  Reg linear = kNone;
  // From z to x: x is the fastest.
  for (int i = 2; i >= 0; --i) {
    const auto index = static_cast<GpuIndex>(static_cast<int>(GpuIndex::kThreadX) + i);
    for (const ThreadLoop& thread : threads_) {
      if (thread.index != index) continue;
      linear = linear == kNone ? thread.var
                               : binary(BinaryOp::kAdd, kIndex,
                                        binary(BinaryOp::kMul, kIndex, linear, thread.extent), thread.var);
    }
  }
  return binary(BinaryOp::kFloorMod, kIndex, linear, integer(32));
}

void Compiler::check_lane_map(const BufferInfo& info) {
  const Allocation allocation = code_.allocations[info.allocation];
  const LaneMap& map = *allocation.buffer->lane_map;
  if (map.coords.size() != allocation.extents.size())
    raise_value("the lane map of '{}' has {} coordinates; the buffer has rank {}",
                allocation.buffer->name.text, map.coords.size(), allocation.extents.size());
  const Temporaries temporaries(*this);
  const Pc begin = emit({Op::kLaneMapBegin, 0, info.reg, static_cast<uint32_t>(info.allocation)});
  std::vector<std::pair<Reg, Pc>> loops;
  for (std::size_t d = 0; d < map.coords.size(); ++d) {
    const Reg var = make_register();
    loops.emplace_back(var, emit({Op::kLoopEnter, 0, var, allocation.extents[d]}));
    variables_[&*map.coords[d]] = {var, 1, {}};
  }
  {
    const Temporaries inner(*this);
    const Reg lane = scalar(map.lane, kIndex, "the lane of a lane map");
    const Reg slot = scalar(map.slot, kIndex, "the slot of a lane map");
    emit({Op::kLaneMapPlace, 0, info.reg, lane, slot});
  }
  for (std::size_t d = map.coords.size(); d-- > 0;) {
    emit({Op::kLoopNext, 0, loops[d].first, allocation.extents[d], loops[d].second + 1});
    land(loops[d].second);
    variables_.erase(&*map.coords[d]);
  }
  land(begin);
}

}  // namespace tw::interpreter
