"""`aedilis backtest` over what a real database holds: two versions of a type beside each other."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np

from aedilis.frame import NO_TIME, NONE, Frame
from aedilis.identity import datastream_id, thing_id
from aedilis.vocabulary import Datastream, FrameCounts, FrameHeader, Quality, Thing
from storage.writer import Writer
from tests.installation import Installation, aedilis
from tests.unit.trial.lamps import BEGAN, TEXT

MINUTE = 60_000_000
START = BEGAN * 1_000_000
MINUTES = 3 * 24 * 60


def store(installation: Installation) -> None:
    """Three days of two lamps, written against the order of time: one shines too brightly once, one gets stuck."""
    names = ("x", "y")
    things = [Thing(thing_id("demo", name), "demo", name, "demo/z", 0) for name in names]
    ones = [
        Datastream(datastream_id("demo", one.name, "light"), one, "light", "light", "lx", "lamp", 1, MINUTE)
        for one in things
    ]
    minute = np.arange(MINUTES, dtype=np.int64)
    light = np.stack([20.0 + minute % 7, 30.0 + minute % 5], axis=1)
    light[2000:2010, 0] = 500.0
    light[3000:3060, 1] = 33.0
    light[100, 1] = np.nan
    frames = []
    for sequence, day in enumerate((2, 0, 1), start=1):
        part = slice(day * 1440, (day + 1) * 1440)
        result = light[part].ravel()
        n = len(result)
        counts = FrameCounts(published=n * sequence, framed=n * sequence, missing=int(day != 2))
        frames.append(
            Frame(
                FrameHeader("ingest-all-0000000000000001", sequence, counts, tuple(ones) if sequence == 1 else ()),
                np.tile(np.array([one.id for one in ones], np.int64), 1440),
                START + minute[part].repeat(2) * MINUTE,
                result,
                np.where(np.isnan(result), Quality.MISSING, Quality.GOOD).astype(np.uint8),
                np.zeros(n, np.uint32),
                np.full(n, NONE, np.int32),
                (),
                np.zeros(n, np.int32),
                ("lamp@1",),
                np.full(n, NO_TIME, np.int64),
                np.full(n, START, np.int64),
            )
        )

    async def write() -> None:
        async with Writer(installation.settings) as writer:
            await writer.write_frames("observations", 0, list(enumerate(frames)))

    asyncio.run(write())


def test_two_versions_over_what_is_stored(installation: Installation, tmp_path: Path) -> None:
    types = tmp_path / "types"
    types.mkdir()
    (types / "lamp.toml").write_text(TEXT)
    installation.env["AEDILIS_SENSOR_TYPES"] = str(types)
    new = tmp_path / "new.toml"
    stuck = '[[detectors]]\nname = "stuck"\nparameters = { count = 30 }\n[[properties]]'
    new.write_text(TEXT.replace("version = 1", "version = 2").replace("[[properties]]", stuck))
    told = aedilis("backtest", "--sensor-type", "lamp", env=installation.env, check=False)
    assert (told.returncode, "nothing is stored of lamp" in told.stderr) == (2, True)
    store(installation)

    def backtest(*arguments: str) -> dict[str, object]:
        ended = aedilis("backtest", "--sensor-type", "lamp", "--json", *arguments, env=installation.env)
        found: dict[str, object] = json.loads(ended.stdout)
        return found

    both = backtest("--file", str(new))
    mine, before, difference = both["new"], both["old"], both["difference"]
    assert isinstance(mine, dict)
    assert isinstance(before, dict)
    assert isinstance(difference, dict)
    assert (both["from"], both["until"]) == ("2026-01-05T00:00:00Z", "2026-01-07T23:59:00.000001Z")
    assert (mine["version"], before["version"]) == ("lamp@2", "lamp@1")
    assert mine["observations"] == before["observations"] == 2 * MINUTES
    assert mine["quality"] == {"good": 2 * MINUTES - 1, "missing": 1}
    assert (mine["anomalies"], before["anomalies"]) == ({"range": 1, "stuck": 1}, {"range": 1})
    assert (difference["both"], difference["only_new"], difference["only_old"]) == ({"range": 1}, {"stuck": 1}, {})
    assert "light at y" in difference["new_examples"]["stuck"][0]
    alone = backtest("--from", "2026-01-07", "--agency", "demo")
    assert alone["old"] is None
    assert isinstance(alone["new"], dict)
    assert (alone["new"]["observations"], alone["new"]["anomalies"]) == (2 * 1440, {})
