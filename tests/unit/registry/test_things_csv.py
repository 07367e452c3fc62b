"""A file of Things is read whole, with every fault told at once, and what is written reads back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.things import Entry
from registry.things_csv import COLUMNS, read_csv, write_csv


def told_of(text: str) -> dict[tuple[str, str], dict[str, object]]:
    told, faults = read_csv(text.encode())
    assert not faults
    return told


def faults_of(text: str) -> list[tuple[int, str, str, str]]:
    return [(fault.line, fault.column, fault.expected, fault.got) for fault in read_csv(text.encode())[1]]


def test_columns_that_are_there_are_told_and_empty_cells_take_back() -> None:
    text = '\ufeffThing,agency,zone,approved,title\r\na/1,demo,north,yes,\r\n\r\nb,demo,,No,"Market, south"\r\n'
    assert told_of(text) == {
        ("demo", "a/1"): {"zone": "north", "approved": True, "title": None},
        ("demo", "b"): {"zone": None, "approved": False, "title": "Market, south"},
    }


def test_every_fault_of_every_line_is_told() -> None:
    text = (
        "agency,thing,zone,longitude,latitude,approved\n"
        "demo,a,north,12.5,41.9,yes\n"
        "demo,b,north,200,x,maybe\n"
        "demo,,north,12.5,,yes\n"
        "demo,c\n"
        "demo,a,south,,,\n"
    )
    told, faults = read_csv(text.encode())
    assert list(told) == [("demo", "a")]
    assert [(fault.line, fault.column, fault.got) for fault in faults] == [
        (3, "longitude", "200"),
        (3, "latitude", "x"),
        (3, "approved", "maybe"),
        (4, "thing", ""),
        (4, "latitude", "nothing"),
        (5, "all", "2"),
        (6, "thing", "a of line 2"),
    ]
    assert str(faults[0]) == (
        "line 3, longitude: expected degrees from -180 to 180, such as 45, got '200'."
        " Mend: write it so, or leave it empty"
    )
    assert all(fault.mend for fault in faults)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, "all"),
        ("agency,thing,colour\n", 1, "colour"),
        ("agency,thing,zone,zone\n", 1, "zone"),
        ("agency,zone\n", 1, "thing"),
        ("agency,thing,longitude\n", 1, "latitude"),
        ('agency,thing\ndemo,"a\n', 2, "all"),
    ],
)
def test_a_file_that_is_none(text: str, line: int, column: str) -> None:
    told, faults = read_csv(text.encode())
    assert not told
    assert [(fault.line, fault.column) for fault in faults] == [(line, column)]


def test_a_file_that_is_not_utf_8_names_the_line() -> None:
    assert [fault.line for fault in read_csv("agency,thing\ndemo,Straße\n".encode("latin-1"))[1]] == [2]


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
DEGREES = st.none() | st.floats(-90, 90)


@given(NAMES, st.none() | NAMES, st.none() | NAMES, DEGREES, st.none() | st.booleans())
def test_what_is_written_reads_back(
    thing: str, title: str | None, zone: str | None, degrees: float | None, approved: bool | None
) -> None:
    entry = Entry("demo", thing, title, zone, degrees, degrees, approved)
    told, faults = read_csv(write_csv([entry]).encode())
    if (
        faults
    ):  # a title that cannot be printed, or a name that is another when normalised: never told in the first place
        return
    ((fields,)) = told.values()
    assert {name: str(value) for name, value in fields.items() if name != "zone"} == {
        name: str(value) for name, value in entry.tells().items() if name != "zone"
    }


def test_a_file_without_things_has_its_header() -> None:
    assert write_csv([]) == ",".join(COLUMNS) + "\n"
