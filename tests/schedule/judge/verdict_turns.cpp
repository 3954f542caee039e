// Turns of a loop that keep rows for the next one (rolling_buffer) or run in stages (pipeline): the program
// that would result, as relations, and whether its reads have the sources that they have now.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "ir/visit.h"
#include "schedule/judge/case.h"
#include "schedule/judge/relations.h"

namespace tw::schedule::judge {
namespace {

using Which = std::function<bool(const Touch&)>;

/// The turns of one loop, `turn[iterators]`, and what runs in them.
class Turns {
 public:
  Turns(const Reading& reading, const For& loop) : reading_(reading), loop_(loop) {
    for (const Touch& touch : reading.touches)
      if (is_below(touch)) depth_ = static_cast<std::size_t>(place_in(touch) - touch.loops.begin()) + 1;
    for (std::size_t i = 0; i < depth_; ++i) iterators_.push_back(fmt::format("i{}", i));
  }
  bool is_known() const { return depth_ > 0; }
  std::size_t depth() const { return depth_; }
  bool is_below(const Touch& t) const { return place_in(t) != t.loops.end(); }
  /// Runs to their turns.
  Relation of(const Which& which) const {
    return reading_.to_tuple([&](const Touch& t) { return which(t) && is_below(t); }, "turn",
                             [&](const Touch&) { return iterators_; });
  }
  /// { turn -> the turn that comes `distance` later in the same turn of the loops around }
  Relation later(int64_t distance) const {
    const std::string before = fmt::format("{}", fmt::join(iterators_, ", "));
    return Relation::parse(fmt::format("{{ turn[{}] -> turn[{} + {}] }}", before, before, distance));
  }
  /// Whether reads of the buffer all have the values that writes of the same turn gave them.
  bool keeps_to_its_turn(const Model& model, const BufferNode* buffer) const {
    const Which uses = [&](const Touch& t) { return t.buffer == buffer; };
    const Relation reads = reading_.elements([&](const Touch& t) { return uses(t) && !t.write; });
    const Relation turns = of(uses), made = sources(model);
    const Relation same = made & turns.then(turns.reversed());
    const Relation elsewhere = made.reversed().within_domain_of(reads) - same.reversed();
    const Relation unmade = reads - reads.within_domain_of(made.reversed());
    return elsewhere.is_empty() && unmade.is_empty();
  }

 private:
  std::vector<const For*>::const_iterator place_in(const Touch& t) const {
    return std::find(t.loops.begin(), t.loops.end(), &loop_);
  }
  const Reading& reading_;
  const For& loop_;
  std::size_t depth_ = 0;
  std::vector<std::string> iterators_;
};

bool same_sources(const Model& before, const Model& after) {
  return flow(before) == flow(after) && combined(before) == combined(after);
}

bool is_plain(const Program& program) {
  return !contains<For>(program->body.get(), [](const For& loop) { return !is_serial(loop); }) &&
         !contains<Block>(program->body.get(), [](const Block& block) {
           return contains<For>(&block, [](const For&) { return true; }) ||
                  contains<Block>(block.body.get(), [](const Block&) { return true; });
         });
}

/// Subscripts, without the loops around the allocation.
std::vector<std::string> subscripts(const Touch& touch) {
  return {touch.element.end() - touch.buffer->rank(), touch.element.end()};
}

// Circles.

/// The writer of a buffer, its rows of every turn, and the program in which they go in a circle.
class Circle {
 public:
  Circle(const Reading& reading, const For& loop, const BufferNode* buffer)
      : reading_(reading), turns_(reading, loop), buffer_(buffer), before_(model_of(reading)) {}

  Verdict legal() {
    if (const Verdict wrong = uses(); !wrong || !*wrong) return wrong;
    if (!is_steadfast(writer_)) return false;
    if (!turns_.keeps_to_its_turn(before_, buffer_)) return false;
    std::vector<std::size_t> moving;
    for (std::size_t d = 0; d < static_cast<std::size_t>(buffer_->rank()); ++d)
      if (moves(d)) moving.push_back(d);
    if (moving.size() != 1) return false;
    dim_ = moving.front();
    const Verdict window = find_window();
    if (!window.value_or(true)) return false;
    const bool same = same_sources(before_, rolled());
    return window || !same ? Verdict(same) : std::nullopt;
  }

