// Every operator on every type, compiled: bit for bit what the interpreter says, on ordinary and extreme
// values, scalar, in vectors, and in vectors with a ragged end.
#include <cstring>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "codegen/llvm/compiled.h"
#include "common/random_expr.h"
#include "ir/scalar.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "support/half.h"

namespace tw::codegen {
namespace {

constexpr int64_t kCount = 197;  // no multiple of any number of lanes

void put(char* at, const Scalar& value) {
  const DType type = value.type;
  const auto copy = [&](auto element) { std::memcpy(at, &element, sizeof element); };
  if (type == kFloat64) return copy(value.f);
  if (type == kFloat32) return copy(static_cast<float>(value.f));
  if (type == kFloat16) return copy(Float16::from_double(value.f));
  if (type == kBFloat16) return copy(BFloat16::from_double(value.f));
  std::memcpy(at, &value.i, static_cast<std::size_t>(type.bytes()));
}

/// A NaN has many bit patterns; all are one.
bool is_nan(const char* at, DType type) {
  if (!type.is_float()) return false;
  const auto get = [&](auto element) {
    std::memcpy(&element, at, sizeof element);
    return element;
  };
  if (type == kFloat64) return std::isnan(get(double{}));
  if (type == kFloat32) return std::isnan(get(float{}));
  if (type == kFloat16) return std::isnan(Float16::to_double(get(uint16_t{})));
  return std::isnan(BFloat16::to_double(get(uint16_t{})));
}

/// The bits of an element.
std::string shown(const std::vector<char>& memory, int64_t i, DType type) {
  std::string text;
  for (int byte = type.bytes() - 1; byte >= 0; --byte)
    text += fmt::format(
        "{:02x}", static_cast<unsigned char>(memory[static_cast<std::size_t>(i * type.bytes() + byte)]));
  return text;
}

/// Elementwise expressions of two inputs, each into an output of its own, in one loop.
class Elementwise {
 public:
  explicit Elementwise(DType type) : type_(type), i_("i") {
    a_ = BufferNode::make("A", type, {Expr(kCount)});
    b_ = BufferNode::make("B", type, {Expr(kCount)});
  }
  Expr a() const { return Load::make(a_, {i_}); }
  Expr b() const { return Load::make(b_, {i_}); }

  void add(const std::string& name, const Expr& value) {
    names_.push_back(name);
    values_.push_back(value);
    outputs_.push_back(BufferNode::make(fmt::format("out{}", names_.size()), value.dtype(), {Expr(kCount)}));
  }

  /// Compares code for the target with the interpreter. `lanes`: 1 for a plain loop.
  void check(int lanes, const Target& target) const {
    std::vector<Param> params = {Param::of_buffer(ParamKind::kInput, a_),
                                 Param::of_buffer(ParamKind::kInput, b_)};
    std::vector<Stmt> stores;
    for (std::size_t o = 0; o < outputs_.size(); ++o) {
      params.push_back(Param::of_buffer(ParamKind::kOutput, outputs_[o]));
      stores.push_back(Store::make(outputs_[o], {i_}, values_[o]));
    }
    Stmt body = Seq::make(stores);
    if (lanes == 1) {
      body = For::make(i_, Expr(kCount), body);
    } else {
      const Var chunk("chunk"), lane("lane");
      const Expr at = chunk * Expr(lanes) + lane;
      body = If::make(lt(at, Expr(kCount)), substitute(body, {{&*i_, at}}));
      body = For::make(lane, Expr(lanes), body, LoopKind::kVectorized);
      body = For::make(chunk, ceildiv(Expr(kCount), Expr(lanes)), body);
    }
    const Program program = ProgramNode::make("operators", params, body);
    const auto found = results(program, &target), wanted = results(program, nullptr);
    for (std::size_t o = 0; o < outputs_.size(); ++o) {
      const DType type = outputs_[o]->dtype;
      const std::vector<char>&x = found[o + 2], &y = wanted[o + 2];
      for (int64_t i = 0; i < kCount; ++i) {
        const auto at = static_cast<std::size_t>(i * type.bytes());
        if (std::memcmp(&x[at], &y[at], static_cast<std::size_t>(type.bytes())) == 0) continue;
        if (is_nan(&x[at], type) && is_nan(&y[at], type)) continue;
        ADD_FAILURE() << fmt::format("{} of {} in {} lanes: {} instead of {}, of {} and {}", names_[o],
                                     to_string(type_), lanes, shown(x, i, type), shown(y, i, type),
                                     shown(found[0], i, type_), shown(found[1], i, type_));
        break;
      }
    }
  }

