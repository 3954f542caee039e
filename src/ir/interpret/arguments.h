// What the caller passes, against what the program's parameters say; and its elements, copied in and out.
#pragma once

#include <map>
#include <span>

#include "ir/interpret.h"
#include "ir/interpret/memory.h"

namespace tw::interpreter {

/// The arguments of a run that fit the parameters.
class Arguments {
 public:
  /// Raises a value error that names the argument when something does not fit. `memory` holds the copies.
  Arguments(const Program& program, std::span<const Argument> arguments, const InterpretOptions& options,
            Memory& memory);

  /// Sizes, shapes and tunables.
  const std::map<const Variable*, int64_t>& values() const { return values_; }

  /// Copies inputs in: one storage for each parameter with a buffer, in order. What a program is to know of
  /// each parameter's allocation stands in `tracked` and `init_tables`.
  struct Needs {
    bool tracked;
    std::size_t init_tables;
  };
  std::vector<Storage*> copy_in(const std::vector<Needs>& needs);

  /// Copies outputs out. Raises a value error when an element of one has never been written.
  void copy_out();

 private:
  struct Array {
    const Param* param;
    ArrayView view;
    std::vector<int64_t> strides;  // in elements
    std::string name;
    Storage* storage = nullptr;
    bool is_output() const {
      return param->param_kind == ParamKind::kOutput || param->param_kind == ParamKind::kInOut;
    }
  };
  void take(std::span<const Argument> arguments);
  void take_array(const Param& param, const Argument& argument, std::size_t position);
  void take_tunables();
  void set(const Var& var, int64_t value, const std::string& what);
  void deduce_shapes();
  void check_extents();
  void check_overlap() const;
  [[noreturn]] void mismatch(const std::string& what) const;

  const Program& program_;
  const InterpretOptions& options_;
  Memory& memory_;
  std::map<const Variable*, int64_t> values_;
  std::map<const Variable*, std::string> sources_;  // where a value comes from, for messages
  std::vector<Array> arrays_;
};

}  // namespace tw::interpreter
