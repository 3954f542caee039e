#include "schedule/corpus/calls.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "ir/visit.h"
#include "schedule/rewrite.h"

namespace tw::schedule {
namespace {

template <class List>
void shuffle(List& list, Random& random) {
  for (std::size_t i = list.size(); i > 1; --i)
    std::swap(list[i - 1], list[static_cast<std::size_t>(random.below(static_cast<int>(i)))]);
}

/// The parameters that calls draw from: a name always means the same parameter.
Tunable random_tunable(Random& random) {
  const Tunable pool[] = {{"t", 1, int64_t{1} << 30, 1, 3},
                          {"u", 1, 8, 1, 0},
                          {"v", 2, 64, 2, 4},
                          {"w", 3, int64_t{1} << 20, 3, 0},
                          {"x", 1, 16, 1, 5}};
  return random.pick(pool);
}

/// Makes the arguments of one call, each knowing those before it.
class Arguments {
 public:
  Arguments(Schedule& schedule, const Primitive& primitive, Random& random)
      : schedule_(schedule), primitive_(primitive), random_(random), blocks_(schedule.blocks()) {}

  std::vector<Value> make() {
    std::vector<Value> args;
    if (blocks_.empty()) return args;
    block_ = random_.pick(blocks_);
    for (const ArgSpec& spec : primitive_.args) {
      if (!spec.required && random_.chance(50)) break;
      args.push_back(random_.chance(1) ? Value(random_.chance(50) ? Value("nothing") : Value(-7))
                                       : value(spec));
    }
    return args;
  }

 private:
  Value value(const ArgSpec& spec) {
    switch (spec.kind) {
      case ArgKind::kLoop: return loop();
      case ArgKind::kLoops: return loops();
      case ArgKind::kBlock: has_block_ = true; return block_;
      case ArgKind::kBuffer: return buffer();
      case ArgKind::kRead: return read();
      case ArgKind::kInt: return integer();
      case ArgKind::kBool: return random_.chance(50);
      case ArgKind::kText: return text(spec);
      case ArgKind::kExtent: return extent();
      case ArgKind::kExtents: return extents();
      case ArgKind::kIndexMap: return index_map();
      case ArgKind::kAttr: return attribute();
      case ArgKind::kOptions: return options();
    }
    return {};
  }

  /// Blocks and their handles stand in the order of the program.
  const Block& node() const {
    const std::vector<BlockPlace> places = all_blocks(schedule_.program(), Blocks::kOpened);
    for (std::size_t i = 0; i < places.size() && i < blocks_.size(); ++i)
      if (blocks_[i] == block_) return places[i].block();
    return places.front().block();
  }

  std::vector<LoopRef> loops_around() { return schedule_.loops(block_); }

  static bool uses(const Block& block, const BufferNode* buffer) {
    for (const std::vector<Region>* regions : {&block.reads, &block.writes})
      for (const Region& region : *regions)
        if (region.buffer.get() == buffer) return true;
    return false;
  }

  /// Another block that shares a buffer with the one that was named, or uses the buffer that was.
  std::optional<BlockRef> related_block() {
    std::vector<BlockRef> found;
    const Block& own = node();
    const std::vector<BlockPlace> places = all_blocks(schedule_.program(), Blocks::kOpened);
    for (std::size_t i = 0; i < places.size() && i < blocks_.size(); ++i) {
      const Block& other = places[i].block();
      bool shares = buffer_ && uses(other, buffer_.get());
      if (has_block_ && &other != &own)
        for (const Region& region : own.writes) shares |= uses(other, region.buffer.get());
      if (has_block_ && &other != &own)
        for (const Region& region : other.writes) shares |= uses(own, region.buffer.get());
      if (shares) found.push_back(blocks_[i]);
    }
    if (found.empty()) return std::nullopt;
    return random_.pick(found);
  }

  /// With a block or buffer before it, most loops stand around a block that shares one: where it may go.
  Value loop() {
    if ((has_block_ || buffer_) && random_.chance(60)) {
      const auto other = related_block();
      const std::vector<LoopRef> around =
          schedule_.loops(other && random_.chance(85) ? *other : random_.pick(blocks_));
      if (!around.empty()) return random_.pick(around);
    }
    std::vector<LoopRef> around = loops_around();
    for (int i = 0; i < 4 && around.empty(); ++i) {
      block_ = random_.pick(blocks_);
      around = loops_around();
    }
    if (around.empty()) return "no loop";
    return random_.pick(around);
  }

  /// Neighbours in order, or some in any order.
  Value loops() {
    std::vector<LoopRef> around = loops_around();
    for (int i = 0; i < 4 && around.size() < 2; ++i) {
      block_ = random_.pick(blocks_);
      around = loops_around();
    }
    if (around.empty()) return List{};
    const int size = static_cast<int>(around.size());
    const int count = std::min(size, 1 + random_.below(3) + (size > 1 && random_.chance(80)));
    loops_named_ = count;
    if (random_.chance(60)) {
      const int first = random_.below(size - count + 1);
      around = {around.begin() + first, around.begin() + first + count};
      if (random_.chance(50)) shuffle(around, random_);
    } else {
      shuffle(around, random_);
      around.resize(static_cast<std::size_t>(count));
    }
    return Value(List(around.begin(), around.end()));
  }

  Value buffer() {
    std::vector<Buffer> found = named_buffers(schedule_.program());
    // Those of the caller are refused by most.
    std::vector<Buffer> allocated;
    for_each_node(schedule_.program()->body, [&](const Node* node) {
      if (const auto* allocation = as<Allocate>(node))
        for (const Buffer& one : found)
          if (one.same_as(allocation->buffer)) allocated.push_back(one);
    });
    if (!allocated.empty() && random_.chance(85)) found = allocated;
    if (found.empty()) return "no buffer";
    buffer_ = random_.pick(found);
    return schedule_.buffer(buffer_->name);
  }

