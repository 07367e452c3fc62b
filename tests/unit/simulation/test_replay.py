"""CSV files become messages in the order of time, each cell as it stands; what cannot be read is counted with its line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from aedilis.errors import ReplayError
from sensors.declaration import SensorType
from simulation.replay import Item, Recording, Summary, merged, places
from tests.unit.sensors.declaring import declare

REPLAY = {"thing": "Market", "time": "Date", "fields": {"goods": "Item", "price": "Price"}, "drop": ["No"]}
PRICE = {"name": "price", "unit": "EUR/kg", "datastream": "price/{goods}"}
HEADER = "Date,Item,Market,Price"


def board(**parts: Any) -> SensorType:
    payload = {"labels": ["goods"], "zone": "zone", "longitude": "x", "latitude": "y"}
    return declare(
        PRICE,
        **{
            "topic": "city/{agency}/{thing}/price",
            "payload": payload,
            "time": {"timezone": "Asia/Colombo"},
            "replay": REPLAY,
            **parts,
        },
    )


def csv(folder: Path, *lines: str | bytes, name: str = "a.csv", end: bytes = b"\n") -> Path:
    path = folder / name
    path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + end for line in lines))
    return path


def read(*files: Path, declared: SensorType | None = None, where: Any = None) -> tuple[list[Item], Summary]:
    summary = Summary()
    recordings = [Recording(path, declared or board(), "demo", where or {}) for path in files]
    for recording in recordings:
        recording.survey(summary)
    items = list(merged(recordings))
    assert len(items) == sum(recording.messages for recording in recordings)
    for item in items:
        summary.add(item)
    return items, summary


def contents(*files: Path, **options: Any) -> list[dict[str, Any]]:
    return [json.loads(item.payload) for item in read(*files, **options)[0]]


def test_a_line_becomes_a_message(tmp_path: Path) -> None:
    (item,), summary = read(csv(tmp_path, HEADER, "2016-08-01,Beans,Dambulla,165.0"))
    assert item.topic == "city/demo/Dambulla/price"
    assert item.payload == b'{"time":"2016-08-01","goods":"Beans","price":165.0}'
    assert item.moment == 1_469_989_800_000_000  # 2016-07-31T18:30Z
    assert (summary.messages, summary.observations, summary.missing) == (1, 1, 0)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("165.0", 165.0),
        ("0.1", 0.1),
        ("7", 7),
        ("007", 7),
        ("-3.50", -3.5),
        ("1e3", 1000.0),
        (" 4 ", 4.0),
        ("9007199254740993", 9007199254740992.0),
        ("1" + "0" * 30, 1e30),
        ("NA", None),
        ("", None),
        ("12,5", "12,5"),
        ("1_000", "1_000"),
        ("٣", "٣"),
        ("1e999", "1e999"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("9" * 5000, "9" * 5000),
        ("dear", "dear"),
        (" NA", " NA"),
    ],
)
def test_cells(tmp_path: Path, cell: str, value: Any) -> None:
    items, summary = read(csv(tmp_path, HEADER, f'2016-08-01,Beans,Dambulla,"{cell}"'))
    content = json.loads(items[0].payload)
    assert content["price"] == value
    assert type(content["price"]) is type(value)
    assert (summary.observations, summary.missing) == (1, int(value is None))


def test_files_are_merged_by_time_and_lines_of_one_time_stay_in_order(tmp_path: Path) -> None:
    ordered = csv(tmp_path, HEADER, "2016-08-01,a,M,1", "2016-08-02,b,M,2", "2016-08-02,c,M,3", name="ordered.csv")
    mixed = csv(tmp_path, HEADER, "2016-08-03,d,M,4", "2016-08-02,e,M,5", "2016-07-01,f,M,6", "2016-08-02,g,M,7",
                name="mixed.csv")  # fmt: skip
    assert [content["goods"] for content in contents(ordered, mixed)] == ["f", "a", "b", "c", "e", "g", "d"]
    assert [content["goods"] for content in contents(mixed, ordered)] == ["f", "a", "e", "g", "b", "c", "d"]


def test_times_with_another_offset_are_put_in_order_too(tmp_path: Path) -> None:
    lines = ["2016-08-01T12:00:00,local,M,1", "2016-08-01T07:00:00Z,later,M,1", "2016-08-01T12:00:00+12:00,first,M,1"]
    got = contents(csv(tmp_path, HEADER, *lines))
    assert [content["goods"] for content in got] == ["first", "local", "later"]
    assert got[1]["time"] == "2016-08-01T12:00:00"


def test_columns_of_a_time(tmp_path: Path) -> None:
    replay = {**REPLAY, "time": {"year": "y", "month": "m", "day": "d", "hour": "h"}}
    path = csv(tmp_path, "y,m,d,h,Item,Market,Price", "2016,8,1,0,a,M,1", "2016,08,01,23,b,M,1", "2016,13,1,0,c,M,1",
               "2016,8,1,24,d,M,1", "2016,8,,0,e,M,1", "2016,2,30,0,f,M,1")  # fmt: skip
    items, summary = read(path, declared=board(replay=replay))
    assert [json.loads(item.payload)["time"] for item in items] == ["2016-08-01T00:00:00", "2016-08-01T23:00:00"]
    assert summary.malformed == {"no time": 4}
    assert [line.split(" ")[0] for line in summary.lines] == ["a.csv:4:", "a.csv:5:", "a.csv:6:", "a.csv:7:"]


def test_numbers_since_1970(tmp_path: Path) -> None:
    declared = board(time={"form": "epoch_s"})
    items, summary = read(csv(tmp_path, HEADER, "1469989800,a,M,1", "1469989800.5,b,M,1", "x,c,M,1"), declared=declared)
    assert [json.loads(item.payload)["time"] for item in items] == [1_469_989_800, 1_469_989_800.5]
    assert [item.moment for item in items] == [1_469_989_800_000_000, 1_469_989_800_500_000]
    assert summary.malformed == {"no time": 1}


GOOD = "2016-08-01,Beans,M,1"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('2016-08-01,"Beans,M,1', "not CSV"),
        ('2016-08-01,"Li"me,M,1', "not CSV"),
        ("2016-08-01,Beans,M", "wrong number of columns"),
        ("2016-08-01,Beans,M,1,", "wrong number of columns"),
        ("2016-08-01", "wrong number of columns"),
        ("2016-08-01;Beans;M;1", "wrong number of columns"),
        ("yesterday,Beans,M,1", "no time"),
        ("NA,Beans,M,1", "no time"),
        (",Beans,M,1", "no time"),
        ("2016-02-30,Beans,M,1", "no time"),
        ("2016-08-01,Beans,,1", "no Thing"),
        ("2016-08-01,Beans, ,1", "no Thing"),
        ("2016-08-01,Beans,NA,1", "no Thing"),
        (b"2016-08-01,Li\xffme,M,1", "not UTF-8"),
        ("x" * 200_000 + ",Beans,M,1", "not CSV"),
    ],
)
def test_a_malformed_line_is_told_with_its_number_and_costs_no_other(
    tmp_path: Path, line: str | bytes, reason: str
) -> None:
    items, summary = read(csv(tmp_path, HEADER, GOOD, line, GOOD, "", GOOD, line))
    assert len(items) == 3
    assert summary.malformed == {reason: 2}
    assert [told.split(": ")[0] for told in summary.lines] == ["a.csv:3", "a.csv:7"]
    assert all(told.split(": ")[1].startswith(reason) for told in summary.lines)
    assert summary.as_json() == {
        "messages": 3,
        "observations": 3,
        "missing": 0,
        "malformed": {reason: 2},
        "lines": summary.lines,
        "interrupted": False,
    }


def test_only_the_first_malformed_lines_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    _, summary = read(csv(tmp_path, HEADER, *["x"] * 500))
    assert summary.malformed == {"wrong number of columns": 500}
    assert len(summary.lines) == 20


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_line_ends_byte_order_mark_blank_lines_and_a_last_line_without_end(tmp_path: Path, end: bytes) -> None:
    path = csv(tmp_path, b"\xef\xbb\xbf" + HEADER.encode(), "", GOOD, "  ", "2016-08-02,B,M,2", end=end)
    path.write_bytes(path.read_bytes() + b"2016-08-03,C,M,3")
    items, summary = read(path)
    assert [json.loads(item.payload)["price"] for item in items] == [1, 2, 3]
    assert not summary.malformed


def test_quoted_cells(tmp_path: Path) -> None:
    (content,) = contents(csv(tmp_path, '"Date","Item","Market","Price"', '2016-08-01,"Beans, ""green""","A/B","1.5"'))
    assert content["goods"] == 'Beans, "green"'
    assert content["price"] == 1.5


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "columns Market, Date, Item, Price are missing; it has none"),
        (["", GOOD], "it has none"),
        (["Date,Item,Price"], "columns Market are missing; it has Date, Item, Price"),
        (["Date;Item;Market;Price"], "it has Date;Item;Market;Price"),
        (["Date,Item,Market,Price,Price"], "columns Price stand twice"),
        ([b"\xff\xfeD\x00a\x00"], "no header"),
        (['"Date,Item,Market,Price'], "no header"),
    ],
)
def test_a_header_that_does_not_fit(tmp_path: Path, lines: list[str | bytes], words: str) -> None:
    with pytest.raises(ReplayError, match=words):
        read(csv(tmp_path, *lines))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r"absent\.csv.*No such file"):
        Recording(tmp_path / "absent.csv", board(), "demo", {})
    with pytest.raises(ReplayError, match="no file"):
        Recording(tmp_path, board(), "demo", {})
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ReplayError, match="read twice"):
        Recording(tmp_path / "pipe", board(), "demo", {})
    with pytest.raises(ReplayError, match=r"has no \[replay\]"):
        Recording(csv(tmp_path, HEADER), board(replay=None), "demo", {})


