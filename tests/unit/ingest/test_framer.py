"""Frames carry the observations of a partition, the declarations that it has not seen, counts that add up, and ticks."""

import math

import numpy as np
import pytest

from aedilis.frame import NO_TIME, Frame, decode, encode
from aedilis.identity import datastream_id
from ingest.framer import Framer
from tests.unit.ingest.making import SOIL, Making


def only(framer: Framer) -> Frame:
    ((_, frame),) = framer.frames()
    return decode(encode(frame))


def test_a_frame_holds_what_came_in_the_order_it_came() -> None:
    at = Making()
    a, b = at.channel("t"), at.channel("u", kind=SOIL)
    for channel, time, number, flag, told in (
        (a, 10, 1.5, "V", 12),
        (b, 11, math.nan, None, NO_TIME),
        (a, 9, -2.0, "N", NO_TIME),
        (a, 8, 3.0, "V", NO_TIME),
    ):
        at.add(channel, time, number, flag, told)
    assert at.framer.pending() == 4
    frame = only(at.framer)
    t, u = datastream_id("demo", "t", "x"), datastream_id("demo", "u", "x")
    assert frame.datastream.tolist() == [t, u, t, t]
    assert frame.phenomenon_time.tolist() == [10, 11, 9, 8]
    np.testing.assert_array_equal(frame.result, [1.5, np.nan, -2.0, 3.0])
    assert frame.quality.tolist() == [1, 9, 1, 1]
    assert [frame.raw_flags[code] if code >= 0 else None for code in frame.raw_flag_code] == ["V", None, "N", "V"]
    assert [frame.sensor_types[code] for code in frame.sensor_type_code] == ["air@1", "soil@2", "air@1", "air@1"]
    assert frame.result_time.tolist() == [12, NO_TIME, NO_TIME, NO_TIME]
    assert frame.ingested_at.tolist() == [99] * 4
    assert at.framer.pending() == 0
    assert at.framer.frames() == []


def test_each_partition_has_its_own_frame_sequence_and_words() -> None:
    at = Making()
    a, c = at.channel("t", "a"), at.channel("u", "c", SOIL)
    at.channel("v", "b")
    for time in range(4):
        at.add(a, time, flag=f"f{time}")
        at.add(c, 10 + time)
    first = at.framer.frames()
    assert [(partition, frame.header.sequence) for partition, frame in first] == [(0, 1), (1, 1)]
    assert [frame.phenomenon_time.tolist() for _, frame in first] == [[0, 1, 2, 3], [10, 11, 12, 13]]
    assert [frame.raw_flags for _, frame in first] == [("f0", "f1", "f2", "f3"), ()]
    assert [frame.sensor_types for _, frame in first] == [("air@1",), ("soil@2",)]
    at.add(c, 2)
    assert [(partition, frame.header.sequence) for partition, frame in at.framer.frames()] == [(1, 2)]


def test_a_datastream_is_announced_once() -> None:
    at = Making()
    a, b = at.channel("t"), at.channel("u")
    for channel in (a, b, a):
        at.add(channel, 1)
    assert [one.thing.name for one in only(at.framer).header.datastreams] == ["t", "u"]
    at.add(a, 2)
    assert only(at.framer).header.datastreams == ()


def test_no_frame_announces_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.framer.ANNOUNCED_AT_ONCE", 3)
    at = Making()
    numbers = [at.channel(f"t{i}") for i in range(7)]
    sent = [0, 0, 1, 2, 1, 3, 4, 0, 5, 6, 6, 2]
    for time, i in enumerate(sent):
        at.add(numbers[i], time)
    frames = [frame for _, frame in at.framer.frames(tick=5)][:-2]
    assert [len(frame.header.datastreams) for frame in frames] == [3, 3, 1]
    assert [len(frame) for frame in frames] == [5, 4, 3]
    assert [time for frame in frames for time in frame.phenomenon_time.tolist()] == list(range(len(sent)))
    assert [frame.header.sequence for frame in frames] == [1, 2, 3]
    assert [frame.header.counts.framed for frame in frames] == [5, 9, 12]
    assert [frame.header.tick for frame in frames] == [None, None, 5], "the time is told after all that came before"


def test_counts_add_up_over_frames_and_partitions() -> None:
    at = Making()
    one = at.framer
    one.messages, one.messages_rejected, one.observations_rejected = 5, 1, 2
    a, b = at.channel("t", "a"), at.channel("u", "b")
    at.add(a, 1)
    at.add(b, 1, math.nan)
    first = {partition: frame.header.counts for partition, frame in one.frames()}
    assert [counts.framed for counts in first.values()] == [1, 1]
    at.add(b, 2)
    last = only(one).header.counts
    assert last.published == 5 == first[0].framed + last.framed + last.observations_rejected
    assert (last.messages, last.messages_rejected, last.observations_rejected, last.missing, last.framed) == (
        5,
        1,
        2,
        1,
        2,
    )


def test_a_tick_goes_into_every_partition() -> None:
    at = Making()
    a = at.channel("t", "a")
    at.add(a, 1)
    frames = at.framer.frames(tick=77)
    assert [(partition, len(frame), frame.header.tick) for partition, frame in frames] == [
        (0, 1, 77),
        (1, 0, 77),
        (2, 0, 77),
    ]
    assert len(decode(encode(frames[1][1]))) == 0
    assert frames[1][1].header.counts.published == 1


def test_closing_says_the_last_word_in_every_partition() -> None:
    at = Making()
    at.add(at.channel("t"), 1)
    frames = [decode(encode(frame)) for _, frame in at.framer.frames(closing=True)]
    assert [frame.header.closing for frame in frames] == [True, True, True]
    assert [frame.header.counts.framed for frame in frames] == [1, 0, 0]


def test_versions_in_force_are_told_once_to_each_partition_and_again_after_a_change() -> None:
    at = Making()
    a = at.channel("t")
    at.framer.tell({"air": 1})
    told = []
    for tick in (None, 5, 6):
        at.add(a, 10)
        told.append([(number, decode(encode(frame)).header.in_force) for number, frame in at.framer.frames(tick)])
    mine = told[0][0][0]
    assert told[0] == [(mine, {"air": 1})]
    assert told[1] == [(number, {} if number == mine else {"air": 1}) for number in range(3)]
    assert told[2] == [(number, {}) for number in range(3)]
    at.framer.tell({"air": None})
    assert [frame.header.in_force for _, frame in at.framer.frames(7)] == [{"air": None}] * 3
