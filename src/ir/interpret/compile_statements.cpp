#include <algorithm>

#include "ir/interpret/compiler.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::interpreter {

void Compiler::statement(const Stmt& stmt) {
  if (!stmt) return;
  guard_.check();
  const Temporaries temporaries(*this);
  const InScope scope(*this, calls_ > 0 ? site_.node : stmt.get());
  dispatch(stmt);
}

void Compiler::dispatch(const Stmt& stmt) {
  switch (stmt->kind) {
    case Kind::kFor: return loop(static_cast<const For&>(*stmt));
    case Kind::kBlock: return block(static_cast<const Block&>(*stmt));
    case Kind::kStore: return store(static_cast<const Store&>(*stmt));
    case Kind::kIf: return branch(static_cast<const If&>(*stmt));
    case Kind::kAssert: return check(static_cast<const Assert&>(*stmt));
    case Kind::kAttr: return statement(static_cast<const Attr&>(*stmt).body);
    case Kind::kBarrier: return barrier(static_cast<const Barrier&>(*stmt));
    case Kind::kAsyncCopy: return async_copy(static_cast<const AsyncCopy&>(*stmt));
    case Kind::kTensorCall: return tensor_call(static_cast<const TensorCall&>(*stmt));
    case Kind::kAsyncCommit: emit({Op::kAsyncCommit}); return;
    case Kind::kAsyncWait:
      emit({Op::kAsyncWait, 0, integer(static_cast<const AsyncWait&>(*stmt).pending)});
      return;
    case Kind::kPrefetch: return;  // a hint
    case Kind::kSeq:
      for (const Stmt& child : static_cast<const Seq&>(*stmt).stmts) statement(child);
      return;
    case Kind::kLet: {
      const auto& node = static_cast<const Let&>(*stmt);
      return let(node, [&] { statement(node.body); });
    }
    case Kind::kAllocate: {
      const auto& node = static_cast<const Allocate&>(*stmt);
      return allocate(node, false, [&] { statement(node.body); });
    }
    default: raise_internal("{} is not a statement", kind_name(stmt->kind));
  }
}

void Compiler::loop(const For& stmt) {
  const bool thread = is_over_threads(stmt);
  if (thread && (threads_.empty() || thread_depth_ >= 0) && needs_coroutines(stmt.body)) {
    if (thread_depth_ >= 0)
      raise_value(
          "loop '{}' over {} with a barrier in it must stand directly in the loop over threads around it",
          stmt.var->name.text, to_string(stmt.gpu_index));
    return group(stmt);
  }
  loop_around(stmt, is_concurrent(stmt), [&] { statement(stmt.body); });
}

void Compiler::loop_around(const For& stmt, bool concurrent, const Inside& body) {
  if (!stmt.var->dtype.is_index())
    raise_value("loop variable '{}' has type {}; it must be of type index", stmt.var->name.text,
                to_string(stmt.var->dtype));
  const Reg var = make_register();
  const Reg extent = scalar(stmt.extent, kIndex, "the extent of a loop");
  const Pc enter = emit({Op::kLoopEnter, 0, var, extent});
  if (concurrent) {
    code_.loops.push_back({stmt.var->name.text, to_string(stmt.loop_kind), var});
    emit({Op::kForkEnter, 0, static_cast<uint32_t>(code_.loops.size() - 1)});
  }
  const bool thread = is_over_threads(stmt);
  depth_ += is_concurrent(stmt);
  variables_[&*stmt.var] = {var, 1, stmt.extent};
  const Pc first = here();
  {
    const InScope scope(*this, site_.node);
    show(stmt.var->name, var);
    if (thread) threads_.push_back({stmt.gpu_index, var, extent, id_of_thread(stmt, var)});
    body();
  }
  variables_.erase(&*stmt.var);
  depth_ -= is_concurrent(stmt);
  if (thread) threads_.pop_back();
  emit({concurrent ? Op::kForkNext : Op::kLoopNext, 0, var, extent, first});
  if (concurrent) emit({Op::kForkLeave});
  land(enter);
}

