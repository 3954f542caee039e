// pipeline(k, 2):
//
//   for k in n:                              allocate T: [2, 16]
//     allocate T: [64]                       ordered for k in n + 1:
//     for i in 16:                             for i in 16:
//       block T(v = k*16 + i):                   block T(v = k*16 + i) where k < n:
//         T[v] = A[v]                    =>        T[v // 16 % 2, v % 16] = A[v]
//     for i in 16:                             for i in 16:
//       block C(v = k*16 + i):                   block C(v = k*16 + i - 16) where 1 <= k:
//         C[v] = C[v] + T[v]                       C[v] = C[v] + T[v // 16 % 2, v % 16]
//
// Software pipelining. Statements of the body run in stages: one of stage s does in turn t the work of turn
// t - s, so those of stage 0 run ahead. The loop has as many turns more as the last stage waits, and the
// first and last turns leave out what is not there by conditions on the blocks. A buffer that lives in one
// turn and goes from one stage to a later one gets a version for each turn on the way, numbered by the turn
// modulo their number; dimensions that move with the loop shrink to what one turn touches. The loop becomes
// ordered.
//
// Stage 0 are the statements that fill such buffers from what the loop does not change; the others are the
// last stage. A note `pipeline_stage` on a block (annotate) puts its statement elsewhere.
//
// Needed: blocks in plain loops alone; nothing is moved past what it conflicts with. A buffer from outside
// the loop is drawn in when no turn reads there what another wrote. Blocks tell their turn from their axes;
// one that cannot gets an axis more. Not checked: whether the versions fit their memory.
//
// For lowering: the loop carries the note `pipeline = stages`, and a block that copies from global into
// versions in shared memory `async = 1`: its stores may be asynchronous copies. Each turn then commits one
// group, and waits for all but the last V - 1, V the number of versions, before they are read.
#include <algorithm>
#include <map>
#include <set>

#include "ir/analysis/dependence.h"
#include "ir/analysis/iter_map.h"
#include "ir/analysis/regions.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/copies.h"
#include "schedule/loops.h"
#include "schedule/moving.h"
#include "schedule/pipeline_stages.h"
#include "schedule/versions.h"

namespace tw::schedule {
namespace {

/// Loops whose turns are counted from another one can get a negative extent in turns that do nothing.
class NoNegativeExtents : public Mutator {
 public:
  explicit NoNegativeExtents(const Var& var) : var_(var) {}

 protected:
  using Mutator::on;
  Stmt on(const Block& node) override { return Stmt(&node); }
  Stmt on(const For& node) override {
    const Stmt inner = Mutator::on(node);
    if (!uses_var(node.extent, var_)) return inner;
    auto* copy = new For(*as<For>(inner));
    copy->extent = max(node.extent, 0);
    return Stmt(copy);
  }

 private:
  const Var& var_;
};

class Pipeline {
 public:
  explicit Pipeline(const Step& step)
      : step_(step), var_(step.loop(0).loop().var), stages_(step.integer(1)) {}

  Outcome apply() {
    require_serial(step_, step_.loop(0));
    if (stages_ < 2) step_.refuse(step_.loop(0).node, "a pipeline has at least 2 stages, not {}", stages_);
    draw_in_allocations();
    open_body();
    sort_accesses();
    find_stages();
    require_order();
    for (const Buffer& buffer : own_) plan_versions(buffer);
    find_turns();
    for (Versions& v : versions_) make_fresh(v);
    return {step_.with_body(replaced_at(program_, place_, new_loop())), {}, replaced()};
  }

 private:
  const For& loop() const { return place_.loop(); }
  const std::string& name() const { return var_->name; }
  std::size_t depth() const { return place_.loops().size() + 1; }
  bool is_inside(const Access& access) const {
    return access.loops.size() >= depth() && access.loops[depth() - 1] == &loop();
  }
  static std::string who(const Access& access) {
    return access.unit ? "block " + access.unit->name.text : "the program";
  }

  void set_program(const Stmt& body) {
    program_ = ProgramNode::make("", step_.program()->params, body);
    place_ = find_loop(program_, var_);
    accesses_ = collect_accesses(body);
  }

