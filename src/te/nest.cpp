#include "te/nest.h"

#include "ir/analysis/regions.h"
#include "ir/visit.h"

namespace tw::te {
namespace {

class RegionInference : public Mutator {
 protected:
  using Mutator::on;
  Stmt on(const Block& node) override { return with_inferred_regions(node); }
};

class BlockNumbering : public Mutator {
 protected:
  using Mutator::on;
  Stmt on(const Block& node) override {
    auto* copy = new Block(node);
    copy->id.value = next_++;
    return Stmt(copy);
  }

 private:
  int64_t next_ = 0;
};

}  // namespace

std::vector<NestAxis> nest_axes(const std::vector<Axis>& axes, AxisKind kind) {
  std::vector<NestAxis> nest;
  for (const Axis& axis : axes) nest.push_back({axis.var, axis.extent, kind});
  return nest;
}

Stmt make_nest(const Nest& nest) {
  VarMap block_vars;
  std::vector<Var> loops;
  auto* block = new Block();
  Stmt s(block);
  block->name = nest.name;
  for (const NestAxis& axis : nest.axes) {
    const std::string& name = axis.var->name.text;
    loops.push_back(axis.loop ? axis.loop : Var(name));
    BlockAxis own;
    own.axis_kind = axis.kind;
    own.extent = axis.extent;
    own.binding = loops.back();
    own.var = Var("v" + name);
    block_vars[&*axis.var] = own.var;
    block->axes.push_back(own);
  }
  block->reducer = nest.reducer;
  if (nest.init) block->init = substitute(nest.init, block_vars);
  block->body = substitute(nest.body, block_vars);
  for (std::size_t i = nest.axes.size(); i-- > 0;)
    if (!nest.axes[i].loop)
      s = For::make(loops[i], nest.axes[i].extent, s, LoopKind::kSerial,
                    nest.axes[i].kind == AxisKind::kOrdered);
  return RegionInference().mutate(s);
}

Stmt Sequence::finish() const {
  Stmt s = Seq::make(stmts);
  for (std::size_t i = buffers.size(); i-- > 0;) s = Allocate::make(buffers[i], s);
  return s;
}

Stmt number_blocks(const Stmt& s) {
  return BlockNumbering().mutate(s);
}

}  // namespace tw::te
