#include "autotune/model/nest.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "autotune/model/digits.h"
#include "codegen/passes/lower_blocks.h"
#include "codegen/prepare.h"
#include "ir/analysis/accesses.h"
#include "ir/visit.h"

namespace tw::autotune {
namespace {

constexpr double kLineBytes = 64, kPageBytes = 4096;
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

/// An access by its subscripts; extents beyond 1 are boxes of tensor intrinsics.
struct Place {
  std::size_t statement, access;
  const BufferNode* buffer;
  std::vector<DigitSum> subscripts;
  std::vector<double> extents;
};

class Builder {
 public:
  Builder(const Program& program, const Values& parameters, const Values& sizes, const Machine& machine)
      : machine_(machine) {
    for (const Param& param : program->params) {
      if (param.is_buffer()) continue;
      const Values& given = param.param_kind == ParamKind::kTunable ? parameters : sizes;
      const auto found = given.find(param.var->name.text);
      int64_t value = param.param_kind == ParamKind::kTunable
                          ? param.default_value
                          : std::clamp(kUsualSize, param.var->min, std::max(param.var->min, param.var->max));
      if (found != given.end()) value = found->second;
      digits_.define(&*param.var, {{}, value});
    }
    for (const Param& param : program->params)
      if (param.is_buffer()) add_buffer(*param.buffer, &param);
    walk(program->body);
    compact();
    for (const Place& place : places_) measure(place);
    find_registers();
    finish();
  }
  Nest nest;

 private:
  int depth() const { return static_cast<int>(loops_.size()); }

