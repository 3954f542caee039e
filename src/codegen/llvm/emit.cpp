#include "codegen/llvm/emit.h"

#include "codegen/build.h"
#include "codegen/llvm/emitter.h"

namespace tw::codegen {
namespace {

/// A tw_function as a constant of the module, laid out as the C struct.
class Constants {
 public:
  explicit Constants(llvm::Module& module) : module_(module), builder_(module.getContext()) {}

  void define(const tw_function& function, llvm::Function* run, llvm::Function* extents) {
    std::vector<llvm::Constant*> params;
    for (int32_t p = 0; p < function.n_params; ++p) params.push_back(param(function.params[p]));
    llvm::Constant* value = record({text(function.name), number(function.n_params), array(params),
                                    number(function.n_buffers), number(function.n_scalars), run, extents});
    auto* symbol = new llvm::GlobalVariable(module_, value->getType(), true,
                                            llvm::GlobalValue::ExternalLinkage, value, kFunctionSymbol);
    symbol->setVisibility(llvm::GlobalValue::HiddenVisibility);
  }

 private:
  llvm::Constant* param(const tw_param& p) {
    std::vector<llvm::Constant*> shape;
    for (int32_t d = 0; d < p.ndim; ++d)
      shape.push_back(record({number(p.shape[d].value), number(p.shape[d].scalar), text(p.shape[d].text)}));
    return record({text(p.name), number(p.kind), number(p.dtype), number(p.ndim), array(shape),
                   number(p.alignment), number(p.min), number(p.max), number(p.multiple_of),
                   number(p.default_value)});
  }
  llvm::Constant* record(const std::vector<llvm::Constant*>& fields) {
    return llvm::ConstantStruct::getAnon(fields);
  }
  llvm::Constant* array(const std::vector<llvm::Constant*>& elements) {
    if (elements.empty()) return llvm::ConstantPointerNull::get(builder_.getPtrTy());
    return global(
        llvm::ConstantArray::get(llvm::ArrayType::get(elements[0]->getType(), elements.size()), elements));
  }
  llvm::Constant* text(const char* value) {
    return global(llvm::ConstantDataArray::getString(module_.getContext(), value));
  }
  llvm::Constant* global(llvm::Constant* value) {
    return new llvm::GlobalVariable(module_, value->getType(), true, llvm::GlobalValue::PrivateLinkage,
                                    value);
  }
  llvm::Constant* number(int64_t value) { return builder_.getInt64(static_cast<uint64_t>(value)); }
  llvm::Constant* number(int32_t value) { return builder_.getInt32(static_cast<uint32_t>(value)); }

  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
};

}  // namespace

std::unique_ptr<llvm::Module> emit_module(const Program& program, const Program& flat,
                                          const FunctionDescription& description, const Target& target,
                                          llvm::LLVMContext& context) {
  auto module = std::make_unique<llvm::Module>(program->name.text, context);
  llvm::Function* run = Emitter(*module, target).emit_kernel(flat);
  llvm::Function* extents = Emitter(*module, target).emit_extents(program);
  Constants(*module).define(description.function(), run, extents);
  return module;
}

}  // namespace tw::codegen
