"""Says in a sentence, with the numbers, what was found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aedilis.vocabulary import Datastream

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    """For instance: PM2.5 182 ug/m3 at Dongsi, expected 40 to 75; since 2015-03-01 06:20 UTC. Times in µs."""
    what = f"{datastream.name} at {datastream.thing.name}"
    since = _moment(starts_at)
    if ends_at is not None:
        return f"{what}: {_WORDS.get(kind, kind)} from {since} to {_moment(ends_at)}"
    value = "" if result is None else f"{_number(result)} {datastream.unit}"
    expected = ""
    if expected_low is not None and expected_high is not None:
        expected = f", expected {_number(expected_low)} to {_number(expected_high)}"
    if kind == "gap":
        return f"{what}: no result since {since}; one was due every {_span(datastream.interval)}"
    if kind == "stuck":
        return f"{what}: the same result, {value}, since {since}"
    return f"{datastream.name} {value} at {datastream.thing.name}{expected}; since {since}"


_WORDS = {"gap": "no result", "stuck": "stuck", "spike": "far from what was expected", "range": "out of range"}


def _moment(time: int) -> str:
    return (_EPOCH + timedelta(microseconds=time)).strftime("%Y-%m-%d %H:%M UTC")


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.3g}"


def _span(microseconds: int) -> str:
    seconds = microseconds // 1_000_000
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            number = seconds // size
            return word if number == 1 else f"{number} {word}s"
    return f"{seconds} seconds"
