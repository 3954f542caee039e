// The text of programs: what people read, tests compare and errors show. It parses back to an equal tree.
//
//   program matmul(n: shape in [1, 512], A: in float32[n, 64], B: in float32[64, 32], C: out float32[n, 32]):
//     for i in n:
//       for j in parallel(32):
//         for k in 64:
//           block C#0(vi: spatial(n) = i, vj: spatial(32) = j, vk: reduce(64) = k):
//             reads A[vi, vk], B[vk, vj]
//             writes C[vi, vj]
//             reducer sum(float32)
//             init:
//               C[vi, vj] = 0.0f32
//             C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
//
// docs/loop_programs.md is the grammar. Names are made unique within a text by a numeric suffix.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "ir/program.h"

namespace tw {

/// A place to point at: the line of the node gets a caret line below with the note. A null node points at
/// nothing.
struct TextMark {
  const Node* node = nullptr;
  std::string note;
};

/// What is said of a statement at the end of the line on which it begins; an empty text: nothing.
using LineNotes = std::function<std::string(const StmtNode&)>;

/// The text for people to read, with notes behind a "#", all in one column. It does not parse.
std::string to_text(const Program& program, const LineNotes& notes);

std::string to_text(const Program& program, const TextMark& mark = {});
std::string to_text(const Stmt& stmt, const TextMark& mark = {});
std::string to_text(const Expr& e);
std::string to_text(const Region& region);

/// The text with names that tell nothing but their order ("v", "v_1", "b", …): the same for programs that
/// differ in the names of variables, buffers, blocks and reducers only. It parses back to an equal program,
/// whose blocks have the same numbers.
std::string canonical_text(const Program& program);

/// The program a text says. Raises a value error with line, column and what was expected.
Program parse_program(std::string_view text);

/// Names that an expression's text may use.
struct Names {
  std::map<std::string, Var, std::less<>> vars;
  std::map<std::string, Buffer, std::less<>> buffers;
};

/// The expression a text says; a name that is not in `names` is an error.
Expr parse_expr(std::string_view text, const Names& names);

}  // namespace tw
