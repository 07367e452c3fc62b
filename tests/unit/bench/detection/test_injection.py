"""Faults are put where their labels say, into the test period alone, and a seed gives the same ones again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.detection.injection import AIR_LENGTHS, POLLUTANTS, Case, air, prices


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    chance = np.random.default_rng(1)
    hours = np.arange(np.datetime64("2014-01-01T00"), np.datetime64("2016-01-01T00"))
    for station in ("A", "B"):
        lines = ["No,year,month,day,hour," + ",".join(POLLUTANTS) + ",station"]
        values = chance.integers(20, 90, (len(hours), 6))
        for i, hour in enumerate(hours.tolist()):
            row = ",".join(map(str, values[i])) if i % 50 else ",".join(["NA"] * 6)
            lines.append(f"{i},{hour.year},{hour.month},{hour.day},{hour.hour},{row},{station}")
        (folder / f"{station}.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def quotes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prices")
    days = np.arange(np.datetime64("2018-01-01"), np.datetime64("2020-12-31"))
    lines = ["Date,Item,Type,Market,Price"]
    lines += [f"{day},{goods},Retail,M,{100 + i % 7}" for i, day in enumerate(days) for goods in ("beans", "leeks")]
    lines += [f"{day},seldom,Retail,M,5" for day in days[:50]]
    (folder / "p.csv").write_text("\n".join(lines))
    return folder


def changed(case: Case) -> np.ndarray:
    same = (case.clean == case.faulty) | (np.isnan(case.clean) & np.isnan(case.faulty))
    return ~same


def test_air(data: Path) -> None:
    case = air(data, 2015, 1)
    assert case.clean.shape == (2 * 365 * 24, 12)
    assert {one.kind for one in case.faults} == set(AIR_LENGTHS)
    labelled = np.zeros(case.clean.shape, bool)
    for one in case.faults:
        inside = (case.times >= one.starts_at) & (case.times <= one.ends_at)
        labelled[inside, case.series.index((one.thing, one.property))] = True
        low, high = AIR_LENGTHS[one.kind]
        assert low <= inside.sum() < high
        assert one.starts_at >= case.test_from
    assert not (changed(case) & ~labelled).any()
    assert air(data, 2015, 1).faults == case.faults
    assert air(data, 2015, 2).faults != case.faults
    assert {thing for thing, _ in air(data, 2015, 1, ["B"]).series} == {"B"}


def test_prices(quotes: Path, tmp_path: Path) -> None:
    case = prices(quotes, "2019-01-01", 1)
    assert case.series == (("M/Retail", "beans"), ("M/Retail", "leeks"))
    assert {one.kind for one in case.faults} >= {"decimal", "typo", "surge", "stale"}
    for one in case.faults:
        column = case.series.index((one.thing, one.property))
        inside = (case.times >= one.starts_at) & (case.times <= one.ends_at)
        ratio = case.faulty[inside, column] / case.clean[inside, column]
        if one.kind == "decimal":
            assert ratio[0] in (pytest.approx(10), pytest.approx(0.1))
        if one.kind == "stale":
            assert len(set(case.faulty[inside, column])) == 1
    case.write(case.faulty, tmp_path / "f.csv")
    lines = (tmp_path / "f.csv").read_text().splitlines()
    assert lines[:2] == ["time,thing,property,value,longitude,latitude", "2018-01-01T00:00:00,M/Retail,beans,100.0,,"]
    assert len(lines) == 1 + 2 * len(case.times)
