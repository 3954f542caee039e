"""What schedules are chosen by: threads, caches and vectors of the machine that a kernel is made for."""

from __future__ import annotations

from dataclasses import dataclass

import tilewright as tw


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


def this_machine(threads: int | None = None) -> Machine:
    """What tilewright says of it, with `threads` in place of all of its processors."""
    host = tw.machine()
    caches = (host.cache_bytes(1), host.cache_bytes(2), host.cache_bytes(3))
    return Machine(threads or host.threads, caches, host.vector_bits // 32, host.vector_registers)
