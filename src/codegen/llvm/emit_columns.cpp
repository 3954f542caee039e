// Columns of matrices read and written by rows.
#include <bit>

#include "codegen/llvm/emitter.h"

namespace tw::codegen {

using llvm::Value;

void Emitter::on(const Seq& node) {
  const auto enter = [&](std::vector<Columns> groups) {
    for (Columns& columns : groups) {
      auto group = std::make_shared<ColumnGroup>();
      group->columns = std::move(columns);
      for (std::size_t c = 0; c < group->columns.places.size(); ++c)
        columns_[group->columns.places[c]] = {group, c};
    }
  };
  const auto outer = columns_;
  enter(column_loads(node));
  std::vector<Columns> stores = column_stores(node);
  // Rows must not overlap, as they are written in another order.
  std::erase_if(stores, [&](const Columns& columns) {
    return !prove(le(Expr(static_cast<int64_t>(columns.places.size())), columns.stride), context_);
  });
  enter(std::move(stores));
  walk(node);
  columns_ = outer;
}

template <class F>
void Emitter::for_each_row(const Columns& columns, F&& f) {
  llvm::Type* element = math_.memory_type_of(columns.buffer->dtype);
  Value* mask = columns.predicate ? value(columns.predicate) : nullptr;
  Value* first = address(*columns.buffer, columns.base);
  Value* stride = value(columns.stride);
  for (int row = 0; row < columns.lanes; ++row) {
    Value* at = b_.CreateNSWMul(stride, b_.getInt64(static_cast<uint64_t>(row)));
    Value* pointer = row == 0 ? first : b_.CreateInBoundsGEP(element, first, at);
    f(row, pointer, mask ? b_.CreateExtractElement(mask, static_cast<uint64_t>(row)) : nullptr);
  }
}

/// The column that a load asks for; null where it is none of a group.
Value* Emitter::column(const Load& node) {
  const auto found = columns_.find(&node);
  if (found == columns_.end()) return nullptr;
  ColumnGroup& group = *found->second.first;
  if (group.values.empty() && group.columns.are_dense()) {
    const Columns& columns = group.columns;
    const int width = static_cast<int>(columns.places.size());
    Value* mask = columns.predicate ? value(columns.predicate) : nullptr;
    if (mask) mask = interleave(b_, std::vector<Value*>(columns.places.size(), mask));
    Value* rows = load(*columns.buffer, Ramp::make(columns.base, Expr(1), columns.lanes * width), mask);
    group.values = deinterleave(b_, rows, width);
  } else if (group.values.empty()) {
    const Columns& columns = group.columns;
    const auto width = static_cast<unsigned>(columns.places.size());
    auto* type = llvm::FixedVectorType::get(math_.memory_type_of(columns.buffer->dtype), width);
    const llvm::Align align(static_cast<uint64_t>(columns.buffer->dtype.bytes()));
    std::vector<Value*> rows;
    for_each_row(columns, [&](int, Value* pointer, Value* mask) {
      llvm::Instruction* row = mask ? static_cast<llvm::Instruction*>(b_.CreateMaskedLoad(
                                          type, pointer, align, math_.splat(mask, static_cast<int>(width)),
                                          llvm::Constant::getNullValue(type)))
                                    : b_.CreateAlignedLoad(type, pointer, align);
      rows.push_back(annotated(row, *columns.buffer));
    });
    group.values = transpose(b_, rows);
  }
  return group.values[found->second.second];
}

/// Keeps the value of a column until the last of its group, which writes the rows. False: it is of no group.
bool Emitter::store_column(const Store& node, Value* stored) {
  const auto found = columns_.find(&node);
  if (found == columns_.end()) return false;
  ColumnGroup& group = *found->second.first;
  const Columns& columns = group.columns;
  const std::size_t count = columns.places.size(), width = std::bit_ceil(count);
  if (group.values.empty()) group.values.assign(width, llvm::PoisonValue::get(stored->getType()));
  group.values[found->second.second] = stored;
  if (++group.stored < count) return true;
  if (columns.are_dense()) {
    Value* mask = columns.predicate ? value(columns.predicate) : nullptr;
    if (mask) mask = interleave(b_, std::vector<Value*>(count, mask));
    store(*columns.buffer, Ramp::make(columns.base, Expr(1), columns.lanes * static_cast<int>(count)),
          interleave(b_, group.values), mask);
    return true;
  }
  const std::vector<Value*> rows = transpose(b_, group.values);
  const llvm::Align align(static_cast<uint64_t>(columns.buffer->dtype.bytes()));
  std::vector<llvm::Constant*> present;
  for (std::size_t c = 0; c < width; ++c) present.push_back(b_.getInt1(c < count));
  Value* whole = llvm::ConstantVector::get(present);
  for_each_row(columns, [&](int row, Value* pointer, Value* mask) {
    Value* values = rows[static_cast<std::size_t>(row)];
    Value* written = count < width ? whole : nullptr;
    if (mask) {
      Value* all = math_.splat(mask, static_cast<int>(width));
      written = written ? b_.CreateAnd(written, all) : all;
    }
    annotated(written ? static_cast<llvm::Instruction*>(b_.CreateMaskedStore(values, pointer, align, written))
                      : b_.CreateAlignedStore(values, pointer, align),
              *columns.buffer);
  });
  return true;
}

}  // namespace tw::codegen
