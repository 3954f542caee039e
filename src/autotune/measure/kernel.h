// A candidate in a worker: compiled, its constants prepared, bound to arrays.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "autotune/measure/arguments.h"
#include "codegen/build.h"

namespace tw::autotune {

/// What prepare programs made of the constants, by what was drawn and their text: candidates that pack alike
/// share it. Constants do not depend on sizes.
using PreparedArrays = std::vector<std::unique_ptr<GuardedArray>>;
using PreparedCache = std::map<std::pair<Draw, std::string>, std::weak_ptr<const PreparedArrays>>;

/// Buffers and scalars of a function, ready for tw_run. The arrays live elsewhere.
struct BoundCall {
  const tw_function* function = nullptr;
  int32_t threads = 0;
  std::vector<tw_tensor> tensors;
  std::vector<void*> buffers;
  std::vector<int64_t> sizes, tunables, scalars;
  std::vector<std::size_t> constants;    // positions among the buffers
  const Arguments* arguments = nullptr;  // whose arrays they are

  /// Whether a run reads what the run before it has written, unless `refresh` comes between them.
  bool is_in_place() const { return arguments && !arguments->in_place().empty(); }
  /// Gives the arrays that are read and written the values that they begin with.
  void refresh() const;

  /// With all checks of arguments. TW_OK or a code; tw_error() says why.
  int32_t run_checked() const;
  /// On other buffers of the same shapes, without checks.
  int32_t run(void* const* other) const;
  int32_t run() const { return run(buffers.data()); }
};

class Kernel {
 public:
  /// Compiles what runs and what prepares its constants. Errors: those of codegen::build.
  Kernel(const Program& program, const codegen::Target& target);
  /// From the machine code of one that was compiled elsewhere: its `objects`.
  Kernel(const Program& program, const codegen::Target& target, std::vector<std::string> objects);

  const codegen::BuildStats& stats() const { return run_->stats(); }
  const Program& program() const { return program_; }
  /// Machine code: of what runs, and of what prepares if there is such.
  std::vector<std::string> objects() const;

  /// Prepares the constants, unless that is done. Errors: a value error when it fails.
  void prepare(const Arguments& arguments, PreparedCache& cache);
  /// Frees what was made of the constants of a draw.
  void forget_prepared(Draw what) { prepared_.erase(what); }
  /// After `prepare`. Errors: a value error for parameters that the kernel cannot have.
  BoundCall bind(const Arguments& arguments, const Values& parameters) const;

 private:
  Program program_;                                       // as it came
  std::shared_ptr<const codegen::Module> run_, prepare_;  // no `prepare_`: there is nothing to prepare
  std::string prepare_text_;
  std::map<Draw, std::shared_ptr<const PreparedArrays>> prepared_;
};

/// Binds a function to arrays by name; `find` gives null for one that is not there (an internal error).
BoundCall bound_call(const codegen::Module& module, const Values& sizes, const Values& parameters,
                     const std::function<const GuardedArray*(const std::string& name)>& find);

}  // namespace tw::autotune
