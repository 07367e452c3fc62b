"""What is measured is true work: the declared way and the one by hand read the same."""

from __future__ import annotations

import json
import math

import pytest

from bench import by_hand, formats
from sensors.batch import Batch, Channels
from sensors.compile import compile_type
from sensors.declaration import SensorType
from sensors.format import Format, Memory, all_formats


@pytest.mark.parametrize("format_", all_formats().values(), ids=lambda format_: format_.name)
def test_every_format_can_be_measured_by_its_example(format_: Format) -> None:
    example = format_.example
    reading = formats.Reading(formats.declaration_of(format_), example.topic, example.before)
    assert reading.all([example.payload] * 2) >= 2


@pytest.mark.parametrize("kind", by_hand.KINDS, ids=lambda kind: kind.name)
def test_both_ways_read_the_same(kind: by_hand.Kind) -> None:
    declared = compile_type(SensorType.model_validate(kind.declaration))
    channels, batch = Channels([declared]), Batch()
    fields = declared.matches(kind.topic)
    assert fields is not None
    source = declared.source(kind.topic, fields, channels, Memory())
    found: by_hand.Found = []
    for i in range(20):
        message = kind.message(i)
        assert not source.read(message, by_hand.RECEIVED, batch)
        kind.by_hand(json.loads(message) if kind.is_json else message.decode(), found)
    columns = channels.judged(batch)
    names = [channels.seen[number].name for number in columns.channel]
    results = zip(names, columns.phenomenon_time, columns.result, columns.quality, strict=True)
    assert sorted(results) == sorted(found)


@pytest.mark.parametrize("kind", by_hand.KINDS, ids=lambda kind: kind.name)
def test_messages_differ_in_their_times(kind: by_hand.Kind) -> None:
    assert kind.message(1) != kind.message(2)


def test_figures_become_tables() -> None:
    figures = formats.run(20, 1, lambda text: None)
    assert [one.format for one in figures.formats] == list(all_formats())
    assert [one.kind for one in figures.by_hand] == [kind.name for kind in by_hand.KINDS]
    for one in figures.by_hand:
        assert math.isclose(one.ratio, one.declared_us / one.by_hand_us)
    for sheet in formats.sheets(figures):
        assert all(len(row) == len(sheet.columns) for row in sheet.rows)
