// Subscripts as sums of digits of loops, with numbers for everything: how many different elements, cache
// lines and pages an access meets while some of the loops around it turn.
//
// Cost models look at hundreds of programs a second, all of known sizes, so this is arithmetic on numbers
// where ir/analysis has proofs on expressions. With i in 16, j in 1024, k in 32 the subscripts
//
//   B[(i*32 + k) // 32, j, (i*32 + k) % 32]      become      B[i, j, k]
//
// exactly; what stays a quotient or a remainder, such as f // 14 of a fused loop, is a digit of its own.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "ir/program.h"

namespace tw::autotune {

/// A sum of multiples of digits, by their number in `Digits`. With `data` its value depends on contents of
/// buffers too, in a way that nobody can foretell.
struct DigitSum {
  struct Term {
    int64_t coefficient = 0;
    int digit = 0;
    bool operator==(const Term&) const = default;
  };
  std::vector<Term> terms;
  int64_t base = 0;
  bool operator==(const DigitSum&) const = default;
};

/// Values first, first + step, …: `count` of them. Counts may be averages.
struct Progression {
  double step = 1, count = 1;
};

/// The digits of one program, and what variables stand for. Loops are known by their depth: the outermost is
/// 0. "From depth d" means: while the loops at depths d, d + 1, … run through all their turns and those
/// outside of them stand still.
class Digits {
 public:
  /// The value of a size, a parameter, an axis or a Let.
  void define(const Variable* var, DigitSum value) { values_[var] = std::move(value); }
  /// A loop at a depth with so many turns.
  void define_loop(const Variable* var, int depth, double turns);
  void forget(const Variable* var) { values_.erase(var); }

  DigitSum sum_of(const Expr& e);
  /// The expression as a number; digits count as the middle of their range.
  double number(const Expr& e) { return middle(sum_of(e)); }
  double middle(const DigitSum& sum) const;

  struct Span {
    double min = 0, max = 0;
  };
  /// The least and the greatest value, over all loops.
  Span span(const DigitSum& sum) const;

  /// The values that the sum takes from a depth on, in ascending steps.
  std::vector<Progression> progressions(const DigitSum& sum, int from) const;
  /// Marks the loops that the sum depends on, by depth.
  void mark_loops(const DigitSum& sum, std::vector<bool>& depths) const;
  /// By how much the sum grows in one turn of the loop at a depth, about. `scattered` is set where that
  /// depends on data.
  double slope(const DigitSum& sum, int depth, bool& scattered) const;
  bool is_scattered(const DigitSum& sum) const;

 private:
  struct Digit {
    enum class Kind : uint8_t { kLoop, kQuotient, kRemainder, kData } kind = Kind::kLoop;
    int depth = 0;     // of a loop
    double turns = 1;  // of a loop; of data: how many values there may be
    DigitSum operand;  // of the others
    int64_t divisor = 1;
  };
  DigitSum digit(Digit made);
  DigitSum divided(const DigitSum& a, int64_t divisor, bool quotient);
  DigitSum data_of(const Expr& e);
  DigitSum binary(const Binary& node);
  double count(const Digit& digit, int from) const;
  double width(const DigitSum& sum, int from) const;  // greatest - least value
  double values(const DigitSum& sum, int from) const;

  std::vector<Digit> digits_;
  std::unordered_map<const Variable*, DigitSum> values_;
};

/// How many of these there are, all steps taken independently.
double count_of(const std::vector<Progression>& progressions);

/// Blocks of `granule` bytes that elements of `bytes` at these steps (in bytes) lie in.
double granules(std::vector<Progression> steps, double bytes, double granule);

/// Into how many of the 64 sets of a first-level cache (lines 4 KiB apart share one) these elements fall.
double sets_of(std::vector<Progression> steps, double bytes);

/// Puts progressions together that continue or overlap each other: steps 1 x 16 and 16 x 4 are 1 x 64.
std::vector<Progression> merged(std::vector<Progression> progressions);

}  // namespace tw::autotune
