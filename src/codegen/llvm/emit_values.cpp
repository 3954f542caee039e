// Expressions and memory.
#include <algorithm>

#include <llvm/Analysis/VectorUtils.h>

#include "codegen/llvm/emitter.h"
#include "ir/equal.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using llvm::Value;

constexpr int64_t kNowhereBytes = 256, kNowhereAlignment = 64;

int lanes_of(Value* value) {
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return vector ? static_cast<int>(vector->getNumElements()) : 1;
}

/// The terms of a sum, with their signs.
void add_terms(const Expr& e, bool minus, std::vector<std::pair<Expr, bool>>& terms) {
  const auto* binary = as<Binary>(e);
  if (binary && (binary->op == BinaryOp::kAdd || binary->op == BinaryOp::kSub)) {
    add_terms(binary->a, minus, terms);
    add_terms(binary->b, minus != (binary->op == BinaryOp::kSub), terms);
  } else {
    terms.emplace_back(e, minus);
  }
}

}  // namespace

Value* Emitter::value(const Expr& e) {
  if (const auto found = known_.find(e.get()); found != known_.end()) return found->second.value;
  Value* made = new_value(e);
  known_[e.get()] = {e, made};
  return made;
}

Value* Emitter::new_value(const Expr& e) {
  switch (e->kind) {
    case Kind::kIntImm: return math_.constant(e.dtype(), as<IntImm>(e)->value);
    case Kind::kFloatImm: return math_.constant(e.dtype(), as<FloatImm>(e)->value);
    case Kind::kVariable: {
      const auto found = vars_.find(as<Variable>(e));
      check_internal(found != vars_.end(), "variable {} has no value", as<Variable>(e)->name.text);
      return found->second;
    }
    case Kind::kUnary: {
      const auto* node = as<Unary>(e);
      return math_.unary(node->op, e.dtype(), value(node->a));
    }
    case Kind::kBinary: return value_of(*as<Binary>(e));
    case Kind::kSelect: return value_of(*as<Select>(e));
    case Kind::kCast: {
      const auto* node = as<Cast>(e);
      return math_.cast(node->value.dtype(), e.dtype(), value(node->value));
    }
    case Kind::kLoad: return value_of(*as<Load>(e));
    case Kind::kCall: {
      const auto* node = as<Call>(e);
      std::vector<Value*> args;
      for (const Expr& arg : node->args) args.push_back(value(arg));
      return math_.call(node->op, e.dtype(), args);
    }
    case Kind::kRamp: return value_of(*as<Ramp>(e));
    case Kind::kBroadcast: return math_.splat(value(as<Broadcast>(e)->value), e.dtype().lanes);
    default: raise_internal("an expression of kind {} in a flat program", kind_name(e->kind));
  }
}

Value* Emitter::value_of(const Binary& node) {
  const DType type = node.a.dtype();
  if (type.is_index() && (node.op == BinaryOp::kLt || node.op == BinaryOp::kLe)) {
    const auto* ramp = as<Ramp>(node.a);
    const auto* limit = as<Broadcast>(node.b);
    if (ramp && limit && is_int(ramp->stride, 1))
      return lanes_below(*ramp, value(limit->value), node.op == BinaryOp::kLe);
  }
  if (overflow_ && type.is_index() &&
      (node.op == BinaryOp::kAdd || node.op == BinaryOp::kSub || node.op == BinaryOp::kMul))
    return checked_arithmetic(node);
  if (type.is_index() && type.is_scalar() && (node.op == BinaryOp::kAdd || node.op == BinaryOp::kSub)) {
    int64_t constant = 0;
    Value* sum = index_value(Expr(&node), constant);
    return constant ? b_.CreateNSWAdd(sum, b_.getInt64(static_cast<uint64_t>(constant))) : sum;
  }
  bool not_negative = false;
  if (type.is_index() && type.is_scalar() &&
      (node.op == BinaryOp::kFloorDiv || node.op == BinaryOp::kFloorMod))
    not_negative = bounds(node.a, context_).min >= 0 && bounds(node.b, context_).min >= 1;
  Value* a = value(node.a);
  return math_.binary(node.op, type, a, value(node.b), not_negative);
}

