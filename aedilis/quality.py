"""What quality flags mean: their words, their order, and the EEA validity code that follows from them.

The same rules stand in SQL (`storage/migrations/0007_pre_things.sql`) for the views; a test compares the two over all
inputs, and another compares `docs/quality.md` with what is here.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from aedilis.vocabulary import Quality, Test

PRECEDENCE = (Quality.FAIL, Quality.SUSPECT, Quality.GOOD, Quality.NOT_EVALUATED, Quality.MISSING)
"""Of several observations the first of these that is among them speaks for all: QARTOD's aggregate flag
(ioos/ioos_qc, qartod.py). A missing value says nothing about the others, so it comes last, whatever its number.
"""

OF_ONE = (Quality.MISSING, Quality.NOT_EVALUATED, Quality.FAIL, Quality.SUSPECT, Quality.GOOD)
"""Of what is said of one Observation, by the device and by tests of its value, the first of these stands. Where there is
no value, no test has anything to say; nor where the device did not measure its place, whatever the value is.
"""

UNHEARD = 5
"""What a device's flag says that its type does not list: nobody judged, and nothing against what a test finds."""

_SAID = (*OF_ONE[:-1], UNHEARD, OF_ONE[-1])
STANDS = tuple(
    tuple(
        next((Quality.NOT_EVALUATED.value if said == UNHEARD else int(said) for said in _SAID if said in pair), 0)
        for pair in ((one, other) for other in range(10))
    )
    for one in range(10)
)
"""[one flag][other flag] → the flag that stands when both are said of one Observation; 0: nothing is said."""

QUALITY_WORDS = {quality.value: quality.name.lower().replace("_", " ") for quality in Quality}
"""QARTOD flag → word."""

TEST_WORDS = {
    test.value: "attenuated signal" if test is Test.ATTENUATED else test.name.lower().replace("_", " ")
    for test in Test
    if test.name
}
"""Bit → word, from the lowest."""


class Validity(IntEnum):
    """Observation validity of the EEA's air quality reporting (Eionet vocabulary, fetched 2026-10-02).

    Provisional: read in third-party copies, not in the standard. Codes 2 and 3 (below the detection limit) and 4 (ozone,
    CCQM.O3.2019) are never given: nothing in an Observation tells them.
    """

    MAINTENANCE = -99  # the device was serviced or calibrated
    INVALID = -1
    VALID = 1


def worst(qualities: Iterable[int]) -> Quality | None:
    """The flag that speaks for all; None for none."""
    there = set(qualities)
    return next((quality for quality in PRECEDENCE if quality in there), None)


def said_by(tests: int) -> list[str]:
    """The words of the tests that spoke, from the lowest bit; a bit that nobody declared has no word."""
    return [word for bit, word in TEST_WORDS.items() if tests & bit]


def validity(quality: int, raw_flag: str | None) -> int | None:
    """The EEA's code; None where nobody has judged.

    A device's flag that its type declares `not_evaluated` says that the device was serviced or calibrated. A suspect
    Observation stays valid: only a person who verifies may take it away.
    """
    if quality == Quality.NOT_EVALUATED:
        return None if raw_flag is None else Validity.MAINTENANCE.value
    valid = quality in (Quality.GOOD, Quality.SUSPECT)
    return Validity.VALID.value if valid else Validity.INVALID.value
