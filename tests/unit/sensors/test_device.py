"""Messages fill a batch; the short way, of what was seen before, gives what the exact one gives."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aedilis.vocabulary import Quality, Test
from sensors.batch import Batch, Channels, Columns
from sensors.compile import CompiledType, compile_type
from sensors.device import Device, Problem
from sensors.format import Memory
from sensors.payload import Refused
from sensors.registry import load
from tests.unit.sensors.declaring import RECEIVED, TOPIC, compiled

NOW = "2026-06-01T00:00:00Z"
ODD = compiled(
    {"name": "a", "unit": "Cel", "payload_unit": "degF", "sentinels": [-999], "fail": [-50, 60]},
    {"name": "b", "unit": "1", "boolean": True},
    {"name": "c", "unit": "ug/m3", "payload_unit": "mg/m3"},
    {"name": "d", "unit": "deg", "categories": {"N": 0.0, "NNW": 337.5}},
    payload={"flag": "flag", "zone": "zone", "longitude": "x", "latitude": "y", "numeric_text": True, "ignore": ["i"]},
    time={"result_time": "sent"},
)
DERIVED = compiled(
    {"name": "a", "unit": "Cel", "payload_unit_from": "u", "sentinels": [-999]},
    {"name": "b", "unit": "1", "compute": "value / x", "boolean": True},
    {"name": "c", "unit": "1", "compute": "x + y"},
    inputs={"x": "a", "y": "b"},
    payload={"flag": "flag", "flags": {"V": "suspect"}, "ignore": ["*"]},
)
TYPES = [
    *(kind for kind in map(compile_type, load().values()) if not kind.format_speaks and kind.name_of is None),
    ODD,
    DERIVED,
]
"""Those whose messages a device reads without a gateway."""


class OneByOne(Device):
    """Remembers nothing, and takes no numbers at once."""

    def _as_before(self, record: dict[str, Any], finite: bool) -> None:
        return None

    def _exactly(self, record: dict[str, Any], finite: bool, root: str, problems: list[Problem]) -> Any:
        labels = self._kind.labels_of(record)
        self._kind.layout_of(record, root)
        properties, numbers = self._one_by_one(record, root, problems)
        return self._channels(properties, labels), numbers, None


def device_of(kind: CompiledType, channels: Channels) -> Device:
    """What reads the messages of the topic of these tests."""
    device = kind.source("", TOPIC, channels, Memory())
    assert isinstance(device, Device)
    return device


def results(kind: CompiledType, device: type[Device], payloads: list[bytes]) -> tuple[list[Any], Columns, list[str]]:
    """What one after the other gave: problems or refusal and place of each, columns of all, names of channels."""
    channels, batch = Channels([kind]), Batch()
    one = device(kind, *TOPIC.values(), channels)
    told: list[Any] = []
    for i, payload in enumerate(payloads):
        before = len(batch)
        try:
            told.append((one.read(payload, RECEIVED + i, batch), one.place))
        except Refused as refused:
            told.append(str(refused))
            assert len(batch) == before
    found = channels.judged(batch)
    return told, found, [channels.seen[number].name for number in found.channel]


TOKENS = st.floats(-50, 1500).map(repr) | st.integers(-(10**6), 10**6).map(str)
ODDITIES = st.sampled_from(
    ["null", "true", "-0.0", "-999", "NaN", "1e999", "1e308", "9" * 400, '"12"', '"NNW"', '"up"', "[]", "{}"]
)
TIMES = st.sampled_from([f'"{NOW}"', '"2026-05-01T00:00:00Z"', '"2026-05-01T00:00:00"', '"soon"', "5", "null", "true"])
PLACES = st.sampled_from(["12.5", "13", '"north"', '"a/b"', "1", "true", "null", "181", '""', "[]"])
LABELS = st.sampled_from(['"beans"', '"a/b"', '"x%2Fy"', '""', "5", "null", "[1]", "{}"])


@st.composite
def payloads(draw: st.DrawFn, kind: CompiledType) -> bytes:
    """A message of this type, more or less."""
    payload, time = kind.declared.payload, kind.declared.time

    def members(chosen: dict[str, st.SearchStrategy[str]]) -> str:
        keys = draw(st.lists(st.sampled_from(sorted(chosen)), unique=draw(st.booleans()), max_size=len(chosen) + 1))
        return ", ".join(f"{json.dumps(key)}: {draw(chosen[key])}" for key in keys)

    def record() -> str:
        values = st.one_of(TOKENS, TOKENS, TOKENS, ODDITIES) if draw(st.booleans()) else TOKENS
        parts = members({key: values for key in [*kind.property_of, *draw(st.sampled_from([[], ["what"]]))]})
        head = [f'"{time.field}": {draw(TIMES) if draw(st.integers(0, 5)) == 0 else json.dumps(NOW)}']
        head += [f'"{key}": {draw(LABELS)}' for key in payload.labels]
        extras = {key: TIMES for key in (time.result_time, payload.flag) if key}
        return ", ".join(part for part in (*head, members(extras) if extras else "", parts) if part)

    place = {key: PLACES for key in (payload.zone, payload.longitude, payload.latitude) if key}
    whole = members(place) if place else ""
    if payload.records is None:
        whole = ", ".join(part for part in (whole, record()) if part)
    else:
        records = ", ".join(f"{{{record()}}}" for _ in range(draw(st.integers(0, 4))))
        whole = ", ".join(part for part in (whole, f'"{payload.records}": [{records}]') if part)
    return f"{{{whole}}}".encode()


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_the_short_way_gives_what_the_exact_one_gives(kind: CompiledType, data: st.DataObject) -> None:
    few = data.draw(st.lists(payloads(kind), min_size=1, max_size=3))
    sent = [*few, *few[::-1]]
    told, found, names = results(kind, Device, sent)
    told_exactly, found_exactly, names_exactly = results(kind, OneByOne, sent)
    assert repr(told) == repr(told_exactly)
    assert names == names_exactly
    for one, other in zip(found[1:], found_exactly[1:], strict=True):  # channels are numbered as they were seen
        np.testing.assert_array_equal(one, other)
    assert np.array_equal(np.signbit(found.result), np.signbit(found_exactly.result))


BASE = f'{{"zone": "north", "x": 1, "y": 41.5, "time": "{NOW}", "a": 50, "b": 1, "c": 2.5, "flag": "V"}}'
SECOND = [
    ("50", "true"), ("50", "-999"), ("50", "1e400"), ("50", "NaN"), ("50", '"50"'), ("50", "-0.0"), ("50", "9" * 400),
    ('"b": 1', '"b": true'), ("2.5", "1e308"), ("2.5", "-1e308"), ("2.5", "null"), ("2.5", "[]"), ('"c": 2.5', '"b": 3'),
    ('"x": 1', '"x": true'), ('"x": 1', '"x": 1.0'), ("41.5", "91"), ("41.5", "null"), ('"north"', "5"),
    ('"north"', '""'), (f'"{NOW}"', "null"), (NOW, "2026-05-01T00:00:00Z"), ('"flag": "V"', '"flag": null'),
    ('"V"', '"N"'), ('"c": 2.5', '"d": "NNW"'), ('"c": 2.5', '"d": 3, "c": 2'), ('"c": 2.5', '"i": "x"'),
    ('"c": 2.5', '"what": 1'), ('"c"', '"sent": "2026-05-01T00:00:00Z", "c"'), ("}", ""),
]  # fmt: skip
"""What may change from one message to the next."""


@pytest.mark.parametrize(("old", "new"), SECOND)
def test_a_second_message_that_is_a_little_different(old: str, new: str) -> None:
    assert old in BASE
    nowhere = BASE.replace('"zone": "north", "x": 1, "y": 41.5, ', "")
    sent = [one.encode() for one in (BASE, BASE.replace(old, new), nowhere, BASE)]
    told, found, names = results(ODD, Device, sent)
    told_alone = [results(ODD, OneByOne, [one])[0][0] for one in sent]
    assert repr(told) == repr(told_alone), "what is told does not depend on what came before"
    _, exactly, names_exactly = results(ODD, OneByOne, sent)
    assert names == names_exactly
    for one, other in zip(found[1:], exactly[1:], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("degF", "Cel"), ("degF", "kg"), ('"degF"', "null"), ('"degF"', "5"), ("50", "-999"), ("50", "null"), ("50", '"x"'),
        ("50", "0"), ("50", "1e400"), ("2.5", "true"), ("2.5", "null"), ("2.5", "{}"), (', "b": 2.5', ""), ("V", "N"),
        ('"what"', '"c"'),
    ],
)  # fmt: skip
def test_units_and_expressions_the_second_time(old: str, new: str) -> None:
    base = f'{{"time": "{NOW}", "a": 50, "u": "degF", "b": 2.5, "what": 1, "flag": "V"}}'
    assert old in base
    sent = [one.encode() for one in (base, base.replace(old, new), base)]
    told, found, names = results(DERIVED, Device, sent)
    assert repr(told) == repr([results(DERIVED, OneByOne, [one])[0][0] for one in sent])
    _, exactly, names_exactly = results(DERIVED, OneByOne, sent)
    assert names == names_exactly
    for one, other in zip(found[1:], exactly[1:], strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(names) >= 6


def test_what_was_seen_before_is_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, channels = Batch(), Channels([ODD])
    device = device_of(ODD, channels)
    payload = json.dumps({"time": NOW, "a": 212, "b": 1.5, "c": None, "flag": "V"}).encode()
    device.read(payload, RECEIVED, batch)
    monkeypatch.setattr(Device, "_exactly", None)
    device.read(payload, RECEIVED + 1, batch)
    found = channels.judged(batch)
    assert found.channel.tolist() == [0, 1, 2] * 2
    np.testing.assert_array_equal(found.result, [100.0, 1.5, np.nan] * 2)
    assert found.quality.tolist() == [4, 1, 9] * 2
    assert [found.flags[code] for code in found.flag] == ["V"] * 6
    assert found.received_at.tolist() == [RECEIVED] * 3 + [RECEIVED + 1] * 3


def test_records_of_several_times_keep_their_own() -> None:
    kind = compiled({"name": "v", "unit": "1", "datastream": "{of}"}, payload={"records": "r", "labels": ["of"]})
    times = ["2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-05-01T00:01:00Z", "2026-05-01T00:00:00Z"]
    records = [{"time": time, "of": f"n{i % 2}", "v": i} for i, time in enumerate(times)]
    _, found, names = results(kind, Device, [json.dumps({"r": records}).encode()] * 2)
    start = found.phenomenon_time[0]
    assert (found.phenomenon_time - start).tolist() == [0, 0, 60_000_000, 0] * 2
    assert found.result.tolist() == [0, 1, 2, 3] * 2
    assert names == ["n0", "n1"] * 4


def test_what_it_remembers_is_bounded() -> None:
    names = [f"p{i}" for i in range(8)]
    kind = compiled(*({"name": name, "unit": "1"} for name in names))
    channels, batch = Channels([kind]), Batch()
    device = device_of(kind, channels)
    for chosen in range(1, 256):
        values = {name: 1.0 for i, name in enumerate(names) if chosen >> i & 1}
        device.read(json.dumps({"time": NOW, **values}).encode(), RECEIVED, batch)
    assert len(channels.seen) == 8
    assert len(device._known) < 50
    assert len(batch) == 8 * 128


def test_a_new_form_is_remembered_however_many_there_were(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = compiled({"name": "v", "unit": "1"}, payload={"labels": ["of"], "ignore": [f"i{n}" for n in range(100)]})
    device, batch = device_of(kind, Channels([kind])), Batch()
    for n in range(100):
        payload = json.dumps({"time": NOW, "of": "x", f"i{n}": 0, "v": 1.0}).encode()
        device.read(payload, RECEIVED, batch)
    monkeypatch.setattr(Device, "_exactly", None)
    device.read(payload, RECEIVED, batch)
    assert set(batch.channel) == {0}


def test_a_time_that_the_clocks_leave_open_is_marked_and_only_that() -> None:
    kind = compiled(payload={"records": "list"}, time={"timezone": "Europe/Rome"})
    times = ("2025-10-26T01:30:00", "2025-10-26T02:30:00", "2025-10-26T03:30:00")
    found = kind.decode(
        {"agency": "a", "thing": "t"},
        json.dumps({"list": [{"time": time, "value": 1} for time in times]}).encode(),
        RECEIVED,
    ).observations
    assert [one.quality for one in found] == [Quality.GOOD, Quality.SUSPECT, Quality.GOOD]
    assert [one.tests for one in found] == [Test.NONE, Test.AMBIGUOUS_TIME, Test.NONE]
