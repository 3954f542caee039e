"""The environment variables that sides run under."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
ENVIRONMENT = HERE.parent / ".venv-peers"


def side_environment(threads: int) -> dict[str, str]:
    """Each library may use `threads` threads; nothing tells OpenBLAS what processor this is."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
    for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "HL_NUM_THREADS"):
        environment[key] = str(threads)
    # Teams of OpenMP stay where they are put: two threads that wake on one processor take long to part.
    environment |= {"OMP_PROC_BIND": "close", "OMP_PLACES": "cores"}
    if "PYTHONPATH" in environment:  # sides run in another folder
        paths = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(path).resolve()) for path in paths)
    folders = ENVIRONMENT / "library_path"
    if folders.exists():
        known = [path for path in (environment.get("LD_LIBRARY_PATH"),) if path]
        environment["LD_LIBRARY_PATH"] = ":".join(folders.read_text().split() + known)
    return environment
