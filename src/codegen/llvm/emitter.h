// One pass over a flat program that writes LLVM instructions.
//
// Values are SSA from the start; buffers of constant size that fit on the stack are allocas, which LLVM's
// scalar replacement turns into registers where subscripts are constants: a register tile is nothing else.
// Larger ones come from the worker's arena. A parallel loop becomes a function of its own and a closure of
// what it uses.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/IR/Module.h>

#include "codegen/llvm/arithmetic.h"
#include "codegen/llvm/transposes.h"
#include "ir/context.h"
#include "ir/visit.h"

namespace tw::codegen {

class Emitter : Visitor {
 public:
  Emitter(llvm::Module& module, const Target& target);

  /// int32_t run(void* const* buffers, const int64_t* scalars, tw_worker* worker).
  llvm::Function* emit_kernel(const Program& flat);
  /// void extents(const int64_t* scalars, int64_t* extents): of all buffers of the program; -1 for one that
  /// leaves 64 bits.
  llvm::Function* emit_extents(const Program& program);

 private:
  using Visitor::on;

  // Statements.
  void emit(const Stmt& stmt);
  void on(const For& node) override;
  void on(const Seq& node) override;
  void on(const Store& node) override;
  void on(const If& node) override;
  void on(const Let& node) override;
  void on(const Allocate& node) override;
  void on(const Assert& node) override;
  void on(const Attr& node) override;
  void on(const Prefetch& node) override;
  void on(const AsyncCopy& node) override;
  void on(const AsyncCommit& node) override;
  void on(const AsyncWait& node) override;
  void on(const Barrier& node) override;
  void on(const Block& node) override;
  void on(const TensorCall& node) override;
  void emit_serial(const For& node);
  void emit_parallel(const For& node);
  /// The turns begin <= i < end of a loop, counted upwards; the builder stands behind it then.
  void emit_turns(const For& node, llvm::Value* begin, llvm::Value* end, bool runs);
  void emit_workspace(const Allocate& node, llvm::Value* elements);
  void emit_atomic(const Store& node);

  // Expressions.
  llvm::Value* value(const Expr& e);
  llvm::Value* new_value(const Expr& e);
  llvm::Value* value_of(const Binary& node);
  llvm::Value* value_of(const Select& node);
  llvm::Value* value_of(const Load& node);
  llvm::Value* value_of(const Ramp& node);
  /// Notes in overflow_ what leaves 64 bits.
  llvm::Value* checked_arithmetic(const Binary& node);
  /// Which lanes of base, base + 1, … are below a limit, from one comparison of 32 bits a lane.
  llvm::Value* lanes_below(const Ramp& ramp, llvm::Value* limit, bool inclusive);
  /// The value while only lanes that `cond` names may read memory.
  llvm::Value* value_under(llvm::Value* cond, const Expr& e);
  /// An index as a sum of terms in the order of the loops that they change with, so that what an outer loop
  /// fixes is added up outside; the constant is given apart.
  llvm::Value* index_value(const Expr& e, int64_t& constant);
  std::size_t depth_of(const Expr& e) const;

  // Memory.
  struct Place {
    llvm::Value* pointer = nullptr;
    llvm::MDNode *scope = nullptr, *others = nullptr;  // it overlaps none of the others
  };
  void declare_buffers(const Program& flat);
  llvm::Value* address(const BufferNode& buffer, const Expr& index);
  llvm::Value* load(const BufferNode& buffer, const Expr& index, llvm::Value* mask);
  llvm::Value* nowhere();
  void store(const BufferNode& buffer, const Expr& index, llvm::Value* value, llvm::Value* mask);
  llvm::Value* load_register(const Region& operand, const std::vector<int64_t>& elements, llvm::Type* type);
  /// An access of the buffer, with what is known of it: it touches none of the others.
  template <class Instruction>
  Instruction* annotated(Instruction* access, const BufferNode& buffer) {
    const Place& place = places_.at(&buffer);
    access->setMetadata(llvm::LLVMContext::MD_alias_scope, place.scope);
    access->setMetadata(llvm::LLVMContext::MD_noalias, place.others);
    return access;
  }
  /// Columns whose loads or stores become rows (transposes.h), while their statements are written.
  struct ColumnGroup {
    Columns columns;
    std::vector<llvm::Value*> values;  // by column; of loads: empty until the first of them
    std::size_t stored = 0;
  };
  llvm::Value* column(const Load& node);
  bool store_column(const Store& node, llvm::Value* value);
  /// Calls f(row, its address, its mask or null) for each row.
  template <class F>
  void for_each_row(const Columns& columns, F&& f);
  void stream(const BufferNode& buffer, llvm::Value* pointer, llvm::Value* stored);
  /// The lanes that may read: `predicate` and what selects around say; null: all.
  llvm::Value* mask_of(const Expr& predicate, int lanes, const BufferNode& buffer, const Expr& index);
  bool is_inside(const BufferNode& buffer, const Expr& index) const;

  // The function that is being written.
  struct Function {
    llvm::Function* function = nullptr;
    llvm::Value* worker = nullptr;
    llvm::BasicBlock* exit = nullptr;
    llvm::PHINode* status = nullptr;
    llvm::Value* nowhere = nullptr;  // readable bytes for loads that must not happen
    bool in_region = false;
  };
  llvm::Function* begin_function(const std::string& name, llvm::FunctionType* type, Function& state);
  void end_function();
  void leave(llvm::Value* status);                            // with this status, from a block of its own
  void leave_unless(llvm::Value* fine, llvm::Value* status);  // go on where it is fine
  /// Calls what a field of tw_worker points at; `field`: where the field begins, the same on every target.
  llvm::Value* call_worker(std::size_t field, llvm::FunctionType* type, std::vector<llvm::Value*> args);
  llvm::AllocaInst* alloca_at_entry(llvm::Type* type, int64_t count, int64_t alignment);
  llvm::BasicBlock* block(const char* name);

  llvm::Module& module_;
  llvm::LLVMContext& llvm_;
  const Target& target_;
  llvm::IRBuilder<> b_;
  Arithmetic math_;
  Function current_;
  Context context_;
  int64_t stack_bytes_ = 0;          // of allocas of the current function
  bool streaming_ = false;           // stores go past the caches
  llvm::Value* overflow_ = nullptr;  // of index arithmetic, where that is asked: whether it happened
  bool has_streamed_ = false;        // some of the current function
  llvm::Value* guard_ = nullptr;     // the lanes that selects around let read; null: all
  std::unordered_map<const Variable*, llvm::Value*> vars_;
  std::unordered_map<const Variable*, std::size_t> depths_;
  std::size_t depth_ = 0;
  std::unordered_map<const BufferNode*, Place> places_;
  std::unordered_map<const Node*, std::pair<std::shared_ptr<ColumnGroup>, std::size_t>> columns_;
  struct Known {
    Expr kept;  // so that no other expression takes its address
    llvm::Value* value;
  };
  std::unordered_map<const ExprNode*, Known> known_;  // within one statement
};

}  // namespace tw::codegen
