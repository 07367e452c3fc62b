"""Says in a sentence what was found: what came, what was expected, since when, what spoke for it, what would be normal.

    PM2.5 182 µg/m³ at Dongsi, expected 40 to 75; since 2015-03-01 06:20 UTC; because of its own history (72 %),
    its neighbours (28 %); normal would be at most 75 µg/m³
    东四 PM2.5 182 µg/m³，预期 40 至 75；自 2015-03-01 06:20 UTC 起；依据：自身历史 72%、邻站 28%；正常应为不高于 75 µg/m³

The words of a kind stand with its detector (`detectors.core.words`); here is the grammar of both languages. How numbers and
times are written is in `detectors.core.written`. Times in µs; pure and quick, for a storm brings thousands a second.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from aedilis.units import with_unit
from aedilis.vocabulary import Anomaly, Evidence, Scope
from detectors.core import written
from detectors.core.discovery import all_detectors
from detectors.core.words import Phrase, Words

Language = Literal["en", "zh"]
MOST_EVIDENCE = 3
"""So many parts are told, the strongest first."""
LEAST_SHARE = 0.01
_PLACE = re.compile(r"\{(\w+)\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Finding:
    """What there is to say of one finding. `result` and the band are those of the observation that opened it or, with
    `ends_at`, of the one that ended it; `unit` is UCUM; `interval` is that of the Datastream, 0 where there is none."""

    kind: str
    detector: str
    scope: Scope
    thing: str
    name: str  # of the Datastream, or of the zone's column
    zone: str
    unit: str
    interval: int
    result: float | None
    expected_low: float | None
    expected_high: float | None
    starts_at: int
    ends_at: int | None = None
    evidence: tuple[Evidence, ...] = ()
    facts: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, anomaly: Anomaly, interval: int) -> Finding:
        """What there is to say of an anomaly as it stands."""
        return cls(
            kind=anomaly.kind,
            detector=anomaly.detector,
            scope=anomaly.scope,
            thing=anomaly.thing,
            name=anomaly.datastream_name,
            zone=anomaly.zone,
            unit=anomaly.unit,
            interval=interval,
            result=anomaly.result,
            expected_low=anomaly.expected_low,
            expected_high=anomaly.expected_high,
            starts_at=anomaly.starts_at,
            ends_at=anomaly.ends_at,
            evidence=anomaly.evidence,
            facts=anomaly.facts,
        )


@dataclass(frozen=True, slots=True)
class _Grammar:
    """Of one language; `{}` are filled in this order."""

    datastream: str  # name, thing, " result" or nothing
    zone: str  # name, zone, " result" or nothing
    colon: str
    comma: str
    semicolon: str
    since: str
    until: str  # from, to, how long
    now: str
    between: str
    least: str
    most: str
    band: str  # word, limits
    because: str
    share: str  # name, percent
    listed: str  # between two parts
    normal: str


_GRAMMARS: Mapping[str, _Grammar] = {
    "en": _Grammar(
        datastream="{0}{2} at {1}",
        zone="{0}{2} in {1}",
        colon=": ",
        comma=", ",
        semicolon="; ",
        since="since {}",
        until=" from {} to {} ({})",
        now="now {}",
        between="{} to {}",
        least="at least {}",
        most="at most {}",
        band="{} {}",
        because="because of {}",
        share="{} ({} %)",
        listed=", ",
        normal="normal would be {}",
    ),
    "zh": _Grammar(
        datastream="{1} {0}{2}",
        zone="{1} {0}{2}",
        colon="：",
        comma="，",
        semicolon="；",
        since="自 {} 起",
        until="，自 {} 至 {}（{}）",
        now="现为 {}",
        between="{} 至 {}",
        least="不低于 {}",
        most="不高于 {}",
        band="{}{}",
        because="依据：{}",
        share="{} {}%",
        listed="、",
        normal="正常应为{}",
    ),
}


def explain(finding: Finding, language: Language = "en") -> str:
    """One sentence, without a full stop."""
    words, say = words_of(finding.detector, finding.kind), _GRAMMARS[language]
    result = _finite(finding.result)
    low, high = _finite(finding.expected_low), _finite(finding.expected_high)
    decimals = written.decimals(low, high, result)
    shown = "" if result is None else with_unit(written.shown(result, decimals), finding.unit)
    limits = _limits(say, low, high, decimals)
    band = limits and say.comma + say.band.format(_in(language, words.band), _apart(limits, language))
    what = _filled(_in(language, words.what), finding, language)
    since = written.moment(finding.starts_at)
    if finding.ends_at is not None:
        span = written.span(finding.ends_at - finding.starts_at, language)
        until = say.until.format(since, written.moment(finding.ends_at), span)
        now = shown and say.semicolon + say.now.format(shown) + band
        return f"{_subject(say, finding, '')}{say.colon}{what}{until}{now}"
    plain = words.plain and bool(shown)
    head = _subject(say, finding, f" {shown}" if plain else "")
    if not plain:
        head += say.colon + what + (shown and say.comma + shown)
    parts = [head + band, say.since.format(since), _because(say, finding, language)]
    normal = would_be_normal(finding, language)
    return say.semicolon.join(filter(None, (*parts, normal and say.normal.format(_apart(normal, language)))))


def would_be_normal(finding: Finding, language: Language = "en") -> str:
    """What would have made it normal, after "normal would be": the rule of its kind, else the edge of the band that the
    result has passed; empty where neither is known."""
    words, say = words_of(finding.detector, finding.kind), _GRAMMARS[language]
    if words.normal is not None:
        return _filled(_in(language, words.normal), finding, language)
    result = _finite(finding.result)
    low, high = _finite(finding.expected_low), _finite(finding.expected_high)
    decimals = written.decimals(low, high, result)
    if low is not None and high is not None and low <= high and result is not None:
        if result > high:
            low = None
        elif result < low:
            high = None
    limits = _limits(say, low, high, decimals)
    return limits and with_unit(limits, finding.unit)


@cache
def words_of(detector: str, kind: str) -> Words:
    """Of a detector's kind; its own name where there are none."""
    known: Mapping[str, Words] = getattr(all_detectors().get(detector), "words", {})
    name = kind.replace("_", " ")
    return known.get(kind) or Words(Phrase(name, name))


