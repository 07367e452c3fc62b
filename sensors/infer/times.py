"""Where the time is and how it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sensors.infer.samples import Guess, Path, number_of, shown

_NAMES = re.compile(
    r"(^|[_ ])(time|timestamp|ts|date|datetime|datetime_utc|dateutc|date_time|observed_?at|measured_?at|recorded_?at"
    r"|date_?observed|time_?instant|phenomenon_?time|data_?time|epoch|utc|at)$",
    re.IGNORECASE,
)
_SCALES = (("epoch_s", 1e0), ("epoch_ms", 1e3), ("epoch_us", 1e6), ("epoch_ns", 1e9))
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800
"""2000 and 2100: a number outside is no time in seconds."""
_PATTERNS = ("%Y%m%d%H%M%S", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S")
_ZONES = ("UTC", "Europe/London", "Europe/Rome", "Europe/Athens", "Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo",
          "America/New_York", "America/Chicago", "America/Los_Angeles", "Australia/Sydney")  # fmt: skip


class Found(NamedTuple):
    """A time: where, how, and what of each value the moment is (naive where local)."""

    path: Path
    declared: Mapping[str, Any]
    guesses: Sequence[Guess]
    seconds: float  # the first one since 1970, a local time as if it were UTC


def find(values: Mapping[Path, Sequence[Any]], came: Sequence[int | None], zone: str | None) -> Found | None:
    """The likeliest time among the values of all paths; `came` is when each record was received, `zone` the city's."""
    best: tuple[float, Path, dict[str, Any], str] | None = None
    for path, found in values.items():
        told = _read(found)
        if told is None:
            continue
        form, moments, why = told
        named = bool(_NAMES.search(_snake(str(path[-1]).lstrip("@"))))
        near = _near(moments, came)
        score = 0.45 * named + 0.3 + 0.2 * near - 0.02 * len(path)
        if isinstance(found[0], int | float) and not named and not near:
            continue  # a counter may look like a time
        if best is None or score > best[0]:
            said = (
                f"{shown(path)!r} {why}" + (", named like a time" if named else "") + (", close to now" if near else "")
            )
            best = score, path, {**form, "_moments": moments}, said
    if best is None:
        return None
    score, path, form, why = best
    moments = form["_moments"]
    declared = {"field": path[0] if len(path) == 1 else list(path), **{k: v for k, v in form.items() if k[0] != "_"}}
    guesses = [Guess("$.time.field", declared["field"], min(0.97, score + 0.05), why)]
    if moments[0].tzinfo is None:
        name, confidence, reason = _zone_of(moments, came, zone)
        declared["timezone"] = name
        guesses.append(Guess("$.time.timezone", name, confidence, reason))
    first = moments[0] if moments[0].tzinfo else moments[0].replace(tzinfo=UTC)
    return Found(path, declared, guesses, first.timestamp())


def _read(values: Sequence[Any]) -> tuple[dict[str, Any], list[datetime], str] | None:
    if not values:
        return None
    if all(isinstance(value, str) for value in values):
        try:
            moments = [datetime.fromisoformat(value.partition("/")[0]) for value in values]
        except ValueError:
            moments = []
        if moments and all(len(value) >= 8 and not value.isdigit() for value in values):
            return {"form": "iso"}, moments, "is ISO 8601"
        for pattern in _PATTERNS:
            try:
                return {"format": pattern}, [datetime.strptime(v, pattern) for v in values], f"has the form {pattern}"
            except ValueError:
                continue
    numbers = [number_of(value) for value in values]
    if any(number is None for number in numbers):
        return None
    for form, scale in _SCALES:
        if all(number is not None and _EARLIEST <= number / scale < _LATEST for number in numbers):
            moments = [datetime.fromtimestamp(float(number or 0) / scale, UTC) for number in numbers]
            return {"form": form}, moments, f"counts since 1970 ({form})"
    return None


def _near(moments: Sequence[datetime], came: Sequence[int | None]) -> bool:
    """Whether the first is within 26 hours of when its message came: local times are off by up to 14."""
    if not came or came[0] is None:
        return False
    moment = moments[0] if moments[0].tzinfo else moments[0].replace(tzinfo=UTC)
    return abs(moment - _moment(came[0])) < timedelta(hours=26)


def _zone_of(moments: Sequence[datetime], came: Sequence[int | None], zone: str | None) -> tuple[str, float, str]:
    """The zone of local times: the one by which they were told when they came in."""
    offsets = set()
    for moment, at in zip(moments, came, strict=False):
        if at is not None:
            ahead = (moment.replace(tzinfo=UTC) - _moment(at)).total_seconds()
            quarters = round(ahead / 900)
            if abs(quarters) <= 56 and abs(ahead - quarters * 900) < 300:
                offsets.add(quarters * 15)
    if len(offsets) != 1:
        if zone:
            return zone, 0.4, "the times name no zone; this is the installation's"
        return "UTC", 0.2, "the times name no zone; UTC is a guess"
    minutes = offsets.pop()
    for name in ((zone,) if zone else ()) + _ZONES:
        if ZoneInfo(name).utcoffset(moments[0]) == timedelta(minutes=minutes):
            return name, 0.7, f"the times are {minutes / 60:+g} h from UTC when they come in, as in this zone"
    return "UTC", 0.2, f"the times are {minutes / 60:+g} h from UTC when they come in; name the zone"


def _moment(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1e6, UTC)


def _snake(text: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)
