"""Frames carry the observations of a partition, the declarations that it has not seen, counts that add up, and ticks."""

import math

import numpy as np

from aedilis.frame import NO_TIME, Frame, decode, encode
from aedilis.vocabulary import Datastream, Quality, Test, Thing
from ingest.framer import Framer
from sensors.compile import DecodedObservation


def datastream(number: int, partition: int = 0, version: int = 1) -> Datastream:
    thing = Thing(number, "demo", f"t{number}", "demo/z", partition)
    return Datastream(number, thing, "x", "x", "1", "air", version, 60)


def observation(time: int, result: float = 1.5, flag: str | None = None, told: int | None = None) -> DecodedObservation:
    quality = Quality.MISSING if math.isnan(result) else Quality.GOOD
    return DecodedObservation("x", "x", "1", 60, time, result, quality, Test.NONE, flag, told)


def framer() -> Framer:
    return Framer("ingest-1", 3)


def only(framer: Framer, tick: int | None = None) -> Frame:
    ((_, frame),) = framer.frames(tick)
    return decode(encode(frame))


def test_a_frame_holds_what_came_in_the_order_it_came() -> None:
    one = framer()
    a, b = datastream(7), datastream(-8)
    for declared, observed in (
        (a, observation(10, 1.5, "V", 12)),
        (b, observation(11, math.nan)),
        (a, observation(9, -2.0, "N")),
        (a, observation(8, 3.0, "V")),
    ):
        one.add(declared, observed, 99)
    assert one.pending() == 4
    frame = only(one)
    assert frame.datastream.tolist() == [7, -8, 7, 7]
    assert frame.phenomenon_time.tolist() == [10, 11, 9, 8]
    np.testing.assert_array_equal(frame.result, [1.5, np.nan, -2.0, 3.0])
    assert frame.quality.tolist() == [1, 9, 1, 1]
    assert [frame.raw_flags[code] if code >= 0 else None for code in frame.raw_flag_code] == ["V", None, "N", "V"]
    assert [frame.sensor_types[code] for code in frame.sensor_type_code] == ["air@1"] * 4
    assert frame.result_time.tolist() == [12, NO_TIME, NO_TIME, NO_TIME]
    assert frame.ingested_at.tolist() == [99] * 4
    assert one.pending() == 0
    assert one.frames() == []


def test_each_partition_has_its_own_frame_and_sequence() -> None:
    one = framer()
    one.add(datastream(1, 0), observation(1), 0)
    one.add(datastream(2, 2), observation(1), 0)
    assert [(partition, frame.header.sequence) for partition, frame in one.frames()] == [(0, 1), (2, 1)]
    one.add(datastream(2, 2), observation(2), 0)
    assert [(partition, frame.header.sequence) for partition, frame in one.frames()] == [(2, 2)]


def test_a_datastream_is_announced_once_and_again_when_it_changes() -> None:
    one = framer()
    first, changed = datastream(1), datastream(1, version=2)
    for declared in (first, first):
        one.add(declared, observation(1), 0)
    assert only(one).header.datastreams == (first,)
    one.add(first, observation(2), 0)
    assert only(one).header.datastreams == ()
    one.add(changed, observation(3), 0)
    frame = only(one)
    assert frame.header.datastreams == (changed,)
    assert frame.sensor_types == ("air@2",)


def test_counts_add_up_over_frames_and_partitions() -> None:
    one = framer()
    one.messages, one.messages_rejected, one.observations_rejected = 5, 1, 2
    one.add(datastream(1, 0), observation(1), 0)
    one.add(datastream(2, 1), observation(1, math.nan), 0)
    first = {partition: frame.header.counts for partition, frame in one.frames()}
    assert [counts.framed for counts in first.values()] == [1, 1]
    one.add(datastream(2, 1), observation(2), 0)
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
    one = framer()
    one.add(datastream(1, 1), observation(1), 0)
    frames = one.frames(tick=77)
    assert [(partition, len(frame), frame.header.tick) for partition, frame in frames] == [
        (0, 0, 77),
        (1, 1, 77),
        (2, 0, 77),
    ]
    assert len(decode(encode(frames[0][1]))) == 0
    assert frames[0][1].header.counts.published == 1


def test_all_are_declared_again_now_and_then() -> None:
    one = framer()
    for time in (1, 2):
        one.add(datastream(7), observation(time), 0)
    assert only(one).header.datastreams == (datastream(7),)
    one.announce_again()
    for partition, number in ((0, 7), (1, 9)):
        one.add(datastream(number, partition), observation(3), 0)
    assert [len(frame.header.datastreams) for _, frame in one.frames()] == [1, 1]


def test_closing_says_the_last_word_in_every_partition() -> None:
    one = framer()
    one.add(datastream(7, 1), observation(1), 0)
    frames = [decode(encode(frame)) for _, frame in one.frames(closing=True)]
    assert [frame.header.closing for frame in frames] == [True, True, True]
    assert [frame.header.counts.framed for frame in frames] == [0, 1, 0]
