// Rules about loops and sequences.
#include "ir/text.h"
#include "ir/verify/verify_rules.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::rules {

using fmt::format;

namespace {

void no_loads(const Expr& extent, const char* of_what, const std::string& name, Report& report) {
  if (contains<Load>(extent.get()))
    report(*extent, format("the extent {} of {} {} reads memory; bind the value with a Let", to_text(extent),
                           of_what, name));
}

}  // namespace

void extents(const Node& node, const Surroundings&, Report& report) {
  if (const auto* loop = as<For>(&node)) no_loads(loop->extent, "loop", loop->var->name.text, report);
  if (const auto* block = as<Block>(&node))
    for (const BlockAxis& axis : block->axes) no_loads(axis.extent, "axis", axis.var->name.text, report);
  if (const auto* buffer = as<BufferNode>(&node))
    for (const Expr& extent : buffer->shape) no_loads(extent, "buffer", buffer->name.text, report);
}

void index_loops(const Node& node, const Surroundings&, Report& report) {
  const auto* loop = as<For>(&node);
  const auto* block = as<Block>(&node);
  const auto check = [&](const Var& var) {
    if (!var->dtype.is_index())
      report(*var.get(),
             format("variable {} has type {}; it needs index", var->name.text, to_string(var->dtype)));
  };
  if (loop) check(loop->var);
  if (block)
    for (const BlockAxis& axis : block->axes) check(axis.var);
}

void ordered_loops(const Node& node, const Surroundings&, Report& report) {
  const auto* loop = as<For>(&node);
  if (!loop || !loop->ordered) return;
  if (loop->loop_kind == LoopKind::kSerial || loop->loop_kind == LoopKind::kUnrolled) return;
  report(node, format("loop {} is ordered but of kind `{}`; its turns must run one after the other",
                      loop->var->name.text, to_string(loop->loop_kind)));
}

void gpu_indices(const Node& node, const Surroundings& around, Report& report) {
  const auto* loop = as<For>(&node);
  if (!loop || loop->loop_kind != LoopKind::kBound) return;
  for (const For* outer : around.loops) {
    if (outer->loop_kind != LoopKind::kBound) continue;
    if (outer->gpu_index == loop->gpu_index)
      report(node, format("loop {} is bound to {}, as is loop {} around it", loop->var->name.text,
                          to_string(loop->gpu_index), outer->var->name.text));
    if (is_thread(outer->gpu_index) && !is_thread(loop->gpu_index))
      report(node, format("loop {} over blocks stands inside of loop {} over threads", loop->var->name.text,
                          outer->var->name.text));
  }
}

void constant_extents(const Node& node, const Surroundings&, Report& report) {
  const auto* loop = as<For>(&node);
  if (!loop || as<IntImm>(loop->extent)) return;
  if (loop->loop_kind != LoopKind::kVectorized && loop->loop_kind != LoopKind::kUnrolled) return;
  report(node, format("loop {} is {} but its extent {} is not constant", loop->var->name.text,
                      to_string(loop->loop_kind), to_text(loop->extent)));
}

void sequences(const Node& node, const Surroundings& around, Report& report) {
  const auto* seq = as<Seq>(&node);
  if (!seq) return;
  if (!around.path.empty() && around.path.back()->kind == Kind::kSeq)
    report(node, "a sequence stands inside of a sequence; join them");
  if (seq->stmts.size() == 1) report(node, "a sequence of one statement; use the statement itself");
}

}  // namespace tw::rules
