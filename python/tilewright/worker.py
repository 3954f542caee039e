"""A worker of the tuner: ``python -m tilewright.worker`` compiles and measures what it is sent.

It reads requests from stdin and answers on stdout, as ``src/autotune/measure/protocol.h`` describes, until
stdin ends. Nobody starts it by hand: the tuner does, and replaces it when a candidate takes it down.
"""

from __future__ import annotations

import sys

from tilewright import _core


def main() -> int:
    """Serve the process that holds the other ends of stdin and stdout.

    Returns
    -------
    int
        The exit status.
    """
    return _core.serve(0, 1)


if __name__ == "__main__":
    sys.exit(main())
