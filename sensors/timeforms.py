"""Times in a form of their own, such as `%Y%m%d%H%M%S`: a part of what strptime knows, in English whatever the locale."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PATTERNS = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d\d)",
    "m": r"(?P<m>\d\d)",
    "d": r"(?P<d>\d\d)",
    "b": rf"(?P<b>{'|'.join(_MONTHS)})",
    "j": r"(?P<j>\d{3})",
    "H": r"(?P<H>\d\d)",
    "I": r"(?P<I>\d\d)",
    "p": r"(?P<p>am|pm)",
    "M": r"(?P<M>\d\d)",
    "S": r"(?P<S>\d\d)",
    "f": r"(?P<f>\d{1,9})",
    "z": r"(?P<z>z|[+-]\d\d(?::?\d\d)?)",
}
_NEXT_TO_NO_DIGIT = {"m", "d", "H", "I", "M", "S"}
"""These may have one digit where no other digit follows or goes before: 2026-1-5."""


class TimeForm:
    """A compiled form. `%Y %y %m %b %d %j %H %I %p %M %S %f %z %%`, and all else as it stands; `%f` is a fraction of 1 to
    9 digits, cut to microseconds; `%y` is of this century; without a time midnight is meant.

    Raises:
        ValueError: what of the form is not known, stands twice, or is lacking.
    """

    def __init__(self, form: str) -> None:
        pieces = re.findall(r"%.?|[^%]+", form, re.DOTALL)
        seen: list[str] = []
        pattern = ""
        for i, piece in enumerate(pieces):
            if piece[0] != "%" or piece == "%%":
                pattern += re.escape(piece.replace("%%", "%"))
                continue
            name = piece[1:]
            if name not in _PATTERNS:
                raise ValueError(f"{piece!r} is not known; there are {' '.join(f'%{one}' for one in _PATTERNS)}")
            if name in seen:
                raise ValueError(f"{piece!r} stands twice")
            seen.append(name)
            alone = all(other[0] != "%" and not other[edge].isdigit() for other, edge in _beside(pieces, i))
            pattern += (
                _PATTERNS[name].replace(r"\d\d", r"\d\d?") if alone and name in _NEXT_TO_NO_DIGIT else _PATTERNS[name]
            )
        for one, others in (
            ("year", "Yy"),
            ("month", "mbj"),
            ("day", "dj"),
            ("am or pm", "p") if "I" in seen else ("", ""),
        ):
            if one and not set(others) & set(seen):
                raise ValueError(f"tells no {one}; add {' or '.join(f'%{other}' for other in others)}")
        for two in ("Yy", "mb", "mj", "bj", "dj", "HI"):
            if set(two) <= set(seen):
                raise ValueError(f"%{two[0]} and %{two[1]} say one thing; keep one")
        if "p" in seen and "I" not in seen:
            raise ValueError("%p goes with %I")
        self._pattern = re.compile(pattern, re.ASCII | re.IGNORECASE)
        self.example = datetime(2026, 1, 5, 18, 30).strftime(form.replace("%z", "+0100"))

    def __call__(self, text: str) -> datetime:
        """The moment, without a zone where the form has none.

        Raises:
            ValueError: the text has another form, or is no date.
        """
        found = self._pattern.fullmatch(text)
        if found is None:
            raise ValueError("of another form")
        part = found.groupdict()
        year = int(part["Y"]) if "Y" in part else 2000 + int(part["y"])
        hour = int(part["H"]) if "H" in part else _of_twelve(part)
        clock = (hour, int(part.get("M", 0)), int(part.get("S", 0)), int(part.get("f", "0").ljust(6, "0")[:6]))
        zone = _offset(part["z"]) if "z" in part else None
        if "j" in part:
            moment = datetime(year, 1, 1, *clock, zone) + timedelta(days=int(part["j"]) - 1)
            if moment.year != year:
                raise ValueError("no day of that year")
            return moment
        month = int(part["m"]) if "m" in part else _MONTHS.index(part["b"].lower()) + 1
        return datetime(year, month, int(part["d"]), *clock, zone)


def _beside(pieces: list[str], i: int) -> list[tuple[str, int]]:
    """The neighbours of a piece, each with the place of its character that is next to it."""
    before = [(pieces[i - 1], -1)] if i else []
    return before + ([(pieces[i + 1], 0)] if i + 1 < len(pieces) else [])


def _of_twelve(part: dict[str, str]) -> int:
    if "I" not in part:
        return 0
    hour = int(part["I"])
    if not 1 <= hour <= 12:
        raise ValueError("no hour of twelve")
    return hour % 12 + (12 if part["p"].lower() == "pm" else 0)


def _offset(text: str) -> tzinfo:
    if text in "zZ":
        return UTC
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-offset if text[0] == "-" else offset)
