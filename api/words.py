"""How a value, a time and a quality are written for people. Pure but for `ago`, which asks the clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aedilis.errors import SettingError
from aedilis.vocabulary import Scope

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC")


LANGUAGES = ("en", "zh")
"""In which findings are told, the first to those who asked for neither."""


def language_of(asked: str | None, accepted: str | None) -> str:
    """The language that an address asks for, else the one that the browser likes best (`Accept-Language`)."""
    if asked in LANGUAGES:
        return asked
    best, most = LANGUAGES[0], 0.0
    for part in (accepted or "").lower().split(","):
        tag, _, weight = part.strip().partition(";q=")
        name = tag.partition("-")[0]
        try:
            liked = float(weight or 1)
        except ValueError:
            continue
        if name in LANGUAGES and liked > most:
            best, most = name, liked
    return best


def told(row: Mapping[str, Any], language: str) -> str:
    """The sentence of an anomaly or alert, in English where there is none in the language."""
    name = "summary" if "summary" in row else "explanation"
    return str((row[f"{name}_zh"] if language == "zh" else "") or row[name])


def subject(row: Mapping[str, Any]) -> str:
    """Whom an anomaly or alert is about: `PM2.5 at Dongsi`, `Dongsi`, `PM2.5 in dongcheng`."""
    if row["scope"] == Scope.ZONE:
        return f"{row['name']} in {row['zone']}"
    return str(row["thing"]) if row["scope"] == Scope.THING else f"{row['name']} at {row['thing']}"


def band(low: float | None, high: float | None) -> str:
    """What was expected; empty where nothing is known of it."""
    if low is None and high is None:
        return ""
    if low is None:
        return f"at most {number(high)}"
    return f"at least {number(low)}" if high is None else f"{number(low)} to {number(high)}"


def zone_of(name: str) -> ZoneInfo:
    """The zone that pages show times in.

    Raises:
        SettingError: there is no zone of this IANA name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # not found, no name, or a folder
        raise SettingError(
            name="AEDILIS_TIMEZONE", expected="an IANA zone such as Europe/Rome", got=name, mend="see docs/settings.md"
        ) from error


def ago(moment: datetime | None) -> str:
    """How long back, in one unit; `live.js` says the same while a page is open."""
    if moment is None:
        return "never"
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for size, word in ((86_400 * 365, "years"), (86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word} ago"
    return "just now"


def local(moment: datetime | None, zone: ZoneInfo) -> str:
    """Time of the zone with its abbreviation; empty for None."""
    return "" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def field(moment: datetime | None, zone: ZoneInfo) -> str:
    """What a form's field for a local time holds."""
    return "" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def number(value: float | None) -> str:
    """Four figures, or all whole ones; `no value` for None."""
    if value is None:
        return "no value"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def sentence(text: str, zone: ZoneInfo) -> str:
    """An explanation with its times in the zone of the pages."""

    def moved(found: re.Match[str]) -> str:
        moment = datetime.strptime(found[0], "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)
        return local(moment, zone)

    return _MOMENT.sub(moved, text)
