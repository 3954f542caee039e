#include "compiled.h"

#include <stdexcept>

#include <fmt/ranges.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Object/ObjectFile.h>

#include "codegen/llvm/machine_code.h"
#include "codegen/llvm/math.h"
#include "codegen/llvm/target_machine.h"

namespace tw::codegen::math_test {
namespace {

llvm::Type* type_of(llvm::LLVMContext& context, DType type) {
  if (type.is_bfloat()) return llvm::Type::getBFloatTy(context);
  if (type.is_half()) return llvm::Type::getHalfTy(context);
  return type.bits == 32 ? llvm::Type::getFloatTy(context) : llvm::Type::getDoubleTy(context);
}

/// for (i = 0; i < count; i += lanes) store op(load x + i, load y + i) at out + i
void emit_loop(llvm::Module& module, Intrinsic op, DType dtype, const Target& target, bool fast_math) {
  llvm::LLVMContext& context = module.getContext();
  llvm::IRBuilder<> at(context);
  llvm::Type *scalar = type_of(context, dtype), *pointer = at.getPtrTy(), *index = at.getInt64Ty();
  llvm::Type* type = dtype.is_scalar() ? scalar : llvm::FixedVectorType::get(scalar, dtype.lanes);
  auto* signature = llvm::FunctionType::get(at.getVoidTy(), {pointer, pointer, pointer, index}, false);
  auto* function = llvm::Function::Create(signature, llvm::Function::ExternalLinkage, "run", module);
  set_target(*function, target);
  for (unsigned i = 0; i < 3; ++i) function->addParamAttr(i, llvm::Attribute::NoAlias);
  auto* entry = llvm::BasicBlock::Create(context, "entry", function);
  auto* body = llvm::BasicBlock::Create(context, "body", function);
  auto* done = llvm::BasicBlock::Create(context, "done", function);
  at.SetInsertPoint(entry);
  llvm::Value* count = function->getArg(3);
  at.CreateCondBr(at.CreateICmpSGT(count, at.getInt64(0)), body, done);
  at.SetInsertPoint(body);
  llvm::PHINode* i = at.CreatePHI(index, 2);
  i->addIncoming(at.getInt64(0), entry);
  const llvm::Align align(static_cast<uint64_t>(dtype.element().bytes()));
  std::vector<llvm::Value*> args;
  for (int k = 0; k < info(op).arity; ++k)
    args.push_back(at.CreateAlignedLoad(type, at.CreateGEP(scalar, function->getArg(k), i), align));
  if (fast_math) at.setFastMathFlags(llvm::FastMathFlags::getFast());
  llvm::Value* result = emit_math(at, op, args, math_target(target));
  if (at.GetInsertBlock() != body) throw std::logic_error("emit_math made a block");
  at.CreateAlignedStore(result, at.CreateGEP(scalar, function->getArg(2), i), align);
  llvm::Value* next = at.CreateAdd(i, at.getInt64(dtype.lanes));
  i->addIncoming(next, body);
  at.CreateCondBr(at.CreateICmpSLT(next, count), body, done);
  at.SetInsertPoint(done);
  at.CreateRetVoid();
  if (llvm::verifyModule(module, &llvm::errs())) throw std::logic_error("invalid code");
}

std::string object_of(Intrinsic op, DType type, const Target& target, bool fast_math) {
  llvm::LLVMContext context;
  llvm::Module module("math", context);
  const auto machine = target_machine(target);
  emit_loop(module, op, type, target, fast_math);
  optimise(module, *machine);
  return object_code(module, *machine);
}

std::vector<std::string> undefined_symbols(const std::string& object) {
  const auto file = llvm::cantFail(
      llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "math")), "an object file");
  std::vector<std::string> names;
  for (const auto& symbol : file->symbols()) {
    const std::string name = llvm::cantFail(symbol.getName()).str();
    if (llvm::cantFail(symbol.getFlags()) & llvm::object::SymbolRef::SF_Undefined && !name.empty())
      names.push_back(name);
  }
  return names;
}

}  // namespace

const Target& this_machine() {
  static const Target target = parse_target("llvm");
  return target;
}

const Target& this_machine_without_fma() {
  static const Target target =
      parse_target(this_machine().is_aarch64() ? "llvm -mcpu=generic" : "llvm -mcpu=x86-64");
  return target;
}

Compiled::Compiled(Intrinsic op, DType type, const Target& target, bool fast_math) {
  const std::string object = object_of(op, type, target, fast_math);
  if (const auto missing = undefined_symbols(object); !missing.empty())
    throw std::runtime_error(fmt::format("{} calls {}", info(op).text, missing));
  code_ = load_object(object);
  function_ = reinterpret_cast<decltype(function_)>(code_->address("run"));
}

std::vector<std::string> calls(Intrinsic op, DType type, const Target& target) {
  return undefined_symbols(object_of(op, type, target, false));
}

}  // namespace tw::codegen::math_test
