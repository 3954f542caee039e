// tilewright.roof: what this machine can do at most.
#include "runtime/roof.h"

#include <fmt/core.h>

#include "bindings/bind.h"
#include "support/error.h"

namespace tw::python {
namespace {

using runtime::Bandwidth;
using runtime::ComputeRate;
using runtime::Roof;

constexpr const char* kComputeRateDoc = R"doc(Arithmetic held in registers, by dtype and threads.

Attributes
----------
dtype : str
    Of the factors.
instructions : str
    What computed it.
threads : int
    How many ran.
operations : float
    A second, all threads together; a multiply-add counts as two.

Examples
--------
>>> tw.measure_rate("float32", 1)  # doctest: +ELLIPSIS
<tw.ComputeRate float32, 1 threads: ... Gop/s by ...>
)doc";

constexpr const char* kBandwidthClassDoc = R"doc(Passes over memory, by working set and threads.

Attributes
----------
working_set : int
    Bytes of all threads together.
threads : int
    How many ran.
read, write : float
    Bytes a second.
copy : float
    Bytes read and bytes written, a second.

Examples
--------
>>> tw.measure_bandwidth(1 << 16, 1)  # doctest: +ELLIPSIS
<tw.Bandwidth 64 KiB, 1 threads: read ..., write ..., copy ... GB/s>
)doc";

constexpr const char* kRoofClassDoc =
    R"doc(The most that this machine computes and moves in a second, measured.

Attributes
----------
machine : str
    What hardware it was measured on.
quick : bool
    Whether few points were measured.
rates : list of ComputeRate
    Arithmetic, by dtype and threads.
bandwidths : list of Bandwidth
    Memory, by threads and working set.

Examples
--------
>>> roof = tw.roof(quick=True)
>>> roof.operations("float32", 1) > 0
True
>>> roof.seconds("float32", operations=2 * 1024**3, bytes=3 * 4 * 1024**2, threads=1) > 0
True
)doc";

constexpr const char* kOperationsDoc = R"doc(Operations a second, a multiply-add counting as two.

Parameters
----------
dtype : {"float32", "bfloat16", "int8"}
    Of the factors.
threads : int
    At least 1. Between counts that were measured: on the line between them.

Returns
-------
float
    Of all threads together.

Raises
------
InvalidValue
    For another dtype, or fewer than 1 thread.

Examples
--------
>>> roof = tw.roof(quick=True)
>>> roof.operations("int8", 1) >= roof.operations("float32", 1)
True
)doc";

constexpr const char* kBandwidthDoc = R"doc(Bytes a second over a working set.

Parameters
----------
kind : {"read", "write", "copy"}
    "copy" counts bytes read and bytes written.
working_set : int
    Bytes, of all threads together.
threads : int
    At least 1.

Returns
-------
float
    Of all threads together.

Raises
------
InvalidValue
    For another kind, or fewer than 1 thread.

Examples
--------
>>> roof = tw.roof(quick=True)
>>> roof.bandwidth("read", 1 << 14, 1) >= roof.bandwidth("read", 1 << 40, 1)
True
)doc";

constexpr const char* kSecondsDoc = R"doc(The least time of a kernel.

Parameters
----------
dtype : {"float32", "bfloat16", "int8"}
    What it computes with.
operations : float
    Its arithmetic, a multiply-add counting as two.
bytes : int
    What it reads and writes, which is its working set too.
threads : int
    At least 1.

Returns
-------
float
    Seconds: of the arithmetic or of the memory, whichever takes longer.

Raises
------
InvalidValue
    For another dtype, or fewer than 1 thread.

Examples
--------
>>> tw.roof(quick=True).seconds("float32", 0, 1 << 30, 1) > 0
True
)doc";

constexpr const char* kToJsonDoc = R"doc(Give the figures as JSON.

Returns
-------
str
    An object with "machine", "rates" and "bandwidths".

Examples
--------
>>> import json
>>> sorted(json.loads(tw.roof(quick=True).to_json()))
['bandwidths', 'machine', 'quick', 'rates', 'version']
)doc";

constexpr const char* kRoofDoc = R"doc(Measure the most that this machine computes and moves in a second.

What was measured on the same hardware before is taken from a file: in $XDG_CACHE_HOME/tilewright, or
~/.cache/tilewright.

Parameters
----------
quick : bool
    One thread and all of them, a working set for each cache: half a second, else two.
refresh : bool
    Measure even where the figures are known. Where other programs ran at the first time, they are too low.

Returns
-------
Roof
    The figures.

Examples
--------
>>> tw.roof(quick=True)  # doctest: +ELLIPSIS
<tw.Roof ... Gop/s of float32 ...>
)doc";

constexpr const char* kRateDoc = R"doc(Measure the rate of one dtype now, whatever is known.

