"""Rewrites: their page, their examples, and what programs keep of them."""

from __future__ import annotations

import doctest
import io
import pathlib

import numpy as np
import pytest
import tilewright as tw
from tilewright import _core, te
from tilewright.schedule import _EXAMPLE

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "rewrites.md"
REWRITES = {rewrite["name"]: rewrite for rewrite in _core.rewrites()}


def reference_page() -> str:
    """The text of docs/rewrites.md, from the registry."""
    lines = [
        "# Rewrites",
        "",
        "What `s.rewrite(block, name, **options)` knows.",
        "This page is made from the registry by `pytest --update-goldens`.",
        "",
        "A rewrite puts one algorithm in the place of another. It recognises what a block computes from",
        "its axes and accesses, and says how far its results may be from the old ones: `eps` is half a",
        "unit in the last place of 1 in the type that sums, `n` the number of terms of the sum that is",
        "replaced. Examples without an expression of their own start from `s`, a schedule of a matrix",
        "product `C` with loops `i, j, k`.",
    ]
    for rewrite in REWRITES.values():
        options = [
            o["name"] if o["required"] else f"{o['name']}={o['default']!r}" for o in rewrite["options"]
        ]
        lines += ["", f"## {', '.join([rewrite['name'], *options])}", "", rewrite["summary"], ""]
        lines += ["```", rewrite["doc"].strip("\n"), "```", ""]
        lines += [f"- `{o['name']}`, {o['kind']}: {o['doc']}" for o in rewrite["options"]]
        lines += [""] * bool(rewrite["options"])
        lines += ["**Error.** " + rewrite["error"], "", "**Not finite.** " + rewrite["non_finite"], ""]
        lines += ["```python", rewrite["example"], "```"]
    return "\n".join(lines) + "\n"


def test_the_page_of_rewrites_is_up_to_date(request):
    if request.config.getoption("--update-goldens"):
        PAGE.write_text(reference_page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == reference_page()


def test_the_rewrites_that_are_promised_are_there():
    assert {"im2col", "winograd", "split_k", "online_softmax"} <= REWRITES.keys()


@pytest.mark.parametrize("name", REWRITES)
def test_every_rewrite_says_what_it_must_and_its_example_runs(name):
    rewrite = REWRITES[name]
    for part in ("summary", "doc", "error", "non_finite"):
        assert rewrite[part], part
    text = "\n".join([*_EXAMPLE, *rewrite["example"].splitlines()])
    example = doctest.DocTestParser().get_doctest(text, {"tw": tw, "te": te}, name, None, None)
    assert any("rewrite(" in e.source for e in example.examples)
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example, out=report.write)
    assert not runner.failures, report.getvalue()


def convolution():
    x, w = te.placeholder((2, 9, 11, 3), name="x"), te.placeholder((3, 3, 3, 5), name="w", constant=True)
    ky, kx, c = te.reduce_axis(3, name="ky"), te.reduce_axis(3, name="kx"), te.reduce_axis(3, name="c")
    return te.compute(
        (2, 7, 9, 5),
        lambda n, i, j, f: te.sum(x[n, i + ky, j + kx, c] * w[ky, kx, c, f], axis=(ky, kx, c)),
        name="y",
    )


def test_a_convolution_by_winograd_is_within_its_bound(rng):
    x, w = rng.standard_normal((2, 9, 11, 3), np.float32), rng.standard_normal((3, 3, 3, 5), np.float32)
    y = convolution()
    s = tw.Schedule(y)
    blocks = s.rewrite(s.block("y"), "winograd", m=4)
    assert len(blocks) == 8
    (applied,) = _core.applied_rewrites(s.program)
    assert applied["call"] == "winograd(m=4)"
    assert applied["error_scale"] == "largest"
    exact = np.zeros((2, 7, 9, 5))
    for i in range(3):
        for j in range(3):
            exact += x[:, i : i + 7, j : j + 9].astype(float) @ w[i, j].astype(float)
    terms = 27
    factor = applied["error_factor"] + applied["error_per_term"] * terms
    bound = factor * 2.0**-24 * terms * np.abs(x).max() * np.abs(w).max()
    assert np.abs(s.program.interpret(x, w) - exact).max() <= bound


def test_a_rewrite_is_a_step_of_the_trace():
    s = tw.Schedule(convolution())
    s.rewrite(s.block("y"), "winograd", m=2)
    again = tw.Schedule.replay(convolution(), tw.Trace.from_json(s.trace.to_json()))
    assert again.program == s.program


def test_an_unknown_rewrite_lists_those_there_are():
    s = tw.Schedule(convolution())
    with pytest.raises(tw.InvalidValue, match="there is no rewrite 'fft'; the rewrites are .*im2col"):
        s.rewrite(s.block("y"), "fft")
