"""One version of a sensor type over stored Observations.

Limits are judged anew by this version; what a device's flag or another test has said stays as it was stored. The detectors begin
as if they had never seen anything, time is that of the Observations, and those that once came late stand where they belong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis.frame import NO_TIME, NONE, Frame
from aedilis.quality import STANDS
from aedilis.vocabulary import AlertStatus, Anomaly, Datastream, FrameCounts, FrameHeader, Quality, Test
from alerts.lifecycle import AlertBook
from detectors.core.discovery import all_detectors
from sensors.compile import CompiledType
from storage.history import Part
from streams.detecting.engine import Engine
from streams.detecting.uses import Use, as_use
from trial.judging import judge_of

_STANDS = np.array(STANDS, np.uint8)
NOT_GIVEN = -1


@dataclass
class Seen:
    """What one version made of it."""

    version: str  # name@number
    datastreams: int  # that it gives
    observations: int = 0
    quality: Counter[str] = field(default_factory=Counter)
    anomalies: dict[int, Anomaly] = field(default_factory=dict)  # as each opened, but for its end and its score
    alerts: Counter[str] = field(default_factory=Counter)  # opened, by kind
    severities: Counter[str] = field(default_factory=Counter)  # of these alerts

    @property
    def kinds(self) -> Counter[str]:
        """Anomalies by kind."""
        return Counter(one.kind for one in self.anomalies.values())


class Watching:
    """Takes parts of history in their order."""

    def __init__(self, compiled: CompiledType, datastreams: Sequence[Datastream]) -> None:
        self._compiled, self._judge = compiled, judge_of(compiled)
        ones = [_of_version(one, compiled) for one in datastreams]
        self._ids = np.array([one.id for one in ones], np.int64)  # rising
        self._datastreams = ones
        self._property = np.array([_number(one, compiled) for one in ones], np.int32)
        self._declared = np.zeros(len(ones), bool)
        self._frames = 0
        self._engine = Engine(all_detectors(), self._pipeline)
        self._book = AlertBook()
        self._last = 0
        label = f"{compiled.name}@{compiled.version}"
        self.seen = Seen(label, int(np.count_nonzero(self._property != NOT_GIVEN)))

    def _pipeline(self, datastream: Datastream) -> tuple[tuple[Use, ...], int]:
        uses = self._compiled.detectors_of(datastream.observed_property)
        return tuple(as_use(use) for use in uses), self._compiled.allowed_lateness

    def take(self, part: Part) -> None:
        """Watch some Observations."""
        place = np.searchsorted(self._ids, part.datastream)
        given = self._property[place] != NOT_GIVEN
        if not given.any():
            return
        place = place[given]
        frame = self._frame(part, given, place)
        self._last = int(frame.phenomenon_time[-1])
        self.seen.observations += len(frame)
        for value, number in zip(*np.unique(frame.quality, return_counts=True), strict=True):
            self.seen.quality[Quality(int(value)).name.lower()] += int(number)
        self._keep(self._engine.apply([frame]))

    def close(self) -> Seen:
        """No more comes: what is still open ends with the last Observation."""
        self._keep(self._engine.close(self._last))
        ended = {
            number: one if one.ends_at is not None else msgspec.structs.replace(one, ends_at=self._last)
            for number, one in self.seen.anomalies.items()
        }
        self.seen.anomalies = ended
        return self.seen

    def _keep(self, changes: Sequence[Anomaly]) -> None:
        seen = self.seen
        for one in changes:
            opened = seen.anomalies.get(one.id, one)
            seen.anomalies[one.id] = msgspec.structs.replace(opened, ends_at=one.ends_at, score=one.score)
            for alert in self._book.apply(one):
                if len(alert.anomalies) == 1 and alert.status is AlertStatus.OPEN:
                    seen.alerts[alert.kind] += 1
                    seen.severities[alert.severity.value] += 1

    def _frame(self, part: Part, given: npt.NDArray[np.bool_], place: npt.NDArray[np.intp]) -> Frame:
        new = np.unique(place[~self._declared[place]])
        self._declared[new] = True
        self._frames += 1
        time, result = part.time[given], part.result[given]
        quality, tests = self._judged(place, result, part.quality[given], part.tests[given])
        n = len(time)
        return Frame(
            header=FrameHeader(
                "backtest", self._frames, FrameCounts(), tuple(self._datastreams[at] for at in new.tolist())
            ),
            datastream=part.datastream[given],
            phenomenon_time=time,
            result=result,
            quality=quality,
            tests=tests,
            raw_flag_code=np.full(n, NONE, np.int32),
            raw_flags=(),
            sensor_type_code=np.zeros(n, np.int32),
            sensor_types=(self.seen.version,),
            result_time=np.full(n, NO_TIME, np.int64),
            ingested_at=time,
        )

    def _judged(
        self,
        place: npt.NDArray[np.intp],
        result: npt.NDArray[np.float64],
        quality: npt.NDArray[np.uint8],
        tests: npt.NDArray[np.uint32],
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
        """What was stored, with the limits of this version in place of those that were in force."""
        range_alone = tests == Test.GROSS_RANGE
        said = np.where(range_alone, Quality.GOOD, quality)
        other = tests & ~np.uint32(Test.GROSS_RANGE)
        _, now, spoke = self._judge(self._property[place], result)
        judged = _STANDS[said, now]
        return judged, other | spoke


def _of_version(one: Datastream, compiled: CompiledType) -> Datastream:
    number = _number(one, compiled)
    interval = one.interval if number == NOT_GIVEN else compiled.readers[number].interval
    return msgspec.structs.replace(one, sensor_version=compiled.version, interval=interval)


def _number(one: Datastream, compiled: CompiledType) -> int:
    """The property that a Datastream has in this version; `NOT_GIVEN` if the version does not give it."""
    for number, prop in enumerate(compiled.declared.properties):
        if prop.name == one.observed_property and compiled.gives(one.name, prop.name, one.unit):
            return number
    return NOT_GIVEN
