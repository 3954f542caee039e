#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "ir/visit.h"
#include "schedule/judge/relations.h"

namespace tw::schedule::judge {
namespace {

/// A quasi-affine value, as isl writes it.
struct Affine {
  std::string text;
  std::optional<int64_t> constant;
  static Affine of(int64_t value) { return {fmt::format("({})", value), value}; }
};
using MaybeAffine = std::optional<Affine>;
using MaybeText = std::optional<std::string>;

int64_t floor_divided(int64_t a, int64_t b) {
  return b == 0 ? 0 : a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
}

/// Reads statements in the order of the text.
class Walk {
 public:
  Walk(Reading& reading, const Program& program, const IntValues& values) : reading_(reading) {
    for (const Param& param : program->params) {
      if (param.is_buffer()) continue;
      const auto found = values.find(param.var->name);
      values_[&*param.var] =
          Affine::of(found != values.end() ? found->second : std::max<int64_t>(param.default_value, 1));
    }
    for (const Param& param : program->params)
      if (param.is_buffer()) homes_[&*param.buffer] = {};
    visit(program->body);
    end_of(program);
  }

 private:
  void unknown(const std::string& what) {
    if (reading_.unknown.empty()) reading_.unknown = what;
  }

  // Expressions.

  MaybeAffine affine(const Expr& e) {
    if (const auto* value = as<IntImm>(e)) return Affine::of(value->value);
    if (const auto* var = as<Variable>(e)) {
      const auto found = values_.find(var);
      return found == values_.end() ? std::nullopt : found->second;
    }
    if (const auto* conversion = as<Cast>(e))
      return conversion->value.dtype().is_integer() ? affine(conversion->value) : std::nullopt;
    if (const auto* negated = as<Unary>(e)) {
      if (negated->op != UnaryOp::kNeg) return std::nullopt;
      const MaybeAffine a = affine(negated->a);
      if (!a) return std::nullopt;
      return a->constant ? Affine::of(-*a->constant) : Affine{fmt::format("(0 - {})", a->text), {}};
    }
    if (const auto* choice = as<Select>(e)) {
      const MaybeText cond = condition(choice->cond);
      const MaybeAffine a = affine(choice->on_true), b = affine(choice->on_false);
      if (!cond || !a || !b) return std::nullopt;
      return Affine{fmt::format("({} ? {} : {})", *cond, a->text, b->text), {}};
    }
    const auto* binary = as<Binary>(e);
    if (!binary) return std::nullopt;
    const MaybeAffine a = affine(binary->a), b = affine(binary->b);
    if (!a || !b) return std::nullopt;
    return combined(binary->op, *a, *b);
  }

  static MaybeAffine combined(BinaryOp op, const Affine& a, const Affine& b) {
    using enum BinaryOp;
    const bool constant = a.constant && b.constant;
    switch (op) {
      case kAdd:
        if (constant) return Affine::of(*a.constant + *b.constant);
        return Affine{fmt::format("({} + {})", a.text, b.text), {}};
      case kSub:
        if (constant) return Affine::of(*a.constant - *b.constant);
        return Affine{fmt::format("({} - {})", a.text, b.text), {}};
      case kMul:
        if (constant) return Affine::of(*a.constant * *b.constant);
        if (b.constant) return Affine{fmt::format("({} * {})", *b.constant, a.text), {}};
        if (a.constant) return Affine{fmt::format("({} * {})", *a.constant, b.text), {}};
        return std::nullopt;
      case kFloorDiv:
        if (constant) return Affine::of(floor_divided(*a.constant, *b.constant));
        if (b.constant && *b.constant > 0)
          return Affine{fmt::format("floor({} / {})", a.text, *b.constant), {}};
        return std::nullopt;
      case kFloorMod:
        if (constant)
          return Affine::of(*b.constant ? *a.constant - floor_divided(*a.constant, *b.constant) * *b.constant
                                        : 0);
        if (b.constant && *b.constant > 0) return Affine{fmt::format("({} % {})", a.text, *b.constant), {}};
        return std::nullopt;
      case kMin:
        if (constant) return Affine::of(std::min(*a.constant, *b.constant));
        return Affine{fmt::format("min({}, {})", a.text, b.text), {}};
      case kMax:
        if (constant) return Affine::of(std::max(*a.constant, *b.constant));
        return Affine{fmt::format("max({}, {})", a.text, b.text), {}};
      default: return std::nullopt;
    }
  }

