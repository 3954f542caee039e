// Where things stand in a program, and the program with a part replaced.
#pragma once

#include <vector>

#include "ir/context.h"
#include "ir/program.h"

namespace tw::schedule {

/// A statement and the statements around it, outermost first. Points into a program that must be kept.
struct Place {
  std::vector<const StmtNode*> around;
  const StmtNode* node = nullptr;
  /// The loops around it, outermost first.
  std::vector<const For*> loops() const;
  /// The innermost block around it; null: none.
  const Block* enclosing_block() const;
};

struct LoopPlace : Place {
  const For& loop() const { return static_cast<const For&>(*node); }
};
struct BlockPlace : Place {
  const Block& block() const { return static_cast<const Block&>(*node); }
};

/// The place of the loop over the variable, of the block of the id, of a statement; `node` is null when it is
/// not there. It may stand in a block that blockize made.
LoopPlace find_loop(const Program& program, const Var& var);
BlockPlace find_block(const Program& program, int64_t id);
Place find_statement(const Program& program, const StmtNode* stmt);

/// Whether a block is one thing, or what stands in it is looked at too.
enum class Blocks : uint8_t { kWhole, kOpened };

/// All loops, all blocks, in the order of the text.
std::vector<LoopPlace> all_loops(const Program& program, Blocks blocks = Blocks::kWhole);
std::vector<BlockPlace> all_blocks(const Program& program, Blocks blocks = Blocks::kWhole);

/// The blocks below a statement, itself included; not those inside of them.
std::vector<const Block*> blocks_below(const StmtNode* stmt);

/// Whether a block holds blocks of its own.
bool is_compound(const Block& block);

/// The body of the program with the statement at the place replaced; null removes it.
Stmt replaced_at(const Program& program, const Place& place, const Stmt& fresh);

/// What is known at the place: ranges of the loops around it and the conditions that hold there.
Context context_at(const Place& place);

}  // namespace tw::schedule
