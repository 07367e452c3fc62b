"""Bins of neighbours close by their clock, and findings are about Datastreams, Things and zones."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from aedilis.identity import stable_id
from aedilis.vocabulary import Clock, Evidence, Scope, Severity
from streams.detecting.engine import Engine
from streams.detecting.uses import Use
from tests.unit.streams.detecting.neighbourly import NEIGHBOURLY
from tests.unit.streams.detecting.test_engine import HOUR, LATENESS, START, Seen, frame

HIGH, LOW = 90.0, 10.0


def engine(*names: str, least: float = 1.0) -> Engine:
    uses = tuple(Use(name, Severity.MINOR, 0.9, 0.6, 1, 1, {"least": least}) for name in names)
    return Engine(NEIGHBOURLY, lambda _: (uses, LATENESS))


def hours(result: dict[tuple[int, str], float], *at: int) -> list[Seen]:
    return [Seen(thing, name, hour, value) for hour in at for (thing, name), value in result.items()]


def test_a_bin_closes_when_the_second_newest_thing_is_beyond_its_lateness() -> None:
    one = engine("zonal", least=2.0)
    assert one.apply([frame(hours({(0, "a"): HIGH, (2, "a"): HIGH}, 0), Clock.DATA)]) == []
    assert one.apply([frame([Seen(0, "a", 3, LOW)], Clock.DATA)]) == [], "one wrong date closes nothing"
    late = frame([Seen(4, "a", 0.5, HIGH)], Clock.DATA)
    assert one.apply([late]) == [], "in time still"
    (found,) = one.apply([frame([Seen(2, "a", 3, LOW)], Clock.DATA)])
    assert (found.scope, found.thing, found.datastream_name, found.datastream) == (Scope.ZONE, "*", "a", None)
    assert found.subject == stable_id("zone", "demo/z0", "type", "a")
    assert found.detected_at == START + HOUR // 2
    assert found.starts_at == START
    assert found.result == HIGH
    assert one.apply([frame([Seen(4, "a", 0.7, LOW)], Clock.DATA)]) == [], "too late for its bin"
    (ended,) = one.apply([frame([Seen(thing, "a", 7, LOW) for thing in (0, 2)], Clock.DATA)])
    assert (ended.id, ended.ends_at) == (found.id, START + 3 * HOUR)


def test_the_wall_closes_bins_of_things_that_fell_silent() -> None:
    one = engine("each")
    assert one.apply([frame(hours({(0, "a"): HIGH, (2, "a"): HIGH}, 0), Clock.WALL, 1)]) == []
    assert one.apply([frame([], Clock.WALL, 2.9)]) == []
    found = one.apply([frame([], Clock.WALL, 3, came_in=START + 7)])
    assert {(one.thing, one.datastream_name, one.scope) for one in found} == {
        ("t0", "a", Scope.DATASTREAM),
        ("t2", "a", Scope.DATASTREAM),
    }


def test_a_thing_as_a_whole_is_told_with_its_columns_and_keeps_them_to_the_end() -> None:
    one = engine("whole", least=2.0)
    log = hours({(0, "a"): HIGH, (0, "b"): 3 * HIGH, (2, "a"): LOW}, 0, 1) + hours({(0, "a"): LOW, (2, "a"): LOW}, 2, 9)
    found = one.apply([frame(log, Clock.DATA)])
    assert [(each.thing, each.datastream_name, each.ends_at) for each in found] == [
        ("t0", "*", None),
        ("t0", "*", START + 2 * HOUR),
    ]
    assert found[0].evidence == found[1].evidence == (Evidence("b", 0.75), Evidence("a", 0.25))
    assert found[0].facts == found[1].facts == {"bins": 1.0}
    assert found[0].unit == ""


def test_the_kind_is_that_of_the_opening() -> None:
    one = engine("each")
    log = hours({(0, "a"): 2000.0, (2, "a"): HIGH}, *range(8)) + hours({(0, "a"): LOW, (2, "a"): LOW}, 8, 20)
    found = one.apply([frame(log, Clock.DATA)])
    assert {(each.thing, each.kind) for each in found} == {("t0", "few"), ("t2", "few")}
    assert {each.id for each in found if each.ends_at is None} == {each.id for each in found if each.ends_at}


@pytest.mark.parametrize("restart", [False, True])
def test_who_leaves_the_neighbourhood_ends_what_is_open(restart: bool) -> None:
    uses = tuple(Use(name, Severity.MINOR, 0.9, 0.6, 1, 1, {}) for name in NEIGHBOURLY)

    def fresh() -> Engine:
        return Engine(NEIGHBOURLY, lambda declared: (uses if declared.sensor_version == 1 else (), LATENESS))

    one = fresh()
    log = hours({(0, "a"): HIGH, (2, "a"): HIGH}, 0, 1, 2, 3)
    opened = one.apply([frame(log, Clock.DATA)])
    assert {each.thing for each in opened} == {"t0", "t2", "*"}
    if restart:
        kept = one.changed_chunks(whole=True)
        one = fresh()
        one.restore(kept)
    gone = frame([], Clock.DATA)
    gone = dataclasses.replace(gone, header=msgspec.structs.replace(gone.header, in_force={"type": 2}))
    ended = one.apply([gone])
    assert {each.id for each in ended} == {each.id for each in opened}
    assert all(each.ends_at is not None for each in ended)


def test_at_the_end_of_a_recording_what_waits_is_looked_at() -> None:
    told: list[tuple[str, int]] = []
    uses = (Use("each", Severity.MINOR, 0.9, 0.6, 1, 1, {}),)
    one = Engine(
        NEIGHBOURLY, lambda _: (uses, LATENESS), lambda name, ids, times, scores: told.append((name, len(ids)))
    )
    assert one.apply([frame(hours({(0, "a"): HIGH, (2, "a"): HIGH}, 0), Clock.DATA)]) == []
    assert len(one.close(START)) == 2
    assert told == [("each", 2)]


def test_of_several_results_of_one_time_the_first_counts() -> None:
    one = engine("zonal", least=2.0)
    twice = [Seen(0, "a", 0, HIGH), Seen(2, "a", 0, HIGH), Seen(2, "a", 0, LOW)]
    assert one.apply([frame(twice[:2], Clock.DATA), frame(twice[2:], Clock.DATA)]) == []
    assert len(one.close(START)) == 1
