"""What the load generator and who measures tell each other: a few numbers in a file that both have mapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_NAMES = ("published", "allowed", "stop", "started_at", "ended_at", "cpu", "done")


class Board:
    """Numbers in shared memory; each has one writer.

    Of the generator: `published` (messages), `started_at` and `ended_at` (ns, monotonic clock: the first and the last
    packet handed to the kernel), `cpu` (ns of processor time that publishing took), `done` (1: all that was sent is acknowledged). Of who measures: `allowed` (messages
    that may have been published by now) and `stop`.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8 * len(_NAMES)))
        self._numbers = np.memmap(path, np.int64, "r+", shape=(len(_NAMES),))

    def __getitem__(self, name: str) -> int:
        return int(self._numbers[_NAMES.index(name)])

    def __setitem__(self, name: str, number: int) -> None:
        self._numbers[_NAMES.index(name)] = number
