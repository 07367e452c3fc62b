"""The first text of a type is well declared as it stands."""

from registry.check import check
from registry.scaffold import scaffold


def test_it_holds() -> None:
    assert check(scaffold("my-sensor")).name == "my-sensor"
