"""The frame: many observations of one partition, columns packed, as one Kafka record.

Arrow IPC stream, schema 1, readable from any language with Arrow:

====================  ==========================  =====================================================
column                type                        meaning
====================  ==========================  =====================================================
datastream            int64                       identity, see `aedilis.identity`
phenomenon_time       int64                       µs since 1970 UTC: when it was
result                float64, null = missing     in the Datastream's unit
quality               uint8                       QARTOD flag, see `Quality`
tests                 uint32                      bits of `Test` that spoke against it
raw_flag              dictionary<int32, utf8>     the device's own flag, as it came
sensor_type           dictionary<int32, utf8>     `name@version` that read it
result_time           int64, null = not told      µs since 1970 UTC: when the device gave it out
ingested_at           int64                       µs since 1970 UTC: when its message came in
====================  ==========================  =====================================================

Schema metadata: `aedilis.schema` = `1`, `aedilis.header` = JSON of `FrameHeader`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aedilis.errors import FrameError
from aedilis.vocabulary import FrameHeader

SCHEMA_VERSION = b"1"
NO_TIME = np.iinfo(np.int64).min
"""Stands for a null `result_time` in numpy."""
NONE = -1
"""Stands for a null word in a column of codes."""

_TEXT = pa.dictionary(pa.int32(), pa.utf8())
_SCHEMA = pa.schema(
    [
        ("datastream", pa.int64()),
        ("phenomenon_time", pa.int64()),
        ("result", pa.float64()),
        ("quality", pa.uint8()),
        ("tests", pa.uint32()),
        ("raw_flag", _TEXT),
        ("sensor_type", _TEXT),
        ("result_time", pa.int64()),
        ("ingested_at", pa.int64()),
    ]
)
_header_encoder = msgspec.json.Encoder()
_header_decoder = msgspec.json.Decoder(FrameHeader)


@dataclass(frozen=True, slots=True)
class Frame:
    """n observations of one partition, in the order of their arrival. A tick has n = 0.

    Shapes: every column `(n,)`. A missing `result` is NaN, a missing `result_time` is `NO_TIME`.
    `raw_flags` and `sensor_types` are the distinct words, the `*_code` columns index them; `NONE` is none.
    """

    header: FrameHeader
    datastream: npt.NDArray[np.int64]
    phenomenon_time: npt.NDArray[np.int64]
    result: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    tests: npt.NDArray[np.uint32]
    raw_flag_code: npt.NDArray[np.int32]
    raw_flags: tuple[str, ...]
    sensor_type_code: npt.NDArray[np.int32]
    sensor_types: tuple[str, ...]
    result_time: npt.NDArray[np.int64]
    ingested_at: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.datastream)


def _dictionary(codes: npt.NDArray[np.int32], words: tuple[str, ...]) -> pa.Array:
    indices = pa.array(codes, mask=codes == NONE)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.utf8()))


def encode(frame: Frame) -> bytes:
    """Pack a frame. NaN in `result` and `NO_TIME` in `result_time` become nulls."""
    metadata = {b"aedilis.schema": SCHEMA_VERSION, b"aedilis.header": _header_encoder.encode(frame.header)}
    batch = pa.record_batch(
        [
            pa.array(frame.datastream),
            pa.array(frame.phenomenon_time),
            pa.array(frame.result, mask=np.isnan(frame.result)),
            pa.array(frame.quality),
            pa.array(frame.tests),
            _dictionary(frame.raw_flag_code, frame.raw_flags),
            _dictionary(frame.sensor_type_code, frame.sensor_types),
            pa.array(frame.result_time, mask=frame.result_time == NO_TIME),
            pa.array(frame.ingested_at),
        ],
        schema=_SCHEMA.with_metadata(metadata),
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _filled(column: pa.Array, missing: int) -> npt.NDArray[Any]:
    """As numpy has it; with no null or nothing but nulls, as is the rule, Arrow's compute functions would only cost."""
    if column.null_count == len(column):
        return np.full(len(column), missing, column.type.to_pandas_dtype())
    filled: npt.NDArray[Any] = (column.fill_null(missing) if column.null_count else column).to_numpy()
    return filled


def decode(raw: bytes) -> Frame:
    """Unpack a frame.

    Raises:
        FrameError: the bytes are no frame, or one of a schema that this version does not know.
    """
    try:
        with pa.ipc.open_stream(raw) as reader:
            metadata = reader.schema.metadata or {}
            if metadata.get(b"aedilis.schema") != SCHEMA_VERSION:
                raise FrameError(problem=f"schema {metadata.get(b'aedilis.schema')!r}, this version reads 1")
            header = _header_decoder.decode(metadata[b"aedilis.header"])
            batch = reader.read_next_batch()
        if not batch.schema.equals(_SCHEMA):
            raise FrameError(problem=f"columns {batch.schema.names}, expected {_SCHEMA.names}")
        flags, types = batch.column("raw_flag"), batch.column("sensor_type")
        return Frame(
            header=header,
            datastream=batch.column("datastream").to_numpy(),
            phenomenon_time=batch.column("phenomenon_time").to_numpy(),
            result=batch.column("result").to_numpy(zero_copy_only=False),
            quality=batch.column("quality").to_numpy(),
            tests=batch.column("tests").to_numpy(),
            raw_flag_code=_filled(flags.indices, NONE),
            raw_flags=tuple(flags.dictionary.to_pylist()),
            sensor_type_code=_filled(types.indices, NONE),
            sensor_types=tuple(types.dictionary.to_pylist()),
            result_time=_filled(batch.column("result_time"), NO_TIME),
            ingested_at=batch.column("ingested_at").to_numpy(),
        )
    except FrameError:
        raise
    except (pa.ArrowException, msgspec.MsgspecError, StopIteration, KeyError, ValueError, EOFError, OSError) as error:
        raise FrameError(problem=f"not an Arrow frame ({type(error).__name__}: {error})") from error
