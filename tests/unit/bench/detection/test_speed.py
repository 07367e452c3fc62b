"""Every form and sensor type can be measured, and novelty is measured with a full memory."""

from __future__ import annotations

import numpy as np

from bench.detection import loads, speed
from detectors.parts.memory import MEMORY
from sensors import registry


def test_each_sensor_type_is_a_load_with_its_own_detectors() -> None:
    made = {load.watched: load for load in loads.types()}
    assert made.keys() == {f"type {name}" for name in registry.load()}
    assert {"quotes", "stale"} <= made["type price-board"].detectors
    assert len(made["type price-board"].columns) == loads.GOODS


def test_a_load_is_measured() -> None:
    load = next(one for one in loads.forms() if one.watched.startswith("form channels"))
    figure = speed._measure(load, 2 * load.things * len(load.columns), 1_000, 10.0)
    assert figure.observations_per_s == 10.0 * figure.to_river > 0
    assert figure.state_bytes == sum(speed._state_bytes(name) for name in load.detectors)


def test_memories_are_full_and_blocks_end_one_after_the_other() -> None:
    fresh = speed._Remembering().fresh(100)
    assert (fresh["blocks"] >= MEMORY).all()
    assert np.isfinite(fresh["extremes"]).all()
    assert len(set(fresh["seen"].tolist())) > 1
