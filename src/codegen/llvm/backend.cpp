// The row of the table of back ends, and modules that LLVM makes.
#include "codegen/backend.h"

#include <llvm/IR/Verifier.h>

#include "codegen/llvm/emit.h"
#include "codegen/llvm/jit.h"
#include "codegen/llvm/machine_code.h"
#include "codegen/llvm/target_machine.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

class LlvmModule : public Module {
 public:
  LlvmModule(const Program& program, const Target& target)
      : program_(program), target_(target), description_(program) {
    Lowered lowered = lower(program_, options());
    flat_ = lowered.program;
    stats_.times = std::move(lowered.times);
    stats_.notes = std::move(lowered.notes);
    const auto machine = target_machine(target_);
    llvm::LLVMContext context;
    const auto module =
        timed("emit", [&] { return emit_module(program_, flat_, description_, target_, context); });
    check(*module);
    timed("llvm optimise", [&] { optimise(*module, *machine); });
    object_ = timed("llvm code", [&] { return object_code(*module, *machine, &stats_); });
    if (target_.is_host) link();
  }

  /// From code that is there.
  LlvmModule(const Program& program, const Target& target, std::string object, BuildStats stats)
      : program_(program),
        target_(target),
        description_(program),
        stats_(std::move(stats)),
        object_(std::move(object)) {
    if (target_.is_host) link();
  }

  const tw_function& function() const override { return description_.function(); }
  const Target& target() const override { return target_; }
  const BuildStats& stats() const override { return stats_; }
  std::string object() const override { return object_; }

  std::string source(const std::string& kind) const override {
    if (kind == "loops") return to_text(flat());
    if (kind != "llvm" && kind != "asm")
      raise_value("there is no source '{}' of target llvm; there are loops, llvm and asm", kind);
    llvm::LLVMContext context;
    const auto machine = target_machine(target_);
    const auto module = emit_module(program_, flat(), description_, target_, context);
    optimise(*module, *machine);
    if (kind == "asm") return assembly(*module, *machine);
    std::string text;
    llvm::raw_string_ostream out(text);
    module->print(out, nullptr);
    return out.str();
  }

 private:
  LowerOptions options() const { return {.target = target_.kind, .features = target_.features}; }

  /// The lowered program; what was loaded as machine code has none yet.
  Program flat() const { return flat_ ? flat_ : lower(program_, options()).program; }

  void link() {
    code_ = timed("link", [&] { return load_object(object_); });
    stats_.code_bytes = code_->bytes();
    timed("look up", [&] {
      const auto* loaded = static_cast<const tw_function*>(code_->address(kFunctionSymbol));
      description_.set_code(loaded->run, loaded->extents);
    });
  }

  static void check(const llvm::Module& module) {
#ifndef NDEBUG
    std::string fault;
    llvm::raw_string_ostream out(fault);
    check_internal(!llvm::verifyModule(module, &out), "the LLVM module is not well formed: {}", out.str());
#else
    (void)module;
#endif
  }

  template <class F>
  std::invoke_result_t<F> timed(const char* name, F&& f) {
    const PassTimer timer(stats_.times, name);
    return f();
  }

  Program program_, flat_;
  Target target_;
  FunctionDescription description_;
  BuildStats stats_;
  std::string object_;
  std::unique_ptr<LoadedCode> code_;
};

const BackendRegistration registration{{
    .name = "llvm",
    .summary = "machine code for CPUs, through LLVM",
    .why_not = [] { return std::string(); },
    .complete = complete_llvm_target,
    .build = [](const Program& program, const Target& target) -> std::shared_ptr<const Module> {
      return std::make_shared<LlvmModule>(program, target);
    },
    .load = [](const Program& program, const Target& target, std::string object,
               BuildStats stats) -> std::shared_ptr<const Module> {
      return std::make_shared<LlvmModule>(program, target, std::move(object), std::move(stats));
    },
}};

}  // namespace
}  // namespace tw::codegen
