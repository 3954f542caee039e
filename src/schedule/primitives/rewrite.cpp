// rewrite(conv, "im2col"):
//
//                                          alloc patches: float32[p, c*9]
//   for f, y, x, c, ky, kx:                for i, k: block patches(…): patches[vi, vk] = data[…]
//     block conv(…):                 =>    for f, y, x, k:
//       … data[…] * weight[…]                block conv(…): … patches[…] * weight[…]
//
// Puts another algorithm in the place of a block and, where the rewrite says so, of the blocks that only feed
// it. The rewrite (rewrite.h) recognises what they compute and gives tensor expressions; these are lowered as
// the first program of an expression is, into the place of the last block that goes. Whatever loops the old
// blocks had go with them.
//
// Needed: every block that goes and whose results stay runs for its whole domain in the loops that go; loops
// shared with other blocks may stay around, if no block that goes follows them. Nothing else writes those
// results, or uses what lies between the blocks that go. Between the first and the last of them nothing
// writes what they read, or reads what they write. Whether the rewrite computes the same is its own promise:
// the program's attribute "rewrites" keeps the bound that it declares.
#include "schedule/rewrite.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "ir/analysis/accesses.h"
#include "ir/analysis/iter_map.h"
#include "schedule/blocks.h"
#include "te/lower.h"

namespace tw::schedule {
namespace {

const Rewrite& asked_rewrite(const Step& step) {
  if (const Rewrite* rewrite = find_rewrite(step.text(1))) return *rewrite;
  std::string names;
  for (const Rewrite* rewrite : rewrites()) names += (names.empty() ? "" : ", ") + rewrite->name;
  step.refuse(nullptr, "there is no rewrite '{}'; the rewrites are {}", step.text(1), names);
}

void check_options(const Step& step, const Rewrite& rewrite) {
  const List& given = *step.value(2).get_if<List>();
  for (const Value& pair : given) {
    const List& parts = *pair.get_if<List>();
    const std::string& name = *parts[0].get_if<std::string>();
    const auto spec = std::find_if(rewrite.options.begin(), rewrite.options.end(),
                                   [&](const ArgSpec& s) { return s.name == name; });
    if (spec == rewrite.options.end()) {
      std::string names;
      for (const ArgSpec& known : rewrite.options) names += (names.empty() ? "" : ", ") + known.name;
      step.refuse(nullptr, "the rewrite {} has no option '{}'; {}", rewrite.name, name,
                  names.empty() ? "it takes none" : "its options are " + names);
    }
    if (!fits(spec->kind, parts[1]))
      step.refuse(nullptr, "the option '{}' of the rewrite {} must be {}", name, rewrite.name,
                  article(spec->kind));
  }
  for (const ArgSpec& spec : rewrite.options)
    if (spec.required && !step.option(2, spec.name))
      step.refuse(nullptr, "the rewrite {} needs the option '{}': {}", rewrite.name, spec.name, spec.doc);
}

/// What the rewrite gives. What tensor expressions find wrong with what it made of the block is a refusal
/// too.
Replacement replacement(const Step& step, const Rewrite& rewrite) {
  const BlockPlace block = step.block(0);
  try {
    return rewrite.apply(step, block);
  } catch (const UserError& error) {
    if (std::string_view(error.what()).starts_with(step.primitive().name)) throw;
    step.refuse(block.node, "the rewrite {} does not fit block {}: {}", rewrite.name, block.block().name.text,
                error.what());
  }
}

bool is_among(const Buffer& buffer, const std::vector<std::pair<te::Tensor, Buffer>>& placed) {
  return std::any_of(placed.begin(), placed.end(),
                     [&](const auto& pair) { return pair.second.same_as(buffer); });
}

/// The name, or the name with a number, that is not taken; it is from then on.
std::string fresh_among(std::set<std::string>& taken, const std::string& wanted) {
  std::string name = wanted;
  for (int i = 1; !taken.insert(name).second; ++i) name = fmt::format("{}_{}", wanted, i);
  return name;
}

/// Removes allocations of buffers, and what is left of statements that hold nothing.
class WithoutAllocations : public Mutator {
 public:
  explicit WithoutAllocations(const std::vector<Buffer>& gone) : gone_(gone) {}

 protected:
  using Mutator::on;
  Stmt on(const Allocate& node) override {
    const bool goes = std::any_of(gone_.begin(), gone_.end(),
                                  [&](const Buffer& buffer) { return buffer.same_as(node.buffer); });
    return goes ? mutate(node.body) : Stmt(rebuild(node));
  }
  Stmt on(const Seq& node) override {
    std::vector<Stmt> stmts;
    for (const Stmt& stmt : node.stmts) stmts.push_back(mutate(stmt));
    return Seq::make(stmts);
  }
  Stmt on(const Block& node) override { return Stmt(&node); }

