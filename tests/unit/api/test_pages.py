"""What the pages show: map, zones, spans, addresses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from api.pages import SHAPES, kinds, project, ranges, shown_at, worst, zones_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = 60_000_000


def thing(name: str, zone: str = "north", **changes: Any) -> dict[str, Any]:
    plain = {"id": 1, "agency": "demo", "name": name, "zone": zone, "datastreams": 2, "last_time": NOON}
    rest = {"silent": False, "open_alerts": 0, "severity": None, "longitude": 12.0, "latitude": 41.0}
    return {**plain, **rest, **changes}


def test_the_map_keeps_distances_and_stays_inside() -> None:
    things = [thing("a"), thing("b", longitude=12.1), thing("c", latitude=41.1), thing("d", longitude=None)]
    a, b, c = project(things)
    assert b["x"] > a["x"]
    assert c["y"] < a["y"], "north is up"
    east, north = b["x"] - a["x"], a["y"] - c["y"]
    assert abs(east / north - 0.7545) < 0.01, "a degree of longitude is shorter away from the equator"
    assert all(0 <= dot["x"] <= 1000 and 0 <= dot["y"] <= 800 for dot in (a, b, c))


def test_a_map_of_one_thing_and_of_none() -> None:
    assert len(project([thing("a")])) == 1
    assert project([thing("a", longitude=None)]) == []


def test_zones_add_up_and_show_their_worst() -> None:
    north, south = zones_of(
        [
            thing("a", silent=True),
            thing("b", open_alerts=2, severity="minor", last_time=NOON + timedelta(hours=1)),
            thing("c", open_alerts=1, severity="critical"),
            thing("d", zone="south", last_time=None),
        ]
    )
    assert (north["things"], north["datastreams"], north["silent"], north["open_alerts"]) == (3, 6, 1, 3)
    assert (north["severity"], north["last_time"]) == ("critical", NOON + timedelta(hours=1))
    assert (south["severity"], south["last_time"]) == (None, None)


def test_zones_of_one_name_in_two_agencies_stay_apart() -> None:
    assert len(zones_of([thing("a"), thing("b", agency="other")])) == 2


def test_the_worst_severity() -> None:
    assert worst(["notice", None, "major", "minor"]) == "major"
    assert worst([None]) is None


def test_every_severity_and_silence_have_a_shape() -> None:
    assert set(SHAPES) == {"critical", "major", "minor", "notice", "silent"}


def test_only_spans_of_ten_intervals_are_offered() -> None:
    assert [last for last, _ in ranges(5 * MINUTE)] == ["6h", "24h", "7d", "30d", "1y", "10y"]
    assert [last for last, _ in ranges(24 * 60 * MINUTE)] == ["30d", "1y", "10y"]


def address_of(**changes: Any) -> dict[str, str]:
    mark = {"datastream": 7, "starts_at": NOON, "ends_at": None, "interval_us": 60 * MINUTE, **changes}
    parts = urlsplit(shown_at(mark))
    assert parts.path == "/datastreams/7"
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def test_the_chart_of_an_open_anomaly_follows_the_data() -> None:
    assert address_of() == {"start": "2026-03-01T16:00Z"}


def test_the_chart_of_an_ended_anomaly_shows_what_was_around_it() -> None:
    assert address_of(ends_at=NOON + timedelta(hours=2)) == {"start": "2026-03-01T16:00Z", "end": "2026-03-03T11:00Z"}


def test_the_chart_of_a_resolved_alert() -> None:
    alert = {"opened_at": NOON, "resolved_at": NOON, "datastream": 7, "interval_us": 60 * MINUTE}
    assert "end=2026-03-03T09:00Z" in shown_at(alert)


def test_what_is_about_more_than_a_datastream_has_no_chart_but_a_page() -> None:
    row = {"id": 3, "datastream": None, "starts_at": NOON, "ends_at": None, "interval_us": None}
    assert shown_at(row) == "/anomalies/3"
    assert shown_at({**row, "anomalies": [4, -5]}) == "/anomalies/-5"


def test_an_anomaly_whose_datastream_is_not_stored_yet_has_a_chart() -> None:
    assert shown_at({"datastream": 7, "starts_at": NOON, "ends_at": None, "interval_us": None}) == "/datastreams/7"


def test_what_is_open_on_a_zone_counts_with_its_things() -> None:
    alerted = [{"agency": "demo", "zone": "north", "alerts": 2, "severity": "major"}]
    north, south = zones_of([thing("a", open_alerts=1, severity="minor"), thing("b", zone="south")], alerted)
    assert (north["open_alerts"], north["severity"], north["own"]) == (3, "major", alerted[0])
    assert (south["open_alerts"], south["severity"], south["own"]) == (0, None, None)


def test_kinds_come_from_the_detectors_and_the_address() -> None:
    assert {"gap", "range", "spike", "stuck"} <= set(kinds(None))
    assert "of-old" in kinds("of-old")
