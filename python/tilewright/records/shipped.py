"""The records that come with the package, measured on the machines of its benchmarks."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from tilewright import _core
from tilewright.records.record import Record, record_from_json


def shipped_records() -> str:
    """Give the folder of the records that come with the package; empty if there is none.

    Returns
    -------
    str
        A path.

    Examples
    --------
    >>> from tilewright import records
    >>> isinstance(records.shipped_records(), str)
    True
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "tuning_logs", package.parents[1] / "tuning_logs"):  # installed; in the sources
        if folder.is_dir():
            return str(folder)
    return ""


@functools.cache
def shipped_state() -> Any:
    """Give the records that come with the package as the extension has them, read once; None without any."""
    folder = shipped_records()
    return _core.ShippedRecords(folder) if folder else None


def shipped() -> list[Record]:
    """Give the records that come with the package.

    Returns
    -------
    list of Record
        Of all targets and machines; `source` is the file.

    Examples
    --------
    >>> from tilewright import records
    >>> all(record.source for record in records.shipped())
    True
    """
    state = shipped_state()
    return [record_from_json(*row) for row in state.records()] if state else []
