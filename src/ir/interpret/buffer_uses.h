// Which buffers several turns of concurrent loops may meet in.
#pragma once

#include <unordered_map>

#include "ir/program.h"

namespace tw::interpreter {

/// What the statements of a program do with a buffer.
struct BufferUse {
  int depth = 0;       // concurrent loops around its allocation: 0 for parameters
  bool raced = false;  // written under a concurrent loop that its allocation is not in
  bool written = false;
  int threads = 0;          // loops over threads around its allocation
  bool by_threads = false;  // local memory, written under a loop over threads that its allocation is not in
};

using BufferUses = std::unordered_map<const BufferNode*, BufferUse>;

/// Whether a loop is bound to a thread index.
inline bool is_over_threads(const For& loop) {
  return loop.loop_kind == LoopKind::kBound && is_thread(loop.gpu_index);
}

/// Turns of parallel, vectorised and bound loops may run at once.
bool is_concurrent(const For& loop);

/// Whether memory of a scope belongs to all threads of a group or warp although a thread allocates it.
inline bool is_collective(Scope scope) {
  return scope == Scope::kShared || scope == Scope::kFragment;
}

/// Whether threads must stop half-way: a barrier, a copy that is waited for, or what threads hold together.
bool needs_coroutines(const Stmt& body);

BufferUses find_buffer_uses(const Program& program);

/// Which parameters of a tensor intrinsic's meaning are written.
std::vector<bool> written_operands(const Program& meaning);

/// Raises a value error when the caller's recursion has used up the stack that it may use.
class StackGuard {
 public:
  StackGuard() : base_(here()) {}
  void check() const;

 private:
  static const char* here();
  const char* base_;
};

}  // namespace tw::interpreter
