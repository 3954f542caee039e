#include "codegen/passes/unroll_loops.h"

#include "codegen/passes/context_mutator.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

bool defines_names(const Stmt& s) {
  bool found = false;
  for_each_node(s, [&](const Node* node) {
    const Kind kind = node->kind;
    found = found || kind == Kind::kFor || kind == Kind::kLet || kind == Kind::kAllocate ||
            kind == Kind::kBlock || kind == Kind::kReduce;
  });
  return found;
}

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
    const bool defines = defines_names(loop.body);
    std::vector<Stmt> written;
    for (int64_t turn = 0; turn < *turns; ++turn) {
      Stmt body = substitute(loop.body, {{&*loop.var, Expr(turn)}});
      written.push_back(defines ? with_fresh_names(body) : std::move(body));
    }
    return Seq::make(std::move(written));
  }
};

}  // namespace

Program unroll_loops(const Program& program) {
  return UnrollLoops().mutate(program);
}

}  // namespace tw::codegen
