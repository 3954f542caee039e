"""The autotune command: results on stdout, exit status 0, 1 for failed work, 2 for wrong usage."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import tilewright as tw
from tilewright import cli, doctor


def run(*arguments):
    command = [sys.executable, "-m", "tilewright.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_version():
    found = run("--version")
    assert (found.returncode, found.stdout) == (0, f"tilewright {tw.__version__}\n")


def test_help_lists_the_commands():
    found = run("--help")
    assert found.returncode == 0
    assert "doctor" in found.stdout


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["doctor", "--unknown"]])
def test_wrong_usage(arguments):
    found = run(*arguments)
    assert found.returncode == 2
    assert found.stdout == ""
    assert "usage: autotune" in found.stderr


def test_doctor_says_what_works():
    found = run("doctor")
    assert found.returncode == 0
    assert f"tilewright   {tw.__version__}" in found.stdout
    assert "interpreter  ok" in found.stdout
    assert "llvm         ok: machine code for CPUs" in found.stdout


def test_doctor_as_json(capsys):
    assert cli.main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == set(doctor.Report.__annotations__)
    assert report["ok"] is True
    assert report["cores"] >= 1
    assert [check["name"] for check in report["checks"]] == ["interpreter", "llvm", "model"]


def test_doctor_says_which_model_ranks_candidates(monkeypatch, capsys):
    found = tw._core.xgboost()
    assert cli.main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert f"model        ok: learned by {'XGBoost' if found['file'] else 'the built-in trees'}" in printed
    assert found["file"] in printed and bool(found["file"]) != bool(found["why_not"])

    nothing = {"file": "", "version": "", "why_not": "libxgboost.so: no such file"}
    monkeypatch.setattr(tw._core, "xgboost", lambda: nothing)
    assert cli.main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "built-in trees, as XGBoost cannot be opened: libxgboost.so: no such file" in printed


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_doctor_fails_when_a_check_fails(monkeypatch, capsys, flags):
    def broken(*_):
        raise RuntimeError("no memory left")

    monkeypatch.setattr(tw, "interpret", broken)
    assert cli.main(["doctor", *flags]) == 1
    assert "no memory left" in capsys.readouterr().out


def test_doctor_says_why_a_target_does_not_work(monkeypatch, capsys):
    broken = tw.TargetInfo("llvm", False, "this processor is not known", "machine code")
    monkeypatch.setattr(tw, "targets", lambda: [broken])
    assert cli.main(["doctor"]) == 1
    assert "llvm         FAILED: this processor is not known" in capsys.readouterr().out
