#include "autotune/model/nest_walk.h"

#include <algorithm>
#include <cmath>

#include "codegen/passes/lower_blocks.h"
#include "ir/analysis/accesses.h"
#include "ir/visit.h"

namespace tw::autotune {
namespace {

/// Of a symbolic size that nobody named.
constexpr int64_t kUsualSize = 128;

using Kind = Nest::Loop::Kind;

Kind kind_of(const For& loop) {
  switch (loop.loop_kind) {
    case LoopKind::kParallel:
    case LoopKind::kBound: return Kind::kParallel;
    case LoopKind::kVectorized: return Kind::kVector;
    case LoopKind::kUnrolled: return Kind::kUnrolled;
    default: return Kind::kSerial;
  }
}

class Walker {
 public:
  Walker(const Program& program, const Values& parameters, const Values& sizes, const Machine& machine)
      : machine_(machine) {
    for (const Param& param : program->params) {
      if (param.is_buffer()) continue;
      const Values& given = param.param_kind == ParamKind::kTunable ? parameters : sizes;
      const auto found = given.find(param.var->name.text);
      int64_t value = param.param_kind == ParamKind::kTunable
                          ? param.default_value
                          : std::clamp(kUsualSize, param.var->min, std::max(param.var->min, param.var->max));
      if (found != given.end()) value = found->second;
      walked.digits.define(&*param.var, {{}, value});
    }
    for (const Param& param : program->params)
      if (param.is_buffer()) add_buffer(*param.buffer, &param);
    walk(program->body);
  }
  Walk walked;

 private:
  Nest& nest = walked.nest;
  int depth() const { return static_cast<int>(loops_.size()); }

