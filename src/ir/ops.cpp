#include "ir/ops.h"

#include <cstddef>
#include <iterator>

namespace tw {
namespace {

constexpr UnaryInfo kUnary[] = {
#define TW_OP(Name, text) {text},
    TW_UNARY_OPS(TW_OP)
#undef TW_OP
};
constexpr BinaryInfo kBinary[] = {
#define TW_OP(Name, text, precedence) {text, precedence},
    TW_BINARY_OPS(TW_OP)
#undef TW_OP
};
constexpr IntrinsicInfo kIntrinsics[] = {
#define TW_OP(Name, text, arity, integers) {text, arity, integers},
    TW_INTRINSICS(TW_OP)
#undef TW_OP
};

template <class Op, class Table>
std::optional<Op> find(const Table& table, std::string_view text) {
  for (std::size_t i = 0; i < std::size(table); ++i)
    if (text == table[i].text) return static_cast<Op>(i);
  return std::nullopt;
}

}  // namespace

const UnaryInfo& info(UnaryOp op) {
  return kUnary[static_cast<int>(op)];
}
const BinaryInfo& info(BinaryOp op) {
  return kBinary[static_cast<int>(op)];
}
const IntrinsicInfo& info(Intrinsic op) {
  return kIntrinsics[static_cast<int>(op)];
}

std::optional<BinaryOp> binary_op_from_text(std::string_view text) {
  return find<BinaryOp>(kBinary, text);
}
std::optional<Intrinsic> intrinsic_from_text(std::string_view text) {
  return find<Intrinsic>(kIntrinsics, text);
}

}  // namespace tw
