// One function a kind of operation: puts the blocks that compute it into a sequence.
#pragma once

#include "te/lower_value.h"
#include "te/pieces.h"
#include "te/scan.h"
#include "te/scatter.h"

namespace tw::te {

/// The table holds the buffers of the operation and of all that it reads.
void lower_compute(const Operation& op, const ComputeNode& node, const BufferTable& table, Sequence& out);
void lower_pieces(const Operation& op, const PiecesNode& node, const BufferTable& table, Sequence& out);
void lower_scatter(const Operation& op, const ScatterNode& node, const BufferTable& table, Sequence& out);
void lower_scan(const Operation& op, const ScanNode& node, BufferTable& table, Sequence& out);

/// Stores values of one point, all in one block; a value that is a reduction becomes the block of that
/// reduction instead, which writes its target itself.
void store_values(ValueLowering& lowering, const std::string& name, const std::vector<NestAxis>& axes,
                  const std::vector<Expr>& values, const std::vector<Target>& targets, Sequence& out);

/// The variables of the axes, as subscripts.
std::vector<Expr> points_of(const std::vector<NestAxis>& axes);

}  // namespace tw::te
