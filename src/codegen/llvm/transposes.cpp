#include "codegen/llvm/transposes.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "ir/equal.h"
#include "ir/visit.h"

namespace tw::codegen {
namespace {

using llvm::Value;
using Vectors = std::vector<Value*>;

constexpr std::size_t kFewest = 4;

/// An access of one column: where its terms begin but for a constant.
struct Access {
  const Node* place;
  const BufferNode* buffer;
  std::vector<std::pair<Expr, bool>> terms;  // of the base, with signs
  int64_t constant = 0;
  Expr base, stride, predicate;
  int lanes = 0;
};

void add_terms(const Expr& e, bool minus, Access& access) {
  const auto* sum = as<Binary>(e);
  if (sum && (sum->op == BinaryOp::kAdd || sum->op == BinaryOp::kSub)) {
    add_terms(sum->a, minus, access);
    add_terms(sum->b, minus != (sum->op == BinaryOp::kSub), access);
  } else if (const auto number = as_int(e)) {
    access.constant += minus ? -*number : *number;
  } else {
    access.terms.emplace_back(e, minus);
  }
}

std::optional<Access> column_access(const Node* place, const Buffer& buffer, const std::vector<Expr>& indices,
                                    const Expr& predicate) {
  const auto* ramp = indices.size() == 1 ? as<Ramp>(indices[0]) : nullptr;
  if (!ramp || is_int(ramp->stride, 1) || is_int(ramp->stride, 0) || buffer->dtype.is_bool())
    return std::nullopt;
  if (!std::has_single_bit(static_cast<unsigned>(ramp->dtype.lanes)) || ramp->dtype.lanes < 4)
    return std::nullopt;
  // What the data decide may change between the accesses.
  if (contains<Load>(ramp) || (predicate && contains<Load>(predicate.get()))) return std::nullopt;
  Access access{place, buffer.get(), {}, 0, ramp->base, ramp->stride, predicate, ramp->dtype.lanes};
  add_terms(ramp->base, false, access);
  return access;
}

bool same(const Expr& a, const Expr& b) {
  return a.get() == b.get() || (a && b && structural_equal(a, b));
}

bool are_neighbours(const Access& a, const Access& b) {
  return a.buffer == b.buffer && a.lanes == b.lanes && same(a.stride, b.stride) &&
         same(a.predicate, b.predicate) &&
         std::equal(
             a.terms.begin(), a.terms.end(), b.terms.begin(), b.terms.end(),
             [](const auto& x, const auto& y) { return x.second == y.second && same(x.first, y.first); });
}

/// Accesses of neighbouring columns, each column once, in runs without gaps.
std::vector<std::vector<Access>> runs_of(std::vector<Access> accesses) {
  std::vector<std::vector<Access>> runs;
  while (!accesses.empty()) {
    const Access first = accesses.front();
    const auto rest = std::stable_partition(accesses.begin(), accesses.end(),
                                            [&](const Access& a) { return are_neighbours(a, first); });
    std::vector<Access> family(accesses.begin(), rest);
    accesses.erase(accesses.begin(), rest);
    std::stable_sort(family.begin(), family.end(),
                     [](const Access& a, const Access& b) { return a.constant < b.constant; });
    for (const Access& access : family) {
      if (!runs.empty() && runs.back().back().buffer == access.buffer &&
          are_neighbours(runs.back().back(), access) && access.constant == runs.back().back().constant + 1)
        runs.back().push_back(access);
      else
        runs.push_back({access});
    }
  }
  return runs;
}

/// How many neighbours make a group.
std::size_t fewest(const Access& access) {
  const auto stride = as_int(access.stride);
  return stride && *stride == 2 ? 2 : kFewest;
}

Columns columns_of(const std::vector<Access>& run, std::size_t from, std::size_t count) {
  const Access& first = run[from];
  Columns columns{first.buffer, first.base, first.stride, first.lanes, first.predicate, {}};
  for (std::size_t c = from; c < from + count; ++c) columns.places.push_back(run[c].place);
  return columns;
}

/// The vectors of a and b in one, chosen by position: 0 … n-1 are a's lanes, n … 2n-1 b's.
template <class Choice>
Value* shuffled(llvm::IRBuilder<>& builder, Value* a, Value* b, Choice&& choice) {
  const int lanes = static_cast<int>(llvm::cast<llvm::FixedVectorType>(a->getType())->getNumElements());
  std::vector<int> positions;
  for (int lane = 0; lane < lanes; ++lane) positions.push_back(choice(lane, lanes));
  return builder.CreateShuffleVector(a, b, positions);
}

/// Columns of groups of `piece` rows inside of pieces of so many lanes: unpack instructions.
Vectors transpose_pieces(llvm::IRBuilder<>& builder, const Vectors& rows, int piece, int step) {
  if (rows.size() == 1) return rows;
  Vectors low, high;
  for (std::size_t r = 0; r < rows.size(); r += 2)
    for (const bool upper : {false, true})
      (upper ? high : low).push_back(shuffled(builder, rows[r], rows[r + 1], [&](int lane, int lanes) {
        const int in_piece = lane % piece, pair = in_piece / (2 * step), within = in_piece % (2 * step);
        const int from = lane - in_piece + (upper ? piece / 2 : 0) + pair * step + within % step;
        return within < step ? from : lanes + from;
      }));
  Vectors columns = transpose_pieces(builder, low, piece, 2 * step);
  const Vectors others = transpose_pieces(builder, high, piece, 2 * step);
  columns.insert(columns.end(), others.begin(), others.end());
  return columns;
}

/// Columns of whole pieces: the even ones of two vectors, then the odd ones.
Vectors transpose_whole(llvm::IRBuilder<>& builder, const Vectors& rows, int piece) {
  if (rows.size() == 1) return rows;
  Vectors even, odd;
  for (std::size_t r = 0; r < rows.size(); r += 2)
    for (const int which : {0, 1})
      (which ? odd : even).push_back(shuffled(builder, rows[r], rows[r + 1], [&](int lane, int) {
        return (lane / piece * 2 + which) * piece + lane % piece;
      }));
  const Vectors first = transpose_whole(builder, even, piece), second = transpose_whole(builder, odd, piece);
  Vectors columns;
  for (std::size_t c = 0; c < first.size(); ++c) {
    columns.push_back(first[c]);
    columns.push_back(second[c]);
  }
  return columns;
}

/// A square matrix.
Vectors transpose_square(llvm::IRBuilder<>& builder, const Vectors& rows) {
  auto* type = llvm::cast<llvm::FixedVectorType>(rows[0]->getType());
  const int n = static_cast<int>(rows.size());
  const int piece = std::min(n, std::max(1, 128 / static_cast<int>(type->getScalarSizeInBits())));
  std::vector<Vectors> by_column(static_cast<std::size_t>(piece));
  for (int r = 0; r < n; r += piece) {
    const Vectors group(rows.begin() + r, rows.begin() + r + piece);
    const Vectors columns = transpose_pieces(builder, group, piece, 1);
    for (int c = 0; c < piece; ++c)
      by_column[static_cast<std::size_t>(c)].push_back(columns[static_cast<std::size_t>(c)]);
  }
  Vectors columns(static_cast<std::size_t>(n));
  for (int c = 0; c < piece; ++c) {
    const Vectors whole = transpose_whole(builder, by_column[static_cast<std::size_t>(c)], piece);
    for (std::size_t p = 0; p < whole.size(); ++p)
      columns[p * static_cast<std::size_t>(piece) + static_cast<std::size_t>(c)] = whole[p];
  }
  return columns;
}

Value* concatenated(llvm::IRBuilder<>& builder, Vectors parts) {
  while (parts.size() > 1) {
    Vectors wider;
    for (std::size_t i = 0; i < parts.size(); i += 2) {
      const auto lanes = llvm::cast<llvm::FixedVectorType>(parts[i]->getType())->getNumElements();
      std::vector<int> all(2 * lanes);
      for (std::size_t lane = 0; lane < all.size(); ++lane) all[lane] = static_cast<int>(lane);
      wider.push_back(builder.CreateShuffleVector(parts[i], parts[i + 1], all));
    }
    parts = std::move(wider);
  }
  return parts[0];
}

}  // namespace

bool Columns::are_dense() const {
  return is_int(stride, static_cast<int64_t>(places.size())) && std::has_single_bit(places.size());
}

std::vector<Columns> column_loads(const Seq& seq) {
  std::vector<Access> accesses;
  std::vector<const BufferNode*> written;
  for (const Stmt& stmt : seq.stmts) {
    const auto* store = as<Store>(stmt);
    if (!store) return {};
    written.push_back(store->buffer.get());
    // In a branch of a select a load may have to be left out.
    if (contains<Select>(store->value.get())) continue;
    for_each_node(store->value.get(), [&](const Node* node) {
      const auto* load = as<Load>(node);
      if (!load) return;
      if (auto access = column_access(load, load->buffer, load->indices, load->predicate))
        if (std::none_of(accesses.begin(), accesses.end(), [&](const Access& a) { return a.place == load; }))
          accesses.push_back(std::move(*access));
    });
  }
  std::erase_if(accesses, [&](const Access& access) {
    return std::find(written.begin(), written.end(), access.buffer) != written.end();
  });
  std::vector<Columns> groups;
  for (const std::vector<Access>& run : runs_of(std::move(accesses))) {
    const auto lanes = static_cast<std::size_t>(run[0].lanes);
    const auto apart = static_cast<std::size_t>(as_int(run[0].stride).value_or(0));
    for (std::size_t from = 0; run.size() - from >= fewest(run[0]);) {
      std::size_t count = std::min(lanes, std::bit_floor(run.size() - from));
      if (std::has_single_bit(apart)) count = std::min(count, apart);
      groups.push_back(columns_of(run, from, count));
      from += count;
    }
  }
  return groups;
}

std::vector<Columns> column_stores(const Seq& seq) {
  std::vector<Access> accesses;
  std::vector<const BufferNode*> touched;  // otherwise than by columns
  for (const Stmt& stmt : seq.stmts) {
    const auto* store = as<Store>(stmt);
    if (!store) return {};
    auto access =
        store->atomic ? std::nullopt : column_access(store, store->buffer, store->indices, store->predicate);
    if (access)
      accesses.push_back(std::move(*access));
    else
      touched.push_back(store->buffer.get());
    for_each_node(store->value.get(), [&](const Node* node) {
      if (const auto* load = as<Load>(node)) touched.push_back(load->buffer.get());
    });
  }
  std::erase_if(accesses, [&](const Access& access) {
    return std::find(touched.begin(), touched.end(), access.buffer) != touched.end();
  });
  std::vector<Columns> groups;
  std::vector<std::vector<Access>> runs = runs_of(accesses);
  for (const std::vector<Access>& run : runs) {
    // Columns that other stores of the statements may overlap keep their order.
    const auto own = std::count_if(accesses.begin(), accesses.end(),
                                   [&](const Access& a) { return a.buffer == run[0].buffer; });
    if (static_cast<std::size_t>(own) != run.size()) continue;
    const auto lanes = static_cast<std::size_t>(run[0].lanes);
    for (std::size_t from = 0; run.size() - from >= fewest(run[0]);) {
      const std::size_t count = std::min(lanes, run.size() - from);
      groups.push_back(columns_of(run, from, count));
      from += count;
    }
  }
  return groups;
}

std::vector<Value*> transpose(llvm::IRBuilder<>& builder, const std::vector<Value*>& rows) {
  const auto width =
      static_cast<std::size_t>(llvm::cast<llvm::FixedVectorType>(rows[0]->getType())->getNumElements());
  if (width >= rows.size()) {
    // Wide rows: squares side by side.
    if (width == rows.size()) return transpose_square(builder, rows);
    Vectors columns;
    for (std::size_t from = 0; from < width; from += rows.size()) {
      std::vector<int> part(rows.size());
      for (std::size_t lane = 0; lane < part.size(); ++lane) part[lane] = static_cast<int>(from + lane);
      Vectors square;
      for (Value* row : rows) square.push_back(builder.CreateShuffleVector(row, part));
      const Vectors some = transpose_square(builder, square);
      columns.insert(columns.end(), some.begin(), some.end());
    }
    return columns;
  }
  std::vector<Vectors> parts(width);
  for (std::size_t from = 0; from < rows.size(); from += width) {
    const auto first = rows.begin() + static_cast<std::ptrdiff_t>(from);
    const Vectors some =
        transpose_square(builder, Vectors(first, first + static_cast<std::ptrdiff_t>(width)));
    for (std::size_t c = 0; c < width; ++c) parts[c].push_back(some[c]);
  }
  Vectors columns;
  for (Vectors& part : parts) columns.push_back(concatenated(builder, std::move(part)));
  return columns;
}

llvm::Value* interleave(llvm::IRBuilder<>& builder, const std::vector<Value*>& columns) {
  const auto lanes = llvm::cast<llvm::FixedVectorType>(columns[0]->getType())->getNumElements();
  std::vector<int> positions;
  for (unsigned lane = 0; lane < lanes; ++lane)
    for (std::size_t c = 0; c < columns.size(); ++c) positions.push_back(static_cast<int>(c * lanes + lane));
  Value* all = concatenated(builder, columns);
  return builder.CreateShuffleVector(all, positions);
}

std::vector<Value*> deinterleave(llvm::IRBuilder<>& builder, Value* rows, int columns) {
  const auto elements =
      static_cast<int>(llvm::cast<llvm::FixedVectorType>(rows->getType())->getNumElements());
  Vectors made;
  for (int c = 0; c < columns; ++c) {
    std::vector<int> positions;
    for (int at = c; at < elements; at += columns) positions.push_back(at);
    made.push_back(builder.CreateShuffleVector(rows, positions));
  }
  return made;
}

}  // namespace tw::codegen
