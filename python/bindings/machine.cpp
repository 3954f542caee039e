// tilewright.machine: what schedules for this machine go by.
#include "runtime/machine.h"

#include <fmt/core.h>

#include "bindings/bind.h"
#include "codegen/target.h"
#include "support/error.h"

namespace tw::python {
namespace {

using runtime::Cache;

constexpr const char* kCacheDoc = R"doc(A data or unified cache.

Attributes
----------
level : int
    1 is the one nearest to the processor.
bytes : int
    Of one such cache.
shared_by : int
    Processors that share it.

Examples
--------
>>> [cache.level for cache in tw.machine().caches] == sorted(cache.level for cache in tw.machine().caches)
True
)doc";

constexpr const char* kMachineClassDoc = R"doc(The machine that this process runs on.

Attributes
----------
cpu : str
    Vendor, family, model and name, as the system gives them.
threads : int
    Processors that this process may use.
caches : list of Cache
    From the first level on, as far as the system tells.
memory_bytes : int
    0: unknown.
vector_bits : int
    Of the widest vector registers.
vector_registers : int
    How many of them there are.

Examples
--------
>>> tw.machine()  # doctest: +ELLIPSIS
<tw.Machine ... threads, vectors of ... bits, caches of ...>
)doc";

constexpr const char* kCacheBytesDoc = R"doc(How much threads may keep in the caches of a level.

Parameters
----------
level : int
    1 to 3.
threads : int
    How many, spread over the processors as widely as they go.

Returns
-------
int
    Bytes of all the caches that they reach; a usual size where the system does not tell.

Raises
------
InvalidValue
    For another level, or fewer than 1 thread.

Examples
--------
>>> machine = tw.machine()
>>> machine.cache_bytes(1) <= machine.cache_bytes(2)
True
)doc";

constexpr const char* kMachineDoc = R"doc(Say what the machine is that this process runs on.

Returns
-------
Machine
    Its threads, caches and vectors.

Examples
--------
>>> tw.machine().threads >= 1
True
)doc";

/// What the system tells, and the registers that code for this host has.
struct Machine {
  runtime::Machine system = runtime::this_machine();
  codegen::Target host = codegen::parse_target("llvm");
};

int64_t cache_bytes(const Machine& machine, int level, int threads) {
  if (level < 1 || level > 3) raise_value("the cache of level {} is asked for; levels are 1, 2 and 3", level);
  if (threads < 1) raise_value("the caches of {} threads are asked for; take at least 1", threads);
  return machine.system.cache_bytes(level, threads);
}

std::string to_text(const Machine& machine) {
  std::string caches;
  for (const Cache& cache : machine.system.caches)
    caches += fmt::format("{}{} KiB", caches.empty() ? "" : ", ", cache.bytes >> 10);
  return fmt::format("<tw.Machine {} threads, vectors of {} bits, caches of {}>", machine.system.threads,
                     machine.host.vector_bits, caches.empty() ? "unknown size" : caches);
}

}  // namespace

void bind_machine(py::module_& m) {
  py::class_<Cache>(m, "Cache", kCacheDoc)
      .def_readonly("level", &Cache::level, "1 is the one nearest to the processor.")
      .def_readonly("bytes", &Cache::bytes, "Of one such cache.")
      .def_readonly("shared_by", &Cache::shared_by, "Processors that share it.")
      .def("__repr__", [](const Cache& cache) {
        return fmt::format("<tw.Cache L{}, {} KiB, shared by {}>", cache.level, cache.bytes >> 10,
                           cache.shared_by);
      });
  py::class_<Machine>(m, "Machine", kMachineClassDoc)
      .def_property_readonly(
          "cpu", [](const Machine& machine) { return machine.system.cpu; },
          "Vendor, family, model and name, as the system gives them.")
      .def_property_readonly(
          "threads", [](const Machine& machine) { return machine.system.threads; },
          "Processors that this process may use.")
      .def_property_readonly(
          "caches", [](const Machine& machine) { return machine.system.caches; },
          "From the first level on, as far as the system tells.")
      .def_property_readonly(
          "memory_bytes", [](const Machine& machine) { return machine.system.memory_bytes; }, "0: unknown.")
      .def_property_readonly(
          "vector_bits", [](const Machine& machine) { return machine.host.vector_bits; },
          "Of the widest vector registers.")
      .def_property_readonly(
          "vector_registers", [](const Machine& machine) { return machine.host.vector_registers; },
          "How many of them there are.")
      .def("cache_bytes", &cache_bytes, py::arg("level"), py::arg("threads") = 1, kCacheBytesDoc)
      .def("__repr__", &to_text);
  m.def(
      "machine", [] { return Machine(); }, kMachineDoc);
}

}  // namespace tw::python