  void add_buffer(const BufferNode& node, const Param* param) {
    Nest::Buffer buffer;
    buffer.name = node.name.text;
    buffer.bytes = node.dtype.bytes();
    buffer.home = param ? 0 : depth();
    buffer.argument = param != nullptr;
    buffer.constant = param && param->param_kind == ParamKind::kConstant;
    std::vector<double> shape;
    for (const Expr& extent : node.shape) shape.push_back(std::max(0.0, walked.digits.number(extent)));
    for (const double extent : shape) buffer.elements *= extent;
    std::vector<double> strides(shape.size(), 1);
    for (std::size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * std::max(1.0, shape[d]);
    for (std::size_t d = 0; d < node.strides.size(); ++d) strides[d] = walked.digits.number(node.strides[d]);
    walked.layouts[&node] = {static_cast<int>(nest.buffers.size()), std::move(shape), std::move(strides)};
    nest.buffers.push_back(std::move(buffer));
  }

  void walk(const Stmt& s) {
    if (const auto* loop = as<For>(s)) return walk_loop(*loop);
    if (const auto* block = as<Block>(s)) return walk_block(*block);
    if (const auto* seq = as<Seq>(s)) {
      for (const Stmt& each : seq->stmts) walk(each);
    } else if (const auto* allocate = as<Allocate>(s)) {
      add_buffer(*allocate->buffer, nullptr);
      walk(allocate->body);
    } else if (const auto* store = as<Store>(s)) {
      Nest::Statement& statement = add_statement();
      statement.work = work_of(store->value);
      statement.conditional |= statement.work.conditional;
      add_reads(store->value, store);
      for (const Expr& index : store->indices) add_reads(index, nullptr);
      add_access(*store->buffer, store->indices, {}, true);
    } else if (const auto* branch = as<If>(s)) {
      const double share = share_of(branch->cond);
      within(share, [&] { walk(branch->then_body); });
      if (branch->else_body) within(std::max(0.0, 1 - share), [&] { walk(branch->else_body); });
    } else if (const auto* let = as<Let>(s)) {
      walk_let(*let);
    } else if (const auto* attr = as<Attr>(s)) {
      walk(attr->body);
    } else if (const auto* call = as<TensorCall>(s)) {
      walk_intrinsic(*call);
    } else if (const auto* hint = as<Prefetch>(s)) {
      if (const auto found = walked.layouts.find(hint->buffer.get()); found != walked.layouts.end())
        nest.buffers[static_cast<std::size_t>(found->second.number)].prefetched = true;
    } else if (const auto* copy = as<AsyncCopy>(s)) {
      add_statement();
      std::vector<double> box(copy->from_indices.size(), 1);
      if (!box.empty()) box.back() = static_cast<double>(copy->count);
      add_access(*copy->from, copy->from_indices, box, false);
      box.assign(copy->to_indices.size(), 1);
      if (!box.empty()) box.back() = static_cast<double>(copy->count);
      add_access(*copy->to, copy->to_indices, box, true);
    }
  }

  void walk_loop(const For& loop) {
    Nest::Loop made;
    made.kind = kind_of(loop);
    made.turns = std::max(0.0, walked.digits.number(loop.extent));
    made.depth = depth();
    made.parent = loops_.empty() ? -1 : loops_.back();
    made.streaming = loop.annotations.contains(codegen::kStreamingStores) ||
                     (made.parent >= 0 && nest.loops[static_cast<std::size_t>(made.parent)].streaming);
    walked.digits.define_loop(loop.var.operator->(), made.depth, made.turns);
    loops_.push_back(static_cast<int>(nest.loops.size()));
    nest.loops.push_back(made);
    walk(loop.body);
    loops_.pop_back();
  }

  void walk_block(const Block& block) {
    for (const BlockAxis& axis : block.axes) {
      const DigitSum bound = walked.digits.sum_of(axis.binding);
      if (axis.axis_kind == AxisKind::kReduction) {
        std::vector<bool> used(loops_.size());
        walked.digits.mark_loops(bound, used);
        for (std::size_t d = 0; d < used.size(); ++d)
          if (used[d]) nest.loops[static_cast<std::size_t>(loops_[d])].reduction = true;
      }
      walked.digits.define(axis.var.operator->(), bound);
    }
    // What starts a sum runs once for many instances of the sum itself, and is no more than a move.
    if (block.predicate) {
      within(share_of(block.predicate), [&] { walk(block.body); });
    } else {
      walk(block.body);
    }
  }

  void walk_let(const Let& let) {
    if (let.value.dtype().is_integer())
      walked.digits.define(let.var.operator->(), walked.digits.sum_of(let.value));
    if (contains<Load>(let.value.get())) {
      add_statement().work = work_of(let.value);
      add_reads(let.value, nullptr);
    }
    walk(let.body);
  }

  void walk_intrinsic(const TensorCall& call) {
    Nest::Statement& statement = add_statement();
    statement.intrinsic = call.intrinsic;
    statement.work = work_of_intrinsic(call.intrinsic, machine_.vector_bytes);
    const Program meaning = find_tensor_intrinsic(call.intrinsic);
    for (std::size_t i = 0; i < call.operands.size(); ++i) {
      std::vector<Expr> first;
      std::vector<double> extents;
      for (const Range& range : call.operands[i].ranges) {
        first.push_back(range.min);
        extents.push_back(std::max(1.0, walked.digits.number(range.extent)));
      }
      const ParamKind kind =
          meaning && i < meaning->params.size() ? meaning->params[i].param_kind : ParamKind::kInput;
      const bool is_read = kind != ParamKind::kOutput, is_written = kind >= ParamKind::kOutput;
      if (is_read) add_access(*call.operands[i].buffer, first, extents, false);
      if (is_read && is_written) last_access().updates = true;
      if (is_written) add_access(*call.operands[i].buffer, first, extents, true);
    }
  }

  template <class F>
  void within(double share, const F& body) {
    const double before = share_;
    const bool conditional = conditional_;
    share_ *= share;
    conditional_ = true;
    body();
    share_ = before;
    conditional_ = conditional;
  }

  /// How many of the turns a condition lets pass, about. Vectors with ragged ends are whole vectors.
  double share_of(const Expr& condition) {
    double share = 1;
    for (const Expr& each : conjuncts(condition)) {
      const auto* compare = as<Binary>(each);
      if (!compare || !(compare->op == BinaryOp::kLt || compare->op == BinaryOp::kLe)) continue;
      if (!compare->a.dtype().is_index()) continue;
      const DigitSum difference = walked.digits.sum_of(compare->b - compare->a);
      const Digits::Span span = walked.digits.span(difference);
      const double least = compare->op == BinaryOp::kLt ? 1 : 0;
      if (span.max <= span.min || span.max - span.min > 1e12) continue;
      double passing = (span.max - least + 1) / (span.max - span.min + 1);
      const int lane = vector_depth();
      bool scattered = false;
      if (lane >= 0 && std::fabs(walked.digits.slope(difference, lane, scattered)) == 1) {
        const double lanes =
            std::max(1.0, nest.loops[static_cast<std::size_t>(loops_[static_cast<std::size_t>(lane)])].turns);
        passing = std::ceil((span.max - least + 1) / lanes) * lanes / (span.max - span.min + 1);
      }
      share *= std::clamp(passing, 0.0, 1.0);
    }
    return share;
  }

  int vector_depth() const {
    for (int d = depth(); d-- > 0;)
      if (nest.loops[static_cast<std::size_t>(loops_[static_cast<std::size_t>(d)])].kind == Kind::kVector)
        return d;
    return -1;
  }

  Nest::Statement& add_statement() {
    Nest::Statement statement;
    statement.loops = loops_;
    statement.share = share_;
    statement.conditional = conditional_;
    statement.vector = vector_depth();
    statement.instances = share_;
    for (int d = depth(); d-- > 0 && statement.inner == 0;) {
      const Nest::Loop& loop = loop_at(nest, statement, d);
      if ((loop.kind == Kind::kSerial || loop.kind == Kind::kParallel) && loop.turns > 1)
        statement.inner = d + 1;
    }
    for (const int loop : loops_) statement.instances *= nest.loops[static_cast<std::size_t>(loop)].turns;
    nest.statements.push_back(std::move(statement));
    return nest.statements.back();
  }

  Nest::Access& last_access() { return nest.statements.back().accesses.back(); }

  void add_reads(const Expr& e, const Store* store) {
    for_each_node(e, [&](const Node* node) {
      const auto* load = as<Load>(node);
      if (!load) return;
      add_access(*load->buffer, load->indices, {}, false);
      last_access().updates = store && load->buffer.same_as(store->buffer);
    });
  }

  void add_access(const BufferNode& buffer, const std::vector<Expr>& indices, std::vector<double> extents,
                  bool store) {
    if (!walked.layouts.contains(&buffer)) add_buffer(buffer, nullptr);
    Nest::Statement& statement = nest.statements.back();
    Place place{nest.statements.size() - 1, statement.accesses.size(), &buffer, {}, std::move(extents)};
    for (const Expr& index : indices) place.subscripts.push_back(walked.digits.sum_of(index));
    place.extents.resize(place.subscripts.size(), 1);
    Nest::Access access;
    access.buffer = walked.layouts.at(&buffer).number;
    access.store = store;
    for (const double extent : place.extents) access.box *= extent;
    Nest::Buffer& used = nest.buffers[static_cast<std::size_t>(access.buffer)];
    used.written |= store;
    statement.accesses.push_back(std::move(access));
    walked.places.push_back(std::move(place));
  }

  const Machine& machine_;
  std::vector<int> loops_;
  double share_ = 1;
  bool conditional_ = false;
};

}  // namespace

Walk walk_of(const Program& program, const Values& parameters, const Values& sizes, const Machine& machine) {
  return std::move(Walker(program, parameters, sizes, machine).walked);
}

}  // namespace tw::autotune
