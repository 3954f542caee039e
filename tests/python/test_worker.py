"""``python -m tilewright.worker`` as a tuner sees it: messages over its stdin and stdout."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

PROGRAM = """\
program main(X: in float32[1000], Y: out float32[1000]):
  for i in 1000:
    block Y#0(vi: spatial(1000) = i):
      reads X[vi]
      writes Y[vi]
      Y[vi] = {value}
"""
RIGHT = PROGRAM.format(value="X[vi] + 1.0f32")
LIMITS = {"compile_seconds": 60, "run_seconds": 5, "memory_bytes": 0}
OPTIONS = {"seconds": 0.01, "min_samples": 3, "give_up": 1.5, "rounds": 1}


class Worker:
    """A worker process and the messages that come from it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tilewright.worker"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, message: dict[str, Any]) -> None:
        """Write one message."""
        text = json.dumps(message).encode()
        self.process.stdin.write(struct.pack("<I", len(text)) + text)
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Read one message."""
        (length,) = struct.unpack("<I", self.process.stdout.read(4))
        return json.loads(self.process.stdout.read(length))

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request; give what comes that is no position."""
        self.send(request)
        while "at" in (answer := self.receive()):
            pass
        return answer

    def set_up(self, program: str = RIGHT) -> None:
        """Take the greeting, hand over a task."""
        assert self.receive()["hello"] == 2
        task = {"program": program, "target": "llvm", "sizes": [{}], "cache": "hot", "seed": 0}
        assert self.ask(request="setup", task=task, limits=LIMITS) == {"reply": {}}


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A worker that is gone afterwards."""
    worker = Worker()
    yield worker
    worker.process.kill()
    worker.process.wait()
    for stream in (worker.process.stdin, worker.process.stdout):
        with contextlib.suppress(OSError):  # what was still to be written has no reader
            stream.close()


def test_builds_measures_and_verifies(worker: Worker) -> None:
    worker.set_up()
    built = worker.ask(request="build", id=0, program=RIGHT, intrinsics={})["reply"]
    assert built["status"] == "ok"
    point = {"id": 0, "parameters": {}}
    measured = worker.ask(request="measure", points=[point], options=OPTIONS)["reply"]
    (samples,) = measured["measured"][0]["samples"]
    assert len(samples) >= 3
    assert all(0 < seconds < 0.1 for seconds in samples)
    assert worker.ask(request="verify", point=point)["reply"]["status"] == "ok"


def test_wrong_results_are_told(worker: Worker) -> None:
    worker.set_up()
    worker.ask(request="build", id=0, program=PROGRAM.format(value="X[vi] + 1.5f32"), intrinsics={})
    verdict = worker.ask(request="verify", point={"id": 0, "parameters": {}})["reply"]
    assert verdict["status"] == "wrong"
    assert verdict["cause"].startswith("Y[0] is ")


def test_last_words_of_one_that_crashes(worker: Worker) -> None:
    worker.set_up()
    worker.ask(request="build", id=0, program=RIGHT.replace("Y[vi] =", "Y[vi + 1000] ="), intrinsics={})
    answer = worker.ask(request="measure", points=[{"id": 0, "parameters": {}}], options=OPTIONS)
    assert answer["fault"]["status"] == "out_of_bounds"
    assert worker.process.wait(timeout=60) != 0


def test_a_request_that_cannot_be_met(worker: Worker) -> None:
    assert worker.receive()["hello"] == 2
    task = {"program": RIGHT, "target": "pdp11", "sizes": [{}], "cache": "hot", "seed": 0}
    answer = worker.ask(request="setup", task=task, limits=LIMITS)
    assert answer["kind"] == "value error"
    assert "pdp11" in answer["error"]


def test_ends_with_its_input(worker: Worker) -> None:
    worker.set_up()
    worker.process.stdin.close()
    assert worker.process.wait(timeout=60) == 0


def test_nonsense_ends_it(worker: Worker) -> None:
    worker.set_up()
    worker.process.stdin.write(b"\xff" * 64)
    worker.process.stdin.flush()
    assert worker.process.wait(timeout=60) != 0


def test_is_deaf_to_nothing_that_ends_processes(worker: Worker) -> None:
    worker.set_up()
    os.kill(worker.process.pid, signal.SIGTERM)
    assert worker.process.wait(timeout=60) == -signal.SIGTERM
