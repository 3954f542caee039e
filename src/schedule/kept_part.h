// What a block that moves keeps of its old loops: conditions, the part of its domain that it ran through, and
// the rows of a circle.
//
// A circle of rows is what rolling_buffer and pipeline make: several points of the block go to one element.
// The axes that say which row keep their loops in the new place.
#pragma once

#include <string>
#include <vector>

#include "schedule/moving.h"

namespace tw::schedule {

class KeptPart {
 public:
  /// Refuses a block that is not proved to run through its domain, or a box of it, in one turn of the loops
  /// around both places: new loops could run where it did not.
  KeptPart(const Step& step, const Move& move);

  /// Neither a part nor a circle.
  bool is_whole() const { return !has_part() && !has_circle(); }
  bool has_part() const { return !parts_.empty(); }
  bool has_circle() const { return !circle_axes_.empty(); }
  bool in_circle(const BlockAxis& axis) const;
  /// The block's own loops that the axes of the circle follow.
  const std::vector<const For*>& row_loops() const { return row_loops_; }
  /// Those of the block that do more than keep it in its domain.
  const std::vector<Expr>& conditions() const { return conditions_; }

  /// What keeps the axes of the block in its new place within its own part.
  Expr within_part(const Block& block, const Context& context) const;
  /// Where a turn of a loop finds rows that another turn has left, the parts of both must be the same.
  void require_same_parts(const std::vector<Span>& spans) const;
  [[noreturn]] void refuse_circle(const char* why) const;

 private:
  const Buffer& buffer() const { return block_.writes.front().buffer; }
  bool writes_apart(const Region& region) const;
  void find_circle();
  void find_part();
  bool is_kept(const Expr& condition) const;
  [[noreturn]] void refuse_part(const std::string& reason) const;

  const Step& step_;
  const Move& move_;
  const Block& block_;
  std::vector<const BlockAxis*> circle_axes_;  // points of several go to one element
  std::vector<const For*> row_loops_;          // of the block's own, which these axes keep
  std::vector<Span> parts_;                    // of the other axes, if the block ran in a part of its domain
  std::vector<Expr> conditions_;
};

}  // namespace tw::schedule
