"""Births, aliases, deaths and rebirths of Sparkplug B."""

from __future__ import annotations

from typing import Any

import pytest

from sensors.format import Record
from sensors.formats.sparkplug_b import FORMAT, encode
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import NOW, Through

SECOND = 1_000_000
INT8, INT16, INT32, INT64, UINT8, UINT64, BOOLEAN, STRING = 1, 2, 3, 4, 5, 8, 11, 12
NCMD = "spBv1.0/g/NCMD/n"


class Host(Through):
    """What a host makes of the messages of node `n` of group `g`."""

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def hear(
        self, kind: str, *metrics: dict[str, Any], at: int = NOW, device: str = "d", **payload: Any
    ) -> list[Record]:
        topic = f"spBv1.0/g/{kind}/n" + (f"/{device}" if kind[0] == "D" else "")
        return list(self(encode(*metrics, **payload), topic, at))

    def born(self, session: int = 0, *metrics: dict[str, Any], at: int = NOW, timestamp: int = 1_000) -> list[Record]:
        number = {"name": b"bdSeq", "datatype": INT64, "long_value": session}
        return self.hear("NBIRTH", number, *metrics, at=at, timestamp=timestamp, seq=0)

    def dies(self, session: int, at: int = NOW) -> None:
        assert not self.hear("NDEATH", {"name": b"bdSeq", "datatype": INT64, "long_value": session}, at=at)

    def knows(self, alias: int = 1) -> bool:
        """Whether data by alias are read."""
        try:
            self.hear("NDATA", {"alias": alias, "int_value": 1})
        except Refused as refused:
            return refused.reason != "not_announced"
        return True


TEMPERATURE = {"name": b"temperature", "alias": 1, "datatype": INT32, "int_value": 20}


def test_a_birth_tells_values_too_and_is_kept() -> None:
    host = Host()
    rebirth = {"name": b"Node Control/Rebirth", "datatype": BOOLEAN, "boolean_value": False}
    assert host.born(3, TEMPERATURE, rebirth) == [{"@thing": "n", "@time": 1_000, "temperature": 20}]
    assert host.hear("DBIRTH", TEMPERATURE, timestamp=1_500, seq=1) == [
        {"@thing": "n/d", "@time": 1_500, "temperature": 20}
    ]
    assert host.session.kept == ["g/n", "g/n/d"]
    assert not host.session.asked


def test_devices_and_their_node_have_aliases_of_their_own() -> None:
    host = Host()
    host.born(0, TEMPERATURE)
    host.hear("DBIRTH", {"name": b"door", "alias": 1, "datatype": BOOLEAN, "boolean_value": True}, seq=1)
    assert host.hear("NDATA", {"alias": 1, "int_value": 21}, timestamp=2_000, seq=2) == [
        {"@thing": "n", "@time": 2_000, "temperature": 21}
    ]
    assert host.hear("DDATA", {"alias": 1, "boolean_value": False}, timestamp=2_000, seq=3) == [
        {"@thing": "n/d", "@time": 2_000, "door": False}
    ]


@pytest.mark.parametrize(
    ("datatype", "sent", "value"),
    [
        (INT8, {"int_value": 0xFF}, -1),
        (INT8, {"int_value": 0xFFFF_FFFF}, -1),
        (INT8, {"int_value": 0x80}, -128),
        (INT8, {"int_value": 0x7F}, 127),
        (INT16, {"int_value": 0xFFFF_FF38}, -200),
        (INT32, {"int_value": 0xFFFF_FFFF}, -1),
        (INT32, {"long_value": 0xFFFF_FFFF}, -1),
        (INT64, {"long_value": 2**64 - 5}, -5),
        (UINT8, {"int_value": 0xFF}, 255),
        (UINT64, {"long_value": 2**64 - 5}, 2**64 - 5),
        (9, {"float_value": 0.5}, 0.5),
        (10, {"double_value": 21.1}, 21.1),
        (BOOLEAN, {"boolean_value": True}, True),
        (BOOLEAN, {"int_value": 1}, True),
        (STRING, {"string_value": "开".encode()}, "开"),
        (13, {"long_value": 1_700_000_000_000}, 1_700_000_000_000),
        (INT32, {"is_null": True}, None),
        (INT32, {"is_null": True, "int_value": 7}, None),
        (16, {"is_null": True}, None),
        (16, {"is_null": True, "dataset_value": b"x"}, None),
        (INT32, {}, None),
    ],
)
def test_the_birth_decides_what_travels(datatype: int, sent: dict[str, Any], value: object) -> None:
    host = Host()
    host.born(0, {"name": b"x", "alias": 9, "datatype": datatype})
    for by in ({"alias": 9}, {"name": b"x"}, {"name": b"x", "datatype": UINT64}):
        (record,) = host.hear("NDATA", {**by, **sent}, timestamp=2_000)
        assert record["x"] == value
        assert type(record["x"]) is type(value)


