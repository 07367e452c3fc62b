"""A worker waits for a sensor type that a frame names before its file is here, but not for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from aedilis.errors import DeclarationError
from aedilis.vocabulary import Datastream, Thing
from streams import detect
from streams.detect import Types
from streams.partition import Stalled

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


def test_a_type_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    types = Types(str(tmp_path))
    with pytest.raises(Stalled, match="lamp@2"):
        types.wait_for([stream(2)])
    (tmp_path / "lamp.toml").write_text(TOML)
    types.wait_for([stream(2)])
    uses, _ = types.pipeline(stream(2))
    assert [use.detector for use in uses] == ["range"]


def test_an_older_version_is_watched_as_the_newer_one_says(tmp_path: Path) -> None:
    (tmp_path / "lamp.toml").write_text(TOML)
    types = Types(str(tmp_path))
    types.wait_for([stream(1)])
    assert types.pipeline(stream(1))[0]


def test_it_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    types = Types(str(tmp_path))
    monkeypatch.setattr(detect, "WAIT_SECONDS", 0.0)
    types.wait_for([stream(2)])
    assert types.pipeline(stream(2)) == ((), 0)
    monkeypatch.setattr(detect, "WAIT_SECONDS", 1e9)
    types.wait_for([stream(2)])  # given up once, it is not waited for again


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [('name = "range"', 'name = "unheard-of"', "no detector 'unheard-of'"), ("low = 0.0", "low = 9.0", "low < high")],
)
def test_what_no_detector_takes_is_told_at_the_start(tmp_path: Path, old: str, new: str, fault: str) -> None:
    (tmp_path / "lamp.toml").write_text(TOML.replace(old, new))
    with pytest.raises(DeclarationError, match=fault):
        Types(str(tmp_path))


def test_a_file_spoilt_while_running_leaves_the_types_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "lamp.toml").write_text(TOML)
    types = Types(str(tmp_path))
    (tmp_path / "lamp.toml").write_text("name = ")
    with pytest.raises(Stalled):
        types.wait_for([stream(3)])
    assert types.pipeline(stream(2))[0]