 private:
  bool is_use(const Touch& t) const { return t.buffer == buffer_; }
  bool is_write(const Touch& t) const { return is_use(t) && t.write; }
  bool is_writers(const Touch& t) const { return t.block == writer_; }

  /// True: all uses are below the loop, one block writes, others read.
  Verdict uses() {
    bool read = false, exact = true;
    std::set<const Block*> writers;
    for (const Touch& t : reading_.touches) {
      if (!is_use(t)) continue;
      if (!turns_.is_below(t)) return false;
      exact = exact && t.exact && t.block;
      if (t.write) writers.insert(t.block);
    }
    if (writers.size() != 1) return false;
    writer_ = *writers.begin();
    for (const Touch& t : reading_.touches) read |= is_use(t) && !t.write && !is_writers(t);
    if (!read) return false;
    return exact ? Verdict(true) : std::nullopt;
  }

  /// Whether a point of the block, and of those below the loop that it reads from, is the same in every turn.
  bool is_steadfast(const Block* block) {
    if (!asked_.insert(block).second) return true;
    if (has_axis(*block, AxisKind::kOrdered) || (block->reducer && !block->init)) return false;
    const Relation points =
        reading_.points([&](const Touch& t) { return t.block == block && !t.write; }, true);
    const Relation made = flow(before_).reversed().within_domain_of(points.reversed());
    if (!made.is_single_valued()) return false;
    for (const Touch& t : reading_.touches)
      if (t.block && t.block != block && t.write && turns_.is_below(t) && reads(*block, t.buffer) &&
          !is_steadfast(t.block))
        return false;
    return true;
  }

  /// Runs of the writer to the row that they write.
  Relation row(std::size_t d) const {
    const auto write = std::find_if(reading_.touches.begin(), reading_.touches.end(),
                                    [&](const Touch& t) { return is_write(t); });
    const std::vector<std::string> subscript{subscripts(*write)[d]};
    return reading_.to_tuple([&](const Touch& t) { return is_writers(t); }, "row",
                             [&](const Touch&) { return subscript; });
  }
  /// Turns to the rows that they write.
  Relation rows(std::size_t d) const {
    return turns_.of([&](const Touch& t) { return is_write(t); }).reversed().then(row(d));
  }
  /// Turns to the rows that the turn before wrote.
  Relation kept(std::size_t d) const { return turns_.later(-1).then(rows(d)); }

  bool moves(std::size_t d) const {
    const Relation now = rows(d), old = kept(d);
    return !(old.within_domain_of(now) - now).is_empty() || !(now.within_domain_of(old) - old).is_empty();
  }

  /// True: the rows of a turn, clipped to the buffer, are a window that moves on by the same step, smaller
  /// than the window. False: they are none. Nothing: turns are too few or too short to tell.
  Verdict find_window() {
    const auto between = [](const std::string& condition) {
      return Relation::parse(fmt::format("{{ row[a] -> row[b] : {} }}", condition));
    };
    const Relation now = rows(dim_), next = turns_.later(1);
    const Relation first(isl_union_map_lexmin(now.copy())), last(isl_union_map_lexmax(now.copy()));
    while (!(first.reversed().then(last) - between(fmt::format("b - a < {}", rows_))).is_empty()) ++rows_;
    // Ends at the border of the buffer may be clipped.
    const auto size = as_int(buffer_->shape[dim_]);
    if (!size) return std::nullopt;
    const Relation begins = first.then(between("b = a and a > 0"));
    const Relation ends = last.then(between(fmt::format("b = a and a < {}", *size - 1)));
    const Relation steps = begins.reversed().then(next).then(begins) | ends.reversed().then(next).then(ends);
    const Relation widths = begins.reversed().then(ends);
    if (steps.is_empty() || widths.is_empty()) return std::nullopt;
    if (!(widths - between(fmt::format("b - a = {}", rows_ - 1))).is_empty()) return std::nullopt;
    for (int64_t step = 1; step < rows_; ++step)
      if ((steps - between(fmt::format("b - a = {}", step))).is_empty()) return true;
    return false;
  }

