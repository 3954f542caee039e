#include "codegen/passes/unroll_loops.h"

#include "codegen/passes/context_mutator.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

class UnrollLoops : public ContextMutator {
 protected:
  using ContextMutator::on;
  Stmt on(const For& node) override {
    const Stmt inside(rebuild(node));
    const auto& loop = *as<For>(inside);
    if (loop.loop_kind != LoopKind::kUnrolled) return inside;
    const auto turns = as_int(loop.extent);
    if (!turns)
      raise_value("loop {} is unrolled and has {} turns; only a constant number can be written out",
                  loop.var->name.text, to_text(loop.extent));
    std::vector<Stmt> written;
    for (int64_t turn = 0; turn < *turns; ++turn)
      written.push_back(with_fresh_names(substitute(loop.body, {{&*loop.var, Expr(turn)}})));
    return Seq::make(std::move(written));
  }
};

}  // namespace

Program unroll_loops(const Program& program) {
  return UnrollLoops().mutate(program);
}

}  // namespace tw::codegen
