// Functions, loops, conditions, allocations. Expressions and memory: emit_values.cpp.
#include "codegen/llvm/emitter.h"

#include <cstddef>
#include <set>

#include "codegen/llvm/target_machine.h"
#include "runtime/core/kernel.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using llvm::Value;

constexpr int64_t kStackBytes = 32 << 10;  // of one function
constexpr int64_t kAlignment = 64;
constexpr int64_t kWidestVector = 256;  // bytes of one that schedules are likely to write

/// What a statement uses that is made outside of it.
struct Captured {
  std::vector<Var> vars;
  std::vector<const BufferNode*> buffers;
};

Captured captured_by(const Stmt& stmt) {
  Captured captured{free_vars(stmt), {}};
  std::set<const BufferNode*> own, seen;
  for_each_node(stmt, [&](const Node* node) {
    if (const auto* allocate = as<Allocate>(node)) own.insert(allocate->buffer.get());
  });
  const auto use = [&](const Buffer& buffer) {
    if (!own.count(buffer.get()) && seen.insert(buffer.get()).second)
      captured.buffers.push_back(buffer.get());
  };
  for_each_node(stmt, [&](const Node* node) {
    if (const auto* load = as<Load>(node)) use(load->buffer);
    if (const auto* store = as<Store>(node)) use(store->buffer);
    if (const auto* prefetch = as<Prefetch>(node)) use(prefetch->buffer);
    if (const auto* copy = as<AsyncCopy>(node)) use(copy->from), use(copy->to);
    if (const auto* call = as<TensorCall>(node))
      for (const Region& operand : call->operands) use(operand.buffer);
  });
  return captured;
}

}  // namespace

Emitter::Emitter(llvm::Module& module, const Target& target)
    : module_(module), llvm_(module.getContext()), target_(target), b_(llvm_), math_(b_, target) {}

llvm::BasicBlock* Emitter::block(const char* name) {
  return llvm::BasicBlock::Create(llvm_, name, current_.function);
}

llvm::Function* Emitter::begin_function(const std::string& name, llvm::FunctionType* type, Function& state) {
  state.function = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, module_);
  state.function->addFnAttr(llvm::Attribute::NoUnwind);
  set_target(*state.function, target_);
  for (llvm::Argument& argument : state.function->args())
    if (argument.getType()->isPointerTy()) argument.addAttr(llvm::Attribute::NoAlias);
  b_.SetInsertPoint(llvm::BasicBlock::Create(llvm_, "entry", state.function));
  if (type->getReturnType()->isVoidTy()) return state.function;
  state.exit = llvm::BasicBlock::Create(llvm_, "exit", state.function);
  state.status = llvm::PHINode::Create(b_.getInt32Ty(), 2, "status", state.exit);
  llvm::ReturnInst::Create(llvm_, state.status, state.exit);
  return state.function;
}

void Emitter::end_function() {
  // Stores past the caches are seen in no order by other threads until a fence.
  if (std::exchange(has_streamed_, false)) b_.CreateFence(llvm::AtomicOrdering::SequentiallyConsistent);
  leave(b_.getInt32(TW_OK));
  current_.exit->moveAfter(&current_.function->back());
}

void Emitter::leave(Value* status) {
  current_.status->addIncoming(status, b_.GetInsertBlock());
  b_.CreateBr(current_.exit);
}

void Emitter::leave_unless(Value* fine, Value* status) {
  llvm::BasicBlock* next = block("go_on");
  current_.status->addIncoming(status, b_.GetInsertBlock());
  b_.CreateCondBr(fine, next, current_.exit, llvm::MDBuilder(llvm_).createBranchWeights(1 << 20, 1));
  b_.SetInsertPoint(next);
}

Value* Emitter::call_worker(std::size_t field, llvm::FunctionType* type, std::vector<Value*> args) {
  Value* entry = b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), current_.worker, field);
  args.insert(args.begin(), current_.worker);
  return b_.CreateCall(type, b_.CreateLoad(b_.getPtrTy(), entry), args);
}

llvm::AllocaInst* Emitter::alloca_at_entry(llvm::Type* type, int64_t count, int64_t alignment) {
  llvm::BasicBlock& entry = current_.function->getEntryBlock();
  llvm::IRBuilder<> at_entry(&entry, entry.getFirstInsertionPt());
  auto* made = at_entry.CreateAlloca(llvm::ArrayType::get(type, static_cast<uint64_t>(count)));
  made->setAlignment(llvm::Align(static_cast<uint64_t>(alignment)));
  return made;
}

