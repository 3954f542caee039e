"""tw.tune: the best record builds, is right, and is taken by tw.build."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tilewright as tw
from tilewright import te


def matmul(m=48, n=40, k=24, constant=False):
    A = te.placeholder((m, k), name="A")
    B = te.placeholder((k, n), name="B", constant=constant)
    r = te.reduce_axis(k, name="r")
    return te.compute((m, n), lambda i, j: te.sum(A[i, r] * B[r, j], axis=r), name="C")


def arrays(rng, m=48, n=40, k=24):
    return rng.standard_normal((m, k), np.float32), rng.standard_normal((k, n), np.float32)


@pytest.fixture
def db(tmp_path):
    return str(tmp_path / "tuning.db")


def test_the_best_record_is_what_build_takes(db, rng):
    result = tw.tune(matmul(), db=db, trials=12, seconds=20)
    assert result.best.verified and result.best.status == "ok"
    assert 0 < result.best.median < 1
    assert result.trials >= 1 and result.stopped_by in ("trials", "seconds", "gain", "roof", "space")
    f = tw.build(matmul(), db=db)
    assert f.record is not None and f.record.id == result.best.id
    a, b = arrays(rng)
    np.testing.assert_allclose(f(a, b), a @ b, rtol=1e-4, atol=1e-4)


def test_a_record_serves_an_expression_of_other_names(db):
    tw.tune(matmul(), db=db, trials=4, seconds=20)
    X, Y = te.placeholder((48, 24), name="X"), te.placeholder((24, 40), name="Y")
    p = te.reduce_axis(24, name="p")
    other = te.compute((48, 40), lambda a, b: te.sum(X[a, p] * Y[p, b], axis=p), name="Z")
    assert tw.build(other, db=db).record is not None


def test_without_a_record_build_says_why(db):
    tw.tune(matmul(), db=db, trials=2, seconds=20)
    f = tw.build(matmul(m=49), db=db)
    assert f.record is None and f.record_note
    with pytest.raises(tw.UserError):
        tw.build(matmul(m=49), db=db, strict=True)


def test_tuning_goes_on_where_it_ended(db):
    first = tw.tune(matmul(), db=db, trials=4, seconds=20)
    again = tw.tune(matmul(), db=db, trials=4, seconds=20)
    assert again.best.median < 3 * first.best.median
    with tw.open_db(db) as records:
        assert len(records.runs()) == 2
        assert records.check() == "ok"


def test_progress_can_end_the_search(db):
    seen = []

    def progress(now):
        seen.append(now)
        return now.trials < 1

    result = tw.tune(matmul(), db=db, seconds=60, on_progress=progress)
    assert result.stopped_by == "interrupted"
    assert seen and seen[-1].doing


def test_what_progress_raises_is_raised_and_records_are_kept(db):
    def progress(now):
        if now.trials:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tw.tune(matmul(), db=db, seconds=60, on_progress=progress)
    with tw.open_db(db) as records:
        assert records.query()


def test_symbolic_sizes_are_tuned_at_the_sizes_given(db, rng):
    n = te.var("n", range=(1, 64))
    A = te.placeholder((n, 24), name="A")
    B = te.placeholder((24, 40), name="B")
    r = te.reduce_axis(24, name="r")
    C = te.compute((n, 40), lambda i, j: te.sum(A[i, r] * B[r, j], axis=r), name="C")
    with pytest.raises(tw.UserError, match="'n' is symbolic"):
        tw.tune(C, db=db, trials=2)
    sizes = [{"n": 48, "weight": 0.7}, {"n": 1, "weight": 0.3}]
    result = tw.tune(C, db=db, trials=6, seconds=20, sizes=sizes)
    assert len(result.best.samples) == 2
    f = tw.build(C, db=db)
    assert f.record is not None
    for size in (1, 7, 64):
        a, b = arrays(rng, m=size)
        np.testing.assert_allclose(f(a, b), a @ b, rtol=1e-4, atol=1e-4)


def test_constants_are_tuned_as_prepared(db, rng):
    result = tw.tune(matmul(constant=True), db=db, trials=6, seconds=20, cache="model")
    assert result.best.cache == "model"
    a, b = arrays(rng)
    f = tw.build(matmul(constant=True), db=db).prepare({"B": b})
    np.testing.assert_allclose(f(a), a @ b, rtol=1e-4, atol=1e-4)


def test_a_sketch_of_ones_own_is_searched(db):
    @tw.sketch("test_own", applies=lambda program: program.name == "own")
    def _(s, choose):
        i, j = s.loops("own")
        outer, _ = s.split(i, [None, choose.parameter("block", [8, 16, 32], 16)])
        _, lane = s.split(j, [None, choose.pick("lanes", [4, 8, 16], 8)])
        s.vectorize(lane)
        if choose.flag("threads", True):
            s.parallel(outer)

    A = te.placeholder((64, 64), name="A")
    own = te.compute((64, 64), lambda i, j: A[i, j] * 3, name="own")
    try:
        program = te.program(own, name="own")
        tw.tune(program, db=db, trials=24, seconds=20)
        with tw.open_db(db) as records:
            found = [record for record in records.query() if record.sketch == "test_own"]
        assert {record.choices["lanes"] for record in found} <= {4, 8, 16}
        assert found and all(record.status == "ok" for record in found)
    finally:
        tw._core.remove_sketch("test_own")


OWN_INTRINSIC = """
import tilewright as tw
from tilewright import te

