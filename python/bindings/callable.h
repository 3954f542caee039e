// What can be called with arrays: functions that are compiled here, and those of exported libraries.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bindings/loaded_function.h"
#include "runtime/timing.h"

namespace tw::python {

class Callable {
 public:
  py::object call(const py::args& positional, const py::kwargs& named);
  /// Seconds of each sample, and how many runs one is the mean of. `rotate`: constants go through copies.
  std::pair<std::vector<double>, int64_t> time(const py::args& positional, const py::kwargs& named,
                                               bool rotate, const runtime::TimingOptions& options);
  /// Parameters of the schedule in order: name, default, min, max, multiple_of.
  py::list tunables() const;
  /// How often arguments had to be copied, by name.
  const std::map<std::string, int64_t>& copies() const { return copies_; }
  void close() { loaded_.reset(); }

 protected:
  Callable(std::string name, std::shared_ptr<const LoadedFunction> loaded)
      : name_(std::move(name)), loaded_(std::move(loaded)) {}
  /// Raises when it is closed.
  const std::shared_ptr<const LoadedFunction>& loaded() const;
  /// As above; and where the code is another machine's.
  const std::shared_ptr<const LoadedFunction>& runnable() const;
  void replace(std::shared_ptr<const LoadedFunction> loaded) { loaded_ = std::move(loaded); }

 private:
  void take(Call& call, const LoadedFunction& function, const py::args& positional, const py::kwargs& named);

  std::string name_;
  std::shared_ptr<const LoadedFunction> loaded_;  // null: closed
  std::map<std::string, int64_t> copies_;
};

}  // namespace tw::python