  void add_buffer(const BufferNode& node, const Param* param) {
    Nest::Buffer buffer;
    buffer.name = node.name.text;
    buffer.bytes = node.dtype.bytes();
    buffer.home = param ? 0 : depth();
    buffer.argument = param != nullptr;
    buffer.constant = param && param->param_kind == ParamKind::kConstant;
    std::vector<double> shape;
    for (const Expr& extent : node.shape) shape.push_back(std::max(0.0, digits_.number(extent)));
    for (const double extent : shape) buffer.elements *= extent;
    shapes_[&node] = shape;
    std::vector<double> strides(shape.size(), 1);
    for (std::size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * std::max(1.0, shape[d]);
    for (std::size_t d = 0; d < node.strides.size(); ++d) strides[d] = digits_.number(node.strides[d]);
    strides_[&node] = std::move(strides);
    numbers_[&node] = static_cast<int>(nest.buffers.size());
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
      if (const auto found = numbers_.find(hint->buffer.get()); found != numbers_.end())
        nest.buffers[static_cast<std::size_t>(found->second)].prefetched = true;
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
    made.turns = std::max(0.0, digits_.number(loop.extent));
    made.depth = depth();
    made.parent = loops_.empty() ? -1 : loops_.back();
    made.streaming = loop.annotations.contains(codegen::kStreamingStores) ||
                     (made.parent >= 0 && nest.loops[static_cast<std::size_t>(made.parent)].streaming);
    digits_.define_loop(loop.var.operator->(), made.depth, made.turns);
    loops_.push_back(static_cast<int>(nest.loops.size()));
    nest.loops.push_back(made);
    walk(loop.body);
    loops_.pop_back();
  }

  void walk_block(const Block& block) {
    for (const BlockAxis& axis : block.axes) {
      const DigitSum bound = digits_.sum_of(axis.binding);
      if (axis.axis_kind == AxisKind::kReduction) {
        std::vector<bool> used(loops_.size());
        digits_.mark_loops(bound, used);
        for (std::size_t d = 0; d < used.size(); ++d)
          if (used[d]) nest.loops[static_cast<std::size_t>(loops_[d])].reduction = true;
      }
      digits_.define(axis.var.operator->(), bound);
    }
    // What starts a sum runs once for many instances of the sum itself, and is no more than a move.
    if (block.predicate) {
      within(share_of(block.predicate), [&] { walk(block.body); });
    } else {
      walk(block.body);
    }
  }

  void walk_let(const Let& let) {
    if (let.value.dtype().is_integer()) digits_.define(let.var.operator->(), digits_.sum_of(let.value));
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
        extents.push_back(std::max(1.0, digits_.number(range.extent)));
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
      const DigitSum difference = digits_.sum_of(compare->b - compare->a);
      const Digits::Span span = digits_.span(difference);
      const double least = compare->op == BinaryOp::kLt ? 1 : 0;
      if (span.max <= span.min || span.max - span.min > 1e12) continue;
      double passing = (span.max - least + 1) / (span.max - span.min + 1);
      const int lane = vector_depth();
      bool scattered = false;
      if (lane >= 0 && std::fabs(digits_.slope(difference, lane, scattered)) == 1) {
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
      const Nest::Loop& loop = loop_at(statement, d);
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
    if (!numbers_.contains(&buffer)) add_buffer(buffer, nullptr);
    Nest::Statement& statement = nest.statements.back();
    Place place{nest.statements.size() - 1, statement.accesses.size(), &buffer, {}, std::move(extents)};
    for (const Expr& index : indices) place.subscripts.push_back(digits_.sum_of(index));
    place.extents.resize(place.subscripts.size(), 1);
    Nest::Access access;
    access.buffer = numbers_.at(&buffer);
    access.store = store;
    for (const double extent : place.extents) access.box *= extent;
    Nest::Buffer& used = nest.buffers[static_cast<std::size_t>(access.buffer)];
    used.written |= store;
    statement.accesses.push_back(std::move(access));
    places_.push_back(std::move(place));
  }

  /// The steps of a subscript from a depth on, within the extent of its dimension.
  std::vector<Progression> steps_of(const Place& place, std::size_t d, int from, double extent) const {
    std::vector<Progression> steps = digits_.progressions(place.subscripts[d], from);
    if (place.extents[d] > 1) steps.push_back({1, place.extents[d]});
    steps = merged(std::move(steps));
    if (digits_.is_scattered(place.subscripts[d])) {
      const double values = std::min(count_of(steps), std::max(1.0, extent));
      return {{std::max(1.0, std::floor(extent / values)), values}};
    }
    // Padding and ragged ends reach beyond the dimension.
    double room = std::max(0.0, extent - 1);
    for (Progression& step : steps) {
      step.count = std::min(step.count, std::floor(room / step.step) + 1);
      room -= step.step * (step.count - 1);
    }
    return steps;
  }

  /// Allocations shrink to what one turn of the loops around them needs.
  void compact() {
    std::unordered_map<const BufferNode*, std::vector<double>> needed;
    for (const Place& place : places_) {
      const Nest::Buffer& buffer = nest.buffers[static_cast<std::size_t>(numbers_.at(place.buffer))];
      if (buffer.argument) continue;
      const std::vector<double>& shape = shapes_.at(place.buffer);
      std::vector<double>& extents = needed.try_emplace(place.buffer, shape.size(), 1).first->second;
      for (std::size_t d = 0; d < extents.size(); ++d) {
        double width = 1;
        for (const Progression& step : steps_of(place, d, buffer.home, shape[d]))
          width += step.step * (step.count - 1);
        extents[d] = std::max(extents[d], std::min(width, std::max(1.0, shape[d])));
      }
    }
    for (const auto& [node, extents] : needed) {
      Nest::Buffer& buffer = nest.buffers[static_cast<std::size_t>(numbers_.at(node))];
      std::vector<double>& strides = strides_.at(node);
      buffer.elements = 1;
      for (std::size_t d = extents.size(); d-- > 0;) {
        if (node->strides.empty()) strides[d] = buffer.elements;
        buffer.elements *= extents[d];
      }
      shapes_.at(node) = extents;
    }
  }

  void measure(const Place& place) {
    Nest::Statement& statement = nest.statements[place.statement];
    Nest::Access& access = statement.accesses[place.access];
    const Nest::Buffer& buffer = nest.buffers[static_cast<std::size_t>(access.buffer)];
    const std::vector<double>&shape = shapes_.at(place.buffer), &strides = strides_.at(place.buffer);
    const int loops = static_cast<int>(statement.loops.size());
    access.varies.assign(static_cast<std::size_t>(loops), false);
    for (const DigitSum& subscript : place.subscripts) {
      digits_.mark_loops(subscript, access.varies);
      access.scattered |= digits_.is_scattered(subscript);
    }
    const auto depths = static_cast<std::size_t>(loops) + 1;
    for (auto* counts : {&access.elements, &access.lines, &access.pages, &access.crowded})
      counts->assign(depths, 1);
    double reachable = access.box;  // no more elements than instances that differ
    for (int from = loops; from >= 0; --from) {
      const auto at = static_cast<std::size_t>(from);
      if (from < loops && access.varies[at]) reachable *= std::max(1.0, loop_at(statement, from).turns);
      if (from < loops && (from < buffer.home || !access.varies[at])) {
        copy_counts(access, at);
        continue;
      }
      count_at(place, access, at, shape, strides, reachable);
    }
    access.stride = stride_of(place, statement, access, strides);
  }

  static void copy_counts(Nest::Access& access, std::size_t at) {
    for (auto* counts : {&access.elements, &access.lines, &access.pages, &access.crowded})
      (*counts)[at] = (*counts)[at + 1];
  }

  void count_at(const Place& place, Nest::Access& access, std::size_t at, const std::vector<double>& shape,
                const std::vector<double>& strides, double reachable) const {
    const double bytes = place.buffer->dtype.bytes();
    std::vector<Progression> steps;
    double elements = 1;
    for (std::size_t d = 0; d < place.subscripts.size(); ++d) {
      for (Progression step : steps_of(place, d, static_cast<int>(at), shape[d])) {
        elements *= step.count;
        step.step *= strides[d] * bytes;
        steps.push_back(step);
      }
    }
    access.elements[at] = std::max(1.0, std::min(elements, reachable));
    access.lines[at] = std::max(1.0, std::min(granules(steps, bytes, kLineBytes), access.elements[at]));
    access.pages[at] = std::max(1.0, std::min(granules(steps, bytes, kPageBytes), access.lines[at]));
    const double sets = sets_of(std::move(steps), bytes);
    access.crowded[at] = access.lines[at] > 4 * sets ? access.lines[at] * 64 / sets : access.lines[at];
  }

  const Nest::Loop& loop_at(const Nest::Statement& statement, int depth) const {
    return nest.loops[static_cast<std::size_t>(statement.loops[static_cast<std::size_t>(depth)])];
  }

  /// Along the vectorised loop, or else the innermost serial one.
  int64_t stride_of(const Place& place, const Nest::Statement& statement, Nest::Access& access,
                    const std::vector<double>& strides) const {
    int along = statement.vector;
    for (int d = static_cast<int>(statement.loops.size()); along < 0 && d-- > 0;)
      if (loop_at(statement, d).kind == Kind::kSerial) along = d;
    if (along < 0) return 0;
    double total = 0;
    for (std::size_t d = 0; d < place.subscripts.size(); ++d)
      total += strides[d] * digits_.slope(place.subscripts[d], along, access.scattered);
    return static_cast<int64_t>(total);
  }

  /// Small buffers of which every access is at places known when code is generated.
  void find_registers() {
    const double room = 4.0 * machine_.vector_registers * machine_.vector_bytes;
    for (Nest::Buffer& buffer : nest.buffers)
      buffer.registers = !buffer.argument && buffer.elements * buffer.bytes <= room;
    for (const Place& place : places_) {
      const Nest::Statement& statement = nest.statements[place.statement];
      const Nest::Access& access = statement.accesses[place.access];
      Nest::Buffer& buffer = nest.buffers[static_cast<std::size_t>(access.buffer)];
      if (access.scattered) buffer.registers = false;
      for (std::size_t d = static_cast<std::size_t>(buffer.home); d < statement.loops.size(); ++d) {
        const Kind kind = loop_at(statement, static_cast<int>(d)).kind;
        if (access.varies[d] && (kind == Kind::kSerial || kind == Kind::kParallel) &&
            loop_at(statement, static_cast<int>(d)).turns > 1)
          buffer.registers = false;
      }
    }
  }

  void finish() {
    std::unordered_map<int, double> of_type;
    double most = 0;
    for (const Nest::Statement& statement : nest.statements) {
      const double operations = statement.instances * statement.work.operations;
      nest.operations += operations;
      const DType dtype = statement.work.dtype;
      double& total = of_type[static_cast<int>(dtype.code) * 256 + dtype.bits];
      total += operations;
      if (total > most) {
        most = total;
        nest.dtype = dtype;
      }
    }
    std::vector<double> touched(nest.buffers.size());
    for (const Nest::Statement& statement : nest.statements)
      for (const Nest::Access& access : statement.accesses) {
        double& most_elements = touched[static_cast<std::size_t>(access.buffer)];
        most_elements = std::max(most_elements, access.elements[0]);
      }
    for (std::size_t i = 0; i < touched.size(); ++i)
      if (nest.buffers[i].argument) nest.compulsory_bytes += touched[i] * nest.buffers[i].bytes;
  }

  const Machine& machine_;
  Digits digits_;
  std::vector<int> loops_;
  double share_ = 1;
  bool conditional_ = false;
  std::vector<Place> places_;
  std::unordered_map<const BufferNode*, int> numbers_;
  std::unordered_map<const BufferNode*, std::vector<double>> shapes_, strides_;
};

bool has_constants(const Program& program) {
  return std::any_of(program->params.begin(), program->params.end(),
                     [](const Param& param) { return param.param_kind == ParamKind::kConstant; });
}

}  // namespace

Nest nest_of(const Program& program, const Values& parameters, const Values& sizes, const Machine& machine) {
  if (has_constants(program))
    if (const auto prepared = codegen::split_constants(program))
      return Builder(prepared->run, parameters, sizes, machine).nest;
  return Builder(program, parameters, sizes, machine).nest;
}

}  // namespace tw::autotune
