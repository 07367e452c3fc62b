"""Each channel has its Datastream: announced once, again when its Thing moves, and part by part now and then."""

import numpy as np

from aedilis.identity import datastream_id
from aedilis.vocabulary import Datastream
from tests.unit.ingest.making import AIR, SOIL, Making


def announced(at: Making, *channels: int) -> tuple[Datastream, ...]:
    column = np.array(channels, np.int32)
    at.datastreams.table()
    return at.datastreams.announce(column[at.datastreams.unannounced(column)])


def test_a_channel_becomes_a_datastream() -> None:
    at = Making()
    a, b = at.channel("t"), at.channel("u", "b", SOIL)
    table = at.datastreams.table()
    assert table.id.tolist() == [datastream_id("demo", "t", "x"), datastream_id("demo", "u", "x")]
    assert table.partition.tolist() == [0, 1]
    assert [at.datastreams.types[code] for code in table.type] == ["air@1", "soil@2"]
    (one, other) = announced(at, a, b)
    assert (one.thing.name, one.name, one.unit, one.sensor_type, one.sensor_version) == ("t", "x", "1", "air", 1)
    assert (other.thing.zone, other.unit, other.interval) == ("demo/b", "kg", 60_000_000)
    assert [placed.datastreams for placed in at.placement.changed()] == [1, 1]


def test_in_the_order_of_their_first_observation_and_once() -> None:
    at = Making()
    a, b, c = (at.channel(name) for name in "abc")
    assert [one.thing.name for one in announced(at, c, a, c, c)] == ["c", "a"]
    assert [one.thing.name for one in announced(at, a, b, c)] == ["b"]
    assert announced(at, a, b, c) == ()


def test_a_move_announces_again_what_is_seen_afterwards() -> None:
    at = Making()
    a, b, other = at.channel("t"), at.channel("t", number=1), at.channel("u")
    announced(at, a, b, other)
    at.settle("t", "south")
    (one,) = announced(at, a, other)
    assert (one.thing.zone, one.id) == ("demo/south", datastream_id("demo", "t", "x"))
    assert [one.name for one in announced(at, a, b)] == ["y"]


def test_each_part_is_announced_again() -> None:
    at = Making()
    numbers = [at.channel(f"t{i}") for i in range(10)]
    announced(at, *numbers)
    seen = set()
    for second in range(3):
        at.datastreams.announce_again(second, 3)
        again = announced(at, *numbers)
        assert 3 <= len(again) <= 4
        seen |= {one.id for one in again}
    assert len(seen) == 10


def test_a_datastream_that_two_types_read_is_announced_when_they_take_turns() -> None:
    at = Making()
    one, other = at.channel("t", kind=AIR), at.channel("t", kind=SOIL)
    assert [said.sensor_type for said in announced(at, one)] == ["air"]
    assert [said.sensor_type for said in announced(at, other)] == ["soil"]
    assert [said.sensor_type for said in announced(at, other)] == []
    assert [said.sensor_type for said in announced(at, one)] == ["air"]
    assert len(announced(at, one, other)) == 1, "a frame holds one declaration of it"
    assert at.placement.home("demo", "t").placed.datastreams == 1


def test_the_table_is_made_only_when_there_is_something_new() -> None:
    at = Making()
    for i in range(2_000):
        at.channel(f"t{i}")
    assert len(at.datastreams.table().id) == 2_000
    first = at.datastreams.table()
    assert at.datastreams.table() is first, "nothing new, nothing made"