 private:
  std::vector<std::vector<char>> results(const Program& program, const Target* target) const {
    test::Random random(3);
    std::vector<std::vector<char>> memory;
    std::vector<Argument> arguments;
    for (const Param& param : program->params) {
      const DType type = param.buffer->dtype;
      auto& bytes = memory.emplace_back(static_cast<std::size_t>(kCount * type.bytes()));
      if (param.param_kind == ParamKind::kInput)
        for (int64_t i = 0; i < kCount; ++i)
          put(bytes.data() + i * type.bytes(), test::random_scalar(random, type));
      arguments.emplace_back(ArrayView{bytes.data(), type, {kCount}, {}});
    }
    if (target)
      run_compiled_for(*target, program, arguments, {});
    else
      interpret(program, arguments);
    return memory;
  }

  DType type_;
  Var i_;
  Buffer a_, b_;
  std::vector<std::string> names_;
  std::vector<Expr> values_;
  std::vector<Buffer> outputs_;
};

bool is_defined(BinaryOp op, DType type) {
  if (is_comparison(op) || op == BinaryOp::kMin || op == BinaryOp::kMax)
    return !type.is_bool() || is_comparison(op);
  if (type.is_bool())
    return is_logical(op) || op == BinaryOp::kBitAnd || op == BinaryOp::kBitOr || op == BinaryOp::kBitXor;
  if (type.is_float()) return !is_logical(op) && !is_bitwise(op);
  return !is_logical(op) && op != BinaryOp::kDiv;
}

class Operators : public testing::TestWithParam<DType> {};

TEST_P(Operators, ComputeAsTheInterpreter) {
  const DType type = GetParam();
  Elementwise ops(type);
#define TW_OP(Name, text, precedence) \
  if (is_defined(BinaryOp::k##Name, type)) ops.add(text, Binary::make(BinaryOp::k##Name, ops.a(), ops.b()));
  TW_BINARY_OPS(TW_OP)
#undef TW_OP
  if (type.is_bool())
    ops.add("!", Unary::make(UnaryOp::kNot, ops.a()));
  else
    ops.add("neg", Unary::make(UnaryOp::kNeg, ops.a()));
  if (type.is_integer()) ops.add("~", Unary::make(UnaryOp::kBitNot, ops.a()));
  for (const DType to : kScalarTypes)
    if (!to.is_index()) ops.add("cast to " + to_string(to), Cast::make(to, ops.a()));
  if (type.is_integer())
    for (const Intrinsic op :
         {Intrinsic::kPow, Intrinsic::kAbs, Intrinsic::kFloor, Intrinsic::kCeil, Intrinsic::kRound})
      ops.add(info(op).text, Call::make(op, info(op).arity == 2 ? std::vector<Expr>{ops.a(), ops.b()}
                                                                : std::vector<Expr>{ops.a()}));
  if (type.is_float())
    for (const Intrinsic op :
         {Intrinsic::kSqrt, Intrinsic::kAbs, Intrinsic::kFloor, Intrinsic::kCeil, Intrinsic::kRound})
      ops.add(info(op).text, Call::make(op, {ops.a()}));
  if (!type.is_bool()) {
    // By constants: other instructions.
    for (const int divisor : {1, 2, 3, 7, 8, -1, -3, 0}) {
      if (type.is_uint() && divisor < 0) continue;
      const Expr by = make_const(type, int64_t{divisor});
      ops.add(fmt::format("// {}", divisor), Binary::make(BinaryOp::kFloorDiv, ops.a(), by));
      ops.add(fmt::format("% {}", divisor), Binary::make(BinaryOp::kFloorMod, ops.a(), by));
      ops.add(fmt::format("max {}", divisor), Binary::make(BinaryOp::kMax, ops.a(), by));
      ops.add(fmt::format("min {}", divisor), Binary::make(BinaryOp::kMin, ops.a(), by));
    }
    ops.add("select", Select::make(lt(ops.a(), ops.b()), ops.a(), ops.b()));
  }
  // This machine; without masks; without fused multiplication, half precision and rounding.
  for (const char* target : {"llvm", "llvm -mcpu=x86-64-v3", "llvm -mcpu=x86-64"})
    for (const int lanes : {1, 16, 3}) {
      SCOPED_TRACE(target);
      if (const Target t = parse_target(target); t.is_host) ops.check(lanes, t);
    }
}

std::vector<DType> data_types() {
  std::vector<DType> types;
  for (const DType type : kScalarTypes)
    if (!type.is_index()) types.push_back(type);
  return types;
}

INSTANTIATE_TEST_SUITE_P(Types, Operators, testing::ValuesIn(data_types()),
                         [](const auto& info) { return to_string(info.param); });

}  // namespace
}  // namespace tw::codegen