std::optional<std::pair<int64_t, int64_t>> Compiler::constant_range(const Expr& e) const {
  using Pair = std::pair<int64_t, int64_t>;
  constexpr int64_t kLarge = int64_t{1} << 31;  // ranges within it multiply and add without overflow
  const auto small = [](int64_t lo, int64_t hi) {
    return lo <= hi && lo >= -kLarge && hi <= kLarge ? std::optional(Pair{lo, hi}) : std::nullopt;
  };
  if (const auto value = as_int(e)) return small(*value, *value);
  if (const auto* var = as<Variable>(e)) {
    const auto bound = variables_.find(var);
    const auto extent =
        bound != variables_.end() && bound->second.extent ? as_int(bound->second.extent) : std::nullopt;
    return extent ? small(0, *extent - 1) : small(var->min, var->max);
  }
  const auto* binary = as<Binary>(e);
  if (!binary || !e.dtype().is_index() || !e.dtype().is_scalar()) return std::nullopt;
  const auto a = constant_range(binary->a), b = constant_range(binary->b);
  if (!a || !b) return std::nullopt;
  const bool by_positive = b->first == b->second && b->first > 0;
  switch (binary->op) {
    case BinaryOp::kAdd: return small(a->first + b->first, a->second + b->second);
    case BinaryOp::kSub: return small(a->first - b->second, a->second - b->first);
    case BinaryOp::kMul:
      if (!by_positive) return std::nullopt;
      return small(a->first * b->first, a->second * b->first);
    case BinaryOp::kFloorDiv:
      if (!by_positive) return std::nullopt;
      return small(scalar::floor_div(a->first, b->first), scalar::floor_div(a->second, b->first));
    case BinaryOp::kFloorMod:
      if (!by_positive) return std::nullopt;
      return small(0, b->first - 1);
    default: return std::nullopt;
  }
}

bool Compiler::within(const Expr& binding, const Expr& extent) const {
  if (const auto* var = as<Variable>(binding); var && as<Variable>(extent)) {
    const auto bound = variables_.find(var);
    if (bound != variables_.end() && bound->second.extent && bound->second.extent.same_as(extent))
      return true;
  }
  const auto range = constant_range(binding), size = constant_range(extent);
  return range && size && range->first >= 0 && range->second < size->first;
}

void Compiler::axes(const Block& stmt, InitSite& init) {
  std::vector<Reg> regs;
  for (const BlockAxis& axis : stmt.axes) {
    const Reg reg = scalar(axis.binding, kIndex, "the binding of an axis");
    const Reg extent = scalar(axis.extent, kIndex, "the extent of an axis");
    if (!within(axis.binding, axis.extent))
      emit({Op::kCheckAxis, 0, reg, extent, message(axis.var->name.text)});
    regs.push_back(reg);
    if (axis.axis_kind == AxisKind::kSpatial) {
      init.point.push_back(reg);
      init.extents.push_back(extent);
    } else {
      init.others.push_back(extent);
    }
  }
  for (std::size_t i = 0; i < regs.size(); ++i) {
    variables_[&*stmt.axes[i].var] = {regs[i], 1, stmt.axes[i].extent};
    show(stmt.axes[i].var->name, regs[i]);
  }
}

void Compiler::block(const Block& stmt) {
  Pc skip = kNone;
  if (stmt.predicate)
    skip = emit({Op::kJumpIfNot, 0, scalar(stmt.predicate, kBool, "the predicate of a block")});
  {
    const InScope scope(*this, site_.node);
    InitSite init;
    axes(stmt, init);
    if (stmt.init) first_instance(stmt, std::move(init));
    statement(stmt.body);
  }
  for (const BlockAxis& axis : stmt.axes) variables_.erase(&*axis.var);
  if (skip != kNone) land(skip);
}

namespace {

/// The buffers that statements write.
void collect_written(const Stmt& stmt, std::vector<Buffer>& out) {
  for_each_node(stmt, [&](const Node* node) {
    if (const auto* store = as<Store>(node)) out.push_back(store->buffer);
    const auto* call = as<TensorCall>(node);
    const Program meaning = call ? find_tensor_intrinsic(call->intrinsic) : Program();
    if (!meaning) return;
    const std::vector<bool> written = written_operands(meaning);
    for (std::size_t i = 0; i < std::min(written.size(), call->operands.size()); ++i)
      if (written[i]) out.push_back(call->operands[i].buffer);
  });
}

}  // namespace