def test_each_time_is_a_record_and_history_stands_at_its_own() -> None:
    host = Host()
    host.born(0, TEMPERATURE)
    records = host.hear(
        "NDATA",
        {"alias": 1, "int_value": 1, "timestamp": 500, "is_historical": True},
        {"alias": 1, "int_value": 2, "timestamp": 600},
        {"name": b"y", "double_value": 0.5},
        {"alias": 1, "int_value": 3, "timestamp": 500, "is_historical": True},
        timestamp=700,
    )
    assert records == [
        {"@thing": "n", "@time": 500, "temperature": 1},
        {"@thing": "n", "@time": 600, "temperature": 2},
        {"@thing": "n", "@time": 700, "y": 0.5},
        {"@thing": "n", "@time": 500, "temperature": 3},
    ]


def test_a_message_without_any_time_has_none() -> None:
    assert Host().hear("NDATA", {"name": b"y", "double_value": 0.5}) == [{"@thing": "n", "y": 0.5}]


@pytest.mark.parametrize("carried", ["bytes_value", "dataset_value", "template_value", "extension_value"])
def test_what_is_no_single_value_is_told_and_the_others_count(carried: str) -> None:
    host = Host()
    record, fault = host.born(0, TEMPERATURE, {"name": b"table", "datatype": 16, carried: b"x"})
    assert record["temperature"] == 20
    assert "'table'" in fault["@fault"]