  /// Moves allocations of buffers that the loop alone uses, a turn for itself, from outside into the loop.
  void draw_in_allocations() {
    set_program(step_.program()->body);
    std::vector<Buffer> outside;
    for (const StmtNode* around : place_.around)
      if (const auto* allocation = as<Allocate>(static_cast<const Node*>(around)))
        outside.push_back(allocation->buffer);
    for (const Buffer& buffer : outside) {
      const bool only_here = std::all_of(accesses_.begin(), accesses_.end(), [&](const Access& access) {
        return !access.buffer.same_as(buffer) || (access.unit && is_inside(access));
      });
      if (!only_here) continue;
      const Stmt body = program_->body;
      const Stmt sunk = sink_allocation(
          body, buffer, [&](const For& crossed) { return keeps_to_its_turn(body, buffer, crossed); });
      const Program shell = ProgramNode::make("", {}, sunk);
      const std::vector<const For*> around = allocation_of(shell, buffer).loops();
      if (std::any_of(around.begin(), around.end(), [&](const For* l) { return l->var.same_as(var_); }))
        set_program(sunk);
    }
  }

  /// Takes the body apart: what stands around its statements, and the statements.
  void open_body() {
    std::vector<Stmt> flat;
    const std::function<void(const Stmt&)> open = [&](const Stmt& stmt) {
      const auto* attr = as<Attr>(stmt);
      if (const auto* allocation = as<Allocate>(stmt)) {
        own_.push_back(allocation->buffer);
        open(allocation->body);
      } else if (const auto* seq = as<Seq>(stmt)) {
        for (const Stmt& inner : seq->stmts) open(inner);
      } else if (attr && flat.empty()) {
        attributes_.push_back(attr);
        open(attr->body);
      } else {
        flat.push_back(stmt);
      }
    };
    open(loop().body);
    for (const Stmt& stmt : flat) {
      require_plain(stmt);
      parts_.push_back({stmt, 0, {}});
    }
  }

  /// Refuses what cannot be left out of the turns in which a stage has nothing to do.
  void require_plain(const Stmt& stmt) const {
    const std::function<void(const Node*)> check = [&](const Node* node) {
      const auto* branch = as<If>(node);
      const auto* let = as<Let>(node);
      const auto* seq = as<Seq>(node);
      if (const auto* inner = as<For>(node)) return check(inner->body.get());
      if (const auto* allocation = as<Allocate>(node)) return check(allocation->body.get());
      if (const auto* attr = as<Attr>(node)) return check(attr->body.get());
      if (seq) {
        for (const Stmt& child : seq->stmts) check(child.get());
        return;
      }
      const Expr value = branch ? branch->cond : let ? let->value : Expr();
      if (value && !uses_var(value, var_) && !is_data_dependent(value)) {
        check(branch ? branch->then_body.get() : let->body.get());
        if (branch && branch->else_body) check(branch->else_body.get());
        return;
      }
      if (node->kind == Kind::kBlock || node->kind == Kind::kPrefetch) return;
      step_.refuse(node,
                   "this stands in loop {} outside of blocks, and turns in which its stage has nothing to do "
                   "cannot leave it out; only blocks in plain loops run in stages",
                   name());
    };
    check(stmt.get());
  }

  void sort_accesses() {
    std::map<const Block*, std::size_t> part_of;
    for (std::size_t i = 0; i < parts_.size(); ++i)
      for (const Block* block : blocks_below(parts_[i].stmt.get())) part_of[block] = i;
    for (const Access* access :
         distinct_accesses(accesses_, [&](const Access& a) { return a.unit && is_inside(a); }))
      parts_[part_of.at(access->unit)].accesses.push_back(access);
  }

  bool is_own(const Buffer& buffer) const {
    return std::any_of(own_.begin(), own_.end(), [&](const Buffer& b) { return b.same_as(buffer); });
  }

  void find_stages() {
    choose_stages(step_, parts_, own_, stages_);
    const auto [first, last] = std::minmax_element(
        parts_.begin(), parts_.end(), [](const Part& a, const Part& b) { return a.stage < b.stage; });
    last_ = parts_.empty() ? 0 : last->stage;
    if (!parts_.empty() && first->stage < last_) return;
    step_.refuse(&loop(),
                 "no statement of loop {} fills a buffer of its turn alone that a later statement reads, so "
                 "none can run ahead; cache_read and compute_at put a copy into the loop",
                 name());
  }

