#include "random_program.h"

#include <bit>

#include "ir/reducers.h"
#include "ir/scalar.h"

namespace tw::test {

std::string RandomProgram::label() {
  static const std::vector<std::string> kLabels = {
      "i",        "i",           "i",        "i_1",     "x",        "A",           "A",
      "A.shared", "for",         "float32",  "",        "my name",  "größe",       "a`b",
      "back\\s",  "line\nbreak", "int8x4",   "nan_f32", "true",     "0start",      "exp",
      "select",   ".dot",        "dot.",     "a..b",    "\xff\x80", "threadIdx.x", "in",
      "where",    "ordered",     "tab\t",    "x_1",     "x_2",      "from",        "align",
      "lanes",    "multiple_of", "parallel", "bind",    "reads"};
  return any_of(kLabels);
}

std::string RandomProgram::word() {
  static const std::vector<std::string> kWords = {"plain",     "two words", "",         "quote\" and \\",
                                                  "new\nline", "größe ✓",   "\x01\x7f", "\xc3\x28",
                                                  "for",       "a.b"};
  return any_of(kWords);
}

DType RandomProgram::scalar_type() {
  return kScalarTypes[below(std::size(kScalarTypes))];
}

DType RandomProgram::data_type() {
  for (;;)
    if (const DType type = scalar_type(); !type.is_index()) return type;
}

Expr RandomProgram::constant(DType type) {
  const uint64_t bits = chance(2) ? random_() : below(10);
  if (!type.is_float()) return make_const(type, static_cast<int64_t>(bits));
  if (type.bits == 64) return make_const(type, std::bit_cast<double>(bits));
  if (type.bits == 32) return make_const(type, double{std::bit_cast<float>(static_cast<uint32_t>(bits))});
  const auto half = static_cast<uint16_t>(bits);
  return make_const(type, type.is_bfloat() ? BFloat16::to_double(half) : Float16::to_double(half));
}

Expr RandomProgram::leaf(DType type) {
  if (!type.is_scalar()) {
    if (type.is_integer() && chance(2))
      return Ramp::make(leaf(type.element()), leaf(type.element()), type.lanes);
    return Broadcast::make(leaf(type.element()), type.lanes);
  }
  std::vector<Var> fitting;
  for (const Var& var : vars_)
    if (var->dtype == type) fitting.push_back(var);
  return fitting.empty() || chance(3) ? constant(type) : Expr(any_of(fitting));
}

Expr RandomProgram::comparison(DType type, int depth) {
  static const std::vector<BinaryOp> kOps = {BinaryOp::kEq, BinaryOp::kNe, BinaryOp::kLt, BinaryOp::kLe};
  const DType operands = scalar_type().with_lanes(type.lanes);
  return Binary::make(any_of(kOps), expr(operands, depth), expr(operands, depth));
}

Expr RandomProgram::binary(DType type, int depth) {
  using enum BinaryOp;
  static const std::vector<BinaryOp> kBoolOps = {kAnd, kOr, kBitAnd, kBitOr, kBitXor};
  static const std::vector<BinaryOp> kFloatOps = {kAdd, kSub, kMul, kDiv, kFloorDiv, kFloorMod, kMin, kMax};
  static const std::vector<BinaryOp> kIntegerOps = {
      kAdd, kSub, kMul, kFloorDiv, kFloorMod, kMin, kMax, kBitAnd, kBitOr, kBitXor, kShiftLeft, kShiftRight};
  const auto& ops = type.is_bool() ? kBoolOps : type.is_float() ? kFloatOps : kIntegerOps;
  return Binary::make(any_of(ops), expr(type, depth), expr(type, depth));
}

std::vector<Expr> RandomProgram::indices(Buffer buffer, int depth) {
  std::vector<Expr> list;
  for (int i = 0; i < buffer->rank(); ++i) list.push_back(index(depth));
  return list;
}

Expr RandomProgram::load(Buffer buffer, int lanes, int depth) {
  std::vector<Expr> list = indices(buffer, depth);
  Expr predicate;
  if (lanes > 1 && !list.empty()) list[below(list.size())] = expr(kIndex.with_lanes(lanes), depth);
  if (lanes > 1 ? list.empty() || chance(2) : chance(4)) predicate = expr(kBool.with_lanes(lanes), depth);
  return Load::make(buffer, std::move(list), std::move(predicate));
}

Reducer RandomProgram::reducer(DType type) {
  static const std::vector<std::string> kNames = {"sum", "prod", "max", "min", "all", "any"};
  if (chance(2))
    if (Reducer known = known_reducer(any_of(kNames), type)) return known;
  const std::size_t count = 1 + below(2);
  std::vector<Var> lhs, rhs;
  std::vector<Expr> identities, results;
  const std::vector<Var> outer = std::exchange(vars_, {});
  const std::vector<Buffer> outer_buffers = std::exchange(buffers_, {});
  for (std::size_t i = 0; i < count; ++i) identities.push_back(constant(i ? data_type() : type));
  for (const Expr& identity : identities) {
    lhs.push_back(fresh_var(identity.dtype()));
    rhs.push_back(fresh_var(identity.dtype()));
  }
  for (const Expr& identity : identities) results.push_back(expr(identity.dtype(), 2));
  vars_ = outer;
  buffers_ = outer_buffers;
  return ReducerNode::make(label(), lhs, rhs, results, identities);
}

Expr RandomProgram::reduce(DType type, int depth) {
  const Reducer combine = reducer(type);
  std::vector<ReduceAxis> axes;
  for (uint64_t i = below(3); i-- > 0;) {
    const DType integer = chance(4) ? kInt32 : kIndex;
    const Expr begin = expr(integer, 1), extent = expr(integer, 1);
    axes.push_back({fresh_var(integer), begin, extent});
  }
  std::vector<Expr> sources;
  for (const Expr& identity : combine->identities) sources.push_back(expr(identity.dtype(), depth));
  vars_.resize(vars_.size() - axes.size());
  return Reduce::make(combine, axes, sources, 0);
}

Expr RandomProgram::expr(DType type, int depth) {
  if (depth <= 0 || chance(6)) return leaf(type);
  --depth;
  switch (below(9)) {
    case 0:
      if (type.is_bool()) return Unary::make(UnaryOp::kNot, expr(type, depth));
      return Unary::make(type.is_integer() && chance(2) ? UnaryOp::kBitNot : UnaryOp::kNeg,
                         expr(type, depth));
    case 1: return Cast::make(type, expr(scalar_type().with_lanes(type.lanes), depth));
    case 2:
      return Select::make(expr(kBool.with_lanes(type.lanes), depth), expr(type, depth), expr(type, depth));
    case 3: {
      static const std::vector<Intrinsic> kFloats = {Intrinsic::kExp, Intrinsic::kErf, Intrinsic::kRound};
      if (type.is_bool()) break;
      if (chance(2)) return Call::make(Intrinsic::kPow, {expr(type, depth), expr(type, depth)});
      return Call::make(type.is_float() ? any_of(kFloats) : Intrinsic::kAbs, {expr(type, depth)});
    }
    case 4:
    case 5: {
      std::vector<Buffer> fitting;
      for (const Buffer& buffer : buffers_)
        if (buffer->dtype == type.element()) fitting.push_back(buffer);
      if (!fitting.empty()) return load(any_of(fitting), type.lanes, depth);
      break;
    }
    case 6:
      if (type.is_scalar() && !type.is_index() && chance(3)) return reduce(type, depth);
      break;
    case 7:
      if (type.is_bool()) return comparison(type, depth);
      break;
    default: break;
  }
  return binary(type, depth);
}

Var RandomProgram::fresh_var(DType type) {
  const auto bound = [&] { return static_cast<int64_t>(below(100)) - 50; };
  const int64_t min = chance(2) ? kNoMin : bound(), max = chance(2) ? kNoMax : 50 + bound();
  const bool plain = chance(2) || max < min;
  vars_.push_back(plain ? Var(label(), type)
                        : Variable::make(label(), type, min, max, static_cast<int64_t>(1 + below(3))));
  return vars_.back();
}

Buffer RandomProgram::fresh_buffer() {
  auto* node = new BufferNode();
  Buffer buffer(node);
  node->name = label();
  node->dtype = data_type();
  for (uint64_t i = below(4); i-- > 0;) node->shape.push_back(index(2));
  if (chance(3))
    for (int i = 0; i < node->rank(); ++i) node->strides.push_back(index(2));
  node->scope = static_cast<Scope>(below(4));
  if (chance(3)) node->alignment = 64;
  if (chance(4)) {
    LaneMap& map = node->lane_map.emplace();
    for (int i = 0; i < node->rank(); ++i) map.coords.push_back(fresh_var(kIndex));
    map.lane = index(2);
    map.slot = index(2);
    vars_.resize(vars_.size() - map.coords.size());
  }
  buffers_.push_back(buffer);
  return buffer;
}

Region RandomProgram::region(Buffer buffer) {
  Region box{buffer, {}};
  for (int i = 0; i < buffer->rank(); ++i) box.ranges.push_back({index(2), chance(2) ? Expr(1) : index(2)});
  return box;
}

std::vector<Region> RandomProgram::regions() {
  std::vector<Region> list;
  if (buffers_.empty()) return list;
  for (uint64_t i = below(3); i-- > 0;) list.push_back(region(any_of(buffers_)));
  return list;
}

AttrValue RandomProgram::attr_value() {
  switch (below(3)) {
    case 0: return static_cast<int64_t>(random_());
    case 1: return std::bit_cast<double>(random_());
    default: return word();
  }
}

Attrs RandomProgram::attrs() {
  Attrs list;
  if (chance(3)) list[word()] = attr_value();
  if (chance(3)) list[word()] = attr_value();
  return list;
}

Stmt RandomProgram::loop(int depth) {
  auto* node = new For();
  Stmt made(node);
  const DType type = chance(5) ? kInt32 : kIndex;
  node->extent = expr(type, 2);
  node->var = fresh_var(type);
  node->loop_kind = static_cast<LoopKind>(below(5));
  if (chance(4) || node->loop_kind == LoopKind::kBound) node->gpu_index = static_cast<GpuIndex>(below(6));
  node->ordered = chance(4);
  node->annotations = attrs();
  node->body = body(depth);
  vars_.pop_back();
  return made;
}

Stmt RandomProgram::block(int depth) {
  auto* node = new Block();
  Stmt made(node);
  node->name = label();
  if (!chance(3)) node->id.value = static_cast<int64_t>(below(20)) - 2;
  if (chance(3)) node->predicate = expr(kBool, 2);
  for (uint64_t i = below(3); i-- > 0;) {
    const DType type = chance(5) ? kInt32 : kIndex;
    BlockAxis axis;
    axis.axis_kind = static_cast<AxisKind>(below(3));
    axis.extent = expr(type, 1);
    axis.binding = expr(type, 2);
    node->axes.push_back(axis);
  }
  for (BlockAxis& axis : node->axes) axis.var = fresh_var(axis.extent.dtype());
  node->reads = regions();
  node->writes = regions();
  if (chance(2)) node->reducer = reducer(data_type());
  node->annotations = attrs();
  if (chance(2)) node->init = body(1);
  node->body = body(depth);
  vars_.resize(vars_.size() - node->axes.size());
  return made;
}

Stmt RandomProgram::store(int depth) {
  const Buffer buffer = any_of(buffers_);
  std::vector<Expr> list = indices(buffer, depth);
  const int lanes = chance(3) && !list.empty() ? 4 : 1;
  if (lanes > 1) list.front() = expr(kIndex.with_lanes(lanes), depth);
  Expr predicate = chance(4) ? expr(kBool.with_lanes(lanes), depth) : Expr();
  Stmt made = Store::make(buffer, list, expr(buffer->dtype.with_lanes(lanes), 3), predicate);
  const_cast<Store&>(static_cast<const Store&>(*made)).atomic = chance(4);
  return made;
}

Stmt RandomProgram::simple() {
  switch (below(10)) {
    case 0: return Assert::make(expr(kBool, 2), word(), chance(2) ? AssertKind::kIndex : AssertKind::kValue);
    case 1: return Barrier::make(chance(2) ? BarrierScope::kWarp : BarrierScope::kBlock);
    case 2: return AsyncCommit::make();
    case 3: return AsyncWait::make(static_cast<int64_t>(below(3)));
    case 4: return TensorCall::make(word(), regions());
    case 5: return Seq::make({});
    default: break;
  }
  if (buffers_.empty()) return Seq::make({});
  const Buffer buffer = any_of(buffers_);
  if (chance(6)) return Prefetch::make(buffer, indices(buffer, 2), chance(2), static_cast<int64_t>(below(4)));
  if (chance(6))
    return AsyncCopy::make(buffer, indices(buffer, 2), buffer, indices(buffer, 2),
                           static_cast<int64_t>(1 + below(9)));
  return store(2);
}

Stmt RandomProgram::statement(int depth) {
  if (depth <= 0) return simple();
  --depth;
  switch (below(8)) {
    case 0: return loop(depth);
    case 1: return block(depth);
    case 2: {
      const Expr cond = expr(kBool, 3);
      Stmt then_body = body(depth);
      return If::make(cond, then_body, chance(2) ? body(depth) : Stmt());
    }
    case 3: {
      const Expr value = expr(chance(4) ? scalar_type().with_lanes(4) : scalar_type(), 3);
      const Var var = fresh_var(value.dtype());
      Stmt made = Let::make(var, value, body(depth));
      vars_.pop_back();
      return made;
    }
    case 4: {
      const Buffer buffer = fresh_buffer();
      Stmt made = Allocate::make(buffer, body(depth));
      buffers_.pop_back();
      return made;
    }
    case 5: return Attr::make(word(), attr_value(), body(depth));
    default: return simple();
  }
}

Stmt RandomProgram::body(int depth) {
  if (chance(3)) return statement(depth);
  auto* seq = new Seq();  // of any length, and sequences inside it
  Stmt made(seq);
  for (uint64_t i = below(4); i-- > 0;) seq->stmts.push_back(chance(6) ? body(depth - 1) : statement(depth));
  return made;
}

Program RandomProgram::program() {
  std::vector<Param> params;
  for (uint64_t i = below(4); i-- > 0;)
    params.push_back(Param::of_var(static_cast<ParamKind>(4 + below(3)), fresh_var(kIndex),
                                   chance(2) ? static_cast<int64_t>(below(9)) - 4 : 0));
  for (uint64_t i = 1 + below(3); i-- > 0;)
    params.push_back(Param::of_buffer(static_cast<ParamKind>(below(4)), fresh_buffer()));
  Stmt made = body(4);
  return ProgramNode::make(label(), params, made, attrs());
}

}  // namespace tw::test