Clocks change with what else a machine does: a figure is best compared with a roof of the same minute.

Parameters
----------
dtype : {"float32", "bfloat16", "int8"}
    Of the factors.
threads : int
    At least 1, at most the processors of this process.

Returns
-------
ComputeRate
    With `operations` a second.

Raises
------
InvalidValue
    For another dtype, or a number of threads out of range.

Examples
--------
>>> tw.measure_rate("bfloat16", 1).operations > 0
True
)doc";

constexpr const char* kMeasureBandwidthDoc = R"doc(Measure bandwidth over one working set now.

Parameters
----------
working_set : int
    Bytes of all threads together; at least 16 KiB a thread are taken.
threads : int
    At least 1, at most the processors of this process.

Returns
-------
Bandwidth
    With `read`, `write` and `copy` in bytes a second.

Raises
------
InvalidValue
    For a number of threads out of range.

Examples
--------
>>> tw.measure_bandwidth(1 << 20, 1).copy > 0
True
)doc";

std::string to_text(const ComputeRate& r) {
  return fmt::format("<tw.ComputeRate {}, {} threads: {:.1f} Gop/s by {}>", r.dtype, r.threads,
                     r.operations / 1e9, r.instructions);
}

std::string to_text(const Bandwidth& b) {
  return fmt::format("<tw.Bandwidth {} KiB, {} threads: read {:.1f}, write {:.1f}, copy {:.1f} GB/s>",
                     b.working_set >> 10, b.threads, b.read / 1e9, b.write / 1e9, b.copy / 1e9);
}

std::string to_text(const Roof& roof) {
  const ComputeRate* best = nullptr;
  for (const ComputeRate& r : roof.rates)
    if (r.dtype == "float32" && (!best || r.operations > best->operations)) best = &r;
  check_internal(best, "a roof without a rate of float32");
  return fmt::format("<tw.Roof {:.1f} Gop/s of float32 on {} threads, {}>", best->operations / 1e9,
                     best->threads, roof.machine);
}

}  // namespace

void bind_roof(py::module_& m) {
  py::class_<ComputeRate>(m, "ComputeRate", kComputeRateDoc)
      .def_readonly("dtype", &ComputeRate::dtype, "Of the factors.")
      .def_readonly("instructions", &ComputeRate::instructions, "What computed it.")
      .def_readonly("threads", &ComputeRate::threads, "How many ran.")
      .def_readonly("operations", &ComputeRate::operations, "A second, all threads together.")
      .def("__repr__", [](const ComputeRate& r) { return to_text(r); });
  py::class_<Bandwidth>(m, "Bandwidth", kBandwidthClassDoc)
      .def_readonly("working_set", &Bandwidth::working_set, "Bytes of all threads together.")
      .def_readonly("threads", &Bandwidth::threads, "How many ran.")
      .def_readonly("read", &Bandwidth::read, "Bytes a second.")
      .def_readonly("write", &Bandwidth::write, "Bytes a second.")
      .def_readonly("copy", &Bandwidth::copy, "Bytes read and bytes written a second.")
      .def("__repr__", [](const Bandwidth& b) { return to_text(b); });
  py::class_<Roof>(m, "Roof", kRoofClassDoc)
      .def_readonly("machine", &Roof::machine, "What hardware it was measured on.")
      .def_readonly("quick", &Roof::quick, "Whether few points were measured.")
      .def_readonly("rates", &Roof::rates, "Arithmetic, by dtype and threads.")
      .def_readonly("bandwidths", &Roof::bandwidths, "Memory, by threads and working set.")
      .def("operations", &Roof::operations, py::arg("dtype"), py::arg("threads"), kOperationsDoc)
      .def("bandwidth", &Roof::bandwidth, py::arg("kind"), py::arg("working_set"), py::arg("threads"),
           kBandwidthDoc)
      .def("seconds", &Roof::seconds, py::arg("dtype"), py::arg("operations"), py::arg("bytes"),
           py::arg("threads"), kSecondsDoc)
      .def("to_json", &Roof::to_json, kToJsonDoc)
      .def("__repr__", [](const Roof& roof) { return to_text(roof); });
  m.def(
      "roof",
      [](bool quick, bool refresh) {
        return runtime::measure_roof({quick, refresh, {}});
      },
      py::arg("quick") = false, py::arg("refresh") = false, py::call_guard<py::gil_scoped_release>(),
      kRoofDoc);
  m.def("measure_rate", &runtime::measure_rate, py::arg("dtype"), py::arg("threads"),
        py::call_guard<py::gil_scoped_release>(), kRateDoc);
  m.def("measure_bandwidth", &runtime::measure_bandwidth, py::arg("working_set"), py::arg("threads"),
        py::call_guard<py::gil_scoped_release>(), kMeasureBandwidthDoc);
}

}  // namespace tw::python
