"""Door: a cold room whose door is open, which is a notice as long as it closes again.

The same excursions and shapes as of `detectors.cooling_failure`; this one tells those that are no failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from detectors.cooling_failure import DOOR, CoolingFailure
from detectors.core.words import Phrase, Words


class Door(CoolingFailure):
    """Tells open doors."""

    name: ClassVar[str] = "door"
    kinds: ClassVar[tuple[str, ...]] = ("door",)
    words: ClassVar[Mapping[str, Words]] = {
        "door": Words(
            Phrase(
                "a door stands open[, {risen} warmer after {minutes} minutes]", "库门未关[，{minutes} 分钟升温 {risen}]"
            )
        ),
    }
    _cause: ClassVar[int] = DOOR
