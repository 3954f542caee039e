// Tensor intrinsics that are one machine instruction: registers filled, the instruction, the result stored.
#include <algorithm>

#include <llvm/AsmParser/Parser.h>
#include <llvm/Support/SourceMgr.h>

#include "codegen/llvm/emitter.h"
#include "codegen/passes/lower_tensor_calls.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using llvm::Value;

llvm::Type* parse_type(const std::string& text, llvm::Module& module) {
  llvm::SMDiagnostic fault;
  llvm::Type* type = llvm::parseType(text, fault, module);
  check_internal(type, "'{}' is no type of LLVM's", text);
  return type;
}

/// How many elements it takes until they come again: 2 of 0 1 0 1; all of them where they do not.
std::size_t period_of(const std::vector<int64_t>& elements) {
  for (std::size_t period = 1; period < elements.size(); ++period) {
    if (elements.size() % period != 0) continue;
    bool repeats = true;
    for (std::size_t i = period; i < elements.size(); ++i) repeats &= elements[i] == elements[i - period];
    if (repeats) return period;
  }
  return elements.size();
}

bool is_run(const std::vector<int64_t>& elements, std::size_t count) {
  for (std::size_t i = 1; i < count; ++i)
    if (elements[i] != elements[0] + static_cast<int64_t>(i)) return false;
  return true;
}

}  // namespace

/// The register of these elements of a buffer: loaded as a whole, or as a short run that repeats.
Value* Emitter::load_register(const Region& operand, const std::vector<int64_t>& elements, llvm::Type* type) {
  const BufferNode& buffer = *operand.buffer;
  const std::size_t period = period_of(elements);
  check_internal(is_run(elements, period), "a register of elements of {} that do not follow each other",
                 buffer.name.text);
  const llvm::Align align(static_cast<uint64_t>(buffer.dtype.bytes()));
  Value* pointer = address(buffer, operand.ranges.at(0).min + Expr(elements[0]));
  if (period == elements.size()) return annotated(b_.CreateAlignedLoad(type, pointer, align), buffer);
  llvm::Type* run = b_.getIntNTy(static_cast<unsigned>(period) * buffer.dtype.bits);
  Value* all = math_.splat(annotated(b_.CreateAlignedLoad(run, pointer, align), buffer),
                           static_cast<int>(elements.size() / period));
  return b_.CreateBitCast(all, type);
}

void Emitter::on(const TensorCall& node) {
  known_.clear();
  const schedule::Intrinsic* intrinsic = schedule::find_intrinsic(node.intrinsic);
  const schedule::Implementation* implementation =
      intrinsic ? implementation_on(*intrinsic, target_.kind, target_.features) : nullptr;
  check_internal(implementation, "the call of {} has no instruction for this CPU", node.intrinsic);
  const auto& instruction = std::get<schedule::Instruction>(implementation->code);
  std::vector<Value*> arguments;
  std::vector<llvm::Type*> types;
  for (const schedule::RegisterOperand& argument : instruction.arguments) {
    llvm::Type* type = parse_type(argument.type, module_);
    for (int number = 0; number < argument.registers; ++number) {
      const Region& operand = node.operands.at(static_cast<std::size_t>(argument.operand));
      arguments.push_back(load_register(operand, elements_of_register(*intrinsic, argument, number), type));
      types.push_back(type);
    }
  }
  llvm::Type* result = parse_type(instruction.result.type, module_);
  check_internal(instruction.result.registers == 1, "{} gives more than one register", instruction.name);
  auto callee = module_.getOrInsertFunction(instruction.name, llvm::FunctionType::get(result, types, false));
  Value* made = b_.CreateCall(callee, arguments);
  const Region& written = node.operands.at(static_cast<std::size_t>(instruction.result.operand));
  const std::vector<int64_t> elements = elements_of_register(*intrinsic, instruction.result, 0);
  check_internal(is_run(elements, elements.size()), "{} gives elements that do not follow each other",
                 instruction.name);
  Value* pointer = address(*written.buffer, written.ranges.at(0).min + Expr(elements[0]));
  annotated(
      b_.CreateAlignedStore(made, pointer, llvm::Align(static_cast<uint64_t>(written.buffer->dtype.bytes()))),
      *written.buffer);
}

}  // namespace tw::codegen