Value* Emitter::checked_arithmetic(const Binary& node) {
  const auto id = node.op == BinaryOp::kAdd   ? llvm::Intrinsic::sadd_with_overflow
                  : node.op == BinaryOp::kSub ? llvm::Intrinsic::ssub_with_overflow
                                              : llvm::Intrinsic::smul_with_overflow;
  Value* a = value(node.a);
  Value* both = b_.CreateBinaryIntrinsic(id, a, value(node.b));
  overflow_ = b_.CreateOr(overflow_, b_.CreateExtractValue(both, 1));
  return b_.CreateExtractValue(both, 0);
}

Value* Emitter::lanes_below(const Ramp& ramp, Value* limit, bool inclusive) {
  const int lanes = ramp.dtype.lanes;
  Value* left = b_.CreateNSWSub(limit, value(ramp.base));
  if (inclusive) left = b_.CreateNSWAdd(left, b_.getInt64(1));
  left = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, left, b_.getInt64(static_cast<uint64_t>(lanes)));
  left = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, left, b_.getInt64(0));
  std::vector<llvm::Constant*> numbers;
  for (int lane = 0; lane < lanes; ++lane) numbers.push_back(b_.getInt32(static_cast<uint32_t>(lane)));
  return b_.CreateICmpULT(
      llvm::ConstantVector::get(numbers),
      b_.CreateVectorSplat(static_cast<unsigned>(lanes), b_.CreateTrunc(left, b_.getInt32Ty())));
}

Value* Emitter::value_of(const Select& node) {
  Value* cond = value(node.cond);
  const auto reads = [](const Expr& e) { return contains<Load>(e.get()); };
  const bool lazy = reads(node.on_true) || reads(node.on_false);
  Value* on_true = lazy ? value_under(cond, node.on_true) : value(node.on_true);
  Value* on_false = lazy ? value_under(b_.CreateNot(cond), node.on_false) : value(node.on_false);
  return b_.CreateSelect(cond, on_true, on_false);
}

Value* Emitter::value_under(Value* cond, const Expr& e) {
  if (!contains<Load>(e.get())) return value(e);
  Value* const outer = guard_;
  const auto outside = known_;
  if (guard_) {
    const int lanes = std::max(lanes_of(guard_), lanes_of(cond));
    const auto widened = [&](Value* v) { return lanes_of(v) == lanes ? v : math_.splat(v, lanes); };
    cond = b_.CreateAnd(widened(guard_), widened(cond));
  }
  guard_ = cond;
  Value* made = value(e);
  guard_ = outer;
  known_ = outside;
  return made;
}

Value* Emitter::value_of(const Ramp& node) {
  const int lanes = node.dtype.lanes;
  Value *base = value(node.base), *stride = value(node.stride);
  std::vector<llvm::Constant*> numbers;
  for (int lane = 0; lane < lanes; ++lane)
    numbers.push_back(llvm::ConstantInt::get(base->getType(), static_cast<uint64_t>(lane)));
  Value* steps = llvm::ConstantVector::get(numbers);
  if (!is_int(node.stride, 1)) steps = b_.CreateMul(steps, math_.splat(stride, lanes));
  return b_.CreateAdd(math_.splat(base, lanes), steps);
}

std::size_t Emitter::depth_of(const Expr& e) const {
  std::size_t depth = 0;
  for (const Var& var : free_vars(e))
    if (const auto found = depths_.find(as<Variable>(var)); found != depths_.end())
      depth = std::max(depth, found->second);
  if (contains<Load>(e.get())) depth = depth_;
  return depth;
}

Value* Emitter::index_value(const Expr& e, int64_t& constant) {
  std::vector<std::pair<Expr, bool>> terms;
  add_terms(e, false, terms);
  struct Term {
    std::size_t depth;
    Expr e;
    bool minus;
  };
  std::vector<Term> ordered;
  for (const auto& [term, minus] : terms) {
    if (const auto number = as_int(term))
      constant += minus ? -*number : *number;
    else
      ordered.push_back({depth_of(term), term, minus});
  }
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Term& a, const Term& b) { return a.depth < b.depth; });
  Value* sum = nullptr;
  for (const Term& term : ordered) {
    Value* next = value(term.e);
    if (!sum)
      sum = term.minus ? b_.CreateNSWNeg(next) : next;
    else
      sum = term.minus ? b_.CreateNSWSub(sum, next) : b_.CreateNSWAdd(sum, next);
  }
  return sum ? sum : b_.getInt64(0);
}

