"""What detectors call what they find: for kinds, evidence and facts that they have, whole in both languages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from detectors.core.discovery import all_detectors
from detectors.core.words import Phrase

PLACE = re.compile(r"\{(\w+)\}")
DETECTORS = list(all_detectors().values())


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: str(detector.name))
def test_words_are_of_what_the_detector_has(detector: Any) -> None:
    words, names = getattr(detector, "words", {}), getattr(detector, "names", {})
    assert set(words) <= set(detector.kinds)
    assert set(names) <= {*detector.evidence, *detector.facts}
    phrases = [phrase for one in words.values() for phrase in (one.what, one.normal, one.band) if phrase]
    for phrase in [*phrases, *names.values()]:
        assert isinstance(phrase, Phrase)
        for text in (phrase.en, phrase.zh):
            assert text
            assert text[-1] not in ".。"
            assert set(PLACE.findall(text)) <= {*detector.facts, "interval"}, "a place is that of a fact"
            assert text.count("[") == text.count("]")
        assert set(PLACE.findall(phrase.en)) == set(PLACE.findall(phrase.zh)), "both languages tell the same numbers"
        assert any("\u4e00" <= letter <= "\u9fff" for letter in phrase.zh)
