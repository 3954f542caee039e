#include "codegen/passes/check_subscripts.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "codegen/passes/context_mutator.h"
#include "ir/equal.h"
#include "ir/text.h"

namespace tw::codegen {
namespace {

using Variables = std::unordered_set<const Variable*>;

/// 64-bit data in index arithmetic are first held to this, so that no sum or product overflows on the way to
/// the comparison with the extent.
constexpr int64_t kMostInArithmetic = int64_t{1} << 40;

/// Whether data decide the value.
bool is_from_data(const Expr& e, const Variables& from_data) {
  bool found = false;
  for_each_node(e, [&](const Node* node) {
    const auto* var = as<Variable>(node);
    found = found || node->kind == Kind::kLoad || (var && from_data.contains(var));
  });
  return found;
}

/// The checks that the accesses of one statement need, in an order in which each may be evaluated after those
/// before it.
class FindChecks : public Visitor {
 public:
  FindChecks(const Context& context, const Variables& from_data) : context_(context), from_data_(from_data) {}

  /// An access to `count` elements of each dimension from these subscripts on.
  void access(const Buffer& buffer, const std::vector<Expr>& indices, const Expr& predicate,
              const std::vector<Expr>& counts = {}) {
    under(predicate, [&] {
      for (std::size_t d = 0; d < indices.size(); ++d)
        subscript(buffer, d, indices[d], d < counts.size() ? counts[d] : Expr(1));
    });
  }

  std::vector<Stmt> found;

 protected:
  using Visitor::on;
  void on(const Load& node) override {
    walk(node);
    access(node.buffer, node.indices, node.predicate);
  }
  void on(const Select& node) override {
    visit(node.cond);
    under(node.cond, [&] { visit(node.on_true); });
    under(logical_not(node.cond), [&] { visit(node.on_false); });
  }

 private:
  template <class F>
  void under(const Expr& guard, const F& f) {
    const ContextScope scope(context_);
    if (guard) {
      context_.assume(guard);
      guards_.push_back(guard);
    }
    f();
    if (guard) guards_.pop_back();
  }

  void subscript(const Buffer& buffer, std::size_t d, const Expr& index, const Expr& count) {
    if (!is_from_data(index, from_data_) && !is_from_data(count, from_data_)) return;
    const std::string message =
        fmt::format("subscript {} of {}, which the data give, is outside of its extent {}", d,
                    buffer->name.text, to_text(buffer->shape[d]));
    const ContextScope scope(context_);
    bound_arithmetic(index, message);
    const Expr &extent = buffer->shape[d], above = ge(index, 0),
               below = is_int(count, 1) ? lt(index, extent) : le(index + count, extent);
    const bool is_above = prove(above, context_), is_below = prove(below, context_);
    if (is_above && is_below) return;
    require(is_above ? below : is_below ? above : logical_and(above, below), message);
  }

  /// Data of 64 bits that go through index arithmetic.
  void bound_arithmetic(const Expr& e, const std::string& message) {
    if (const auto* node = as<Binary>(e); node && e.dtype() == kIndex) {
      for (const Expr& operand : {node->a, node->b}) {
        bound_arithmetic(operand, message);
        if (node->op > BinaryOp::kMul || !is_data_alone(operand)) continue;
        const Interval range = bounds(operand, context_);
        if (range.min < -kMostInArithmetic || range.max > kMostInArithmetic)
          require(logical_and(ge(operand, -kMostInArithmetic), le(operand, kMostInArithmetic)), message);
      }
    }
  }

  bool is_data_alone(const Expr& e) const {
    return as<Cast>(e) ? is_from_data(e, from_data_) : from_data_.contains(as<Variable>(e));
  }

  void require(const Expr& holds, const std::string& message) {
    context_.assume(holds);
    Expr cond = holds;
    for (std::size_t i = guards_.size(); i-- > 0;) cond = select(guards_[i], cond, make_bool(true));
    for (const Stmt& check : found)
      if (structural_equal(as<Assert>(check)->cond, cond)) return;
    found.push_back(Assert::make(cond, message, AssertKind::kIndex));
  }

  Context context_;
  const Variables& from_data_;
  std::vector<Expr> guards_;
};

class CheckSubscripts : public ContextMutator {
 protected:
  using ContextMutator::on;