  Value read() {
    std::vector<const BufferNode*> names;
    for (const Region& region : node().reads)
      if (std::find(names.begin(), names.end(), region.buffer.get()) == names.end())
        names.push_back(region.buffer.get());
    return names.empty() ? 0 : random_.below(static_cast<int>(names.size()) + random_.chance(5));
  }

  Value integer() {
    const int wide[] = {4, 8, 16, -1, -2, 3, 32, -3};
    return random_.chance(75) ? random_.below(3) : random_.pick(wide);
  }

  Value text(const ArgSpec& spec) {
    const std::vector<std::string> scopes = {"global", "shared", "local"};
    const std::vector<std::string> indices = {"blockIdx.x", "blockIdx.y", "threadIdx.x", "threadIdx.y"};
    std::vector<std::string> words = {"note", "priority", "", "fragment", "warp"};
    std::vector<std::string> known;
    for (const Rewrite* rewrite : rewrites()) known.push_back(rewrite->name);
    if (random_.chance(90)) {
      if (spec.name == "scope") return random_.pick(scopes);
      if (spec.name == "index") return random_.pick(indices);
      if (spec.name == "algorithm" || spec.name == "rewrite" || spec.name == "name") words = known;
    }
    if (words.empty()) words = scopes;
    text_ = random_.pick(words);
    return text_;
  }

  Value extent() {
    if (random_.chance(25)) return random_tunable(random_);
    const int usual[] = {1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 16};
    return random_.pick(usual);
  }

  Value extents() {
    List list;
    const bool one_each = loops_named_ > 0 && random_.chance(85);  // an extent for each loop named before
    const int count = one_each ? loops_named_ : 1 + random_.below(2) + random_.chance(60);
    const int open = random_.chance(one_each ? 5 : 85) ? random_.below(count) : -1;
    for (int i = 0; i < count; ++i) list.push_back(i == open ? Value{} : extent());
    return Value(list);
  }

  /// Permuted, split or fused dimensions of the buffer named before.
  Value index_map() {
    std::string from, to;
    const int rank = buffer_ ? buffer_->rank() : 1 + random_.below(3);
    std::vector<std::string> parts;
    for (int i = 0; i < rank; ++i) {
      from += fmt::format("{}x{}", i ? ", " : "", i);
      parts.push_back(fmt::format("x{}", i));
    }
    if (random_.chance(50)) shuffle(parts, random_);
    std::vector<std::string> result;
    for (const std::string& part : parts) {
      if (random_.chance(40)) {
        const int factor = 2 + random_.below(4);
        result.push_back(fmt::format("{} // {}", part, factor));
        result.push_back(fmt::format("{} % {}", part, factor));
      } else {
        result.push_back(random_.chance(10) ? fmt::format("{} + 1", part) : part);
      }
    }
    if (random_.chance(40))
      std::rotate(result.begin(), result.begin() + (result.empty() ? 0 : 1), result.end());
    for (std::size_t i = 0; i < result.size(); ++i) to += (i ? ", " : "") + result[i];
    return Value(fmt::format("({}) -> ({})", from, to));
  }

  Value attribute() {
    const int roll = random_.below(4);
    if (roll == 0) return random_.below(5);
    if (roll == 1) return 0.0;
    if (roll == 2) return 0;
    return "word";
  }

  /// Values for parameters of the program, or options of the rewrite that was named.
  Value options() {
    std::map<std::string, Value> chosen;
    for (const Param& param : schedule_.program()->params)
      if (param.param_kind == ParamKind::kTunable && random_.chance(60))
        chosen[param.var->name] = random_tunables(schedule_.program(), random_).at(param.var->name);
    if (const Rewrite* rewrite = find_rewrite(text_)) {
      chosen.clear();
      for (const ArgSpec& option : rewrite->options)
        if (option.required || random_.chance(50)) chosen[option.name] = value(option);
    }
    List list;
    for (const auto& [name, one] : chosen) list.push_back(Value(List{Value(name), one}));
    return Value(list);
  }

  Schedule& schedule_;
  const Primitive& primitive_;
  Random& random_;
  std::vector<BlockRef> blocks_;
  BlockRef block_;
  bool has_block_ = false;
  int loops_named_ = 0;
  Buffer buffer_;
  std::string text_;
};

}  // namespace

Call random_call(Schedule& schedule, const Primitive& primitive, Random& random) {
  return {primitive.name, Arguments(schedule, primitive, random).make()};
}

std::vector<Buffer> named_buffers(const Program& program) {
  std::vector<Buffer> all;
  for (const Param& param : program->params)
    if (param.is_buffer()) all.push_back(param.buffer);
  for_each_node(program->body, [&](const Node* node) {
    if (const auto* allocation = as<Allocate>(node)) all.push_back(allocation->buffer);
  });
  std::vector<Buffer> found;
  for (const Buffer& buffer : all)
    if (1 == std::count_if(all.begin(), all.end(),
                           [&](const Buffer& b) { return b->name.text == buffer->name.text; }))
      found.push_back(buffer);
  return found;
}

IntValues random_tunables(const Program& program, Random& random) {
  IntValues values;
  for (const Param& param : program->params) {
    if (param.param_kind != ParamKind::kTunable) continue;
    const int64_t step = param.var->multiple_of;
    const int64_t low = (std::max<int64_t>(param.var->min, 1) + step - 1) / step;
    const int64_t high = std::max(low, std::min<int64_t>(param.var->max, random.chance(75) ? 7 : 20) / step);
    values[param.var->name] = random.between(low, high) * step;
  }
  return values;
}

}  // namespace tw::schedule