def test_only_a_header(tmp_path: Path) -> None:
    assert read(csv(tmp_path, HEADER)) == ([], Summary())


def test_names_become_topic_levels(tmp_path: Path) -> None:
    recording = Recording(csv(tmp_path, HEADER, "2016-08-01,Beans,A/B 50%,1"), board(), "x/y", {})
    recording.survey(Summary())
    assert [item.topic for item in recording] == ["city/x%2Fy/A%2FB 50%25/price"]


def test_places_zone_and_columns_that_nobody_declared(tmp_path: Path) -> None:
    path = csv(
        tmp_path, HEADER + ",zone,x,y,No,odd", "2016-08-01,Beans,M,1,7,12.5,41.9,3,2", "2016-08-01,Beans,N,1,NA,,,,NA"
    )
    items, summary = read(path)
    assert [json.loads(item.payload) for item in items] == [
        {"time": "2016-08-01", "goods": "Beans", "zone": "7", "price": 1, "odd": 2, "x": 12.5, "y": 41.9},
        {"time": "2016-08-01", "goods": "Beans", "price": 1, "odd": None},
    ]
    assert (summary.observations, summary.missing) == (4, 1)


def test_things_have_places(tmp_path: Path) -> None:
    path = csv(tmp_path, HEADER, GOOD, GOOD.replace("M", "elsewhere"))
    first, second = contents(path, where={"M": (1.5, 2.5)})
    assert (first["x"], first["y"]) == (1.5, 2.5)
    assert "x" not in second


