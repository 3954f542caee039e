"""The package says that it is typed, and the stubs of its extension are up to date."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

import pytest
import tilewright
from tilewright import _core

PACKAGE = pathlib.Path(tilewright.__file__).parent
STUBS = PACKAGE / "_core.pyi"


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").exists()


def test_stubs_cover_every_name_of_the_extension():
    tree = ast.parse(STUBS.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{m.name}" for m in node.body if isinstance(m, ast.FunctionDef)}
        if isinstance(node, ast.AnnAssign):
            found.add(node.target.id)
    for name, thing in vars(_core).items():
        if name.startswith("__") and name != "__version__":
            continue
        assert name in found, name
        if isinstance(thing, type):
            for member, value in vars(thing).items():
                if callable(value) and not member.startswith("_"):
                    assert f"{name}.{member}" in found


def test_stubs_are_up_to_date(tmp_path):
    pytest.importorskip("pybind11_stubgen")
    generate = pathlib.Path(__file__).parents[2] / "python" / "generate_stubs.py"
    command = [sys.executable, str(generate), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert STUBS.read_text(encoding="utf-8") == (tmp_path / "_core.pyi").read_text(encoding="utf-8"), (
        "the extension has changed: run `python python/generate_stubs.py python/tilewright`"
    )