  /// Pairs that come in another order than before must touch nothing in common.
  void require_order() const {
    for (std::size_t i = 0; i < parts_.size(); ++i)
      for (std::size_t j = 0; j < parts_.size(); ++j) {
        const int64_t ahead =
            parts_[j].stage - parts_[i].stage;  // by how many turns part i comes to run ahead
        for (const Access* early : parts_[i].accesses)
          for (const Access* late : parts_[j].accesses) {
            if (ahead <= 0 || !early->buffer.same_as(late->buffer) || (!early->write && !late->write))
              continue;
            // Versions keep turns apart.
            const int64_t end = is_own(early->buffer) ? 0 : i < j ? ahead : ahead - 1;
            for (int64_t distance = i < j ? 1 : 0; distance <= end; ++distance)
              if (may_meet(*early, *late, distance)) refuse_order(*early, *late, distance);
          }
      }
  }

  /// Whether `early` in a turn and `late` so many turns before may touch one element.
  bool may_meet(const Access& early, const Access& late, int64_t distance) const {
    for (std::size_t i = depth(); i < late.loops.size(); ++i)
      if (uses_var(late.loops[i]->extent, var_)) {
        if (overlap_across_turns(early, late, depth() - 1) != Overlap::kNever) return true;
        return distance == 0 && overlap(early, late, depth()) != Overlap::kNever;
      }
    Access before = late;
    const VarMap earlier{{&*var_, var_ - Expr(distance)}};
    for (Range& range : before.box)
      range = {substitute(range.min, earlier), substitute(range.extent, earlier)};
    for (Expr& guard : before.guards) guard = substitute(guard, earlier);
    for (Expr& binding : before.bindings) binding = substitute(binding, earlier);
    if (distance > 0) before.guards.push_back(ge(var_, distance));
    return overlap(early, before, depth()) != Overlap::kNever;
  }

  [[noreturn]] void refuse_order(const Access& early, const Access& late, int64_t distance) const {
    const std::string when = distance == 0   ? "later in the turn"
                             : distance == 1 ? "one turn later"
                                             : fmt::format("{} turns later", distance);
    step_.refuse(find_block(step_.program(), early.unit->id.value).node,
                 "{} {} elements of buffer {} that {} {} {}, and {} would now come first; {}", who(late),
                 late.write ? "writes" : "reads", late.buffer->name.text, who(early),
                 early.write ? "writes" : "reads", when, who(early),
                 is_own(early.buffer) ? "move the block that runs ahead to the front of the loop"
                                      : "only buffers that live in one turn of the loop get versions");
  }

  std::vector<const Access*> uses_of(const Buffer& buffer) const {
    std::vector<const Access*> uses;
    for (const Part& part : parts_)
      for (const Access* access : part.accesses)
        if (access->buffer.same_as(buffer)) uses.push_back(access);
    return uses;
  }

  void plan_versions(const Buffer& buffer) {
    int64_t first = stages_, last = -1;
    for (const Part& part : parts_) {
      if (!touches(part, buffer, false) && !touches(part, buffer, true)) continue;
      first = std::min(first, part.stage);
      last = std::max(last, part.stage);
    }
    if (first >= last) return;
    if (buffer->lane_map)
      step_.refuse(&loop(), "buffer {} is a fragment, laid out over the lanes of a warp; it has no versions",
                   buffer->name.text);
    Versions v{buffer, {}, last - first + 1, std::vector<Span>(buffer->shape.size())};
    const std::vector<Span> box = touched_box(uses_of(buffer), depth());
    for (std::size_t d = 0; d < box.size() && buffer->strides.empty(); ++d)
      if (box[d] && uses_var(box[d].min, var_) && is_fixed(box[d].extent)) v.parts[d] = box[d];
    versions_.push_back(std::move(v));
  }

  /// Whether the value is the same for the whole program.
  bool is_fixed(const Expr& e) const {
    const std::vector<Var> vars = free_vars(e);
    return std::all_of(vars.begin(), vars.end(), [&](const Var& var) {
      return std::any_of(program_->params.begin(), program_->params.end(),
                         [&](const Param& param) { return param.var && param.var.same_as(var); });
    });
  }

