"""Over bias: a scale by which buyers get too much on average. It accuses nobody; the scale wants adjusting.

The same test as `detectors.short_bias`, on the other side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from detectors.core.words import Phrase, Words
from detectors.short_bias import ShortBias


class OverBias(ShortBias):
    """To the buyer's gain."""

    name: ClassVar[str] = "over_bias"
    kinds: ClassVar[tuple[str, ...]] = ("over_bias",)
    words: ClassVar[Mapping[str, Words]] = {
        "over_bias": Words(
            Phrase(
                "buyers get too much on average[, {mean} in {weighings} weighings]",
                "平均多给[，{weighings} 次称量平均 {mean}]",
            ),
            normal=Phrase("no deviation on average", "平均无偏差"),
        ),
    }
    _turned: ClassVar[float] = -1.0
