// What a person may do wrong, and what is said of it.
#include "te/expect_error.h"
#include "te/lower.h"
#include "te/math.h"
#include "te/pieces.h"
#include "te/reduce.h"
#include "te/scan.h"
#include "te/scatter.h"

namespace tw::te {
namespace {

using Point = std::vector<Var>;

struct TensorErrors : testing::Test {
  Tensor a = placeholder({64, 32}, kFloat32, "A");
  Tensor v = placeholder({64}, kFloat32, "v");
  Tensor ids = placeholder({8}, kInt32, "ids");
  Var n = te::var("n", 1, 512);
  ReduceAxis k = reduce_axis(32, "k");

  Tensor make(const PointFunction& fn) { return compute({64}, fn, "C", {"i"}); }
};

TEST_F(TensorErrors, NegativeExtent) {
  expect_value_error({"placeholder 'P'", "axis 1", "-3", "at least 0"}, [] {
    placeholder({2, -3}, kFloat32, "P");
  });
  expect_value_error({"compute 'C'", "axis 0", "n - 600", "at most -88"}, [&] {
    compute(
        {subtract(n, 600)}, [](const Point&) { return 0; }, "C");
  });
  expect_value_error({"reduction axis 'r'", "5 to 2"}, [] { reduce_axis(5, 2, "r"); });
}

TEST_F(TensorErrors, ExtentThatIsNoSize) {
  expect_type_error({"axis 0", "2.5", "integer"}, [] { placeholder({2.5}); });
  expect_type_error({"axis 0", "float32"}, [&] { placeholder({v({0})}); });
  expect_value_error({"axis 0", "depends on data"}, [&] { placeholder({ids({0})}); });
  expect_value_error({"axis 0", "depends on the axis 'k'", "te.var"}, [&] { placeholder({k}); });
}

TEST_F(TensorErrors, NoDataType) {
  expect_type_error({"placeholder 'P'", "index"}, [] { placeholder({2}, kIndex, "P"); });
}

TEST_F(TensorErrors, NameThatIsNoIdentifier) {
  expect_value_error({"placeholder", "'a b'", "identifier"}, [] { placeholder({2}, kFloat32, "a b"); });
  expect_value_error({"symbolic dimension", "'2n'"}, [] { te::var("2n"); });
}

TEST_F(TensorErrors, SymbolicDimensionWithoutValues) {
  expect_value_error({"'m'", "5 to 2"}, [] { te::var("m", 5, 2); });
  expect_value_error({"'m'", "multiple_of is 0"}, [] { te::var("m", 1, 2, 0); });
  expect_value_error({"'m'", "no multiple of 16", "1 to 15"}, [] { te::var("m", 1, 15, 16); });
}

TEST_F(TensorErrors, WrongNumberOfSubscripts) {
  expect_index_error({"tensor 'A' has rank 2", "1 subscript;"}, [&] { a({0}); });
  expect_index_error({"tensor 'A' has rank 2", "0 subscripts"}, [&] { add(a, 1); });
}

TEST_F(TensorErrors, SubscriptThatIsNoInteger) {
  expect_type_error({"tensor 'v': subscript 0", "float32", "astype"}, [&] { v({v({0})}); });
  expect_type_error({"tensor 'v': subscript 0", "0.5"}, [&] { v({0.5}); });
  expect_type_error({"tensor 'v': subscript 0", "bool"}, [&] { v({less(n, 3)}); });
}

TEST_F(TensorErrors, SubscriptOutOfBounds) {
  expect_index_error(
      {"compute 'C'", "subscript 0 of tensor 'v'", "i + 1", "1 to 64", "extent 64", "te.where"},
      [&] { make([&](const Point& p) { return v({add(p[0], 1)}); }); });
  expect_index_error({"subscript 0 of tensor 'v'", "-1"},
                     [&] { make([&](const Point&) { return v({-1}); }); });
  expect_index_error({"subscript 1 of tensor 'A'", "i * 2 + k", "0 to 157"}, [&] {
    make([&](const Point& p) { return sum(a({p[0], add(multiply(p[0], 2), k)}), {k}); });
  });
  const Tensor w = placeholder({n}, kFloat32, "w");
  expect_index_error({"subscript 0 of tensor 'w'", "extent n"},
                     [&] { compute({n}, [&](const Point& p) { return w({add(p[0], 1)}); }, "C", {"i"}); });
}

TEST_F(TensorErrors, SubscriptInABranchIsWrongOnlyIfItAlwaysIs) {
  make([&](const Point& p) { return where(less(p[0], 63), v({add(p[0], 1)}), 0); });
  make([&](const Point& p) { return where(less(p[0], 0), v({-1}), 0); });
  make([&](const Point& p) { return v({remainder(multiply(p[0], 7), 64)}); });
  make([&](const Point& p) { return v({ids({floor_divide(p[0], 8)})}); });
  expect_index_error({"subscript 0 of tensor 'v'", "i + 64", "where this branch is taken"}, [&] {
    make([&](const Point& p) { return where(less(p[0], 3), v({add(p[0], 64)}), 0); });
  });
}

TEST_F(TensorErrors, EmptyDomainsReadNothing) {
  compute({0}, [&](const Point& p) { return v({add(p[0], 100)}); });
  const ReduceAxis none = reduce_axis(0);
  make([&](const Point&) { return sum(v({add(none, 100)}), {none}); });
}

TEST_F(TensorErrors, AxisOfAnotherOperation) {
  Var stolen;
  make([&](const Point& p) {
    stolen = p[0];
    return 0;
  });
  expect_value_error({"compute 'C'", "axis 'i' of another operation"},
                     [&] { make([&](const Point&) { return v({stolen}); }); });
}

TEST_F(TensorErrors, ReductionAxes) {
  expect_value_error({"compute 'C'", "reduction axis 'k'", "outside any reduction", "axis=k"}, [&] {
    make([&](const Point& p) { return a({p[0], k}); });
  });
  expect_value_error({"sum: reduction axis 'k' is listed twice"}, [&] { sum(v({k}), {k, k}); });
  expect_value_error({"max: reduction axis 'k' is used twice", "te.reduce_axis"},
                     [&] { max(add(v({k}), sum(v({k}), {k})), {k}); });
  expect_value_error({"sum: reduction axis 'k' is used nowhere"}, [&] { sum(v({0}), {k}); });
  expect_value_error({"argmin: no axis"}, [&] { argmin(v({0}), {}); });
}

TEST_F(TensorErrors, ReductionsOfBool) {
  expect_type_error({"sum of bool", "astype(\"int64\")"}, [&] { sum(less(v({k}), 0), {k}); });
  expect_type_error({"prod of bool"}, [&] { prod(less(v({k}), 0), {k}); });
  expect_type_error({"max of bool", "te.any"}, [&] { max(less(v({k}), 0), {k}); });
  expect_type_error({"min of bool", "te.all"}, [&] { min(less(v({k}), 0), {k}); });
}

TEST_F(TensorErrors, CustomReducers) {
  using Exprs = std::vector<Expr>;
  auto first = [](const Exprs& x, const Exprs&) { return std::vector<Value>{x[0]}; };
  expect_value_error({"reducer 'r': combine gives 1 components; 2 operands"}, [&] {
    reduce(make_reducer(first, {0, 0}, "r"), {v({k}), v({k})}, {k});
  });
  expect_value_error({"reducer 'r': identity has 2 components; 1 operand "}, [&] {
    reduce(make_reducer(first, {0, 0}, "r"), {v({k})}, {k});
  });
  auto wider = [](const Exprs& x, const Exprs& y) {
    return std::vector<Value>{astype(add(x[0], y[0]), kFloat64)};
  };
  expect_type_error({"reducer 'r': component 0 of combine has dtype float64 where float32", "astype"},
                    [&] { reduce(make_reducer(wider, {0}, "r"), {v({k})}, {k}); });
  auto reads = [&](const Exprs& x, const Exprs&) { return std::vector<Value>{add(x[0], v({0}))}; };
  expect_value_error({"reducer 'r': combine reads a tensor"},
                     [&] { reduce(make_reducer(reads, {0}, "r"), {v({k})}, {k}); });
  auto strays = [&](const Exprs& x, const Exprs&) {
    return std::vector<Value>{add(x[0], astype(k, kFloat32))};
  };
  expect_value_error({"reducer 'r': combine uses 'k'"},
                     [&] { reduce(make_reducer(strays, {0}, "r"), {v({k})}, {k}); });
  expect_type_error({"identity", "0.5", "int32"},
                    [&] { reduce(make_reducer(first, {0.5}, "r"), {ids({k})}, {k}); });
  expect_value_error({"component 0 of identity is not a constant"},
                     [&] { reduce(make_reducer(first, {v({0})}, "r"), {v({k})}, {k}); });
}

TEST_F(TensorErrors, ComputeWithoutValue) {
  expect_value_error({"compute 'C'", "no value"}, [&] {
    compute_several(
        {4}, [](const Point&) { return std::vector<Value>{}; }, "C");
  });
}

PieceFunctions piece(const PointFunction& condition, const PointFunction& value) {
  return {condition, value};
}

TEST_F(TensorErrors, PiecesThatOverlap) {
  auto zero = [](const Point&) { return 0; };
  expect_value_error({"pieces 'Y'", "pieces 0 and 1 both hold", "i = 4", "disjoint"}, [&] {
    pieces({64},
           {piece([](const Point& p) { return less(p[0], 5); }, zero),
            piece([](const Point& p) { return greater(p[0], 3); }, zero)},
           "Y", {"i"});
  });
  expect_value_error({"pieces 0 and 1 both hold", "with n = "}, [&] {
    pieces({n},
           {piece([](const Point& p) { return less_equal(p[0], 3); }, zero),
            piece([](const Point& p) { return greater_equal(p[0], 3); }, zero)},
           "Y", {"i"});
  });
}

TEST_F(TensorErrors, PiecesThatLeaveGaps) {
  auto zero = [](const Point&) { return 0; };
  expect_value_error({"pieces 'Y'", "no condition holds at i = 3", "cover", "everywhere else"}, [&] {
    pieces({64},
           {piece([](const Point& p) { return less(p[0], 3); }, zero),
            piece([](const Point& p) { return greater(p[0], 3); }, zero)},
           "Y", {"i"});
  });
}

TEST_F(TensorErrors, PiecesMisused) {
  auto zero = [](const Point&) { return 0; };
  expect_value_error({"pieces 'Y'", "no piece"}, [&] { pieces({4}, {}, "Y"); });
  expect_value_error({"piece 0", "everywhere else", "last of the 2 pieces"}, [&] {
    pieces({4}, {piece(nullptr, zero), piece(nullptr, zero)}, "Y");
  });
  expect_type_error({"condition of piece 0", "index", "comparison"}, [&] {
    pieces({4}, {piece([](const Point& p) { return p[0]; }, zero), piece(nullptr, zero)}, "Y");
  });
}

TEST_F(TensorErrors, ScatterMisused) {
  auto at = [&](const Point& p) { return std::vector<Value>{ids({p[0]})}; };
  auto one = [](const Point&) { return 1.0; };
  expect_value_error({"combine is \"add\"", "\"set\", \"sum\", \"max\", \"min\""},
                     [] { parse_scatter_combine("add"); });
  expect_index_error({"tensor 'S' has rank 2", "1 subscript"},
                     [&] { scatter(a, {8}, at, one, ScatterCombine::kSum, "S"); });
  expect_type_error({"scatter 'S': the value has dtype int32 where float32", "astype"}, [&] {
    scatter(
        v, {8}, at, [&](const Point& p) { return ids({p[0]}); }, ScatterCombine::kSum, "S");
  });
  expect_index_error({"scatter 'S'", "subscript 0 of tensor 'ids'"},
                     [&] { scatter(v, {9}, at, one, ScatterCombine::kSum, "S"); });
  const Tensor flags = placeholder({4}, kBool, "flags");
  expect_type_error({"scatter 'S'", "\"max\" of bool"}, [&] {
    scatter(
        flags, {8}, at, [](const Point&) { return true; }, ScatterCombine::kMax, "S");
  });
}

struct ScanErrors : TensorErrors {
  using States = std::vector<Tensor>;
  Tensor h0 = placeholder({32}, kFloat32, "h0");
  void make(const std::vector<ScanInit>& inits, const StepFunction& step) {
    scan(inits, step, 10, "H", {"t", "i"});
  }
};

TEST_F(ScanErrors, ReadsOfTimesNotYetComputed) {
  expect_index_error({"scan 'H'", "state 'H' is read at time t", "not computed yet"}, [&] {
    make({h0}, [](const States& h, const Var& t, const Point& p) {
      return std::vector<Value>{h[0]({t, p[0]})};
    });
  });
  expect_index_error({"time t + 1"}, [&] {
    make({h0, h0}, [](const States& h, const Var& t, const Point& p) {
      return std::vector<Value>{h[0]({subtract(t, 1), p[0]}), h[0]({add(t, 1), p[0]})};
    });
  });
  // Component 1 may read component 0 at the same time, not the other way round.
  make({h0, h0}, [](const States& h, const Var& t, const Point& p) {
    return std::vector<Value>{h[1]({subtract(t, 1), p[0]}), h[0]({t, p[0]})};
  });
}

TEST_F(ScanErrors, StatesOutsideTheirStep) {
  Tensor leaked;
  make({h0}, [&](const States& h, const Var& t, const Point& p) {
    leaked = h[0];
    return std::vector<Value>{h[0]({subtract(t, 1), p[0]})};
  });
  expect_value_error({"compute 'C'", "'H' is the state of a scan", "te.scan returns"}, [&] {
    compute(
        {10},
        [&](const Point& p) {
          return leaked({p[0], 0});
        },
        "C");
  });
  expect_value_error({"output 'H' is the state of a scan"}, [&] { first_program({leaked}); });
}

TEST_F(ScanErrors, StepsThatDoNotFit) {
  expect_value_error({"scan 'H'", "no state"}, [&] { make({}, nullptr); });
  expect_value_error({"the step gives 2 values for 1 state;"}, [&] {
    make({h0}, [](const States&, const Var&, const Point&) { return std::vector<Value>{0, 0}; });
  });
  expect_value_error({"init 1 has shape (64) and init 0 has shape (32)"}, [&] { make({h0, v}, nullptr); });
  expect_type_error({"scan 'H': the step's value 0 has dtype float64 where float32", "astype"}, [&] {
    make({h0},
         [](const States&, const Var& t, const Point&) { return std::vector<Value>{multiply(t, 0.5)}; });
  });
}

struct ProgramErrors : TensorErrors {
  Tensor copy_of(const Tensor& t, const std::string& name) {
    return compute(
        {4}, [&](const Point& p) { return t({p[0]}); }, name);
  }
};

TEST_F(ProgramErrors, Outputs) {
  expect_value_error({"at least one output"}, [] { first_program({}); });
  expect_value_error({"output 'v' is a placeholder", "copies"}, [&] { first_program({v}); });
  const Tensor c = copy_of(v, "C");
  expect_value_error({"tensor 'C' is an output twice"}, [&] { first_program({c, c}); });
}

TEST_F(ProgramErrors, NameClash) {
  expect_value_error({"two arguments are named 'v'", "compute"}, [&] { first_program({copy_of(v, "v")}); });
  const Tensor other = placeholder({4}, kFloat32, "v");
  expect_value_error({"two arguments are named 'v'", "placeholder"}, [&] {
    first_program({compute(
        {4}, [&](const Point& p) { return add(v({p[0]}), other({p[0]})); }, "C")});
  });
  const Tensor sized = placeholder({te::var("v")}, kFloat32, "w");
  expect_value_error({"two arguments are named 'v'"}, [&] {
    first_program({compute(
        {4}, [&](const Point& p) { return add(v({p[0]}), sized({0})); }, "C")});
  });
}

TEST_F(ProgramErrors, ExplicitArguments) {
  using Args = std::vector<ProgramArgument>;
  const Tensor c = copy_of(v, "C");
  expect_value_error({"args: placeholder 'v' is read but not listed"}, [&] { first_program({c}, Args{c}); });
  expect_value_error({"args: tensor 'v' is listed twice"}, [&] { first_program({c}, Args{v, v, c}); });
  expect_value_error({"args: tensor 'D' is neither a placeholder nor an output"}, [&] {
    first_program({c}, Args{v, copy_of(v, "D")});
  });
  const Tensor doubled = placeholder({multiply(n, 2)}, kFloat32, "w");
  const Tensor d = compute(
      {n}, [&](const Point& p) { return doubled({p[0]}); }, "D");
  expect_value_error({"no way to know the symbolic dimension 'n'", "add it to args"}, [&] {
    first_program({d}, Args{doubled, d});
  });
  expect_value_error({"symbolic dimension 'n' is listed twice"}, [&] {
    first_program({d}, Args{n, n, doubled});
  });
  expect_value_error({"args: 'k' is an axis"}, [&] { first_program({d}, Args{k.var, doubled}); });
}

}  // namespace
}  // namespace tw::te
