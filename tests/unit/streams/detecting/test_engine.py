"""What the engine finds is a function of the log: not of the cut into frames, nor of a restart in between."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aedilis.frame import NO_TIME, Frame
from aedilis.identity import datastream_id, thing_id
from aedilis.vocabulary import Anomaly, Clock, Datastream, FrameCounts, FrameHeader, Severity, Thing
from detectors.core.columns import Columns
from detectors.core.discovery import all_detectors
from detectors.core.interface import Detector
from detectors.spike import Spike
from streams.detecting.engine import Engine
from streams.detecting.uses import Use
from tests.unit.streams.detecting.neighbourly import NEIGHBOURLY

HOUR = 3_600_000_000
START = 1_700_000_000_000_000 // HOUR * HOUR
LATENESS = 2 * HOUR
USES = (
    Use("gap", Severity.MINOR, 0.9, 0.6, 1, 1, {"after_s": 3 * 3600.0}),
    Use("range", Severity.MAJOR, 0.9, 0.6, 1, 1, {"low": 0.0, "high": 50.0}),
    Use("stuck", Severity.NOTICE, 0.9, 0.6, 1, 1, {"count": 3}),
    Use("spike", Severity.MINOR, 0.9, 0.6, 1, 1, {"warm_up": 10, "season": "none"}),
)
NEIGHBOUR_USES = (
    Use("each", Severity.MINOR, 0.9, 0.6, 1, 2, {}),
    Use("whole", Severity.MAJOR, 0.9, 0.6, 1, 1, {}),
    Use("zonal", Severity.NOTICE, 0.9, 0.6, 2, 1, {"least": 2.0}),
)
PATIENT = (msgspec.structs.replace(USES[0], parameters={"after_s": 7 * 3600.0}),)
"""Of what speaks seldom."""
DETECTORS = {**all_detectors(), **NEIGHBOURLY}


@dataclass(frozen=True)
class Seen:
    """One observation of the log."""

    thing: int
    name: str
    hour: float
    result: float
    tick: float | None = None


def datastream(thing: int, name: str, clock: Clock = Clock.DATA) -> Datastream:
    label = f"t{thing}"
    place = Thing(thing_id("demo", label), "demo", label, f"demo/z{thing % 2}", 0, clock)
    return Datastream(datastream_id("demo", label, name), place, name, name, "1", "type", 1, HOUR)


def frame(seen: list[Seen], clock: Clock, tick: float | None = None, came_in: int = START) -> Frame:
    streams = {(one.thing, one.name): datastream(one.thing, one.name, clock) for one in seen}
    n = len(seen)
    return Frame(
        FrameHeader("p", 1, FrameCounts(), tuple(streams.values()), None if tick is None else START + int(tick * HOUR)),
        np.array([streams[one.thing, one.name].id for one in seen], np.int64),
        np.array([START + int(one.hour * HOUR) for one in seen], np.int64),
        np.array([one.result for one in seen], np.float64),
        np.array([9 if np.isnan(one.result) else 1 for one in seen], np.uint8),
        np.zeros(n, np.uint32),
        np.full(n, -1, np.int32),
        (),
        np.zeros(n, np.int32),
        ("type@1",) if n else (),
        np.full(n, NO_TIME, np.int64),
        np.full(n, came_in, np.int64),
    )


def engine(uses: tuple[Use, ...] = USES) -> Engine:
    return Engine(DETECTORS, lambda declared: (PATIENT if declared.name == "c" else uses, LATENESS))


def run(
    log: list[Seen], cuts: list[int], *, restart: bool = False, clock: Clock = Clock.DATA
) -> dict[Any, tuple[Anomaly, int]]:
    """The last word on each anomaly, and how many words there were."""
    one = engine(USES + NEIGHBOUR_USES)
    out: list[Anomaly] = []
    edges = [0, *sorted(cuts), len(log)]
    for start, end in itertools.pairwise(edges):
        out += one.apply([frame(log[start:end], clock)])
        if restart:
            kept = one.changed_chunks(whole=True)
            one = engine(USES + NEIGHBOUR_USES)
            one.restore(kept)
    return last_words(msgspec.structs.replace(anomaly, ingested_at=0) for anomaly in out)


def last_words(out: Iterable[Anomaly]) -> dict[Any, tuple[Anomaly, int]]:
    latest: dict[Any, tuple[Anomaly, int]] = {}
    for anomaly in out:
        before = latest.get(anomaly.id)
        assert before is None or before[0].revision < anomaly.revision, "a change that its reader would ignore"
        latest[anomaly.id] = (anomaly, 1 if before is None else before[1] + 1)
    return latest


def said_of_each(out: list[Anomaly]) -> dict[Any, list[Anomaly]]:
    """The changes of each Datastream and detector, in their order: that of different ones does not matter."""
    said: dict[Any, list[Anomaly]] = {}
    for one in out:
        said.setdefault((one.subject, one.detector), []).append(one)
    return said


messages = st.tuples(
    st.integers(0, 3),
    st.sampled_from(["a", "a", "b", "b", "c"]),
    st.sampled_from([0, 0, 0, 1, -2, -4, -7, -12]),  # hours by which it comes out of order
    st.sampled_from([1.0, 2.0, 3.0, 10.0, 99.0, float("nan")]),
)


@st.composite
def logs(draw: st.DrawFn) -> list[Seen]:
    log, hour = [], 0.0
    for thing, name, late, result in draw(st.lists(messages, min_size=1, max_size=60)):
        hour += draw(st.sampled_from([0, 0, 0.5, 1, 5]))
        log.append(Seen(thing, name, max(0.0, hour + late), result))
    return log


@settings(max_examples=400, deadline=None)
@given(logs(), st.lists(st.integers(0, 60), max_size=12), st.booleans())
def test_neither_the_cut_nor_a_restart_changes_what_is_found(log: list[Seen], cuts: list[int], restart: bool) -> None:
    cuts = [cut for cut in cuts if cut <= len(log)]
    assert run(log, cuts, restart=restart) == run(log, [])


@settings(max_examples=200, deadline=None)
@given(
    logs(),
    st.lists(st.integers(0, 60), max_size=12),
    st.lists(st.integers(0, 13), max_size=4),
    st.sampled_from([Clock.DATA, Clock.WALL]),
)
def test_frames_taken_together_say_what_they_say_one_by_one(
    log: list[Seen], cuts: list[int], groups: list[int], clock: Clock
) -> None:
    """To the word: also when it came in, and that it was open before it ended."""
    edges = [0, *sorted(cut for cut in cuts if cut <= len(log)), len(log)]
    frames = [
        frame(log[start:end], clock, log[end - 1].hour if end > start and end % 2 else None, START + 7 * end)
        for start, end in itertools.pairwise(edges)
    ]
    calm, hurried = engine(USES + NEIGHBOUR_USES), engine(USES + NEIGHBOUR_USES)
    by_one = [anomaly for one in frames for anomaly in calm.apply([one])]
    ends = [0, *sorted(end for end in groups if end <= len(frames)), len(frames)]
    together = [anomaly for a, b in itertools.pairwise(ends) for anomaly in hurried.apply(frames[a:b])]
    assert said_of_each(together) == said_of_each(by_one)
    assert hurried.changed_chunks(whole=True) == calm.changed_chunks(whole=True)


@pytest.mark.parametrize(
    ("quality", "seen_by"),
    [(1, {"range", "stuck"}), (3, {"range", "stuck"}), (4, {"range"}), (2, set()), (9, set())],
)
def test_detectors_see_what_passed(quality: int, seen_by: set[str]) -> None:
    """Of failed ones only the range looks at; what is missing or was measured while serviced nobody sees."""
    log = [Seen(0, "a", hour, 90) for hour in range(6)]
    one = frame(log, Clock.DATA)
    one = replace(one, quality=np.full(len(log), quality, np.uint8))
    if quality == 9:
        one = replace(one, result=np.full(len(log), np.nan))
    assert {anomaly.kind for anomaly in engine().apply([one])} == seen_by


def test_a_sentinel_is_seen_by_nobody() -> None:
    one = frame([Seen(0, "a", hour, 999) for hour in range(6)], Clock.DATA)
    one = replace(one, quality=np.full(6, 4, np.uint8), tests=np.full(6, 512, np.uint32))
    assert engine().apply([one]) == []


HARD_USES = (
    Use("gap", Severity.MINOR, 0.9, 0.6, 1, 1, {"after_s": 3 * 3600.0}),
    Use("range", Severity.MAJOR, 0.9, 0.6, 2, 2, {"low": 0.0, "high": 50.0}),
    Use("stuck", Severity.NOTICE, 0.9, 0.6, 1, 3, {"count": 3, "tolerance": 0.25}),
    Use("spike", Severity.MINOR, 0.8, 0.6, 2, 2, {"warm_up": 10, "season": "week", "patience": 4}),
    *NEIGHBOUR_USES,
)


def hard_frames(seed: int, clock: Clock) -> list[Frame]:
    """Hundreds of observations of few Datastreams: late ones, repeated ones, spells, silences, one that changes."""
    chance = np.random.default_rng(seed)
    frames: list[Frame] = []
    hour, spell = 0.0, np.zeros(8)
    for number in range(150):
        log = []
        for _ in range(chance.choice([0, 1, 2, 12])):
            hour += chance.choice([0, 0.25, 1, 6], p=[0.3, 0.45, 0.23, 0.02])
            place = int(chance.integers(0, 8 if number % 50 < 35 else 4))  # at times half of the Things are silent,
            place -= place % 2 if 15 < number % 50 < 28 else 0  # at others one Datastream of each
            spell[place] = chance.choice([spell[place], 0, 1, 2, 3], p=[0.9, 0.05, 0.02, 0.02, 0.01])
            usual = 20 + chance.normal(0, 1)
            result = [usual, 90 + usual, 7 + 0.2 * chance.random(), float("nan")][int(spell[place])]
            late = chance.choice([0, -0.5, -1.5, -4, -30], p=[0.6, 0.15, 0.15, 0.07, 0.03])
            log.append(Seen(place // 2, "ab"[place % 2], max(0, hour + late), result))
        one = frame(log, clock, hour if number % 3 else None, START + 7 * number)
        declared = one.header.datastreams
        if number >= 70:  # from then on
            declared = tuple(msgspec.structs.replace(each, interval=each.interval // 2) for each in declared)
        frames.append(replace(one, header=msgspec.structs.replace(one.header, datastreams=declared)))
    return frames


def cut_up(one: Frame) -> list[Frame]:
    """A frame for each observation; the tick comes with the last."""
    n = len(one)
    if n < 2:
        return [one]
    parts = []
    for i in range(n):
        columns = {
            name: getattr(one, name)[i : i + 1]
            for name in Frame.__slots__
            if name not in ("header", "raw_flags", "sensor_types")
        }
        header = msgspec.structs.replace(one.header, tick=one.header.tick if i == n - 1 else None)
        parts.append(replace(one, header=header, **columns))
    return parts


@pytest.mark.parametrize("clock", Clock)
@pytest.mark.parametrize("seed", range(6))
def test_a_hard_log_is_the_same_cut_joined_or_looked_at_with_care(seed: int, clock: Clock) -> None:
    frames = hard_frames(seed, clock)
    one_by_one, together, cut = (Engine(DETECTORS, lambda _: (HARD_USES, LATENESS)) for _ in range(3))
    careful: list[Anomaly] = []
    for one in frames:
        assert one_by_one._silence is not None
        one_by_one._silence.look_again()
        careful += one_by_one.apply([one])
    chance = np.random.default_rng(seed)
    edges = [0, *sorted(chance.integers(0, len(frames), 12).tolist()), len(frames)]
    joined = [anomaly for a, b in itertools.pairwise(edges) for anomaly in together.apply(frames[a:b])]
    assert said_of_each(joined) == said_of_each(careful)
    assert together.changed_chunks(whole=True) == one_by_one.changed_chunks(whole=True)
    said = {kind: sum(one.kind == kind for one in careful) for kind in ("gap", "range", "stuck", "spike", "few")}
    said |= {
        scope: sum((one.kind, one.scope) == ("gap", scope) for one in careful) for scope in ("datastream", "thing")
    }
    assert min(said.values()) > 5, f"the log is not hard: {said}"
    pieces = [anomaly for one in frames for anomaly in cut.apply(cut_up(one))]
    timeless = [[msgspec.structs.replace(one, ingested_at=0) for one in each] for each in (careful, pieces)]
    assert last_words(timeless[1]).keys() == last_words(timeless[0]).keys()
    assert {key: one for key, (one, _) in last_words(timeless[1]).items()} == {
        key: one for key, (one, _) in last_words(timeless[0]).items()
    }
    assert cut.changed_chunks(whole=True) == one_by_one.changed_chunks(whole=True)


def hourly(thing: int, hours: range, result: float = 1.0) -> list[Seen]:
    return [Seen(thing, "a", hour, result + (hour % 2)) for hour in hours]


def by_time(*series: list[Seen]) -> list[Seen]:
    return sorted((one for part in series for one in part), key=lambda one: one.hour)


def kinds(found: dict[Any, Any]) -> list[tuple[str, str, float, float | None]]:
    def hours(time: int | None) -> float | None:
        return None if time is None else (time - START) / HOUR

    return sorted((a.kind, a.thing, hours(a.detected_at), hours(a.ends_at)) for a, _ in found.values())  # type: ignore[misc]


def test_a_silent_thing_is_found_when_its_neighbours_have_gone_on() -> None:
    log = by_time(hourly(0, range(4)), hourly(2, range(12)), hourly(4, range(12)))
    # Thing 0 spoke last at hour 3 and may be silent for three hours
    assert kinds(run(log, [])) == [("gap", "t0", 6.0, None)]
    back = [*log, Seen(0, "a", 12, 1.0)]
    assert kinds(run(back, [])) == [("gap", "t0", 6.0, 12.0)]


def whole(thing: int, names: str, hours: Iterable[float]) -> list[Seen]:
    """Datastreams that speak together."""
    return [Seen(thing, name, hour, 1.0 + hour % 2) for hour in hours for name in names]


def gaps(log: list[Seen], clock: Clock = Clock.DATA) -> list[Any]:
    """Whose silence was told, from when it is due until it ends; each observation comes in its hour."""
    out = {}
    for anomaly in engine().apply([frame([seen], clock, seen.hour) for seen in log]):
        if anomaly.kind == "gap":
            out[anomaly.id] = anomaly
            assert (anomaly.scope == "thing") == (anomaly.datastream is None) == (anomaly.datastream_name == "*")
            assert (anomaly.subject == thing_id("demo", anomaly.thing)) == (anomaly.scope == "thing")

    def hours(time: int | None) -> float | None:
        return None if time is None else (time - START) / HOUR

    return sorted((a.thing, a.datastream_name, hours(a.detected_at), hours(a.ends_at)) for a in out.values())


OTHERS = by_time(whole(2, "a", range(40)), whole(4, "a", range(40)))


@pytest.mark.parametrize("clock", Clock)
def test_a_thing_that_is_wholly_silent_is_told_once_and_its_return_is_no_storm(clock: Clock) -> None:
    silent = whole(0, "bad", range(4))
    assert gaps(by_time(silent, OTHERS), clock=clock) == [("t0", "*", 6.0, None)]
    for order, late in (("bad", 0.0), ("dab", 0.5), ("bad", -0.5)):
        # with one time, one after the other, or the newest first
        back = [Seen(0, name, hour + late * i, 1.0) for hour in range(20, 40) for i, name in enumerate(order)]
        log = [*silent, *OTHERS[:40], *back] if late < 0 else by_time(silent, OTHERS, back)
        assert [gap for gap in gaps(log, clock=clock) if gap[0] == "t0"] == [("t0", "*", 6.0, 20.0)]


@pytest.mark.parametrize("clock", Clock)
def test_a_datastream_is_missed_by_itself_while_its_thing_speaks_on(clock: Clock) -> None:
    log = by_time(whole(0, "ab", range(4)), whole(0, "b", range(4, 12)), OTHERS)
    # `b` was beyond the deadline of `a` at hour 6 by more than two hours when it fell silent at 11
    assert gaps(log, clock=clock) == [("t0", "*", 14.0, None), ("t0", "a", 6.0, None)]
    early = by_time(whole(0, "ab", range(4)), whole(0, "b", range(4, 8)), OTHERS)
    assert gaps(early, clock=clock) == [("t0", "*", 10.0, None)], "by the time it was known all were silent"


@pytest.mark.parametrize("clock", Clock)
def test_who_does_not_come_back_with_its_thing_is_missed_from_then_on(clock: Clock) -> None:
    log = by_time(whole(0, "ab", range(4)), whole(0, "b", range(20, 40)), OTHERS)
    assert gaps(log, clock=clock) == [("t0", "*", 6.0, 20.0), ("t0", "a", 23.0, None)]


def test_what_was_missed_and_came_back_is_missed_as_soon_again() -> None:
    log = by_time(whole(0, "a", range(4)), [Seen(0, "a", 12, 1.0)], whole(0, "c", range(19)))
    for stop in (17, 18):  # at 18 the Thing is beyond hour 12 by three hours, and two more
        one = engine()
        found = [a for seen in log if seen.hour <= stop for a in one.apply([frame([seen], Clock.DATA)])]
        ends = [a.ends_at and (a.ends_at - START) / HOUR for a in found if a.kind == "gap"]
        assert ends == [None, 12, None][: stop - 15], stop


def test_a_thing_may_be_silent_as_long_as_the_most_patient_of_its_datastreams() -> None:
    log = by_time(whole(0, "ac", range(4)), OTHERS)
    assert gaps(log) == [("t0", "*", 10.0, None)]
    assert gaps(by_time(whole(0, "ac", range(4)), whole(0, "a", range(4, 10)), OTHERS)) == [("t0", "*", 16.0, None)]


def test_a_thing_of_which_one_datastream_only_is_waited_for_is_told_as_that_one() -> None:
    def uses(declared: Datastream) -> tuple[tuple[Use, ...], int]:
        return (USES if declared.name == "a" else USES[1:]), LATENESS

    one = Engine(DETECTORS, uses)
    out = one.apply([frame(by_time(whole(0, "ba", range(4)), whole(0, "b", range(4, 40)), OTHERS), Clock.DATA)])
    assert [(a.datastream_name, a.scope, a.severity) for a in out if a.kind == "gap"] == [
        ("a", "datastream", Severity.MINOR)
    ]


def test_a_silent_thing_has_the_severity_of_the_datastream_that_spoke_first() -> None:
    def uses(declared: Datastream) -> tuple[tuple[Use, ...], int]:
        major = (msgspec.structs.replace(USES[0], severity=Severity.MAJOR),)
        return {"a": USES[1:], "b": major, "d": USES[:1]}[declared.name], LATENESS

    out = Engine(DETECTORS, uses).apply(
        [frame(by_time(whole(0, "bad", range(4)), whole(2, "b", range(40)), whole(4, "b", range(40))), Clock.DATA)]
    )
    assert [(a.datastream_name, a.severity) for a in out if a.kind == "gap"] == [("*", Severity.MAJOR)]


def test_one_wrong_date_opens_no_gap() -> None:
    log = [*by_time(hourly(0, range(4)), hourly(2, range(4))), Seen(2, "a", 900, 1.0), Seen(0, "a", 4, 1.0)]
    assert [kind for kind, thing, *_ in kinds(run(log, [])) if thing == "t0"] == []


def test_a_hole_in_the_data_is_a_gap_even_if_no_clock_saw_it() -> None:
    assert kinds(run([*hourly(0, range(4)), *hourly(0, range(20, 22))], [])) == [("gap", "t0", 6.0, 20.0)]


def test_an_older_file_replayed_after_a_newer_one_is_no_storm() -> None:
    newer = by_time(hourly(0, range(1000, 1040)), hourly(2, range(1000, 1040)))
    assert kinds(run([*newer, *hourly(4, range(40))], [len(newer) + i for i in range(40)])) == []


def test_a_result_from_before_its_deadline_ends_the_gap_that_the_clock_had_shown() -> None:
    log = [*by_time(hourly(0, range(4)), hourly(2, range(12)), hourly(4, range(12))), Seen(0, "a", 5, 1.0)]
    for cuts in ([], [len(log) - 1], list(range(len(log)))):
        assert kinds(run(log, cuts)) == [("gap", "t0", 6.0, 5.0)]


def test_what_came_late_and_then_fell_silent_is_found_by_the_clock() -> None:
    newer = by_time(hourly(0, range(1000, 1040)), hourly(2, range(1000, 1040)))
    on = by_time(hourly(0, range(1040, 1050)), hourly(2, range(1040, 1050)))
    # Thing 4 sent what it had kept while the clock stood at 1039: it is due again three hours after that
    for cuts in ([], [80, 100, 120]):
        found = run([*newer, *hourly(4, range(40)), *on], cuts, restart=True)
        assert kinds(found) == [("gap", "t4", 1042.0, None)]


def test_a_late_observation_teaches_nothing() -> None:
    calm = hourly(0, range(20))
    late = [*calm[:10], Seen(0, "a", 2.5, 99.0), *calm[10:]]
    assert run(late, []) == run(calm, [])


@pytest.mark.parametrize(("tick", "found"), [(7.9, []), (8.1, [("gap", "t0", 6.0, None)])])
def test_the_wall_clock_shows_silence_by_ticks_only(tick: float, found: list[Any]) -> None:
    one = engine()
    log = hourly(0, range(4)) + hourly(2, range(4))
    assert one.apply([frame([], Clock.WALL, 0), frame(log, Clock.WALL)]) == []
    assert one.apply([frame([Seen(2, "a", 30, 1.0)], Clock.WALL)])[0].thing == "t2"  # its own hole
    out = one.apply([frame([], Clock.WALL, tick)])
    assert kinds({a.id: (a, 1) for a in out}) == found


@pytest.mark.parametrize("cuts", [[], [4], [1, 5], list(range(1, 9))])
def test_what_stands_before_the_first_tick_has_come_when_it_shows(cuts: list[int]) -> None:
    log = hourly(0, range(4)) + hourly(2, range(4))
    frames = [frame(log[start:end], Clock.WALL) for start, end in itertools.pairwise([0, *cuts, len(log)])]
    ticks = [frame([], Clock.WALL, tick) for tick in (1000, 1004.9)]  # may be silent for three hours, late by two
    for parts in ([frames, ticks], [[*frames, *ticks]], [[one] for one in (*frames, *ticks)]):
        one = engine()
        assert [anomaly for part in parts for anomaly in one.apply(part)] == []
        kept = one.changed_chunks(whole=True)
        one = engine()
        one.restore(kept)
        found = one.apply([frame([], Clock.WALL, 1005.1)])
        assert [anomaly.detected_at for anomaly in found] == [START + 1003 * HOUR] * 2


def test_nothing_changes_when_the_first_tick_shows_before_a_deadline() -> None:
    one = engine()
    assert one.apply([frame(hourly(0, range(4)), Clock.WALL, 7.9), frame([], Clock.WALL, 7.95)]) == []
    assert [anomaly.detected_at for anomaly in one.apply([frame([], Clock.WALL, 8.1)])] == [START + 6 * HOUR]


def test_a_thing_that_moves_leaves_its_old_zone() -> None:
    one, other = engine(), engine()
    log = [*by_time(hourly(0, range(5)), hourly(2, range(5)), hourly(4, range(5))), Seen(2, "a", 30, 1.0)]
    for each in (one, other):
        each.apply([frame(log, Clock.DATA)])
        moved = datastream(2, "a")
        moved = msgspec.structs.replace(moved, thing=msgspec.structs.replace(moved.thing, zone="demo/z9"))
        there = frame([Seen(2, "a", 31, 1.0)], Clock.DATA)
        header = msgspec.structs.replace(there.header, datastreams=(moved,))
        each.apply([Frame(header, *[getattr(there, name) for name in list(Frame.__slots__)[1:]])])
    kept = other.changed_chunks(whole=True)
    other = engine()
    other.restore(kept)
    assert [a.thing for a in one.apply([frame(hourly(4, range(6, 20)), Clock.DATA)])] == []  # alone with t0 now
    assert [a.thing for a in other.apply([frame(hourly(4, range(6, 20)), Clock.DATA)])] == []
    rest = hourly(0, range(5, 20))
    assert one.apply([frame(rest, Clock.DATA)]) == other.apply([frame(rest, Clock.DATA)])
    clocks = [msgspec.msgpack.decode(each.changed_chunks(whole=True)[-1]) for each in (one, other)]
    assert clocks[0] == clocks[1]


class Older(Spike):
    """Of the schema before."""

    schema = Spike.schema - 1


class Migrating(Spike):
    """Knows what the schema before meant."""

    def migrate(self, schema: int, columns: Columns) -> Columns | None:
        return columns if schema == Older.schema else None


@pytest.mark.parametrize(("spike", "found"), [(Spike(), []), (Migrating(), ["spike"])])
def test_a_detector_of_another_schema_migrates_or_warms_up_again(spike: Detector, found: list[str]) -> None:
    one = Engine({"spike": Older()}, lambda _: (USES[3:4], LATENESS))
    one.apply([frame(hourly(0, range(20)), Clock.DATA)])
    other = Engine({"spike": spike}, lambda _: (USES[3:4], LATENESS))
    other.restore(one.changed_chunks(whole=True))
    assert len(other) == 1
    spiked = frame([Seen(0, "a", 20, 45.0)], Clock.DATA)
    assert [a.kind for a in one.apply([spiked])] == ["spike"]
    assert [a.kind for a in other.apply([spiked])] == found


def test_a_new_version_without_a_detector_ends_what_is_open_and_one_with_it_goes_on() -> None:
    uses = {1: USES, 2: USES[2:], 3: USES}
    one = Engine(DETECTORS, lambda declared: (uses[declared.sensor_version], LATENESS))

    def take(version: int, hour: float, result: float) -> list[tuple[str, int | None]]:
        made = frame([Seen(0, "a", hour, result)], Clock.DATA)
        declared = tuple(msgspec.structs.replace(stream, sensor_version=version) for stream in made.header.datastreams)
        out = one.apply([replace(made, header=msgspec.structs.replace(made.header, datastreams=declared))])
        return [(anomaly.detector, anomaly.ends_at) for anomaly in out]

    assert take(1, 0, 99.0) == [("range", None)]
    assert take(2, 1, 98.0) == [("range", START)], "at the newest time that it was watched"
    assert take(2, 2, 97.0) == []
    assert take(3, 3, 96.0) == [("range", None)]
    assert take(3, 4, 1.0) == [("range", START + 4 * HOUR)]
    assert take(3, 5, 1.0) == []
    assert take(2, 6, 1.0) == [("stuck", None)], "what it counted under the version before stands"


def test_what_a_version_in_force_does_not_watch_has_ended_and_is_waited_for_when_it_speaks_again() -> None:
    def pipeline(declared: Datastream) -> tuple[tuple[Use, ...], int]:
        """Version 2 has no `b`."""
        watched = (declared.sensor_version, declared.name) in {(1, "a"), (1, "b"), (2, "a")}
        return USES if watched else (), LATENESS

    def take(one: Engine, log: list[Seen], tick: float | None = None, **in_force: int | None) -> list[Any]:
        made = frame(log, Clock.WALL, tick)
        header = msgspec.structs.replace(made.header, in_force={**in_force})
        out = one.apply([replace(made, header=header)])
        assert log or all(anomaly.ingested_at == header.tick for anomaly in out)
        kept = one.changed_chunks(whole=True)
        one.__init__(DETECTORS, pipeline)  # type: ignore[misc]
        one.restore(kept)
        return sorted((a.kind, a.thing, a.datastream_name, a.ends_at and (a.ends_at - START) / HOUR) for a in out)

    one = Engine(DETECTORS, pipeline)
    assert take(one, [Seen(0, "a", 0, 1.0), Seen(0, "b", 0, 99.0), Seen(2, "b", 0, 1.0)], 0, type=1) == [
        ("range", "t0", "b", None)
    ]
    assert take(one, [], 5.1) == [("gap", "t0", "*", None), ("gap", "t2", "b", None)]
    assert take(one, [], 6, other=7) == []
    # a Thing that says nothing any more, too; what is left of t0 is silent still
    assert take(one, [], 7, type=2) == [("gap", "t2", "b", 3.0), ("range", "t0", "b", 0.0)]
    assert take(one, [], 100) == []
    assert take(one, [], 101, type=1) == [], "in force again, and nobody has yet spoken"
    assert take(one, [], 200) == []
    assert take(one, [Seen(0, "b", 200, 1.0)], 200) == [("gap", "t0", "*", 200.0)], "what `b` did not say is no hole"
    assert take(one, [], 206) == [("gap", "t0", "*", None)], "`a` is waited for as well"
    assert take(one, [], 207, type=None) == [("gap", "t0", "*", 203.0)]
    assert take(one, [], 300) == []


def test_a_version_in_force_counts_before_what_the_same_frame_declares() -> None:
    found = []
    for repeated in (False, True):
        one = Engine(DETECTORS, lambda declared: (USES if declared.sensor_version == 1 else (), LATENESS))
        made = frame([Seen(0, "a", 0, 99.0)], Clock.WALL)
        made = replace(made, header=msgspec.structs.replace(made.header, in_force={"type": 2}))
        found.append([one.apply([made]) for _ in range(1 + repeated)])
    assert found == [[[]], [[], []]]
