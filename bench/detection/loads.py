"""What the speed of detecting is measured on: the general detector alone, each form of file, each sensor type that comes with it.

Not here: how it is measured (`speed`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from aedilis.vocabulary import Severity
from sensors import registry
from sensors.compile import CompiledType, compile_type
from sensors.declaration import Property
from streams.detecting.uses import Use, as_use
from trial.detect.forms import all_forms
from trial.detect.series import Learned

MINUTE = 60_000_000
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
USUAL = (49.0, 51.0)
"""Results where nobody says what they are: calm, as most are."""
FORMS = {"network": (10, 6, HOUR), "quotes": (30, 20, DAY), "channels": (20, 6, MINUTE)}
"""Form → Things of a zone, Datastreams of each, interval (µs): the stations of a city, the goods of its markets, the probes of its water."""
THINGS, GOODS = 20, 12
"""Of a zone, and Datastreams of a property that has one for each goods, where the load is a sensor type."""


@dataclass(frozen=True)
class Column:
    """One Datastream that each Thing has."""

    name: str
    interval: int  # µs
    between: tuple[float, float]  # its usual results
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class Load:
    """Zones of so many Things with the same Datastreams each."""

    watched: str
    things: int
    columns: tuple[Column, ...]

    @property
    def detectors(self) -> frozenset[str]:
        """Those that watch any of it."""
        return frozenset(use.detector for column in self.columns for use in column.uses)


def general(detector: str) -> Load:
    """One detector on any series."""
    uses = (Use(detector, Severity.NOTICE, 0.95, 0.5, 1, 1, {}),)
    return Load(detector, 10, tuple(Column(f"x{i}", 5 * MINUTE, USUAL, uses) for i in range(10)))


def forms() -> Iterator[Load]:
    """Of files of which nothing is known."""
    for form in all_forms():
        if form.name in FORMS:
            things, columns, interval = FORMS[form.name]
            uses = tuple(as_use(one) for one in form.uses(Learned(interval, positive=True, usual=sum(USUAL) / 2)))
            made = tuple(Column(f"x{i:02}", interval, USUAL, uses) for i in range(columns))
            yield Load(f"form {form.name}, {things} x {columns}", things, made)


def types() -> Iterator[Load]:
    """Of the sensor types that come with it: each property once a Thing, but a price for each of its goods."""
    for name, declared in registry.load().items():
        compiled = compile_type(declared)
        yield Load(f"type {name}", THINGS, tuple(_columns(compiled)))


def _columns(compiled: CompiledType) -> Iterator[Column]:
    for reader in compiled.readers:
        uses = tuple(as_use(one) for one in compiled.detectors_of(reader.prop.name))
        limits = reader.prop.suspect or reader.prop.fail
        low, high = USUAL if limits is None else limits
        if not math.isfinite(high - low):
            low, high = USUAL
        usual = (low + 0.495 * (high - low), low + 0.505 * (high - low))
        for name in _names(reader.prop):
            yield Column(name, reader.interval, usual, uses)


def _names(prop: Property) -> list[str]:
    if prop.datastream is None or "{goods}" not in prop.datastream:
        return [prop.name]
    return [f"{prop.name}/{i:02}/Retail" for i in range(GOODS)]
