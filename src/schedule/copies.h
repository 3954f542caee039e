// What the primitives share that put a buffer beside another one: where the copy may stand, which part it
// holds, and how accesses are redirected to it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ir/analysis/regions.h"
#include "schedule/primitive.h"

namespace tw::schedule {

/// The scope of that name for a buffer that a step makes. Refuses unknown names, and fragments: they need a
/// lane map.
Scope scope_argument(const Step& step, int arg);

/// The buffer that an argument of kind kRead means: the position counts the names in the block's reads.
Buffer read_argument(const Step& step, const Block& block, int arg);

/// Refuses when the block accesses the buffer by tensor intrinsics or asynchronous copies, whose boxes cannot
/// be redirected one by one.
void require_plain_accesses(const Step& step, const Block& block, const Buffer& buffer);

/// Refuses a scope that the buffer cannot have where it would be allocated: shared memory inside the threads
/// that share it.
void require_allocatable(const Step& step, const Place& at, Scope scope);

/// The outermost statement on the way to the block, inside the allocations of `buffers`, below which the test
/// holds for no block; nothing when it holds for the block itself. Statements can be put directly before and
/// after it.
std::optional<Place> outermost_unhindered(const BlockPlace& block, const std::vector<Buffer>& buffers,
                                          const std::function<bool(const Block&)>& hinders);

/// The body of the program with the statement at the place replaced by several (null ones are left out), and
/// buffers allocated around the sequence in which they stand.
Stmt put_beside(const Program& program, const Place& at, std::vector<Stmt> statements,
                const std::vector<Buffer>& buffers);

/// The range, clipped to `limits` where it is not proved to lie inside.
Range clipped(const Range& range, const Range& limits, const Context& context);

/// The box that all instances of the block read (or write) of the buffer: its subscripts use sizes only.
Region region_of_all(const Block& block, const Buffer& buffer, bool writes);

/// The box that the block reads of the buffer in one run of the statement at the place, within `limits`.
Region region_read_at(const Place& at, const Block& block, const Region& limits);

/// How accesses of one buffer become accesses of another: subscripts of `to` for subscripts of `from`.
struct Redirection {
  Buffer from, to;
  std::function<std::vector<Expr>(std::vector<Expr>)> subscripts;
};

/// For a buffer that holds just the box: subscripts relative to its beginning.
Redirection into_box(const Region& box, const Buffer& copy);

/// The block with loads, stores and prefetches redirected, subscripts simplified over its axes, and regions
/// inferred anew.
Stmt redirected(const Block& block, const std::vector<Redirection>& redirections);
/// The same for every block below the statement, prefetches outside of blocks, and the allocation of `from`.
Stmt redirected(const Stmt& body, const Redirection& redirection);

/// The statement with a buffer of the same shape in place of another, its allocation included.
Stmt with_buffer(const Stmt& body, const Buffer& old, const Buffer& fresh);

/// The statement without hints at a buffer that goes away, and without loops that held nothing else.
Stmt without_prefetches(const Stmt& body, const Buffer& buffer);

/// One spatial axis of a copy, 0 <= var < extent, bound to `begin` + a loop of `turns` turns.
struct CopyAxis {
  Var var;
  Expr extent, begin, turns;
};

/// Serial loops (none for one turn of an axis of several points) around a block of the axes, with regions
/// inferred. The predicate is over the axes.
Stmt copy_nest(const std::string& name, BlockId id, const std::vector<CopyAxis>& axes, Stmt body,
               Expr predicate = {});

/// Whether the turns of the loops around the block reach every point of its domain, or of its spatial axes.
bool covers_domain(const BlockPlace& block, bool spatial_only);

/// Serial loops like those around the block below the place, around a new block of those of its axes that the
/// body uses: it runs at the same points, reduction axes as spatial ones. Loops that the points do not depend
/// on are left out. Null when conditions or lets stand between the loops.
Stmt following_nest(const BlockPlace& block, const Place& at, const std::string& name, BlockId id,
                    const Stmt& body);

/// A fresh axis for a dimension: "vi0", "vi1", …. Loops are named as their axes without the v.
Var copy_axis(std::size_t number);

}  // namespace tw::schedule
