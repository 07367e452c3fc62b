"""How a type has its Datastreams watched by one detector: the same for many of them, so it is held for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Severity
from detectors.core.columns import Columns, grown, table
from detectors.core.decision import DECISION_PARAMETERS
from detectors.core.runs import Index
from sensors.declaration import DetectorUse


class Use(msgspec.Struct, frozen=True):
    """That a Datastream is watched by a detector, and how a score becomes an anomaly."""

    detector: str
    severity: Severity
    open: float
    close: float
    n_open: int
    n_close: int
    parameters: dict[str, Any]


def as_use(declared: DetectorUse, more: Mapping[str, float | int | bool | str] | None = None) -> Use:
    """What a sensor type declares, for the engine; with more parameters if need be."""
    parameters = {**declared.parameters, **(more or {})}
    return Use(
        declared.name, declared.severity, declared.open, declared.close, declared.n_open, declared.n_close, parameters
    )


class Uses:
    """Of one detector, a row for each kind of Datastream. Kinds are numbered by the engine."""

    def __init__(self, parameters: np.dtype[np.void]) -> None:
        self._layout = parameters
        self.enabled = np.zeros(0, bool)
        self.severity: list[Severity] = []
        self.parameters = table(np.zeros(0, parameters), parameters)
        self.limits = np.zeros(0, DECISION_PARAMETERS)
        self.open = self.calm = np.zeros(0)

    def add(self, use: Use | None, parameters: tuple[object, ...] | None) -> None:
        """One more kind; None: the detector does not watch it."""
        self.enabled = np.append(self.enabled, use is not None)
        self.severity.append(Severity.NOTICE if use is None else use.severity)
        row = np.zeros(1, self._layout) if parameters is None else np.array([parameters], self._layout)
        self.parameters = grown(self.parameters, table(row, self._layout))
        limits = (np.inf, np.inf, 1, 1) if use is None else (use.open, use.close, use.n_open, use.n_close)
        self.limits = np.append(self.limits, np.array([limits], DECISION_PARAMETERS))
        self.open = self.limits["open"].copy()
        self.calm = np.minimum(self.limits["open"], self.limits["close"])

    def parameters_of(self, kinds: npt.NDArray[Any] | Index) -> Columns:
        """The parameters of each kind, a column for each field; their shape is that of `kinds` and the field's after it."""
        return {name: np.take(column, kinds, axis=0) for name, column in self.parameters.items()}
