"""Frames of HJ 212, as vendors write them."""

from __future__ import annotations

from typing import Any

import pytest

from sensors.formats.hj212 import FORMAT, checksum
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import Through

HOURLY = (
    b"##0285QN=20190925181031464;ST=22;CN=2061;PW=BF470F88957588DE902D1A52;MN=Z13401000010301;Flag=5;CP=&&"
    b"DataTime=20190924220000;a34006-Avg=2.69700,a34006-Flag=N;a34007-Avg=7.96600,a34007-Flag=N;"
    b"a34048-Avg=3.30600,a34048-Flag=N;a34047-Avg=7.35700,a34047-Flag=N;a34049-Avg=10.66300,a34049-Flag=N&&C181\r\n"
)
"""As a station of the field sent it."""
CUT = (
    b"##0265ST=22;CN=2011;PW=123456;MN=WWYC0010000001;CP=&&DataTime=20160719000100;925-Rtd=32.9,925-Flag=N;"
    b"107-Rtd=56.2,107-Flag=N&&BC81"
)


def frame(
    content: str | bytes, head: str = "ST=22;CN=2011;MN=A1", *, ahead: int = 0, crc: str = "{:04X}", end: str = "\r\n"
) -> bytes:
    """A frame around the content of CP; `ahead` is added to the length that it declares."""
    inner = content.encode() if isinstance(content, str) else content
    segment = head.encode() + b";CP=&&" + inner + b"&&"
    written = crc.format(checksum(segment)) + end
    return b"##%04d" % (len(segment) + ahead) + segment + written.encode()


def read(payload: bytes, **options: Any) -> Any:
    (record,) = Through(FORMAT, options)(payload)
    return record


