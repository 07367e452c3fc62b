"""Every file of the folder that holds a detector is found."""

from __future__ import annotations

from detectors.core.discovery import all_detectors


def test_the_four_are_found_by_their_names() -> None:
    found = all_detectors()
    assert set(found) >= {"gap", "range", "spike", "stuck"}
    for name, detector in found.items():
        assert type(detector).__module__ == f"detectors.{name}"
        assert detector.name == name
