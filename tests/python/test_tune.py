"""tw.tune: the best record builds, is right, and is taken by tw.build."""

from __future__ import annotations

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