def refusal(payload: bytes, **options: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        Through(FORMAT, options)(payload)
    return refused.value


def test_a_frame_of_the_field() -> None:
    record = read(HOURLY)
    assert record["@thing"] == "Z13401000010301"
    assert record["@command"] == "2061"
    assert record["@version"] == "2017"
    assert record["@time"] == "2019-09-24T22:00:00"
    assert record["a34049-Avg"] == "10.66300"
    assert record["@flag:a34049-Avg"] == "N"
    assert not any("PW" in key for key in record)


def test_the_checksum_is_not_that_of_modbus() -> None:
    assert checksum(HOURLY[6:-6]) == 0xC181
    assert checksum(b"123456789") != 0x4B37


@pytest.mark.parametrize("ahead", [0, 4, 6, -9, 300])
def test_a_right_checksum_outweighs_any_declared_length(ahead: int) -> None:
    assert read(frame("DataTime=20180328235000;SO2-Rtd=1", ahead=ahead))["SO2-Rtd"] == "1"


@pytest.mark.parametrize("crc", ["{:04x}", " {:04X}", "{:X}"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\\r\\n"])
def test_checksums_and_line_ends_as_vendors_write_them(crc: str, end: str) -> None:
    assert read(frame("DataTime=20180328235000;SO2-Rtd=19", crc=crc, end=end))["SO2-Rtd"] == "19"


def test_a_checksum_without_its_leading_zeros() -> None:
    found = [
        payload
        for n in range(500)
        if checksum((payload := frame(f"SO2-Rtd={n}", crc="{:X}"))[6 : payload.rindex(b"&&") + 2]) < 0x1000
    ]
    assert found
    assert all(read(payload)["SO2-Rtd"] for payload in found)


def test_a_wrong_checksum_is_told() -> None:
    refused = refusal(CUT)
    assert refused.reason == "bad_checksum"
    assert "BC81" in refused.detail
    assert "265" in refused.detail
    assert refusal(HOURLY.replace(b"10.663", b"10.664")).reason == "bad_checksum"
    assert refusal(HOURLY.replace(b"C181", b"0000"), without_checksum=True).reason == "bad_checksum"


@pytest.mark.parametrize("ahead", [0, 4, 6])
def test_a_missing_checksum_is_forgiven_only_by_the_type_and_a_right_length(ahead: int) -> None:
    payload = frame("SO2-Rtd=1", ahead=ahead, crc="")
    assert refusal(payload).reason == "bad_checksum"
    assert read(payload, without_checksum=True)["SO2-Rtd"] == "1"
    assert refusal(frame("SO2-Rtd=1", ahead=1, crc=""), without_checksum=True).reason == "bad_checksum"


@pytest.mark.parametrize(
    ("flag", "version"),
    [(None, "2005"), ("0", "2005"), ("3", "2005"), ("4", "2017"), ("5", "2017"), ("7", "2017"), ("8", "2025")],
)
def test_the_version_stands_in_the_flag(flag: str | None, version: str) -> None:
    head = "ST=22;CN=2011;MN=A1" + (f";Flag={flag}" if flag else "")
    assert read(frame("SO2-Rtd=1", head))["@version"] == version


@pytest.mark.parametrize("flag", ["99", "x", "", "-1", "²", "9" * 5_000])
def test_a_flag_that_is_none_costs_no_values(flag: str) -> None:
    assert read(frame("SO2-Rtd=1", f"ST=22;CN=2011;MN=A1;Flag={flag}"))["SO2-Rtd"] == "1"


def test_a_flag_is_that_of_each_value_of_its_factor() -> None:
    record = read(frame("B01-Cou=1,B01-Min=2,B01-Avg=3,B01-Max=,B01-Flag=D;107-Avg=4;Flag=N", "ST=31;CN=2051;MN=A1"))
    assert {key: value for key, value in record.items() if key.startswith("@flag:")} == {
        "@flag:B01-Cou": "D",
        "@flag:B01-Min": "D",
        "@flag:B01-Avg": "D",
        "@flag:B01-Max": "D",
        "@flag:107-Avg": "N",
    }
    assert record["B01-Max"] is None
    assert record["107-Avg"] == "4"


def test_each_time_of_a_frame_is_a_record() -> None:
    content = "DataTime=20180328230000;SO2-Avg=1,SO2-Flag=N;DataTime=20180329000000;SO2-Avg=2;"
    first, second = Through(FORMAT)(frame(content, "ST=22;CN=2061;MN=A1"))
    assert (first["@time"], first["SO2-Avg"], first["@flag:SO2-Avg"]) == ("2018-03-28T23:00:00", "1", "N")
    assert (second["@time"], second["SO2-Avg"]) == ("2018-03-29T00:00:00", "2")
    assert "@flag:SO2-Avg" not in second


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("20180328235000", "2018-03-28T23:50:00"),
        ("201803282350", "2018-03-28T23:50:00"),
        ("20180328235000123", "2018-03-28T23:50:00.123"),
        ("2024112320423050", "2024-11-23T20:42:30.50"),
        ("2018-03-28 23:50:00", "2018-03-28 23:50:00"),
        ("", ""),
    ],
)
def test_times_as_vendors_write_them(written: str, time: str) -> None:
    assert read(frame(f"DataTime={written};SO2-Rtd=1"))["@time"] == time


def test_a_factor_that_stands_twice_keeps_the_first_and_tells() -> None:
    record, fault = Through(FORMAT)(frame("SO2-Rtd=1;NO2-Rtd=3;SO2-Rtd=2;NO2-Rtd=3"))
    assert record["SO2-Rtd"] == "1"
    assert fault == {"@fault": "SO2-Rtd stands twice: 1 and 2"}


def test_an_item_that_is_none_costs_itself() -> None:
    record, fault = Through(FORMAT)(frame("SO2-Rtd=1;nonsense;@time=7"))
    assert record["SO2-Rtd"] == "1"
    assert "nonsense" in fault["@fault"]
    assert "'@time'" in fault["@fault"]


def test_several_frames_in_one_payload() -> None:
    first, second = Through(FORMAT)(b"\r\n" + frame("SO2-Rtd=1") + frame("SO2-Rtd=2", end=""))
    assert (first["SO2-Rtd"], second["SO2-Rtd"]) == ("1", "2")


def test_a_broken_frame_costs_no_other() -> None:
    good, fault = Through(FORMAT)(CUT + b"\r\n" + frame("SO2-Rtd=2"))
    assert good["SO2-Rtd"] == "2"
    assert fault["@fault"].startswith("bad_checksum: ")


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_text_of_both_encodings(encoding: str) -> None:
    assert read(frame("站点-Info=北京;SO2-Rtd=1".encode(encoding)))["站点-Info"] == "北京"


def test_text_of_neither_encoding_is_refused() -> None:
    assert refusal(frame(b"SO2-Rtd=\xff\xff")).reason == "invalid_utf8"


def test_frames_that_carry_no_data_tell_nothing() -> None:
    assert not Through(FORMAT)(frame("QnRtn=1", "QN=1;ST=91;CN=9011;MN=A1;Flag=4"))
    assert not Through(FORMAT)(frame("", "QN=1;ST=91;CN=9015;MN=A1;Flag=8"))
    assert not Through(FORMAT, {"commands": ("2061",)})(frame("SO2-Rtd=1"))


def test_systems_that_the_type_does_not_accept_are_refused() -> None:
    assert read(frame("SO2-Rtd=1"), systems=("22",))["@system"] == "22"
    assert refusal(frame("SO2-Rtd=1"), systems=("23",)).reason == "wrong_shape"


def test_parts_of_a_split_message_share_its_time() -> None:
    through = Through(FORMAT)
    head = "QN=20190925181031464;ST=22;CN=2061;MN={};PNUM=3;PNO={};Flag=7"
    for number, content in enumerate(("DataTime=20190924220000;SO2-Avg=1", "NO2-Avg=2", "CO-Avg=3"), start=1):
        (record,) = through(frame(content, head.format("A1", number)))
        assert record["@time"] == "2019-09-24T22:00:00"
    assert not through.session.memory, "the last part has come"
    (other,) = through(frame("NO2-Avg=2", head.format("B2", 2)))
    assert "@time" not in other


def test_what_is_kept_of_split_messages_is_bounded() -> None:
    through = Through(FORMAT)
    for number in range(1_500):
        through(frame("DataTime=20190924220000;SO2-Avg=1", f"QN={number};CN=2061;MN=A1;PNUM=2;PNO=1;Flag=6"))
    assert len(through.session.memory) == 1_000


def test_content_after_a_single_ampersand_as_some_write_it() -> None:
    segment = b"ST=32;CN=2011;MN=A1;CP=&DataTime=20180328235000;B01-Rtd=1&&"
    record = read(b"##%04d%s%04X" % (len(segment), segment, checksum(segment)))
    assert (record["@time"], record["B01-Rtd"]) == ("2018-03-28T23:50:00", "1")


def test_a_station_without_a_number_names_no_thing() -> None:
    assert "@thing" not in read(frame("SO2-Rtd=1", "ST=27;CN=2011;MN=;Flag=5"))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"ST=22;CN=2011", "invalid_payload"),
        (b"x" + HOURLY, "invalid_payload"),
        (HOURLY[:60], "invalid_payload"),
        (HOURLY + b"rest", "invalid_payload"),
        (frame("SO2-Rtd=1", "ST=22"), "invalid_payload"),
        (frame("DataTime=20180328235000"), "wrong_shape"),
        (frame(""), "wrong_shape"),
    ],
)
def test_what_is_refused(payload: bytes, reason: str) -> None:
    assert refusal(payload).reason == reason