void Compiler::first_instance(const Block& stmt, InitSite init) {
  // The counts live as long as what the init writes: with the instance of the buffer that is allocated last.
  std::vector<Buffer> written;
  collect_written(stmt.init, written);
  BufferInfo* home = nullptr;
  for (Buffer buffer : written) {
    for (auto view = views_.find(buffer.get()); view != views_.end(); view = views_.find(buffer.get()))
      buffer = view->second.buffer;
    const auto found = buffers_.find(buffer.get());
    if (found != buffers_.end() && (!home || found->second.allocation > home->allocation))
      home = &found->second;
  }
  if (!home) return statement(stmt.init);
  init.buffer = home->reg;
  init.table = code_.allocations[home->allocation].init_tables++;
  code_.inits.push_back(std::move(init));
  const Pc test = emit({Op::kInitPoint, 0, static_cast<uint32_t>(code_.inits.size() - 1)});
  statement(stmt.init);
  land(test);
}

void Compiler::store(const Store& stmt) {
  if (!views_.contains(stmt.buffer.get()) && find(stmt.buffer).always_defined)
    raise_value("the program writes to '{}', which is an input", stmt.buffer->name.text);
  int lanes = stmt.value.dtype().lanes;
  if (stmt.predicate) lanes = std::max<int>(lanes, stmt.predicate.dtype().lanes);
  for (const Expr& index : stmt.indices) lanes = std::max<int>(lanes, index.dtype().lanes);
  const Store* outer = std::exchange(atomic_, stmt.atomic ? &stmt : nullptr);
  if (lanes > 1) {
    store_vector(stmt, lanes);
  } else {
    const Reg computed = value(stmt.value);
    const std::vector<Reg> at = subscripts(stmt.indices, kNone);
    Pc masked = kNone;
    if (stmt.predicate) masked = emit({Op::kJumpIfNot, 0, value(stmt.predicate)});
    const Place to = place(stmt.buffer, at, true);
    race(to, stmt.atomic ? AccessKind::kAtomic : AccessKind::kWrite);
    write(to, computed);
    if (masked != kNone) land(masked);
  }
  atomic_ = outer;
}

void Compiler::for_lanes(int lanes, const std::function<void(Reg lane)>& body) {
  const InScope scope(*this, site_.node);
  const Reg lane = make_register();
  show("lane", lane);
  const Reg count = integer(lanes);
  emit({Op::kMove, 0, lane, integer(0)});
  const Pc top = here();
  const Mark before = mark();
  body(lane);
  forget(before);
  emit({Op::kLoopNext, 0, lane, count, top});
}

void Compiler::store_vector(const Store& stmt, int lanes) {
  auto fits = [&](const Expr& e) { return !e || e.dtype().is_scalar() || e.dtype().lanes == lanes; };
  if (!fits(stmt.value) || !fits(stmt.predicate) ||
      !std::all_of(stmt.indices.begin(), stmt.indices.end(), fits))
    raise_value("a store to '{}' has a value, subscripts and a predicate of different numbers of lanes",
                stmt.buffer->name.text);
  compute_scalars(stmt.value);
  for (const Expr& index : stmt.indices) compute_scalars(index);
  compute_scalars(stmt.predicate);
  // All values and offsets first; -1 is where a lane writes nothing.
  const Reg values = make_registers(lanes), offsets = make_registers(lanes);
  Place to{};
  for_lanes(lanes, [&](Reg lane) {
    emit({Op::kSetLane, 0, values, lane, value(stmt.value, lane)});
    const std::vector<Reg> at = subscripts(stmt.indices, lane);
    Pc masked = kNone;
    if (stmt.predicate) {
      const Reg predicate = value(stmt.predicate, lane);
      emit({Op::kSetLane, 0, offsets, lane, integer(-1)});
      masked = emit({Op::kJumpIfNot, 0, predicate});
    }
    to = place(stmt.buffer, at, true);
    emit({Op::kSetLane, 0, offsets, lane, to.offset});
    if (masked != kNone) land(masked);
  });
  for_lanes(lanes, [&](Reg lane) {
    const Reg offset = result(Op::kGetLane, offsets, lane), element = result(Op::kGetLane, values, lane);
    Pc masked = kNone;
    if (stmt.predicate) masked = emit({Op::kJumpIfNot, 0, result(Op::kIndexLe, integer(0), offset)});
    to.offset = offset;
    race(to, stmt.atomic ? AccessKind::kAtomic : AccessKind::kWrite);
    write(to, element);
    if (masked != kNone) land(masked);
  });
}