 private:
  const std::vector<Buffer>& gone_;
};

class Rewriting {
 public:
  Rewriting(const Step& step, const Rewrite& rewrite)
      : step_(step), rewrite_(rewrite), made_(replacement(step, rewrite)) {}

  Outcome apply() {
    find_sites();
    sort_buffers();
    for (const BlockPlace& place : places_)
      if (writes_output(place.block())) require_complete(place);
    require_alone();
    require_undisturbed();
    require_in_scope();
    const Stmt fresh = lowered();
    std::vector<Outcome::Result> blocks;
    for (const Block* block : blocks_below(fresh.get())) blocks.emplace_back(block->id);
    const Program program = step_.with_body(replaced(fresh));
    const AppliedRewrite applied{call_text(), made_.error_factor, made_.error_per_term, made_.error_scale};
    return {ProgramNode::make(program->name, program->params, program->body,
                              with_applied_rewrite(program, applied)),
            {Outcome::Result(blocks)},
            {}};
  }

 private:
  const std::string& last_name() const { return places_.back().block().name; }

  bool goes(const Block* block) const {
    return std::find(made_.replaced.begin(), made_.replaced.end(), block->id.value) != made_.replaced.end();
  }

  /// The outermost statement that holds nothing but blocks that go.
  Place site_of(const BlockPlace& block) const {
    Place place = block;
    while (!place.around.empty()) {
      const Node* parent = place.around.back();
      if (parent->kind == Kind::kSeq || parent->kind == Kind::kIf) {
        const std::vector<const Block*> below = blocks_below(place.around.back());
        if (!std::all_of(below.begin(), below.end(), [&](const Block* b) { return goes(b); })) break;
      }
      if (const auto* allocation = as<Allocate>(parent))
        if (is_among(allocation->buffer, made_.inputs) || is_among(allocation->buffer, made_.outputs)) break;
      place.node = place.around.back();
      place.around.pop_back();
    }
    return place;
  }

  void find_sites() {
    for (BlockPlace& place : all_blocks(step_.program()))
      if (goes(&place.block())) places_.push_back(std::move(place));
    check_internal(places_.size() == made_.replaced.size(), "rewrite {} replaces blocks that are not there",
                   rewrite_.name);
    for (const BlockPlace& place : places_) {
      const Place site = site_of(place);
      if (sites_.empty() || sites_.back().node != site.node) sites_.push_back(site);
    }
    for (const Place& site : sites_)
      if (site.loops() != sites_.back().loops()) {
        const Block& block = *blocks_below(site.node).front();
        step_.refuse(&block,
                     "blocks {} and {} are replaced together and must stand in the same loops; apply the "
                     "rewrite before one of them is moved",
                     block.name.text, last_name());
      }
  }

  bool writes_output(const Block& block) const {
    return std::any_of(block.writes.begin(), block.writes.end(),
                       [&](const Region& region) { return is_among(region.buffer, made_.outputs); });
  }

  /// Buffers that go: those that are written by blocks that go, and are no output.
  void sort_buffers() {
    for (const BlockPlace& place : places_)
      for (const Region& region : place.block().writes) {
        check_internal(!is_among(region.buffer, made_.inputs), "rewrite {} reads what it replaces",
                       rewrite_.name);
        if (!is_among(region.buffer, made_.outputs)) gone_.push_back(region.buffer);
      }
  }

  /// Refuses unless the loops that go run the block for every point of its domain.
  void require_complete(const BlockPlace& place) const {
    const Block& block = place.block();
    const std::size_t shared = sites_.back().loops().size();
    const std::vector<const For*> around = place.loops();
    std::vector<LoopRange> loops;
    Context context;
    for (std::size_t i = 0; i < around.size(); ++i) {
      if (i < shared)
        context.bind(around[i]->var, 0, around[i]->extent);
      else
        loops.push_back({around[i]->var, around[i]->extent});
    }
    Expr condition = block.predicate ? block.predicate : make_bool(true);
    for (std::size_t i = 0; i < place.around.size(); ++i)
      if (const auto* branch = as<If>(static_cast<const Node*>(place.around[i]))) {
        const StmtNode* child = i + 1 < place.around.size() ? place.around[i + 1] : place.node;
        condition = logical_and(condition,
                                branch->then_body.get() == child ? branch->cond : logical_not(branch->cond));
      }
    std::vector<Expr> bindings, extents;
    for (const BlockAxis& axis : block.axes) {
      bindings.push_back(axis.binding);
      extents.push_back(axis.extent);
      for (std::size_t i = 0; i < shared; ++i)
        if (uses_var(axis.binding, around[i]->var))
          step_.refuse(around[i],
                       "loop {} also runs other blocks, and each turn computes a part of block {} only; the "
                       "rewrite needs all of it in a nest of its own: apply it before blocks are moved into "
                       "one loop",
                       around[i]->var->name.text, block.name.text);
    }
    const IterMapResult map = detect_iter_map(bindings, loops, condition, context);
    const Verdict all = map ? is_surjective(*map, extents, context) : Verdict{false, map.reason};
    if (!all)
      step_.refuse(&block,
                   "the loops of block {} are not proved to run it for every point ({}); apply the rewrite "
                   "before the step that made them",
                   block.name.text, all.reason);
  }

