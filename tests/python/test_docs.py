"""Every public name has a docstring whose example runs, and the tutorials print what they show."""

from __future__ import annotations

import contextlib
import doctest
import inspect
import io
import linecache
import pathlib
import re

import numpy as np
import pytest
import tilewright as tw
from tilewright import cli, doctor, te

ROOT = pathlib.Path(__file__).parents[2]


def public_objects():
    """Public names of the package, and the methods of public classes, with what they name."""
    for module, names in [
        (tw, tw.__all__),
        (te, te.__all__),
        (cli, ["main"]),
        (doctor, ["report", "run", "Report", "Check"]),
    ]:
        for name in names:
            thing = getattr(module, name)
            if name == "__version__":
                continue
            yield f"{module.__name__}.{name}", thing
            if inspect.isclass(thing) and not issubclass(thing, (Exception, dict)):
                for member, value in vars(thing).items():
                    if not member.startswith("_") or member == "__call__":
                        yield f"{module.__name__}.{name}.{member}", value


OBJECTS = list(public_objects())
PROPERTIES = [(name, thing) for name, thing in OBJECTS if isinstance(thing, property)]
REST = [(name, thing) for name, thing in OBJECTS if not isinstance(thing, property)]


def docstring(thing) -> str:
    return inspect.getdoc(getattr(thing, "__func__", thing)) or ""


@pytest.mark.parametrize(
    ("name", "thing"), PROPERTIES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_properties_are_described(name, thing):
    assert docstring(thing), name


@pytest.mark.parametrize(("name", "thing"), REST, ids=lambda value: value if isinstance(value, str) else "")
def test_docstrings_have_sections_and_an_example_that_runs(name, thing):
    text = docstring(thing)
    if thing in (doctor.Report, doctor.Check):
        assert text
        return
    if inspect.ismodule(thing):
        assert ">>>" in text, name
    else:
        assert re.search(r"^Examples\n-{8}$", text, re.M), f"{name} has no Examples section"
    if inspect.isfunction(thing):
        for parameter in inspect.signature(thing).parameters.values():
            if parameter.name != "self" and not name.endswith("doctor.run"):
                assert re.search(rf"\b{parameter.name}\b", text), f"{name} does not describe {parameter.name}"
    example = doctest.DocTestParser().get_doctest(text, {"tw": tw, "te": te, "np": np}, name, None, None)
    assert example.examples, name
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example, out=report.write)
    assert not runner.failures, report.getvalue()


def test_module_docstring_runs():
    example = doctest.DocTestParser().get_doctest(tw.__doc__, {"np": np}, "tilewright", None, None)
    runner = doctest.DocTestRunner()
    runner.run(example)
    assert example.examples and not runner.failures


# Tutorials

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))


def run_block(code: str, name: str, namespace: dict) -> str:
    """What a block prints. Its source can be found, so that errors show its lines."""
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, name, "exec"), namespace)
    return printed.getvalue()


def as_printed(text: str, name: str) -> str:
    """The tutorial with its text blocks replaced by what the python blocks before them print."""
    namespace: dict = {}
    parts, place, printed = [], 0, ""
    for block in BLOCK.finditer(text):
        parts.append(text[place : block.start()])
        place = block.end()
        language, body = block.groups()
        if language == "python":
            assert not printed, f"{name}: what a block prints is not shown:\n{printed}"
            printed = run_block(body, name, namespace)
        elif language == "text":
            body, printed = printed.rstrip() + "\n", ""
        parts.append(f"```{language}\n{body}```")
    assert not printed, f"{name}: what the last block prints is not shown:\n{printed}"
    return "".join(parts) + text[place:]


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorials_print_what_they_show(path, request):
    """A python block is run; a text block right after it is what it prints."""
    text = path.read_text(encoding="utf-8")
    assert BLOCK.search(text)
    printed = as_printed(text, path.name)
    if request.config.getoption("--update-goldens"):
        path.write_text(printed, encoding="utf-8")
    else:
        assert text == printed


def test_there_is_a_tutorial():
    assert TUTORIALS


def test_the_readme_prints_what_it_shows():
    """Its python blocks run one after the other; the program that it shows is among what they print."""
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    namespace: dict = {}
    printed = "".join(
        run_block(code, f"README.md[{i}]", namespace)
        for i, (kind, code) in enumerate(blocks)
        if kind == "python"
    )
    for kind, text in blocks:
        if kind == "program":
            assert text in printed
    assert printed.count("64.0\n") == 2
