"""The legal table is dated, says where it is from, and gives more for cheaper and heavier goods."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from detectors.legal.short_weight import versions


def test_each_version_has_a_date_and_a_source() -> None:
    assert datetime.fromtimestamp(versions()[0].in_force_from / 1e6, UTC) == datetime(2004, 11, 30, 16, tzinfo=UTC)
    dates = [one.in_force_from for one in versions()]
    assert dates == sorted(set(dates))
    assert all(one.source for one in versions())
    assert not versions()[-1].verified


@pytest.mark.parametrize(
    ("price", "weight", "tolerance"),
    [(6, 1000, 20), (6, 1001, 40), (6.01, 1000, 5), (30, 2501, 10), (31, 4000, 4), (100, 6000, 6), (101, 2000, 2)],
)
def test_bounds_belong_to_the_lower_row(price: float, weight: float, tolerance: float) -> None:
    assert versions()[-1].of_price(price).tolerance(weight) == tolerance


def test_tolerances_grow_with_weight_and_end_somewhere() -> None:
    for version in versions():
        for one in version.classes:
            assert list(one.tolerances) == sorted(one.tolerances)
            assert one.tolerance(one.tolerances[-1][0] + 1) == float("inf")
