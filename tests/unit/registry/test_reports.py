"""What a process says to a version."""

from registry.reports import RUNS, Report


def test_it_runs_it_or_refuses_it_or_has_not_yet_said_so() -> None:
    report = Report("ingest-1", "ingest", 1, {"lamp": 2}, {"lamp@3": "no detector"})
    assert report.answer("lamp", 2) == RUNS
    assert report.answer("lamp", 3) == "no detector"
    assert report.answer("lamp", 4) is None
    assert report.answer("lamp", None) is None
    assert report.answer("lantern", None) == RUNS, "withdrawn"
