"""The frame carries everything there and back."""

import numpy as np
import pytest

from aedilis.errors import FrameError
from aedilis.frame import NO_TIME, Frame, decode, encode
from aedilis.vocabulary import FrameCounts, FrameHeader


def frame() -> Frame:
    return Frame(
        FrameHeader("ingest-a", 3, FrameCounts(messages=2, framed=2)),
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


def test_there_and_back() -> None:
    made, read = frame(), decode(encode(frame()))
    assert read.header == made.header
    for name in ("datastream", "phenomenon_time", "result", "quality", "tests", "raw_flag_code", "result_time"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))
    assert read.sensor_types == made.sensor_types


@pytest.mark.parametrize("raw", [b"", b"no frame", encode(frame())[:100]])
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(FrameError):
        decode(raw)
