"""How far a search is, on standard error: one line that is drawn again, or a line now and then."""

from __future__ import annotations

import sys
import time

from tilewright.tuning import Progress
from tilewright.units import seconds_text

WIDTH = 20
EVERY = 10.0  # seconds between lines where standard error is no terminal


class Bar:
    """Draws the progress of a search; the function that `on_progress` takes."""

    def __init__(self, label: str, seconds: float | None, trials: int | None) -> None:
        self._label, self._seconds, self._trials = label, seconds, trials
        self._terminal = sys.stderr.isatty()
        self._drawn = 0.0

    def __call__(self, now: Progress) -> None:
        """Draw, but not too often."""
        at = time.monotonic()
        if at - self._drawn < (0.1 if self._terminal else EVERY):
            return
        self._drawn = at
        text = self.text(now)
        sys.stderr.write(f"\r\x1b[2K{text}" if self._terminal else text + "\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the terminal's line."""
        if self._terminal:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def text(self, now: Progress) -> str:
        """Write the line."""
        shares = [
            now.seconds / self._seconds if self._seconds else 0.0,
            now.trials / self._trials if self._trials else 0.0,
        ]
        share = min(1.0, max(shares))
        done = round(WIDTH * share)
        left = now.seconds * (1 - share) / share if share > 0 else float("inf")
        parts = [f"{self._label} [{'=' * done}{' ' * (WIDTH - done)}]"]
        if now.best_seconds != float("inf"):
            roof = f" ({100 * now.roof_fraction:.0f}% of roof)" if now.roof_fraction else ""
            parts.append(f"best {seconds_text(now.best_seconds)}{roof}")
        parts.append(f"{now.trials} trials, {now.structures} compiled")
        if now.failures:
            parts.append(", ".join(f"{count} {cause}" for cause, count in sorted(now.failures.items())))
        parts.append(f"{seconds_text(left)} left" if left != float("inf") else "")
        parts.append(now.doing)
        return "  ".join(part for part in parts if part)
