"""What every detector must do; found by scanning."""

import numpy as np
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.discovery import all_detectors
from detectors.interface import Detector

DATASTREAM = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, 3_600_000_000)
SERIES = np.r_[np.random.default_rng(1).normal(10, 2, 400), [1e300, -1e300, 0, 0, 0], np.full(100, 7.0)]


def run(detector: Detector, series: np.ndarray, rows: int, *, restore_at: int = -1) -> np.ndarray:
    state = detector.fresh(rows)
    parameters = np.array([detector.parameters_of({}, DATASTREAM)] * rows, detector.parameters)
    scores = []
    for i, value in enumerate(series):
        if i == restore_at:
            state = np.frombuffer(state.tobytes(), detector.state).copy()
        time = np.full(rows, i * DATASTREAM.interval, np.int64)
        scores.append(detector.update(state, parameters, time, np.full(rows, value)).score)
    return np.array(scores)


@pytest.mark.parametrize("detector", all_detectors().values(), ids=lambda detector: detector.name)
def test_battery(detector: Detector) -> None:
    whole = run(detector, SERIES, 3)
    assert np.isfinite(whole).all()
    assert ((whole >= 0) & (whole <= 1)).all()
    np.testing.assert_array_equal(whole[:, 0], whole[:, 2])
    np.testing.assert_array_equal(whole[:, :1], run(detector, SERIES, 1))
    np.testing.assert_array_equal(whole[:200], run(detector, SERIES[:200], 3))
    np.testing.assert_array_equal(whole, run(detector, SERIES, 3, restore_at=150))
    with pytest.raises(ValueError, match="knows no parameter"):
        detector.parameters_of({"no_such": 1}, DATASTREAM)
