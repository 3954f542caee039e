// Random well-formed programs that hold every kind of node, with names of every sort. They mean nothing.
#pragma once

#include <random>

#include "ir/program.h"

namespace tw::test {

class RandomProgram {
 public:
  explicit RandomProgram(uint64_t seed) : random_(seed) {}
  Program program();
  /// An expression over the variables and buffers made so far.
  Expr expr(DType type, int depth);
  Var fresh_var(DType type);
  Buffer fresh_buffer();

 private:
  uint64_t below(uint64_t n) { return random_() % n; }
  bool chance(uint64_t one_in) { return below(one_in) == 0; }
  template <class T>
  const T& any_of(const std::vector<T>& list) {
    return list[below(list.size())];
  }
  std::string label();
  std::string word();
  DType scalar_type();
  DType data_type();
  Expr constant(DType type);
  Expr leaf(DType type);
  Expr index(int depth) { return expr(kIndex, depth); }
  Expr binary(DType type, int depth);
  Expr comparison(DType type, int depth);
  Expr load(Buffer buffer, int lanes, int depth);
  Expr reduce(DType type, int depth);
  Reducer reducer(DType type);
  std::vector<Expr> indices(Buffer buffer, int depth);
  Region region(Buffer buffer);
  std::vector<Region> regions();
  AttrValue attr_value();
  Attrs attrs();
  Stmt body(int depth);
  Stmt statement(int depth);
  Stmt loop(int depth);
  Stmt block(int depth);
  Stmt store(int depth);
  Stmt simple();

  std::mt19937_64 random_;
  std::vector<Var> vars_;
  std::vector<Buffer> buffers_;
};

}  // namespace tw::test
