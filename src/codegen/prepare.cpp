#include "codegen/prepare.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ir/analysis/accesses.h"
#include "ir/visit.h"
#include "support/error.h"
#include "te/lower.h"

namespace tw::codegen {
namespace {

using Buffers = std::unordered_set<const BufferNode*>;

/// A statement of the outermost sequence, and what it does to which buffers.
struct Part {
  Stmt stmt;
  Buffers reads, writes;
};

/// The program's body as statements in order with the buffers that are allocated around some of them.
struct Outline {
  std::vector<Buffer> allocated;
  std::vector<Part> parts;
};

void outline(const Stmt& s, Outline& out) {
  if (const auto* seq = as<Seq>(s)) {
    for (const Stmt& stmt : seq->stmts) outline(stmt, out);
  } else if (const auto* allocate = as<Allocate>(s)) {
    out.allocated.push_back(allocate->buffer);
    outline(allocate->body, out);
  } else {
    Part part{s, {}, {}};
    for (const Access& access : collect_accesses(s))
      (access.write ? part.writes : part.reads).insert(access.buffer.get());
    for_each_node(s, [&](const Node* node) {
      if (const auto* own = as<Allocate>(node)) {
        part.reads.erase(own->buffer.get());
        part.writes.erase(own->buffer.get());
      }
      if (const auto* hint = as<Prefetch>(node)) part.reads.insert(hint->buffer.get());
    });
    out.parts.push_back(std::move(part));
  }
}

/// Whether everything in the one stands in the other.
bool is_within(const Buffers& inner, const Buffers& outer) {
  return std::all_of(inner.begin(), inner.end(), [&](const BufferNode* b) { return outer.contains(b); });
}

class Split {
 public:
  explicit Split(const Program& program) : program_(program) {
    outline(program->body, outline_);
    for (const Param& param : program->params)
      if (param.param_kind == ParamKind::kConstant) constants_.insert(param.buffer.get());
    find_prepared();
  }

  std::optional<PreparedPrograms> programs() const {
    // Without constants nobody prepares: what depends on nothing stays where it is.
    if (constants_.empty()) return std::nullopt;
    const Buffers read = read_by(false);
    std::vector<Buffer> results;
    for (const Buffer& buffer : outline_.allocated)
      if (prepared_.contains(buffer.get()) && read.contains(buffer.get())) results.push_back(buffer);
    if (results.empty()) return std::nullopt;
    // Parameters lie in global memory, and have names of their own.
    BufferMap renamed;
    std::vector<Buffer> given;
    for (const Buffer& result : results) {
      auto* copy = new BufferNode(*result);
      const Buffer fresh(copy);
      copy->scope = Scope::kGlobal;
      while (is_taken(copy->name.text, given)) copy->name.text += "_prepared";
      renamed[result.get()] = fresh;
      given.push_back(fresh);
    }
    return PreparedPrograms{prepare(given, renamed), run(given, renamed, read)};
  }

 private:
  /// Buffers that only statements fill which read constants and such buffers.
  void find_prepared() {
    for (const Buffer& buffer : outline_.allocated)
      if (may_be_prepared(*buffer)) prepared_.insert(buffer.get());
    Buffers known = constants_;
    known.insert(prepared_.begin(), prepared_.end());
    for (bool changed = true; changed;) {
      changed = false;
      for (const Part& part : outline_.parts) {
        if (is_within(part.writes, prepared_) && is_within(part.reads, known) && !part.writes.empty() &&
            uses_parameters_alone(part.stmt))
          continue;
        for (const BufferNode* written : part.writes) {
          changed = prepared_.erase(written) > 0 || changed;
          known.erase(written);
        }
      }
    }
  }

  static bool may_be_prepared(const BufferNode& buffer) {
    const auto is_constant = [](const Expr& extent) { return as_int(extent).has_value(); };
    return buffer.strides.empty() && !buffer.lane_map &&
           std::all_of(buffer.shape.begin(), buffer.shape.end(), is_constant);
  }

