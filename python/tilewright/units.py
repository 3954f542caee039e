"""Quantities as people read them."""

from __future__ import annotations

import math

__all__ = ["seconds_text"]


def seconds_text(value: float) -> str:
    """Write seconds with the unit that fits.

    Parameters
    ----------
    value : float
        Seconds.

    Returns
    -------
    str
        "12.3 us"; "-" for what is not finite.

    Examples
    --------
    >>> from tilewright.units import seconds_text
    >>> seconds_text(1.23e-5), seconds_text(float("inf"))
    ('12.3 us', '-')
    """
    if not math.isfinite(value):
        return "-"
    for unit, scale in [("s", 1.0), ("ms", 1e-3), ("us", 1e-6)]:
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"