def column_sums():
    X, Y = te.placeholder((6, 64), name="X"), te.placeholder((6, 64), name="Y")
    k = te.reduce_axis(6, name="k")
    return te.compute((64,), lambda i: te.sum(X[k, i] * Y[k, i], axis=k), name="sums")

def declare(stride=1):
    lanes = '''
program lanes(A: in float32[8], B: in float32[8], C: inout float32[8]):
  C[ramp(0, 1, 8)] = C[ramp(0, 1, 8)] + A[ramp(0, 1, 8)] * B[ramp(0, 1, 8)]
'''
    A, B = te.placeholder((8,), name="A"), te.placeholder((8,), name="B")
    C = te.compute((8,), lambda i: A[i] * B[i], name="C")
    return tw.intrinsic(
        "tuned_fma_8", C, accumulates=True, operands={"A": {"strides": (stride,)}},
        implementations=[{"target": "llvm", "program": lanes}],
    )
"""


@pytest.fixture(scope="module")
def own_intrinsic():
    """What OWN_INTRINSIC defines, with a sketch that ends in the intrinsic."""
    defined = {}
    exec(OWN_INTRINSIC, defined)
    fma = defined["declare"]()

    @tw.sketch("test_intrinsic", applies=lambda program: program.name == "sums_by_fma")
    def _(s, choose):
        i, k = s.loops("sums")
        outer, inner = s.split(i, [None, 8])
        s.reorder(outer, k, inner)
        s.unroll(k) if choose.flag("unroll", True) else None
        s.tensorize(inner, fma)

    yield defined["column_sums"]
    tw._core.remove_sketch("test_intrinsic")


@pytest.fixture(scope="module")
def tuned_by_intrinsic(own_intrinsic, tmp_path_factory):
    """A database that has nothing but a verified record whose trace uses the intrinsic."""
    folder = tmp_path_factory.mktemp("intrinsic")
    every, only = str(folder / "every.db"), str(folder / "only.db")
    tw.tune(te.program(own_intrinsic(), name="sums_by_fma"), db=every, trials=24, seconds=30)
    with tw.open_db(every) as records:
        found = [record for record in records.query() if record.sketch == "test_intrinsic"]
    assert found
    assert all(record.status == "ok" for record in found), [record.cause for record in found]
    (folder / "one.jsonl").write_text(found[0]._line() + "\n")
    with tw.open_db(only) as records:
        records.merge(str(folder / "one.jsonl"))
        (verdict,) = records.verify(every=True)
        assert verdict.status == "ok"
    return only


def test_an_intrinsic_of_ones_own_is_tuned_and_built_by_its_record(own_intrinsic, tuned_by_intrinsic, rng):
    f = tw.build(own_intrinsic(), db=tuned_by_intrinsic, strict=True)
    assert f.record.sketch == "test_intrinsic"
    assert "call tuned_fma_8(" in f.source("loops") or "tuned_fma_8" in f.record.trace.to_json()
    x, y = rng.standard_normal((6, 64), np.float32), rng.standard_normal((6, 64), np.float32)
    np.testing.assert_allclose(f(x, y), (x * y).sum(0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ("declare()", ""),
        ("", "it uses the intrinsic 'tuned_fma_8', which is not declared here; declare it with tw.intrinsic"),
        ("declare(stride=2)", "whose demands on operands differ from those declared here"),
    ],
)
def test_another_process_declares_the_intrinsic_of_a_record(tuned_by_intrinsic, declaration, message):
    script = f"""{OWN_INTRINSIC}
{declaration}
try:
    print(tw.build(column_sums(), db={tuned_by_intrinsic!r}, strict=True).record.sketch)
