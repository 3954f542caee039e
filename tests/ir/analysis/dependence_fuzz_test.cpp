// Random pairs of accesses against exhaustive enumeration: dependences and regions that are claimed must hold
// for every value of the symbols.
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "enumerate.h"
#include "ir/analysis/dependence.h"
#include "ir/analysis/regions.h"
#include "ir/text.h"

namespace tw {
namespace {

using test::Env;
using test::evaluate;
using test::pick;
using Random = std::mt19937_64;

/// A nest of up to three loops with stores at its heart, behind conditions at times. Subscripts begin far
/// from 0, so that none leaves its buffer.
class NestGenerator {
 public:
  explicit NestGenerator(Random& random)
      : random_(random), n_(Variable::make("n", kIndex, 0, 9, pick(random, 0, 2) ? 1 : 3)) {}

  Program make() {
    const int64_t depth = pick(random_, 1, 3), rank = pick(random_, 1, 2);
    buffer_ = BufferNode::make("A", kFloat32, std::vector<Expr>(static_cast<std::size_t>(rank), Expr(2000)));
    for (int64_t i = 0; i < depth; ++i) {
      const bool triangular = i > 0 && pick(random_, 0, 5) == 0;
      extents_.push_back(triangular ? Expr(vars_.back()) + 1 : size());
      vars_.emplace_back("i" + std::to_string(i));
    }
    std::vector<Stmt> stores;
    for (int64_t count = pick(random_, 1, 2); count > 0; --count) stores.push_back(store());
    Stmt body = Seq::make(stores);
    for (std::size_t i = vars_.size(); i-- > 0;) body = For::make(vars_[i], extents_[i], body);
    return ProgramNode::make("f",
                             {Param::of_var(ParamKind::kSize, n_), Param::of_var(ParamKind::kTunable, p_),
                              Param::of_buffer(ParamKind::kInOut, buffer_)},
                             body);
  }

  const Var& n() const { return n_; }
  const Var& p() const { return p_; }

 private:
  Expr size() {
    switch (pick(random_, 0, 3)) {
      case 0: return n_;
      case 1: return p_;
      default: return Expr(pick(random_, 0, 5));
    }
  }
  Expr factor() { return pick(random_, 0, 2) ? Expr(pick(random_, 1, 4)) : Expr(p_); }
  Expr loop() {
    return vars_[static_cast<std::size_t>(pick(random_, 0, static_cast<int64_t>(vars_.size()) - 1))];
  }

  Expr subscript() {
    Expr e = loop();
    switch (pick(random_, 0, 7)) {
      case 0: e = floordiv(e, factor()); break;
      case 1: e = floormod(e, factor()); break;
      case 2: e = e * factor(); break;
      case 3: e = e * factor() + loop(); break;
      case 4: {  // a split: the outer loop counts in units of the inner one's extent
        const auto outer = static_cast<std::size_t>(pick(random_, 0, static_cast<int64_t>(vars_.size()) - 1));
        const std::size_t inner = (outer + 1) % vars_.size();
        e = Expr(vars_[outer]) * extents_[inner] + vars_[inner];
        break;
      }
      case 5: e = floordiv(e * factor() + loop(), factor()); break;
      default: break;
    }
    if (pick(random_, 0, 3) == 0) e = e + Expr(pick(random_, 0, 2)) * factor();
    return e;
  }

  std::vector<Expr> subscripts() {
    std::vector<Expr> indices;
    if (buffer_->rank() == 2 && pick(random_, 0, 4) == 0) {  // the digits of one number
      Expr number = vars_[0];
      for (std::size_t i = 1; i < vars_.size(); ++i) number = number * extents_[i] + vars_[i];
      const Expr radix = factor();
      return {floordiv(number, radix) + 1000, floormod(number, radix) + 1000};
    }
    for (int d = 0; d < buffer_->rank(); ++d) indices.push_back(subscript() + 1000);
    return indices;
  }