  /// Refuses when other blocks write the results, or use what lies between the blocks that go.
  void require_alone() const {
    for (const auto& [tensor, output] : made_.outputs)
      if (is_among(output, made_.inputs))
        step_.refuse(places_.back().node,
                     "block {} reads buffer {} and writes it; a rewrite needs two buffers", last_name(),
                     output->name.text);
    for (const Buffer& buffer : gone_)
      if (is_parameter(step_.program(), buffer))
        step_.refuse(places_.back().node,
                     "buffer {} lies between blocks that are replaced, and the caller sees it",
                     buffer->name.text);
    for (const Access& access : accesses()) {
      if (access.unit && goes(access.unit)) continue;
      const Node* where = access.unit ? static_cast<const Node*>(access.unit) : access.node;
      const std::string who = access.unit ? "block " + access.unit->name.text : "the program";
      if (access.write && is_among(access.buffer, made_.outputs))
        step_.refuse(where, "{} also writes buffer {}; a rewrite replaces its only writer", who,
                     access.buffer->name.text);
      if (std::any_of(gone_.begin(), gone_.end(), [&](const Buffer& b) { return b.same_as(access.buffer); }))
        step_.refuse(where,
                     "{} uses buffer {}, which lies between blocks that are replaced ({}); only they may use "
                     "it",
                     who, access.buffer->name.text, last_name());
    }
  }

  /// Refuses when something between the first and the last block that go meets what moves.
  void require_undisturbed() const {
    std::size_t first = 0, last = 0, number = 0;
    for (const Access& access : accesses()) {
      if (access.unit && goes(access.unit)) {
        last = number;
        if (access.unit == &places_.front().block() && !first) first = number + 1;
      }
      ++number;
    }
    number = 0;
    for (const Access& access : accesses()) {
      const std::size_t at = number++;
      if (at + 1 < first || at > last || (access.unit && goes(access.unit))) continue;
      const bool meets =
          is_among(access.buffer, made_.outputs) || (access.write && is_among(access.buffer, made_.inputs));
      if (meets)
        step_.refuse(access.unit ? static_cast<const Node*>(access.unit) : access.node,
                     "{} {} buffer {} between blocks {} and {}, which are replaced together at the place of "
                     "the second",
                     access.unit ? "block " + access.unit->name.text : "the program",
                     access.write ? "writes" : "reads", access.buffer->name.text,
                     places_.front().block().name.text, last_name());
    }
  }

  /// Refuses when a buffer is not allocated around the place of the new blocks.
  void require_in_scope() const {
    for (const auto* placed : {&made_.inputs, &made_.outputs})
      for (const auto& [tensor, buffer] : *placed) {
        const auto& around = sites_.back().around;
        const bool visible =
            is_parameter(step_.program(), buffer) ||
            std::any_of(around.begin(), around.end(), [&, &wanted = buffer](const StmtNode* stmt) {
              const auto* allocation = as<Allocate>(static_cast<const Node*>(stmt));
              return allocation && allocation->buffer.same_as(wanted);
            });
        if (!visible)
          step_.refuse(places_.back().node,
                       "buffer {} does not live where block {} stands; apply the rewrite before the blocks "
                       "that make it are moved",
                       buffer->name.text, last_name());
      }
  }

  const std::vector<Access>& accesses() const {
    if (accesses_.empty()) accesses_ = collect_accesses(step_.program()->body);
    return accesses_;
  }

