// Programs as exact integer relations: what runs when, and touches what.
//
// The judge's own reading of a program whose sizes and parameters have numbers. It shares nothing with
// src/ir/analysis: it walks the tree, writes domains, subscripts and orders down as quasi-affine constraints,
// and leaves all questions to isl. A subscript that depends on data stands for the whole dimension.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <isl/union_map.h>
#include <isl/union_set.h>

#include "schedule/corpus/programs.h"

namespace tw::schedule::judge {

/// A union of relations between named tuples of integers.
class Relation {
 public:
  Relation() = default;
  explicit Relation(isl_union_map* map) : map_(map) {}
  Relation(const Relation& other) : map_(isl_union_map_copy(other.map_)) {}
  Relation(Relation&& other) noexcept : map_(std::exchange(other.map_, nullptr)) {}
  Relation& operator=(Relation other) {
    std::swap(map_, other.map_);
    return *this;
  }
  ~Relation() { isl_union_map_free(map_); }
  static Relation parse(const std::string& text);
  static Relation empty() { return parse("{ }"); }

  isl_union_map* copy() const { return isl_union_map_copy(map_); }
  bool is_empty() const { return isl_union_map_is_empty(map_); }
  bool is_injective() const { return isl_union_map_is_injective(map_); }
  bool is_single_valued() const { return isl_union_map_is_single_valued(map_); }
  /// x -> z where this has x -> y and the other y -> z.
  Relation then(const Relation& other) const {
    return Relation(isl_union_map_apply_range(copy(), other.copy()));
  }
  Relation reversed() const { return Relation(isl_union_map_reverse(copy())); }
  Relation operator|(const Relation& other) const {
    return Relation(isl_union_map_union(copy(), other.copy()));
  }
  Relation operator&(const Relation& other) const {
    return Relation(isl_union_map_intersect(copy(), other.copy()));
  }
  Relation operator-(const Relation& other) const {
    return Relation(isl_union_map_subtract(copy(), other.copy()));
  }
  Relation within_domain_of(const Relation& other) const {
    return Relation(isl_union_map_intersect_domain(copy(), isl_union_map_domain(other.copy())));
  }
  bool operator==(const Relation& other) const { return isl_union_map_is_equal(map_, other.map_); }
  std::string text() const;

 private:
  isl_union_map* map_ = nullptr;
};

/// One place of a program that reads or writes, over the loops around it.
struct Touch {
  std::string tuple;  // its name among the relations
  const Block* block = nullptr;
  int64_t block_id = -1;
  int number = 0;  // among those of the block
  const BufferNode* buffer = nullptr;
  bool write = false, init = false, atomic = false;
  bool own = false;   // reads or writes what the reducer of the block combines
  bool exact = true;  // false: may touch more than it does
  std::vector<const For*> loops;
  std::vector<std::string> iterators, conditions, element, time;
  std::vector<std::string> point, spatial;  // values of the block's axes; of those that are not reduced over
};

/// What a program does, or why the judge has no opinion of it.
struct Reading {
  std::vector<Touch> touches;
  std::size_t time_length = 0;
  std::string unknown;  // empty: all is read

  Relation elements(const std::function<bool(const Touch&)>& which) const;
  Relation times(const std::function<bool(const Touch&)>& which) const;
  /// Touches to what people call them: block, number and axis values; spatial ones alone where a reducer
  /// combines.
  Relation points(const std::function<bool(const Touch&)>& which, bool spatial) const;
  Relation to_tuple(const std::function<bool(const Touch&)>& which, const std::string& name,
                    const std::function<std::vector<std::string>(const Touch&)>& values) const;
};

/// The program with these numbers for sizes and parameters.
Reading read_program(const Program& program, const IntValues& values);

/// The runs of some touches and what is known of them: a program, or one that exists only as relations.
struct Model {
  Relation reads, own_reads;                    // run -> element; own: of what the block's reducer combines
  Relation writes, updates, inits, may_writes;  // of no reducer; of one; its inits; those that are not sure
  Relation times;
  Relation points, spatial;  // run -> what people call it; without the axes that are reduced over
};
Model operator|(const Model& a, const Model& b);

Model model_of(const Reading& reading, std::size_t time_length,
               const std::function<bool(const Touch&)>& which);
Model model_of(const Reading& reading);

/// From whom each read has its value: { run of a write -> run of the read }.
Relation sources(const Model& model);
/// The same between points, the reads of the caller included; where a reducer combines, points of results.
Relation flow(const Model& model);
/// What a reducer had combined when a read came: { run of an update -> run of the read }.
Relation contributions(const Model& model);
/// The same between points.
Relation combined(const Model& model);

/// Two turns of the loop, in one turn of the loops around it, that touch one element, one of them writing.
/// Empty: the turns are independent.
Relation conflicts(const Reading& reading, const For* loop);

}  // namespace tw::schedule::judge