  MaybeText condition(const Expr& e) {
    using enum BinaryOp;
    if (const auto* value = as<IntImm>(e)) return value->value ? "(0 = 0)" : "(0 = 1)";
    if (const auto* negated = as<Unary>(e)) {
      const MaybeText a = negated->op == UnaryOp::kNot ? condition(negated->a) : std::nullopt;
      return a ? MaybeText(fmt::format("(not {})", *a)) : std::nullopt;
    }
    const auto* binary = as<Binary>(e);
    if (!binary) return std::nullopt;
    if (is_logical(binary->op)) {
      const MaybeText a = condition(binary->a), b = condition(binary->b);
      // Half of a conjunction is known when the other is not; a disjunction then says nothing.
      if (binary->op == kAnd && (!a || !b)) return a ? a : b;
      if (!a || !b) return std::nullopt;
      return fmt::format("({} {} {})", *a, binary->op == kAnd ? "and" : "or", *b);
    }
    if (!is_comparison(binary->op) || !binary->a.dtype().is_integer()) return std::nullopt;
    const MaybeAffine a = affine(binary->a), b = affine(binary->b);
    if (!a || !b) return std::nullopt;
    const char* sign = binary->op == kEq ? "=" : binary->op == kNe ? "!=" : binary->op == kLt ? "<" : "<=";
    return fmt::format("({} {} {})", a->text, sign, b->text);
  }

  /// Whether `condition` gives just what the expression says, and not only a part that must hold.
  bool is_exact(const Expr& e) {
    if (const auto* negated = as<Unary>(e)) return negated->op == UnaryOp::kNot && is_exact(negated->a);
    const auto* binary = as<Binary>(e);
    if (binary && is_logical(binary->op)) return is_exact(binary->a) && is_exact(binary->b);
    return condition(e).has_value();
  }

  /// Runs f where the condition holds, as far as it is known.
  template <class F>
  void under(const Expr& cond, bool holds, F&& f) {
    const std::size_t before = conditions_.size();
    const bool exact = is_exact(cond), was_exact = exact_;
    if (holds || exact) {
      if (const MaybeText text = condition(cond))
        conditions_.push_back(holds ? *text : "(not " + *text + ")");
    }
    exact_ = exact_ && exact;
    f();
    exact_ = was_exact;
    conditions_.resize(before);
  }

  // Accesses.

  void reads(const Expr& e) {
    if (!e) return;
    if (const auto* choice = as<Select>(e)) {
      reads(choice->cond);
      under(choice->cond, true, [&] { reads(choice->on_true); });
      under(choice->cond, false, [&] { reads(choice->on_false); });
      return;
    }
    if (const auto* load = as<Load>(e)) {
      for (const Expr& index : load->indices) reads(index);
      touch(load->buffer, load->indices, false, false);
      return;
    }
    if (const auto* unary = as<Unary>(e)) return reads(unary->a);
    if (const auto* binary = as<Binary>(e)) return reads(binary->a), reads(binary->b);
    if (const auto* conversion = as<Cast>(e)) return reads(conversion->value);
    if (const auto* call = as<Call>(e))
      for (const Expr& arg : call->args) reads(arg);
    if (e->kind == Kind::kRamp || e->kind == Kind::kBroadcast || e->kind == Kind::kReduce) unknown("vectors");
  }

  void touch(const Buffer& buffer, const std::vector<Expr>& indices, bool write, bool atomic) {
    Touch touch;
    touch.tuple = fmt::format("a{}", reading_.touches.size());
    touch.block = block_;
    touch.block_id = block_ ? block_->id.value : -1;
    touch.number = number_++;
    touch.buffer = &*buffer;
    touch.write = write;
    touch.init = in_init_;
    touch.atomic = atomic;
    touch.exact = exact_;
    touch.own = block_ && block_->reducer &&
                std::any_of(block_->writes.begin(), block_->writes.end(),
                            [&](const Region& r) { return r.buffer.same_as(buffer); });
    touch.loops = loops_;
    touch.iterators = iterators_;
    touch.conditions = conditions_;
    touch.time = time_;
    touch.time.back() = std::to_string(clock_++);
    for (const std::string& home : homes_[&*buffer]) touch.element.push_back(home);
    for (std::size_t d = 0; d < indices.size(); ++d) {
      const MaybeAffine index = affine(indices[d]);
      if (index) {
        touch.element.push_back(index->text);
        continue;
      }
      touch.exact = false;
      const std::string any = fmt::format("u{}", d);
      touch.element.push_back(any);
      const MaybeAffine extent = affine(buffer->shape[d]);
      if (extent) touch.conditions.push_back(fmt::format("(0 <= {} < {})", any, extent->text));
    }
    touch.point = point_;
    touch.spatial = spatial_;
    reading_.time_length = std::max(reading_.time_length, touch.time.size());
    reading_.touches.push_back(std::move(touch));
  }

  // Statements.

