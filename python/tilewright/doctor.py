"""What works on this machine, what does not and why."""

from __future__ import annotations

import argparse
import json
import os
import platform
from typing import TypedDict

import numpy

import tilewright
from tilewright import _core, te


class Check(TypedDict):
    """One part that was tried: whether it works, and what was seen."""

    name: str
    ok: bool
    detail: str


class Report(TypedDict):
    """The report that `autotune doctor --json` prints.

    `version` is the package's; `python`, `numpy` and `system` are versions; `cpu` is the model's name,
    `cores` how many this process may use; `ok` is whether every check passed.
    """

    version: str
    python: str
    numpy: str
    system: str
    cpu: str
    cores: int
    checks: list[Check]
    ok: bool


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_interpreter() -> Check:
    a = numpy.arange(6, dtype="float32").reshape(2, 3)
    A = te.placeholder((2, 3), "float32", name="A")
    k = te.reduce_axis(3, name="k")
    row_sums = te.compute(2, lambda i: te.sum(A[i, k], axis=k), name="row_sums")
    try:
        found = tilewright.interpret(row_sums, [a])
    except Exception as error:  # whatever it is, it is the finding
        return Check(name="interpreter", ok=False, detail=f"{type(error).__name__}: {error}")
    if not numpy.array_equal(found, a.sum(axis=1)):
        return Check(
            name="interpreter", ok=False, detail=f"the sums of rows are {found}, not {a.sum(axis=1)}"
        )
    return Check(name="interpreter", ok=True, detail="runs a small reduction and gives NumPy's values")


def _check_targets() -> list[Check]:
    """One check for each back end; those that cannot work on this machine say why."""
    return [
        Check(
            name=target.name,
            ok=target.usable,
            detail=f"{target.summary}: builds and runs a small function" if target.usable else target.why_not,
        )
        for target in tilewright.targets()
    ]


def _check_model() -> Check:
    """Which model ranks candidates of the tuner. Without XGBoost it works too."""
    found = _core.xgboost()
    if found["file"]:
        version = found["version"] or "of an unknown version"
        return Check(name="model", ok=True, detail=f"learned by XGBoost {version}, {found['file']}")
    return Check(
        name="model",
        ok=True,
        detail=f"learned by the built-in trees, as XGBoost cannot be opened: {found['why_not']}",
    )


def report() -> Report:
    """Try every part once.

    Returns
    -------
    Report
        A dictionary that `json` can write.

    Examples
    --------
    >>> from tilewright import doctor
    >>> doctor.report()["ok"]
    True
    """
    checks = [_check_interpreter(), *_check_targets(), _check_model()]
    return Report(
        version=tilewright.__version__,
        python=platform.python_version(),
        numpy=numpy.__version__,
        system=platform.platform(),
        cpu=_cpu_name(),
        cores=_cores(),
        checks=checks,
        ok=all(check["ok"] for check in checks),
    )


def run(options: argparse.Namespace) -> int:
    """Print the report: `autotune doctor`. The status is 1 if a check failed.

    Examples
    --------
    >>> import argparse
    >>> from tilewright import doctor
    >>> doctor.run(argparse.Namespace(json=False))  # doctest: +ELLIPSIS
    tilewright ...
    0
    """
    found = report()
    if options.json:
        print(json.dumps(found, indent=2))
        return 0 if found["ok"] else 1
    print(f"tilewright   {found['version']}")
    print(f"python       {found['python']}, numpy {found['numpy']}, {found['system']}")
    print(f"cpu          {found['cpu']}, {found['cores']} cores")
    for check in found["checks"]:
        print(f"{check['name']:12} {'ok' if check['ok'] else 'FAILED'}: {check['detail']}")
    return 0 if found["ok"] else 1
