"""One side in a process of its own: takes commands as lines of JSON and answers each with one line.

    {"do": "prepare", "workload": name, "state": "hot" | "model", "reference": file}
    {"do": "round", "seconds": s}      ->  {"seconds": [of one call, for each sample], "waited": s}

What libraries print goes to stderr.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
from kernels import operators
from kernels.workloads import Workload, all_workloads

import peers

# More copies of the constants than this are not made: what they lack in bytes is evicted by other memory.
MOST_COPIES = 128


def last_cache_bytes() -> int:
    """Of the largest cache that the first processor has; 32 MiB where the system does not tell."""
    sizes = [32 << 20]
    for index in range(8):
        try:
            text = open(f"/sys/devices/system/cpu/cpu0/cache/index{index}/size").read().strip()
        except OSError:
            break
        sizes.append(int(text.rstrip("KMG")) * {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1], 1))
    return max(sizes[1:] or sizes)


def time_of(calls: list[Callable[[], object]], repeats: int) -> float:
    """Seconds of one call, each of the calls made `repeats` times in turn."""
    begin = time.perf_counter()
    for call in itertools.chain.from_iterable(itertools.repeat(calls, repeats)):
        call()
    return (time.perf_counter() - begin) / (repeats * len(calls))


def quick_time(calls: list[Callable[[], object]]) -> float:
    """The least of some runs: tells one way from another."""
    end = time.perf_counter() + 0.02
    times = [time_of(calls, 1) for _ in range(3)]
    while time.perf_counter() < end:
        times.append(time_of(calls, 1))
    return min(times)


def seconds_waited() -> float:
    """How long the threads of this process wanted a processor and had none: somebody else ran in their
    place."""
    waited = 0
    for task in Path("/proc/self/task").iterdir():
        try:
            waited += int((task / "schedstat").read_text().split()[1])
        except (OSError, IndexError):  # a thread that ended; a system that does not tell
            continue
    return waited * 1e-9


class Session:
    """A side with the workload that it runs now."""

    def __init__(self, side: peers.Side) -> None:
        self.side = side
        self.workloads = {workload.name: workload for workload in all_workloads()}
        self.way: peers.Way | None = None
        self.evictor: np.ndarray | None = None

    def prepare(self, command: dict) -> dict:
        """Check every way against the reference; keep the quickest that is right."""
        workload = self.workloads[command["workload"]]
        self.way = self.evictor = None
        inputs = operators.make_inputs(workload)
        expected = np.load(command["reference"], mmap_mode="r")
        copies = self._copies(workload, inputs) if command["state"] == "model" else 1
        ways, errors, times = self.side.prepare(workload, inputs, copies), {}, {}
        for way in ways:
            way.calls[-1]()
            errors[way.name] = operators.error_of(way.result(), expected)
            if errors[way.name] <= operators.tolerance(workload):
                times[way.name] = quick_time(way.calls[:1])
        right = [way for way in ways if way.name in times]
        if not right:
            return {"wrong": errors}
        self.way = min(right, key=lambda way: times[way.name])
        return {"way": self.way.name, "errors": errors, "times": times, "copies": copies}

    def _copies(self, workload: Workload, inputs: dict[str, np.ndarray]) -> int:
        size = sum(inputs[name].nbytes for name in workload.constants)
        wanted = math.ceil(2 * last_cache_bytes() / size) + 1
        if wanted > MOST_COPIES:
            self.evictor = np.zeros(2 * last_cache_bytes() // 8)
        return min(wanted, MOST_COPIES)

    def round(self, seconds: float) -> dict:
        """Samples of some half a millisecond at least, all copies in each. What comes first is not counted:
        threads wake, caches fill."""
        assert self.way is not None
        calls = self.way.calls
        end = time.perf_counter() + min(0.01, seconds / 4)
        first = [time_of(calls, 1)]
        while time.perf_counter() < end:
            first.append(time_of(calls, 1))
        repeats = 1 if self.evictor is not None else max(1, round(5e-4 / (min(first) * len(calls))))
        samples = []
        waited, end = seconds_waited(), time.perf_counter() + seconds
        while len(samples) < 3 or time.perf_counter() < end:
            if self.evictor is not None:
                self.evictor += 1
            samples.append(time_of(calls, repeats))
        return {"seconds": samples, "waited": seconds_waited() - waited}

    def answer(self, command: dict) -> dict:
        """One command's answer; a failure of the side's library is one too."""
        try:
            return self.prepare(command) if command["do"] == "prepare" else self.round(command["seconds"])
        except peers.Unsupported as error:
            return {"unsupported": str(error)}
        except Exception as error:  # whatever a library raises is a finding
            traceback.print_exc()
            return {
                "failed": f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
            }


def serve(make: Callable[[], Session]) -> None:
    """Answer commands until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        session = make()
    except Exception as error:  # a library that is not there, or does not load
        print(json.dumps({"failed": f"{type(error).__name__}: {error}"}), file=answers)
        return
    print(json.dumps({"settings": session.side.settings}), file=answers)
    for line in sys.stdin:
        print(json.dumps(session.answer(json.loads(line))), file=answers)


if __name__ == "__main__":  # python -m peers.process SIDE THREADS
    serve(lambda: Session(peers.make(sys.argv[1], int(sys.argv[2]))))
