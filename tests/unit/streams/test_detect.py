"""A worker waits for a type that it does not know, but not for ever; a frame at which it fails is poison."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from aedilis.errors import DeclarationError
from aedilis.frame import Frame, encode
from aedilis.settings import Settings
from aedilis.vocabulary import Anomaly, Datastream, FrameCounts, FrameHeader, Thing
from registry.types import Applied, Known
from streams import detect
from streams.detect import Faults, Types
from streams.detecting.engine import Engine
from streams.partition import Poison, Record, SetBack, Stalled

TOML = """
name = "lamp"
version = 2
title = "A lamp"
topic = "city/{agency}/{thing}/lamp"
interval_s = 60
[[detectors]]
name = "range"
parameters = { low = 0.0, high = 5.0 }
[[properties]]
name = "light"
unit = "lx"
[[examples]]
topic = "city/demo/x/lamp"
payload = '{}'
refused = "no_time"
"""


def stream(version: int) -> Datastream:
    return Datastream(1, Thing(1, "demo", "x", "demo/z", 0), "light", "light", "lx", "lamp", version, 60_000_000)


def naming(version: int) -> FrameHeader:
    return FrameHeader("p", 1, FrameCounts(), (stream(version),))


def applied(text: str) -> bytes:
    return msgspec.json.encode(Applied(text, 1, "test"))


def test_a_type_that_comes_late_is_waited_for() -> None:
    types = Types(Known())
    with pytest.raises(Stalled, match="lamp@2"):
        types.wait_for([naming(2)])
    types.known.learn("lamp@2", applied(TOML))
    types.wait_for([naming(2)])
    uses, _ = types.pipeline(stream(2))
    assert [use.detector for use in uses] == ["range"]


def test_each_version_is_watched_as_it_says_and_one_that_nobody_knows_as_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    types = Types(Known())
    types.known.learn("lamp@2", applied(TOML))
    types.known.learn("lamp@3", applied(TOML.replace("version = 2", "version = 3").replace("5.0", "7.0")))
    assert [types.pipeline(stream(version))[0][0].parameters["high"] for version in (2, 3)] == [5.0, 7.0]
    monkeypatch.setattr(detect, "WAIT_SECONDS", 0.0)
    types.wait_for([naming(1)])
    assert types.pipeline(stream(1))[0][0].parameters["high"] == 5.0
    assert types.pipeline(stream(4)) == ((), 0)


def test_it_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    types = Types(Known())
    monkeypatch.setattr(detect, "WAIT_SECONDS", 0.0)
    types.wait_for([naming(2)])
    assert types.pipeline(stream(2)) == ((), 0)
    monkeypatch.setattr(detect, "WAIT_SECONDS", 1e9)
    types.wait_for([naming(2)])  # given up once, it is not waited for again


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [('name = "range"', 'name = "unheard-of"', "no detector 'unheard-of'"), ("low = 0.0", "low = 9.0", "low < high")],
)
def test_what_no_detector_takes_is_told_at_the_start(tmp_path: Path, old: str, new: str, fault: str) -> None:
    (tmp_path / "lamp.toml").write_text(TOML.replace(old, new))
    with pytest.raises(DeclarationError, match=fault):
        detect.role(Settings(home=str(tmp_path), sensor_types=str(tmp_path)))


def test_a_version_that_no_detector_takes_is_refused_and_watched_by_nothing() -> None:
    types = Types(Known())
    types.known.learn("lamp@2", applied(TOML.replace("low = 0.0", "low = 9.0")))
    with pytest.raises(DeclarationError, match="low < high"):
        asyncio.run(types.take("lamp", types.known.found("lamp", 2).declared))
    assert types.pipeline(stream(2)) == ((), 0)


def test_a_version_that_is_in_force_is_waited_for_and_a_withdrawn_one_is_not() -> None:
    types = Types(Known())
    types.wait_for([FrameHeader("p", 1, FrameCounts(), in_force={"lamp": None})])
    with pytest.raises(Stalled, match="lamp@2"):
        types.wait_for([FrameHeader("p", 1, FrameCounts(), in_force={"lamp": 2})])


@pytest.mark.parametrize(
    ("old", "new"), [('name = "light"', 'name = "glow"'), ('"lx"', '"cd"'), ('"lx"', '"lx"\ndatastream = "brightness"')]
)
def test_a_datastream_that_a_version_does_not_give_is_watched_by_nothing(old: str, new: str) -> None:
    types = Types(Known())
    types.known.learn("lamp@2", applied(TOML))
    types.known.learn("lamp@3", applied(TOML.replace("version = 2", "version = 3").replace(old, new)))
    assert [bool(types.pipeline(stream(version))[0]) for version in (2, 3, 0)] == [True, False, False]


class Fragile(Engine):
    """Fails at a frame that holds a certain result, after it has changed something."""

    def apply(self, frames: Sequence[Frame]) -> list[Anomaly]:
        for frame in frames:
            for result in frame.result.tolist():
                self.seen.append(result)  # type: ignore[attr-defined]
                if result == FATAL:
                    raise ZeroDivisionError("a fault of ours")
        return []


FATAL = 666.0


def frame(result: float) -> bytes:
    one = np.ones(1, np.int64)
    return encode(
        Frame(
            FrameHeader("p", 1, FrameCounts()), one, one, np.array([result]), np.ones(1, np.uint8),
            np.zeros(1, np.uint32), np.zeros(1, np.int32) - 1, (), np.zeros(1, np.int32), ("lamp@1",), one, one,
        )
    )  # fmt: skip


def through(results: list[float]) -> tuple[list[float], list[int]]:
    """What the state ends with, and the poison, when a runner keeps to the contract; a checkpoint at every tenth."""
    faults, kept, poison = Faults(), (0, []), []
    engine = Fragile({}, lambda _: ((), 0))
    engine.seen = []  # type: ignore[attr-defined]
    place = 0
    while place < len(results):
        records = [Record(i, None, frame(results[i]), lambda: None) for i in range(place, min(place + 4, len(results)))]
        frames, found = [], None
        for record in records:
            try:
                frames.append(faults.decode(record))
            except Poison as error:
                found = error
                break
        try:
            faults.apply(engine, [record.offset for record in records], frames)
        except SetBack:
            place, engine.seen = kept[0], list(kept[1])  # type: ignore[attr-defined, call-overload]
            continue
        if found is not None:
            poison.append(found.offset)
        place += len(frames) + (found is not None)
        if place >= kept[0] + 10:
            kept = place, list(engine.seen)  # type: ignore[attr-defined]
            faults.forget(place)
    return engine.seen, sorted(set(poison))  # type: ignore[attr-defined]


def test_the_state_goes_on_without_the_frame_at_which_it_fails_and_without_half_of_it() -> None:
    results = [float(i) for i in range(40)]
    results[3] = results[17] = results[18] = FATAL
    seen, poison = through(results)
    assert poison == [3, 17, 18]
    assert seen == [result for result in results if result != FATAL]


def test_a_worker_that_fails_at_every_frame_ends() -> None:
    with pytest.raises(ZeroDivisionError):
        through([FATAL] * 40)
