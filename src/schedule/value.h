// What the steps of a schedule take and give: numbers, names, parameters, layouts, and handles to loops,
// blocks, buffers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "ir/program.h"

namespace tw::schedule {

/// Handles are numbers into the schedule's table; they stay valid through rewrites until what they name is
/// gone.
struct LoopRef {
  int handle = -1;
  bool operator==(const LoopRef&) const = default;
};
struct BlockRef {
  int handle = -1;
  bool operator==(const BlockRef&) const = default;
};
struct BufferRef {
  int handle = -1;
  bool operator==(const BufferRef&) const = default;
};

/// A handle named by where it came from, as traces write it: "b0.1" is the second loop of block 0 of the
/// first program, "s3.0" the first result of step 3.
struct Origin {
  std::string name;
  bool operator==(const Origin&) const = default;
};

/// A parameter of the schedule: an integer chosen when the kernel runs. min <= value <= max, a multiple of
/// `multiple_of`; `default_value` is what runs when nobody says otherwise. Two uses of one name are one
/// parameter.
struct Tunable {
  std::string name;
  int64_t min = 1, max = int64_t{1} << 30, multiple_of = 1;
  int64_t default_value = 0;  // 0: the least legal value
  bool operator==(const Tunable&) const = default;
};

/// A map of indices, (i, j) -> (i // 14, j, i % 14), as text: layouts and intrinsics' operands.
struct IndexMap {
  std::vector<Var> from;
  std::vector<Expr> to;
  /// "(i, j) -> (i // 14, j, i % 14)"
  std::string text() const;
  static IndexMap parse(const std::string& text);
  bool operator==(const IndexMap& other) const { return text() == other.text(); }
};

struct Value;
using List = std::vector<Value>;

/// An argument or a result of a step; monostate is None.
struct Value : std::variant<std::monostate, bool, int64_t, double, std::string, LoopRef, BlockRef, BufferRef,
                            Origin, Tunable, IndexMap, List> {
  using variant::variant;
  Value(int number) : variant(int64_t{number}) {}
  Value(const char* text) : variant(std::string(text)) {}
  template <class T>
  const T* get_if() const {
    return std::get_if<T>(static_cast<const variant*>(this));
  }
  bool is_none() const { return index() == 0; }
};

/// "None", "14", "'global'", "param('mc', multiple_of=14)", "[None, 14]"; handles through `name_of`.
std::string to_text(const Value& value, const std::function<std::string(const Value&)>& name_of);

}  // namespace tw::schedule
