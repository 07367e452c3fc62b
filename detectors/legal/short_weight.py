"""By how much a bag may fall short by law. The amounts, their sources and dates stand in short-weight.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from importlib.resources import files
from math import inf

LOCAL = timezone(timedelta(hours=8))
"""Of the days on which these come into force."""


@dataclass(frozen=True, slots=True)
class PriceClass:
    """Goods up to a price (yuan/kg), and (weight up to, tolerance) in g, the lightest first."""

    price_up_to: float
    tolerances: tuple[tuple[float, float], ...]

    def tolerance(self, weight: float) -> float:
        """g; infinite for bags that are heavier than the law speaks of."""
        return next((tolerance for up_to, tolerance in self.tolerances if weight <= up_to), inf)


@dataclass(frozen=True, slots=True)
class Version:
    """What is in force from a moment (µs) on, the cheapest goods first."""

    in_force_from: int
    verified: bool
    source: str
    classes: tuple[PriceClass, ...]

    def of_price(self, price: float) -> PriceClass:
        """The class of goods at this price, yuan/kg."""
        return next(one for one in self.classes if price <= one.price_up_to)


@cache
def versions() -> tuple[Version, ...]:
    """All, the oldest first."""
    declared = tomllib.loads((files("detectors.legal") / "short-weight.toml").read_text("utf-8"))
    found = [
        Version(
            _microseconds(one["in_force_from"]),
            one["verified"],
            one["source"],
            tuple(
                PriceClass(
                    float(its.get("price_up_to", inf)), tuple((float(w), float(g)) for w, g in its["tolerances"])
                )
                for its in one["classes"]
            ),
        )
        for one in declared["versions"]
    ]
    return tuple(sorted(found, key=lambda version: version.in_force_from))


def _microseconds(day: date) -> int:
    begins = datetime.combine(day, time(), LOCAL).astimezone(UTC)
    return round(begins.timestamp()) * 1_000_000
