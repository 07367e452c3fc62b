"""What a value is and in which unit, by its name and by how large it is. The knowledge is `quantities.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from sensors.infer.samples import Path
from sensors.units import conversion

_SUFFIXES = {
    "c": "Cel", "degc": "Cel", "celsius": "Cel", "f": "[degF]", "degf": "[degF]", "fahrenheit": "[degF]", "k": "K",
    "hpa": "hPa", "pa": "Pa", "kpa": "kPa", "mbar": "hPa", "mmhg": "mm[Hg]", "ugm3": "ug/m3", "ug": "ug/m3",
    "mgm3": "mg/m3", "ppm": "[ppm]", "ppb": "[ppb]", "pct": "%", "percent": "%", "mm": "mm", "cm": "cm", "m": "m",
    "ms": "m/s", "kmh": "km/h", "mv": "mV", "v": "V", "kg": "kg", "g": "g", "lux": "lx", "lx": "lx", "db": "dB(A)",
    "dba": "dB(A)", "dbm": "dB[mW]", "wm2": "W/m2",
}  # fmt: skip
"""Last words of names that say the unit."""


class Quantity(NamedTuple):
    """An entry of the table."""

    name: str
    names: frozenset[str]
    units: dict[str, tuple[float, float]]
    fail: tuple[float, float]
    suspect: tuple[float, float] | None


class Recognised(NamedTuple):
    """What a value seems to be."""

    quantity: Quantity | None
    confidence: float
    why: str
    payload_unit: str
    unit_confidence: float
    unit_why: str


@lru_cache(maxsize=1)
def table() -> tuple[Quantity, ...]:
    """All quantities that are known."""
    read = tomllib.loads((files("sensors.infer") / "quantities.toml").read_text(encoding="utf-8"))
    return tuple(_quantity(row) for row in read["quantity"])


def _quantity(row: dict[str, Any]) -> Quantity:
    units = {unit: (float(low), float(high)) for unit, (low, high) in row["units"].items()}
    suspect = row.get("suspect")
    return Quantity(
        row["name"], frozenset(row["names"]), units, tuple(row["fail"]), tuple(suspect) if suspect else None
    )


def words(key: str) -> list[str]:
    """`outTempC` → out, temp, c; `PM2.5` → pm2, 5."""
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", key)
    return [part for part in re.split(r"[^a-z0-9]+", parts.lower()) if part]


def recognise(path: Path, values: Sequence[float], said: str | None = None) -> Recognised:
    """What the values under a path are; `said` is the unit that the message names (UCUM)."""
    texts = [str(part) for part in path if isinstance(part, str)]
    key = words(texts[-1]) if texts else []
    if len(key) == 1 and key[0] in _SUFFIXES and len(texts) > 1:  # level.cm
        key = words(texts[-2]) + key
    quantity, confidence, why = None, 0.0, "the name is not known"
    suffix = _SUFFIXES.get(key[-1]) if len(key) > 1 else None
    candidates = [("_".join(key), 0.9), ("".join(key), 0.9)]
    if suffix:
        candidates.append(("_".join(key[:-1]), 0.85))
    candidates += [("_".join(key[i:]), 0.7) for i in range(1, len(key))]
    candidates += [("_".join(key[:i]), 0.55) for i in range(len(key) - 1, 0, -1)]
    for name, sure in candidates:
        for one in table():
            if name in one.names:
                quantity, confidence, why = one, sure, f"named {'.'.join(texts)!r}"
                break
        if quantity:
            break
    if quantity and len(key) == 1 and len(key[0]) == 1:
        confidence = 0.6
    if quantity is None:
        return Recognised(
            None, 0.2, why, said or suffix or "1", 0.8 if said else 0.5 if suffix else 0.1, _unit_why(said, suffix)
        )
    if said and _meets(said, next(iter(quantity.units))):
        return Recognised(quantity, confidence, why, said, 0.95, "the message says so")
    if suffix and _meets(suffix, next(iter(quantity.units))):
        return Recognised(quantity, confidence, why, suffix, 0.85, f"the name ends in {key[-1]!r}")
    return Recognised(quantity, confidence, why, *_by_size(quantity, values))


def _meets(unit: str, canonical: str) -> bool:
    """Whether one becomes the other: a price `per kg` is in no unit of its own."""
    try:
        conversion(unit, canonical)
    except ValueError:
        return False
    return True


def _unit_why(said: str | None, suffix: str | None) -> str:
    return (
        "the message says so"
        if said
        else "the end of the name says so"
        if suffix
        else "nothing says the unit; correct it"
    )


def _by_size(quantity: Quantity, values: Sequence[float]) -> tuple[str, float, str]:
    best, share = next(iter(quantity.units)), 0.0
    for unit, (low, high) in quantity.units.items():
        inside = sum(low <= value <= high for value in values) / len(values) if values else 0.0
        if inside > share + 1e-9:
            best, share = unit, inside
    spread = f"{min(values):g} to {max(values):g}" if values else "no values"
    if not share:
        return best, 0.2, f"the usual one; {spread} fits none"
    others = [unit for unit in quantity.units if unit != best]
    sure = 0.8 if others else 0.75
    return best, sure * share, f"{spread} is usual in this unit"
