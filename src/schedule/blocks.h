// Finding and changing blocks: shared by the primitives that move, copy or inline them.
#pragma once

#include <optional>
#include <vector>

#include "ir/visit.h"
#include "schedule/primitive.h"

namespace tw::schedule {

/// The only store of a block whose body is one unconditional store; null otherwise.
const Store* only_store(const Block& block);

/// Blocks that read (write) the buffer, in the order of the program; a block that updates counts as both.
std::vector<BlockPlace> readers_of(const Program& program, const Buffer& buffer);
std::vector<BlockPlace> writers_of(const Program& program, const Buffer& buffer);

/// The allocation of a buffer; `node` is null for parameters.
Place allocation_of(const Program& program, const Buffer& buffer);
bool is_parameter(const Program& program, const Buffer& buffer);

/// The outermost statement that holds nothing but this block and loops, conditions and attributes around it.
Place whole_nest(const Place& block);

/// The body of the program without a block and the loops that only it stood in.
Stmt without_block(const Program& program, const BlockPlace& block);

/// A statement over the whole tree with each block below replaced by what f gives (null: as it is).
Stmt map_blocks(const Stmt& body, const std::function<Stmt(const Block&)>& f);

/// Whether the loop drives a spatial axis of the block, or one that is not spatial.
bool drives(const Block& block, const Var& loop, bool spatial);

/// A name that no block and no buffer of the program has yet.
std::string fresh_name(const Program& program, const std::string& wanted);

/// Loops over the shape of a block's domain around it, each axis bound to a loop of its own name.
Stmt default_nest(Block* block);

}  // namespace tw::schedule
