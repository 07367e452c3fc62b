"""Door: a cold room whose door is open, which is a notice as long as it closes again.

The same excursions and shapes as of `detectors.cooling_failure`; this one tells those that are no failure.
"""

from __future__ import annotations

from typing import ClassVar

from detectors.cooling_failure import DOOR, CoolingFailure


class Door(CoolingFailure):
    """Tells open doors."""

    name: ClassVar[str] = "door"
    kinds: ClassVar[tuple[str, ...]] = ("door",)
    _cause: ClassVar[int] = DOOR
