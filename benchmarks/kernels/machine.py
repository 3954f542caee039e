"""What schedules are chosen by: threads, caches and vectors of the machine that a kernel is made for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """`caches` are bytes of one first-, second- and last-level cache; `vector` floats of a vector
    register."""

    threads: int
    caches: tuple[int, int, int] = (32 << 10, 512 << 10, 16 << 20)
    vector: int = 16
    vector_registers: int = 32

    @property
    def target(self) -> str:
        """For tilewright.build."""
        return f"llvm -threads={self.threads}"


def _cache_bytes(level: int, otherwise: int) -> int:
    found = otherwise
    for folder in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            text = {name: (folder / name).read_text().strip() for name in ("level", "type", "size")}
        except OSError:
            continue
        if text["level"] == str(level) and text["type"] != "Instruction":
            scale = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text["size"][-1], 1)
            found = int(text["size"].rstrip("KMG")) * scale
    return found


def this_machine(threads: int | None = None) -> Machine:
    """Read from the system; where it does not tell, usual figures."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    wide, middle = " avx512f" in flags, " avx2" in flags
    return Machine(
        threads or len(os.sched_getaffinity(0)),
        (_cache_bytes(1, 32 << 10), _cache_bytes(2, 512 << 10), _cache_bytes(3, 16 << 20)),
        16 if wide else 8 if middle else 4,
        32 if wide or "Features" in flags else 16,
    )
