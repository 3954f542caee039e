"""Generate the type stubs of the extension: `python python/generate_stubs.py FOLDER` writes FOLDER/_core.pyi.

Needs pybind11-stubgen and ruff, and an installed tilewright.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

_HEADER = "# Written by python/generate_stubs.py; a test keeps it up to date.\n"


def main(folder: str) -> None:
    """Write the stubs into a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pybind11_stubgen", "tilewright._core", "-o", scratch]
        subprocess.run(command, check=True)
        text = (pathlib.Path(scratch) / "tilewright" / "_core.pyi").read_text(encoding="utf-8")
    if "numpy." in text and "import numpy" not in text:  # named by a signature that is written by hand
        text = text.replace("import typing\n", "import typing\n\nimport numpy\n", 1)
    target = pathlib.Path(folder) / "_core.pyi"
    target.write_text(
        _HEADER + re.sub(r'__version__: str = ".*"', "__version__: str", text), encoding="utf-8"
    )
    ruff = shutil.which("ruff", path=str(pathlib.Path(sys.executable).parent)) or "ruff"
    subprocess.run([ruff, "format", "--quiet", "--isolated", "--line-length=110", str(target)], check=True)


if __name__ == "__main__":
    main(sys.argv[1])
