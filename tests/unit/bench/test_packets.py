"""The load says what its sensor types declare, one length a packet, times and packet numbers where they belong."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.packets import FORMS, Form, Packets
from sensors.compile import CompiledType, Decoded, compile_type
from sensors.registry import load

NOW = 1_767_600_000_123_456
TYPES = {name: compile_type(one) for name, one in load(str(Path(str(files("bench") / "types")))).items()}


def cut(block: memoryview, size: int, qos: int) -> list[tuple[str, bytes, int]]:
    """(topic, payload, packet number) of each packet, by the rules of MQTT 3.1.1."""
    raw, found = bytes(block), []
    while raw:
        assert raw[0] == 0x30 | qos << 1
        length, at = 0, 1
        while True:
            length |= (raw[at] & 127) << 7 * (at - 1)
            at += 1
            if not raw[at - 1] & 128:
                break
        assert at + length == size
        body, raw = raw[at : at + length], raw[at + length :]
        topic_length = int.from_bytes(body[:2], "big")
        topic, rest = body[2 : 2 + topic_length].decode(), body[2 + topic_length :]
        found.append((topic, rest[2:] if qos else rest, int.from_bytes(rest[:2], "big") if qos else 0))
    return found


def read(compiled: CompiledType, topic: str, payload: bytes) -> Decoded:
    fields = compiled.matches(topic)
    assert fields is not None
    return compiled.decode(fields, payload, NOW)


def times(count: int, first: int = NOW) -> Any:
    return first + np.arange(count, dtype=np.int64)


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("form", FORMS.values(), ids=lambda form: form.thing)
def test_each_message_is_read_whole_by_its_sensor_type(form: Form, qos: int) -> None:
    packets = Packets(form, 7, qos, agency="bench")
    things: set[str] = set()
    names: set[str] = set()
    results: list[float] = []
    for number, (topic, payload, packet) in enumerate(cut(packets.block(0, 7, times(7)), packets.size, qos)):
        decoded = read(TYPES[form.sensor_type], topic, payload)
        assert not decoded.rejects
        assert len(decoded.observations) == form.in_message
        assert {one.phenomenon_time for one in decoded.observations} == {NOW + number}
        assert packet == (number + 1 if qos else 0)
        things.add(decoded.thing)
        names.update(one.datastream_name for one in decoded.observations)
        results += [one.result for one in decoded.observations]
    assert len(things) == 7
    assert len(names) == form.in_message
    assert all(10 <= result <= 94 for result in results)
    assert len(set(results)) > 1, "a result that stands still is stuck"


def test_a_block_ends_with_the_last_thing_and_the_next_begins_with_the_first() -> None:
    packets = Packets(FORMS["single"], 5, 1, agency="bench")
    assert len(packets.block(3, 10, times(10))) == 2 * packets.size
    ((topic, _, packet),) = cut(packets.block(5, 1, times(1)), packets.size, 1)
    assert topic == "city/bench/single-000000/bench-single"
    assert packet == 3


def test_packet_numbers_pass_over_zero() -> None:
    packets = Packets(FORMS["single"], 1_000, 1, agency="bench")
    numbers: list[int] = []
    for turn in range(66):
        rows = np.frombuffer(packets.block(turn * 1_000, 1_000, times(1_000)), np.uint8).reshape(-1, packets.size)
        numbers += rows[:, packets.number_at : packets.number_at + 2].copy().view(">u2").ravel().tolist()
    assert numbers[65_534:65_537] == [65_535, 1, 2]


@pytest.mark.parametrize("form", FORMS.values(), ids=lambda form: form.thing)
def test_each_round_other_things_are_out_of_range(form: Form) -> None:
    packets = Packets(form, 9, 0, agency="bench")

    def out_of_range(turn: int) -> list[int]:
        found = []
        for first, wanted in ((0, 4), (4, 5)):  # however it is cut into blocks
            block = packets.block(turn * 9 + first, wanted, times(wanted), every=3)
            for number, (topic, payload, _) in enumerate(cut(block, packets.size, 0)):
                observations = read(TYPES[form.sensor_type], topic, payload).observations
                assert all(one.result < 95 for one in observations[1:])
                if observations[0].result > 95:
                    found.append(first + number)
        return found

    assert [out_of_range(turn) for turn in range(4)] == [[0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 3, 6]]
