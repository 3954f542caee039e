#include "schedule/show.h"

#include <algorithm>

#include <fmt/format.h>

#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "schedule/place.h"
#include "schedule/spans.h"

namespace tw::schedule {
namespace {

class Notes {
 public:
  explicit Notes(const Program& program) : program_(program), accesses_(collect_accesses(program->body)) {
    for (const Param& param : program->params)
      if (param.param_kind == ParamKind::kTunable) defaults_[&*param.var] = Expr(param.default_value);
  }

  std::string of(const StmtNode& stmt) const {
    if (const auto* loop = as<For>(static_cast<const Node*>(&stmt))) return of_loop(*loop);
    if (const auto* allocation = as<Allocate>(static_cast<const Node*>(&stmt)))
      return of_allocation(*allocation);
    return "";
  }

  /// A line a parameter: of buffers their bytes, of tunables their values.
  std::string of_parameters() const {
    std::string lines;
    for (const Param& param : program_->params) {
      if (param.buffer)
        lines += fmt::format("  # {}: {}\n", param.buffer->name.text, of_buffer(*param.buffer));
      else if (param.param_kind == ParamKind::kTunable)
        lines += fmt::format("  # {}: parameter, {} if nothing else is said\n", param.var->name.text,
                             param.default_value);
    }
    return lines;
  }

 private:
  /// "4 turns", "(n + 3) // 4 turns", "(n + mc - 1) // mc turns: (n + 3) // 4 with mc = 4".
  std::string amount(const Expr& e, const char* unit) const {
    const Expr value = simplify(e);
    std::string text = fmt::format("{} {}{}", to_text(value), unit, is_int(value, 1) ? "" : "s");
    std::string chosen;
    for (const Var& var : free_vars(value))
      if (const auto found = defaults_.find(&*var); found != defaults_.end())
        chosen +=
            fmt::format("{}{} = {}", chosen.empty() ? "" : ", ", var->name.text, to_text(found->second));
    if (chosen.empty()) return text;
    return fmt::format("{}: {} with {}", text, to_text(simplify(substitute(value, defaults_))), chosen);
  }

  std::string of_loop(const For& loop) const {
    std::string kind;
    if (loop.loop_kind == LoopKind::kBound)
      kind = fmt::format("bound to {}, ", to_string(loop.gpu_index));
    else if (loop.loop_kind != LoopKind::kSerial)
      kind = fmt::format("{}, ", to_string(loop.loop_kind));
    if (loop.ordered) kind += "in order, ";
    return kind + amount(loop.extent, "turn");
  }

  static Expr bytes_of(const BufferNode& buffer, const std::vector<Expr>& shape) {
    Expr elements(1);
    for (const Expr& extent : shape) elements = elements * extent;
    if (!buffer.strides.empty()) {
      elements = Expr(1);  // to the last element
      for (std::size_t d = 0; d < shape.size(); ++d)
        elements = elements + (shape[d] - Expr(1)) * buffer.strides[d];
    }
    return elements * Expr(int64_t{buffer.dtype.bytes()});
  }

  std::string of_buffer(const BufferNode& buffer) const {
    return fmt::format("{}, {}", to_string(buffer.scope), amount(bytes_of(buffer, buffer.shape), "byte"));
  }

  std::string of_allocation(const Allocate& allocation) const {
    const BufferNode& buffer = *allocation.buffer;
    const Expr live = live_bytes(allocation);
    if (!live) return of_buffer(buffer);
    return fmt::format("{}; at a time {}", of_buffer(buffer), amount(live, "byte"));
  }

  /// What is touched while the buffer lives, where that is less than the whole; null where it is not known.
  Expr live_bytes(const Allocate& allocation) const {
    const BufferNode& buffer = *allocation.buffer;
    const std::vector<const For*> around = find_statement(program_, &allocation).loops();
    std::vector<const Access*> uses;
    for (const Access& access : accesses_)
      if (access.buffer.same_as(allocation.buffer)) uses.push_back(&access);
    if (around.empty() || uses.empty() || !buffer.strides.empty()) return {};
    Context context;
    for (const For* loop : around) context.bind(loop->var, 0, loop->extent);
    const std::vector<Span> box = touched_box(uses, around.size());
    std::vector<Expr> shape = buffer.shape;
    bool smaller = false;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      if (!box[d]) continue;
      const auto bound = symbolic_bounds(box[d].extent, vars_of(around), context);
      if (!bound || prove(le(shape[d], bound->max), context)) continue;
      shape[d] = prove(le(bound->max, shape[d]), context) ? bound->max : min(bound->max, shape[d]);
      smaller = true;
    }
    return smaller ? bytes_of(buffer, shape) : Expr();
  }

  static std::vector<Var> vars_of(const std::vector<const For*>& loops) {
    std::vector<Var> vars;
    for (const For* loop : loops) vars.push_back(loop->var);
    return vars;
  }

  const Program& program_;
  std::vector<Access> accesses_;
  VarMap defaults_;
};

}  // namespace

std::string show_text(const Program& program) {
  const Notes notes(program);
  std::string text = to_text(program, LineNotes([&](const StmtNode& stmt) { return notes.of(stmt); }));
  const std::size_t header_end = text.find('\n') + 1;
  text.insert(header_end, notes.of_parameters());
  return text;
}

}  // namespace tw::schedule
