#include "schedule/primitive.h"

#include <algorithm>
#include <map>

#include "ir/analysis/regions.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "te/symbol.h"

namespace tw::schedule {
namespace {

std::map<std::string, Primitive>& registry() {
  static std::map<std::string, Primitive> table;
  return table;
}

/// Infers the regions of blocks that hold blocks, and of those inside, from below.
class NestedRegions : public Mutator {
 protected:
  using Mutator::on;
  Stmt on(const Block& node) override {
    const bool inside = std::exchange(inside_, true);
    const auto block = rebuild(node);
    inside_ = inside;
    return inside || is_compound(node) ? with_inferred_regions(*block) : Stmt(&node);
  }

 private:
  bool inside_ = false;
};

}  // namespace

Registration::Registration(Primitive primitive) {
  const std::string name = primitive.name;
  check_internal(registry().emplace(name, std::move(primitive)).second, "primitive {} is registered twice",
                 name);
}

const std::vector<const Primitive*>& primitives() {
  static const std::vector<const Primitive*> list = [] {
    std::vector<const Primitive*> all;
    for (const auto& [name, primitive] : registry()) all.push_back(&primitive);
    return all;
  }();
  return list;
}

const Primitive* find_primitive(const std::string& name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : &found->second;
}

Step::Step(const Primitive& primitive, const Program& program, std::vector<Value> args, int64_t next_block,
           HandleLookup lookup)
    : primitive_(primitive),
      program_(program),
      args_(std::move(args)),
      next_block_(next_block),
      lookup_(std::move(lookup)) {}

LoopPlace Step::loop_of(const Value& value) const {
  LoopPlace place = find_loop(program_, lookup_.loop(*value.get_if<LoopRef>()));
  check_internal(place.node, "a living loop handle names no loop");
  require_open(place, "loop", place.loop().var->name);
  return place;
}

/// What stands in a block belongs to it.
void Step::require_open(const Place& place, const char* kind, const std::string& name) const {
  const Block* around = place.enclosing_block();
  if (around && !primitive_.inside_blocks)
    refuse(place.node, "{} {} stands in block {}, which is one whole for {}; do this before blockize", kind,
           name, around->name.text, primitive_.name);
}

LoopPlace Step::loop(int arg) const {
  return loop_of(value(arg));
}

std::vector<LoopPlace> Step::loops(int arg) const {
  std::vector<LoopPlace> places;
  for (const Value& part : *value(arg).get_if<List>()) places.push_back(loop_of(part));
  return places;
}

BlockPlace Step::block(int arg) const {
  BlockPlace place = find_block(program_, lookup_.block(*value(arg).get_if<BlockRef>()));
  check_internal(place.node, "a living block handle names no block");
  require_open(place, "block", place.block().name);
  if (!primitive_.compound_blocks && is_compound(place.block()))
    refuse(place.node, "block {} holds blocks, and {} takes plain ones; do this before blockize",
           place.block().name.text, primitive_.name);
  return place;
}

Buffer Step::buffer(int arg) const {
  return lookup_.buffer(*value(arg).get_if<BufferRef>());
}
int64_t Step::integer(int arg) const {
  return *value(arg).get_if<int64_t>();
}
bool Step::flag(int arg) const {
  return *value(arg).get_if<bool>();
}
const Value* Step::option(int arg, const std::string& name) const {
  for (const Value& pair : *value(arg).get_if<List>()) {
    const List& parts = *pair.get_if<List>();
    if (*parts[0].get_if<std::string>() == name) return &parts[1];
  }
  return nullptr;
}
const std::string& Step::text(int arg) const {
  return *value(arg).get_if<std::string>();
}
const IndexMap& Step::index_map(int arg) const {
  return *value(arg).get_if<IndexMap>();
}

Expr Step::extent(const Value& value) const {
  if (const auto* number = value.get_if<int64_t>()) return Expr(*number);
  const auto* tunable = value.get_if<Tunable>();
  check_internal(tunable, "an extent is neither a number nor a parameter");
  auto same_name = [&](const Param& param) { return param.var && param.var->name.text == tunable->name; };
  for (const std::vector<Param>* params :
       {&program_->params, &static_cast<const std::vector<Param>&>(new_tunables_)}) {
    const auto found = std::find_if(params->begin(), params->end(), same_name);
    if (found == params->end()) continue;
    const Variable& known = *found->var;
    if (found->param_kind != ParamKind::kTunable)
      refuse(nullptr, "the name of the parameter '{}' is taken by a size of the program; give it another",
             tunable->name);
    if (known.min != tunable->min || known.max != tunable->max || known.multiple_of != tunable->multiple_of)
      refuse(nullptr,
             "the parameter '{}' is already there, in [{}, {}] and a multiple of {}, not in [{}, {}] and a "
             "multiple of "
             "{}; two uses of one name are one parameter",
             tunable->name, known.min, known.max, known.multiple_of, tunable->min, tunable->max,
             tunable->multiple_of);
    return found->var;
  }
  te::check_name(tunable->name, primitive_.name + ": the parameter");
  for (const Param& param : program_->params)
    if (param.buffer && param.buffer->name.text == tunable->name)
      refuse(nullptr,
             "the name of the parameter '{}' is taken by an argument of the program; give it another",
             tunable->name);
  const int64_t step = tunable->multiple_of;
  if (tunable->min < 1 || tunable->max < tunable->min || step < 1 ||
      tunable->max / step * step < tunable->min)
    refuse(nullptr, "the parameter '{}' in [{}, {}], a multiple of {}, has no positive value", tunable->name,
           tunable->min, tunable->max, step);
  const int64_t least = (tunable->min + step - 1) / step * step;
  const int64_t chosen = tunable->default_value ? tunable->default_value : least;
  if (chosen < tunable->min || chosen > tunable->max || chosen % step)
    refuse(nullptr, "the default {} of the parameter '{}' is not in [{}, {}] or no multiple of {}", chosen,
           tunable->name, tunable->min, tunable->max, step);
  const Var var = Variable::make(tunable->name, kIndex, tunable->min, tunable->max, step);
  new_tunables_.push_back(Param::of_var(ParamKind::kTunable, var, chosen));
  return var;
}

Program Step::with_body(Stmt body) const {
  const std::vector<const Block*> blocks = blocks_below(body.get());
  if (std::any_of(blocks.begin(), blocks.end(), [](const Block* block) { return is_compound(*block); }))
    body = NestedRegions().mutate(body);
  std::vector<Param> params = program_->params;
  params.insert(params.end(), new_tunables_.begin(), new_tunables_.end());
  return ProgramNode::make(program_->name, std::move(params), std::move(body), program_->attrs);
}

std::string Step::call_text() const {
  std::string args;
  const auto add = [&](const std::string& text) { args += (args.empty() ? "" : ", ") + text; };
  for (std::size_t i = 0; i < args_.size(); ++i) {
    if (primitive_.args[i].kind != ArgKind::kOptions) {
      add(to_text(args_[i], lookup_.name));
      continue;
    }
    for (const Value& pair : *args_[i].get_if<List>()) {
      const List& parts = *pair.get_if<List>();
      add(*parts[0].get_if<std::string>() + "=" + to_text(parts[1], lookup_.name));
    }
  }
  return primitive_.name + "(" + args + ")";
}

void Step::refuse_text(const Node* place, const std::string& reason) const {
  const TextMark mark = place ? TextMark{place, "here"} : TextMark{};
  raise_value("{}: {}\n\n{}", call_text(), reason, tw::to_text(program_, mark));
}

}  // namespace tw::schedule
