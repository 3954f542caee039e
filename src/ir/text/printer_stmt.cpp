#include "ir/text/literals.h"
#include "ir/text/printer.h"

namespace tw {

void Printer::program(const ProgramNode& program) {
  const Place place(*this, &program);
  NameScope scope(names_);
  put("program " + (canonical_ ? "p" : name_text(program.name.text)) + "(");
  list(program.params, [&](const Param& each) { param(scope, each); });
  put(")");
  attrs(program.attrs);
  put(":");
  indented(program.body);
}

void Printer::param(NameScope& scope, const Param& param) {
  const Place place(*this,
                    param.is_buffer() ? static_cast<const Node*>(param.buffer.get()) : param.var.get());
  const std::string kind = to_string(param.param_kind);
  if (param.is_buffer()) {
    put(param.buffer ? scope.introduce(*param.buffer) : "null");
    put(": " + kind + " ");
    if (param.buffer) buffer_type(*param.buffer);
  } else {
    put(param.var ? scope.introduce(*param.var) : "null");
    put(": " + kind);
    if (param.var) traits(*param.var);
  }
  if (param.param_kind == ParamKind::kTunable || param.default_value != 0)
    put(" = " + std::to_string(param.default_value));
}

void Printer::buffer_type(const BufferNode& buffer) {
  if (buffer.scope != Scope::kGlobal) put(std::string(to_string(buffer.scope)) + " ");
  put(to_string(buffer.dtype));
  subscripts(buffer.shape, {});
  if (!buffer.strides.empty()) {
    put(" strides ");
    subscripts(buffer.strides, {});
  }
  if (buffer.alignment != 0) put(" align " + std::to_string(buffer.alignment));
  if (!buffer.lane_map) return;
  NameScope scope(names_, TextNames::Lifetime::kScope);
  put(" lanes (");
  list(buffer.lane_map->coords, [&](const Var& coord) { introduction(scope, coord); });
  put(") -> (");
  expr(buffer.lane_map->lane);
  put(", ");
  expr(buffer.lane_map->slot);
  put(")");
}

void Printer::attr_value(const AttrValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) put(std::to_string(*integer));
  if (const auto* floating = std::get_if<double>(&value)) put(float_text(kFloat64, *floating));
  if (const auto* text = std::get_if<std::string>(&value)) put(quoted(*text, '"'));
}

namespace {
std::string key_text(const std::string& key) {
  return is_identifier(key) ? key : quoted(key, '"');
}
}  // namespace

void Printer::attrs(const Attrs& attrs) {
  if (attrs.empty()) return;
  put(" {");
  list(attrs, [&](const auto& attr) {
    put(key_text(attr.first) + " = ");
    attr_value(attr.second);
  });
  put("}");
}

void Printer::suite(const Stmt& stmt) {
  const auto* seq = as<Seq>(stmt);
  if (!seq || seq->stmts.size() < 2) return statement(stmt, true);
  const Place place(*this, seq);
  for (std::size_t i = 0; i < seq->stmts.size(); ++i) statement(seq->stmts[i], i + 1 == seq->stmts.size());
}

void Printer::indented(const Stmt& body) {
  ++indent_;
  suite(body);
  --indent_;
}

void Printer::statement(const Stmt& stmt, bool last) {
  line();
  if (!stmt) return put("null");
  const Place place(*this, stmt.get());
  if (notes_)
    if (std::string note = notes_(*stmt); !note.empty()) noted_.emplace_back(out_.size(), std::move(note));
  last_in_suite_ = last;
  switch (stmt->kind) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return print(static_cast<const Struct&>(*stmt));
    TW_STMT_NODES(TW_CASE)
#undef TW_CASE
    default: break;
  }
}

void Printer::rest(const Stmt& body) {
  if (last_in_suite_) return suite(body);
  put(":");
  indented(body);
}

void Printer::print(const For& node) {
  NameScope scope(names_);
  if (node.ordered) put("ordered ");
  put("for ");
  introduction(scope, node.var);
  put(" in ");
  const bool has_index = node.loop_kind == LoopKind::kBound || node.gpu_index != GpuIndex::kBlockX;
  const bool plain = node.loop_kind == LoopKind::kSerial && !has_index;
  if (!plain) put(std::string(to_string(node.loop_kind)) + "(");
  if (has_index) put(std::string(to_string(node.gpu_index)) + ", ");
  expr(node.extent);
  if (!plain) put(")");
  attrs(node.annotations);
  put(":");
  indented(node.body);
}