  /// The program with the circle, in which no turn computes what the one before did.
  Model rolled() const {
    Reading circular = reading_;
    for (Touch& t : circular.touches) {
      if (!is_use(t)) continue;
      std::vector<std::string> element = subscripts(t);
      element[dim_] = fmt::format("({} % {})", element[dim_], rows_);
      t.element.assign(t.iterators.begin(),
                       t.iterators.begin() + static_cast<std::ptrdiff_t>(turns_.depth() - 1));
      t.element.insert(t.element.end(), element.begin(), element.end());
    }
    const Relation old =
        turns_.of([&](const Touch& t) { return is_writers(t); }).then(kept(dim_)) & row(dim_);
    Model after = model_of(circular);
    for (Relation* part :
         {&after.reads, &after.own_reads, &after.writes, &after.updates, &after.inits, &after.may_writes})
      *part = *part - part->within_domain_of(old);
    return after;
  }

  const Reading& reading_;
  const Turns turns_;
  const BufferNode* buffer_;
  const Model before_;
  const Block* writer_ = nullptr;
  std::set<const Block*> asked_;
  std::size_t dim_ = 0;
  int64_t rows_ = 1;
};

Verdict judge_rolling_buffer(const Case& c) {
  const BufferNode* buffer = c.buffer(0);
  const auto place = c.loop(1);
  if (!buffer || !place || !is_plain(c.program) || !buffer->strides.empty() || buffer->lane_map)
    return std::nullopt;
  if (is_int(place->loop().extent, 1)) return std::nullopt;  // nothing to keep
  if (!is_allocated(c.program, buffer)) return false;
  const Reading reading = read_program(c.program, c.values);
  if (!reading.unknown.empty()) return std::nullopt;
  return Circle(reading, place->loop(), buffer).legal();
}

// Stages.

/// The statements of a loop, the stages they run in, and the program that results.
class Stages {
 public:
  Stages(const Reading& reading, const LoopPlace& place, int64_t stages)
      : reading_(reading),
        turns_(reading, place.loop()),
        place_(place),
        stages_(stages),
        before_(model_of(reading)) {}

  Verdict legal() {
    open(place_.loop().body);
    for (const Touch& t : reading_.touches)
      if (turns_.is_below(t) && (!t.block || !part_of_.contains(t.block) || !t.exact)) return std::nullopt;
    if (!turns_.is_known()) return std::nullopt;
    find_own();
    if (!choose()) return std::nullopt;
    if (*std::min_element(stage_.begin(), stage_.end()) == *std::max_element(stage_.begin(), stage_.end()))
      return false;
    return same_sources(before_, staged());
  }

 private:
  void open(const Stmt& stmt) {
    if (const auto* allocate = as<Allocate>(stmt)) {
      own_.insert(allocate->buffer.get());
      open(allocate->body);
    } else if (const auto* seq = as<Seq>(stmt)) {
      for (const Stmt& part : seq->stmts) open(part);
    } else if (const auto* attr = as<Attr>(stmt)) {
      open(attr->body);
    } else {
      for (const Block* block : blocks_below(stmt.get())) part_of_[block] = stage_.size();
      stage_.push_back(0);
    }
  }

  /// Buffers from around the loop that are used in it alone, and keep to a turn, are its own too.
  void find_own() {
    for (const StmtNode* around : place_.around) {
      const auto* allocate = as<Allocate>(static_cast<const Node*>(around));
      if (!allocate) continue;
      const BufferNode* buffer = allocate->buffer.get();
      if (std::all_of(reading_.touches.begin(), reading_.touches.end(),
                      [&](const Touch& t) { return t.buffer != buffer || turns_.is_below(t); }) &&
          turns_.keeps_to_its_turn(before_, buffer))
        own_.insert(buffer);
    }
  }

  bool touches(std::size_t part, const BufferNode* buffer, bool write) const {
    return std::any_of(reading_.touches.begin(), reading_.touches.end(), [&](const Touch& t) {
      return t.buffer == buffer && t.write == write && turns_.is_below(t) && part_of_.at(t.block) == part;
    });
  }

