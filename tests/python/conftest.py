from __future__ import annotations

import numpy as np
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="write what the tutorials print into them, to be read by a person",
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240229)
