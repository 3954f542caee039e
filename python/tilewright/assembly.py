"""Assembly texts: which loop a kernel spends its time in."""

from __future__ import annotations

import re

__all__ = ["hot_loop"]

_LABEL = re.compile(r"^(\.?[A-Za-z_][\w.$]*):")
_JUMP = re.compile(
    r"^\s+(?:j[a-z]+|b(?:\.[a-z]+)?|cbn?z\s+\w+,|tbn?z\s+\w+,\s*#?\d+,)\s+(\.?[A-Za-z_][\w.$]*)\s*$"
)
# Arithmetic on vectors of x86-64 and AArch64.
_ARITHMETIC = re.compile(
    r"^\s+(v(?:fn?m|add|sub|mul|div|dp|max|min|p|ex)\w*|f(?:mla|mls|add|mul|sub)|[su]dot|bfdot)\b"
)


def hot_loop(assembly: str, most: int = 120) -> str:
    r"""Give the innermost loop with most vector arithmetic.

    Parameters
    ----------
    assembly : str
        What `Function.source("asm")` gives.
    most : int
        Lines to give at most; the middle of longer loops is left out.

    Returns
    -------
    str
        From its label to its jump back; empty where there is no loop.

    Examples
    --------
    >>> from tilewright import assembly
    >>> text = "f:\n.L1:\n\tvaddps\t%zmm0, %zmm1, %zmm1\n\tjne\t.L1\n\tretq\n"
    >>> print(assembly.hot_loop(text).expandtabs(2))
    .L1:
      vaddps  %zmm0, %zmm1, %zmm1
      jne .L1
    """
    lines = assembly.splitlines()
    labels: dict[str, int] = {}
    loops: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        if label := _LABEL.match(line):
            labels[label[1]] = number
        elif (jump := _JUMP.match(line)) and jump[1] in labels:
            loops.append((labels[jump[1]], number))
    innermost = [
        one
        for one in loops
        if not any(one != other and one[0] <= other[0] and other[1] <= one[1] for other in loops)
    ]
    if not innermost:
        return ""
    begin, end = max(innermost, key=lambda one: _arithmetic(lines[one[0] : one[1]]))
    found = lines[begin : end + 1]
    if len(found) > most:
        half = most // 2
        found = [*found[:half], f"\t… {len(found) - 2 * half} lines …", *found[-half:]]
    return "\n".join(found)


def _arithmetic(lines: list[str]) -> int:
    return sum(bool(_ARITHMETIC.match(line)) for line in lines)
