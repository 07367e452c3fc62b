"""From what a sensor type declares to what the engine takes."""

from __future__ import annotations

from collections.abc import Mapping

from sensors.compile import CompiledType
from sensors.declaration import DetectorUse
from sensors.judge import Judge
from sensors.values import ValueReader
from streams.detecting.uses import Use


def as_use(use: DetectorUse, more: Mapping[str, float | int | bool | str] | None = None) -> Use:
    """The same for the engine, with more parameters if need be."""
    parameters = {**use.parameters, **(more or {})}
    return Use(use.name, use.severity, use.open, use.close, use.n_open, use.n_close, parameters)


def judge_of(compiled: CompiledType) -> Judge:
    """By the limits of a type; row i is its i-th property. Numbers stand in the Datastream's unit, as in tables and files."""
    return Judge([_in_own_unit(reader, compiled) for reader in compiled.readers])


def _in_own_unit(reader: ValueReader, compiled: CompiledType) -> ValueReader:
    return ValueReader(reader.prop.model_copy(update={"payload_unit": None}), compiled.declared)
