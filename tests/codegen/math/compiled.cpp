#include "compiled.h"

#include <stdexcept>

#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/SubtargetFeature.h>

#include "codegen/llvm/math.h"

namespace tw::codegen::math_test {
namespace {

void initialise() {
  static const bool done = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    return true;
  }();
  (void)done;
}

llvm::Type* type_of(llvm::LLVMContext& context, Format format) {
  switch (format) {
    case Format::kHalf: return llvm::Type::getHalfTy(context);
    case Format::kBfloat: return llvm::Type::getBFloatTy(context);
    case Format::kFloat: return llvm::Type::getFloatTy(context);
    case Format::kDouble: return llvm::Type::getDoubleTy(context);
  }
  throw std::logic_error("a format");
}

std::unique_ptr<llvm::TargetMachine> target_machine(const Machine& machine) {
  initialise();
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(machine.triple, error);
  if (!target) throw std::runtime_error(error);
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(machine.triple, machine.cpu, machine.features, {}, llvm::Reloc::PIC_));
}

/// for (i = 0; i < count; i += lanes) store op(load x + i, load y + i) at out + i
std::unique_ptr<llvm::Module> loop(llvm::LLVMContext& context, llvm::TargetMachine& target, Intrinsic op,
                                   Format format, int lanes, const MathTarget& math, bool fast_math) {
  auto module = std::make_unique<llvm::Module>("math", context);
  module->setTargetTriple(target.getTargetTriple().str());
  module->setDataLayout(target.createDataLayout());
  llvm::IRBuilder<> at(context);
  llvm::Type *scalar = type_of(context, format), *pointer = at.getPtrTy(), *index = at.getInt64Ty();
  llvm::Type* type = lanes == 1 ? scalar : llvm::FixedVectorType::get(scalar, lanes);
  auto* signature = llvm::FunctionType::get(at.getVoidTy(), {pointer, pointer, pointer, index}, false);
  auto* function = llvm::Function::Create(signature, llvm::Function::ExternalLinkage, "run", *module);
  // The attribute keeps the JIT's and the object's code for the machine asked for.
  function->addFnAttr("target-cpu", target.getTargetCPU());
  function->addFnAttr("target-features", target.getTargetFeatureString());
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
  const llvm::Align align(size_of(format));
  std::vector<llvm::Value*> args;
  for (int k = 0; k < info(op).arity; ++k)
    args.push_back(at.CreateAlignedLoad(type, at.CreateGEP(scalar, function->getArg(k), i), align));
  if (fast_math) at.setFastMathFlags(llvm::FastMathFlags::getFast());
  llvm::Value* result = emit_math(at, op, args, math);
  if (at.GetInsertBlock() != body) throw std::logic_error("emit_math made a block");
  at.CreateAlignedStore(result, at.CreateGEP(scalar, function->getArg(2), i), align);
  llvm::Value* next = at.CreateAdd(i, at.getInt64(lanes));
  i->addIncoming(next, body);
  at.CreateCondBr(at.CreateICmpSLT(next, count), body, done);
  at.SetInsertPoint(done);
  at.CreateRetVoid();
  if (llvm::verifyModule(*module, &llvm::errs())) throw std::logic_error("invalid code");

  llvm::PassBuilder passes(&target);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  passes.registerModuleAnalyses(modules);
  passes.registerCGSCCAnalyses(calls);
  passes.registerFunctionAnalyses(functions);
  passes.registerLoopAnalyses(loops);
  passes.crossRegisterProxies(loops, functions, calls, modules);
  passes.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(*module, modules);
  return module;
}

llvm::SmallVector<char, 0> object_code(Intrinsic op, Format format, int lanes, const Machine& machine,
                                       bool fast_math) {
  llvm::LLVMContext context;
  auto target = target_machine(machine);
  auto module = loop(context, *target, op, format, lanes, machine.math, fast_math);
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (target->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    throw std::runtime_error("no object files for " + machine.triple);
  passes.run(*module);
  return bytes;
}

template <class T>
T value_of(llvm::Expected<T> expected) {
  if (!expected) throw std::runtime_error(llvm::toString(expected.takeError()));
  return std::move(*expected);
}
void succeed(llvm::Error error) {
  if (error) throw std::runtime_error(llvm::toString(std::move(error)));
}

}  // namespace

int size_of(Format format) {
  return format == Format::kDouble ? 8 : format == Format::kFloat ? 4 : 2;
}

Machine this_machine() {
  llvm::SubtargetFeatures features;
  const auto host = llvm::sys::getHostCPUFeatures();
  for (const auto& feature : host) features.AddFeature(feature.first(), feature.second);
  const bool is_x86 = llvm::Triple(llvm::sys::getProcessTriple()).isX86();
  return {llvm::sys::getProcessTriple(),
          llvm::sys::getHostCPUName().str(),
          features.getString(),
          {!is_x86 || host.lookup("fma"), host.lookup("avx512f") && host.lookup("avx512vl")}};
}

Machine this_machine_without_fma() {
  const bool is_x86 = llvm::Triple(llvm::sys::getProcessTriple()).isX86();
  return {llvm::sys::getProcessTriple(), is_x86 ? "x86-64" : "generic", "", {}};
}

struct Compiled::Jit {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

Compiled::Compiled(Intrinsic op, Format format, int lanes, const Machine& machine, bool fast_math)
    : jit_(std::make_unique<Jit>()) {
  auto bytes = object_code(op, format, lanes, machine, fast_math);
  jit_->jit = value_of(llvm::orc::LLJITBuilder()
                           .setLinkProcessSymbolsByDefault(false)
                           .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                           .create());
  succeed(jit_->jit->addObjectFile(
      std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(bytes), "math", false)));
  function_ = value_of(jit_->jit->lookup("run")).toPtr<void(const void*, const void*, void*, int64_t)>();
}

Compiled::~Compiled() = default;

std::vector<std::string> calls(Intrinsic op, Format format, int lanes, const Machine& machine) {
  auto bytes = object_code(op, format, lanes, machine, false);
  llvm::MemoryBufferRef buffer({bytes.data(), bytes.size()}, "math");
  auto object = value_of(llvm::object::ObjectFile::createObjectFile(buffer));
  std::vector<std::string> names;
  for (const auto& symbol : object->symbols()) {
    const std::string name = value_of(symbol.getName()).str();
    if (value_of(symbol.getFlags()) & llvm::object::SymbolRef::SF_Undefined && !name.empty())
      names.push_back(name);
  }
  return names;
}

}  // namespace tw::codegen::math_test
