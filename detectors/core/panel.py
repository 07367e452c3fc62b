"""What a detector is that looks at several Datastreams together: neighbours in space, the channels of one Thing.

A panel is a neighbourhood: all Datastreams of one sensor type in one zone that the detector watches. It is a grid, Things
down and Datastream names across. Observations are gathered into bins of event time, one interval long; when the zone's
clock passes the end of a bin by the allowed lateness, the bin closes, and a closed bin never changes:

                 PM2.5   PM10    NO2
    Dongsi         80     120     -        one closed bin; `-`: nothing was measured, or it did not pass
    Tiantan        76      -      41
    Wanliu         -      110     38

Closed bins are handed over in the order of time, several at once; one by one gives the same, to the bit. Score first,
learn after. Things are sorted by identity and columns by name, so nothing depends on who spoke first. Reductions over
neighbours are exact (medians, counts, extremes) or summed in this order one after the other: no BLAS, no pairwise sums
over an axis whose length may change with the layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns
from detectors.core.interface import Floats, Times, Verdict

Grid = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Panel:
    """b closed bins of t Things and c columns.

    `time` `(b,)` is the beginning of each bin (µs), rising, bins in which nothing came are left out; `result`
    `(b, t, c)` the newest result of each bin, NaN where nothing was measured or it did not pass the quality tests;
    `there` `(t, c)` whether the Datastream exists; `columns` the Datastreams' names `(c,)`, `properties` what they observe;
    `east`, `north` `(t,)` in km from the middle of the Things, NaN where no Location is known; `interval` (µs) of a bin.
    """

    time: Times
    result: Floats
    there: Grid
    columns: tuple[str, ...]
    properties: tuple[str, ...]
    east: Floats
    north: Floats
    interval: int


@runtime_checkable
class PanelDetector(Protocol):
    """One algorithm over neighbourhoods.

    `scope` says whom its scores are about: each Datastream, each Thing as a whole, or a zone, column by column. State with
    the layout `state` has a row for each Datastream; state with the layout `own` a row for each subject where that is no
    Datastream. `evidence` of `("*",)` means that the panel's columns are its names. A subject of which nothing was measured in
    a bin is not decided upon then.
    """

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    evidence: ClassVar[tuple[str, ...]]
    facts: ClassVar[tuple[str, ...]]
    scope: ClassVar[Scope]
    schema: ClassVar[int]
    parameters: ClassVar[np.dtype[np.void]]
    state: ClassVar[np.dtype[np.void]]
    own: ClassVar[np.dtype[np.void]]
    defaults: ClassVar[Mapping[str, float | int | bool | str]]

    def fresh(self, n: int) -> Columns:
        """State of n Datastreams before their first bin: a column for each field of `state`."""

    def fresh_own(self, n: int) -> Columns:
        """State of n subjects before their first bin: a column for each field of `own`."""

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """One row of parameters: the declared ones over the defaults.

        Raises:
            ValueError: a parameter is not known, or out of its range.
        """

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        """Score and learn each bin in its order; `state` and `own` are changed in place.

        Fields of `state` and `parameters` have the shape `(t, c, …)`, and mean nothing where the Datastream is not there.
        Fields of `own`, and the verdict's columns after the bins `b`, have the shape of the subjects: `(t, c)` for
        Datastreams, `(t,)` for Things, `(c,)` for a zone. The verdict's `evidence` is `(k, b, …)`.
        """
