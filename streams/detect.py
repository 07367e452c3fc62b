"""The detect role: frames in, anomalies out, state in a compacted topic. The detectors are in `streams.detecting.engine`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer

from aedilis import metrics
from aedilis.errors import DeclarationError, FrameError
from aedilis.frame import Frame, decode
from aedilis.settings import Settings
from aedilis.topics import ANOMALIES, DETECT_STATE, OBSERVATIONS
from aedilis.vocabulary import Anomaly, Datastream, FrameHeader
from detectors.core.discovery import all_detectors
from registry.check import check_detectors
from registry.follower import Follower
from registry.types import Known
from sensors.compile import CompiledType, compile_type
from sensors.declaration import SensorType
from sensors.registry import load_texts
from streams.app import Role, send_all
from streams.checkpoint import Checkpoints
from streams.detecting.engine import SCHEMA, Engine
from streams.detecting.roster import WITHDRAWN
from streams.detecting.uses import Use, as_use
from streams.partition import Poison, Record, SetBack, Stalled

log = logging.getLogger(__name__)

WAIT_SECONDS = 30.0
"""A frame whose sensor type is not known here is held back for at most so long."""
MOST_BROKEN = 3
"""Frames at which the engine may fail between two checkpoints."""


class DetectJob:
    """Detects in one partition."""

    waiting = False

    def __init__(self, settings: Settings, partition: int, producer: AIOKafkaProducer, types: Types) -> None:
        self._topic = settings.topic(ANOMALIES.name)
        self._partition = partition
        self._producer = producer
        self._types = types
        self._checkpoints = Checkpoints(
            "detect",
            settings.topic(DETECT_STATE.name),
            partition,
            SCHEMA,
            producer,
            settings.kafka,
            settings.checkpoint_seconds,
        )
        self._engine = Engine(all_detectors(), types.pipeline)
        self._faults = Faults()

    async def load(self) -> int | None:
        """Restore arrays and clocks."""
        restored = await self._checkpoints.restore()
        self._engine = Engine(all_detectors(), self._types.pipeline)
        self._engine.restore(restored.chunks)
        return restored.next_offset

    async def apply(self, records: Sequence[Record]) -> None:
        """Apply frames; what they show leaves at once."""
        frames: list[Frame] = []
        poison: Poison | None = None
        for record in records:
            try:
                frames.append(self._faults.decode(record))
            except Poison as found:
                poison = found
                break
        self._types.wait_for(frame.header for frame in frames)
        out = self._faults.apply(self._engine, [record.offset for record in records], frames)
        for anomaly in out:
            if anomaly.revision.sequence == 1:
                metrics.ANOMALIES_OPENED.labels(anomaly.kind).inc()
        await send_all(self._producer, self._topic, self._partition, [(str(a.subject).encode(), a) for a in out])
        if poison is not None:
            raise poison

    async def keep(self, next_offset: int, *, last: bool = False) -> bool:
        """Write a checkpoint when it is due."""
        if not (last or self._checkpoints.due()):
            return False
        await self._checkpoints.write(next_offset, self._engine.changed_chunks(whole=self._checkpoints.whole))
        self._engine.mark_clean()
        self._faults.forget(next_offset)
        return True


class Faults:
    """Finds the frame at which the engine fails, so that the state goes on without it and without half of it.

    After a failure the state is loaded again, and frames up to there are taken one by one. The one that fails alone
    is poison when it comes again. So what is found stays a function of the log.

    Raises:
        Exception: the engine failed at too many; the worker ends rather than drain a city into the dead letters.
    """

    def __init__(self) -> None:
        self._broken: dict[int, str] = {}
        self._careful_until = -1

    def decode(self, record: Record) -> Frame:
        """The frame.

        Raises:
            Poison: it is none, or the engine fails at it.
        """
        if record.offset in self._broken:
            raise Poison(record.offset, self._broken[record.offset])
        try:
            return decode(record.value)
        except FrameError as error:
            raise Poison(record.offset, str(error)) from error

    def apply(self, engine: Engine, offsets: Sequence[int], frames: Sequence[Frame]) -> list[Anomaly]:
        """What the frames show.

        Raises:
            SetBack: the engine failed.
        """
        if not frames:
            return []
        out: list[Anomaly] = []
        careful = offsets[0] <= self._careful_until
        for i, part in enumerate([[frame] for frame in frames] if careful else [frames]):
            try:
                out += engine.apply(part)
            except Exception as error:
                reason = f"the detectors fail at it: {error!r}"
                self._careful_until = max(self._careful_until, offsets[len(frames) - 1])
                if len(part) == 1:
                    if len(self._broken) >= MOST_BROKEN:
                        raise
                    self._broken[offsets[i]] = reason
                log.exception("detectors failed between offsets %d and %d", offsets[0], offsets[len(frames) - 1])
                raise SetBack(reason) from error
        return out

    def forget(self, next_offset: int) -> None:
        """What lies below never comes again."""
        self._broken = {offset: reason for offset, reason in self._broken.items() if offset >= next_offset}


class Types:
    """What each version of a sensor type lets watch: a function of the log, which knows a version before any frame names
    it. A version that the log does not tell is watched as the next newer one that is known, else by nothing.
    """

    def __init__(self, known: Known) -> None:
        self.known = known
        self._missed: dict[tuple[str, int], float] = {}
        self._given_up: set[tuple[str, int]] = set()
        self._compiled: dict[tuple[str, int], CompiledType] = {}
        self._uses: dict[tuple[str, int, str], tuple[Use, ...]] = {}

    async def take(self, name: str, declared: SensorType | None) -> None:
        """Make ready for what is in force from now on.

        Raises:
            DeclarationError: it names a detector or parameters that there are not.
        """
        if declared is not None:
            compiled = await asyncio.to_thread(compile_type, declared)
            check_detectors(compiled)
            self._compiled[name, declared.version] = compiled

    def wait_for(self, headers: Iterable[FrameHeader]) -> None:
        """Call it before anything of a batch is applied, with what its frames name.

        Raises:
            Stalled: a type is not known yet, and was not waited for long enough.
        """
        named: set[tuple[str, int]] = set()
        for header in headers:
            named |= {(one.sensor_type, one.sensor_version) for one in header.datastreams}
            named |= {(name, version) for name, version in header.in_force.items() if version is not None}
        named -= self._given_up
        now = time.monotonic()
        for name, version in sorted(one for one in named if self.known.version(*one) is None):
            if now - self._missed.setdefault((name, version), now) < WAIT_SECONDS:
                raise Stalled(f"sensor type {name}@{version} does not stand in the log")
            log.error("sensor type %s@%d does not stand in the log: a newer one counts, if there is any", name, version)
            self._given_up.add((name, version))

    def pipeline(self, datastream: Datastream) -> tuple[tuple[Use, ...], int]:
        """What watches a Datastream, and its allowed lateness (µs)."""
        version = datastream.sensor_version
        compiled = None if version == WITHDRAWN else self._find(datastream.sensor_type, version)
        if compiled is None:
            return (), 0
        if not compiled.gives(datastream.name, datastream.observed_property, datastream.unit):
            return (), compiled.allowed_lateness  # a version before declared it: it has ended
        key = (compiled.name, compiled.version, datastream.observed_property)
        if key not in self._uses:
            self._uses[key] = tuple(map(as_use, compiled.detectors_of(datastream.observed_property)))
        return self._uses[key], compiled.allowed_lateness

    def _find(self, name: str, version: int) -> CompiledType | None:
        if (name, version) in self._compiled:
            return self._compiled[name, version]
        found = next((one for number, one in self.known.versions(name).items() if number >= version), None)
        if found is None:
            return None
        try:
            compiled = compile_type(found.declared)
            check_detectors(compiled)
        except DeclarationError as error:
            log.error("nothing watches what %s@%d reads: %s", name, version, error)
            return None
        if found.version == version:
            self._compiled[name, version] = compiled
        return compiled


def role(settings: Settings) -> Role:
    """The detect role.

    Raises:
        DeclarationError: a file has faults, or names a detector or parameters that there are not.
    """
    files = load_texts(settings.sensor_types)
    for declared, _ in files.values():
        check_detectors(compile_type(declared))
    types = Types(Known(files))
    follower = Follower(settings, "detect", types.known, types.take)
    return Role(
        "detect",
        (OBSERVATIONS,),
        lambda _, partition, producer: DetectJob(settings, partition, producer, types),
        follower.open,
        follower.close,
    )
