"""Several frames taken as one, without losing what belongs to each: its end, its tick, when it came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.frame import Frame

Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Joined:
    """n observations of f frames. Shapes: columns `(n,)`, what is of frames `(f,)`."""

    datastream: npt.NDArray[np.int64]
    time: Times
    result: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    tests: npt.NDArray[np.uint32]
    ingested_at: Times
    ends: npt.NDArray[np.intp]  # where each frame ends
    ticks: Times  # the wall clock after each frame
    came_in: Times  # when each frame did: the time of its last observation, or its tick

    def __len__(self) -> int:
        return len(self.datastream)

    def frame_of(self, place: int) -> int:
        """The frame of an observation."""
        return int(np.searchsorted(self.ends, place, side="right"))

    def wall(self, tick: int) -> Times:
        """What the wall clock showed at each observation, `tick` before the first frame; shape `(n,)`."""
        shown = np.empty(len(self), np.int64)
        start = 0
        for end, after in zip(self.ends.tolist(), self.ticks.tolist(), strict=True):
            shown[start:end] = tick
            start, tick = end, after
        return shown


def join(frames: Sequence[Frame], tick: int) -> Joined:
    """Join frames; `tick` is what the wall clock showed before them."""
    ends, ticks, came_in, end = [], [], [], 0
    for frame in frames:
        end += len(frame)
        tick = max(tick, frame.header.tick if frame.header.tick is not None else tick)
        ends.append(end)
        ticks.append(tick)
        came_in.append(int(frame.ingested_at[-1]) if len(frame) else (frame.header.tick or 0))

    def column(name: str) -> npt.NDArray[Any]:
        parts = [getattr(frame, name) for frame in frames]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return Joined(
        datastream=column("datastream"),
        time=column("phenomenon_time"),
        result=column("result"),
        quality=column("quality"),
        tests=column("tests"),
        ingested_at=column("ingested_at"),
        ends=np.array(ends, np.intp),
        ticks=np.array(ticks, np.int64),
        came_in=np.array(came_in, np.int64),
    )
