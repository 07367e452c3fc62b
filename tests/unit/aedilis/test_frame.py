"""The frame carries everything there and back, and other bytes are refused."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aedilis.errors import FrameError
from aedilis.frame import NO_TIME, Frame, decode, encode
from aedilis.vocabulary import Clock, Datastream, FrameCounts, FrameHeader, Location, Thing

THING = Thing(1, "demo", "Dämme", "demo/north", 3, Clock.DATA, Location(12.5, 41.9))
HEADER = FrameHeader(
    "ingest-all-1",
    3,
    FrameCounts(messages=2, messages_rejected=1, published=4, observations_rejected=2, missing=1, framed=2),
    (Datastream(2, THING, "PM2.5", "PM2.5", "ug/m3", "air-station", 1, 3_600_000_000),),
    tick=5,
    traceparent="00-1",
)
COLUMNS = (
    "datastream", "phenomenon_time", "result", "quality", "tests", "raw_flag_code", "sensor_type_code", "result_time",
    "ingested_at",
)  # fmt: skip
WORDS = st.lists(st.text(st.characters(exclude_categories=("Cs",))), unique=True, max_size=4).map(tuple)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    n = draw(st.integers(0, 30))

    def column(dtype: type, **bounds: int) -> np.ndarray:
        return draw(hnp.arrays(dtype, n, elements=hnp.from_dtype(np.dtype(dtype), **bounds)))

    flags, types = draw(WORDS), draw(WORDS)
    return Frame(
        HEADER,
        column(np.int64),
        column(np.int64),
        column(np.float64),
        column(np.uint8),
        column(np.uint32),
        column(np.int32, min_value=-1, max_value=len(flags) - 1),
        flags,
        column(np.int32, min_value=-1, max_value=len(types) - 1),
        types,
        column(np.int64),
        column(np.int64),
    )


@settings(deadline=None)
@given(frames())
def test_there_and_back(frame: Frame) -> None:
    read = decode(encode(frame))
    assert read.header == frame.header
    assert len(read) == len(frame)
    assert (read.raw_flags, read.sensor_types) == (frame.raw_flags, frame.sensor_types)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(read, name), getattr(frame, name), err_msg=name)
        assert getattr(read, name).dtype == getattr(frame, name).dtype


def frame() -> Frame:
    return Frame(
        HEADER,
        np.array([1, -2], np.int64),
        np.array([10, 20], np.int64),
        np.array([1.5, np.nan]),
        np.array([1, 9], np.uint8),
        np.array([0, 2], np.uint32),
        np.array([0, -1], np.int32),
        ("N",),
        np.array([0, 0], np.int32),
        ("air-station@1",),
        np.array([NO_TIME, 5], np.int64),
        np.array([11, 21], np.int64),
    )


def test_other_languages_see_nulls_and_words() -> None:
    table = pa.ipc.open_stream(encode(frame())).read_all()
    assert table.column("result").to_pylist() == [1.5, None]
    assert table.column("result_time").to_pylist() == [None, 5]
    assert table.column("raw_flag").to_pylist() == ["N", None]
    assert table.column("sensor_type").to_pylist() == ["air-station@1"] * 2
    metadata = table.schema.metadata
    assert metadata[b"aedilis.schema"] == b"1"
    assert msgspec.json.decode(metadata[b"aedilis.header"], type=FrameHeader) == HEADER


def changed(schema: bytes = b"1", header: bytes | None = None, drop: str | None = None) -> bytes:
    table = pa.ipc.open_stream(encode(frame())).read_all()
    metadata = dict(table.schema.metadata)
    metadata[b"aedilis.schema"] = schema
    if header is not None:
        metadata[b"aedilis.header"] = header
    if drop:
        table = table.drop_columns([drop])
    sink = pa.BufferOutputStream()
    table = table.replace_schema_metadata(metadata)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "not an Arrow frame"),
        (b"no frame", "not an Arrow frame"),
        (encode(frame())[:100], "not an Arrow frame"),
        (changed(schema=b"2"), "schema b'2', this version reads 1"),
        (changed(header=b"{}"), "process"),
        (changed(header=b"\xff"), "not an Arrow frame"),
        (changed(drop="tests"), "columns"),
    ],
)
def test_other_bytes_are_refused(raw: bytes, told: str) -> None:
    with pytest.raises(FrameError, match=told):
        decode(raw)


def test_what_the_tests_change_is_a_frame_unchanged() -> None:
    assert decode(changed()).header == HEADER