except tw.InvalidValue as error:
    print(error)
print(tw.build(column_sums(), db={tuned_by_intrinsic!r}).record_note)
"""
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    if message:
        built, note = found.stdout.rsplit("\n", 2)[:2]
        assert "there is no record to build by" in built and message in built
        assert message in note
    else:
        assert found.stdout.startswith("test_intrinsic\nrecord 1 of")


def test_show_and_verify_need_the_record_alone(tuned_by_intrinsic):
    commands = (["show", "1"], ["verify"])
    for command in commands:
        found = subprocess.run(
            [sys.executable, "-m", "tilewright.cli", *command, "--db", tuned_by_intrinsic],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert found.returncode == 0, found.stdout + found.stderr
        assert command[0] != "show" or "call tuned_fma_8(" in found.stdout


def test_what_is_read_and_written_in_place_is_tuned(db, rng):
    program = tw.Program.parse("""
program main(X: in float32[64, 48], C: inout float32[64, 48]):
  for i in 64:
    for j in 48:
      block C#0(vi: spatial(64) = i, vj: spatial(48) = j):
        reads C[vi, vj], X[vi, vj]
        writes C[vi, vj]
        C[vi, vj] = C[vi, vj] * C[vi, vj] + X[vi, vj]
""")
    result = tw.tune(program, db=db, trials=8, seconds=20)
    assert result.best.verified and result.best.status == "ok"
    assert set(result.failures) <= {"refused"}, result.failures
    f = tw.build(program, db=db, strict=True)
    c, x = rng.standard_normal((64, 48), np.float32), rng.standard_normal((64, 48), np.float32)
    expected = c * c + x
    f(x, c)
    np.testing.assert_allclose(c, expected, rtol=1e-6, atol=1e-6)


def test_a_product_that_is_added_in_place_is_tuned(db, rng):
    program = tw.Program.parse("""
program main(A: in float32[40, 24], B: in float32[24, 56], C: inout float32[40, 56]):
  for i in 40:
    for j in 56:
      for k in 24:
        block C#0(vi: spatial(40) = i, vj: spatial(56) = j, vk: reduce(24) = k):
          reads A[vi, vk], B[vk, vj], C[vi, vj]
          writes C[vi, vj]
          reducer sum(float32)
          C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
""")
    result = tw.tune(program, db=db, trials=12, seconds=20)
    assert result.best.verified
    a, b = arrays(rng, m=40, n=56, k=24)
    c = rng.standard_normal((40, 56), np.float32)
    expected = c + a @ b
    tw.build(program, db=db, strict=True)(a, b, c)
    np.testing.assert_allclose(c, expected, rtol=1e-4, atol=1e-4)


def test_a_fault_in_a_sketch_is_raised():
    @tw.sketch("test_faulty", applies=lambda program: program.name == "faulty")
    def _(s, choose):
        raise ZeroDivisionError("in the sketch")

    A = te.placeholder((8,), name="A")
    try:
        with pytest.raises(ZeroDivisionError, match="in the sketch"):
            tw.tune(te.program(te.compute((8,), lambda i: A[i] + 1, name="B"), name="faulty"), trials=2)
    finally:
        tw._core.remove_sketch("test_faulty")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trials": 0}, "trials is 0"),
        ({"seconds": -1}, "seconds is -1"),
        ({"seconds": None}, "nothing would end the search"),
        ({"rewrites": "all"}, "rewrites is 'all'"),
        ({"cache": "cold"}, "cache is 'cold'"),
        ({"model": "oracle"}, "model is 'oracle'"),
        ({"target": "llvm -mtriple=aarch64-linux-gnu"}, "not this machine"),
        ({"target": "lvm"}, "llvm"),
        ({"sizes": [3]}, "sizes holds 3"),
        ({"sizes": [{"n": 1.5}]}, "size 'n' is 1.5"),
        ({"sizes": [{"n": 1, "weight": 0}]}, "weight"),
    ],
)
def test_wrong_arguments(given, message):
    with pytest.raises(tw.UserError, match=message):
        tw.tune(matmul(), **given)


def test_what_cannot_be_tuned():
    with pytest.raises(tw.UserError, match="a schedule is a choice"):
        tw.tune(tw.Schedule(matmul()))
    with pytest.raises(tw.UserError, match="cannot be tuned"):
        tw.tune(3)