  Stmt on(const Store& node) override {
    return checked(Stmt(&node), [&](FindChecks& find) {
      for (const Expr& index : node.indices) find.visit(index);
      find.visit(node.predicate);
      find.visit(node.value);
      find.access(node.buffer, node.indices, node.predicate);
    });
  }
  Stmt on(const TensorCall& node) override {
    return checked(Stmt(&node), [&](FindChecks& find) {
      for (const Region& box : node.operands) {
        std::vector<Expr> begin, extent;
        for (const Range& range : box.ranges) {
          find.visit(range.min);
          find.visit(range.extent);
          begin.push_back(range.min);
          extent.push_back(range.extent);
        }
        find.access(box.buffer, begin, {}, extent);
      }
    });
  }
  Stmt on(const AsyncCopy& node) override {
    return checked(Stmt(&node), [&](FindChecks& find) {
      for (const bool from : {true, false}) {
        const std::vector<Expr>& indices = from ? node.from_indices : node.to_indices;
        for (const Expr& index : indices) find.visit(index);
        std::vector<Expr> counts(indices.size(), Expr(1));
        if (!counts.empty()) counts.back() = Expr(node.count);
        find.access(from ? node.from : node.to, indices, {}, counts);
      }
    });
  }
  Stmt on(const Assert& node) override {
    return checked(Stmt(&node), [&](FindChecks& find) { find.visit(node.cond); });
  }
  Stmt on(const Prefetch& node) override {  // may be out of range itself
    return checked(Stmt(&node), [&](FindChecks& find) {
      for (const Expr& index : node.indices) find.visit(index);
    });
  }

  Stmt on(const If& node) override {
    const Stmt inside = ContextMutator::on(node);
    return checked(inside, [&](FindChecks& find) { find.visit(node.cond); });
  }
  Stmt on(const Let& node) override {
    if (is_from_data(node.value, from_data_)) from_data_.insert(&*node.var);
    std::vector<Stmt> lifted;
    const Stmt body =
        lift(mutate(node.body), lifted, [&](const Expr& cond) { return !uses_var(cond, node.var); });
    const Stmt inside = body.same_as(node.body) ? Stmt(&node) : Let::make(node.var, node.value, body);
    return checked(
        inside, [&](FindChecks& find) { find.visit(node.value); }, lifted);
  }
  Stmt on(const Allocate& node) override {
    std::vector<Stmt> lifted;
    const std::unordered_set<const BufferNode*> own{node.buffer.get()};
    const Stmt body =
        lift(mutate(node.body), lifted, [&](const Expr& cond) { return !reads_any(cond, own); });
    const Stmt inside = body.same_as(node.body) ? Stmt(&node) : Allocate::make(node.buffer, body);
    return checked(
        inside,
        [&](FindChecks& find) {
          for (const Expr& extent : node.buffer->shape) find.visit(extent);
        },
        lifted);
  }
  Stmt on(const For& node) override {
    if (is_from_data(node.extent, from_data_)) from_data_.insert(&*node.var);
    Stmt inside = ContextMutator::on(node);
    std::vector<Stmt> lifted;
    if (node.loop_kind != LoopKind::kBound) {
      const Stmt body =
          lift(as<For>(inside)->body, lifted, [&](const Expr& cond) { return !uses_var(cond, node.var); });
      if (!lifted.empty()) {
        auto* copy = new For(*as<For>(inside));
        inside = Stmt(copy);
        copy->body = body;
      }
      if (!prove(lt(0, node.extent), context_))  // no turn, no check
        for (Stmt& check : lifted) {
          const auto* inner = as<Assert>(check);
          check = Assert::make(select(lt(0, node.extent), inner->cond, make_bool(true)), inner->message,
                               inner->assert_kind);
        }
    }
    return checked(
        inside, [&](FindChecks& find) { find.visit(node.extent); }, lifted);
  }

 private:
  /// The statement behind the checks that its own expressions need, and those that come from inside of it.
  template <class F>
  Stmt checked(const Stmt& rewritten, const F& look, const std::vector<Stmt>& lifted = {}) {
    FindChecks find(context_, from_data_);
    look(find);
    std::vector<Stmt> stmts = std::move(find.found);
    stmts.insert(stmts.end(), lifted.begin(), lifted.end());
    if (stmts.empty()) return rewritten;
    stmts.push_back(rewritten);
    return Seq::make(std::move(stmts));
  }

  /// The body without those of its assertions that may leave it, and read nothing that it writes. What an
  /// assertion relies on, earlier ones about parts of its own expression, leaves with it.
  template <class F>
  static Stmt lift(const Stmt& body, std::vector<Stmt>& lifted, const F& may_leave) {
    const auto* seq = as<Seq>(body);
    const auto is_check = [](const Stmt& stmt) { return as<Assert>(stmt) != nullptr; };
    if (!seq || std::none_of(seq->stmts.begin(), seq->stmts.end(), is_check)) return body;
    const auto written = written_in(body);
    std::vector<Stmt> rest;
    for (const Stmt& stmt : seq->stmts) {
      const auto* check = as<Assert>(stmt);
      const bool leaves = check && may_leave(check->cond) && !reads_any(check->cond, written);
      (leaves ? lifted : rest).push_back(stmt);
    }
    return lifted.empty() ? body : Seq::make(std::move(rest));
  }

  Variables from_data_;
};

}  // namespace

Program check_subscripts(const Program& program) {
  return CheckSubscripts().mutate(program);
}

}  // namespace tw::codegen