llvm::Function* Emitter::emit_kernel(const Program& flat) {
  declare_buffers(flat);
  auto* type = llvm::FunctionType::get(b_.getInt32Ty(), {b_.getPtrTy(), b_.getPtrTy(), b_.getPtrTy()}, false);
  current_ = {};
  llvm::Function* kernel = begin_function("run", type, current_);
  current_.worker = kernel->getArg(2);
  int64_t buffers = 0, scalars = 0;
  for (const Param& param : flat->params) {
    if (param.is_buffer()) {
      Value* entry = b_.CreateConstInBoundsGEP1_64(b_.getPtrTy(), kernel->getArg(0), buffers++);
      places_[param.buffer.get()].pointer = b_.CreateLoad(b_.getPtrTy(), entry, param.buffer->name.text);
    } else {
      Value* entry = b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), kernel->getArg(1), scalars++);
      vars_[as<Variable>(param.var)] = b_.CreateLoad(b_.getInt64Ty(), entry, param.var->name.text);
    }
  }
  emit(flat->body);
  end_function();
  return kernel;
}

llvm::Function* Emitter::emit_extents(const Program& program) {
  auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), b_.getPtrTy()}, false);
  current_ = {};
  llvm::Function* extents = begin_function("extents", type, current_);
  int64_t scalars = 0, written = 0;
  for (const Param& param : program->params) {
    if (param.is_buffer()) continue;
    Value* entry = b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), extents->getArg(0), scalars++);
    vars_[as<Variable>(param.var)] = b_.CreateLoad(b_.getInt64Ty(), entry, param.var->name.text);
  }
  for (const Param& param : program->params) {
    if (!param.is_buffer()) continue;
    for (const Expr& extent : param.buffer->shape) {
      known_.clear();
      overflow_ = b_.getFalse();
      Value* length = value(extent);
      b_.CreateStore(b_.CreateSelect(overflow_, b_.getInt64(~uint64_t{0}), length),
                     b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), extents->getArg(1), written++));
    }
  }
  b_.CreateRetVoid();
  return extents;
}

void Emitter::emit(const Stmt& stmt) {
  visit(stmt);
}

void Emitter::on(const For& node) {
  if (node.loop_kind == LoopKind::kBound)
    raise_unsupported(
        "loop {} is bound to {}: target llvm has no such index; build it for a GPU, or use parallel "
        "and vectorize",
        node.var->name.text, to_string(node.gpu_index));
  check_internal(node.loop_kind == LoopKind::kSerial || node.loop_kind == LoopKind::kParallel,
                 "loop {} is {} in a flat program", node.var->name.text, to_string(node.loop_kind));
  known_.clear();
  const ContextScope scope(context_);
  if (node.loop_kind == LoopKind::kParallel && !current_.in_region && as_int(node.extent) != 1)
    emit_parallel(node);
  else
    emit_serial(node);
}

void Emitter::emit_serial(const For& node) {
  Value* extent = value(node.extent);
  const bool runs = prove(lt(Expr(0), node.extent), context_);
  context_.bind(node.var, 0, node.extent);
  emit_turns(node, b_.getInt64(0), extent, runs);
}

void Emitter::emit_turns(const For& node, Value* begin, Value* end, bool runs) {
  llvm::BasicBlock *body = block("loop"), *behind = block("behind");
  if (runs)
    b_.CreateBr(body);
  else
    b_.CreateCondBr(b_.CreateICmpSLT(begin, end), body, behind);
  llvm::BasicBlock* before = b_.GetInsertBlock();
  b_.SetInsertPoint(body);
  llvm::PHINode* turn = b_.CreatePHI(b_.getInt64Ty(), 2, node.var->name.text);
  turn->addIncoming(begin, before);
  vars_[as<Variable>(node.var)] = turn;
  depths_[as<Variable>(node.var)] = ++depth_;
  known_.clear();
  emit(node.body);
  --depth_;
  known_.clear();
  Value* next = b_.CreateAdd(turn, b_.getInt64(1), "", true, true);
  turn->addIncoming(next, b_.GetInsertBlock());
  b_.CreateCondBr(b_.CreateICmpSLT(next, end), body, behind);
  b_.SetInsertPoint(behind);
}