def test_an_alias_that_was_not_announced_is_refused_and_a_rebirth_asked_for() -> None:
    host = Host()
    with pytest.raises(Refused, match="alias 1") as refused:
        host.hear("NDATA", {"alias": 1, "int_value": 7})
    assert refused.value.reason == "not_announced"
    ((topic, asked),) = host.session.asked
    assert topic == NCMD
    wanted = {"name": b"Node Control/Rebirth", "timestamp": NOW // 1000, "datatype": BOOLEAN, "boolean_value": True}
    assert asked == encode(wanted, timestamp=NOW // 1000)
    assert not host(asked, topic), "hearing its own command tells nothing"


def test_what_was_announced_counts_beside_what_was_not() -> None:
    host = Host()
    host.born(0, TEMPERATURE)
    record, fault = host.hear("NDATA", {"alias": 1, "int_value": 7}, {"alias": 2, "int_value": 8})
    assert record["temperature"] == 7
    assert fault["@fault"].startswith("not_announced: ")
    assert len(host.session.asked) == 1


def test_an_integer_whose_type_is_not_known_is_not_guessed() -> None:
    host = Host()
    with pytest.raises(Refused, match="type of 'x'"):
        host.hear("NDATA", {"name": b"x", "int_value": 0xFFFF_FFFF})
    assert host.hear("NDATA", {"name": b"x", "datatype": INT32, "int_value": 0xFFFF_FFFF})[0]["x"] == -1


def test_a_rebirth_is_not_asked_for_with_each_message() -> None:
    host = Host()
    for second in (0, 1, 29, 30, 31, 61):
        with pytest.raises(Refused):
            host.hear("NDATA", {"alias": 1, "int_value": 7}, at=NOW + second * SECOND)
    assert len(host.session.asked) == 3
    with pytest.raises(Refused):
        host("\x12\x02\x10\x01", "spBv1.0/g/NDATA/other")
    assert host.session.asked[-1][0] == "spBv1.0/g/NCMD/other"


def test_a_gap_in_the_sequence_asks_and_the_data_count() -> None:
    host = Host()
    host.born(0, TEMPERATURE)
    for sequence in (1, 2, 2):
        host.hear("NDATA", {"alias": 1, "int_value": 7}, seq=sequence)
    assert not host.session.asked
    assert host.hear("NDATA", {"alias": 1, "int_value": 7}, seq=4)
    assert len(host.session.asked) == 1


def test_the_sequence_goes_round_and_over_all_messages_of_the_node() -> None:
    host = Host()
    host.born(0, TEMPERATURE)
    host.hear("DBIRTH", TEMPERATURE, seq=1)
    for sequence in range(2, 600):
        host.hear("NDATA", {"alias": 1, "int_value": 7}, seq=sequence % 256)
    host.hear("DDEATH", seq=600 % 256)
    host.hear("NDATA", {"alias": 1, "int_value": 7}, seq=601 % 256)
    assert not host.session.asked


def test_what_comes_again_from_the_log_is_no_part_of_the_sequence() -> None:
    host = Host()
    host.born(0, TEMPERATURE)
    host.hear("NDATA", {"alias": 1, "int_value": 7}, seq=1)
    assert host.hear("NDATA", {"alias": 1, "int_value": 7}, seq=200, at=NOW - SECOND)
    host.hear("NDATA", {"alias": 1, "int_value": 7}, seq=2)
    assert not host.session.asked


def test_births_that_come_again_from_the_log_replace_no_newer_ones() -> None:
    host = Host()
    host.born(0, TEMPERATURE, timestamp=9_000)
    host.hear("DBIRTH", TEMPERATURE, seq=1)
    other = {**TEMPERATURE, "alias": 7}
    assert host.born(0, other, at=NOW - SECOND, timestamp=1_000)
    assert host.hear("DBIRTH", other, at=NOW - SECOND)
    assert host.knows(1)
    assert host.hear("DDATA", {"alias": 1, "int_value": 1})


def test_a_death_ends_what_was_announced() -> None:
    host = Host()
    host.born(4, TEMPERATURE)
    host.hear("DBIRTH", TEMPERATURE, seq=1)
    host.dies(4)
    assert not host.knows()
    with pytest.raises(Refused):
        host.hear("DDATA", {"alias": 1, "int_value": 1})
    assert host.session.kept == ["g/n", "g/n/d", "g/n"]


@pytest.mark.parametrize(("born", "dead"), [(4, 3), (0, 255), (4, 250)])
def test_a_late_death_of_an_older_session_ends_nothing(born: int, dead: int) -> None:
    host = Host()
    host.born(born, TEMPERATURE)
    host.dies(dead)
    assert host.knows()
    assert host.session.kept == ["g/n"]


def test_a_death_without_a_number_ends_the_session() -> None:
    host = Host()
    host.born(4, TEMPERATURE)
    host.hear("NDEATH")
    assert not host.knows()


def test_a_birth_overtaken_by_its_own_death_revives_nothing() -> None:
    host = Host()
    host.born(3, TEMPERATURE)
    host.dies(4)
    record = host.born(4, TEMPERATURE, at=NOW + SECOND // 5, timestamp=2_000)[0]
    assert record["temperature"] == 20, "its values count all the same"
    assert not host.knows()
    assert host.session.kept == ["g/n", "g/n"], "born, died"
    assert host.session.asked


def test_a_birth_of_an_older_session_replaces_no_newer_one() -> None:
    host = Host()
    host.born(5, TEMPERATURE, timestamp=2_000)
    host.born(4, {"name": b"humidity", "alias": 1, "datatype": INT32, "int_value": 3}, timestamp=1_000)
    assert host.hear("NDATA", {"alias": 1, "int_value": 7}, timestamp=3_000)[0]["temperature"] == 7


@pytest.mark.parametrize("session", [5, 6, 0])
def test_a_node_that_comes_again_lives_whatever_number_it_counts_from(session: int) -> None:
    host = Host()
    host.born(5, TEMPERATURE)
    host.dies(5)
    host.born(session, TEMPERATURE, at=NOW + 2 * SECOND, timestamp=9_000)
    assert host.knows()


def test_a_node_that_restarted_unnoticed_with_a_lower_number_lives() -> None:
    host = Host()
    host.born(5, TEMPERATURE, timestamp=1_000)
    host.born(0, {**TEMPERATURE, "alias": 7}, timestamp=9_000)
    assert host.knows(7)
    assert not host.knows(1)


def test_a_new_birth_of_the_node_ends_its_devices() -> None:
    host = Host()
    host.born(0, TEMPERATURE)
    host.hear("DBIRTH", TEMPERATURE, seq=1)
    host.born(1, TEMPERATURE, timestamp=9_000)
    with pytest.raises(Refused):
        host.hear("DDATA", {"alias": 1, "int_value": 1}, seq=1)


def test_a_device_of_a_dead_node_is_read_and_does_not_live() -> None:
    host = Host()
    host.born(0, TEMPERATURE)
    host.dies(0)
    assert host.hear("DBIRTH", TEMPERATURE)[0]["temperature"] == 20
    with pytest.raises(Refused):
        host.hear("DDATA", {"alias": 1, "int_value": 1})


def test_a_device_of_an_unknown_node_lives_and_the_node_is_asked() -> None:
    host = Host()
    host.hear("DBIRTH", TEMPERATURE)
    assert host.session.asked
    assert host.hear("DDATA", {"alias": 1, "int_value": 1})[0]["temperature"] == 1


def test_a_dead_device_has_no_aliases() -> None:
    host = Host()
    host.born(0, TEMPERATURE)
    host.hear("DBIRTH", TEMPERATURE, seq=1)
    host.hear("DDEATH", seq=2)
    with pytest.raises(Refused):
        host.hear("DDATA", {"alias": 1, "int_value": 1}, seq=3)
    assert host.knows()


@pytest.mark.parametrize("topic", ["STATE/scada", "spBv1.0/STATE/scada", NCMD, "spBv1.0/g/DCMD/n/d"])
def test_hosts_tell_nothing_to_store(topic: str) -> None:
    assert not Host()(b'{"online":true,"timestamp":1}', topic)


@pytest.mark.parametrize(
    ("payload", "topic", "reason"),
    [
        (b"", "spBv1.0/g/NDATA/n", "invalid_payload"),
        (b"{}", "spBv1.0/g/NDATA/n", "invalid_payload"),
        (b'{"timestamp":1}', "spBv1.0/g/NDATA/n", "invalid_payload"),
        (encode(timestamp=1), "spBv1.0/g/NDATA/n", "invalid_payload"),
        (encode(uuid=b"SPBV1.0_COMPRESSED", body=b"x"), "spBv1.0/g/NDATA/n", "invalid_payload"),
        (encode({"name": b"\xff", "double_value": 1}), "spBv1.0/g/NDATA/n", "invalid_utf8"),
        (encode({"name": b"x", "string_value": b"\xff"}), "spBv1.0/g/NDATA/n", "invalid_utf8"),
        (encode(), "spBv1.0/g/DDATA/n", "invalid_payload"),
        (encode(), "spBv1.0/g/NDATA/n/d", "invalid_payload"),
        (encode(), "spBv1.0/g/NDATB/n", "invalid_payload"),
        (encode(), "spAv1.0/g/NDATA/n", "invalid_payload"),
        (
            encode({"name": b"a", "alias": 1, "datatype": 3}, {"name": b"b", "alias": 1, "datatype": 3}),
            "spBv1.0/g/NBIRTH/n",
            "invalid_payload",
        ),
    ],
)
def test_what_is_refused(payload: bytes, topic: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        Host()(payload, topic)
    assert refused.value.reason == reason


def test_a_name_cannot_speak_for_the_format() -> None:
    (fault,) = Host().hear("NDATA", {"name": b"@thing", "string_value": b"other"})
    assert "'@thing'" in fault["@fault"]
