"""Charts as SVG text: points and steps on linear or logarithmic axes. Made for reports that are one file."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Axis", "Chart", "Series"]

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 26, 44
COLOURS = ["#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed"]


@dataclass(frozen=True)
class Axis:
    """A label and a scale.

    Examples
    --------
    >>> from tilewright import charts
    >>> charts.Axis("seconds", log=True).log
    True
    """

    label: str
    log: bool = False


@dataclass(frozen=True)
class Series:
    """Points of one kind: drawn as "dots", a "line", or "steps" that hold until the next point.

    Examples
    --------
    >>> from tilewright import charts
    >>> charts.Series("best", [(0.0, 1.0), (2.0, 0.5)], "steps").kind
    'steps'
    """

    name: str
    points: Sequence[tuple[float, float]]
    kind: str = "dots"


@dataclass
class Chart:
    """Series over two axes.

    Examples
    --------
    >>> from tilewright import charts
    >>> chart = charts.Chart("tuning", charts.Axis("trial"), charts.Axis("GFLOP/s"))
    >>> chart.series.append(charts.Series("best", [(1, 10.0), (2, 30.0)], "steps"))
    >>> chart.svg().startswith("<svg")
    True
    """

    title: str
    x: Axis
    y: Axis
    series: list[Series] = field(default_factory=list)

    def svg(self) -> str:
        """Draw the chart; a chart without points says so.

        Returns
        -------
        str
            An SVG element.

        Examples
        --------
        >>> from tilewright import charts
        >>> "no data" in charts.Chart("empty", charts.Axis("x"), charts.Axis("y")).svg()
        True
        """
        drawn = [self._usable(one) for one in self.series]
        points = [point for one in drawn for point in one.points]
        parts = [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" class="chart" role="img">',
            f'<text x="{LEFT}" y="16" class="title">{html.escape(self.title)}</text>',
        ]
        if not points:
            parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT / 2}" class="none">no data</text></svg>')
            return "".join(parts)
        across = _Scale([p[0] for p in points], self.x.log, LEFT, WIDTH - RIGHT)
        up = _Scale([p[1] for p in points], self.y.log, HEIGHT - BOTTOM, TOP)
        parts += self._axes(across, up)
        for number, one in enumerate(drawn):
            parts += _draw(one, across, up, COLOURS[number % len(COLOURS)])
        parts += self._legend(drawn)
        return "".join(parts) + "</svg>"

    def _usable(self, one: Series) -> Series:
        """Without what has no place on the axes."""

        def fits(value: float, axis: Axis) -> bool:
            return math.isfinite(value) and (value > 0 or not axis.log)

        points = [(float(x), float(y)) for x, y in one.points if fits(x, self.x) and fits(y, self.y)]
        return Series(one.name, points, one.kind)

    def _axes(self, across: _Scale, up: _Scale) -> list[str]:
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        parts = [f'<path d="M{LEFT} {TOP}V{bottom}H{right}" class="axis"/>']
        for value in across.ticks():
            at = across(value)
            parts.append(f'<path d="M{at:.1f} {TOP}V{bottom}" class="grid"/>')
            parts.append(f'<text x="{at:.1f}" y="{bottom + 14}" class="tick">{_number(value)}</text>')
        for value in up.ticks():
            at = up(value)
            parts.append(f'<path d="M{LEFT} {at:.1f}H{right}" class="grid"/>')
            parts.append(f'<text x="{LEFT - 5}" y="{at + 4:.1f}" class="tick end">{_number(value)}</text>')
        middle = (LEFT + right) / 2
        parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" class="label">{html.escape(self.x.label)}</text>')
        at = (TOP + bottom) / 2
        parts.append(
            f'<text x="14" y="{at}" class="label" transform="rotate(-90 14 {at})">'
            f"{html.escape(self.y.label)}</text>"
        )
        return parts

    def _legend(self, drawn: Sequence[Series]) -> list[str]:
        parts = []
        for number, one in enumerate(drawn):
            y = TOP + 12 + 14 * number
            colour = COLOURS[number % len(COLOURS)]
            parts.append(f'<circle cx="{WIDTH - 120}" cy="{y - 4}" r="3.5" fill="{colour}"/>')
            parts.append(f'<text x="{WIDTH - 112}" y="{y}" class="legend">{html.escape(one.name)}</text>')
        return parts if len(drawn) > 1 else []


class _Scale:
    """Values to positions."""

    def __init__(self, values: Sequence[float], log: bool, begin: float, end: float) -> None:
        low, high = min(values), max(values)
        self.log = log
        if log:
            low, high = math.log10(low) - 0.05, math.log10(high) + 0.05
        else:
            low = min(low, 0.0) if low > -high else low
        if high - low < 1e-12:
            low, high = low - 0.5, high + 0.5
        self.low, self.high, self.begin, self.end = low, high, begin, end

    def __call__(self, value: float) -> float:
        at = math.log10(value) if self.log else value
        return self.begin + (at - self.low) / (self.high - self.low) * (self.end - self.begin)

    def ticks(self) -> list[float]:
        """About five round values."""
        if self.log:
            decades = range(math.ceil(self.low), math.floor(self.high) + 1)
            if len(decades) >= 2:
                return [10.0**d for d in decades]
            first = math.floor(self.low)
            return [
                m * 10.0**d
                for d in (first, first + 1)
                for m in (1, 2, 5)
                if self.low <= math.log10(m * 10.0**d) <= self.high
            ]
        rough = (self.high - self.low) / 5
        unit = 10 ** math.floor(math.log10(rough))
        step = min((m * unit for m in (1, 2, 5, 10)), key=lambda s: abs(s - rough))
        first = math.ceil(self.low / step)
        return [step * n for n in range(first, math.floor(self.high / step) + 1)]


def _draw(one: Series, across: _Scale, up: _Scale, colour: str) -> list[str]:
    at = [(across(x), up(y)) for x, y in one.points]
    if one.kind == "dots":
        return [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}" opacity="0.6"/>' for x, y in at]
    if not at:
        return []
    path = f"M{at[0][0]:.1f} {at[0][1]:.1f}"
    for (_, _before), (x, y) in zip(at, at[1:], strict=False):
        path += f"H{x:.1f}V{y:.1f}" if one.kind == "steps" else f"L{x:.1f} {y:.1f}"
    if one.kind == "steps":
        path += f"H{across.end:.1f}"
    return [f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']


def _number(value: float) -> str:
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
