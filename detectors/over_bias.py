"""Over bias: a scale by which buyers get too much on average. It accuses nobody; the scale wants adjusting.

The same test as `detectors.short_bias`, on the other side.
"""

from __future__ import annotations

from typing import ClassVar

from detectors.short_bias import ShortBias


class OverBias(ShortBias):
    """To the buyer's gain."""

    name: ClassVar[str] = "over_bias"
    kinds: ClassVar[tuple[str, ...]] = ("over_bias",)
    _turned: ClassVar[float] = -1.0
