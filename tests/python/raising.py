"""Errors whose message matches and names the user's own source line."""

from __future__ import annotations

import pytest


def raises(kind: type[Exception], match: str):
    """An error of the kind, whose message matches and ends with a line of a test."""
    return pytest.raises(kind, match=rf"(?s){match}.*\n  at \S*test_\w+\.py:\d+: \S")
