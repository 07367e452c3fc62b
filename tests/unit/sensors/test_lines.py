"""Where a value stands in a TOML text."""

import pytest

from sensors.lines import Lines

TEXT = """\
name = "x"
[time]

zone = "a"
[[properties]]
name = "q"
fail = [1,
  2]
[[properties.detectors]]
name = "z"
parameters = { a = 1 }
[[properties]]
name = "r"
[properties.tests.rate]
per_s = 1.0
[a."b.c"]
d = 1
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("name",), 1),
        (("time",), 4),  # a table's head has no line: that of its first child
        (("time", "zone"), 4),
        (("time", "absent"), 4),
        (("properties", 0), 5),
        (("properties", 0, "name"), 6),
        (("properties", 0, "fail"), 7),
        (("properties", 0, "fail", 1), 8),
        (("properties", 0, "absent"), 5),
        (("properties", 0, "detectors", 0, "parameters", "a"), 11),
        (("properties", 1, "name"), 13),
        (("properties", 1, "tests", "rate", "per_s"), 15),
        (("properties", 9), 5),
        (("a", "b.c", "d"), 17),
        (("absent",), None),
        ((), None),
    ],
)
def test_lines(place: tuple[str | int, ...], line: int | None) -> None:
    assert Lines(TEXT)(place) == line


@pytest.mark.parametrize("text", ["a = ", "a = '\ud800'", ""])
def test_a_text_that_cannot_be_read_has_no_lines(text: str) -> None:
    assert Lines(text)(("a",)) is None