  /// Of all that is given at a call the statement uses parameters of the schedule only, which have defaults.
  bool uses_parameters_alone(const Stmt& s) const {
    const std::vector<Var> free = free_vars(s);
    return std::all_of(free.begin(), free.end(), [&](const Var& var) {
      return std::any_of(program_->params.begin(), program_->params.end(), [&](const Param& param) {
        return param.param_kind == ParamKind::kTunable && param.var.same_as(var);
      });
    });
  }

  bool is_prepared(const Part& part) const {
    return !part.writes.empty() && is_within(part.writes, prepared_);
  }

  Buffers read_by(bool prepared) const {
    Buffers read;
    for (const Part& part : outline_.parts)
      if (is_prepared(part) == prepared) read.insert(part.reads.begin(), part.reads.end());
    return read;
  }

  bool is_taken(const std::string& name, const std::vector<Buffer>& given) const {
    for (const Param& param : program_->params)
      if ((param.is_buffer() ? param.buffer->name.text : param.var->name.text) == name) return true;
    return std::any_of(given.begin(), given.end(), [&](const Buffer& b) { return b->name.text == name; });
  }

  /// The statements of one side, inside of the allocations that they use.
  Stmt body(bool prepared, const BufferMap& renamed) const {
    std::vector<Stmt> stmts;
    Buffers used;
    for (const Part& part : outline_.parts) {
      if (is_prepared(part) != prepared) continue;
      stmts.push_back(part.stmt);
      used.insert(part.reads.begin(), part.reads.end());
      used.insert(part.writes.begin(), part.writes.end());
    }
    Stmt whole = Seq::make(std::move(stmts));
    for (auto buffer = outline_.allocated.rbegin(); buffer != outline_.allocated.rend(); ++buffer)
      if (used.contains(buffer->get()) && !renamed.contains(buffer->get()))
        whole = Allocate::make(*buffer, whole);
    return with_fresh_names(replace_buffers(whole, renamed));
  }

  Program prepare(const std::vector<Buffer>& given, const BufferMap& renamed) const {
    const Buffers read = read_by(true);
    const Stmt whole = body(true, renamed);
    const std::vector<Var> free = free_vars(whole);
    std::vector<Param> params;
    for (Param param : program_->params) {
      const bool is_used =
          param.is_buffer()
              ? constants_.contains(param.buffer.get()) && read.contains(param.buffer.get())
              : std::any_of(free.begin(), free.end(), [&](const Var& var) { return var.same_as(param.var); });
      if (!is_used) continue;
      if (param.is_buffer()) param.param_kind = ParamKind::kInput;
      params.push_back(std::move(param));
    }
    for (const Buffer& buffer : given) params.push_back(Param::of_buffer(ParamKind::kOutput, buffer));
    return with_fresh_names(ProgramNode::make(program_->name.text + "_prepare", std::move(params), whole));
  }

  Program run(const std::vector<Buffer>& given, const BufferMap& renamed, const Buffers& read) const {
    std::vector<Param> params;
    // Of each argument that there was: its position now, and how many come before.
    std::vector<std::vector<std::size_t>> now;
    std::size_t next = 0;
    bool placed = false;
    for (const Param& param : program_->params) {
      std::vector<std::size_t> positions;
      const bool is_constant = param.param_kind == ParamKind::kConstant;
      if (is_constant && !std::exchange(placed, true))
        for (const Buffer& buffer : given) {
          params.push_back(Param::of_buffer(ParamKind::kConstant, buffer));
          positions.push_back(next++);
        }
      if (!is_constant || read.contains(param.buffer.get())) {
        params.push_back(param);
        if (param.is_argument()) positions.push_back(next++);
      }
      if (param.is_argument()) now.push_back(std::move(positions));
    }
    Attrs attrs = program_->attrs;
    if (attrs.erase("argument_order") > 0) {
      std::vector<std::size_t> order;
      for (const std::size_t before : te::argument_order(program_))
        order.insert(order.end(), now[before].begin(), now[before].end());
      attrs["argument_order"] = fmt::format("{}", fmt::join(order, " "));
    }
    return ProgramNode::make(program_->name.text, std::move(params), body(false, renamed), std::move(attrs));
  }

  Program program_;
  Outline outline_;
  Buffers constants_, prepared_;
};

}  // namespace

std::optional<PreparedPrograms> split_constants(const Program& program) {
  return Split(program).programs();
}

}  // namespace tw::codegen
