"""What watches the Datastreams of a file: the detectors of a sensor type, one alone, or those of the file's form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aedilis.errors import DetectError
from aedilis.vocabulary import Datastream
from detectors.core.discovery import all_detectors
from sensors.compile import CompiledType
from sensors.declaration import DetectorUse
from streams.detecting.uses import Use, as_use
from trial.detect.forms import form_of
from trial.detect.rows import Name
from trial.detect.series import Series, datastreams, unjudged
from trial.judging import judge_of

Uses = Callable[[Datastream], tuple[DetectorUse, ...]]


@dataclass(frozen=True)
class Watched:
    """The Datastreams of a file, of each name one, what their rows are worth, and what watches them."""

    what: str  # in words
    datastreams: list[Datastream]
    quality: npt.NDArray[np.uint8]  # of each row
    tests: npt.NDArray[np.uint32]
    detectors: tuple[str, ...]
    uses: Callable[[Datastream], tuple[Use, ...]]


def of_form(series: Series, warm_up: int | None) -> Watched:
    """By the detectors of the form that the file has. Each of these may raise `DetectError`: a detector takes no such warm-up."""
    form = form_of(series.shape())
    names = zip(series.rows.names, series.learned, strict=True)
    uses = {(name.thing, name.property): form.uses(learned) for name, learned in names}
    return _learned(series, f"as {form.name} ({form.when})", lambda one: uses[one.thing.name, one.name], warm_up)


def of_detector(series: Series, name: str, warm_up: int | None) -> Watched:
    """By one detector, as it is by itself."""
    use = DetectorUse(name=name)
    return _learned(series, f"with detector {name}", lambda _: (use,), warm_up)


def of_type(series: Series, compiled: CompiledType, warm_up: int | None) -> Watched:
    """By the detectors of a sensor type; values stand in the units of its Datastreams.

    Raises:
        DetectError: the file has properties that the type does not declare.
    """
    path, names = series.rows.path, series.rows.names
    numbers = {name.property: _declared(name, compiled) for name in names}
    unknown = [prop for prop, number in numbers.items() if number is None]
    if unknown:
        known = ", ".join(prop.name for prop in compiled.declared.properties)
        raise DetectError(
            path=path,
            problem=f"{compiled.name} does not declare {', '.join(unknown)}; declared are {known}",
            mend="name another type, or none",
        )
    of_name = np.array([numbers[name.property] for name in names], np.int32)
    _, quality, tests = judge_of(compiled)(of_name[series.rows.series], series.rows.value)
    declared = [compiled.readers[number] for number in of_name.tolist()]
    observed = [(one.prop.name, one.prop.unit, one.interval) for one in declared]
    ones = datastreams(series, compiled.name, compiled.version, observed)
    what = f"as {compiled.name}@{compiled.version}"
    return _watched(
        path, what, ones, (quality, tests), lambda one: compiled.detectors_of(one.observed_property), warm_up
    )


def zone_of(compiled: CompiledType) -> tzinfo | None:
    """The zone of a type's times that name none."""
    return compiled.declared.time.zone()


def _learned(series: Series, what: str, uses: Uses, warm_up: int | None) -> Watched:
    observed = [(name.property, "1", one.interval) for name, one in zip(series.rows.names, series.learned, strict=True)]
    ones = datastreams(series, "file", 1, observed)
    return _watched(series.rows.path, what, ones, unjudged(series.rows), uses, warm_up)


def _watched(
    path: Path,
    what: str,
    ones: list[Datastream],
    judged: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]],
    uses: Uses,
    warm_up: int | None,
) -> Watched:
    def of(one: Datastream) -> tuple[Use, ...]:
        return tuple(
            as_use(use, {} if warm_up is None or not _asks(use.name) else {"warm_up": warm_up}) for use in uses(one)
        )

    examples = {use.detector: (use, one) for one in ones for use in of(one)}
    for name, (use, one) in sorted(examples.items()):
        try:
            all_detectors()[name].parameters_of(use.parameters, one)
        except ValueError as error:
            raise DetectError(path=path, problem=str(error), mend="give another --warm-up, or none") from error
    return Watched(what, ones, *judged, tuple(sorted(examples)), of)


def _asks(detector: str) -> bool:
    return "warm_up" in all_detectors()[detector].defaults


def _declared(name: Name, compiled: CompiledType) -> int | None:
    """The property of a file is that of the type, or the name of one of its Datastreams."""
    for number, prop in enumerate(compiled.declared.properties):
        if name.property == prop.name or compiled.gives(name.property, prop.name, prop.unit):
            return number
    return None
