"""What watches a file of which nothing is known but its form. Each file of `forms/` is one form; they are found by scanning.

A form says when it fits and which detectors it uses, written as a sensor type writes them. The forms exclude each other; the
one with `otherwise = true` is for all that fits no other.
"""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

from sensors.declaration import DetectorUse
from trial.detect.series import Learned, Shape

_LARGEST = 1e100
"""No usual size is larger."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fits(_Strict):
    """Bounds of a file's shape; the lower ones belong to it, the upper ones do not."""

    long: bool
    sharing_from: int = Field(1, description="the most Things that have one property")
    sharing_below: float = math.inf
    channels_from: int = Field(1, description="the most properties of one Thing")
    interval_from_s: float = 0
    interval_below_s: float = math.inf

    def take(self, shape: Shape) -> bool:
        """Whether the shape lies within."""
        return (
            shape.long == self.long
            and self.sharing_from <= shape.sharing < self.sharing_below
            and self.channels_from <= shape.channels
            and self.interval_from_s <= shape.interval / 1e6 < self.interval_below_s
        )


class FormUse(DetectorUse):
    """A detector, for which Datastreams, and parameters that follow from what was learned of them."""

    interval_from_s: float = 0
    interval_below_s: float = Field(1e12, description="not this one")
    positive: bool | None = Field(None, description="for those that have no result below 0, or for the others")
    of_usual: dict[str, float] = Field(
        default_factory=dict, description="parameter → share of the usual size of results"
    )

    def watches(self, one: Learned) -> bool:
        """Whether it is meant for this Datastream."""
        in_time = self.interval_from_s <= one.interval / 1e6 < self.interval_below_s
        return in_time and self.positive in (None, one.positive)

    def of(self, one: Learned) -> DetectorUse:
        """With all parameters; what has no usual size keeps the detector's own.

        One figure is enough, and makes few different ones of many Datastreams.
        """
        usual = min(one.usual, _LARGEST)
        sized = {name: float(f"{share * usual:.0e}") for name, share in self.of_usual.items() if usual}
        return self.model_copy(update={"parameters": {**self.parameters, **sized}})


class Form(_Strict):
    """One form of file."""

    name: str
    when: str = Field(description="in words, for whoever reads the summary")
    fits: tuple[Fits, ...] = ()
    otherwise: bool = False
    detectors: tuple[FormUse, ...]

    def uses(self, one: Learned) -> tuple[DetectorUse, ...]:
        """The detectors of a Datastream."""
        return tuple(use.of(one) for use in self.detectors if use.watches(one))


@cache
def all_forms() -> tuple[Form, ...]:
    """In the order of their names."""
    texts = sorted(
        (file.name, file.read_text(encoding="utf-8"))
        for file in files("trial.detect").joinpath("forms").iterdir()
        if file.name.endswith(".toml")
    )
    return tuple(Form.model_validate(tomllib.loads(text)) for _, text in texts)


def form_of(shape: Shape) -> Form:
    """The one that fits."""
    fitting = [form for form in all_forms() if any(one.take(shape) for one in form.fits)]
    return next(iter(fitting or [form for form in all_forms() if form.otherwise]))
