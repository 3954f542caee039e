"""Says which sides work here: `python -m peers.check` in the folder benchmarks."""

from __future__ import annotations

import subprocess
import sys

from peers import SIDES
from peers.environment import side_environment


def main() -> None:
    """One line a side, each tried in a process of its own."""
    for name in SIDES:
        if name == "tilewright":  # lives in another environment
            continue
        settings = f"peers.make({name!r}, 2).settings.items()"
        code = f"import peers; print(*(' '.join(item) for item in {settings}), sep=', ')"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=side_environment(2)
        )
        lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
        print(
            f"{name:<16} {'works' if done.returncode == 0 else 'DOES NOT WORK'}: {lines[-1] if lines else ''}"
        )


if __name__ == "__main__":
    main()