// Memory.

void Emitter::declare_buffers(const Program& flat) {
  std::vector<const BufferNode*> buffers;
  for (const Param& param : flat->params)
    if (param.is_buffer()) buffers.push_back(param.buffer.get());
  for_each_node(flat->body, [&](const Node* node) {
    if (const auto* allocate = as<Allocate>(node); allocate && !places_.count(allocate->buffer.get())) {
      buffers.push_back(allocate->buffer.get());
      places_[allocate->buffer.get()];
    }
  });
  llvm::MDBuilder metadata(llvm_);
  llvm::MDNode* domain = metadata.createAnonymousAliasScopeDomain("buffers");
  std::vector<llvm::Metadata*> scopes;
  for (const BufferNode* buffer : buffers)
    scopes.push_back(metadata.createAnonymousAliasScope(domain, buffer->name.text));
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    std::vector<llvm::Metadata*> others = scopes;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    places_[buffers[i]] = {nullptr, llvm::MDNode::get(llvm_, scopes[i]), llvm::MDNode::get(llvm_, others)};
  }
}

Value* Emitter::address(const BufferNode& buffer, const Expr& index) {
  llvm::Type* element = math_.memory_type_of(buffer.dtype);
  const auto found = places_.find(&buffer);
  check_internal(found != places_.end() && found->second.pointer, "buffer {} is nowhere", buffer.name.text);
  int64_t constant = 0;
  Value* variable = index_value(index, constant);
  Value* pointer = found->second.pointer;
  if (!llvm::isa<llvm::ConstantInt>(variable)) pointer = b_.CreateInBoundsGEP(element, pointer, variable);
  return constant ? b_.CreateConstGEP1_64(element, pointer, static_cast<uint64_t>(constant)) : pointer;
}

bool Emitter::is_inside(const BufferNode& buffer, const Expr& index) const {
  const auto extent = as_int(buffer.shape.at(0));
  if (!extent) return false;
  Interval at;
  if (const auto* ramp = as<Ramp>(index)) {
    const auto stride = as_int(ramp->stride);
    if (!stride || *stride < 0) return false;
    at = bounds(ramp->base, context_);
    if (at.max != kNoMax) at.max += *stride * (index.dtype().lanes - 1);
  } else if (index.dtype().is_scalar()) {
    at = bounds(index, context_);
  } else {
    return false;
  }
  return at.min >= 0 && at.max != kNoMax && at.max < *extent;
}

Value* Emitter::mask_of(const Expr& predicate, int lanes, const BufferNode& buffer, const Expr& index) {
  Value* mask = predicate ? value(predicate) : nullptr;
  if (!guard_ || is_inside(buffer, index)) return mask;
  Value* guard = guard_;
  if (lanes_of(guard) != lanes) {
    // What all lanes share is read if any of them asks for it.
    guard = lanes == 1 ? b_.CreateOrReduce(guard) : math_.splat(guard, lanes);
  }
  return mask ? b_.CreateAnd(mask, guard) : guard;
}

Value* Emitter::value_of(const Load& node) {
  if (Value* one = column(node)) return one;
  const Expr& index = node.indices.at(0);
  Value* mask = mask_of(node.predicate, node.dtype.lanes, *node.buffer, index);
  Value* loaded = math_.from_memory(node.dtype, load(*node.buffer, index, mask));
  if (!node.predicate) return loaded;
  if (node.dtype.lanes > 1) return loaded;  // masked lanes give 0
  return b_.CreateSelect(mask, loaded, llvm::Constant::getNullValue(loaded->getType()));
}

/// Zeros to read where nothing must be read.
Value* Emitter::nowhere() {
  if (current_.nowhere) return current_.nowhere;
  auto* zeros = alloca_at_entry(b_.getInt8Ty(), kNowhereBytes, kNowhereAlignment);
  llvm::IRBuilder<> behind(zeros->getNextNode());
  behind.CreateMemSet(zeros, b_.getInt8(0), kNowhereBytes, llvm::MaybeAlign(kNowhereAlignment));
  return current_.nowhere = zeros;
}