void Compiler::branch(const If& stmt) {
  const Pc to_else = emit({Op::kJumpIfNot, 0, scalar(stmt.cond, kBool, "a condition")});
  statement(stmt.then_body);
  if (!stmt.else_body) return land(to_else);
  const Pc to_end = emit({Op::kJump});
  land(to_else);
  statement(stmt.else_body);
  land(to_end);
}

void Compiler::let(const Let& stmt, const Inside& body) {
  const DType type = stmt.value.dtype();
  if (stmt.var->dtype != type)
    raise_value("variable '{}' of type {} is bound to a value of type {}", stmt.var->name.text,
                to_string(stmt.var->dtype), to_string(type));
  BoundVar bound;
  bound.lanes = type.lanes;
  if (type.is_scalar()) {
    bound.reg = kept(stmt.value);
  } else {
    bound.reg = make_registers(type.lanes);
    const Temporaries temporaries(*this);
    compute_scalars(stmt.value);
    for_lanes(type.lanes, [&](Reg lane) {
      emit({Op::kSetLane, 0, bound.reg, lane, value(stmt.value, lane)});
    });
  }
  variables_[&*stmt.var] = bound;
  {
    const InScope scope(*this, site_.node);
    if (type.is_scalar() && !type.is_float()) show(stmt.var->name, bound.reg);
    body();
  }
  variables_.erase(&*stmt.var);
}

void Compiler::check(const Assert& stmt) {
  const auto fail_unless = [&](Reg cond) {
    const Pc holds = emit({Op::kJumpIf, 0, cond});
    emit({Op::kFail, 0, message(stmt.message), stmt.assert_kind == AssertKind::kIndex});
    land(holds);
  };
  if (stmt.cond.dtype().is_scalar()) return fail_unless(scalar(stmt.cond, kBool, "an asserted condition"));
  compute_scalars(stmt.cond);
  for_lanes(stmt.cond.dtype().lanes, [&](Reg lane) { fail_unless(value(stmt.cond, lane)); });
}

void Compiler::declare(const Buffer& buffer, BufferInfo info, Allocation allocation) {
  info.allocation = code_.allocations.size();
  allocation.buffer = buffer.get();
  allocation.tracked = check_races_ && info.use.raced;
  allocation.owned = check_races_ && info.use.by_threads;
  code_.allocations.push_back(std::move(allocation));
  buffers_[buffer.get()] = info;
}

void Compiler::allocate(const Allocate& stmt, bool enumerating, const Inside& body) {
  const Buffer& buffer = stmt.buffer;
  const bool of_thread = buffer->scope == Scope::kFragment && !threads_are_lanes();
  const bool shared = thread_depth_ >= 0 && is_collective(buffer->scope) && !of_thread;
  if (shared && depth_ != thread_depth_)
    raise_value("buffer '{}' of scope {} is allocated in a concurrent loop inside the threads that share it",
                buffer->name.text, to_string(buffer->scope));
  Allocation allocation;
  for (const Expr& extent : buffer->shape)
    allocation.extents.push_back(scalar(extent, kIndex, "an extent of a buffer"));
  for (const Expr& stride : buffer->strides)
    allocation.strides.push_back(scalar(stride, kIndex, "a stride of a buffer"));
  if (!buffer->strides.empty() && buffer->strides.size() != buffer->shape.size())
    raise_value("buffer '{}' of rank {} has {} strides", buffer->name.text, buffer->rank(),
                buffer->strides.size());
  BufferInfo info;
  info.reg = make_register();
  info.use = uses_[buffer.get()];
  declare(buffer, info, std::move(allocation));
  info = buffers_[buffer.get()];
  const auto site = static_cast<uint32_t>(info.allocation);
  const auto of_warp = static_cast<uint16_t>(buffer->scope == Scope::kFragment);
  emit({shared ? Op::kShare : Op::kAllocate, of_warp, info.reg, site});
  if (buffer->lane_map) check_lane_map(info);
  body();
  emit({shared ? Op::kUnshare : enumerating ? Op::kFreeLater : Op::kFree, of_warp, info.reg, site});
  buffers_.erase(buffer.get());
}

}  // namespace tw::interpreter