void Emitter::emit_parallel(const For& node) {
  Value* extent = value(node.extent);
  context_.bind(node.var, 0, node.extent);
  Captured captured = captured_by(node.body);
  std::erase_if(captured.vars, [&](const Var& var) { return var.same_as(node.var); });

  std::vector<Value*> values;
  for (const Var& var : captured.vars) values.push_back(vars_.at(as<Variable>(var)));
  for (const BufferNode* buffer : captured.buffers) values.push_back(places_.at(buffer).pointer);
  std::vector<llvm::Type*> types;
  for (Value* v : values) types.push_back(v->getType());
  auto* closure_type = llvm::StructType::get(llvm_, types);
  llvm::AllocaInst* closure = alloca_at_entry(closure_type, 1, kAlignment);
  for (std::size_t i = 0; i < values.size(); ++i)
    b_.CreateStore(values[i], b_.CreateStructGEP(closure_type, closure, static_cast<unsigned>(i)));

  // The region's own function.
  auto* body_type = llvm::FunctionType::get(
      b_.getInt32Ty(), {b_.getPtrTy(), b_.getInt64Ty(), b_.getInt64Ty(), b_.getPtrTy()}, false);
  const Function outer = current_;
  const auto outer_vars = vars_;
  const auto outer_places = places_;
  const int64_t outer_stack = std::exchange(stack_bytes_, 0);
  const auto outer_point = b_.saveIP();
  current_ = {};
  current_.in_region = true;
  llvm::Function* body = begin_function("region_" + node.var->name.text, body_type, current_);
  current_.worker = body->getArg(3);
  for (std::size_t i = 0; i < values.size(); ++i) {
    Value* field = b_.CreateStructGEP(closure_type, body->getArg(0), static_cast<unsigned>(i));
    auto* loaded = b_.CreateLoad(types[i], field, values[i]->getName());
    loaded->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(llvm_, {}));
    if (i < captured.vars.size())
      vars_[as<Variable>(captured.vars[i])] = loaded;
    else
      places_[captured.buffers[i - captured.vars.size()]].pointer = loaded;
  }
  emit_turns(node, body->getArg(1), body->getArg(2), true);
  end_function();
  current_ = outer;
  vars_ = outer_vars;
  places_ = outer_places;
  stack_bytes_ = outer_stack;
  b_.restoreIP(outer_point);

  auto* type = llvm::FunctionType::get(b_.getInt32Ty(),
                                       {b_.getPtrTy(), b_.getPtrTy(), b_.getPtrTy(), b_.getInt64Ty()}, false);
  Value* status = call_worker(offsetof(tw_worker, parallel), type, {body, closure, extent});
  leave_unless(b_.CreateICmpEQ(status, b_.getInt32(TW_OK)), status);
}

void Emitter::on(const If& node) {
  known_.clear();
  Value* cond = value(node.cond);
  llvm::BasicBlock *then = block("then"), *behind = block("behind");
  llvm::BasicBlock* otherwise = node.else_body ? block("else") : behind;
  b_.CreateCondBr(cond, then, otherwise);
  const auto branch = [&](llvm::BasicBlock* place, const Expr& holds, const Stmt& body) {
    const ContextScope scope(context_);
    if (!contains<Load>(holds.get())) context_.assume(holds);  // memory may change
    b_.SetInsertPoint(place);
    known_.clear();
    emit(body);
    known_.clear();
    b_.CreateBr(behind);
  };
  branch(then, node.cond, node.then_body);
  if (node.else_body) branch(otherwise, logical_not(node.cond), node.else_body);
  b_.SetInsertPoint(behind);
}

void Emitter::on(const Let& node) {
  known_.clear();
  vars_[as<Variable>(node.var)] = value(node.value);
  depths_[as<Variable>(node.var)] = depth_;
  known_.clear();
  emit(node.body);
}