Value* Emitter::load(const BufferNode& buffer, const Expr& index, Value* mask) {
  llvm::Type* element = math_.memory_type_of(buffer.dtype);
  const llvm::Align align(static_cast<uint64_t>(buffer.dtype.bytes()));
  const int lanes = index.dtype().lanes;
  if (lanes == 1) {
    Value* pointer = address(buffer, index);
    if (!mask) return annotated(b_.CreateAlignedLoad(element, pointer, align), buffer);
    return b_.CreateAlignedLoad(element, b_.CreateSelect(mask, pointer, nowhere()), align);
  }
  auto* type = llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes));
  Value* zero = llvm::Constant::getNullValue(type);
  if (const auto* broadcast = as<Broadcast>(index)) {
    Value* any = mask ? b_.CreateOrReduce(mask) : nullptr;
    Value* all = math_.splat(load(buffer, broadcast->value, any), lanes);
    return mask ? b_.CreateSelect(mask, all, zero) : all;
  }
  const auto* ramp = as<Ramp>(index);
  if (ramp && is_int(ramp->stride, 1)) {
    Value* pointer = address(buffer, ramp->base);
    if (!mask) return annotated(b_.CreateAlignedLoad(type, pointer, align), buffer);
    // All lanes or none: a masked load of no lane is slow where its page is not mapped.
    if (Value* all = llvm::getSplatValue(mask); all && lanes * buffer.dtype.bytes() <= kNowhereBytes)
      return b_.CreateAlignedLoad(type, b_.CreateSelect(all, pointer, nowhere()), align);
    return annotated(b_.CreateMaskedLoad(type, pointer, align, mask, zero), buffer);
  }
  Value* base = ramp ? address(buffer, ramp->base) : places_.at(&buffer).pointer;
  Value* offsets =
      ramp ? value(Ramp::make(make_zero(ramp->base.dtype()), ramp->stride, lanes)) : value(index);
  Value* pointers = b_.CreateGEP(element, base, offsets);
  return annotated(b_.CreateMaskedGather(type, pointers, align, mask, zero), buffer);
}

void Emitter::store(const BufferNode& buffer, const Expr& index, Value* stored, Value* mask) {
  llvm::Type* element = math_.memory_type_of(buffer.dtype);
  const llvm::Align align(static_cast<uint64_t>(buffer.dtype.bytes()));
  const int lanes = index.dtype().lanes;
  const auto* ramp = as<Ramp>(index);
  if (lanes == 1) {
    annotated(b_.CreateAlignedStore(stored, address(buffer, index), align), buffer);
  } else if (ramp && is_int(ramp->stride, 1)) {
    Value* pointer = address(buffer, ramp->base);
    if (mask) {
      annotated(b_.CreateMaskedStore(stored, pointer, align, mask), buffer);
    } else if (streaming_) {
      stream(buffer, pointer, stored);
    } else {
      annotated(b_.CreateAlignedStore(stored, pointer, align), buffer);
    }
  } else {
    Value* base = ramp ? address(buffer, ramp->base) : places_.at(&buffer).pointer;
    Value* offsets =
        ramp ? value(Ramp::make(make_zero(ramp->base.dtype()), ramp->stride, lanes)) : value(index);
    annotated(b_.CreateMaskedScatter(stored, b_.CreateGEP(element, base, offsets), align, mask), buffer);
  }
}

