"""The detect role: frames in, anomalies out, state in a compacted topic. The detectors are in `streams.engine`."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from aedilis import metrics
from aedilis.errors import FrameError
from aedilis.frame import decode
from aedilis.settings import Settings
from aedilis.topics import ANOMALIES, DETECT_STATE, OBSERVATIONS
from aedilis.vocabulary import Anomaly, Datastream
from detectors.discovery import all_detectors
from sensors.compile import CompiledType, compile_type
from sensors.registry import load
from streams.app import Role, send_all
from streams.checkpoint import Checkpoints
from streams.engine import SCHEMA, Engine, Pipeline, Use
from streams.partition import Poison, Record


class DetectJob:
    """Detects in one partition."""

    def __init__(self, settings: Settings, partition: int, producer: AIOKafkaProducer, pipeline: Pipeline) -> None:
        self._topic = settings.topic(ANOMALIES.name)
        self._partition = partition
        self._producer = producer
        self._pipeline = pipeline
        self._checkpoints = Checkpoints(
            "detect",
            settings.topic(DETECT_STATE.name),
            partition,
            SCHEMA,
            producer,
            settings.kafka,
            settings.checkpoint_seconds,
        )
        self._engine = Engine(all_detectors(), pipeline)

    async def load(self) -> int | None:
        """Restore arrays and clocks."""
        restored = await self._checkpoints.restore()
        self._engine = Engine(all_detectors(), self._pipeline)
        self._engine.restore(restored.chunks)
        return restored.next_offset

    async def apply(self, records: Sequence[Record]) -> None:
        """Apply frames; what they show leaves at once."""
        out: list[Anomaly] = []
        poison: Poison | None = None
        for record in records:
            try:
                frame = decode(record.value)
            except FrameError as error:
                poison = Poison(record.offset, str(error))
                break
            out += self._engine.apply(frame)
        for anomaly in out:
            if anomaly.ends_at is None:
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
        return True


def pipeline_of(types: dict[str, CompiledType]) -> Pipeline:
    """What watches a Datastream, by its sensor type. A type that is not declared here is watched by nothing."""

    def pipeline(datastream: Datastream) -> tuple[tuple[Use, ...], int]:
        compiled = types.get(datastream.sensor_type)
        if compiled is None:
            return (), 0
        uses = tuple(
            Use(use.name, use.severity, use.open, use.close, use.n_open, use.n_close, dict(use.parameters))
            for use in compiled.detectors_of(datastream.observed_property)
        )
        return uses, compiled.allowed_lateness

    return pipeline


def role(settings: Settings) -> Role:
    """The detect role."""
    pipeline = pipeline_of({name: compile_type(declared) for name, declared in load(settings.sensor_types).items()})
    return Role(
        "detect", (OBSERVATIONS,), lambda _, partition, producer: DetectJob(settings, partition, producer, pipeline)
    )
