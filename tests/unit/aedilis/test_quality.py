"""Words, order and validity of quality flags, and that docs/quality.md tells the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aedilis.quality import OF_ONE, PRECEDENCE, QUALITY_WORDS, TEST_WORDS, Validity, said_by, validity, worst
from aedilis.vocabulary import Quality, Test

PAGE = (Path(__file__).parents[3] / "docs" / "quality.md").read_text()


def tables() -> dict[str, dict[int, tuple[str, str]]]:
    """Heading → number → (word, meaning)."""
    parts = re.split(r"^## (.*)$", PAGE, flags=re.MULTILINE)
    rows = r"^\| `(-?\d+)` \| (.+?) \| (.+?) \|$"
    return {
        title: {int(number): (word, meaning) for number, word, meaning in re.findall(rows, body, re.MULTILINE)}
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_the_page_tells_every_flag_test_and_code() -> None:
    page = {title: {number: word for number, (word, _) in rows.items()} for title, rows in tables().items()}
    assert page["The flag"] == QUALITY_WORDS
    assert page["The tests"] == TEST_WORDS
    assert page["Validity"] == {code.value: code.name.lower() for code in Validity}


def test_the_page_gives_the_codes_that_are_given() -> None:
    told = {code: meaning for code, (_, meaning) in tables()["Validity"].items()}
    for quality, word in QUALITY_WORDS.items():
        code = validity(quality, "C")
        assert code is not None
        assert word in told[code]


def test_the_page_tells_the_precedence() -> None:
    for order in (PRECEDENCE, OF_ONE):
        assert ", ".join(QUALITY_WORDS[quality] for quality in order) in PAGE


def test_every_bit_has_a_word_of_its_own() -> None:
    assert list(TEST_WORDS) == [1 << place for place in range(len(Test.__members__) - 1)]
    assert len(set(TEST_WORDS.values())) == len(TEST_WORDS)


@pytest.mark.parametrize(
    ("qualities", "speaks"),
    [
        ([1, 3, 9], Quality.SUSPECT),
        ([9, 9, 4, 1], Quality.FAIL),
        ([9, 2, 1], Quality.GOOD),
        ([9, 2], Quality.NOT_EVALUATED),
        ([9], Quality.MISSING),
        ([], None),
    ],
)
def test_the_worst_speaks_for_all_and_a_missing_one_last(qualities: list[int], speaks: Quality | None) -> None:
    assert worst(qualities) is speaks


def test_tests_are_said_from_the_lowest_and_unknown_bits_are_not() -> None:
    assert said_by(Test.SENTINEL | Test.GROSS_RANGE | 1 << 20) == ["gross range", "sentinel"]
    assert said_by(0) == []


@pytest.mark.parametrize(
    ("quality", "raw_flag", "code"),
    [
        (1, None, 1),
        (1, "N", 1),
        (3, None, 1),
        (4, "C", -1),
        (9, None, -1),
        (2, "C", -99),
        (2, "", -99),
        (2, None, None),
    ],
)
def test_validity(quality: int, raw_flag: str | None, code: int | None) -> None:
    assert validity(quality, raw_flag) == code
