"""The quality tests of a sensor type for values that stand in the units of its Datastreams already."""

from __future__ import annotations

from sensors.compile import CompiledType
from sensors.judge import Judge
from sensors.values import ValueReader


def judge_of(compiled: CompiledType) -> Judge:
    """By the limits of a type; row i is its i-th property. Numbers stand in the Datastream's unit, as in tables and files."""
    return Judge([_in_own_unit(reader, compiled) for reader in compiled.readers])


def _in_own_unit(reader: ValueReader, compiled: CompiledType) -> ValueReader:
    return ValueReader(reader.prop.model_copy(update={"payload_unit": None}), compiled.declared)
