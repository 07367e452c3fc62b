"""Says in a sentence, with the numbers, what was found and how it ended."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from aedilis.units import with_unit
from aedilis.vocabulary import Datastream

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS = {
    "gap": "no result",
    "stuck": "the same result again and again",
    "spike": "far from what was expected",
    "range": "out of range",
}


def explain(
    *,
    kind: str,
    datastream: Datastream,
    result: float | None,
    expected_low: float | None,
    expected_high: float | None,
    starts_at: int,
    ends_at: int | None,
) -> str:
    """For instance: PM2.5 182 µg/m³ at Dongsi, expected 40 to 75; since 2015-03-01 06:20 UTC. Times in µs.

    `result` and the band are those of the observation that opened it, or of the one that ended it.
    """
    name, thing = datastream.name, datastream.thing.name
    low, high = _finite(expected_low), _finite(expected_high)
    value = _finite(result)
    decimals = _decimals(low, high, value)
    shown = "" if value is None else with_unit(_number(value, max(_figures(value), decimals or 0)), datastream.unit)
    band = _band(kind, value, low, high, decimals)
    since = _moment(starts_at)
    if ends_at is not None:
        span = f"from {since} to {_moment(ends_at)} ({_span(ends_at - starts_at)})"
        now = f"; now {shown}{band}" if shown and kind != "gap" else ""
        return f"{name} at {thing}: {_WORDS.get(kind, kind)} {span}{now}"
    if kind == "gap":
        return f"{name} at {thing}: no result since {since}; one is due every {_every(datastream.interval)}"
    if kind == "stuck":
        return f"{name} at {thing}: the same result again and again{f', {shown}' if shown else ''}; since {since}"
    if not shown:
        return f"{name} at {thing}: {_WORDS.get(kind, kind)}; since {since}"
    return f"{name} {shown} at {thing}{band}; since {since}"


def _band(kind: str, value: float | None, low: float | None, high: float | None, decimals: int | None) -> str:
    word = "allowed" if kind == "range" else "expected"
    if low is not None and high is not None:
        return f", {word} {_number(low, decimals)} to {_number(high, decimals)}"
    if low is not None:
        return f", {word} at least {_number(low, decimals)}"
    if high is not None:
        return f", {word} at most {_number(high, decimals)}"
    return ""


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _decimals(low: float | None, high: float | None, value: float | None) -> int | None:
    """As many as the band's width needs: 1013.1 to 1015.0, but 40 to 75. None: unknown width.

    One more as long as rounding would put a value into the band that lies outside of it.
    """
    if low is None or high is None or not 1e-9 < high - low < math.inf:
        return None
    decimals = max(0, 1 - math.floor(math.log10(high - low)))
    if value is not None and not low <= value <= high:
        while decimals < 6 and round(low, decimals) <= value <= round(high, decimals):
            decimals += 1
    return decimals


def _number(value: float, decimals: int | None) -> str:
    """With so many decimals, four figures if None; no zeros at the end, thousands are parted from 10,000 on."""
    size = abs(value)
    if size >= 1e12 or 0 < size < 1e-6:
        return f"{value:.3g}"
    text = f"{value:,.{_figures(value) if decimals is None else decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if size < 9_999.5:
        text = text.replace(",", "")
    return "0" if text == "-0" else text


def _figures(value: float) -> int:
    """Decimals of four figures."""
    return max(0, 3 - math.floor(math.log10(abs(value)))) if 1e-6 <= abs(value) < math.inf else 0


def _moment(time: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=time)).strftime("%Y-%m-%d %H:%M UTC")
    except OverflowError:  # beyond year 9999
        return f"{time} µs"


def _every(microseconds: int) -> str:
    span = _span(microseconds)
    return span[2:] if span.startswith("1 ") and span.count(" ") == 1 else span


def _span(microseconds: int) -> str:
    """The two largest parts: 8 hours 5 minutes."""
    left = max(microseconds, 0) // 1_000_000
    parts = []
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {word}{'' if number == 1 else 's'}")
    return " ".join(parts[:2]) or "less than a second"
