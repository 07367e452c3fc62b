"""Reads a time as the type declares it: ISO 8601 or a number since 1970, with the zone of local times.

A local time that stands twice when clocks go back is the first of the two; one that is skipped when they go forward is
read with the offset before the change. A bare date is local midnight.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.payload import Refused, kind, shown

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}

TimeReader = Callable[[Any, str], int]
"""(value, its key) → µs since 1970 UTC; raises `Refused`."""


def time_reader(declared: Time) -> TimeReader:
    """What reads the times of a type."""
    zone = declared.zone()
    scale = _MICROSECONDS.get(declared.form)

    @lru_cache(maxsize=4096)
    def iso(text: str) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise Refused(RejectReason.NO_TIME, f"expected an ISO 8601 time, got {text[:50]!r}") from error
        if moment.tzinfo is None:
            if zone is None:
                raise Refused(RejectReason.NO_TIME, f"{text[:50]!r} has no zone, and the type names none")
            moment = moment.replace(tzinfo=zone)
        since = moment - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds

    def read_iso(value: Any, key: str) -> int:
        if not isinstance(value, str):
            raise Refused(RejectReason.NO_TIME, f"expected an ISO 8601 time at $.{key}, got {kind(value)}")
        return iso(value)

    def read_epoch(value: Any, key: str) -> int:
        assert scale is not None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused(RejectReason.NO_TIME, f"expected a number at $.{key}, got {kind(value)}")
        if not abs(value) < 1e17:  # NaN too
            raise Refused(RejectReason.TIME_OUT_OF_RANGE, f"{shown(value)} at $.{key}")
        return round(value * scale)

    return read_iso if scale is None else read_epoch
