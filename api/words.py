"""How a value, a time and a quality are written for people. Pure but for `ago`, which asks the clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from aedilis.errors import SettingError

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC")


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
