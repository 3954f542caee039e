"""Databases of tuning records from Python, and functions that are built by them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tilewright as tw
from tilewright import _core, cli, te


def double(n: int, name: str = "A", constant: bool = False) -> te.Tensor:
    A = te.placeholder((n,), name=name, constant=constant)
    return te.compute((n,), lambda i: A[i] * 2, name=f"twice_{name}")


def scheduled(n: int, constant: bool = False) -> tw.Schedule:
    s = tw.Schedule(double(n, constant=constant))
    s.split(s.loops("twice_A")[0], [None, tw.param("tile", multiple_of=4, max=64, default=4)])
    return s


def record(n: int = 64, tile: int = 16, seconds: float = 1e-3, constant: bool = False, **changes) -> dict:
    """A line of a file: a verified record of this machine."""
    s = scheduled(n, constant)
    hash, text = _core.workload_key(te.program(double(n, constant=constant)))
    line = {
        "format": 1,
        "workload": {"hash": hash, "text": text},
        "setting": {
            "target": tw.build(double(4)).target,
            "machine": tw.roof(quick=True).machine,
            "cache": "hot",
            "bounded": False,
            "sizes": [],
        },
        "sketch": "by_hand",
        "choices": {"tile": tile},
        "trace": json.loads(s.trace.to_json()),
        "parameters": {"tile": tile},
        "status": "ok",
        "cause": "",
        "samples": [[seconds, seconds * 2, seconds]],
        "seconds": seconds,
        "round": 0,
        "final": True,
        "created": "2026-01-31T12:00:00.000Z",
        "verified": True,
        "versions": {"tilewright": "0.1.0"},
    }
    setting = {name: changes.pop(name) for name in list(changes) if name in line["setting"]}
    return {**line, **changes, "setting": {**line["setting"], **setting}}


@pytest.fixture
def database(tmp_path):
    """Make a database of lines; gives its path."""

    def make(*lines: dict, name: str = "tuning.db") -> str:
        source = tmp_path / f"{name}.jsonl"
        source.write_text("".join(json.dumps(line) + "\n" for line in lines))
        path = str(tmp_path / name)
        with tw.open_db(path) as db:
            assert db.merge(source) == len(lines)
        return path

    return make


def test_a_tensor_is_built_by_its_best_record(database):
    path = database(record(tile=8, seconds=2e-3), record(tile=32, seconds=1e-3))
    for name in ("A", "other"):
        f = tw.build(double(64, name), db=path)
        assert f.record is not None and f.record.params == {"tile": 32}, f.record_note
        assert f.params["tile"] == 32
        assert f.record_note == f"record 2 of {path}"
        np.testing.assert_array_equal(f(np.arange(64, dtype="float32")), 2 * np.arange(64, dtype="float32"))
    with tw.open_db(path) as db:
        assert tw.build(double(64), db=db).record.id == 2
        program = te.program(double(64))
        assert tw.build(program, db=db).record.id == 2
        assert tw.build(program).record is None


def test_without_a_record_the_default_nest_is_built_and_the_reason_told(database):
    path = database(record())
    f = tw.build(double(65), db=path)
    assert f.record is None and "no record of this workload" in f.record_note
    np.testing.assert_array_equal(f(np.ones(65, "float32")), np.full(65, 2, "float32"))
    with pytest.raises(tw.InvalidValue, match="no record of this workload"):
        tw.build(double(65), db=path, strict=True)
    assert tw.build(double(64), db=path, strict=True).record.id == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"machine": "cpu of somebody else"}, "another machine: cpu of somebody else"),
        ({"target": "llvm -mcpu=other"}, "another target: llvm -mcpu=other"),
        ({"bounded": True}, "within a bound"),
        ({"verified": False}, "was verified"),
        ({"contradicted": "C[0] is 1", "verified": False}, "failed verification: C\\[0\\] is 1"),
        ({"status": "crash", "cause": "signal 11", "verified": False}, "signal 11"),
        ({"trace": {"format": "tilewright-trace", "version": 99, "steps": []}}, "made by 0.1.0.*version 99"),
        ({"parameters": {"tile": 3}}, "'tile' is 3"),
    ],
)
def test_a_record_that_cannot_be_used_is_told(database, changes, reason):
    path = database(record(**changes))
    with pytest.raises(tw.InvalidValue, match=reason):
        tw.build(double(64), db=path, strict=True)


def test_bounded_records_are_used_where_they_are_allowed(database):
    path = database(record(bounded=True))
    assert tw.build(double(64), db=path, rewrites="bounded").record.bounded


def test_a_prepared_function_keeps_its_record(database):
    path = database(record(constant=True))
    assert tw.build(double(64), db=path).record is None
    f = tw.build(double(64, constant=True), db=path)
    assert f.record.id == 1
    assert f.prepare({"A": np.ones(64, "float32")}).record is f.record


def test_schedules_are_not_looked_up(database):
    with pytest.raises(tw.InvalidValue, match="compiled as it is"):
        tw.build(scheduled(64), db=database(record()))
    with pytest.raises(tw.InvalidValue, match="compiled as it is"):
        tw.build(scheduled(64), strict=True)
    assert tw.build(scheduled(64)).record is None


def test_build_says_what_is_wrong_with_a_database(tmp_path):
    with pytest.raises(tw.InvalidValue, match="there is no database"):
        tw.build(double(64), db=tmp_path / "nothing.db")
    (tmp_path / "text.db").write_text("not a database")
    with pytest.raises(tw.InvalidValue, match="is no database"):
        tw.build(double(64), db=tmp_path / "text.db")
    assert (tmp_path / "text.db").read_text() == "not a database"


def test_records_are_plain_data(database):
    path = database(record(seconds=1.5e-3))
    with tw.open_db(path, read_only=True) as db:
        (found,) = db.query()
        assert found == db.record(1) == db.best(double(64)) == db.query(double(64))[0]
        assert found.median == 1.5e-3 and found.samples == [[1.5e-3, 3e-3, 1.5e-3]]
        assert len(found.trace) == 1
        assert "param" in str(found.scheduled())
        assert db.query(found.workload[:4]) and not db.query(double(65))
        assert db.best(double(65)) is None
        assert [near.workload for near in db.neighbours(double(65))] == [found.workload]
        assert db.check() == "ok" and db.runs() == [] and db.path == path
    with pytest.raises(tw.InvalidValue, match="is closed"):
        db.query()


def test_an_exported_file_gives_the_same_records(database, tmp_path):
    with tw.open_db(database(record(), record(n=65))) as db, tw.open_db(tmp_path / "other.db") as other:
        lines = tmp_path / "lines.jsonl"
        assert db.export(lines) == 2
        assert other.merge(lines) == 2 and other.merge(lines) == 0 and other.merge(db.path) == 0
        assert other.query() == db.query()
        assert db.export(lines, best=True) == 2
    lines.write_text(lines.read_text()[:-20])
    with tw.open_db(tmp_path / "third.db") as third, pytest.raises(tw.InvalidValue, match="line 2"):
        third.merge(lines)


def run(capsys, *words: str) -> tuple[int, str]:
    status = cli.main(list(words))
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def test_commands_show_what_is_in_a_database(database, tmp_path, capsys):
    path = database(record(), record(n=65, status="crash", cause="signal 11", verified=False, seconds=1))
    status, text = run(capsys, "list", "--db", path)
    assert status == 0 and "1 ms" in text and "none" in text
    status, text = run(capsys, "list", "--db", path, "--json")
    assert [one["trials"] for one in json.loads(text)] == [1, 1]
    status, text = run(capsys, "best", "--db", path)
    assert status == 0 and "by_hand" in text
    status, text = run(capsys, "best", "ffffffffffff", "--db", path)
    assert status == 1
    status, text = run(capsys, "show", "1", "--db", path)
    assert status == 0 and "program" in text and "tile" in text
    status, text = run(capsys, "show", "2", "--db", path, "--json")
    assert json.loads(text)["cause"] == "signal 11"
    status, text = run(capsys, "show", "3", "--db", path)
    assert status == 1 and "has no record 3" in text


def test_commands_move_records(database, tmp_path, capsys):
    path = database(record(), record(n=65))
    lines, other = str(tmp_path / "out.jsonl"), str(tmp_path / "other.db")
    assert run(capsys, "export", "--db", path, "-o", lines)[0] == 0
    status, text = run(capsys, "import", lines, "--db", other)
    assert status == 0 and "2 records added" in text
    status, text = run(capsys, "merge", path, "--db", other, "--json")
    assert status == 0 and json.loads(text) == {path: 0}
    status, text = run(capsys, "import", path, "--db", other)
    assert status == 1 and "autotune merge" in text
    status, text = run(capsys, "list", "--db", str(tmp_path / "nothing.db"))
    assert status == 1 and "there is no database" in text


def test_records_are_verified_again(database, capsys):
    path = database(record(), record(n=65, machine="elsewhere"))
    with tw.open_db(path) as db:
        (verdict,) = db.verify()
        assert (verdict.status, verdict.record.id) == ("ok", 1), verdict.cause
    status, text = run(capsys, "verify", "--db", path)
    assert status == 0 and "1 of 1 records" in text