  Stmt store() {
    const std::vector<Expr> written = subscripts();
    Expr value = FloatImm::make(kFloat32, 1);
    if (pick(random_, 0, 1)) value = Load::make(buffer_, pick(random_, 0, 1) ? written : subscripts());
    Stmt stmt = Store::make(buffer_, written, value);
    if (pick(random_, 0, 3) > 0) return stmt;
    const Expr bound = pick(random_, 0, 1) ? Expr(pick(random_, 0, 4)) : Expr(p_);
    const Expr left = pick(random_, 0, 1) ? loop() : subscript();
    const Expr conditions[] = {lt(left, bound), ge(left, bound), eq(left, bound)};
    const Expr condition = conditions[pick(random_, 0, 8) ? pick(random_, 0, 1) : 2];
    return If::make(condition, stmt, pick(random_, 0, 1) ? store() : Stmt());
  }

  Random& random_;
  Var n_, p_ = Variable::make("p", kIndex, 1, 7);
  Buffer buffer_;
  std::vector<Var> vars_;
  std::vector<Expr> extents_;
};

using Element = std::vector<int64_t>;

std::vector<LoopRange> ranges_of(const Access& access) {
  std::vector<LoopRange> loops;
  for (const For* loop : access.loops) loops.push_back({loop->var, loop->extent});
  return loops;
}

/// Calls f with the element and the turns of the loops for each run of an access.
void for_each_run(const Access& access, Env& env,
                  const std::function<void(const Element&, const Element&)>& f) {
  test::for_each_turn(ranges_of(access), env, [&] {
    for (const Expr& guard : access.guards)
      if (!evaluate(guard, env)) return;
    Element element, turns;
    for (const Range& range : access.box) element.push_back(evaluate(range.min, env));
    for (const For* loop : access.loops) turns.push_back(env.at(&*loop->var));
    f(element, turns);
  });
}

void for_each_assignment(const NestGenerator& nest, const std::function<void(Env&)>& f) {
  for (const int64_t n : {0, 1, 2, 3, 5, 6, 9})
    for (const int64_t p : {1, 2, 3, 4, 5, 7}) {
      if (n % nest.n()->multiple_of != 0) continue;
      Env env{{&*nest.n(), n}, {&*nest.p(), p}};
      f(env);
    }
}

/// Whether different turns of loop number `loop`, with the loops outside of it in one turn, conflict.
bool conflicts(const NestGenerator& nest, const std::vector<Access>& accesses, std::size_t loop) {
  bool found = false;
  for_each_assignment(nest, [&](Env& env) {
    struct Touch {
      std::set<int64_t> readers, writers;
    };
    std::map<std::pair<Element, Element>, Touch> touches;  // by the outer turns and the element
    for (const Access& access : accesses)
      for_each_run(access, env, [&](const Element& element, const Element& turns) {
        const Element outer(turns.begin(), turns.begin() + static_cast<std::ptrdiff_t>(loop));
        Touch& touch = touches[{outer, element}];
        (access.write ? touch.writers : touch.readers).insert(turns[loop]);
      });
    for (auto& [place, touch] : touches) {
      touch.readers.insert(touch.writers.begin(), touch.writers.end());
      found |= !touch.writers.empty() && touch.readers.size() > 1;
    }
  });
  return found;
}

TEST(DependenceFuzz, IndependentLoopsHaveNoConflict) {
  const uint64_t seed = test::fuzz_seed(3);
  const int64_t count = test::fuzz_count(600);
  int64_t loops = 0, independent = 0, proved = 0;
  for (int64_t i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    Random random(seed * 1000003 + static_cast<uint64_t>(i));
    NestGenerator nest(random);
    const Program program = nest.make();
    const std::vector<Access> accesses = collect_accesses(program->body);
    const Node* at = program->body.get();
    for (std::size_t number = 0; at && at->kind == Kind::kFor; ++number) {
      const auto* loop = static_cast<const For*>(at);
      const bool truth = !conflicts(nest, accesses, number);
      const LoopDependence found = loop_dependence(program, loop);
      const bool claims = found.order == TurnOrder::kIndependent;
      ++loops;
      independent += truth;
      proved += claims;
      EXPECT_TRUE(truth || !claims) << "TW_FUZZ_SEED=" << seed << " case " << i << ": loop "
                                    << loop->var->name.text << " is not independent\n"
                                    << to_text(program);
      if (std::getenv("TW_FUZZ_MISSED") && truth && !claims)
        std::cout << "not proved: loop " << loop->var->name.text << "\n"
                  << to_text(program) << found.message << "\n";
      at = loop->body.get();
    }
  }
  std::cout << "loops " << loops << ", independent " << independent << ", proved " << proved << "\n";
  EXPECT_GE(proved, independent * 9 / 10);
}

TEST(DependenceFuzz, OverlapIsJudgedRightly) {
  const uint64_t seed = test::fuzz_seed(4);
  const int64_t count = test::fuzz_count(400);
  int64_t pairs = 0, apart = 0, never = 0, always = 0;
  for (int64_t i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    Random random(seed * 1000003 + static_cast<uint64_t>(i));
    NestGenerator nest(random);
    const Program program = nest.make();
    const std::vector<Access> accesses = collect_accesses(program->body);
    for (std::size_t a = 0; a < accesses.size(); ++a)
      for (std::size_t b = a + 1; b < accesses.size(); ++b) {
        bool ever = false, each = true;
        for_each_assignment(nest, [&](Env& env) {
          std::set<Element> first;
          bool meet = false;
          for_each_run(accesses[a], env,
                       [&](const Element& element, const Element&) { first.insert(element); });
          for_each_run(accesses[b], env,
                       [&](const Element& element, const Element&) { meet |= first.contains(element); });
          ever |= meet;
          each &= meet;
        });
        const Overlap found = overlap(accesses[a], accesses[b], 0);
        ++pairs;
        apart += !ever;
        never += found == Overlap::kNever;
        always += found == Overlap::kAlways;
        EXPECT_TRUE((found != Overlap::kNever || !ever) && (found != Overlap::kAlways || each))
            << "TW_FUZZ_SEED=" << seed << " case " << i << ": accesses " << a << " and " << b << "\n"
            << to_text(program);
      }
  }
  std::cout << "pairs " << pairs << ", apart " << apart << ", proved " << never << ", proved to meet "
            << always << "\n";
}

TEST(RegionFuzz, RegionsCoverEveryAccess) {
  const uint64_t seed = test::fuzz_seed(5);
  const int64_t count = test::fuzz_count(400);
  for (int64_t i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    Random random(seed * 1000003 + static_cast<uint64_t>(i));
    NestGenerator nest(random);
    const Program program = nest.make();
    // Of the whole nest, or of what its outermost loop holds.
    const bool inner = pick(random, 0, 1) != 0;
    const For* outermost = as<For>(program->body);
    const Stmt part = inner && outermost ? outermost->body : program->body;
    Context context;
    if (inner && outermost) context.bind(outermost->var, 0, outermost->extent);
    const AccessRegions regions = touched_regions(part, context);
    for (const Access& access : collect_accesses(program->body)) {
      const std::vector<Region>& boxes = access.write ? regions.writes : regions.reads;
      for_each_assignment(nest, [&](Env& env) {
        for_each_run(access, env, [&](const Element& element, const Element&) {
          const bool covered = std::any_of(boxes.begin(), boxes.end(), [&](const Region& box) {
            for (std::size_t d = 0; d < element.size(); ++d) {
              const int64_t low = evaluate(box.ranges[d].min, env),
                            width = evaluate(box.ranges[d].extent, env);
              if (element[d] < low || element[d] >= low + width) return false;
            }
            return true;
          });
          EXPECT_TRUE(covered) << "TW_FUZZ_SEED=" << seed << " case " << i << "\n" << to_text(program);
        });
      });
    }
  }
}

}  // namespace
}  // namespace tw
