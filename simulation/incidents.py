"""What an incident does to the results of one Datastream, and how it is told as a label.

An act gets the calm results of the times that lie in the incident, and gives those that the city tells instead. Which
incidents there are, and when, is the script's matter (`script`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np

from simulation.chance import Chance, Floats, Integers

Label = dict[str, Any]
"""JSON; docs/commands.md tells its keys."""


class Act(Protocol):
    """(times in seconds, calm results, what tells the calm result at the beginning) → results."""

    def __call__(self, seconds: Integers, calm: Floats, first: Callable[[], float]) -> Floats: ...


@dataclass(frozen=True)
class Change:
    """One Thing's Datastream, or all of them, changed for a time; changes of one incident share its name."""

    incident: str
    kind: str
    part: int
    row: int
    column: int | None  # None: all of the Thing
    begins: int  # seconds since 1970
    ends: int
    act: Act
    details: Label = field(default_factory=dict)

    def label(self, thing: str, datastream: str) -> Label:
        """As the labels file tells it."""
        return {
            "incident": self.incident,
            "kind": self.kind,
            "thing": thing,
            "datastream": datastream,
            "starts_at": iso(self.begins),
            "ends_at": iso(self.ends),
            **self.details,
        }


def iso(seconds: int) -> str:
    """As labels tell a time."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def silent(seconds: Integers, calm: Floats, first: Callable[[], float]) -> Floats:
    """Nothing is told."""
    return np.full_like(calm, np.nan)


def stuck(seconds: Integers, calm: Floats, first: Callable[[], float]) -> Floats:
    """The first result again and again."""
    return np.full_like(calm, first())


@dataclass(frozen=True)
class Shifted:
    """So much more than is so."""

    size: float

    def __call__(self, seconds: Integers, calm: Floats, first: Callable[[], float]) -> Floats:
        return calm + self.size


@dataclass(frozen=True)
class Scaled:
    """So many times as much."""

    factor: float

    def __call__(self, seconds: Integers, calm: Floats, first: Callable[[], float]) -> Floats:
        return calm * self.factor


@dataclass(frozen=True)
class Otherwise:
    """What is so otherwise, whatever is usual."""

    tells: Callable[[Integers], Floats]

    def __call__(self, seconds: Integers, calm: Floats, first: Callable[[], float]) -> Floats:
        return self.tells(seconds)


@dataclass(frozen=True)
class Rounded:
    """By a hand that writes round numbers: this share of results is rounded to a multiple of `step`."""

    step: float
    share: float
    chance: Chance
    name: str

    def __call__(self, seconds: Integers, calm: Floats, first: Callable[[], float]) -> Floats:
        by_hand = self.chance.uniform(self.name, seconds) < self.share
        return np.where(by_hand, self.step * np.rint(calm / self.step), calm)


@dataclass(frozen=True)
class Drifting:
    """More and more, up to `size` at the end."""

    size: float
    begins: int
    ends: int

    def __call__(self, seconds: Integers, calm: Floats, first: Callable[[], float]) -> Floats:
        return calm + self.size * (seconds - self.begins) / (self.ends - self.begins)


@dataclass(frozen=True)
class Shaking:
    """With a noise of this standard deviation."""

    size: float
    chance: Chance
    name: str

    def __call__(self, seconds: Integers, calm: Floats, first: Callable[[], float]) -> Floats:
        return calm + self.size * self.chance.bell(self.name, seconds)


@dataclass(frozen=True)
class Warming:
    """A cold room without cooling nears the hall by its time constant; repaired, it is cooled again (Newton).

    So does one whose door is open, only quicker and not as far: it is cooled all the while."""

    warmer: float  # Cel, what it nears less the room
    begins: int
    repaired: int
    warms_s: float
    cools_s: float

    def __call__(self, seconds: Integers, calm: Floats, first: Callable[[], float]) -> Floats:
        since = np.minimum(seconds, self.repaired) - self.begins
        cooled = np.exp(-np.maximum(seconds - self.repaired, 0) / self.cools_s)
        return calm + self.warmer * (1.0 - np.exp(-since / self.warms_s)) * cooled

    @property
    def peak(self) -> float:
        """Cel above what is usual, when it is repaired."""
        return float(self.warmer * (1.0 - np.exp(-(self.repaired - self.begins) / self.warms_s)))


@dataclass(frozen=True)
class Smoke:
    """A plume overhead: it comes within a quarter of an hour, and goes within half of one."""

    peak: float
    begins: int
    ends: int

    def __call__(self, seconds: Integers, calm: Floats, first: Callable[[], float]) -> Floats:
        share = np.minimum((seconds - self.begins) / 900.0, (self.ends - seconds) / 1800.0)
        return calm + self.peak * np.clip(share, 0.0, 1.0)


def plume(x: Floats, y: Floats, grams_s: float, wind_m_s: float) -> Floats:
    """ug/m3 on the ground, `x` m down the wind and `y` m across of a fire.

    Gauss, with the spread of a town and a neutral sky by Briggs 1973 (in Hanna, Briggs, Hosker, Handbook on Atmospheric
    Diffusion, 1982); a fire is 80 m wide when the wind takes it. Up the wind there is none.
    """
    along = np.maximum(x, 1.0)
    wide = np.hypot(80.0, 0.16 * along / np.sqrt(1.0 + 0.0004 * along))
    high = np.hypot(80.0, 0.14 * along / np.sqrt(1.0 + 0.0003 * along))
    ground = 1e6 * grams_s / (np.pi * wind_m_s * wide * high) * np.exp(-0.5 * (y / wide) ** 2)
    return np.where(x > 0.0, ground, 0.0)
