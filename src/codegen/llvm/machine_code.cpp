#include "codegen/llvm/machine_code.h"

#include <algorithm>

#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/CodeGen/MachineFrameInfo.h>
#include <llvm/CodeGen/MachineFunctionPass.h>
#include <llvm/CodeGen/MachineLoopInfo.h>
#include <llvm/CodeGen/MachineModuleInfo.h>
#include <llvm/CodeGen/Passes.h>
#include <llvm/CodeGen/PseudoSourceValue.h>
#include <llvm/CodeGen/TargetInstrInfo.h>
#include <llvm/CodeGen/TargetPassConfig.h>
#include <llvm/CodeGen/TargetSubtargetInfo.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/ADCE.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>

#include "support/error.h"

namespace tw::codegen {
namespace {

/// Counts spills and registers of finished machine code.
class RegisterUse : public llvm::MachineFunctionPass {
 public:
  static char ID;
  explicit RegisterUse(BuildStats& stats) : MachineFunctionPass(ID), stats_(stats) {}

  void getAnalysisUsage(llvm::AnalysisUsage& usage) const override {
    usage.addRequired<llvm::MachineLoopInfoWrapperPass>();
    usage.setPreservesAll();
    MachineFunctionPass::getAnalysisUsage(usage);
  }

  bool runOnMachineFunction(llvm::MachineFunction& function) override {
    const auto& loops = getAnalysis<llvm::MachineLoopInfoWrapperPass>().getLI();
    const llvm::TargetInstrInfo& instructions = *function.getSubtarget().getInstrInfo();
    for (const llvm::MachineBasicBlock& block : function) {
      const llvm::MachineLoop* loop = loops.getLoopFor(&block);
      const bool innermost = loop && loop->isInnermost();
      for (const llvm::MachineInstr& instruction : block)
        if (is_spill(function, instructions, instruction))
          ++(innermost ? stats_.spills : stats_.spills_outside);
    }
    count_registers(function);
    return false;
  }

 private:
  static bool is_spill(const llvm::MachineFunction& function, const llvm::TargetInstrInfo& instructions,
                       const llvm::MachineInstr& instruction) {
    // What a function saves for its caller is no spill.
    if (instruction.getFlag(llvm::MachineInstr::FrameSetup) ||
        instruction.getFlag(llvm::MachineInstr::FrameDestroy))
      return false;
    llvm::SmallVector<const llvm::MachineMemOperand*, 2> accesses;
    instructions.hasLoadFromStackSlot(instruction, accesses);
    instructions.hasStoreToStackSlot(instruction, accesses);
    return std::any_of(accesses.begin(), accesses.end(), [&](const llvm::MachineMemOperand* access) {
      const auto* slot = llvm::dyn_cast_or_null<llvm::FixedStackPseudoSourceValue>(access->getPseudoValue());
      return slot && function.getFrameInfo().isSpillSlotObjectIndex(slot->getFrameIndex());
    });
  }

  void count_registers(const llvm::MachineFunction& function) {
    const llvm::TargetRegisterInfo& registers = *function.getSubtarget().getRegisterInfo();
    std::vector<bool> used(64, false);
    for (const llvm::MachineBasicBlock& block : function)
      for (const llvm::MachineInstr& instruction : block)
        for (const llvm::MachineOperand& operand : instruction.operands()) {
          if (!operand.isReg() || !operand.getReg().isPhysical()) continue;
          const llvm::StringRef name = registers.getName(operand.getReg());
          llvm::StringRef digits = name;
          const bool vector = digits.consume_front("ZMM") || digits.consume_front("YMM") ||
                              digits.consume_front("XMM") || digits.consume_front("Q") ||
                              digits.consume_front("D");
          unsigned number = 0;
          if (vector && !digits.getAsInteger(10, number) && number < used.size()) used[number] = true;
        }
    stats_.vector_registers =
        std::max<int64_t>(stats_.vector_registers, std::count(used.begin(), used.end(), true));
  }

  BuildStats& stats_;
};
char RegisterUse::ID = 0;

std::string emit_file(llvm::Module& module, llvm::TargetMachine& target_machine, llvm::CodeGenFileType type,
                      BuildStats* stats) {
  auto& machine = static_cast<llvm::LLVMTargetMachine&>(target_machine);
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  llvm::legacy::PassManager passes;
  passes.add(new llvm::TargetLibraryInfoWrapperPass(machine.getTargetTriple()));
  auto* info = new llvm::MachineModuleInfoWrapperPass(&machine);
  llvm::TargetPassConfig* config = machine.createPassConfig(passes);
  config->setDisableVerify(true);
  config->disablePass(&llvm::MachineSchedulerID);
  config->disablePass(&llvm::PostRASchedulerID);
  passes.add(config);
  passes.add(info);
  check_internal(!config->addISelPasses(), "LLVM selects no instructions for {}",
                 machine.getTargetTriple().str());
  config->addMachinePasses();
  config->setInitialized();
  if (stats) passes.add(new RegisterUse(*stats));
  check_internal(!machine.addAsmPrinter(passes, out, nullptr, type, info->getMMI().getContext()),
                 "LLVM writes no code for {}", machine.getTargetTriple().str());
  passes.add(llvm::createFreeMachineFunctionPass());
  passes.run(module);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

void optimise(llvm::Module& module, llvm::TargetMachine& machine) {
  module.setTargetTriple(machine.getTargetTriple().str());
  module.setDataLayout(machine.createDataLayout());
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::SimplifyCFGPass());
  llvm::LoopPassManager loop_passes;
  loop_passes.addPass(llvm::LICMPass(llvm::LICMOptions()));
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(std::move(loop_passes), /*UseMemorySSA=*/true));
  passes.addPass(llvm::EarlyCSEPass(true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::ADCEPass());
  passes.addPass(llvm::SimplifyCFGPass());
  llvm::ModulePassManager all;
  all.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  all.run(module, modules);
}

std::string object_code(llvm::Module& module, llvm::TargetMachine& machine, BuildStats* stats) {
  return emit_file(module, machine, llvm::CodeGenFileType::ObjectFile, stats);
}

std::string assembly(llvm::Module& module, llvm::TargetMachine& machine) {
  machine.Options.MCOptions.AsmVerbose = true;
  return emit_file(module, machine, llvm::CodeGenFileType::AssemblyFile, nullptr);
}

}  // namespace tw::codegen
