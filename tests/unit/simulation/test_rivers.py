"""Rivers rise after rain, and are then turbid and thin."""

from datetime import UTC, datetime

import numpy as np

from simulation.chance import Chance
from simulation.layout import cells, group
from simulation.rivers import Gauges

YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) + np.arange(0, 365 * 86_400, 4 * 3600)


def test_rain_makes_the_water_high_turbid_and_thin() -> None:
    gauges = Gauges(Chance(3), group("Gauge", 4, cells(1_500), 0.0))
    results = gauges.told(gauges.results(YEAR))
    level, turbidity, conductivity, warmth, oxygen, acidity = np.moveaxis(results, 2, 0)
    high = level > np.quantile(level, 0.95)
    assert 0.5 < level.min() < level.max() < 6
    assert turbidity[high].mean() > 5 * np.median(turbidity)
    assert conductivity[high].mean() < 0.8 * np.median(conductivity)
    assert acidity[high].mean() < np.median(acidity)
    assert 4 < warmth.min() < warmth.max() < 25
    assert np.corrcoef(warmth.ravel(), oxygen.ravel())[0, 1] < -0.9  # cold water holds more
    assert (level.std(axis=0) > 0.1).all()
