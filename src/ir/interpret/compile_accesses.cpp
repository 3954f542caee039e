#include "ir/equal.h"
#include "ir/interpret/compiler.h"
#include "support/error.h"

namespace tw::interpreter {

Compiler::BufferInfo& Compiler::find(const Buffer& buffer) {
  const auto found = buffers_.find(buffer.get());
  if (found == buffers_.end())
    raise_value(
        "buffer '{}' has no memory here: it is neither a parameter of the program nor allocated around its "
        "use",
        buffer->name.text);
  return found->second;
}

std::vector<Reg> Compiler::subscripts(const std::vector<Expr>& indices, Reg lane) {
  std::vector<Reg> regs;
  for (const Expr& index : indices) {
    if (!index.dtype().is_index())
      raise_value("a subscript has type {}; it must be of type index", to_string(index.dtype()));
    regs.push_back(value(index, lane));
  }
  return regs;
}

Compiler::Place Compiler::place(const Buffer& buffer, std::vector<Reg> subscripts, bool write) {
  if (const auto view = views_.find(buffer.get()); view != views_.end())
    return place_in_view(view->second, subscripts, write);
  const BufferInfo& info = find(buffer);
  if (calls_ == 0) check_owner(info, subscripts);
  if (subscripts.empty()) return {&info, integer(0)};
  for (const KnownOffset& known : known_offsets_)
    if (known.buffer == info.reg && known.subscripts == subscripts) return {&info, known.offset};
  const Reg out = make_register();
  const auto n = static_cast<uint16_t>(write);
  switch (subscripts.size()) {
    case 1: emit({Op::kOffset1, n, out, info.reg, subscripts[0]}); break;
    case 2: emit({Op::kOffset2, n, out, info.reg, subscripts[0], subscripts[1]}); break;
    case 3: emit({Op::kOffset3, n, out, info.reg, subscripts[0], subscripts[1], subscripts[2]}); break;
    default:
      emit({Op::kOffsetN, n, out, info.reg, add_operands(subscripts),
            static_cast<uint32_t>(subscripts.size())});
  }
  known_offsets_.push_back({info.reg, std::move(subscripts), out});
  return {&info, out};
}

Compiler::Place Compiler::place_in_view(const View& view, const std::vector<Reg>& subscripts, bool write) {
  std::vector<Reg> outer;
  if (view.dimension_of.empty() && !view.begin.empty()) {
    Reg element = kNone;
    for (std::size_t d = 0; d < subscripts.size(); ++d) {
      emit({Op::kCheckInside, 0, subscripts[d], view.extents[d], view.name});
      element = element == kNone
                    ? subscripts[d]
                    : binary(BinaryOp::kAdd, kIndex, binary(BinaryOp::kMul, kIndex, element, view.extents[d]),
                             subscripts[d]);
    }
    return place(view.buffer, {binary(BinaryOp::kAdd, kIndex, view.begin.front(), element)}, write);
  }
  for (std::size_t d = 0; d < view.begin.size(); ++d) {
    const int from = view.dimension_of[d];
    if (from < 0) {
      outer.push_back(view.begin[d]);
      continue;
    }
    const Reg inner = subscripts[static_cast<std::size_t>(from)];
    emit({Op::kCheckInside, 0, inner, view.extents[static_cast<std::size_t>(from)], view.name});
    outer.push_back(binary(BinaryOp::kAdd, kIndex, view.begin[d], inner));
  }
  return place(view.buffer, std::move(outer), write);
}

void Compiler::check_owner(const BufferInfo& info, const std::vector<Reg>& subscripts) {
  const Allocation& allocation = code_.allocations[info.allocation];
  const auto& map = allocation.buffer->lane_map;
  const Reg lane = map ? lane_of_thread() : kNone;
  if (lane == kNone) return;
  for (std::size_t d = 0; d < subscripts.size(); ++d) variables_[&*map->coords[d]] = {subscripts[d], 1, {}};
  const Mark before = mark();
  const Reg owner = value(map->lane);
  forget(before);  // the coordinates are others the next time
  emit({Op::kCheckOwner, 0, owner, lane, info.reg});
}

void Compiler::race(const Place& place, AccessKind kind) {
  if (raced(*place.info)) emit({Op::kRace, static_cast<uint16_t>(kind), place.info->reg, place.offset});
  if (!check_races_ || !place.info->use.by_threads || calls_ > 0) return;
  const Reg thread = threads_.empty() ? integer(0) : threads_.back().id;
  emit({Op::kOwner, static_cast<uint16_t>(kind), place.info->reg, place.offset, thread});
}

namespace {

/// The instruction that loads, checks and loads, or stores (0, 1, 2) elements of a type.
Op memory_op(DType type, int which) {
  return with_lane_type(type, [&]<class T>() {
    Op op = Op::kEnd;
#define TW_CASE(Name, tag)            \
  if constexpr (std::same_as<T, tag>) \
    op = which == 0 ? Op::kLoad##Name : which == 1 ? Op::kLoadDefined##Name : Op::kStore##Name;
    TW_LANE_TYPES(TW_CASE)
#undef TW_CASE
    return op;
  });
}

}  // namespace

Reg Compiler::read(const Place& place) {
  const DType type = code_.allocations[place.info->allocation].buffer->dtype;
  return result(memory_op(type, place.info->always_defined ? 0 : 1), place.info->reg, place.offset);
}

void Compiler::write(const Place& place, Reg value) {
  const Allocation& allocation = code_.allocations[place.info->allocation];
  emit({memory_op(allocation.buffer->dtype, 2), 0, place.info->reg, place.offset, value});
}

Reg Compiler::load(const Load& e, Reg lane) {
  for (const Expr& index : e.indices)
    if (index.dtype().lanes != 1 && index.dtype().lanes != e.dtype.lanes)
      raise_value("a read of buffer '{}' has subscripts of {} and of {} lanes", e.buffer->name.text,
                  index.dtype().lanes, e.dtype.lanes);
  const std::vector<Reg> at = subscripts(e.indices, lane);
  const bool of_atomic = atomic_ && atomic_->buffer.same_as(e.buffer) &&
                         std::equal(e.indices.begin(), e.indices.end(), atomic_->indices.begin(),
                                    [](const Expr& a, const Expr& b) { return structural_equal(a, b); });
  auto access = [&] {
    const Place from = place(e.buffer, at, false);
    if (!of_atomic) race(from, AccessKind::kRead);
    return read(from);
  };
  if (!e.predicate) return access();
  const Reg predicate = value(e.predicate, lane);
  const Reg out = make_register();
  const Pc masked = emit({Op::kJumpIfNot, 0, predicate});
  const Mark before = mark();
  const Reg element = access();
  emit({Op::kMove, 0, out, element});
  forget(before);
  const Pc done = emit({Op::kJump});
  land(masked);
  emit({Op::kMove, 0, out, integer(0)});
  land(done);
  return out;
}

}  // namespace tw::interpreter
