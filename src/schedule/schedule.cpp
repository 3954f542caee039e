#include "schedule/schedule.h"

#include <algorithm>

#include <fmt/format.h>

#include "ir/text.h"
#include "ir/visit.h"
#include "schedule/intrinsic_json.h"
#include "support/error.h"

namespace tw::schedule {
namespace {

template <class F>
Value map_handles(const Value& value, F&& f) {
  if (const auto* list = value.get_if<List>()) {
    List mapped;
    for (const Value& part : *list) mapped.push_back(map_handles(part, f));
    return mapped;
  }
  return f(value);
}

/// The number of a handle of any kind; nothing for other values.
std::optional<int> handle_number(const Value& value) {
  if (const auto* loop = value.get_if<LoopRef>()) return loop->handle;
  if (const auto* block = value.get_if<BlockRef>()) return block->handle;
  if (const auto* buffer = value.get_if<BufferRef>()) return buffer->handle;
  return std::nullopt;
}

/// Buffers of a program: parameters in order, then those written by blocks and allocated, in the order of the
/// text.
std::vector<Buffer> buffers_of(const Program& program) {
  std::vector<Buffer> buffers;
  for (const Param& param : program->params)
    if (param.is_buffer()) buffers.push_back(param.buffer);
  for_each_node(program->body, [&](const Node* node) {
    if (const auto* allocation = as<Allocate>(node)) buffers.push_back(allocation->buffer);
  });
  return buffers;
}

bool is_extent(const Value& value) {
  const auto* number = value.get_if<int64_t>();
  return value.get_if<Tunable>() || (number && *number >= 1);
}

/// A list of [name, value], each name once, in order.
bool are_options(const List& list) {
  std::string last;
  for (const Value& pair : list) {
    const auto* parts = pair.get_if<List>();
    const auto* name = parts && parts->size() == 2 ? (*parts)[0].get_if<std::string>() : nullptr;
    if (!name || *name <= last) return false;
    last = *name;
  }
  return true;
}

}  // namespace

std::string article(ArgKind kind) {
  switch (kind) {
    case ArgKind::kLoop: return "a loop";
    case ArgKind::kLoops: return "a list of loops";
    case ArgKind::kBlock: return "a block, or its name";
    case ArgKind::kBuffer: return "a buffer, or its name";
    case ArgKind::kRead: return "a buffer that the block reads, its name or its position among the reads";
    case ArgKind::kInt: return "an int";
    case ArgKind::kBool: return "a bool";
    case ArgKind::kText: return "a text";
    case ArgKind::kExtent: return "an int of at least 1 or a parameter";
    case ArgKind::kExtents: return "a list of ints of at least 1, parameters and at most one None";
    case ArgKind::kIndexMap: return "an index map like \"(i, j) -> (i // 8, j, i % 8)\"";
    case ArgKind::kAttr: return "an int, a float or a text";
    case ArgKind::kOptions: return "keywords, each with a value of its own";
  }
  return "?";
}

bool fits(ArgKind kind, const Value& value) {
  switch (kind) {
    case ArgKind::kLoop: return value.get_if<LoopRef>();
    case ArgKind::kBlock: return value.get_if<BlockRef>();
    case ArgKind::kBuffer: return value.get_if<BufferRef>();
    case ArgKind::kRead:
    case ArgKind::kInt: return value.get_if<int64_t>();
    case ArgKind::kBool: return value.get_if<bool>();
    case ArgKind::kText: return value.get_if<std::string>();
    case ArgKind::kExtent: return is_extent(value);
    case ArgKind::kIndexMap: return value.get_if<IndexMap>();
    case ArgKind::kAttr:
      return value.get_if<int64_t>() || value.get_if<double>() || value.get_if<std::string>();
    case ArgKind::kOptions: return value.get_if<List>() && are_options(*value.get_if<List>());
    case ArgKind::kLoops:
    case ArgKind::kExtents: break;
  }
  const auto* list = value.get_if<List>();
  if (!list || list->empty()) return false;
  if (kind == ArgKind::kLoops)
    return std::all_of(list->begin(), list->end(), [](const Value& v) { return fits(ArgKind::kLoop, v); });
  return std::all_of(list->begin(), list->end(),
                     [](const Value& v) { return v.is_none() || is_extent(v); }) &&
         std::count_if(list->begin(), list->end(), [](const Value& v) { return v.is_none(); }) <= 1;
}

Schedule::Schedule(Program first) : first_(std::move(first)), program_(first_) {
  for (const BlockPlace& place : all_blocks(first_, Blocks::kOpened)) {
    const Block& block = place.block();
    const std::string origin = fmt::format("b{}", block.id.value);
    next_block_ = std::max(next_block_, block.id.value + 1);
    Handle handle;
    handle.origin = origin;
    handle.self = BlockRef{};
    handle.block = block.id.value;
    handle.name = block.name;
    add_handle(handle);
    int depth = 0;
    for (const For* loop : place.loops()) {
      Handle of_loop;
      of_loop.origin = fmt::format("{}.{}", origin, depth++);
      of_loop.self = LoopRef{};
      of_loop.loop = loop->var;
      of_loop.name = loop->var->name;
      add_handle(of_loop);
    }
  }
  int number = 0;
  for (const Buffer& buffer : buffers_of(first_)) {
    Handle handle;
    handle.origin = fmt::format("m{}", number++);
    handle.self = BufferRef{};
    handle.buffer = buffer;
    handle.name = buffer->name;
    add_handle(handle);
  }
}

Value Schedule::add_handle(Handle handle) {
  const int number = static_cast<int>(handles_.size());
  // A loop around several blocks has one handle, named by the first block.
  for (std::size_t i = 0; i < handles_.size(); ++i)
    if (handle.loop && handles_[i].loop && handles_[i].loop.same_as(handle.loop)) return handles_[i].self;
  if (handle.self.get_if<LoopRef>()) handle.self = LoopRef{number};
  if (handle.self.get_if<BlockRef>()) handle.self = BlockRef{number};
  if (handle.self.get_if<BufferRef>()) handle.self = BufferRef{number};
  handles_.push_back(handle);
  return handles_.back().self;
}

Value Schedule::handle_of(const Outcome::Result& result, const std::string& origin) {
  Handle handle;
  handle.origin = origin;
  if (const auto* loop = std::get_if<Var>(&static_cast<const Outcome::Result::variant&>(result))) {
    handle.self = LoopRef{};
    handle.loop = *loop;
    handle.name = (*loop)->name;
    return add_handle(handle);
  }
  if (const auto* block = std::get_if<BlockId>(&static_cast<const Outcome::Result::variant&>(result))) {
    handle.self = BlockRef{};
    handle.block = block->value;
    return add_handle(handle);
  }
  if (const auto* buffer = std::get_if<Buffer>(&static_cast<const Outcome::Result::variant&>(result))) {
    handle.self = BufferRef{};
    handle.buffer = *buffer;
    handle.name = (*buffer)->name;
    return add_handle(handle);
  }
  List list;
  int part = 0;
  for (const auto& inner :
       std::get<std::vector<Outcome::Result>>(static_cast<const Outcome::Result::variant&>(result)))
    list.push_back(handle_of(inner, fmt::format("{}.{}", origin, part++)));
  return list;
}

const Schedule::Handle& Schedule::alive(int number) const {
  if (number < 0 || number >= static_cast<int>(handles_.size()))
    raise_value("the handle is of another schedule; take loops and blocks from this one");
  const Handle& handle = handles_[static_cast<std::size_t>(number)];
  if (handle.died_at < 0) return handle;
  const TraceStep& step = trace_.steps[static_cast<std::size_t>(handle.died_at)];
  raise_value("'{}' ({}) is gone since step {}, {}; use what that step returned", handle.name, handle.origin,
              handle.died_at, step.primitive);
}

std::string Schedule::name_of(const Value& value) const {
  const auto number = handle_number(value);
  if (!number || *number < 0 || *number >= static_cast<int>(handles_.size())) return "?";
  return handles_[static_cast<std::size_t>(*number)].name;
}

std::vector<BlockRef> Schedule::blocks() {
  std::vector<BlockRef> found;
  for (const BlockPlace& place : all_blocks(program_, Blocks::kOpened))
    for (const Handle& handle : handles_)
      if (handle.block == place.block().id.value && handle.died_at < 0)
        found.push_back(*handle.self.get_if<BlockRef>());
  return found;
}

BlockRef Schedule::block(const std::string& name) {
  std::vector<int64_t> matches;
  std::string names;
  for (const BlockPlace& place : all_blocks(program_, Blocks::kOpened)) {
    const std::string& found = place.block().name;
    names += (names.empty() ? "" : ", ") + found;
    if (found == name) matches.push_back(place.block().id.value);
  }
  if (matches.empty()) raise_value("there is no block '{}'; the blocks are {}", name, names);
  if (matches.size() > 1)
    raise_value("{} blocks are called '{}'; take the one you mean from s.blocks()", matches.size(), name);
  for (const Handle& handle : handles_)
    if (handle.block == matches.front() && handle.died_at < 0) return *handle.self.get_if<BlockRef>();
  Handle handle;
  handle.origin = fmt::format("b{}", matches.front());
  handle.self = BlockRef{};
  handle.block = matches.front();
  handle.name = name;
  return *add_handle(handle).get_if<BlockRef>();
}

std::vector<LoopRef> Schedule::loops(BlockRef block) {
  const BlockPlace place = find_block(program_, alive(block.handle).block);
  std::vector<LoopRef> refs;
  for (const For* loop : place.loops()) {
    const auto known = std::find_if(handles_.begin(), handles_.end(),
                                    [&](const Handle& h) { return h.loop && h.loop.same_as(loop->var); });
    check_internal(known != handles_.end(), "loop {} has no handle", loop->var->name.text);
    refs.push_back(*known->self.get_if<LoopRef>());
  }
  return refs;
}

Expr Schedule::extent(LoopRef loop) const {
  return find_loop(program_, alive(loop.handle).loop).loop().extent;
}

BufferRef Schedule::buffer(const std::string& name) {
  const Handle* found = nullptr;
  std::string names;
  for (const Handle& handle : handles_) {
    if (!handle.buffer || handle.died_at >= 0) continue;
    names += (names.empty() ? "" : ", ") + handle.buffer->name.text;
    if (handle.buffer->name.text != name) continue;
    if (found) raise_value("several buffers are called '{}'", name);
    found = &handle;
  }
  if (!found) raise_value("there is no buffer '{}'; the buffers are {}", name, names);
  return *found->self.get_if<BufferRef>();
}

Value Schedule::with_origins(const Value& value) const {
  return map_handles(value, [&](const Value& v) -> Value {
    const auto number = handle_number(v);
    return number ? Value(Origin{handles_[static_cast<std::size_t>(*number)].origin}) : v;
  });
}

Value Schedule::without_origins(const Value& value) const {
  return map_handles(value, [&](const Value& v) -> Value {
    const auto* origin = v.get_if<Origin>();
    if (!origin) return v;
    for (const Handle& handle : handles_)
      if (handle.origin == origin->name) return handle.self;
    raise_value("there is no '{}' in this program", origin->name);
  });
}

Value Schedule::checked(const Primitive& primitive, const ArgSpec& spec, Value value,
                        const std::vector<Value>& before) const {
  if (spec.kind == ArgKind::kIndexMap)
    if (const auto* text = value.get_if<std::string>()) value = IndexMap::parse(*text);
  if (spec.kind == ArgKind::kBlock)
    if (const auto* name = value.get_if<std::string>()) value = const_cast<Schedule*>(this)->block(*name);
  if (spec.kind == ArgKind::kBuffer)
    if (const auto* name = value.get_if<std::string>()) value = const_cast<Schedule*>(this)->buffer(*name);
  if (spec.kind == ArgKind::kRead) {
    const auto block =
        std::find_if(before.begin(), before.end(), [](const Value& v) { return v.get_if<BlockRef>(); });
    check_internal(block != before.end(), "{} takes a read before it has a block", primitive.name);
    const Block& node = find_block(program_, alive(block->get_if<BlockRef>()->handle).block).block();
    std::vector<std::string> names;
    for (const Region& region : node.reads)
      if (std::find(names.begin(), names.end(), region.buffer->name.text) == names.end())
        names.push_back(region.buffer->name);
    if (const auto* ref = value.get_if<BufferRef>()) value = alive(ref->handle).buffer->name.text;
    if (const auto* name = value.get_if<std::string>()) {
      const auto at = std::find(names.begin(), names.end(), *name);
      if (at == names.end())
        raise_value("{}: block {} does not read '{}'; it reads {}", primitive.name, node.name.text, *name,
                    fmt::join(names, ", "));
      value = static_cast<int64_t>(at - names.begin());
    }
    if (const auto* position = value.get_if<int64_t>())
      if (*position < 0 || *position >= static_cast<int64_t>(names.size()))
        raise_index("{}: block {} reads {} buffers, and number {} was asked for", primitive.name,
                    node.name.text, names.size(), *position);
  }
  map_handles(value, [&](const Value& v) {
    if (const auto number = handle_number(v)) alive(*number);
    return v;
  });
  const bool optional_none = value.is_none() && !spec.required;
  if (!optional_none && !fits(spec.kind, value))
    raise_type("{}: argument '{}' is {}, and must be {}", primitive.name, spec.name,
               to_text(value, [this](const Value& v) { return name_of(v); }), article(spec.kind));
  return value;
}

std::vector<Value> Schedule::checked(const Primitive& primitive, std::vector<Value> args) const {
  if (args.size() > primitive.args.size())
    raise_type("{}: {} arguments, and it takes {}", primitive.name, args.size(), primitive.args.size());
  std::vector<Value> complete;
  for (std::size_t i = 0; i < primitive.args.size(); ++i) {
    const ArgSpec& spec = primitive.args[i];
    if (i >= args.size() && spec.required)
      raise_type("{}: argument '{}' is missing; it is {}", primitive.name, spec.name, article(spec.kind));
    Value value = i < args.size() ? args[i] : spec.default_value;
    if (value.is_none() && !spec.required) value = spec.default_value;
    try {
      complete.push_back(checked(primitive, spec, std::move(value), complete));
    } catch (const UserError& error) {
      const std::string message = error.what();
      if (message.starts_with(primitive.name + ":")) throw;
      throw UserError(error.kind(), fmt::format("{}: {}", primitive.name, message));
    }
  }
  return complete;
}

std::vector<Value> Schedule::apply(const std::string& name, std::vector<Value> args) {
  const Primitive* primitive = find_primitive(name);
  if (!primitive) raise_value("there is no primitive '{}'", name);
  const std::vector<Value> complete = checked(*primitive, std::move(args));
  const Step step(*primitive, program_, complete, next_block_,
                  {.loop = [this](LoopRef ref) { return alive(ref.handle).loop; },
                   .block = [this](BlockRef ref) { return alive(ref.handle).block; },
                   .buffer = [this](BufferRef ref) { return alive(ref.handle).buffer; },
                   .name = [this](const Value& value) { return name_of(value); }});
  const Outcome outcome = primitive->apply(step);

  TraceStep recorded{name, {}};
  for (const Value& arg : complete) recorded.args.push_back(with_origins(arg));
  trace_.steps.push_back(std::move(recorded));
  if (!outcome.intrinsic.empty()) trace_.intrinsics.merge(declaration_of(outcome.intrinsic));
  program_ = outcome.program;
  next_block_ = step.next_block();
  const auto number = trace_.steps.size() - 1;
  std::vector<Value> results;
  for (std::size_t i = 0; i < outcome.results.size(); ++i)
    results.push_back(handle_of(outcome.results[i], fmt::format("s{}.{}", number, i)));
  forward(outcome);
  return results;
}

void Schedule::forward(const Outcome& outcome) {
  const int step = static_cast<int>(trace_.steps.size()) - 1;
  std::vector<const Node*> loops;
  std::map<int64_t, std::string> blocks;
  for (const LoopPlace& place : all_loops(program_, Blocks::kOpened)) loops.push_back(place.loop().var.get());
  for (const BlockPlace& place : all_blocks(program_, Blocks::kOpened))
    blocks[place.block().id.value] = place.block().name;
  const std::vector<Buffer> buffers = buffers_of(program_);
  for (Handle& handle : handles_) {
    if (handle.died_at >= 0) continue;
    bool here = true;
    if (handle.loop) here = std::find(loops.begin(), loops.end(), handle.loop.get()) != loops.end();
    if (handle.block >= 0) {
      const auto found = blocks.find(handle.block);
      here = found != blocks.end();
      if (here) handle.name = found->second;
    }
    if (handle.buffer) {
      for (const auto& [old, fresh] : outcome.replaced)
        if (handle.buffer.same_as(old)) handle.buffer = fresh;
      here = std::any_of(buffers.begin(), buffers.end(),
                         [&](const Buffer& b) { return b.same_as(handle.buffer); });
    }
    if (!here) handle.died_at = step;
  }
  // Loops, blocks and buffers that a step made without returning them, such as the nest of a cached block,
  // get a name by place.
  int unnamed = 0;
  for (const LoopPlace& place : all_loops(program_, Blocks::kOpened)) {
    Handle handle;
    handle.self = LoopRef{};
    handle.loop = place.loop().var;
    handle.name = handle.loop->name;
    handle.origin = fmt::format("s{}.l{}", step, unnamed);
    const std::size_t before = handles_.size();
    add_handle(handle);
    unnamed += handles_.size() != before;
  }
  unnamed = 0;
  for (const auto& [id, name] : blocks) {
    if (std::any_of(handles_.begin(), handles_.end(),
                    [id = id](const Handle& h) { return h.block == id && h.died_at < 0; }))
      continue;
    Handle handle;
    handle.self = BlockRef{};
    handle.block = id;
    handle.name = name;
    handle.origin = fmt::format("s{}.b{}", step, unnamed++);
    add_handle(handle);
  }
  unnamed = 0;
  for (const Buffer& buffer : buffers) {
    if (std::any_of(handles_.begin(), handles_.end(),
                    [&](const Handle& h) { return h.buffer.same_as(buffer); }))
      continue;
    Handle handle;
    handle.self = BufferRef{};
    handle.buffer = buffer;
    handle.name = buffer->name;
    handle.origin = fmt::format("s{}.m{}", step, unnamed++);
    add_handle(handle);
  }
}

Schedule Schedule::replay(Program first, const Trace& trace) {
  if (const std::string reason = difference_from(trace.intrinsics); !reason.empty())
    raise_value("the trace cannot be replayed: {}", reason);
  Schedule schedule(std::move(first));
  for (std::size_t i = 0; i < trace.steps.size(); ++i) {
    const TraceStep& step = trace.steps[i];
    try {
      std::vector<Value> args;
      for (const Value& arg : step.args) args.push_back(schedule.without_origins(arg));
      schedule.apply(step.primitive, std::move(args));
    } catch (const UserError& error) {
      throw UserError(error.kind(), fmt::format("step {} of the trace, {}, cannot be replayed: {}", i,
                                                step.primitive, error.what()));
    }
  }
  return schedule;
}

}  // namespace tw::schedule
