"""Comparison of arrays with references: exact for integers, within the dtype's precision for floats."""

from __future__ import annotations

import ml_dtypes
import numpy as np

# Allowed error relative to the largest magnitude of the reference, some tens of units in the last place.
PRECISION = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 2e-6, "float64": 1e-13}


def is_float(array: np.ndarray) -> bool:
    return array.dtype.kind == "f" or array.dtype == ml_dtypes.bfloat16


def assert_values(found: np.ndarray, expected: np.ndarray, tolerance: float = 1.0, note: str = "") -> None:
    """Shapes agree, and values up to `tolerance` times the precision of the dtype found."""
    expected = np.asarray(expected)
    assert found.shape == expected.shape, f"{note}: shape {found.shape}, not {expected.shape}"
    if not is_float(found):
        np.testing.assert_array_equal(found, expected, err_msg=note)
        return
    a, b = found.astype(np.float64), expected.astype(np.float64)
    finite = b[np.isfinite(b)]
    scale = max(1.0, np.abs(finite).max(initial=0))
    allowed = tolerance * PRECISION[found.dtype.name] * scale
    np.testing.assert_allclose(a, b, rtol=0, atol=allowed, err_msg=note)