@cache
def name_of(detector: str, name: str, language: Language = "en") -> str:
    """What evidence or a fact of a detector is called."""
    known: Mapping[str, Phrase] = getattr(all_detectors().get(detector), "names", {})
    return _in(language, known[name]) if name in known else name.replace("_", " ")


def _in(language: Language, phrase: Phrase) -> str:
    return phrase.zh if language == "zh" else phrase.en


def _apart(text: str, language: Language) -> str:
    """In Chinese a number stands a space apart from the word before it."""
    return f" {text}" if language == "zh" and text[0].isascii() else text


def _subject(say: _Grammar, finding: Finding, result: str) -> str:
    if finding.scope is Scope.DATASTREAM:
        return say.datastream.format(finding.name, finding.thing, result)
    if finding.scope is Scope.ZONE:
        return say.zone.format(finding.name, finding.zone, result)
    return finding.thing + result


def _because(say: _Grammar, finding: Finding, language: Language) -> str:
    told = [one for one in finding.evidence[:MOST_EVIDENCE] if one.share >= LEAST_SHARE]
    if len(finding.evidence) == 1:  # it goes without saying
        told = []
    parts = [say.share.format(name_of(finding.detector, one.name, language), f"{100 * one.share:.0f}") for one in told]
    return say.because.format(say.listed.join(parts)) if parts else ""


def _limits(say: _Grammar, low: float | None, high: float | None, decimals: int | None) -> str:
    if low is not None and high is not None:
        return say.between.format(written.number(low, decimals), written.number(high, decimals))
    if low is not None:
        return say.least.format(written.number(low, decimals))
    return say.most.format(written.number(high, decimals)) if high is not None else ""


def _filled(phrase: str, finding: Finding, language: Language) -> str:
    """With numbers in their places. A part in brackets is left out where one of its own is not known."""
    if "{" not in phrase:
        return phrase

    def number(name: str) -> str:
        if name == "interval":
            return written.every(finding.interval, language) if finding.interval else ""
        value = _finite(finding.facts.get(name))
        return "" if value is None else written.number(value, None)

    def part(found: re.Match[str]) -> str:
        return found[1] if all(number(name) for name in _PLACE.findall(found[1])) else ""

    return _PLACE.sub(lambda found: number(found[1]) or "?", _OPTIONAL.sub(part, phrase))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
