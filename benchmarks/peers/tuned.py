"""Our kernels as the search found them: the best records of the database in TW_TUNING_DB."""

from __future__ import annotations

import os

import tilewright as tw
from kernels.expressions import expression
from kernels.workloads import Workload

from peers import tilewright
from peers.side import Unsupported


class Peer(tilewright.Peer):
    """As the hand-written ones are called."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.database = os.environ["TW_TUNING_DB"]
        self.settings["records"] = os.path.basename(self.database)

    def _functions(self, workload: Workload) -> dict[str, tw.Function]:
        f = tw.build(expression(workload), self.machine.target, db=self.database, rewrites="bounded")
        if f.record is None:
            raise Unsupported(f.record_note)
        return {f"record {f.record.id}: {f.record.sketch}": f}
