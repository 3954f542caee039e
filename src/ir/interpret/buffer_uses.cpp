#include "ir/interpret/buffer_uses.h"

#include <functional>

#include "support/error.h"

namespace tw::interpreter {
namespace {

/// Calls f on the statements directly below.
void for_each_child(const StmtNode* stmt, const std::function<void(const Stmt&)>& f) {
  auto visit = [&](const Stmt& child) {
    if (child) f(child);
  };
  switch (stmt->kind) {
    case Kind::kFor: return visit(static_cast<const For*>(stmt)->body);
    case Kind::kBlock:
      visit(static_cast<const Block*>(stmt)->init);
      return visit(static_cast<const Block*>(stmt)->body);
    case Kind::kIf:
      visit(static_cast<const If*>(stmt)->then_body);
      return visit(static_cast<const If*>(stmt)->else_body);
    case Kind::kLet: return visit(static_cast<const Let*>(stmt)->body);
    case Kind::kAllocate: return visit(static_cast<const Allocate*>(stmt)->body);
    case Kind::kAttr: return visit(static_cast<const Attr*>(stmt)->body);
    case Kind::kSeq:
      for (const Stmt& child : static_cast<const Seq*>(stmt)->stmts) visit(child);
      return;
    default: return;
  }
}

/// Walks statements only: expressions write nothing.
class UseFinder {
 public:
  BufferUses run(const Program& program) {
    for (const Param& param : program->params)
      if (param.buffer) uses_[param.buffer.get()];
    if (program->body) walk(program->body);
    return std::move(uses_);
  }

 private:
  void walk(const Stmt& stmt) {
    guard_.check();
    if (const auto* store = as<Store>(stmt)) write(store->buffer);
    if (const auto* copy = as<AsyncCopy>(stmt)) write(copy->to);
    if (const auto* call = as<TensorCall>(stmt)) write_operands(*call);
    if (const auto* allocate = as<Allocate>(stmt)) {
      BufferUse& use = uses_[allocate->buffer.get()];
      use.depth = is_collective(allocate->buffer->scope) && group_depth_ >= 0 ? group_depth_ : depth_;
      use.threads = threads_;
    }
    const auto* loop = as<For>(stmt);
    const int depth = depth_, group = group_depth_, threads = threads_;
    if (loop && is_concurrent(*loop)) {
      if (is_over_threads(*loop) && group_depth_ < 0) group_depth_ = depth_;
      threads_ += is_over_threads(*loop);
      ++depth_;
    }
    for_each_child(stmt.get(), [this](const Stmt& child) { walk(child); });
    depth_ = depth;
    group_depth_ = group;
    threads_ = threads;
  }
  void write(const Buffer& buffer) {
    BufferUse& use = uses_[buffer.get()];
    use.written = true;
    use.raced |= depth_ > use.depth;
    use.by_threads |= buffer->scope == Scope::kLocal && threads_ > use.threads;
  }
  void write_operands(const TensorCall& call) {
    const Program meaning = find_tensor_intrinsic(call.intrinsic);
    if (!meaning) return;  // the compiler says so
    const std::vector<bool> written = written_operands(meaning);
    for (std::size_t i = 0; i < call.operands.size() && i < written.size(); ++i)
      if (written[i]) write(call.operands[i].buffer);
  }

  StackGuard guard_;
  BufferUses uses_;
  int depth_ = 0;         // of concurrent loops
  int group_depth_ = -1;  // of the outermost loop over threads; -1: none
  int threads_ = 0;       // loops over threads
};

bool contains_synchronisation(const Stmt& stmt, const StackGuard& guard) {
  guard.check();
  if (as<Barrier>(stmt) || as<AsyncCopy>(stmt) || as<AsyncCommit>(stmt) || as<AsyncWait>(stmt)) return true;
  if (const auto* allocate = as<Allocate>(stmt))
    if (is_collective(allocate->buffer->scope)) return true;
  if (const auto* call = as<TensorCall>(stmt))
    for (const Region& operand : call->operands)
      if (operand.buffer->scope == Scope::kFragment) return true;
  bool found = false;
  for_each_child(stmt.get(),
                 [&](const Stmt& child) { found = found || contains_synchronisation(child, guard); });
  return found;
}

}  // namespace

bool is_concurrent(const For& loop) {
  return loop.loop_kind == LoopKind::kParallel || loop.loop_kind == LoopKind::kVectorized ||
         loop.loop_kind == LoopKind::kBound;
}

bool needs_coroutines(const Stmt& body) {
  return body && contains_synchronisation(body, StackGuard());
}

BufferUses find_buffer_uses(const Program& program) {
  return UseFinder().run(program);
}

std::vector<bool> written_operands(const Program& meaning) {
  const BufferUses uses = find_buffer_uses(meaning);
  std::vector<bool> written;
  for (const Param& param : meaning->params) {
    const auto use = uses.find(param.buffer.get());
    written.push_back(use != uses.end() && use->second.written);
  }
  return written;
}

const char* StackGuard::here() {
  return static_cast<const char*>(__builtin_frame_address(0));
}

void StackGuard::check() const {
  constexpr std::ptrdiff_t kMost = 3 << 20;  // of the 8 MiB that threads commonly have
  if (base_ - here() > kMost)
    raise_value("the program nests too deeply to be interpreted; split its expressions or statements");
}

}  // namespace tw::interpreter
