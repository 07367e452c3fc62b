"""What every detector is. Score first, learn after; element-wise operations only.

It is handed many observations of many rows at once (`detectors.core.runs`), and finds what it would find if they came one
by one.

No reduction over rows and no BLAS: the result of a row may not depend on which other rows lie beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns
from detectors.core.runs import Runs

NEVER = np.iinfo(np.int64).min
FAR = np.iinfo(np.int64).max

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a detector says of n observations, in the order of the runs; every shape is `(n,)`.

    `score` lies in 0 to 1 and is never NaN; NaN in `expected_low` or `expected_high` means not known;
    `starts_at` (µs) is when that began which the score is about. `kind` tells which of the detector's kinds each one is,
    by its place in `kinds`; None: the first. `evidence` has a row for each name in the detector's `evidence`, shape
    `(k, n)`: how much each spoke for the score, 0 or more in the same measure, so that shares can be told; None: the first
    of them is all there is. `facts` has a row for each name in the detector's `facts`, shape `(k, n)`: numbers that are told
    with it, NaN where not known.
    """

    score: Floats
    expected_low: Floats
    expected_high: Floats
    starts_at: Times
    kind: npt.NDArray[np.intp] | None = None
    evidence: Floats | None = None
    facts: Floats | None = None


@runtime_checkable
class Detector(Protocol):
    """One algorithm over the rows of many Datastreams, each by itself and at once. See `detectors.core.panel` for those
    that look at several together."""

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    evidence: ClassVar[tuple[str, ...]]
    facts: ClassVar[tuple[str, ...]]
    schema: ClassVar[int]
    sees_failed: ClassVar[bool]
    parameters: ClassVar[np.dtype[np.void]]
    state: ClassVar[np.dtype[np.void]]
    defaults: ClassVar[Mapping[str, float | int | bool | str]]

    def fresh(self, n: int) -> Columns:
        """State of n rows before their first observation: a column for each field of `state`."""

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """One row of parameters: the declared ones over the defaults.

        Raises:
            ValueError: a parameter is not known, or out of its range.
        """

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """Score and learn each observation in the order of its row; `state` is changed in place.

        `state` has a row for every Datastream, `runs` says which of them are meant; `parameters` are those of each
        observation, shape `(n,)`.
        """

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """When silence becomes an anomaly (µs), `FAR` for never; shape `(n,)`, element-wise."""


class Declared:
    """The declared parameters over the defaults, each checked when it is asked for.

    Raises:
        ValueError: one is declared that is not known.
    """

    def __init__(self, detector: str, defaults: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
        unknown = sorted(set(declared) - set(defaults))
        if unknown:
            known = ", ".join(defaults)
            raise ValueError(f"detector {detector} knows no parameter {', '.join(unknown)}; it knows {known}")
        self._detector = detector
        self._values = {**defaults, **declared}

    def number(self, name: str, *, least: float = -np.inf, above: float = -np.inf, most: float = np.inf) -> float:
        """A number that is at least `least`, more than `above` and at most `most`.

        Raises:
            ValueError: it is not.
        """
        value = self._values[name]
        if type(value) not in (int, float) or not (least <= value <= most) or (value <= above and above > -np.inf):
            bounds = (
                f"above {above:g}" if above > -np.inf else "",
                f"from {least:g}" if least > -np.inf else "",
                f"up to {most:g}" if most < np.inf else "",
            )
            raise self._refused(name, " ".join(("a number", *filter(None, bounds))))
        return float(value)

    def count(self, name: str, *, least: int, most: int = 1_000_000_000) -> int:
        """A whole number from `least` to `most`.

        Raises:
            ValueError: it is not.
        """
        value = self._values[name]
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or not least <= value <= most:
            raise self._refused(name, f"a whole number from {least} to {most}")
        return value

    def truth(self, name: str) -> bool:
        """True or false.

        Raises:
            ValueError: it is neither.
        """
        value = self._values[name]
        if type(value) is not bool:
            raise self._refused(name, "true or false")
        return value

    def word(self, name: str, known: Collection[str]) -> str:
        """One of the known words.

        Raises:
            ValueError: it is not.
        """
        value = self._values[name]
        if type(value) is not str or value not in known:
            raise self._refused(name, f"one of {', '.join(known)}")
        return value

    def _refused(self, name: str, expected: str) -> ValueError:
        return ValueError(f"detector {self._detector}: expected {name} to be {expected}, got {self._values[name]!r}")


def never(state: Columns) -> Times:
    """The deadline of detectors that do not watch silence."""
    return np.full(len(next(iter(state.values()))), FAR, np.int64)