  /// Whether a part fills own buffers for later parts, from what the loop does not change.
  bool runs_ahead(std::size_t part) const {
    bool fills = false;
    for (const Touch& t : reading_.touches) {
      if (!turns_.is_below(t) || part_of_.at(t.block) != part) continue;
      fills |= t.write;
      bool is_read_later = false, is_written = false;
      for (std::size_t other = 0; other < stage_.size(); ++other) {
        is_read_later |= other > part && touches(other, t.buffer, false);
        is_written |= touches(other, t.buffer, true);
      }
      if (t.write && (!own_.contains(t.buffer) || !is_read_later)) return false;
      if (!t.write && !touches(part, t.buffer, true) && is_written) return false;
    }
    return fills;
  }

  /// Stages as notes say, or by what the parts do. False: notes that are no stages.
  bool choose() {
    for (std::size_t part = 0; part < stage_.size(); ++part)
      stage_[part] = runs_ahead(part) ? 0 : stages_ - 1;
    std::map<std::size_t, int64_t> noted;
    for (const auto& [block, part] : part_of_) {
      const auto note = block->annotations.find("pipeline_stage");
      if (note == block->annotations.end()) continue;
      const auto* stage = std::get_if<int64_t>(&note->second);
      if (!stage || *stage < 0 || *stage >= stages_) return false;
      if (!noted.emplace(part, *stage).second && noted[part] != *stage) return false;
      stage_[part] = *stage;
    }
    return true;
  }

  /// The program with each part as many turns later as its stage, and versions of own buffers.
  Model staged() const {
    std::map<const BufferNode*, std::pair<int64_t, int64_t>> span;
    for (const Touch& t : reading_.touches) {
      if (!own_.contains(t.buffer)) continue;
      const int64_t stage = stage_[part_of_.at(t.block)];
      const auto [found, fresh] = span.try_emplace(t.buffer, stage, stage);
      found->second = {std::min(found->second.first, stage), std::max(found->second.second, stage)};
    }
    Reading delayed = reading_;
    for (Touch& t : delayed.touches) {
      if (!turns_.is_below(t)) continue;
      const std::size_t depth = turns_.depth();
      const std::string turn = t.iterators[depth - 1];
      t.time[2 * depth - 1] = fmt::format("({} + {})", turn, stage_[part_of_.at(t.block)]);
      const auto found = span.find(t.buffer);
      if (found == span.end()) continue;
      const auto [first, last] = found->second;
      const std::vector<std::string> element = subscripts(t);
      t.element.assign(t.iterators.begin(), t.iterators.begin() + static_cast<std::ptrdiff_t>(depth - 1));
      t.element.push_back(first == last ? turn : fmt::format("({} % {})", turn, last - first + 1));
      t.element.insert(t.element.end(), element.begin(), element.end());
    }
    return model_of(delayed);
  }

  const Reading& reading_;
  const Turns turns_;
  const LoopPlace& place_;
  const int64_t stages_;
  const Model before_;
  std::map<const Block*, std::size_t> part_of_;
  std::vector<int64_t> stage_;
  std::set<const BufferNode*> own_;
};

Verdict judge_pipeline(const Case& c) {
  const auto place = c.loop(0);
  const auto stages = c.integer(1);
  if (!place || !stages || !is_plain(c.program)) return std::nullopt;
  if (*stages < 2) return false;
  if (contains<If>(place->node, [](const If&) { return true; }) ||
      contains<Let>(place->node, [](const Let&) { return true; }))
    return std::nullopt;
  for (const StmtNode* around : place->around)
    if (around->kind == Kind::kBlock) return std::nullopt;
  const Reading reading = read_program(c.program, c.values);
  if (!reading.unknown.empty()) return std::nullopt;
  return Stages(reading, *place, *stages).legal();
}

}  // namespace

Judges turn_judges() {
  return {
      {"pipeline", judge_pipeline},
      {"rolling_buffer", judge_rolling_buffer},
  };
}

}  // namespace tw::schedule::judge
