"""How numbers, times and lengths of time are written in sentences, in English and in Chinese."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPANS: Mapping[str, tuple[str, str, str, str]] = {
    "en": ("day", "hour", "minute", "second"),
    "zh": ("天", "小时", "分钟", "秒"),
}
_SECONDS = (86_400, 3_600, 60, 1)
_SHORTEST = {"en": "less than a second", "zh": "不到 1 秒"}


def decimals(low: float | None, high: float | None, value: float | None) -> int | None:
    """As many as the band's width needs: 1013.1 to 1015.0, but 40 to 75. None: unknown width.

    One more as long as rounding would put a value into the band that lies outside of it.
    """
    if low is None or high is None or not 1e-9 < high - low < math.inf:
        return None
    places = max(0, 1 - math.floor(math.log10(high - low)))
    if value is not None and not low <= value <= high:
        while places < 6 and round(low, places) <= value <= round(high, places):
            places += 1
    return places


def shown(value: float, places: int | None) -> str:
    """A result beside a band of so many decimals: four figures at least."""
    return number(value, max(_figures(value), places or 0))


def number(value: float, places: int | None) -> str:
    """With so many decimals, four figures if None; no zeros at the end, thousands are parted from 10,000 on."""
    size = abs(value)
    if size >= 1e12 or 0 < size < 1e-6:
        return f"{value:.3g}"
    text = f"{value:,.{_figures(value) if places is None else places}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if size < 9_999.5:
        text = text.replace(",", "")
    return "0" if text == "-0" else text


def _figures(value: float) -> int:
    """Decimals of four figures."""
    return max(0, 3 - math.floor(math.log10(abs(value)))) if 1e-6 <= abs(value) < math.inf else 0


def moment(time: int) -> str:
    """µs since 1970, to the minute."""
    try:
        at = _EPOCH + timedelta(microseconds=time)
    except OverflowError:  # beyond year 9999
        return f"{time} µs"
    return f"{at.year:04}-{at.month:02}-{at.day:02} {at.hour:02}:{at.minute:02} UTC"


def every(microseconds: int, language: str) -> str:
    """What goes after "every": hour, 5 minutes; in Chinese with the space that a number wants."""
    text = span(microseconds, language)
    one = text.startswith("1 ") and text.count(" ") == 1
    return text[2:] if one else f" {text}" if language == "zh" else text


def span(microseconds: int, language: str) -> str:
    """The two largest parts: 8 hours 5 minutes."""
    left = max(microseconds, 0) // 1_000_000
    parts = []
    for size, word in zip(_SECONDS, _SPANS[language], strict=True):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {word}{'s' if language == 'en' and count > 1 else ''}")
    return " ".join(parts[:2]) or _SHORTEST[language]