  /// The new blocks, with names and numbers that the program does not have.
  Stmt lowered() const {
    std::vector<te::PlacedTensor> inputs, outputs;
    for (const auto& [tensor, buffer] : made_.inputs) inputs.push_back({tensor, buffer});
    for (const auto& [tensor, buffer] : made_.outputs) outputs.push_back({tensor, buffer});
    const Stmt plain = te::lower_onto(inputs, outputs);
    std::set<std::string> buffers, blocks;
    for (const Param& param : step_.program()->params)
      buffers.insert(param.buffer ? param.buffer->name.text : param.var->name.text);
    for_each_node(WithoutAllocations(gone_).mutate(without(sites_.size())), [&](const Node* node) {
      if (const auto* block = as<Block>(node)) blocks.insert(block->name);
      if (const auto* allocation = as<Allocate>(node)) buffers.insert(allocation->buffer->name);
    });
    BufferMap renamed;
    for_each_node(plain, [&](const Node* node) {
      const auto* allocation = as<Allocate>(node);
      if (!allocation) return;
      auto* copy = new BufferNode(*allocation->buffer);
      const Buffer buffer(copy);
      copy->name = fresh_among(buffers, copy->name);
      renamed[allocation->buffer.get()] = buffer;
    });
    return map_blocks(with_allocations(plain, renamed), [&](const Block& block) {
      auto* copy = new Block(block);
      const Stmt owner(copy);
      copy->name = fresh_among(blocks, copy->name);
      copy->id = step_.new_block_id();
      return owner;
    });
  }

  /// The statement with buffers replaced, their allocations included.
  static Stmt with_allocations(const Stmt& stmt, const BufferMap& buffers) {
    struct Renaming : Mutator {
      explicit Renaming(const BufferMap& map) { buffers_ = map; }
      Buffer mutate_definition(const Buffer& buffer) override {
        const auto found = buffers_.find(buffer.get());
        return found == buffers_.end() ? buffer : found->second;
      }
    };
    return Renaming(buffers).mutate(stmt);
  }

  /// The body of the program without the first `count` sites.
  Stmt without(std::size_t count) const {
    Program program = step_.program();
    for (std::size_t i = 0; i < count; ++i)
      program = with_body(program, replaced_at(program, find_statement(program, sites_[i].node), {}));
    return program->body;
  }

  Stmt replaced(const Stmt& fresh) const {
    const Program program = with_body(step_.program(), without(sites_.size() - 1));
    const Stmt body = replaced_at(program, find_statement(program, sites_.back().node), fresh);
    return WithoutAllocations(gone_).mutate(body);
  }

  std::string call_text() const {
    std::string options;
    for (const Value& pair : *step_.value(2).get_if<List>()) {
      const List& parts = *pair.get_if<List>();
      options += fmt::format("{}{}={}", options.empty() ? "" : ", ", *parts[0].get_if<std::string>(),
                             to_text(parts[1], [](const Value&) { return std::string("?"); }));
    }
    return fmt::format("{}({})", rewrite_.name, options);
  }

  const Step& step_;
  const Rewrite& rewrite_;
  const Replacement made_;
  std::vector<BlockPlace> places_;  // of the blocks that go, in order
  std::vector<Place> sites_;        // of the statements that hold just them
  std::vector<Buffer> gone_;
  mutable std::vector<Access> accesses_;
};

Outcome rewrite(const Step& step) {
  const Rewrite& asked = asked_rewrite(step);
  check_options(step, asked);
  return Rewriting(step, asked).apply();
}

const Registration registration{{
    .name = "rewrite",
    .summary = "Puts another algorithm in the place of a block.",
    .doc =
        R"(    for f, y, x, c, ky, kx:                 alloc patches: float32[p, c*9]
      block conv(...):                =>    for i, k: block patches(...): patches[vi, vk] = data[...]
        ... data[...] * weight[...]         for f, y, x, k: block conv(...): ... patches[...] * weight[...]

The rewrite recognises what the block computes from its axes and accesses, and says what is not as it must be. The block,
and blocks that only feed it where the rewrite says so, are replaced by new ones in plain serial loops; later steps
schedule them as any others. Their loops go with them, so a rewrite comes before the steps that schedule its result. It
needs a nest of its own that runs the whole block. docs/rewrites.md lists the rewrites, their options, their error
bounds and what they do with values that are not finite; the program keeps the bounds in its attribute "rewrites".)",
    .args = {{"block", ArgKind::kBlock, "The block whose result is to be computed in another way."},
             {"name", ArgKind::kText, "The name of the rewrite."},
             {"options", ArgKind::kOptions, "What the rewrite takes, such as m=4.", List{}, false}},
    .results = {"The new blocks, in the order they run."},
    .example = R"(>>> parts, C = s.rewrite("C", "split_k", parts=4))",
    .apply = rewrite,
}};

}  // namespace
}  // namespace tw::schedule