void Emitter::on(const Allocate& node) {
  known_.clear();
  const BufferNode& buffer = *node.buffer;
  if (buffer.scope == Scope::kFragment || buffer.scope == Scope::kShared)
    raise_unsupported("buffer {} has scope {}, which target llvm does not have; use local or global",
                      buffer.name.text, to_string(buffer.scope));
  Expr elements(1);
  for (const Expr& extent : buffer.shape) elements = elements * extent;
  llvm::Type* type = math_.memory_type_of(buffer.dtype);
  const auto count = as_int(elements);
  const int64_t room = kStackBytes - stack_bytes_;
  if (!count || *count > (room - kWidestVector) / buffer.dtype.bytes())
    return emit_workspace(node, value(elements));
  // A vector may begin at the last element, its other lanes masked: LLVM takes what lies outside for
  // undefined nevertheless.
  const int64_t bytes = *count * buffer.dtype.bytes() + kWidestVector;
  stack_bytes_ += bytes;
  llvm::AllocaInst* memory = alloca_at_entry(type, bytes / buffer.dtype.bytes(), kAlignment);
  memory->setName(buffer.name.text);
  places_[node.buffer.get()].pointer = memory;
  auto* size = b_.getInt64(static_cast<uint64_t>(bytes));
  b_.CreateLifetimeStart(memory, size);
  emit(node.body);
  b_.CreateLifetimeEnd(memory, size);
  stack_bytes_ -= bytes;
}

void Emitter::emit_workspace(const Allocate& node, Value* elements) {
  const BufferNode& buffer = *node.buffer;
  Value* bytes =
      b_.CreateMul(elements, b_.getInt64(static_cast<uint64_t>(buffer.dtype.bytes())), "", true, true);
  auto* allocate = llvm::FunctionType::get(b_.getPtrTy(), {b_.getPtrTy(), b_.getInt64Ty()}, false);
  auto* memory = llvm::cast<llvm::CallInst>(call_worker(offsetof(tw_worker, allocate), allocate, {bytes}));
  memory->setName(buffer.name.text);
  memory->addRetAttr(llvm::Attribute::NoAlias);
  memory->addRetAttr(llvm::Attribute::getWithAlignment(llvm_, llvm::Align(kAlignment)));
  leave_unless(b_.CreateIsNotNull(memory), b_.getInt32(TW_NO_MEMORY));
  places_[node.buffer.get()].pointer = memory;
  emit(node.body);
  auto* release = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), b_.getPtrTy()}, false);
  call_worker(offsetof(tw_worker, release), release, {memory});
}

void Emitter::on(const Assert& node) {
  known_.clear();
  Value* cond = value(node.cond);
  if (!node.cond.dtype().is_scalar()) cond = b_.CreateAndReduce(cond);
  llvm::BasicBlock *fails = block("fails"), *next = block("go_on");
  b_.CreateCondBr(cond, next, fails, llvm::MDBuilder(llvm_).createBranchWeights(1 << 20, 1));
  b_.SetInsertPoint(fails);
  auto* type =
      llvm::FunctionType::get(b_.getInt32Ty(), {b_.getPtrTy(), b_.getInt32Ty(), b_.getPtrTy()}, false);
  Value* status = b_.getInt32(node.assert_kind == AssertKind::kIndex ? TW_BAD_INDEX : TW_FAILED);
  leave(call_worker(offsetof(tw_worker, fail), type, {status, b_.CreateGlobalString(node.message)}));
  b_.SetInsertPoint(next);
  if (node.cond.dtype().is_scalar() && !contains<Load>(node.cond.get())) context_.assume(node.cond);
}

void Emitter::on(const Attr& node) {
  const bool outer = streaming_;
  if (node.key == "streaming_stores") streaming_ = true;
  emit(node.body);
  streaming_ = outer;
}

void Emitter::on(const Prefetch& node) {
  known_.clear();
  b_.CreateIntrinsic(llvm::Intrinsic::prefetch, {b_.getPtrTy()},
                     {address(*node.buffer, node.indices.at(0)), b_.getInt32(node.write),
                      b_.getInt32(static_cast<uint32_t>(node.locality)), b_.getInt32(1)});
}

/// A CPU has no engine for it: the copy happens at once, and what waits for it has nothing to wait for.
void Emitter::on(const AsyncCopy& node) {
  known_.clear();
  const auto bytes = static_cast<uint64_t>(node.count * node.to->dtype.bytes());
  const auto align = llvm::MaybeAlign(static_cast<uint64_t>(node.to->dtype.bytes()));
  b_.CreateMemCpy(address(*node.to, node.to_indices.at(0)), align,
                  address(*node.from, node.from_indices.at(0)), align, bytes);
}
void Emitter::on(const AsyncCommit&) {}
void Emitter::on(const AsyncWait&) {}

void Emitter::on(const Barrier&) {
  raise_unsupported(
      "target llvm has no barrier between the threads of a block; the schedule is one for GPUs");
}
void Emitter::on(const Block& node) {
  raise_internal("block {} stands in a flat program", node.name.text);
}
}  // namespace tw::codegen
