#include "codegen/llvm/emit.h"

#include "codegen/llvm/emitter.h"
#include "ir/text.h"
#include "runtime/core/function.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

int32_t dtype_code(DType type) {
  if (type.is_bool()) return TW_BOOL;
  if (type.is_bfloat()) return TW_BFLOAT16;
  const auto width = [&](int32_t first) {
    return first + (type.bits == 16 ? 1 : type.bits == 32 ? 2 : type.bits == 64 ? 3 : 0);
  };
  if (type.is_float()) return type.bits == 16 ? TW_FLOAT16 : type.bits == 32 ? TW_FLOAT32 : TW_FLOAT64;
  return type.is_uint() ? width(TW_UINT8) : width(TW_INT8);
}

int32_t param_code(ParamKind kind) {
  switch (kind) {
    case ParamKind::kInput: return TW_PARAM_INPUT;
    case ParamKind::kConstant: return TW_PARAM_CONSTANT;
    case ParamKind::kOutput: return TW_PARAM_OUTPUT;
    case ParamKind::kInOut: return TW_PARAM_INOUT;
    case ParamKind::kSize: return TW_PARAM_SIZE;
    case ParamKind::kShape: return TW_PARAM_SHAPE;
    case ParamKind::kTunable: return TW_PARAM_TUNABLE;
  }
  raise_internal("a parameter of no kind");
}

std::string text_of(const Expr& e) {
  // Of one expression as a program would show it.
  std::string text = to_text(Let::make(Var("x"), e, Seq::make({})));
  const auto from = text.find("= "), to = text.find('\n');
  return text.substr(from + 2, to - from - 2);
}

/// The constants that describe a program, laid out as the C structs of runtime/core/function.h.
class Description {
 public:
  Description(llvm::Module& module, const Program& program)
      : module_(module), builder_(module.getContext()), program_(program) {}

  void define(llvm::Function* run, llvm::Function* extents) {
    std::vector<llvm::Constant*> params;
    int32_t buffers = 0;
    for (const Param& param : program_->params) {
      params.push_back(describe(param));
      buffers += param.is_buffer();
    }
    const auto n = static_cast<int32_t>(params.size());
    llvm::Constant* function = record({text(program_->name), number32(n), array(params), number32(buffers),
                                       number32(n - buffers), run, extents});
    auto* global = new llvm::GlobalVariable(module_, function->getType(), true,
                                            llvm::GlobalValue::ExternalLinkage, function, kFunctionSymbol);
    global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  }

 private:
  llvm::Constant* describe(const Param& param) {
    const bool buffer = param.is_buffer();
    std::vector<llvm::Constant*> shape;
    if (buffer)
      for (const Expr& extent : param.buffer->shape)
        shape.push_back(record(
            {number(as_int(extent).value_or(-1)), number32(scalar_of(extent)), text(text_of(extent))}));
    const DType type = buffer ? param.buffer->dtype : kInt64;
    const int64_t alignment = buffer ? std::max<int64_t>(param.buffer->alignment, type.bytes()) : 0;
    return record({text(buffer ? param.buffer->name : param.var->name),
                   number32(param_code(param.param_kind)), number32(dtype_code(type)),
                   number32(buffer ? param.buffer->rank() : 0), array(shape), number(alignment),
                   number(buffer ? 0 : param.var->min), number(buffer ? 0 : param.var->max),
                   number(buffer ? 1 : param.var->multiple_of), number(param.default_value)});
  }

  int32_t scalar_of(const Expr& extent) const {
    int32_t position = 0;
    for (const Param& param : program_->params) {
      if (param.is_buffer()) continue;
      if (param.var.get() == extent.get()) return position;
      ++position;
    }
    return -1;
  }

  llvm::Constant* record(const std::vector<llvm::Constant*>& fields) {
    return llvm::ConstantStruct::getAnon(fields);
  }
  llvm::Constant* array(const std::vector<llvm::Constant*>& elements) {
    if (elements.empty()) return llvm::ConstantPointerNull::get(builder_.getPtrTy());
    return global(
        llvm::ConstantArray::get(llvm::ArrayType::get(elements[0]->getType(), elements.size()), elements));
  }
  llvm::Constant* text(const std::string& value) {
    return global(llvm::ConstantDataArray::getString(module_.getContext(), value));
  }
  llvm::Constant* global(llvm::Constant* value) {
    return new llvm::GlobalVariable(module_, value->getType(), true, llvm::GlobalValue::PrivateLinkage,
                                    value);
  }
  llvm::Constant* number(int64_t value) { return builder_.getInt64(static_cast<uint64_t>(value)); }
  llvm::Constant* number32(int32_t value) { return builder_.getInt32(static_cast<uint32_t>(value)); }

  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
  const Program& program_;
};

}  // namespace

std::unique_ptr<llvm::Module> emit_module(const Program& program, const Program& flat, const Target& target,
                                          llvm::LLVMContext& context) {
  auto module = std::make_unique<llvm::Module>(program->name.text, context);
  llvm::Function* run = Emitter(*module, target).emit_kernel(flat);
  llvm::Function* extents = Emitter(*module, target).emit_extents(program);
  Description(*module, program).define(run, extents);
  return module;
}

}  // namespace tw::codegen
