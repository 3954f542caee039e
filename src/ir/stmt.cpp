#include "ir/stmt.h"

#include "ir/well_formed.h"
#include "support/error.h"

namespace tw {

#define TW_TEXT_CASE(Name, text) \
  case E::k##Name:               \
    return text;
#define TW_PARSE_CASE(Name, text_) \
  if (text == text_) return E::k##Name;
#define TW_DEFINE_ENUM(Enum, LIST)                               \
  const char* to_string(Enum value) {                            \
    using E = Enum;                                              \
    switch (value) { LIST(TW_TEXT_CASE) }                        \
    return "?";                                                  \
  }                                                              \
  std::optional<Enum> parse_enum(std::string_view text, Enum*) { \
    using E = Enum;                                              \
    LIST(TW_PARSE_CASE)                                          \
    return std::nullopt;                                         \
  }
TW_DEFINE_ENUM(Scope, TW_SCOPES)
TW_DEFINE_ENUM(AssertKind, TW_ASSERT_KINDS)
TW_DEFINE_ENUM(LoopKind, TW_LOOP_KINDS)
TW_DEFINE_ENUM(GpuIndex, TW_GPU_INDICES)
TW_DEFINE_ENUM(AxisKind, TW_AXIS_KINDS)
TW_DEFINE_ENUM(BarrierScope, TW_BARRIERS)
TW_DEFINE_ENUM(ParamKind, TW_PARAM_KINDS)

namespace {
/// The node, which must be well formed.
template <class Handle>
Handle checked(Handle node) {
  const std::string fault = node_fault(*node);
  check_internal(fault.empty(), "{}", fault);
  return node;
}
}  // namespace

Buffer BufferNode::make(std::string name, DType dtype, std::vector<Expr> shape, Scope scope) {
  auto* node = new BufferNode();
  Buffer made(node);
  node->name = std::move(name);
  node->dtype = dtype;
  node->shape = std::move(shape);
  node->scope = scope;
  return checked(std::move(made));
}

std::vector<Expr> strides_of(const BufferNode& buffer) {
  if (!buffer.strides.empty()) return buffer.strides;
  std::vector<Expr> strides(buffer.shape.size());
  Expr product(1);
  for (std::size_t d = buffer.shape.size(); d-- > 0;) {
    strides[d] = product;
    product = product * buffer.shape[d];
  }
  return strides;
}

Stmt For::make(Var var, Expr extent, Stmt body, LoopKind loop_kind, bool ordered) {
  auto* node = new For();
  node->var = std::move(var);
  node->extent = std::move(extent);
  node->body = std::move(body);
  node->loop_kind = loop_kind;
  node->ordered = ordered;
  return Stmt(node);
}

Stmt For::bind(Var var, Expr extent, GpuIndex index, Stmt body) {
  auto* node = new For();
  node->var = std::move(var);
  node->extent = std::move(extent);
  node->body = std::move(body);
  node->loop_kind = LoopKind::kBound;
  node->gpu_index = index;
  return Stmt(node);
}

Stmt Store::make(Buffer buffer, std::vector<Expr> indices, Expr value, Expr predicate) {
  auto* node = new Store();
  Stmt made(node);
  node->buffer = std::move(buffer);
  node->indices = std::move(indices);
  node->value = std::move(value);
  node->predicate = std::move(predicate);
  return checked(std::move(made));
}

Stmt If::make(Expr cond, Stmt then_body, Stmt else_body) {
  auto* node = new If();
  node->cond = std::move(cond);
  node->then_body = std::move(then_body);
  node->else_body = std::move(else_body);
  return Stmt(node);
}

Stmt Let::make(Var var, Expr value, Stmt body) {
  auto* node = new Let();
  node->var = std::move(var);
  node->value = std::move(value);
  node->body = std::move(body);
  return Stmt(node);
}

Stmt Allocate::make(Buffer buffer, Stmt body) {
  auto* node = new Allocate();
  node->buffer = std::move(buffer);
  node->body = std::move(body);
  return Stmt(node);
}

Stmt Seq::make(std::vector<Stmt> stmts) {
  std::vector<Stmt> flat;
  for (Stmt& stmt : stmts) {
    if (!stmt) continue;
    if (const auto* inner = as<Seq>(stmt))
      flat.insert(flat.end(), inner->stmts.begin(), inner->stmts.end());
    else
      flat.push_back(std::move(stmt));
  }
  if (flat.size() == 1) return flat.front();
  auto* node = new Seq();
  node->stmts = std::move(flat);
  return Stmt(node);
}

Stmt Assert::make(Expr cond, std::string message, AssertKind assert_kind) {
  auto* node = new Assert();
  node->cond = std::move(cond);
  node->message = std::move(message);
  node->assert_kind = assert_kind;
  return Stmt(node);
}

Stmt Attr::make(std::string key, AttrValue value, Stmt body) {
  auto* node = new Attr();
  node->key = std::move(key);
  node->value = std::move(value);
  node->body = std::move(body);
  return Stmt(node);
}

Stmt Prefetch::make(Buffer buffer, std::vector<Expr> indices, bool write, int64_t locality) {
  auto* node = new Prefetch();
  node->buffer = std::move(buffer);
  node->indices = std::move(indices);
  node->write = write;
  node->locality = locality;
  return Stmt(node);
}

Stmt Barrier::make(BarrierScope scope) {
  auto* node = new Barrier();
  node->scope = scope;
  return Stmt(node);
}

Stmt AsyncCopy::make(Buffer to, std::vector<Expr> to_indices, Buffer from, std::vector<Expr> from_indices,
                     int64_t count) {
  auto* node = new AsyncCopy();
  Stmt made(node);
  node->to = std::move(to);
  node->to_indices = std::move(to_indices);
  node->from = std::move(from);
  node->from_indices = std::move(from_indices);
  node->count = count;
  return checked(std::move(made));
}

Stmt AsyncCommit::make() {
  return Stmt(new AsyncCommit());
}

Stmt AsyncWait::make(int64_t pending) {
  auto* node = new AsyncWait();
  node->pending = pending;
  return Stmt(node);
}

Stmt TensorCall::make(std::string intrinsic, std::vector<Region> operands) {
  auto* node = new TensorCall();
  node->intrinsic = std::move(intrinsic);
  node->operands = std::move(operands);
  return Stmt(node);
}

std::optional<std::vector<int>> dimensions_of_box(const Region& box, const BufferNode& parameter) {
  const std::size_t rank = parameter.shape.size();
  if (box.ranges.size() < rank) return std::nullopt;
  std::size_t next = 0, to_drop = box.ranges.size() - rank;
  std::vector<int> dimension_of;
  for (const Range& range : box.ranges) {
    const auto extent = as_int(range.extent);
    const bool fits = next < rank && (!extent || *extent == as_int(parameter.shape[next]));
    if (extent == 1 && to_drop > 0) {
      dimension_of.push_back(-1);
      --to_drop;
    } else if (fits) {
      dimension_of.push_back(static_cast<int>(next++));
    } else {
      return std::nullopt;
    }
  }
  if (next != rank || to_drop != 0) return std::nullopt;
  return dimension_of;
}

bool is_run_of(const Region& box, const BufferNode& parameter) {
  if (box.ranges.size() != 1 || parameter.shape.size() < 2) return false;
  int64_t elements = 1;
  for (const Expr& extent : parameter.shape) {
    const auto size = as_int(extent);
    if (!size) return false;
    elements *= *size;
  }
  return as_int(box.ranges.front().extent) == elements;
}

}  // namespace tw
