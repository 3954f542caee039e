// Damaged texts give a UserError or a program that round-trips: nothing else comes out of the parser.
#include <gtest/gtest.h>

#include "ir/equal.h"
#include "ir/text.h"
#include "random_program.h"
#include "support/error.h"

namespace tw {
namespace {

class Damage {
 public:
  explicit Damage(uint64_t seed) : random_(seed) {}

  /// One to four edits: bytes changed, removed, doubled, moved, or a piece of syntax put in.
  std::string apply(std::string text) {
    static const char* const kPieces[] = {
        "(",        ")",      "[",      "]",     ":",      "\n",  "  ",   "=",  ",", "for",
        "let ",     "block ", "in",     "-",     "1.5f32", "9i8", "\"",   "`",  "#", "->",
        "float32(", "where ", "A",      "i",     "\t",     "\\",  "\xff", ":+", "0", "99999999999999999999",
        "init:\n",  "{",      "seq:\n", "else:", "e5"};
    for (uint64_t edits = 1 + below(4); edits-- > 0 && !text.empty();) {
      const std::size_t at = below(text.size()), length = 1 + below(8);
      switch (below(6)) {
        case 0: text[at] = static_cast<char>(below(256)); break;
        case 1: text.erase(at, length); break;
        case 2: text.insert(below(text.size()), text.substr(at, length)); break;
        case 3: text.insert(at, kPieces[below(std::size(kPieces))]); break;
        case 4: text.replace(at, length, kPieces[below(std::size(kPieces))]); break;
        case 5: {  // a line elsewhere
          const std::size_t begin = text.rfind('\n', at) + 1,
                            end = std::min(text.find('\n', at), text.size() - 1) + 1;
          const std::string line = text.substr(begin, end - begin);
          text.erase(begin, end - begin);
          text.insert(text.empty() ? 0 : below(text.size()), line);
          break;
        }
      }
    }
    return text;
  }
  uint64_t below(uint64_t n) { return random_() % n; }

 private:
  std::mt19937_64 random_;
};

TEST(MutationFuzz, ProgramsGiveUserErrorsOrRoundTrip) {
  int accepted = 0, refused = 0;
  for (uint64_t seed = 0; seed < 1200; ++seed) {
    const std::string text = to_text(test::RandomProgram(seed).program());
    Damage damage(seed);
    for (int turn = 0; turn < 20; ++turn) {
      const std::string damaged = damage.apply(text);
      Program program;
      try {
        program = parse_program(damaged);
      } catch (const UserError& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kValue);
        EXPECT_TRUE(std::string(error.what()).starts_with("line ")) << error.what();
        ++refused;
        continue;
      } catch (const std::exception& error) {
        FAIL() << error.what() << "\nfrom\n" << damaged;
      }
      ++accepted;
      const std::string printed = to_text(program);
      Program back;
      ASSERT_NO_THROW(back = parse_program(printed)) << damaged << "\nprinted as\n" << printed;
      ASSERT_TRUE(structural_equal(program, back)) << damaged << "\nprinted as\n" << printed;
      ASSERT_EQ(to_text(back), printed) << damaged;
    }
  }
  EXPECT_GT(accepted, 500);
  EXPECT_GT(refused, 500);
}

TEST(MutationFuzz, RandomBytesGiveUserErrors) {
  Damage damage(1);
  for (int turn = 0; turn < 3000; ++turn) {
    std::string text = turn % 2 ? "program f():\n  " : "";
    for (uint64_t length = damage.below(60); length-- > 0;) text += static_cast<char>(damage.below(256));
    try {
      (void)parse_program(text);
    } catch (const UserError&) {
    }
    try {
      (void)parse_expr(text, {});
    } catch (const UserError&) {
    }
  }
}

std::string repeated(const std::string& piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

/// What parsing says of a text that is too deep.
std::string complaint(const std::string& expression) {
  try {
    (void)parse_expr(expression, {});
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing";
}

TEST(DepthLimit, DeepExpressionsAreRefusedNotFatal) {
  constexpr int kDeep = 200000;
  for (const std::string& text :
       {repeated("(", kDeep), repeated("!", kDeep) + "true", repeated("~(", kDeep) + "1",
        repeated("exp(", kDeep), repeated("1 + ", kDeep) + "1", repeated("1 - (1 - ", kDeep),
        repeated("select(true, ", kDeep), repeated("1 | 1 ^ 1 & 1 << (", kDeep)})
    EXPECT_NE(complaint(text).find("too deeply"), std::string::npos)
        << text.substr(0, 20) << ": " << complaint(text);
}

TEST(DepthLimit, DeepStatementsAreRefusedNotFatal) {
  std::string nested = "program f(A: out int32[4]):\n", flat = nested;
  for (int depth = 0; depth < 20000; ++depth) {
    nested += std::string(static_cast<std::size_t>(depth % 3000) + 1, ' ') + "if true:\n";
    flat += " let x = 1\n";
  }
  EXPECT_THROW((void)parse_program(nested), UserError);
  EXPECT_THROW((void)parse_program(flat), UserError);
}

TEST(DepthLimit, TreesAtTheLimitRoundTrip) {
  const Names none;
  for (const std::string& text :
       {repeated("1 + ", 990) + "2",
        repeated("1 - (", 900) + "1" + repeated(" - 3)", 50) + repeated(")", 850)}) {
    const Expr e = parse_expr(text, none);
    EXPECT_EQ(to_text(parse_expr(to_text(e), none)), to_text(e));
  }
}

}  // namespace
}  // namespace tw
