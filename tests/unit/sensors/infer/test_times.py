"""Where a time is, how it is written, and in which zone local times are, by when they came in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sensors.infer.times import find

CAME = int(datetime(2026, 1, 5, 8, 0, 20, tzinfo=UTC).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2026-01-05T08:00:00Z", {"form": "iso"}),
        (1767600000, {"form": "epoch_s"}),
        (1767600000123, {"form": "epoch_ms"}),
        (1767600000123456, {"form": "epoch_us"}),
        (1767600000123456789, {"form": "epoch_ns"}),
        ("1767600000", {"form": "epoch_s"}),
        ("2026-01-05T08:00:00Z/2026-01-05T09:00:00Z", {"form": "iso"}),
    ],
)
def test_the_form_is_recognised(value: object, said: dict[str, str]) -> None:
    found = find({("ts",): [value], ("count",): [12]}, [CAME], None)
    assert found is not None
    assert found.declared == {"field": "ts", **said}
    assert found.seconds == pytest.approx(1767600000, abs=1)


@pytest.mark.parametrize(
    ("local", "zone"), [("2026-01-05T16:00:10", "Asia/Shanghai"), ("2026-01-05T03:00:10", "America/New_York")]
)
def test_a_local_time_tells_its_zone_by_when_it_came(local: str, zone: str) -> None:
    found = find({("Time",): [local]}, [CAME], None)
    assert found is not None
    assert found.declared["timezone"] == zone


def test_the_zone_of_the_installation_comes_first_where_it_fits() -> None:
    found = find({("Time",): ["2026-01-05T09:00:10"]}, [CAME], "Europe/Paris")
    assert found is not None
    assert found.declared["timezone"] == "Europe/Paris"


def test_a_local_time_of_a_vendor_is_read_by_its_pattern() -> None:
    found = find({("DataTime",): ["20260105160010"]}, [CAME], None)
    assert found is not None
    assert found.declared == {"field": "DataTime", "format": "%Y%m%d%H%M%S", "timezone": "Asia/Shanghai"}


def test_a_counter_is_no_time() -> None:
    assert find({("counter",): [1_500_000_000], ("PM10",): [17.5]}, [CAME], None) is None


def test_a_path_is_told_as_a_list() -> None:
    found = find({("meta", "time"): ["2026-01-05T08:00:00Z"]}, [CAME], None)
    assert found is not None
    assert found.declared["field"] == ["meta", "time"]