  bool has_versions(const Buffer& buffer) const {
    return std::any_of(versions_.begin(), versions_.end(),
                       [&](const Versions& v) { return v.old.same_as(buffer); });
  }

  /// What every block that uses versions knows of its turn. Dimensions stay whole where some block does not
  /// know enough.
  void find_turns() {
    for (const Versions& v : versions_)
      for (const Access* use : uses_of(v.old))
        if (!turns_.contains(use->block)) turns_[use->block] = turn_of(*use);
    for (Versions& v : versions_)
      for (Span& part : v.parts)
        for (const Access* use : uses_of(v.old)) {
          const VarMap& known = turns_.at(use->block).loops;
          const std::vector<Var> vars = part ? free_vars(part.min) : std::vector<Var>();
          const auto missing = [&](const Var& var) { return !known.contains(&*var) && !is_fixed(var); };
          if (std::any_of(vars.begin(), vars.end(), missing)) part = {};
        }
  }

  TurnOfBlock turn_of(const Access& access) const {
    const Block& block = *access.block;
    std::vector<LoopRange> loops;
    for (const For* around : access.loops) loops.push_back({around->var, around->extent});
    std::vector<Expr> axes;
    for (const BlockAxis& axis : block.axes) axes.push_back(axis.var);
    TurnOfBlock turn;
    const Expr predicate = access.block == access.unit ? block.predicate : Expr();
    if (const IterMapResult map = detect_iter_map(access.bindings, loops, predicate)) {
      const std::vector<Expr> values = determined_loops(*map, axes);
      for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i]) turn.loops[&*loops[i].var] = values[i];
    }
    const auto known = turn.loops.find(&*var_);
    if (known != turn.loops.end() && (!block.init || !follows_order(block, known->second))) return turn;
    if (known == turn.loops.end() && is_fixed(loop().extent) && access.block == access.unit &&
        may_count_turns(block)) {
      const bool reduces = block.reducer && !fills_versions(block);
      turn.axis = {reduces ? AxisKind::kReduction : AxisKind::kSpatial, loop().extent, var_,
                   Var("v" + name())};
      turn.loops[&*var_] = turn.axis.var;
      return turn;
    }
    step_.refuse(find_block(step_.program(), access.unit->id.value).node,
                 "block {} cannot tell from its axes in which turn of loop {} it runs, so it does not know "
                 "its version of buffer {}; decompose_reduction takes the init away that stands against an "
                 "axis for the turn",
                 access.unit->name.text, name(), access.buffer->name.text);
  }

  /// An init runs once for all points of ordered axes, and would set one version alone.
  static bool follows_order(const Block& block, const Expr& turn) {
    return std::any_of(block.axes.begin(), block.axes.end(), [&](const BlockAxis& axis) {
      return axis.axis_kind == AxisKind::kOrdered && uses_var(turn, axis.var);
    });
  }

  bool fills_versions(const Block& block) const {
    return std::all_of(block.writes.begin(), block.writes.end(),
                       [&](const Region& write) { return has_versions(write.buffer); });
  }

  /// An axis that counts turns leaves the meaning of a block unless its init would run again in each.
  bool may_count_turns(const Block& block) const { return !block.init || fills_versions(block); }

  /// The statement as it runs in turns of the new loop.
  Stmt delayed(const Part& part) const {
    const Var turn(name());
    Context context = context_at(place_);
    context.bind(turn, 0, loop().extent + Expr(last_));
    Expr condition = make_bool(true);
    if (part.stage > 0) condition = le(part.stage, turn);
    if (part.stage < last_) condition = logical_and(condition, lt(turn, loop().extent + Expr(part.stage)));
    Stmt stmt = with_versions(part.stmt, var_, versions_, turns_);
    stmt = NoNegativeExtents(var_).mutate(with_copies_noted(stmt, part));
    stmt = rebind(stmt, {{&*var_, turn - Expr(part.stage)}}, condition, context);
    return substitute(stmt, {{&*turn, var_}});
  }