def test_a_type_of_records(tmp_path: Path) -> None:
    payload = {"labels": ["goods"], "records": "records", "longitude": "x", "latitude": "y"}
    (content,) = contents(csv(tmp_path, HEADER, GOOD), declared=board(payload=payload), where={"M": (1, 2)})
    assert content == {"x": 1, "y": 2, "records": [{"time": "2016-08-01", "goods": "Beans", "price": 1}]}


def test_places_file(tmp_path: Path) -> None:
    file = tmp_path / "places.json"
    file.write_text('{"M": [1, 2.5]}')
    assert places(file) == {"M": (1.0, 2.5)}
    assert places(None) == {}
    for text in ("", "[]", '{"M": 1}', '{"M": [1]}', '{"M": ["east", 1]}', '{"M": {}}'):
        file.write_text(text)
        with pytest.raises(ReplayError, match="no places"):
            places(file)


def test_the_survey_tells_how_far_it_is_and_can_be_stopped(tmp_path: Path) -> None:
    path = csv(tmp_path, HEADER, *[GOOD] * 5000)
    told: list[int] = []
    recording = Recording(path, board(), "demo", {})
    recording.survey(Summary(), lambda size: told.append(size) or True)  # type: ignore[func-returns-value]
    assert len(told) > 3
    assert sum(told) == path.stat().st_size
    stopped = Recording(path, board(), "demo", {})
    stopped.survey(Summary(), lambda _: False)
    assert stopped.messages < 1000


def test_a_file_in_order_is_not_held(tmp_path: Path) -> None:
    recording = Recording(csv(tmp_path, HEADER, *[GOOD] * 10), board(), "demo", {})
    recording.survey(Summary())
    assert recording._order is None
