"""The records in tuning_logs: where they come from, and that they still mean something."""

import json
from pathlib import Path

import pytest
import tilewright as tw
from tilewright import records

LOGS = Path(__file__).resolve().parents[2] / "tuning_logs"
FILES = sorted(LOGS.rglob("*.jsonl"))
LINES = [
    pytest.param(line, id=f"{path.relative_to(LOGS)}:{number}")
    for path in FILES
    for number, line in enumerate(path.read_text().splitlines(), 1)
]


def test_there_are_records():
    assert Path(records.shipped_records()).name == LOGS.name  # installed, or those of the sources
    assert len(records.shipped()) == len(LINES) > 0


@pytest.mark.parametrize("line", LINES)
def test_a_record_says_where_it_comes_from(line):
    record = json.loads(line)
    assert record["status"] == "ok"
    assert record["verified"]
    assert set(record["versions"]) >= {"tilewright", "llvm"}
    assert record["setting"]["machine"]
    assert record["created"].startswith("20")
    assert record["run"]["command"].startswith("python benchmarks/")
    assert record["run"]["label"]
    assert "/tmp" not in line
    assert "/home" not in line


def test_they_replay():
    for record in records.shipped():
        assert isinstance(record.scheduled(), tw.Program)