/// Past the caches. Such stores need aligned addresses, which only the run knows: whole vectors where the
/// address allows, else parts of 16 bytes (which fill lines as well), else an ordinary store.
void Emitter::stream(const BufferNode& buffer, Value* pointer, Value* stored) {
  constexpr uint64_t kPart = 16;
  const auto bytes = module_.getDataLayout().getTypeStoreSize(stored->getType()).getFixedValue();
  const auto put = [&](Value* value, Value* to, uint64_t align, bool past) {
    auto* store = annotated(b_.CreateAlignedStore(value, to, llvm::Align(align)), buffer);
    if (past)
      store->setMetadata(llvm::LLVMContext::MD_nontemporal,
                         llvm::MDNode::get(llvm_, llvm::ConstantAsMetadata::get(b_.getInt32(1))));
  };
  const auto element = static_cast<uint64_t>(buffer.dtype.bytes());
  if (bytes % kPart != 0 || (bytes & (bytes - 1)) != 0) return put(stored, pointer, element, false);
  const uint64_t whole = std::min<uint64_t>(bytes, static_cast<uint64_t>(target_.vector_bits) / 8);
  has_streamed_ = true;
  Value* number = b_.CreatePtrToInt(pointer, b_.getInt64Ty());
  const auto is_aligned = [&](uint64_t to) {
    return b_.CreateICmpEQ(b_.CreateAnd(number, b_.getInt64(to - 1)), b_.getInt64(0));
  };
  llvm::BasicBlock *all = block("stream"), *other = block("unaligned"), *parts = block("stream_parts"),
                   *plain = block("store"), *behind = block("behind");
  b_.CreateCondBr(is_aligned(whole), all, other);
  b_.SetInsertPoint(all);
  put(stored, pointer, whole, true);
  b_.CreateBr(behind);
  b_.SetInsertPoint(other);
  b_.CreateCondBr(is_aligned(kPart), parts, plain);
  b_.SetInsertPoint(parts);
  Value* words =
      b_.CreateBitCast(stored, llvm::FixedVectorType::get(b_.getInt32Ty(), static_cast<unsigned>(bytes / 4)));
  for (uint64_t at = 0; at < bytes; at += kPart) {
    const int first = static_cast<int>(at / 4);
    Value* part = b_.CreateShuffleVector(words, llvm::ArrayRef<int>{first, first + 1, first + 2, first + 3});
    put(part, b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), pointer, at), kPart, true);
  }
  b_.CreateBr(behind);
  b_.SetInsertPoint(plain);
  put(stored, pointer, element, false);
  b_.CreateBr(behind);
  b_.SetInsertPoint(behind);
  known_.clear();
}

void Emitter::on(const Store& node) {
  known_.clear();
  const Expr& index = node.indices.at(0);
  if (node.atomic && current_.in_region) return emit_atomic(node);
  const int lanes = index.dtype().lanes;
  if (node.predicate && lanes == 1) {
    llvm::BasicBlock *then = block("then"), *behind = block("behind");
    b_.CreateCondBr(value(node.predicate), then, behind);
    b_.SetInsertPoint(then);
    store(*node.buffer, index, math_.to_memory(node.value.dtype(), value(node.value)), nullptr);
    b_.CreateBr(behind);
    b_.SetInsertPoint(behind);
    known_.clear();
    return;
  }
  Value* stored = math_.to_memory(node.value.dtype(), value(node.value));
  if (!store_column(node, stored))
    store(*node.buffer, index, stored, node.predicate ? value(node.predicate) : nullptr);
  known_.clear();
}

/// old = element; do new = f(old) while the element is no longer old.
void Emitter::emit_atomic(const Store& node) {
  const DType type = node.value.dtype();
  check_internal(type.is_scalar() && !node.predicate, "an atomic store of {} lanes", type.lanes);
  llvm::Type* element = math_.memory_type_of(type);
  llvm::Type* bits = b_.getIntNTy(static_cast<unsigned>(type.bytes() * 8));
  const llvm::Align align(static_cast<uint64_t>(type.bytes()));
  Value* pointer = address(*node.buffer, node.indices.at(0));
  auto* first = b_.CreateAlignedLoad(bits, pointer, align);
  first->setAtomic(llvm::AtomicOrdering::Monotonic);
  llvm::BasicBlock *before = b_.GetInsertBlock(), *again = block("again"), *behind = block("behind");
  b_.CreateBr(again);
  b_.SetInsertPoint(again);
  llvm::PHINode* old = b_.CreatePHI(bits, 2);
  old->addIncoming(first, before);
  known_.clear();
  // The element's own reads are what was seen of it.
  for_each_node(node.value.get(), [&](const Node* below) {
    const auto* load = as<Load>(below);
    if (load && load->buffer.same_as(node.buffer) &&
        structural_equal(load->indices.at(0), node.indices.at(0)))
      known_[load] = {Expr(load), math_.from_memory(type, b_.CreateBitCast(old, element))};
  });
  Value* fresh = b_.CreateBitCast(math_.to_memory(type, value(node.value)), bits);
  auto* exchange = b_.CreateAtomicCmpXchg(pointer, old, fresh, align, llvm::AtomicOrdering::Monotonic,
                                          llvm::AtomicOrdering::Monotonic);
  old->addIncoming(b_.CreateExtractValue(exchange, 0), b_.GetInsertBlock());
  b_.CreateCondBr(b_.CreateExtractValue(exchange, 1), behind, again);
  b_.SetInsertPoint(behind);
  known_.clear();
}

}  // namespace tw::codegen
