"""The detect role: frames in, anomalies out, state in a compacted topic. The detectors are in `streams.engine`."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer

from aedilis import metrics
from aedilis.errors import DeclarationError, FrameError
from aedilis.frame import Frame, decode
from aedilis.settings import Settings
from aedilis.topics import ANOMALIES, DETECT_STATE, OBSERVATIONS
from aedilis.vocabulary import Anomaly, Datastream, Thing
from detectors.discovery import all_detectors
from sensors.compile import CompiledType, compile_type
from sensors.registry import load
from streams.app import Role, send_all
from streams.checkpoint import Checkpoints
from streams.engine import SCHEMA, Engine, Use
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
        self._types.wait_for(one for frame in frames for one in frame.header.datastreams)
        out = self._faults.apply(self._engine, [record.offset for record in records], frames)
        for anomaly in out:
            if anomaly.revision.sequence == 1:
                metrics.ANOMALIES_OPENED.labels(anomaly.kind).inc()
        await send_all(self._producer, self._topic, self._partition, [(str(a.datastream).encode(), a) for a in out])
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
    """The sensor types of this worker, read again when a frame names one that it does not know.

    Raises:
        DeclarationError: a file has faults, or names a detector or parameters that there are not.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._missed: dict[tuple[str, int], float] = {}
        self._given_up: set[tuple[str, int]] = set()
        self._types = self._read()
        self._uses: dict[tuple[str, str], tuple[Use, ...]] = {}

    def _read(self) -> dict[str, CompiledType]:
        types = {name: compile_type(declared) for name, declared in load(self._folder).items()}
        for compiled in types.values():
            _check(compiled)
        return types

    def _knows(self, name: str, version: int) -> bool:
        compiled = self._types.get(name)
        return compiled is not None and compiled.version >= version

    def wait_for(self, datastreams: Iterable[Datastream]) -> None:
        """Call it before anything of a batch is applied.

        Raises:
            Stalled: a type is not known yet, and was not waited for long enough.
        """
        named = {(one.sensor_type, one.sensor_version) for one in datastreams} - self._given_up
        if all(self._knows(*one) for one in named):
            return
        try:
            self._types = self._read()
            self._uses.clear()
        except DeclarationError as error:
            log.error("the sensor types stay as they were: %s", error)
        now = time.monotonic()
        for name, version in sorted(one for one in named if not self._knows(*one)):
            if now - self._missed.setdefault((name, version), now) < WAIT_SECONDS:
                raise Stalled(f"sensor type {name}@{version} is not declared here; is AEDILIS_SENSOR_TYPES the same?")
            log.error("sensor type %s@%d is not declared here: nothing watches its Datastreams", name, version)
            self._given_up.add((name, version))

    def pipeline(self, datastream: Datastream) -> tuple[tuple[Use, ...], int]:
        """What watches a Datastream, and its allowed lateness (µs). A type not declared here is watched by nothing."""
        compiled = self._types.get(datastream.sensor_type)
        if compiled is None:
            return (), 0
        key = (datastream.sensor_type, datastream.observed_property)
        if key not in self._uses:
            self._uses[key] = tuple(
                Use(use.name, use.severity, use.open, use.close, use.n_open, use.n_close, dict(use.parameters))
                for use in compiled.detectors_of(datastream.observed_property)
            )
        return self._uses[key], compiled.allowed_lateness


def _check(compiled: CompiledType) -> None:
    declared, faults = compiled.declared, []
    sample = Datastream(0, Thing(0, "", "", "", 0), "", "", "", declared.name, declared.version, 1_000_000)
    for i, prop in enumerate(declared.properties):
        for use in compiled.detectors_of(prop.name):
            known = all_detectors()
            if use.name not in known:
                faults.append(f"- at $.properties[{i}]: no detector {use.name!r}; there are {', '.join(sorted(known))}")
                continue
            try:
                known[use.name].parameters_of(dict(use.parameters), sample)
            except ValueError as error:
                faults.append(f"- at $.properties[{i}], detector {use.name}: {error}")
    if faults:
        raise DeclarationError(name=declared.name, count=len(faults), faults="\n".join(dict.fromkeys(faults)))


def role(settings: Settings) -> Role:
    """The detect role."""
    types = Types(settings.sensor_types)
    return Role(
        "detect", (OBSERVATIONS,), lambda _, partition, producer: DetectJob(settings, partition, producer, types)
    )
