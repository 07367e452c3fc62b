"""Which cases `aedilis bench detectors` runs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from bench.detection import city, sections, speed
from bench.detection.sheets import Detection

GENERAL = "novelty"
"""The detector that looks at any series."""
AIR = ((2014, 1), (2015, 1), (2015, 2), (2015, 3))
PRICES = (("2020-01-01", 1), ("2020-01-01", 2), ("2020-01-01", 3), ("2019-01-01", 1))


def run(data: Path, only: Collection[str], quick: bool, say: Callable[[str], object]) -> Detection:
    """All sections that were asked for and have their data in the folder.

    Raises:
        BenchError: a baseline is not installed.
    """
    figures = Detection()
    if "nab" in only and (data / "nab").is_dir():
        figures.nab = sections.of_nab(data / "nab", say)
    if "air" in only and (data / "air").is_dir():
        figures.air = sections.of_air(data / "air", say, AIR[1:2] if quick else AIR)
    if "prices" in only and (data / "prices").is_dir():
        figures.prices = sections.of_prices(data / "prices", say, PRICES[:1] if quick else PRICES)
    if "water" in only and (data / "water").is_dir():
        figures.water = sections.of_water(data / "water", say)
    if "city" in only:
        figures.city = city.run(say, city.SEEDS[:1] if quick else city.SEEDS)
    if "speed" in only:
        figures.speed = speed.run(GENERAL, say, speed.OBSERVATIONS // 10 if quick else speed.OBSERVATIONS)
    return figures
