"""Every file has one form, and what a form names is there."""

from __future__ import annotations

import itertools

import pytest

from aedilis.vocabulary import Clock, Datastream, Thing
from detectors.core.discovery import all_detectors
from detectors.core.interface import Detector
from detectors.core.panel import PanelDetector
from trial.detect.forms import Form, FormUse, all_forms, form_of
from trial.detect.series import Learned, Shape

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        (Shape(False, 1, 1, 1, 5 * MINUTE), "series"),
        (Shape(False, 1, 1, 1, DAY), "series"),
        (Shape(True, 8, 8, 6, HOUR), "network"),
        (Shape(True, 4, 4, 40, DAY), "quotes"),
        (Shape(True, 1, 1, 1, DAY), "quotes"),
        (Shape(True, 1, 1, 9, MINUTE), "channels"),
        (Shape(True, 3, 1, 9, 10 * MINUTE), "channels"),
        (Shape(True, 1, 1, 2, MINUTE), "other"),
        (Shape(True, 1, 1, 9, HOUR), "other"),
    ],
)
def test_the_form_of_a_file(shape: Shape, name: str) -> None:
    assert form_of(shape).name == name


def test_no_file_fits_two_forms() -> None:
    for long, sharing, channels, interval in itertools.product(
        (False, True), (1, 2, 9), (1, 2, 3, 9), (1_000_000, MINUTE, 10 * MINUTE, HOUR, 12 * HOUR, DAY, 30 * DAY)
    ):
        shape = Shape(long, sharing, sharing, channels, interval)
        assert sum(any(one.take(shape) for one in form.fits) for form in all_forms()) <= 1, shape
    assert [form.otherwise for form in all_forms()].count(True) == 1


@pytest.mark.parametrize("form", all_forms(), ids=lambda form: form.name)
def test_its_detectors_are_there_and_take_its_parameters(form: Form) -> None:
    for interval, positive in itertools.product((MINUTE, HOUR, 6 * HOUR, DAY), (True, False)):
        uses = form.uses(Learned(interval, positive, 50.0))
        assert uses
        assert len({use.name for use in uses}) == len(uses), "each detector once"
        thing = Thing(1, "file", "A", "file", 0, Clock.DATA)
        for use in uses:
            assert isinstance(all_detectors()[use.name], Detector | PanelDetector), "or the engine would pass it over"
            all_detectors()[use.name].parameters_of(
                use.parameters, Datastream(2, thing, "x", "x", "1", "file", 1, interval)
            )


def test_a_use_is_for_some_datastreams_and_follows_their_size() -> None:
    use = FormUse(name="stuck", interval_from_s=60, interval_below_s=3600, positive=True, of_usual={"tolerance": 0.1})
    assert [use.watches(Learned(interval)) for interval in (MINUTE - 1, MINUTE, HOUR)] == [False, True, False]
    assert not use.watches(Learned(MINUTE, positive=False))
    assert use.of(Learned(MINUTE, usual=44.0)).parameters == {"tolerance": 4.0}
    assert use.of(Learned(MINUTE, usual=0.0)).parameters == {}, "the detector's own"