  void visit(const Stmt& stmt) {
    if (!stmt) return;
    switch (stmt->kind) {
      case Kind::kSeq:
        for (const Stmt& part : as<Seq>(stmt)->stmts) {
          ++clock_;
          visit(part);
        }
        return;
      case Kind::kFor: return visit_for(*as<For>(stmt));
      case Kind::kBlock: return visit_block(*as<Block>(stmt));
      case Kind::kStore: {
        const auto& store = *as<Store>(stmt);
        for (const Expr& index : store.indices) reads(index);
        const auto run = [&] {
          reads(store.value);
          touch(store.buffer, store.indices, true, store.atomic);
        };
        if (store.predicate)
          under(store.predicate, true, run);
        else
          run();
        return;
      }
      case Kind::kIf: {
        const auto& branch = *as<If>(stmt);
        reads(branch.cond);
        under(branch.cond, true, [&] { visit(branch.then_body); });
        under(branch.cond, false, [&] { visit(branch.else_body); });
        return;
      }
      case Kind::kLet: {
        const auto& let = *as<Let>(stmt);
        reads(let.value);
        if (let.value.dtype().is_integer()) values_[&*let.var] = affine(let.value);
        return visit(let.body);
      }
      case Kind::kAllocate: {
        homes_[&*as<Allocate>(stmt)->buffer] = iterators_;
        return visit(as<Allocate>(stmt)->body);
      }
      case Kind::kAttr: return visit(as<Attr>(stmt)->body);
      case Kind::kPrefetch:
      case Kind::kAssert: return;
      default: unknown(kind_name(stmt->kind));
    }
  }

  void visit_for(const For& loop) {
    const std::string name = fmt::format("i{}", iterators_.size());
    const MaybeAffine extent = affine(loop.extent);
    if (!extent) return unknown("an extent that is not affine");
    const std::vector<std::string> outer_time = time_;
    const std::size_t outer_conditions = conditions_.size(), outer_point = point_.size();
    time_.back() = std::to_string(clock_++);
    time_.push_back(name);
    time_.push_back("0");
    iterators_.push_back(name);
    loops_.push_back(&loop);
    conditions_.push_back(fmt::format("(0 <= {} < {})", name, extent->text));
    values_[&*loop.var] = Affine{name, {}};
    if (block_) point_.push_back(name);
    visit(loop.body);
    point_.resize(outer_point);
    conditions_.resize(outer_conditions);
    loops_.pop_back();
    iterators_.pop_back();
    time_ = outer_time;
  }

  void visit_block(const Block& block) {
    const Block* const outer = block_;
    const std::size_t outer_conditions = conditions_.size();
    const std::vector<std::string> outer_point = point_, outer_spatial = spatial_;
    const int outer_number = number_;
    const bool was_exact = exact_;
    if (block.predicate) {
      if (const MaybeText text = condition(block.predicate)) conditions_.push_back(*text);
      exact_ = exact_ && is_exact(block.predicate);
    }
    std::vector<std::string> first;
    number_ = 0;
    for (const BlockAxis& axis : block.axes) {
      const MaybeAffine binding = affine(axis.binding);
      if (!binding) {
        unknown("a binding that is not affine");
        continue;
      }
      values_[&*axis.var] = binding;
      point_.push_back(binding->text);
      if (axis.axis_kind == AxisKind::kReduction)
        first.push_back(fmt::format("({} = 0)", binding->text));
      else
        spatial_.push_back(binding->text);
    }
    block_ = &block;
    if (block.init) {
      in_init_ = true;
      conditions_.insert(conditions_.end(), first.begin(), first.end());
      visit(block.init);
      conditions_.resize(conditions_.size() - first.size());
      in_init_ = false;
    }
    ++clock_;
    visit(block.body);
    block_ = outer;
    number_ = outer_number;
    point_ = outer_point;
    spatial_ = outer_spatial;
    conditions_.resize(outer_conditions);
    exact_ = was_exact;
  }

  /// The caller reads the outputs.
  void end_of(const Program& program) {
    ++clock_;
    int64_t output = 0;
    for (const Param& param : program->params) {
      if (!param.is_buffer()) continue;
      ++output;
      if (param.param_kind != ParamKind::kOutput && param.param_kind != ParamKind::kInOut) continue;
      Touch touch;
      touch.tuple = fmt::format("a{}", reading_.touches.size());
      touch.block_id = -output;
      touch.buffer = &*param.buffer;
      for (std::size_t d = 0; d < param.buffer->shape.size(); ++d) {
        const std::string name = fmt::format("i{}", d);
        const MaybeAffine extent = affine(param.buffer->shape[d]);
        if (!extent) return unknown("a shape that is not affine");
        touch.iterators.push_back(name);
        touch.conditions.push_back(fmt::format("(0 <= {} < {})", name, extent->text));
      }
      touch.element = touch.point = touch.spatial = touch.iterators;
      touch.time = {std::to_string(clock_)};
      reading_.touches.push_back(std::move(touch));
    }
  }

  Reading& reading_;
  std::map<const Variable*, MaybeAffine> values_;
  std::map<const BufferNode*, std::vector<std::string>> homes_;  // iterators around the allocation
  std::vector<std::string> iterators_, conditions_, point_, spatial_;
  std::vector<std::string> time_ = {"0"};
  std::vector<const For*> loops_;
  const Block* block_ = nullptr;
  bool in_init_ = false, exact_ = true;
  int number_ = 0;
  int64_t clock_ = 0;
};

}  // namespace

Reading read_program(const Program& program, const IntValues& values) {
  Reading reading;
  Walk(reading, program, values);
  return reading;
}

}  // namespace tw::schedule::judge
