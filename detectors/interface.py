"""What every detector is. Score first, learn after; element-wise operations only.

No reduction over rows and no BLAS: the result of a row may not depend on which other rows lie beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream

NEVER = np.iinfo(np.int64).min
FAR = np.iinfo(np.int64).max

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Table = npt.NDArray[np.void]
"""A structured array."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a detector says of n observations; every shape is `(n,)`.

    `score` lies in 0 to 1 and is never NaN; NaN in `expected_low` or `expected_high` means not known;
    `starts_at` (µs) is when that began which the score is about.
    """

    score: Floats
    expected_low: Floats
    expected_high: Floats
    starts_at: Times


class Detector(Protocol):
    """One algorithm over the rows of many Datastreams."""

    name: ClassVar[str]
    kind: ClassVar[str]
    schema: ClassVar[int]
    sees_failed: ClassVar[bool]
    parameters: ClassVar[np.dtype[np.void]]
    state: ClassVar[np.dtype[np.void]]
    defaults: ClassVar[Mapping[str, float | int | bool | str]]

    def fresh(self, n: int) -> Table:
        """State of n rows before their first observation, shape `(n,)`."""

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """One row of parameters: the declared ones over the defaults.

        Raises:
            ValueError: a parameter is not known, or out of its range.
        """

    def update(self, state: Table, parameters: Table, time: Times, result: Floats) -> Verdict:
        """Score one finite observation of each of n different Datastreams, then learn; `state` is changed in place.

        `time` (µs) is newer than all that the row has seen; all shapes are `(n,)`.
        """

    def deadline(self, state: Table, parameters: Table) -> Times:
        """When silence becomes an anomaly (µs), `FAR` for never; shape `(n,)`."""


def merged(defaults: Mapping[str, Any], declared: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The declared parameters over the defaults.

    Raises:
        ValueError: one is not known.
    """
    unknown = sorted(set(declared) - set(defaults))
    if unknown:
        raise ValueError(f"detector {name} knows no parameter {', '.join(unknown)}; it knows {', '.join(defaults)}")
    return {**defaults, **declared}


def never(state: Table) -> Times:
    """The deadline of detectors that do not watch silence."""
    return np.full(len(state), FAR, np.int64)
