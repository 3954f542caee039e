#include "codegen/passes/unmask_tiles.h"

#include <map>
#include <optional>
#include <unordered_set>

#include "ir/equal.h"
#include "ir/visit.h"

namespace tw::codegen {
namespace {

/// Elements that follow each other, and the mask of all accesses to them.
struct Piece {
  int64_t lanes = 1;
  Expr mask;  // null: none
};

/// Which pieces of a buffer are accessed, and whether they are apart from each other with one mask each.
class FindPieces : public Visitor {
 public:
  explicit FindPieces(const Buffer& buffer) : buffer_(buffer) {}

  /// Where masks may be left out, and some are there: how many elements there must be, since lanes that a
  /// mask kept off may lie behind the end. Nothing: masks stay.
  std::optional<int64_t> needed_without_masks(const Stmt& body) {
    visit(body);
    int64_t end = 0;
    bool masked = false;
    for (const auto& [begin, piece] : pieces_) {
      if (begin < end) return std::nullopt;
      end = begin + piece.lanes;
      masked = masked || piece.mask;
      for (const Var& var : piece.mask ? free_vars(piece.mask) : std::vector<Var>())
        if (bound_.contains(&*var)) return std::nullopt;
      if (piece.mask && contains<Load>(piece.mask.get())) return std::nullopt;
    }
    return masked && fits_ ? std::optional(end) : std::nullopt;
  }

 protected:
  using Visitor::on;
  void on(const Load& node) override {
    if (node.buffer.same_as(buffer_)) access(node.indices, node.predicate);
    walk(node);
  }
  void on(const Store& node) override {
    if (node.buffer.same_as(buffer_)) access(node.indices, node.predicate);
    if (node.buffer.same_as(buffer_) && node.atomic) fits_ = false;
    walk(node);
  }
  void on(const For& node) override {
    bound_.insert(&*node.var);
    walk(node);
  }
  void on(const Let& node) override {
    bound_.insert(&*node.var);
    walk(node);
  }
  void on(const TensorCall& node) override {
    for (const Region& box : node.operands) fits_ = fits_ && !box.buffer.same_as(buffer_);
  }
  void on(const AsyncCopy& node) override {
    fits_ = fits_ && !node.to.same_as(buffer_) && !node.from.same_as(buffer_);
  }

 private:
  void access(const std::vector<Expr>& indices, const Expr& mask) {
    const auto* ramp = as<Ramp>(indices.front());
    const auto begin = as_int(ramp ? ramp->base : indices.front());
    const int lanes = indices.front().dtype().lanes;
    if (!begin || (ramp && !is_int(ramp->stride, 1)) || (!ramp && lanes != 1)) {
      fits_ = false;
      return;
    }
    const auto [known, fresh] = pieces_.try_emplace(*begin, Piece{lanes, mask});
    if (fresh) return;
    const bool same_mask = mask && known->second.mask ? structural_equal(mask, known->second.mask)
                                                      : !mask && !known->second.mask;
    fits_ = fits_ && known->second.lanes == lanes && same_mask;
  }

  Buffer buffer_;
  bool fits_ = true;
  std::map<int64_t, Piece> pieces_;  // by the first element
  std::unordered_set<const Variable*> bound_;
};

class Unmask : public Mutator {
 public:
  explicit Unmask(const Buffer& buffer) : buffer_(buffer) {}

 protected:
  using Mutator::on;
  Expr on(const Load& node) override {
    return node.buffer.same_as(buffer_) ? Load::make(node.buffer, node.indices) : Expr(rebuild(node));
  }
  Stmt on(const Store& node) override {
    const Ref<Store> inner = rebuild(node);
    if (!node.buffer.same_as(buffer_)) return Stmt(inner.get());
    auto* store = new Store(*inner);
    store->predicate = Expr();
    return Stmt(store);
  }

 private:
  Buffer buffer_;
};

class UnmaskTiles : public Mutator {
 protected:
  using Mutator::on;
  Stmt on(const Allocate& node) override {
    const Stmt inner(rebuild(node));
    const auto& allocate = *as<Allocate>(inner);
    const Buffer& buffer = allocate.buffer;
    const auto size = buffer->rank() == 1 ? as_int(buffer->shape.front()) : std::nullopt;
    if (!size || buffer->lane_map) return inner;
    const auto needed = FindPieces(buffer).needed_without_masks(allocate.body);
    if (!needed) return inner;
    const Stmt body = Unmask(buffer).mutate(allocate.body);
    if (*needed <= *size) return Allocate::make(buffer, body);
    auto* longer = new BufferNode(*buffer);
    const Buffer whole(longer);
    longer->shape = {Expr(*needed)};
    return Allocate::make(whole, replace_buffers(body, {{buffer.get(), whole}}));
  }
};

}  // namespace

Program unmask_tiles(const Program& program) {
  return UnmaskTiles().mutate(program);
}

}  // namespace tw::codegen
