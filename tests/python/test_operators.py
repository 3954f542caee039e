"""Operator-definition scripts and the commands that work on them."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tilewright as tw
from tilewright import te
from tilewright.operators import load_script

SCRIPT = """
import tilewright as tw
from tilewright import te


@tw.operator
def scale(n: int, dtype: str = "float32"):
    A = te.placeholder((n,), dtype, name="A")
    return A, te.compute((n,), lambda i: A[i] * 2, name="B")


@tw.operator
def total(n: int):
    A = te.placeholder((n,), name="A")
    k = te.reduce_axis(n, name="k")
    return A, te.compute((1,), lambda _: te.sum(A[k], axis=k), name="B")


scale.workloads = [{"n": 64}, {"n": 100}]
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "ops.py"
    path.write_text(SCRIPT)
    return str(path)


def run(*arguments, timeout=120):
    command = [sys.executable, "-m", "tilewright.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def twice():
    @tw.operator
    def twice(n: int):
        A = te.placeholder((n,), name="A")
        return A, te.compute((n,), lambda i: A[i] * 2, name="B")

    return twice


def test_arguments_have_the_order_returned():
    @tw.operator
    def minus(n: int):
        A = te.placeholder((n,), name="A")
        B = te.placeholder((n,), name="B")
        return B, A, te.compute((n,), lambda i: A[i] - B[i], name="C")

    b, a = np.ones(3, "float32"), np.full(3, 5, "float32")
    np.testing.assert_array_equal(minus.build(n=3)(b, a), [4, 4, 4])


def test_the_authors_schedule_is_used():
    op, seen = twice(), []

    @op.schedule("llvm")
    def _(s):
        seen.append(s)
        s.vectorize(s.split(s.loops("B")[0], [None, 4])[1])

    np.testing.assert_array_equal(op.build(n=5)(np.ones(5, "float32")), np.full(5, 2))
    assert seen
    assert "vectorized(4)" in str(op.scheduled(n=8))


def test_a_record_is_preferred_to_the_authors_schedule(tmp_path):
    op = twice()
    op.workloads = [{"n": 256}]
    db = str(tmp_path / "t.db")

    @op.schedule("llvm")
    def _(s):
        raise AssertionError("not needed")

    (result,) = op.tune(db=db, trials=3, seconds=20)
    assert op.build(db=db, n=256).record.id == result.best.id


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda op: op(), "missing a required argument: 'n'"),
        (lambda op: op(n=1, m=2), "unexpected keyword argument 'm'"),
        (lambda op: op.tune(), "has no workloads"),
        (lambda op: tw.operator(3), "takes a function"),
    ],
)
def test_wrong_use(call, message):
    with pytest.raises(tw.UserError, match=message):
        call(twice())


def test_an_operator_returns_tensors():
    @tw.operator
    def nothing():
        return 3

    with pytest.raises(tw.UserError, match="returned 3"):
        nothing()

    @tw.operator
    def inputs():
        return te.placeholder((2,), name="A")

    with pytest.raises(tw.UserError, match="placeholders only"):
        inputs.program()


def test_scripts_that_fail(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0\n")
    with pytest.raises(tw.UserError, match="ZeroDivisionError"):
        load_script(str(broken))
    broken.write_text("x = 1\n")
    with pytest.raises(tw.UserError, match="defines no operator"):
        load_script(str(broken))


def test_tune_list_best_compile_bench_report(script, tmp_path):
    db, library, page = (str(tmp_path / name) for name in ("t.db", "libscale.so", "report.html"))
    tuned = run("tune", f"{script}:scale", "--db", db, "--trials", "3", "--seconds", "20", "--json")
    assert tuned.returncode == 0, tuned.stderr
    results = json.loads(tuned.stdout)["results"]
    assert [row["workload"] for row in results] == ["scale n=64", "scale n=100"]
    assert all(row["seconds"] > 0 and row["trials"] >= 1 for row in results)
    for command in ("list", "best"):
        found = run(command, "--db", db)
        assert found.returncode == 0, found.stderr
        assert found.stdout
        json.loads(run(command, "--db", db, "--json").stdout)
    made = run("compile", f"{script}:scale", "--set", "n=64", "--db", db, "--strict", "-o", library)
    assert made.returncode == 0, made.stderr
    np.testing.assert_array_equal(tw.load(library)(np.ones(64, "float32")), np.full(64, 2))
    benched = run("bench", f"{script}:scale", "--db", db, "--seconds", "0.1", "--json")
    assert benched.returncode == 0, benched.stderr
    assert all(row["ratio"] > 0 for row in json.loads(benched.stdout)["results"])
    reported = run("report", "--db", db, "-o", page)
    assert reported.returncode == 0, reported.stderr
    text = Path(page).read_text(encoding="utf-8")
    assert "scale n=64" in text and "<svg" in text
    assert "http" not in text, "a report refers to nothing outside of itself"


def test_set_changes_every_workload_once(script, tmp_path):
    db = str(tmp_path / "t.db")
    tuned = run("tune", f"{script}:scale", "--db", db, "--trials", "1", "--set", "n=32", "--json")
    assert [row["workload"] for row in json.loads(tuned.stdout)["results"]] == ["scale n=32"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["tune", "nowhere.py", "--db", "x.db"], 1, "there is no script 'nowhere.py'"),
        (["tune", "{script}:none", "--db", "x.db"], 2, "has no operator 'none'; it has scale, total"),
        (["tune", "{script}", "--db", "x.db", "--set", "n"], 2, "write SIZE=VALUE"),
        (["tune", "{script}"], 2, "--db"),
        (["tune", "model.onnx", "--db", "x.db"], 1, "models cannot be imported yet"),
        (["compile", "{script}", "-o", "libx.so"], 2, "several workloads"),
        (["compile", "{script}:total", "-o", "libx.so"], 1, "missing a required argument: 'n'"),
        (["compile", "{script}:total", "--set", "n=8", "--strict", "-o", "libx.so"], 1, "record"),
    ],
)
def test_messages_and_status(script, tmp_path, arguments, status, message):
    command = [sys.executable, "-m", "tilewright.cli", *(word.format(script=script) for word in arguments)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert found.returncode == status, found.stderr
    assert message in found.stderr
    assert found.stdout == ""


def test_ctrl_c_keeps_what_was_measured(script, tmp_path):
    db = str(tmp_path / "t.db")
    command = [sys.executable, "-m", "tilewright.cli", "tune", f"{script}:scale", "--db", db]
    process = subprocess.Popen(
        [*command, "--seconds", "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.2)
        with contextlib.suppress(tw.UserError), tw.open_db(db, read_only=True) as records:
            if records.query(limit=1):
                break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "interrupted" in errors and "Traceback" not in errors
    with tw.open_db(db) as records:
        assert records.query() and records.check() == "ok"
