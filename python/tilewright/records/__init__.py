"""Tuning records: what was measured, and the databases and files that keep it.

>>> db = tw.open_db(":memory:")
>>> A = te.placeholder((64, 64), name="A")
>>> B = te.compute((64, 64), lambda i, j: A[i, j] * 2, name="B")
>>> db.best(B) is None
True
"""

from tilewright.records.database import Database, is_bounded, open_db, worker_command
from tilewright.records.record import Record, TuningRun, Verdict, record_from_json
from tilewright.records.shipped import shipped, shipped_records, shipped_state

__all__ = [
    "Database",
    "Record",
    "TuningRun",
    "Verdict",
    "is_bounded",
    "open_db",
    "record_from_json",
    "shipped",
    "shipped_records",
    "shipped_state",
    "worker_command",
]
