#include "codegen/llvm/target_machine.h"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>

#include "runtime/core/cpu.h"
#include "support/error.h"
#include "support/nearest.h"

namespace tw::codegen {
namespace {

void initialise_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
  });
}

const llvm::Target& llvm_target(const Target& target) {
  initialise_llvm();
  std::string error;
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(target.triple, error);
  const llvm::Triple triple(target.triple);
  if (!found || (!triple.isX86() && !triple.isAArch64()) || !triple.isArch64Bit() || !triple.isOSLinux())
    raise_value("target '{}': -mtriple={} is not supported; x86_64-linux-gnu and aarch64-linux-gnu are",
                target.text, target.triple);
  return *found;
}

void require_cpu(const Target& target, const llvm::MCSubtargetInfo& machine) {
  std::vector<std::string> names;
  for (const llvm::SubtargetSubTypeKV& row : machine.getAllProcessorDescriptions())
    if (row.Key == target.cpu)
      return;
    else
      names.emplace_back(row.Key);
  raise_value("target '{}': -mcpu={} is not a CPU of {}{}", target.text, target.cpu, target.triple,
              did_you_mean(target.cpu, names));
}

/// What is on in the machine's set of features, by name.
std::vector<std::string> features_of(const llvm::MCSubtargetInfo& machine) {
  std::vector<std::string> names;
  for (const llvm::SubtargetFeatureKV& row : machine.getAllProcessorFeatures())
    if (machine.getFeatureBits().test(row.Value)) names.emplace_back(row.Key);
  std::sort(names.begin(), names.end());
  return names;
}

/// "+avx2,-sse4a": what the host has and what it lacks.
std::string host_feature_string() {
  std::string text;
  for (const auto& feature : llvm::sys::getHostCPUFeatures())
    text += (text.empty() ? "" : ",") + std::string(feature.second ? "+" : "-") + feature.first().str();
  return text;
}

/// Whether the host has every feature that code for this target uses unasked.
bool runs_here(const Target& target) {
  return std::none_of(target.features.begin(), target.features.end(),
                      [](const std::string& name) { return tw_cpu_has(name.c_str()) == 0; });
}

void describe_vectors(Target& target) {
  const bool avx512 = target.has_feature("avx512f");
  target.vector_bits = avx512 ? 512 : target.has_feature("avx") ? 256 : 128;
  target.vector_registers = avx512 || llvm::Triple(target.triple).isAArch64() ? 32 : 16;
}

std::string feature_string(const Target& target) {
  std::string text;
  for (const std::string& feature : target.features) text += (text.empty() ? "+" : ",+") + feature;
  return text;
}

}  // namespace

void complete_llvm_target(Target& target) {
  const std::string host = llvm::sys::getProcessTriple();
  const bool given_triple = !target.triple.empty();
  target.triple = llvm::Triple::normalize(given_triple ? target.triple : host);
  const llvm::Target& found = llvm_target(target);
  const bool same_kind = llvm::Triple(target.triple).getArch() == llvm::Triple(host).getArch();
  const bool given_cpu = !target.cpu.empty();
  if (!given_cpu)
    target.cpu = same_kind && !given_triple                ? llvm::sys::getHostCPUName().str()
                 : llvm::Triple(target.triple).isAArch64() ? "generic"
                                                           : "x86-64";
  std::unique_ptr<llvm::MCSubtargetInfo> names(found.createMCSubtargetInfo(target.triple, "", ""));
  require_cpu(target, *names);
  // What the host's operating system or hypervisor hides is not there, whatever the CPU's name says; facts
  // for tuning come from the name.
  const bool as_is = !given_cpu && !given_triple;
  std::unique_ptr<llvm::MCSubtargetInfo> machine(
      found.createMCSubtargetInfo(target.triple, target.cpu, as_is ? host_feature_string() : ""));
  target.features = features_of(*machine);
  target.is_host = as_is || (same_kind && runs_here(target));
  describe_vectors(target);
}

std::unique_ptr<llvm::TargetMachine> target_machine(const Target& target) {
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;  // where instructions say so
  return std::unique_ptr<llvm::TargetMachine>(llvm_target(target).createTargetMachine(
      target.triple, target.cpu, feature_string(target), options, llvm::Reloc::PIC_, llvm::CodeModel::Small,
      llvm::CodeGenOptLevel::Aggressive));
}

void set_target(llvm::Function& function, const Target& target) {
  function.addFnAttr("target-cpu", target.cpu);
  function.addFnAttr("target-features", feature_string(target));
  function.addFnAttr("prefer-vector-width", std::to_string(target.vector_bits));
  function.addFnAttr("min-legal-vector-width", std::to_string(target.vector_bits));
}

}  // namespace tw::codegen