  /// Copies of global to shared memory that are read stages later.
  Stmt with_copies_noted(const Stmt& stmt, const Part& part) const {
    if (part.stage == last_) return stmt;
    return map_blocks(stmt, [&](const Block& block) -> Stmt {
      const Store* store = only_store(block);
      const auto* load = store ? as<Load>(store->value) : nullptr;
      const bool copies = load && !load->predicate && load->buffer->scope == Scope::kGlobal &&
                          store->buffer->scope == Scope::kShared;
      const auto is_version = [&](const Versions& v) { return v.fresh.same_as(store->buffer); };
      if (!copies || std::none_of(versions_.begin(), versions_.end(), is_version)) return {};
      auto* copy = new Block(block);
      copy->annotations["async"] = int64_t{1};
      return Stmt(copy);
    });
  }

  Stmt new_loop() {
    std::vector<Stmt> stmts;
    for (Part& part : parts_) {
      for (const Versions& v : versions_)
        if (part.stmt) part.stmt = without_prefetches(part.stmt, v.old);
      if (part.stmt) stmts.push_back(delayed(part));
    }
    Stmt body = Seq::make(std::move(stmts));
    for (auto buffer = own_.rbegin(); buffer != own_.rend(); ++buffer)
      if (!has_versions(*buffer)) body = Allocate::make(*buffer, body);
    for (auto attr = attributes_.rbegin(); attr != attributes_.rend(); ++attr)
      body = Attr::make((*attr)->key, (*attr)->value, body);
    auto* fresh = new For(loop());
    Stmt result(fresh);
    fresh->extent = simplify(loop().extent + Expr(last_), context_at(place_));
    fresh->ordered = true;
    fresh->annotations["pipeline"] = stages_;
    fresh->body = body;
    for (auto v = versions_.rbegin(); v != versions_.rend(); ++v) result = Allocate::make(v->fresh, result);
    return result;
  }

  std::vector<std::pair<Buffer, Buffer>> replaced() const {
    std::vector<std::pair<Buffer, Buffer>> pairs;
    for (const Versions& v : versions_) pairs.emplace_back(v.old, v.fresh);
    return pairs;
  }

  const Step& step_;
  Var var_;
  int64_t stages_, last_ = 0;
  Program program_;  // with the allocations drawn in
  LoopPlace place_;
  std::vector<Access> accesses_;
  std::vector<const Attr*> attributes_;
  std::vector<Buffer> own_;  // allocated in the loop around its statements
  std::vector<Part> parts_;
  std::vector<Versions> versions_;
  std::map<const Block*, TurnOfBlock> turns_;
};

Outcome pipeline(const Step& step) {
  return Pipeline(step).apply();
}

const Registration registration{{
    .name = "pipeline",
    .summary = "Lets statements that fill buffers run turns ahead of those that read them.",
    .doc = R"(    for k in n:                              alloc T: [2, 16]
      alloc T: [64]                          ordered for k in n + 1:
      for i in 16:                             for i in 16:
        block T(v = k*16 + i):                   block T(v = k*16 + i) if k < n:
          T[v] = A[v]                    =>        T[v // 16 % 2, v % 16] = A[v]
      for i in 16:                             for i in 16:
        block C(v = k*16 + i):                   block C(v = k*16 + i - 16) if 1 <= k:
          C[v] = C[v] + T[v]                       C[v] = C[v] + T[v // 16 % 2, v % 16]

Statements of the body that fill buffers of one turn from what the loop does not change are stage 0; the others are the
last stage and work for an earlier turn. annotate(block, "pipeline_stage", s) puts a statement elsewhere. Buffers between
stages get a version for each turn on the way and shrink to what a turn touches. The loop has `stages` - 1 turns more and
becomes ordered. Nothing may be moved past what it conflicts with. Copies from global to shared memory are noted as
`async`, for lowering to make asynchronous copies of. Whether the versions fit their memory is not checked.)",
    .args = {{"loop", ArgKind::kLoop, "A serial loop around producers and consumers."},
             {"stages", ArgKind::kInt, "How many turns are under way at once, at least 2."}},
    .example = R"(>>> k_0, k_1 = s.split(k, [None, 2])
>>> s.reorder(k_0, i, j, k_1)
>>> s.compute_at(s.cache_read(s.block("C"), "A", "shared"), k_0)
>>> s.pipeline(k_0, 2)
>>> "ordered for k_0" in str(s)
True)",
    .apply = pipeline,
}};

}  // namespace
}  // namespace tw::schedule
