"""The first text of a type of each payload format is well declared as it stands."""

from __future__ import annotations

import pytest

from registry.check import check
from registry.sample import around
from sensors.format import all_formats


@pytest.mark.parametrize("name", sorted(all_formats()))
def test_it_holds_and_gives_observations(name: str) -> None:
    compiled = check(around("my-sensor", all_formats()[name]))
    assert compiled.format.name == name
    assert compiled.declared.examples[0].observations
