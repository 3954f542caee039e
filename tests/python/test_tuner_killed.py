"""kill -9 of the tuner at random moments: no finished trial is lost, nothing is left running, it goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import tilewright as tw

SCRIPT = """
import tilewright as tw
from tilewright import te


@tw.operator
def product(n: int):
    A, B = te.placeholder((n, n), name="A"), te.placeholder((n, n), name="B")
    k = te.reduce_axis(n, name="k")
    return A, B, te.compute((n, n), lambda i, j: te.sum(A[i, k] * B[k, j], axis=k), name="C")


product.workloads = [{"n": 40}]
"""
KILLS = int(os.environ.get("TW_FAULT_COUNT", "8"))


def workers_of(mark: str) -> list[int]:
    """Processes that have the mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def ids_in(db: str) -> set[int]:
    try:
        with tw.open_db(db, read_only=True) as records:
            return {record.id for record in records.query()}
    except tw.UserError:  # it was killed before it wrote anything
        return set()


def test_kills_lose_nothing(tmp_path):
    script, db = tmp_path / "ops.py", str(tmp_path / "t.db")
    script.write_text(SCRIPT)
    mark = f"TW_KILL_TEST={os.getpid()}"
    name, value = mark.split("=")
    command = [sys.executable, "-m", "tilewright.cli", "tune", str(script), "--db", db, "--seconds", "30"]
    random_ = random.Random(5)
    seen: set[int] = set()
    for turn in range(KILLS):
        process = subprocess.Popen(
            [*command, "--seed", str(turn)],
            env=os.environ | {name: value},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(random_.uniform(0.5, 2.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = ids_in(db)
        assert seen <= now, "records that were there are there still"
        seen = now
    end = time.monotonic() + 10
    while workers_of(mark) and time.monotonic() < end:
        time.sleep(0.1)
    assert not workers_of(mark), "workers end with the tuner"
    assert seen, "something was measured between the kills"
    finished = subprocess.run([*command[:-1], "3"], capture_output=True, text=True, check=False, timeout=120)
    assert finished.returncode == 0, finished.stderr
    with tw.open_db(db) as records:
        assert records.check() == "ok"
        assert len(records.runs()) >= 2
        assert records.query(best=True)