void Printer::axis(NameScope& scope, const BlockAxis& axis) {
  const Place place(*this, axis.var.get());
  put(axis.var ? scope.introduce(*axis.var) : "null");
  put(std::string(": ") + to_string(axis.axis_kind) + "(");
  expr(axis.extent);
  put(")");
  if (axis.var) traits(*axis.var);
  put(" = ");
  expr(axis.binding);
}

void Printer::print(const Block& node) {
  NameScope scope(names_);
  put("block " + (canonical_ ? "s" : name_text(node.name.text)));
  if (node.id.value != -1) put("#" + std::to_string(node.id.value));
  put("(");
  list(node.axes, [&](const BlockAxis& each) { axis(scope, each); });
  put(")");
  if (node.predicate) {
    put(" where ");
    expr(node.predicate);
  }
  attrs(node.annotations);
  put(":");
  ++indent_;
  const auto regions = [&](const char* keyword, const std::vector<Region>& boxes) {
    if (boxes.empty()) return;
    line();
    put(keyword);
    list(boxes, [&](const Region& box) { region(box); });
  };
  regions("reads ", node.reads);
  regions("writes ", node.writes);
  if (node.reducer) {
    line();
    put("reducer ");
    reducer(*node.reducer);
  }
  if (node.init) {
    line();
    put("init:");
    indented(node.init);
  }
  suite(node.body);
  --indent_;
}

void Printer::print(const Store& node) {
  if (node.atomic) put("atomic ");
  access(node.buffer, node.indices, node.predicate);
  put(" = ");
  expr(node.value);
}

void Printer::print(const If& node) {
  put("if ");
  expr(node.cond);
  put(":");
  indented(node.then_body);
  if (!node.else_body) return;
  line();
  put("else:");
  indented(node.else_body);
}

void Printer::print(const Let& node) {
  const bool last = last_in_suite_;
  NameScope scope(names_);
  put("let ");
  introduction(scope, node.var);
  put(" = ");
  expr(node.value);
  last_in_suite_ = last;
  rest(node.body);
}

void Printer::print(const Allocate& node) {
  NameScope scope(names_);
  put("allocate ");
  {
    const Place place(*this, node.buffer.get());
    put(node.buffer ? scope.introduce(*node.buffer) : "null");
    put(": ");
    if (node.buffer) buffer_type(*node.buffer);
  }
  rest(node.body);
}

void Printer::print(const Seq& node) {
  if (node.stmts.empty()) return put("pass");
  // Only a sequence inside a sequence, or of one statement, is printed here: `suite` sees to the others.
  put("seq:");
  ++indent_;
  for (std::size_t i = 0; i < node.stmts.size(); ++i) statement(node.stmts[i], i + 1 == node.stmts.size());
  --indent_;
}

void Printer::print(const Assert& node) {
  put("assert ");
  expr(node.cond);
  put(", ");
  if (node.assert_kind != AssertKind::kValue) put(std::string(to_string(node.assert_kind)) + " ");
  put(quoted(node.message, '"'));
}

void Printer::print(const Attr& node) {
  put("attr " + key_text(node.key) + " = ");
  attr_value(node.value);
  rest(node.body);
}

void Printer::print(const Prefetch& node) {
  put(node.write ? "prefetch write " : "prefetch read ");
  access(node.buffer, node.indices);
  put(", " + std::to_string(node.locality));
}

void Printer::print(const Barrier& node) {
  put(std::string("barrier ") + to_string(node.scope));
}

void Printer::print(const AsyncCopy& node) {
  put("async_copy ");
  access(node.to, node.to_indices);
  put(" = ");
  access(node.from, node.from_indices);
  put(" count " + std::to_string(node.count));
}

void Printer::print(const AsyncCommit&) {
  put("async_commit");
}

void Printer::print(const AsyncWait& node) {
  put("async_wait " + std::to_string(node.pending));
}

void Printer::print(const TensorCall& node) {
  put("call " + key_text(node.intrinsic) + "(");
  list(node.operands, [&](const Region& operand) { region(operand); });
  put(")");
}

}  // namespace tw
